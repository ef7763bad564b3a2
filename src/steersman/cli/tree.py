"""``steersman tree``."""

from __future__ import annotations

from pathlib import Path

import click

from steersman.apis import kustomization
from steersman.app.targets import Target
from steersman.cli.exitcodes import ExitCode
from steersman.cli.flags import Output, namespace_option, output_option, target_options
from steersman.cli.kinds import KindWord, parse_wanted
from steersman.cli.render.document import render_document
from steersman.cli.render.terminal import standard_terminal
from steersman.cli.render.tree import render_tree
from steersman.cli.session import open_clients, report_failures, run_async, targets_of
from steersman.queries.report import plain
from steersman.queries.tree import TreeReport, read_trees

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman tree                                  everything below flux-system
  steersman tree ks infra --compact               only Flux objects
  steersman tree ks monitoring-controllers --cluster prod-eu -o json
"""


@click.command("tree", epilog=EPILOG)
@click.argument("words", nargs=-1, type=KindWord(), metavar="[kustomization NAME]")
@namespace_option
@click.option("--compact", is_flag=True, help="Leave out all but Flux objects.")
@output_option(Output.TEXT, Output.JSON, Output.YAML)
@target_options
def command(
    words: tuple[str, ...],
    namespace: str,
    compact: bool,
    output: Output,
    kubeconfig: Path | None,
    context: str | None,
    data: Path | None,
    cluster: str | None,
) -> int:
    """Show what belongs to a Kustomization, down to the last object it applied.

    Without a name, that is the Kustomization flux-system, from which everything hangs.
    """
    wanted = parse_wanted(words or ("kustomization", "flux-system"), several=False)
    if wanted.kinds[0].gvk != kustomization.GVK or not wanted.name:
        raise click.UsageError("name a Kustomization: steersman tree kustomization NAME")
    targets = targets_of(kubeconfig, context, data, cluster)
    terminal = standard_terminal()
    report = run_async(_read(targets, wanted.name, namespace, compact))
    if output is not Output.TEXT:
        terminal.data(render_document(plain(report), output))
    else:
        for tree in report.items:
            if len(targets) > 1:
                terminal.data(terminal.paint(tree.cluster, "bold"))
            terminal.data(render_tree(tree.root, terminal))
    failed = report_failures(terminal, report.failures, len(targets))
    return ExitCode.FAILED if failed else ExitCode.OK


async def _read(
    targets: tuple[Target, ...], name: str, namespace: str, compact: bool
) -> TreeReport:
    async with open_clients(targets) as clients:
        return await read_trees(clients, name=name, namespace=namespace, flux_only=compact)
