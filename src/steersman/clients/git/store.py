"""What the client remembers of each repository, so that a new revision fetches only what is new."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from steersman.clients.git.objects import CommitObject, RawObject, parse_commit, parse_tree
from steersman.clients.git.pack import Fetched
from steersman.clients.git.protocol import Advertisement

__all__ = ["RepositoryMemory", "Stores"]

_COMMITS = 8


class RepositoryMemory:
    """The objects of one repository: a few whole commits.

    Attributes:
        lock: held while something is fetched, so that it is fetched once.
        greeting: what the server said first, if it need not be asked again.
        members: (branch tip, commit) pairs of which we know that the commit is on the branch.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.greeting: Advertisement | None = None
        self.members: set[tuple[str, str]] = set()
        self.size = 0
        self._objects: dict[str, RawObject] = {}
        self._whole: OrderedDict[str, None] = OrderedDict()
        self._shallows: set[str] = set()
        self._has_gaps = False

    @property
    def objects(self) -> dict[str, RawObject]:
        """All objects by id; not to be changed."""
        return self._objects

    @property
    def haves(self) -> tuple[str, ...]:
        """Commits a server may build on; none while a large file was left out of one."""
        return () if self._has_gaps else tuple(self._whole)

    @property
    def shallows(self) -> tuple[str, ...]:
        """Those of :attr:`haves` whose parents we lack."""
        return tuple(commit for commit in self.haves if commit in self._shallows)

    def get(self, target: str) -> RawObject | None:
        """Returns an object, or ``None``."""
        return self._objects.get(target)

    def is_whole(self, commit: str) -> bool:
        """Whether a commit is here with everything below its tree."""
        if commit in self._whole:
            self._whole.move_to_end(commit)
            return True
        return False

    def commit(self, commit: str) -> CommitObject | None:
        """Returns a commit, or ``None``."""
        raw = self._objects.get(commit)
        if raw is None or raw.kind != "commit" or raw.data is None:
            return None
        return parse_commit(commit, raw.data)

    def add(self, fetched: Fetched) -> None:
        """Takes up what a fetch brought."""
        self._objects.update(fetched.objects)
        self._shallows |= fetched.shallows
        self._has_gaps |= any(raw.data is None for raw in fetched.objects.values())
        self.size = sum(len(raw.data or b"") for raw in self._objects.values())

    def mark_whole(self, commit: str) -> None:
        """Notes that a commit is complete; old commits are forgotten, and what only they had."""
        self._whole[commit] = None
        self._whole.move_to_end(commit)
        if len(self._whole) > _COMMITS:
            while len(self._whole) > _COMMITS // 2:
                self._whole.popitem(last=False)
            self._keep_reachable()

    def _keep_reachable(self) -> None:
        kept: dict[str, RawObject] = {}
        for commit in self._whole:
            found = self.commit(commit)
            pending = [commit, found.tree] if found else []
            while pending:
                target = pending.pop()
                raw = self._objects.get(target)
                if raw is None or target in kept:
                    continue
                kept[target] = raw
                if raw.kind == "tree" and raw.data is not None:
                    pending += [entry.target for entry in parse_tree(target, raw.data)]
        self._objects = kept
        self._shallows &= kept.keys()
        self._has_gaps = any(raw.data is None for raw in kept.values())
        self.size = sum(len(raw.data or b"") for raw in kept.values())


class Stores:
    """The memories of all repositories, bounded together.

    Args:
        most_bytes: what they may hold; the ones used longest ago are dropped.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._memories: OrderedDict[str, RepositoryMemory] = OrderedDict()

    def of(self, url: str) -> RepositoryMemory:
        """Returns the memory of a repository, new or not."""
        memory = self._memories.setdefault(url, RepositoryMemory())
        self._memories.move_to_end(url)
        return memory

    def shrink(self) -> None:
        """Drops memories until the rest fits."""
        held = sum(memory.size for memory in self._memories.values())
        while held > self._most_bytes:
            for url, memory in self._memories.items():
                if not memory.lock.locked():
                    del self._memories[url]
                    held -= memory.size
                    break
            else:
                return
