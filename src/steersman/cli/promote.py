"""``steersman promote``."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from steersman.app.arrival import Arrival, wait_for_arrival
from steersman.app.state import RunState
from steersman.app.targets import Target
from steersman.app.workcopy import NothingToPromote, Workcopy
from steersman.cli.acting import ClusterTalk, act_on_each
from steersman.cli.exitcodes import ExitCode
from steersman.cli.flags import timeout_option
from steersman.cli.render.terminal import Terminal, standard_terminal
from steersman.cli.session import run_async, run_of, targets_of
from steersman.clients.kube import KubeClient
from steersman.errors import SteersmanError
from steersman.kit.clock import SystemClock

__all__ = ["command"]

EPILOG = """\b
Examples:
  steersman promote                       d1-infra: main to production, and wait
  steersman promote --dry-run             only what would move
  steersman promote d1-fleet --no-wait

Exit codes: 0 promoted and arrived, or nothing to promote; 1 refused, failed or late.
"""


@click.command("promote", epilog=EPILOG)
@click.argument("repository", default="d1-infra")
@click.option("--from", "source", default="main", show_default=True, help="Branch to promote.")
@click.option(
    "--to", "target", default="production", show_default=True, help="Branch to bring it to."
)
@click.option("--dry-run", is_flag=True, help="Only show which commits would move.")
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until it has arrived."
)
@timeout_option()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Data directory of a running `up` [env: STEERSMAN_DATA].",
)
def command(
    repository: str,
    source: str,
    target: str,
    dry_run: bool,
    wait: bool,
    timeout: timedelta,
    data: Path | None,
) -> int:
    """Bring what is on main to production: production moves forward to where main is.

    Prints the commits that move. Never rewrites history: a production branch that holds what
    main lacks is refused.
    """
    run = run_of(data)
    if repository not in run.git.repositories:
        known = ", ".join(run.git.repositories)
        raise SteersmanError(
            f"there is no repository `{repository}`", reason="NotFound", hint=f"there is {known}"
        )
    terminal = standard_terminal()
    commit = run_async(_promote(run, repository, source, target, dry_run, terminal))
    if commit is None or dry_run or not wait:
        return ExitCode.OK
    targets = [one for one in targets_of(None, None, data, None) if one.branch == target]
    return run_async(_arrive(targets, target, commit, timeout, terminal))


async def _promote(
    run: RunState, repository: str, source: str, target: str, dry_run: bool, terminal: Terminal
) -> str | None:
    """Returns the commit that both branches have now, or None when there is nothing to do."""
    with tempfile.TemporaryDirectory(prefix="steersman-promote-") as scratch:
        copy = Workcopy(
            Path(scratch) / "clone.git",
            run.git.repositories[repository],
            user=run.git.user,
            token=run.git.secret,
            clock=SystemClock(),
        )
        terminal.action(f"comparing {target} with {source} of {repository}")
        await copy.clone()
        moving = await copy.pending(source, target)
        for subject in moving:
            terminal.data(subject)
        if dry_run or not moving:
            terminal.success(f"{_count(moving)} to promote")
            return None
        try:
            commit, moved = await copy.promote(source, target)
        except NothingToPromote:
            return None
        terminal.success(f"{target} is at {commit[:8]} now, {_count(moved)} further")
        return commit


def _count(commits: Sequence[str]) -> str:
    return "1 commit" if len(commits) == 1 else f"{len(commits) or 'no'} commits"


async def _arrive(
    targets: Sequence[Target], branch: str, commit: str, timeout: timedelta, terminal: Terminal
) -> int:
    async def act(client: KubeClient, talk: ClusterTalk) -> None:
        def show(arrival: Arrival) -> None:
            lagging = len(tuple(arrival.lagging))
            talk.waiting(f"{len(arrival.followers) - lagging} of {len(arrival.followers)} there")

        arrival = Arrival(branch, commit)
        await wait_for_arrival(
            client, client.connection.name, arrival, timeout=timeout, on_change=show
        )
        talk.success(f"{len(arrival.followers)} objects are Ready at {branch}@sha1:{commit[:8]}")

    return await act_on_each(targets, terminal, act)
