"""What commands that change single objects share: naming them, and doing it on each cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import click

from steersman.apis.crds import FluxKind
from steersman.app.targets import Target
from steersman.cli.exitcodes import ExitCode
from steersman.cli.kinds import parse_wanted
from steersman.cli.render.status import short_revision
from steersman.cli.render.table import one_line
from steersman.cli.render.terminal import Terminal
from steersman.cli.session import open_clients
from steersman.clients.kube import KubeClient
from steersman.errors import SteersmanError
from steersman.objects.manifest import name_of
from steersman.queries.status import ObjectStatus

__all__ = ["ClusterTalk", "Named", "act_on_each", "named_object", "names_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One object on each of the chosen clusters, and how long to wait for it.

    Attributes:
        kind: its kind.
        name: its name; empty for all of the namespace.
        namespace: its namespace.
        timeout: for everything that is waited for.
    """

    kind: FluxKind
    name: str
    namespace: str
    timeout: timedelta


class ClusterTalk:
    """Talk about one cluster: its name goes first when there are several."""

    def __init__(self, terminal: Terminal, cluster: str) -> None:
        self._terminal = terminal
        self._prefix = f"{cluster}: " if cluster else ""

    def action(self, text: str) -> None:
        """Says what is being done now."""
        self._terminal.action(self._prefix + text)

    def waiting(self, text: str) -> None:
        """Says what is waited for."""
        self._terminal.waiting(self._prefix + text)

    def success(self, text: str) -> None:
        """Says that something is done."""
        self._terminal.success(self._prefix + text)

    def failure(self, error: SteersmanError) -> None:
        """Says that this cluster failed, with the hint if there is one."""
        hint = f"\n  hint: {error.hint}" if error.hint else ""
        self._terminal.failure(f"{self._prefix}{error.reason}: {error.message}{hint}")

    def progress(self, status: ObjectStatus) -> None:
        """Shows the state of what is waited for."""
        self.waiting(one_line(status.message))

    def arrived(self, kind: FluxKind, status: ObjectStatus) -> None:
        """Says which revision is there now."""
        verb = "fetched" if kind.category == "fluxcd-sources" else "applied"
        self.success(f"{verb} revision {short_revision(status.revision)}")


def named_object(
    words: Sequence[str], namespace: str, timeout: timedelta, *, all_of_them: bool = False
) -> Named:
    """Reads which object is meant.

    Raises:
        click.UsageError: no kind or name was given, or a name together with ``all_of_them``.
    """
    if not words:
        raise click.UsageError("say which object: KIND NAME")
    wanted = parse_wanted(words, several=False)
    if bool(wanted.name) == all_of_them:
        raise click.UsageError(
            "--all and a name exclude each other" if all_of_them else "say which one: KIND NAME"
        )
    return Named(kind=wanted.kinds[0], name=wanted.name, namespace=namespace, timeout=timeout)


async def names_of(client: KubeClient, named: Named) -> list[str]:
    """Returns the one name, or all names of the kind in the namespace."""
    if named.name:
        return [named.name]
    listed = await client.list(named.kind.gvk, named.namespace)
    return sorted(name_of(manifest) for manifest in listed.items)


async def act_on_each(
    targets: Sequence[Target],
    terminal: Terminal,
    act: Callable[[KubeClient, ClusterTalk], Awaitable[None]],
) -> int:
    """Does something on all clusters at once; a failure on one stops none of the others."""
    failed: list[str] = []

    async def one(cluster: str, client: KubeClient) -> None:
        talk = ClusterTalk(terminal, cluster if len(targets) > 1 else "")
        try:
            await act(client, talk)
        except SteersmanError as error:
            failed.append(cluster)
            talk.failure(error)

    async with open_clients(targets) as clients, asyncio.TaskGroup() as group:
        for cluster, client in clients.items():
            group.create_task(one(cluster, client), name=f"act on {cluster}")
    return ExitCode.FAILED if failed else ExitCode.OK
