"""Options that several commands share, and types that check themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = [
    "GoDuration",
    "Output",
    "log_option",
    "namespace_options",
    "output_option",
    "target_options",
    "timeout_option",
]

Function = TypeVar("Function", bound=Callable[..., Any])


class Output(StrEnum):
    """In which form an answer is printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"
    TEXT = "text"


class GoDuration(click.ParamType[timedelta]):
    """A duration as Flux writes it, such as ``5m`` or ``1h30m``."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Parses the text; a timedelta passes as it is."""
        if isinstance(value, timedelta):
            return value
        from steersman.errors import SteersmanError
        from steersman.kit.duration import parse_duration

        try:
            return parse_duration(value)
        except (SteersmanError, ValueError) as error:
            self.fail(f"{error}; write for example 90s, 5m or 1h30m", param, ctx)


def output_option(default: Output, *others: Output) -> Callable[[Function], Function]:
    """Adds ``-o``; the first value is the default."""
    choices = (default, *others)

    def read(ctx: click.Context, param: click.Parameter, value: str) -> Output:
        return Output(value)

    return click.option(
        "-o",
        "--output",
        type=click.Choice([choice.value for choice in choices]),
        default=default.value,
        show_default=True,
        callback=read,
        help="Form of the answer.",
    )


def timeout_option(default: str = "5m") -> Callable[[Function], Function]:
    """Adds ``--timeout``."""
    return click.option(
        "--timeout",
        type=GoDuration(),
        default=default,
        show_default=True,
        help="How long to wait at most.",
    )


def namespace_option(function: Function) -> Function:
    """Adds ``-n``."""
    return click.option(
        "-n",
        "--namespace",
        default="flux-system",
        show_default=True,
        metavar="NAME",
        help="Namespace to look at.",
    )(function)


def namespace_options(function: Function) -> Function:
    """Adds ``-n`` and ``-A``."""
    everywhere = click.option(
        "-A", "--all-namespaces", is_flag=True, help="Look at all namespaces."
    )
    return namespace_option(everywhere(function))


def log_option(function: Function) -> Function:
    """Adds ``--log``, and sets the log up before the command runs."""

    def configure(ctx: click.Context, param: click.Parameter, value: str) -> str:
        from steersman.cli.logs import configure_logging

        if not ctx.resilient_parsing:
            configure_logging(value)
        return value

    return click.option(
        "--log",
        type=click.Choice(["none", "error", "warning", "info", "debug"]),
        default="none",
        show_default=True,
        callback=configure,
        expose_value=False,
        help="Show the log of the engine on stderr.",
    )(function)


def target_options(function: Function) -> Function:
    """Adds the options that say which clusters are meant."""
    for option in (
        click.option(
            "--cluster",
            metavar="NAME",
            help="Cluster of the running `up`; all of them when left out.",
        ),
        click.option(
            "--data",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            help="Data directory of a running `up` [env: STEERSMAN_DATA].",
        ),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig."),
        click.option(
            "--kubeconfig",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="A kubeconfig instead of a running `up` [env: KUBECONFIG].",
        ),
    ):
        function = option(function)
    return function
