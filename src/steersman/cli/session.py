"""From options to clients: what every command that talks to clusters does first and last."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from steersman import __version__
from steersman.app.state import NotRunning, RunState
from steersman.app.targets import Selection, Target, resolve_run, resolve_targets
from steersman.cli.render.terminal import Terminal
from steersman.clients.kube import KubeClient
from steersman.kit.clock import SystemClock
from steersman.kit.tasks import only_error
from steersman.queries.report import ClusterFailure

__all__ = [
    "choose_namespace",
    "open_clients",
    "report_failures",
    "run_async",
    "run_of",
    "targets_of",
]

T = TypeVar("T")


def targets_of(
    kubeconfig: Path | None, context: str | None, data: Path | None, cluster: str | None
) -> tuple[Target, ...]:
    """Finds the clusters that the options mean; see :mod:`steersman.app.targets`."""
    selection = Selection(kubeconfig=kubeconfig, context=context, data=data, cluster=cluster)
    return resolve_targets(selection, os.environ, Path.cwd(), Path.home())


def run_of(data: Path | None) -> RunState:
    """Finds the running ``up``.

    Raises:
        NotRunning: there is none.
    """
    run = resolve_run(Selection(data=data), os.environ, Path.cwd())
    if run is None:
        raise NotRunning(
            "there is no running `steersman up` here",
            hint="name its data directory with --data or STEERSMAN_DATA",
        )
    return run


@asynccontextmanager
async def open_clients(targets: Sequence[Target]) -> AsyncIterator[dict[str, KubeClient]]:
    """Opens a client for each cluster, by name, in order."""
    async with AsyncExitStack() as stack:
        clients = {}
        for target in targets:
            client = KubeClient(
                target.connection, user_agent=f"steersman/{__version__}", clock=SystemClock()
            )
            clients[target.name] = await stack.enter_async_context(client)
        yield clients


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Runs a command's coroutine to its end; one error of a group comes out alone."""
    try:
        return asyncio.run(main)
    except BaseExceptionGroup as group:
        raise only_error(group) from None


def choose_namespace(namespace: str, all_namespaces: bool) -> str:
    """Returns the namespace to look at; empty for all.

    Raises:
        click.UsageError: both were asked for.
    """
    context = click.get_current_context()
    source = context.get_parameter_source("namespace")
    if all_namespaces and source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--namespace and --all-namespaces exclude each other")
    return "" if all_namespaces else namespace


def report_failures(terminal: Terminal, failures: Iterable[ClusterFailure], clusters: int) -> bool:
    """Says which clusters could not be asked; returns whether there were any."""
    failed = False
    for failure in failures:
        failed = True
        where = f"{failure.cluster}: " if clusters > 1 else ""
        terminal.failure(f"{where}{failure.reason}: {failure.message}")
    return failed
