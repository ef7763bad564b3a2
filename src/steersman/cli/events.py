"""``steersman events``."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime
from pathlib import Path

import click
import msgspec

from steersman.app.targets import Target
from steersman.cli.exitcodes import ExitCode
from steersman.cli.flags import Output, namespace_options, output_option, target_options
from steersman.cli.kinds import parse_wanted
from steersman.cli.render.document import render_document
from steersman.cli.render.table import column_widths, one_line, render_row, render_table
from steersman.cli.render.terminal import Terminal, standard_terminal
from steersman.cli.session import (
    choose_namespace,
    open_clients,
    report_failures,
    run_async,
    targets_of,
)
from steersman.clients.kube import KubeClient
from steersman.kit.clock import SystemClock, parse_rfc3339
from steersman.queries.events import (
    EventFilter,
    EventRecord,
    EventReport,
    read_events,
    watch_events,
)
from steersman.queries.report import plain, plain_piece

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman events -A                             what happened, the oldest first
  steersman events --for Kustomization/infra      to one object
  steersman events -A --types Warning             only what went wrong
  steersman events --follow --cluster staging     and what happens from now on
"""


@click.command("events", epilog=EPILOG)
@namespace_options
@click.option("--for", "about", default="", metavar="KIND/NAME", help="Only about this object.")
@click.option(
    "--types",
    default="",
    metavar="TYPES",
    help="Only these types: Normal, Warning, separated by commas.",
)
@click.option("-f", "-w", "--follow", "--watch", "follow", is_flag=True, help="Go on.")
@click.option("--no-header", is_flag=True, help="Leave out the headings of the table.")
@output_option(Output.TABLE, Output.JSON, Output.YAML)
@target_options
def command(
    namespace: str,
    all_namespaces: bool,
    about: str,
    types: str,
    follow: bool,
    no_header: bool,
    output: Output,
    kubeconfig: Path | None,
    context: str | None,
    data: Path | None,
    cluster: str | None,
) -> int:
    """Show what happened to Flux objects."""
    wanted = _filter(choose_namespace(namespace, all_namespaces), about, types)
    targets = targets_of(kubeconfig, context, data, cluster)
    terminal = standard_terminal()
    show = _Show(terminal, output, cluster=len(targets) > 1, namespace=all_namespaces)
    if follow:
        show.begin(header=not no_header)
        return run_async(_follow_all(targets, wanted, show))
    report = run_async(_read(targets, wanted))
    if output is not Output.TABLE:
        terminal.data(render_document(plain(report), output))
    elif report.items:
        rows = [show.row(record) for record in report.items]
        terminal.data(render_table(show.headings, rows, header=not no_header))
    else:
        terminal.note("no events found")
    failed = report_failures(terminal, report.failures, len(targets))
    return ExitCode.FAILED if failed else ExitCode.OK


def _filter(namespace: str, about: str, types: str) -> EventFilter:
    chosen = tuple(part.strip().capitalize() for part in types.split(",") if part.strip())
    if any(part not in ("Normal", "Warning") for part in chosen):
        raise click.BadParameter("there is Normal and Warning", param_hint="--types")
    if not about:
        return EventFilter(namespace=namespace, types=chosen)
    if "/" not in about:
        raise click.BadParameter("write KIND/NAME", param_hint="--for")
    wanted = parse_wanted((about,), several=False)
    return EventFilter(namespace, wanted.kinds[0].gvk.kind, wanted.name, chosen)


async def _read(targets: tuple[Target, ...], wanted: EventFilter) -> EventReport:
    async with open_clients(targets) as clients:
        return await read_events(clients, wanted)


class _Show:
    """Rows of events."""

    def __init__(
        self, terminal: Terminal, output: Output, *, cluster: bool, namespace: bool
    ) -> None:
        self._terminal = terminal
        self._output = output
        self._cluster = cluster
        self._namespace = namespace
        self.headings = [
            *(["CLUSTER"] if cluster else []),
            *(["NAMESPACE"] if namespace else []),
            "LAST SEEN",
            "TYPE",
            "REASON",
            "OBJECT",
            "MESSAGE",
        ]
        self._widths = column_widths(self.headings, [])

    def row(self, record: EventRecord) -> list[str]:
        """Cells of one event, in the order of the headings."""
        times = f" (x{record.count})" if record.count > 1 else ""
        return [
            *([record.cluster] if self._cluster else []),
            *([record.namespace] if self._namespace else []),
            f"{_age(record.last_seen)}{times}",
            record.type,
            record.reason,
            f"{record.kind}/{record.name}",
            one_line(record.message),
        ]

    def begin(self, *, header: bool) -> None:
        """Prints the headings."""
        if header and self._output is Output.TABLE:
            self._terminal.data(render_row(self.headings, self._widths))

    def __call__(self, record: EventRecord) -> None:
        """Prints one event: a row, a line of JSON, or a YAML document."""
        if self._output is Output.JSON:
            self._terminal.data(msgspec.json.encode(record).decode())
        elif self._output is Output.YAML:
            document = render_document(plain_piece(record), self._output)
            self._terminal.data(f"---\n{document}")
        else:
            cells = self.row(record)
            self._widths = [max(pair) for pair in zip(self._widths, map(len, cells), strict=True)]
            self._terminal.data(render_row(cells, self._widths))


def _age(moment: str) -> str:
    """Returns how long ago that was, in the largest unit that fits, as kubectl does."""
    try:
        then: datetime = parse_rfc3339(moment)
    except ValueError:
        return "<unknown>"
    seconds = max(0, int((SystemClock().now() - then).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


async def _follow_all(targets: tuple[Target, ...], wanted: EventFilter, show: _Show) -> int:
    async with open_clients(targets) as clients, asyncio.TaskGroup() as group:
        for name, client in clients.items():
            group.create_task(_follow(client, name, wanted, show), name=f"events of {name}")
    return ExitCode.OK


async def _follow(client: KubeClient, cluster: str, wanted: EventFilter, show: _Show) -> None:
    async with aclosing(watch_events(client, cluster, wanted)) as records:
        async for record in records:
            show(record)
