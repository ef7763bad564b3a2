"""``steersman resume``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from steersman.app.actions import set_suspended, wait_until_ready
from steersman.cli.acting import ClusterTalk, act_on_each, named_object, names_of
from steersman.cli.flags import namespace_option, target_options, timeout_option
from steersman.cli.kinds import KindWord
from steersman.cli.render.terminal import standard_terminal
from steersman.cli.session import run_async, targets_of
from steersman.clients.kube import KubeClient

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman resume kustomization infra --cluster prod-eu
  steersman resume ks --all
  steersman resume source git infra --no-wait
"""


@click.command("resume", epilog=EPILOG)
@click.argument("words", nargs=-1, type=KindWord(), metavar="KIND [NAME]")
@namespace_option
@click.option("--all", "all_of_them", is_flag=True, help="All of the kind in the namespace.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it is Ready.")
@timeout_option()
@target_options
def command(
    words: tuple[str, ...],
    namespace: str,
    all_of_them: bool,
    wait: bool,
    timeout: timedelta,
    kubeconfig: Path | None,
    context: str | None,
    data: Path | None,
    cluster: str | None,
) -> int:
    """Reconcile a suspended object again, and wait until it is Ready."""
    named = named_object(words, namespace, timeout, all_of_them=all_of_them)
    targets = targets_of(kubeconfig, context, data, cluster)
    terminal = standard_terminal()

    async def act(client: KubeClient, talk: ClusterTalk) -> None:
        kind = named.kind.gvk.kind
        names = await names_of(client, named)
        for name in names:
            talk.action(f"resuming {kind} {name} in {namespace} namespace")
            changed = await set_suspended(client, named.kind, name, namespace, suspended=False)
            talk.success(f"{kind} {name} {'resumed' if changed else 'was not suspended'}")
        for name in names if wait else ():
            talk.waiting(f"waiting for {kind} {name}")
            status = await wait_until_ready(
                client,
                named.kind,
                name,
                namespace,
                timeout=timeout,
                on_change=talk.progress,
            )
            talk.arrived(named.kind, status)

    return run_async(act_on_each(targets, terminal, act))
