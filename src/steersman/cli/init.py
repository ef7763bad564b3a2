"""``steersman init``."""

from __future__ import annotations

from pathlib import Path

import click

from steersman.cli.render.terminal import standard_terminal

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman init fleet                                  then: cd fleet && steersman up
  steersman init fleet --git-url https://git.corp/platform
  steersman init fleet --layout update                  the order of the public reference
"""


@click.command("init", epilog=EPILOG)
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--git-url",
    default="http://git.fleet.example",
    show_default=True,
    metavar="URL",
    help="Address below which both repositories will be served.",
)
@click.option(
    "--layout",
    type=click.Choice(["deploy", "update"]),
    default="deploy",
    show_default=True,
    help="Keep the order in d1-infra (deploy), or in d1-fleet as the public reference (update).",
)
def command(directory: Path, git_url: str, layout: str) -> None:
    """Write a new fleet to DIRECTORY: the Git repositories d1-fleet and d1-infra.

    Both have the branches main and production. Three clusters are described: staging follows
    main; prod-eu and prod-us follow production. `steersman up` serves the repositories itself,
    whatever their address says.
    """
    import secrets

    from steersman.app.newfleet import write_fleet
    from steersman.fleet.content import FleetPlan, Layout
    from steersman.kit.clock import SystemClock
    from steersman.kit.mask import Secret

    if not git_url.startswith(("http://", "https://", "ssh://")):
        raise click.BadParameter(
            "must start with http://, https:// or ssh://", param_hint="--git-url"
        )
    terminal = standard_terminal()
    plan = FleetPlan(
        git_url=git_url, bot_token=Secret(secrets.token_urlsafe(24)), layout=Layout(layout)
    )
    for path in write_fleet(directory, plan, clock=SystemClock()).values():
        terminal.generated(f"{path}")
        terminal.data(str(path))
    terminal.success(f"{len(plan.clusters)} clusters, branches main and production")
    terminal.note(f"  next: cd {directory} && steersman up --data .steersman")
