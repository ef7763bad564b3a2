"""A person's clone of a repository: read, change, commit, push, promote; over real smart HTTP.

``promote`` and the rehearsals use it, so that what they do to Git is what a person could do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import FileMode

from steersman.errors import Denied, NetworkFailed, Stalled, SteersmanError
from steersman.kit.clock import Clock
from steersman.kit.mask import Secret
from steersman.kit.tasks import run_blocking

__all__ = ["NothingToPromote", "PushRejected", "Workcopy"]


class PushRejected(Stalled):
    """The server refused a push; the message is the server's."""

    default_reason = "PushRejected"


class NothingToPromote(SteersmanError):
    """The target branch already has everything."""

    default_reason = "NothingToPromote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who commits and pushes.

    Attributes:
        name: also the user name at the server.
        token: their password.
        email: written into commits.
    """

    name: str
    token: Secret[str]
    email: str


class Workcopy:
    """A bare clone; changes are made to trees, so that no work tree can get in the way.

    Args:
        path: where the clone is kept; made by :meth:`clone`.
        url: address of the repository.
        user: user name at the server, also the author of commits.
        token: the user's password.
        clock: dates commits.
    """

    def __init__(
        self, path: Path, url: str, *, user: str, token: Secret[str], clock: Clock
    ) -> None:
        self._path = path
        self._url = url
        self._person = Person(name=user, token=token, email=f"{user}@fleet.example")
        self._clock = clock

    async def clone(self) -> None:
        """Clones, or brings an existing clone up to date.

        Raises:
            NetworkFailed: the server could not be reached.
            Denied: the server does not accept the user.
        """
        await run_blocking(self._clone)

    async def files(self, branch: str) -> dict[str, bytes]:
        """Returns path to content of a branch, as of the last :meth:`clone`, sorted by path."""
        return await run_blocking(self._files, branch)

    async def commit(
        self, branch: str, changes: Mapping[str, bytes | None], *, message: str
    ) -> str:
        """Commits changes on top of the server's branch and pushes them.

        Args:
            branch: where to; must exist.
            changes: path to new content, or ``None`` to delete the file.
            message: of the commit.

        Returns:
            The hash of the commit.

        Raises:
            PushRejected: the server refused; nothing changed there.
        """
        return await run_blocking(self._commit, branch, changes, message)

    async def promote(self, source: str, target: str) -> tuple[str, tuple[str, ...]]:
        """Moves ``target`` forward to where ``source`` is.

        Returns:
            The hash both branches have now, and the first lines of the commits that moved, newest
            first.

        Raises:
            NothingToPromote: ``target`` already has everything.
            PushRejected: ``target`` holds commits that ``source`` lacks, or the server refused.
        """
        return await run_blocking(self._promote, source, target)

    async def pending(self, source: str, target: str) -> tuple[str, ...]:
        """Returns the first lines of the commits that ``target`` lacks, newest first.

        As of the last :meth:`clone`.
        """
        return await run_blocking(self._pending, source, target)

    async def head(self, branch: str) -> str:
        """Returns the commit of a branch, as of the last :meth:`clone`."""
        return await run_blocking(lambda: str(self._tip(self._open(), branch).id))

    def _open(self) -> pygit2.Repository:
        return pygit2.Repository(str(self._path))

    def _callbacks(self) -> pygit2.RemoteCallbacks:
        return _Callbacks(self._person)

    def _clone(self) -> None:
        if not (self._path / "HEAD").exists():
            repository = pygit2.init_repository(str(self._path), bare=True, initial_head="main")
            repository.remotes.create("origin", self._url)
        repository = self._open()
        with _translated(self._url):
            repository.remotes["origin"].fetch(
                ["+refs/heads/*:refs/remotes/origin/*"], callbacks=self._callbacks()
            )

    def _tip(self, repository: pygit2.Repository, branch: str) -> pygit2.Commit:
        reference = repository.references.get(f"refs/remotes/origin/{branch}")
        if reference is None:
            raise Stalled(
                f"{self._url} has no branch `{branch}`", hint="push the branch, then try again"
            )
        return reference.peel(pygit2.Commit)

    def _files(self, branch: str) -> dict[str, bytes]:
        repository = self._open()
        found: dict[str, bytes] = {}

        def walk(tree: pygit2.Tree, prefix: str) -> None:
            for entry in tree:
                path = f"{prefix}{entry.name}"
                if isinstance(entry, pygit2.Tree):
                    walk(entry, f"{path}/")
                elif isinstance(entry, pygit2.Blob):
                    found[path] = entry.data

        walk(self._tip(repository, branch).tree, "")
        return dict(sorted(found.items()))

    def _commit(self, branch: str, changes: Mapping[str, bytes | None], message: str) -> str:
        self._clone()
        repository = self._open()
        parent = self._tip(repository, branch)
        index = pygit2.Index()
        index.read_tree(parent.tree)
        for path, content in changes.items():
            if content is None:
                index.remove(path)
            else:
                index.add(pygit2.IndexEntry(path, repository.create_blob(content), FileMode.BLOB))
        when = int(self._clock.now().timestamp())
        author = pygit2.Signature(self._person.name, self._person.email, when, 0)
        commit = repository.create_commit(
            None, author, author, message, index.write_tree(repository), [parent.id]
        )
        self._push(repository, str(commit), branch)
        return str(commit)

    def _promote(self, source: str, target: str) -> tuple[str, tuple[str, ...]]:
        self._clone()
        repository = self._open()
        ahead, behind = self._tip(repository, source), self._tip(repository, target)
        if ahead.id == behind.id or repository.descendant_of(behind.id, ahead.id):
            raise NothingToPromote(f"`{target}` already has everything that `{source}` has")
        if not repository.descendant_of(ahead.id, behind.id):
            raise PushRejected(
                f"`{target}` holds commits that `{source}` lacks",
                hint=f"merge `{target}` into `{source}` first, so that nothing is lost",
            )
        moved = self._pending(source, target)
        self._push(repository, str(ahead.id), target)
        return str(ahead.id), moved

    def _pending(self, source: str, target: str) -> tuple[str, ...]:
        repository = self._open()
        walker = repository.walk(self._tip(repository, source).id)
        walker.hide(self._tip(repository, target).id)
        return tuple(commit.message.partition("\n")[0] for commit in walker)

    def _push(self, repository: pygit2.Repository, commit: str, branch: str) -> None:
        callbacks = _Callbacks(self._person)
        # A push by hash needs a local name; this one says what it is for.
        staged = f"refs/steersman/push/{branch}"
        repository.references.create(staged, commit, force=True)
        with _translated(self._url):
            repository.remotes["origin"].push(
                [f"{staged}:refs/heads/{branch}"], callbacks=callbacks
            )
        if callbacks.refusals:
            raise PushRejected("; ".join(callbacks.refusals))
        repository.references.create(f"refs/remotes/origin/{branch}", commit, force=True)


class _Callbacks(pygit2.RemoteCallbacks):
    """Gives the password once, and keeps what the server refused."""

    def __init__(self, person: Person) -> None:
        super().__init__()
        self._person = person
        self._asked = False
        self.refusals: list[str] = []

    def credentials(self, url: str, username_from_url: str | None, allowed_types: Any) -> Any:
        if self._asked:
            raise Denied(
                f"{url} does not accept user `{self._person.name}`",
                reason="AuthenticationFailed",
                hint="check the token",
            )
        self._asked = True
        return pygit2.UserPass(self._person.name, self._person.token.reveal())

    def push_update_reference(self, refname: str, message: str | None) -> None:
        if message is not None:
            self.refusals.append(f"{refname.removeprefix('refs/heads/')}: {message}")


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turns libgit2's errors into ours."""
    try:
        yield
    except pygit2.GitError as error:
        text = str(error)
        if "401" in text or "403" in text:
            raise Denied(f"{url}: {text}", reason="AuthenticationFailed") from error
        raise NetworkFailed(f"{url}: {text}") from error
