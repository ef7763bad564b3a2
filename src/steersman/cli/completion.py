"""``steersman completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from steersman.cli.render.terminal import standard_terminal

__all__ = ["command"]

SHELLS = ("bash", "zsh", "fish")

EPILOG = """\b
Examples:
  source <(steersman completion bash)                     this shell
  steersman completion zsh > ~/.zfunc/_steersman          every zsh
  steersman completion fish > ~/.config/fish/completions/steersman.fish
"""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options, kinds and names in a shell."""
    completion = get_completion_class(shell)
    assert completion is not None, shell
    root = ctx.find_root()
    script = completion(root.command, {}, "steersman", "_STEERSMAN_COMPLETE")
    standard_terminal().data(script.source())
