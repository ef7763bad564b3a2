"""``steersman version``."""

from __future__ import annotations

import platform

import click

from steersman import __version__
from steersman.cli.flags import Output, output_option
from steersman.cli.render.document import render_document
from steersman.cli.render.terminal import standard_terminal

__all__ = ["command"]

FLUX_VERSION = "2.9"
KUBERNETES_VERSION = "1.36"


@click.command("version", epilog="\b\nExamples:\n  steersman version\n  steersman version -o json")
@output_option(Output.TABLE, Output.JSON, Output.YAML)
def command(output: Output) -> None:
    """Show the version of Steersman, and of what it is compatible with."""
    versions = {
        "steersman": __version__,
        "flux": FLUX_VERSION,
        "kubernetes": KUBERNETES_VERSION,
        "python": platform.python_version(),
    }
    terminal = standard_terminal()
    if output is Output.TABLE:
        terminal.data("\n".join(f"{name}: {version}" for name, version in versions.items()))
    else:
        terminal.data(render_document(versions, output))
