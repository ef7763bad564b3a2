"""The ``steersman`` command: a table of commands, each imported when it runs."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import click

from steersman.cli.exitcodes import ExitCode

__all__ = ["COMMANDS", "CommandEntry", "main", "steersman"]


class CommandEntry(NamedTuple):
    """One command.

    Attributes:
        name: what people type; also the name of its module.
        summary: one line for ``steersman --help``; the module is not imported for it.
        section: heading under which it is listed.
    """

    name: str
    summary: str
    section: str


COMMANDS: Final = (
    CommandEntry("demo", "Show the whole story: push, promote, break, heal.", "Start"),
    CommandEntry("init", "Write a new fleet: two Git repositories.", "Start"),
    CommandEntry("up", "Run Git, clusters and the engine until stopped.", "Start"),
    CommandEntry("cluster", "Run a Kubernetes API on this machine.", "Start"),
    CommandEntry("get", "Show the state of Flux objects.", "Look"),
    CommandEntry("tree", "Show what belongs to a Kustomization.", "Look"),
    CommandEntry("events", "Show what happened to Flux objects.", "Look"),
    CommandEntry("build", "Build a kustomization and print the manifests.", "Look"),
    CommandEntry("promote", "Bring main to production.", "Act"),
    CommandEntry("reconcile", "Reconcile an object now, and wait for it.", "Act"),
    CommandEntry("suspend", "Stop reconciling objects.", "Act"),
    CommandEntry("resume", "Reconcile suspended objects again.", "Act"),
    CommandEntry("version", "Show versions.", "More"),
    CommandEntry("completion", "Print the completion script of a shell.", "More"),
)
"""Every command, in the order of the help."""


class LazyGroup(click.Group):
    """A group whose commands are looked up in :data:`COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in order."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the module of one command."""
        if all(entry.name != cmd_name for entry in COMMANDS):
            return None
        module = importlib.import_module(f"steersman.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands by section without importing them."""
        for section in dict.fromkeys(entry.section for entry in COMMANDS):
            rows = [(entry.name, entry.summary) for entry in COMMANDS if entry.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Adds the nearest name to the error for an unknown command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", ctx) from error


EPILOG = """\b
Examples:
  steersman demo                            the whole story in some seconds
  steersman init fleet && cd fleet          a fleet to play with
  steersman up --data .steersman            run it
  steersman get all -A                      is everything Ready?

A running `up` is found by --data, by STEERSMAN_DATA, or in .steersman here.
"""


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(package_name="steersman", message="steersman %(version)s")
def steersman() -> None:
    """Keep a fleet of Kubernetes clusters equal to what Git says, and rehearse changes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code. Errors are rendered, never traced."""
    try:
        result: Any = steersman.main(
            args=None if arguments is None else list(arguments),
            prog_name="steersman",
            standalone_mode=False,
        )
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE if isinstance(error, click.UsageError) else ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output, such as `head`, has enough. Keep Python quiet about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception as error:
        return _render_failure(error)
    return result if isinstance(result, int) else ExitCode.OK


def _render_failure(error: Exception) -> int:
    from steersman.cli.render.terminal import standard_terminal
    from steersman.errors import Bug, SteersmanError

    if isinstance(error, ExceptionGroup):
        return max(_render_failure(one) for one in error.exceptions)
    terminal = standard_terminal()
    if isinstance(error, SteersmanError) and not isinstance(error, Bug):
        terminal.error(error)
        return ExitCode.FAILED
    import traceback

    terminal.note("".join(traceback.format_exception(error)).rstrip())
    message = error.message if isinstance(error, Bug) else f"{type(error).__name__}: {error}"
    terminal.error(
        Bug(message, hint="this is a bug of ours; please report it with the lines above")
    )
    return ExitCode.BUG
