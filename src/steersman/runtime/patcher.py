"""Writes an object's status and finalizers: the only writer of both."""

from __future__ import annotations

from typing import Any, Final

from steersman.clients.kube import KubeClient, PatchType
from steersman.conditions import StatusContract, StatusEditor, status_patch
from steersman.errors import SteersmanError
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.manifest import Manifest, metadata_of, resource_version_of, uid_of
from steersman.runtime.cache import Cache

__all__ = ["ObjectGone", "Patcher", "finalizers_of"]

_ATTEMPTS: Final = 5


class ObjectGone(SteersmanError):
    """The object was deleted, or replaced by another of the same name, while we worked on it."""

    default_reason = "Gone"


def finalizers_of(obj: Manifest) -> tuple[str, ...]:
    """Returns ``metadata.finalizers``."""
    return tuple(metadata_of(obj).get("finalizers") or ())


class Patcher:
    """Writes to one object in turn; remembers what it looks like after each write.

    Args:
        client: of the API.
        cache: of the kind; told what we wrote, so that the next run reads it.
        obj: the object as read.
        contract: of the kind.
        field_manager: whose fields these are.
    """

    def __init__(
        self,
        client: KubeClient,
        cache: Cache,
        obj: Manifest,
        *,
        contract: StatusContract,
        field_manager: str,
    ) -> None:
        self._client = client
        self._cache = cache
        self._contract = contract
        self._manager = field_manager
        self._kind: GroupVersionKind = cache.kind
        self.ref = ObjectRef.of(obj)
        self.live = obj
        self.writes = 0

    async def write_status(self, status: StatusEditor) -> None:
        """Writes what differs; one request, none when nothing differs, more after a conflict.

        Raises:
            ObjectGone: there is nothing to write to any more.
            ApiError: the API refused.
            NetworkFailed: there was no answer.
        """
        for attempt in range(_ATTEMPTS):
            body = status_patch(self.live, status, self._contract)
            if body is None:
                return
            try:
                await self._patch(body, subresource="status")
            except ApiError as error:
                if error.code != 409 or attempt == _ATTEMPTS - 1:
                    raise
                await self._refresh()
            else:
                status.mark_written()
                return

    async def add_finalizer(self, finalizer: str) -> None:
        """Adds a finalizer, once."""
        await self._change_finalizers(finalizer, present=True)

    async def remove_finalizer(self, finalizer: str) -> None:
        """Removes a finalizer; the object may be gone afterwards, or already."""
        try:
            await self._change_finalizers(finalizer, present=False)
        except ObjectGone:
            return

    async def _change_finalizers(self, finalizer: str, *, present: bool) -> None:
        for attempt in range(_ATTEMPTS):
            before = finalizers_of(self.live)
            if (finalizer in before) is present:
                return
            after = [name for name in before if name != finalizer]
            if present:
                after.append(finalizer)
            metadata = {
                "finalizers": after,
                "resourceVersion": resource_version_of(self.live),
            }
            try:
                await self._patch({"metadata": metadata})
                return
            except ApiError as error:
                if error.code != 409 or attempt == _ATTEMPTS - 1:
                    raise
                await self._refresh()

    async def _patch(self, body: dict[str, Any], subresource: str = "") -> None:
        self.writes += 1
        try:
            answer = await self._client.patch(
                self._kind,
                self.ref.name,
                self.ref.namespace,
                body,
                type=PatchType.MERGE,
                field_manager=self._manager,
                subresource=subresource,
            )
        except ApiError as error:
            if error.code == 404:
                raise ObjectGone(f"{self.ref} does not exist any more") from error
            raise
        self._take(answer)

    async def _refresh(self) -> None:
        live = await self._client.find(self._kind, self.ref.name, self.ref.namespace)
        if live is None:
            raise ObjectGone(f"{self.ref} does not exist any more")
        self._take(live)

    def _take(self, answer: Manifest) -> None:
        if uid_of(answer) != uid_of(self.live):
            raise ObjectGone(f"{self.ref} was replaced by another object of that name")
        self.live = answer
        self._cache.put(answer)
