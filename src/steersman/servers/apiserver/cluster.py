"""What every part of the server shares: the store, the served resources, time and identities."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable
from datetime import datetime

from steersman.kit.clock import Clock, format_rfc3339
from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.resources import Resource, ResourceTable
from steersman.servers.apiserver.storage import Store

__all__ = ["Cluster"]

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_LONGEST_BASE = 63 - _SUFFIX_LENGTH


class Cluster:
    """The state of one embedded cluster; also the view of it that strategies get.

    Args:
        store: the objects.
        table: the served resources.
        clock: where time comes from.
        seed: makes uids and generated names repeatable; ``None`` takes the system's randomness.
    """

    def __init__(
        self, *, store: Store, table: ResourceTable, clock: Clock, seed: int | None = None
    ) -> None:
        self.store = store
        self.table = table
        self.clock = clock
        self._moment: datetime | None = None
        self._now = ""
        self._random = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 - for rehearsals only

    @property
    def now(self) -> str:
        """The server's time, RFC 3339, whole seconds."""
        moment = self.clock.now().replace(microsecond=0)
        if moment != self._moment:
            self._moment, self._now = moment, format_rfc3339(moment)
        return self._now

    def new_uid(self) -> str:
        """Returns a fresh random uid."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def generate_name(self, base: str) -> str:
        """Returns a name from ``generateName``: the base, cut, and five random letters."""
        suffix = "".join(self._random.choices(_SUFFIX_LETTERS, k=_SUFFIX_LENGTH))
        return base[:_LONGEST_BASE] + suffix

    def token(self, length: int = 32) -> str:
        """Returns random letters and digits for a secret."""
        return "".join(self._random.choices(_SUFFIX_LETTERS, k=length))

    def resource(self, group: str, plural: str) -> Resource | None:
        """Returns how a group's resource is served, in its preferred version."""
        return self.table.of_group_resource(group, plural)

    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        """Returns one stored object in its storage version."""
        key = f"{namespace}/{name}" if namespace else name
        stored = self.store.get(f"{group}/{plural}", key)
        return stored.manifest if stored else None

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        """Yields the stored objects of a resource; an empty namespace means all."""
        prefix = f"{namespace}/" if namespace else ""
        return (stored.manifest for stored in self.store.scan(f"{group}/{plural}", prefix))
