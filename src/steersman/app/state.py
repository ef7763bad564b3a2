"""``state.json``: how other commands find a running ``up``.

``up`` writes the file into its data directory once everything listens, readable by its owner
only, since it holds the token of the platform team. It is replaced as a whole, so that a reader
never sees half of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from steersman.errors import SteersmanError
from steersman.kit.mask import Secret

__all__ = [
    "STATE_FILE",
    "AlreadyRunning",
    "ClusterState",
    "GitState",
    "NotRunning",
    "RunState",
    "is_running",
    "read_state",
    "remove_state",
    "write_state",
]

STATE_FILE: Final = "state.json"


class ClusterState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One cluster of a running ``up``.

    Attributes:
        name: name in the fleet repository.
        kubeconfig: absolute path of a kubeconfig with administrator rights.
        environment: which overlays it gets.
        branch: which branch of the infrastructure it follows.
    """

    name: str
    kubeconfig: str
    environment: str = ""
    branch: str = ""


class GitState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The Git server of a running ``up``.

    Attributes:
        url: address of the server, without a slash at the end.
        repositories: address of each repository, by its name.
        user: who may write: the platform team.
        token: password of that user.
    """

    url: str
    repositories: dict[str, str] = msgspec.field(default_factory=dict)
    user: str = "platform"
    token: str = ""

    @property
    def secret(self) -> Secret[str]:
        """The token, guarded against being printed."""
        return Secret(self.token)


class RunState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where everything of a running ``up`` is.

    Attributes:
        pid: process of ``up``.
        git: the Git server.
        clusters: in the order to show them.
        status_url: address of the status page, or empty.
    """

    pid: int
    git: GitState
    clusters: tuple[ClusterState, ...]
    status_url: str = ""


class NotRunning(SteersmanError):
    """There is no running ``up`` where one was expected."""

    default_reason = "NotRunning"


class AlreadyRunning(SteersmanError):
    """Two ``up`` must not share a data directory."""

    default_reason = "AlreadyRunning"


def write_state(directory: Path, state: RunState) -> Path:
    """Replaces the state file of a data directory; returns its path."""
    path = directory / STATE_FILE
    scratch = directory / f".{STATE_FILE}.{os.getpid()}"
    content = msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    scratch.replace(path)
    return path


def read_state(directory: Path) -> RunState:
    """Reads the state file of a data directory.

    Raises:
        NotRunning: there is no such file, or it is not one of ours.
    """
    path = directory / STATE_FILE
    try:
        state = msgspec.json.decode(path.read_bytes(), type=RunState)
    except FileNotFoundError:
        state = None
    except (OSError, msgspec.DecodeError) as error:
        raise NotRunning(f"`{path}` cannot be read: {error}") from error
    if state is None or not _is_alive(state.pid):
        raise NotRunning(
            f"no running `steersman up` in `{directory}`",
            hint=f"start one with `steersman up --data {directory}`",
        )
    return state


def is_running(directory: Path) -> bool:
    """Whether an ``up`` runs in a data directory; one that was killed does not."""
    try:
        return read_state(directory).pid != os.getpid()
    except NotRunning:
        return False


def remove_state(directory: Path) -> None:
    """Removes the state file, if there is one."""
    (directory / STATE_FILE).unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
