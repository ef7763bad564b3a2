"""``steersman cluster``."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import click

from steersman.cli.flags import log_option
from steersman.cli.render.terminal import Terminal, standard_terminal
from steersman.cli.session import run_async
from steersman.kit.clock import SystemClock
from steersman.schemas.catalogue import DEFAULT_MINOR, MINORS, load_catalogue
from steersman.servers.apiserver.server import ApiServer
from steersman.servers.nodes.pretend import PretendNodes

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman cluster                             a cluster in memory
  steersman cluster --data .cluster             one that is there again after a restart
  steersman cluster --kubeconfig kc.yaml &      and KUBECONFIG=kc.yaml kubectl get ns
"""


@click.command("cluster", epilog=EPILOG)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep objects, credentials and ports in this directory.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the kubeconfig to this file.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="TLS port; 0 is any.")
@click.option("--name", default="steersman", show_default=True, help="Name in the kubeconfig.")
@click.option(
    "--kubernetes",
    type=click.Choice(MINORS),
    default=DEFAULT_MINOR,
    show_default=True,
    help="Which minor version's kinds to serve.",
)
@log_option
@click.option(
    "--nodes/--no-nodes",
    default=True,
    show_default=True,
    help="Let workloads become ready on pretend nodes; nothing really runs.",
)
def command(
    data: Path | None,
    kubeconfig: Path | None,
    port: int,
    name: str,
    kubernetes: str,
    nodes: bool,
) -> int:
    """Run a Kubernetes API on this machine until Ctrl-C; prints where its kubeconfig is."""
    terminal = standard_terminal()
    return run_async(_serve(terminal, data, kubeconfig, port, name, kubernetes, nodes))


async def _serve(
    terminal: Terminal,
    data: Path | None,
    kubeconfig: Path | None,
    port: int,
    name: str,
    kubernetes: str,
    nodes: bool,
) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        if kubeconfig is None:
            folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            kubeconfig = folder / "kubeconfig"
        server = await stack.enter_async_context(
            ApiServer(
                clock=SystemClock(),
                catalogue=load_catalogue(kubernetes),
                data_dir=data,
                name=name,
                port=port,
            )
        )
        if nodes:
            await stack.enter_async_context(PretendNodes(server))
        await server.wait_settled()
        _write(kubeconfig, server.kubeconfig())
        terminal.success(f"Kubernetes {kubernetes} API at {server.tls_url}")
        terminal.data(f"export KUBECONFIG={kubeconfig.absolute()}")
        terminal.note("Ctrl-C ends it" + ("" if data else " and forgets everything"))
        await stopped.wait()
    return 0


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
