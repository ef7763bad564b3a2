"""``steersman demo``."""

from __future__ import annotations

import asyncio
import resource
import tempfile
from pathlib import Path

import click

from steersman.app.newfleet import FolderNotEmpty
from steersman.cli.exitcodes import ExitCode
from steersman.cli.flags import Output, log_option, output_option
from steersman.cli.render.document import render_document
from steersman.cli.render.story import TerminalReporter
from steersman.cli.render.terminal import standard_terminal
from steersman.kit.clock import SystemClock, VirtualClock
from steersman.kit.virtualloop import run_virtual
from steersman.queries.report import plain
from steersman.queries.status import StatusReport
from steersman.rehearsal.reporter import Recorder, Reporter
from steersman.rehearsal.story import tell_story

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman demo                      told on the terminal
  steersman demo -o json > demo.json  kept as a record of all that was told
  steersman demo --directory demo     keeps the repositories for a look afterwards

Exit codes: 0 the story went as told, 1 it did not.
"""


@click.command("demo", epilog=EPILOG)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="An empty folder for repositories and artifacts; a temporary one when left out.",
)
@click.option("--seed", default=1, show_default=True, help="Of everything random.")
@log_option
@output_option(Output.TEXT, Output.JSON, Output.YAML)
def command(directory: Path | None, seed: int, output: Output) -> int:
    """Show the whole story in one process, with no Docker and no network.

    A fleet of three clusters comes up; a push to main changes staging only; a broken push fails
    clearly and harms nothing; the next one heals it; a promotion changes production. Git server,
    Kubernetes APIs and engine are real; time is virtual, so nobody waits.
    """
    clock = SystemClock()
    started = clock.monotonic()
    terminal = standard_terminal()
    telling = TerminalReporter(terminal, lambda: clock.monotonic() - started)
    recorder = Recorder(telling if output is Output.TEXT else None)
    report = _tell(directory, recorder, seed)
    seconds = clock.monotonic() - started
    if output is not Output.TEXT:
        terminal.data(render_document(plain(recorder.transcript()), output))
    # Kibibytes on Linux, bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    terminal.success(f"{seconds:.1f} s, at most {peak} MiB resident")
    terminal.note("  next: steersman init fleet && cd fleet && steersman up --data .steersman")
    return ExitCode.OK if report.all_ready else ExitCode.NOT_READY


def _tell(directory: Path | None, reporter: Reporter, seed: int) -> StatusReport:
    """Tells the story under virtual time."""
    with tempfile.TemporaryDirectory(prefix="steersman-demo-") as scratch:
        place = directory or Path(scratch)
        if directory is not None and directory.exists() and any(directory.iterdir()):
            raise FolderNotEmpty(f"`{directory}` is not empty", hint="choose another folder")

        async def tell() -> StatusReport:
            clock = VirtualClock(asyncio.get_running_loop())
            return await tell_story(place, clock=clock, reporter=reporter, seed=seed)

        return run_virtual(tell)
