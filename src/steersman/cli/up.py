"""``steersman up``."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import click

from steersman.apis.crds import KINDS, FluxKind
from steersman.app.clones import connect_clones, credential_helper, write_credentials
from steersman.app.endpoints import StatusServer
from steersman.app.state import (
    AlreadyRunning,
    ClusterState,
    GitState,
    RunState,
    is_running,
    remove_state,
    write_state,
)
from steersman.cli.exitcodes import ExitCode
from steersman.cli.flags import Output, log_option, output_option
from steersman.cli.render.document import render_document
from steersman.cli.render.table import render_table
from steersman.cli.render.terminal import Terminal, standard_terminal
from steersman.cli.render.ticker import Ticker
from steersman.cli.session import run_async
from steersman.clients.kube import KubeClient
from steersman.kit.clock import SystemClock
from steersman.queries.status import watch_status
from steersman.rehearsal.stage import Stage
from steersman.rehearsal.world import PLATFORM, WorldPlan

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman up                           the fleet in this folder, or a new one; in memory
  steersman up --data .steersman         kept on disk: goes on where it was
  steersman up --fleet ~/src/platform    repositories from another folder
  steersman up --data d -o json          the addresses for scripts, once everything serves
"""


@click.command("up", epilog=EPILOG)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep everything in DIR; in memory when left out.",
)
@click.option(
    "--fleet",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Folder with clones to start from; this folder if it holds some, else a new fleet.",
)
@click.option("-q", "--quiet", is_flag=True, help="Tell failures only.")
@log_option
@output_option(Output.TABLE, Output.JSON, Output.YAML)
def command(data: Path | None, fleet: Path | None, quiet: bool, output: Output) -> int:
    """Run a Git server, the clusters of a fleet and the engine, until Ctrl-C.

    Prints where everything is: a Git address for each repository, a kubeconfig for each cluster,
    the address of the status. Clones in the folder of the fleet get the Git server as origin, so
    that `git push` works at once. With --data nothing is lost when this stops, or is killed.
    """
    terminal = standard_terminal()
    with tempfile.TemporaryDirectory(prefix="steersman-up-") as scratch:
        home = (data or Path(scratch)).absolute()
        home.mkdir(parents=True, exist_ok=True)
        if is_running(home):
            raise AlreadyRunning(
                f"a `steersman up` is running in `{home}` already",
                hint="stop it, or choose another folder",
            )
        folder = fleet or _folder_with_clones(Path.cwd())
        plan = WorldPlan(directory=home, keep=data is not None, fleet=folder)
        return run_async(_up(plan, terminal, output, quiet=quiet))


def _folder_with_clones(folder: Path) -> Path | None:
    """The folder, if one of its clones describes clusters; others are none of our business."""
    clones = [child for child in folder.iterdir() if (child / ".git").exists()]
    return folder if any((clone / "clusters").is_dir() for clone in clones) else None


async def _up(plan: WorldPlan, terminal: Terminal, output: Output, *, quiet: bool) -> int:
    clock = SystemClock()
    started = clock.monotonic()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    terminal.action("starting Git server, clusters and engine")
    async with (
        Stage(plan, clock=clock) as stage,
        StatusServer(stage.clients, stage.engine.metrics.registry) as status,
    ):
        state = _describe(plan, stage, status)
        write_state(plan.directory, state)
        try:
            _announce(terminal, output, plan, state)
            await _tell(stage, terminal, stopped, started, quiet=quiet)
        finally:
            remove_state(plan.directory)
            terminal.action("stopping")
    return ExitCode.OK


def _describe(plan: WorldPlan, stage: Stage, status: StatusServer) -> RunState:
    """Writes the files by which people and commands reach everything; says where it is."""
    world = stage.world
    token = world.platform_token
    credentials = plan.directory / "git-credentials"
    write_credentials(credentials, world.git.url, user=PLATFORM, token=token)
    repositories = {name: world.repository_url(name) for name in world.fleet.repositories}
    if plan.fleet is not None:
        connect_clones(plan.fleet, repositories, user=PLATFORM, credentials=credentials)
    clusters = []
    for name, running in world.clusters.items():
        path = plan.directory / "clusters" / name / "kubeconfig"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_text(running.api.kubeconfig())
        cluster = running.cluster
        clusters.append(
            ClusterState(
                name=name,
                kubeconfig=str(path),
                environment=cluster.environment,
                branch=cluster.branch,
            )
        )
    return RunState(
        pid=os.getpid(),
        git=GitState(
            url=world.git.url, repositories=repositories, user=PLATFORM, token=token.reveal()
        ),
        clusters=tuple(clusters),
        status_url=status.url,
    )


def _announce(terminal: Terminal, output: Output, plan: WorldPlan, state: RunState) -> None:
    """Prints where everything is; never a password."""
    if output is not Output.TABLE:
        document = {
            "apiVersion": "steersman/v1",
            "kind": "Addresses",
            "data": str(plan.directory),
            "git": {"url": state.git.url, "repositories": state.git.repositories},
            "clusters": [
                {"name": cluster.name, "kubeconfig": cluster.kubeconfig}
                for cluster in state.clusters
            ],
            "status": state.status_url,
        }
        terminal.data(render_document(document, output))
        return
    rows = [["git", name, url] for name, url in state.git.repositories.items()]
    rows += [["kubeconfig", cluster.name, cluster.kubeconfig] for cluster in state.clusters]
    rows.append(["status", "", f"{state.status_url}/status"])
    terminal.data(render_table(["WHAT", "NAME", "ADDRESS"], rows))
    helper = credential_helper(plan.directory / "git-credentials")
    terminal.note(f'  git clone -c credential.helper="{helper}" {_with_user(state, "d1-infra")}')
    terminal.note(f"  export STEERSMAN_DATA={plan.directory}")


def _with_user(state: RunState, wanted: str) -> str:
    repositories = state.git.repositories
    url = repositories.get(wanted) or next(iter(repositories.values()))
    return url.replace("://", f"://{state.git.user}@", 1)


async def _tell(
    stage: Stage, terminal: Terminal, stopped: asyncio.Event, started: float, *, quiet: bool
) -> None:
    """Tells what happens on all clusters until it is stopped."""
    ticker = Ticker(terminal, quiet=quiet)
    names: Sequence[str] = list(stage.clients)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_follow(client, name, kind, ticker), name=f"{name} {kind.plural}")
            for name, client in stage.clients.items()
            for kind in KINDS
        ]
        tasks.append(group.create_task(_arrive(stage, ticker, terminal, started, names)))
        await stopped.wait()
        for task in tasks:
            task.cancel()


async def _arrive(
    stage: Stage, ticker: Ticker, terminal: Terminal, started: float, names: Sequence[str]
) -> None:
    await stage.settled()
    seconds = SystemClock().monotonic() - started
    ticker.arrived = True
    if ticker.ready == ticker.total:
        clusters = ", ".join(names)
        terminal.success(f"{ticker.total} objects are Ready on {clusters} ({seconds:.1f} s)")
    else:
        terminal.warning(f"{ticker.total - ticker.ready} of {ticker.total} objects are not Ready")


async def _follow(client: KubeClient, cluster: str, kind: FluxKind, ticker: Ticker) -> None:
    async with aclosing(watch_status(client, cluster, kind)) as states:
        async for status in states:
            ticker.take(status)
