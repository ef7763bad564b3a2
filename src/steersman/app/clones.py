"""Connects the clones of a person with the Git server that serves them now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import pygit2

from steersman.kit.mask import Secret

__all__ = ["connect_clones", "credential_helper", "write_credentials"]

_OURS: Final = "steersman.served"
"""Marks a clone whose ``origin`` was set here, so that it may be set again."""


def write_credentials(path: Path, url: str, *, user: str, token: Secret[str]) -> None:
    """Writes a file for ``git credential-store``, readable by its owner only.

    Args:
        path: replaced as a whole.
        url: address of the server.
        user: user name.
        token: the user's password.
    """
    parts = urlsplit(url)
    line = f"{parts.scheme}://{quote(user)}:{quote(token.reveal(), safe='')}@{parts.netloc}\n"
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(line)
    scratch.replace(path)


def credential_helper(path: Path) -> str:
    """Returns the value of ``credential.helper`` that makes git read such a file."""
    return f"store --file='{path}'"


def connect_clones(
    folder: Path, repositories: Mapping[str, str], *, user: str, credentials: Path
) -> tuple[str, ...]:
    """Gives the clones in a folder an ``origin``: the server that serves their repositories.

    Only clones that have no ``origin``, or one that was set here before, are touched. Their work
    trees and branches are not.

    Args:
        folder: holds clones by the names of the repositories.
        repositories: address of each repository, by its name.
        user: user name to log in with.
        credentials: the file of :func:`write_credentials`.

    Returns:
        The names of the clones that are connected now.
    """
    connected = []
    for name, url in repositories.items():
        if (folder / name / ".git").exists() and _connect(folder / name, url, user, credentials):
            connected.append(name)
    return tuple(connected)


def _connect(path: Path, url: str, user: str, credentials: Path) -> bool:
    repository = pygit2.Repository(str(path))
    config = repository.config
    parts = urlsplit(url)
    address = f"{parts.scheme}://{quote(user)}@{parts.netloc}{parts.path}"
    known = {remote.name for remote in repository.remotes}
    if "origin" in known and _OURS not in config:
        return False
    if "origin" in known:
        repository.remotes.set_url("origin", address)
    else:
        repository.remotes.create("origin", address)
    config[_OURS] = "true"
    config["credential.helper"] = credential_helper(credentials)
    for branch in repository.branches.local:
        config[f"branch.{branch}.remote"] = "origin"
        config[f"branch.{branch}.merge"] = f"refs/heads/{branch}"
    return True
