"""``steersman get``."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from steersman.apis.crds import FluxKind
from steersman.app.targets import Target
from steersman.cli.exitcodes import ExitCode
from steersman.cli.flags import Output, namespace_options, output_option, target_options
from steersman.cli.kinds import KindWord, Wanted, parse_wanted
from steersman.cli.render.document import render_document
from steersman.cli.render.status import StatusColumns, render_names, render_status
from steersman.cli.render.table import column_widths, render_row
from steersman.cli.render.terminal import Terminal, standard_terminal
from steersman.cli.session import (
    choose_namespace,
    open_clients,
    report_failures,
    run_async,
    targets_of,
)
from steersman.clients.kube import KubeClient
from steersman.errors import SteersmanError
from steersman.queries.report import plain, plain_piece
from steersman.queries.status import ObjectStatus, StatusReport, read_status, watch_status

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman get all -A                            everything, on every cluster
  steersman get kustomizations                    those in flux-system
  steersman get ks infra -o yaml                  one of them, with all its conditions
  steersman get sources git -A --cluster staging  as `flux get sources git` on one cluster
  steersman get all -A --status-selector ready=false
  steersman get all -A -w                         follow what changes

Exit codes: 0 everything is Ready, 3 something is not, 1 a cluster could not be asked.
"""

_SELECTABLE: Final = ("ready", "suspended", "reconciling", "stalled")


class StatusSelector(click.ParamType[tuple[str, str]]):
    """``ready=false`` and the like."""

    name = "selector"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Splits and checks."""
        if isinstance(value, tuple):
            return value
        key, _, wanted = str(value).lower().partition("=")
        if key not in _SELECTABLE or wanted not in ("true", "false", "unknown"):
            self.fail(f"write {'|'.join(_SELECTABLE)}=true|false|unknown", param, ctx)
        return key, wanted


def _selected(item: ObjectStatus, selector: tuple[str, str] | None) -> bool:
    if selector is None:
        return True
    key, wanted = selector
    return str(getattr(item, key)).lower() == wanted


@click.command("get", epilog=EPILOG)
@click.argument("words", nargs=-1, type=KindWord(), metavar="[KIND [NAME]]")
@namespace_options
@click.option("-l", "--selector", "labels", default="", metavar="LABELS", help="Label selector.")
@click.option(
    "--status-selector",
    type=StatusSelector(),
    metavar="KEY=VALUE",
    help="Only objects whose ready, suspended, reconciling or stalled is so.",
)
@click.option("-w", "--watch", is_flag=True, help="Go on showing what changes.")
@click.option("--no-header", is_flag=True, help="Leave out the headings of the table.")
@output_option(Output.TABLE, Output.WIDE, Output.JSON, Output.YAML, Output.NAME)
@target_options
def command(
    words: tuple[str, ...],
    namespace: str,
    all_namespaces: bool,
    labels: str,
    status_selector: tuple[str, str] | None,
    watch: bool,
    no_header: bool,
    output: Output,
    kubeconfig: Path | None,
    context: str | None,
    data: Path | None,
    cluster: str | None,
) -> int:
    """Show the state of Flux objects: all, or those of one KIND, or one by its NAME.

    KIND is all, sources, or a kind in any of its names (gitrepositories, gitrepo, ks, …).
    Without options, a running `up` is asked for all of its clusters.
    """
    wanted = parse_wanted(words)
    where = choose_namespace(namespace, all_namespaces)
    targets = targets_of(kubeconfig, context, data, cluster)
    terminal = standard_terminal()
    if watch:
        show = _Show(terminal, output, _columns(wanted, where, targets, output), not no_header)
        return run_async(_watch(targets, wanted, where, status_selector, show))
    report = run_async(_read(targets, wanted, where, labels))
    if status_selector:
        kept = (item for item in report.items if _selected(item, status_selector))
        report = StatusReport.of(kept, report.failures)
    if wanted.name and not report.items and not report.failures and not status_selector:
        raise SteersmanError(
            f"there is no {wanted.kinds[0].gvk.kind} `{wanted.name}` in "
            f"{f'namespace `{where}`' if where else 'any namespace'}",
            reason="NotFound",
        )
    if output in (Output.JSON, Output.YAML):
        terminal.data(render_document(plain(report), output))
    elif output is Output.NAME:
        terminal.data(render_names(report.items, cluster=len(targets) > 1))
    elif report.items:
        columns = _columns(wanted, where, targets, output)
        terminal.data(render_status(report, columns, header=not no_header))
    else:
        terminal.note("no objects found")
    if report_failures(terminal, report.failures, len(targets)):
        return ExitCode.FAILED
    return ExitCode.OK if report.all_ready else ExitCode.NOT_READY


def _columns(
    wanted: Wanted, namespace: str, targets: tuple[Target, ...], output: Output
) -> StatusColumns:
    return StatusColumns(
        cluster=len(targets) > 1,
        namespace=not namespace,
        kind=len(wanted.kinds) > 1,
        wide=output is Output.WIDE,
    )


async def _read(
    targets: tuple[Target, ...], wanted: Wanted, namespace: str, labels: str
) -> StatusReport:
    async with open_clients(targets) as clients:
        return await read_status(
            clients, wanted.kinds, namespace=namespace, name=wanted.name, label_selector=labels
        )


class _Show:
    """Prints each state as it comes."""

    def __init__(
        self, terminal: Terminal, output: Output, columns: StatusColumns, header: bool
    ) -> None:
        self._terminal = terminal
        self._output = output
        self._columns = columns
        self._widths = column_widths(columns.headings, [])
        if header and output in (Output.TABLE, Output.WIDE):
            terminal.data(render_row(columns.headings, self._widths))

    def __call__(self, item: ObjectStatus) -> None:
        """Prints one state: a row, a line of JSON, a YAML document or a name."""
        if self._output is Output.JSON:
            self._terminal.data(msgspec.json.encode(item).decode())
        elif self._output is Output.YAML:
            document = render_document(plain_piece(item), self._output)
            self._terminal.data(f"---\n{document}")
        elif self._output is Output.NAME:
            self._terminal.data(render_names([item], cluster=self._columns.cluster))
        else:
            cells = self._columns.row(item)
            # Columns grow to what was seen so far; what is printed cannot be moved any more.
            self._widths = [max(pair) for pair in zip(self._widths, map(len, cells), strict=True)]
            self._terminal.data(render_row(cells, self._widths))


async def _watch(
    targets: tuple[Target, ...],
    wanted: Wanted,
    namespace: str,
    selector: tuple[str, str] | None,
    show: _Show,
) -> int:
    async with open_clients(targets) as clients, asyncio.TaskGroup() as group:
        for name, client in clients.items():
            for kind in wanted.kinds:
                group.create_task(
                    _follow(client, name, kind, namespace, wanted.name, selector, show),
                    name=f"watch {kind.plural} of {name}",
                )
    return ExitCode.OK


async def _follow(
    client: KubeClient,
    cluster: str,
    kind: FluxKind,
    namespace: str,
    name: str,
    selector: tuple[str, str] | None,
    show: _Show,
) -> None:
    states = watch_status(client, cluster, kind, namespace=namespace, name=name)
    async with aclosing(states):
        async for item in states:
            if _selected(item, selector):
                show(item)
