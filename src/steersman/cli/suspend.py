"""``steersman suspend``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from steersman.app.actions import set_suspended
from steersman.cli.acting import ClusterTalk, act_on_each, named_object, names_of
from steersman.cli.flags import namespace_option, target_options
from steersman.cli.kinds import KindWord
from steersman.cli.render.terminal import standard_terminal
from steersman.cli.session import run_async, targets_of
from steersman.clients.kube import KubeClient

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman suspend kustomization infra --cluster prod-eu
  steersman suspend source git infra
  steersman suspend ks --all
"""


@click.command("suspend", epilog=EPILOG)
@click.argument("words", nargs=-1, type=KindWord(), metavar="KIND [NAME]")
@namespace_option
@click.option("--all", "all_of_them", is_flag=True, help="All of the kind in the namespace.")
@target_options
def command(
    words: tuple[str, ...],
    namespace: str,
    all_of_them: bool,
    kubeconfig: Path | None,
    context: str | None,
    data: Path | None,
    cluster: str | None,
) -> int:
    """Stop reconciling an object until it is resumed; what it applied stays as it is."""
    named = named_object(words, namespace, timedelta(), all_of_them=all_of_them)
    targets = targets_of(kubeconfig, context, data, cluster)
    terminal = standard_terminal()

    async def act(client: KubeClient, talk: ClusterTalk) -> None:
        kind = named.kind.gvk.kind
        for name in await names_of(client, named):
            talk.action(f"suspending {kind} {name} in {namespace} namespace")
            changed = await set_suspended(client, named.kind, name, namespace, suspended=True)
            talk.success(f"{kind} {name} {'suspended' if changed else 'was suspended already'}")

    return run_async(act_on_each(targets, terminal, act))
