"""Writes a new fleet to disk as real Git repositories."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import CheckoutStrategy, FileMode

from steersman.errors import SteersmanError
from steersman.fleet.content import FleetPlan, render_fleet
from steersman.kit.clock import Clock

__all__ = ["BRANCHES", "FolderNotEmpty", "write_fleet", "write_repository"]

BRANCHES: Final = ("main", "production")
"""The branches of a new repository; the first one is checked out."""

_AUTHOR: Final = ("Platform Team", "platform@fleet.example")


class FolderNotEmpty(SteersmanError):
    """Something is already where a repository shall be made."""

    default_reason = "FolderNotEmpty"


def write_fleet(directory: Path, plan: FleetPlan, *, clock: Clock) -> dict[str, Path]:
    """Writes the repositories of a plan below a directory, one commit each.

    Nothing is written when one of the targets exists and is not empty. The same plan at the same
    time gives the same commits.

    Args:
        directory: made when it is missing.
        plan: what the fleet looks like.
        clock: gives the time of the commits.

    Returns:
        Where each repository is, by its name.

    Raises:
        FolderNotEmpty: one of the targets holds something already.
    """
    repositories = render_fleet(plan)
    targets = {name: directory / name for name in repositories}
    for target in targets.values():
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise FolderNotEmpty(
                f"`{target}` exists and is not empty",
                hint="choose another folder, or remove this one",
            )
    for name, files in repositories.items():
        write_repository(targets[name], files, message=f"Start {name}", when=clock.now())
    return targets


def write_repository(
    path: Path, files: Mapping[str, bytes], *, message: str, when: datetime, bare: bool = False
) -> str:
    """Makes a Git repository with one commit that all of :data:`BRANCHES` point to.

    Args:
        path: where; made when it is missing.
        files: path to content.
        message: of the commit.
        when: author and commit time.
        bare: True leaves out the work tree.

    Returns:
        The hash of the commit.
    """
    repository = pygit2.init_repository(str(path), bare=bare, initial_head=BRANCHES[0])
    index = pygit2.Index()
    for name, content in files.items():
        blob = repository.create_blob(content)
        index.add(pygit2.IndexEntry(name, blob, FileMode.BLOB))
    offset = when.utcoffset()
    author = pygit2.Signature(
        *_AUTHOR, int(when.timestamp()), int(offset.total_seconds() // 60) if offset else 0
    )
    commit = repository.create_commit(
        f"refs/heads/{BRANCHES[0]}", author, author, message, index.write_tree(repository), []
    )
    for branch in BRANCHES[1:]:
        repository.references.create(f"refs/heads/{branch}", commit)
    if not bare:
        repository.checkout_head(strategy=CheckoutStrategy.FORCE)  # type: ignore[no-untyped-call]
    return str(commit)
