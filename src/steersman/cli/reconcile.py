"""``steersman reconcile``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from steersman.apis import kustomization
from steersman.apis.crds import FluxKind
from steersman.apis.kustomization import decode_kustomization
from steersman.app.actions import request_reconcile, wait_until_handled
from steersman.cli.acting import ClusterTalk, Named, act_on_each, named_object
from steersman.cli.flags import namespace_option, target_options, timeout_option
from steersman.cli.kinds import KindWord, find_kind
from steersman.cli.render.terminal import standard_terminal
from steersman.cli.session import run_async, targets_of
from steersman.clients.kube import KubeClient
from steersman.errors import SteersmanError
from steersman.kit.clock import SystemClock

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman reconcile kustomization infra                  on every cluster
  steersman reconcile ks infra --with-source               fetch Git first
  steersman reconcile source git infra --cluster staging
"""


@click.command("reconcile", epilog=EPILOG)
@click.argument("words", nargs=-1, type=KindWord(), metavar="KIND NAME")
@namespace_option
@click.option("--with-source", is_flag=True, help="Reconcile the source first.")
@timeout_option()
@target_options
def command(
    words: tuple[str, ...],
    namespace: str,
    with_source: bool,
    timeout: timedelta,
    kubeconfig: Path | None,
    context: str | None,
    data: Path | None,
    cluster: str | None,
) -> int:
    """Reconcile an object now instead of at its next interval, and wait until that is done."""
    named = named_object(words, namespace, timeout)
    if with_source and named.kind.gvk != kustomization.GVK:
        raise click.UsageError(f"--with-source: a {named.kind.gvk.kind} has no source")
    targets = targets_of(kubeconfig, context, data, cluster)
    terminal = standard_terminal()

    async def act(client: KubeClient, talk: ClusterTalk) -> None:
        if with_source:
            await _reconcile(client, talk, await _source_of(client, named))
        await _reconcile(client, talk, named)

    return run_async(act_on_each(targets, terminal, act))


async def _source_of(client: KubeClient, named: Named) -> Named:
    manifest = await client.get(named.kind.gvk, named.name, named.namespace)
    source = decode_kustomization(manifest).source
    kind: FluxKind | None = find_kind(source.kind)
    if kind is None:
        raise SteersmanError(f"a source of kind {source.kind} is not served", reason="NotServed")
    return Named(kind=kind, name=source.name, namespace=source.namespace, timeout=named.timeout)


async def _reconcile(client: KubeClient, talk: ClusterTalk, named: Named) -> None:
    kind = named.kind.gvk.kind
    talk.action(f"annotating {kind} {named.name} in {named.namespace} namespace")
    manifest = await client.get(named.kind.gvk, named.name, named.namespace)
    if (manifest.get("spec") or {}).get("suspend") is True:
        raise SteersmanError(
            f"{kind} `{named.namespace}/{named.name}` is suspended",
            reason="Suspended",
            hint=f"steersman resume {named.kind.singular} {named.name} -n {named.namespace}",
        )
    token = await request_reconcile(
        client, named.kind, named.name, named.namespace, clock=SystemClock()
    )
    talk.success(f"{kind} annotated")
    talk.waiting(f"waiting for {kind} reconciliation")
    status = await wait_until_handled(
        client,
        named.kind,
        named.name,
        named.namespace,
        token=token,
        timeout=named.timeout,
        on_change=talk.progress,
    )
    talk.arrived(named.kind, status)
