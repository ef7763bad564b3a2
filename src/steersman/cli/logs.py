"""Where the log of the engine goes: nowhere, or to stderr as one line of ``key=value`` a record."""

from __future__ import annotations

import logging
import sys
from typing import Final

from steersman.kit.clock import SystemClock

__all__ = ["LEVELS", "KeyValueFormatter", "configure_logging"]

LEVELS: Final = ("none", "error", "warning", "info", "debug")

_KNOWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """``12:00:00.123 error reconcile failed controller=… name=…``, in the order of the keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns one line; a traceback follows on lines of its own."""
        moment = SystemClock().now().strftime("%H:%M:%S.%f")[:-3]
        keys = {key: value for key, value in vars(record).items() if key not in _KNOWN}
        pairs = "".join(f" {key}={_quoted(value)}" for key, value in keys.items())
        line = f"{moment} {record.levelname.lower()} {record.getMessage()}{pairs}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _quoted(value: object) -> str:
    text = " ".join(str(value).split())
    return f'"{text}"' if " " in text or not text else text


def configure_logging(level: str) -> None:
    """Sends the log of this process to stderr from a level on; ``none`` drops it.

    Without this, Python itself would print warnings and errors in between our talk.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, KeyValueFormatter) or type(handler) is logging.NullHandler:
            root.removeHandler(handler)
    if level == "none":
        root.addHandler(logging.NullHandler())
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter())
    root.addHandler(handler)
    root.setLevel(level.upper())
