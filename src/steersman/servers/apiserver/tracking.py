"""``managedFields``: one field manager for each resource, version and subresource."""

from __future__ import annotations

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.answers import unsupported_media_type
from steersman.servers.apiserver.resources import Resource

__all__ = ["Tracking"]


class _Untracked:
    def update(
        self,
        live: Manifest | None,
        new: Manifest,
        *,
        manager: str,
        now: str,
        operation: str = "Update",
    ) -> Manifest:
        return new

    def apply(
        self, live: Manifest | None, config: Manifest, *, manager: str, force: bool, now: str
    ) -> Manifest:
        raise unsupported_media_type("415: Unsupported Media Type")


class Tracking:
    """Finds the field manager of an endpoint."""

    def of(self, resource: Resource, subresource: str) -> _Untracked:
        """Returns the manager for writes through one endpoint."""
        return _Untracked()
