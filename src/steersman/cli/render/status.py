"""States of Flux objects as rows and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from steersman.cli.render.table import one_line, render_table
from steersman.objects.identity import split_api_version
from steersman.queries.status import ObjectStatus, StatusReport

__all__ = ["StatusColumns", "render_names", "render_status", "short_revision"]

_HASH: Final = re.compile(r"(sha1|sha256|sha384|sha512|blake3):([0-9a-f]{8})[0-9a-f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusColumns:
    """Which columns are shown.

    Attributes:
        cluster: the name of the cluster.
        namespace: the namespace.
        kind: whether names are preceded by the kind.
        wide: reason, and since when.
    """

    cluster: bool
    namespace: bool
    kind: bool
    wide: bool = False

    @property
    def headings(self) -> list[str]:
        """Headings, in order."""
        return [
            *(["CLUSTER"] if self.cluster else []),
            *(["NAMESPACE"] if self.namespace else []),
            "NAME",
            "REVISION",
            "SUSPENDED",
            "READY",
            *(["REASON", "SINCE"] if self.wide else []),
            "MESSAGE",
        ]

    def row(self, item: ObjectStatus) -> list[str]:
        """Cells of one object, in the order of the headings."""
        return [
            *([item.cluster] if self.cluster else []),
            *([item.namespace] if self.namespace else []),
            f"{item.kind.lower()}/{item.name}" if self.kind else item.name,
            item.revision if self.wide else short_revision(item.revision),
            str(item.suspended),
            item.ready,
            *([item.reason, item.since] if self.wide else []),
            one_line(item.message) if self.wide else short_revision(one_line(item.message)),
        ]


def render_status(report: StatusReport, columns: StatusColumns, *, header: bool = True) -> str:
    """Returns the table of a report."""
    rows = [columns.row(item) for item in report.items]
    return render_table(columns.headings, rows, header=header)


def render_names(items: Sequence[ObjectStatus], *, cluster: bool) -> str:
    """Returns one name a line, as ``kubectl -o name`` prints it; after its cluster if wanted."""
    return "".join(
        f"{item.cluster + ':' if cluster else ''}{item.kind.lower()}."
        f"{split_api_version(item.api_version)[0]}/{item.name}\n"
        for item in items
    )


def short_revision(revision: str) -> str:
    """Shortens the hashes in a revision to eight digits: ``main@sha1:0a1b2c3d``."""
    return _HASH.sub(r"\1:\2", revision)
