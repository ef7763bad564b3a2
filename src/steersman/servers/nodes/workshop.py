"""What the pretend controllers work with: reading, writing and timers, all synchronous."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from steersman.kit.clock import parse_rfc3339
from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import Manifest, metadata_of, name_of, namespace_of, uid_of
from steersman.servers.apiserver.authn import MASTERS, User
from steersman.servers.apiserver.bodies import Body
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.controllers.reactor import Reactor
from steersman.servers.apiserver.deletes import Deleter
from steersman.servers.apiserver.options import DeleteOptions, WriteOptions
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.writes import Target, Writer
from steersman.servers.nodes.settings import NodeSettings

__all__ = ["Workshop", "controller_of", "controller_reference"]

_GONE: Final = frozenset({404, 409})


def controller_reference(owner: Manifest) -> dict[str, Any]:
    """Builds the reference by which an object belongs to its controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Returns the reference to the controller, if there is one."""
    references: Iterable[Mapping[str, Any]] = metadata_of(obj).get("ownerReferences") or ()
    return next((one for one in references if one.get("controller")), None)


class Workshop:
    """Access to one cluster under one name.

    Args:
        cluster: the store and what goes with it.
        writer: commits objects.
        deleter: deletes objects.
        reactor: runs work later.
        settings: how the nodes behave.
        manager: the field manager, and the end of the user's name.
    """

    def __init__(
        self,
        cluster: Cluster,
        writer: Writer,
        deleter: Deleter,
        reactor: Reactor,
        settings: NodeSettings,
        manager: str = "kube-controller-manager",
    ) -> None:
        self.cluster = cluster
        self.reactor = reactor
        self.settings = settings
        self._writer = writer
        self._deleter = deleter
        self._manager = manager
        self._options = WriteOptions(manager=manager, field_validation="Ignore")
        self._user = User(name=f"system:{manager}", groups=(MASTERS,))

    def under(self, manager: str) -> Workshop:
        """Returns the same access under another name."""
        return Workshop(
            self.cluster, self._writer, self._deleter, self.reactor, self.settings, manager
        )

    # time

    @property
    def now(self) -> str:
        """The server's time, RFC 3339."""
        return self.cluster.now

    @property
    def moment(self) -> datetime:
        """The server's time."""
        return self.cluster.clock.now()

    def seconds_since(self, text: str | None) -> float:
        """Returns how long ago a time was; 0 when there is none."""
        return (self.moment - parse_rfc3339(text)).total_seconds() if text else 0.0

    def later(self, seconds: float, key: tuple[str, ...], job: Callable[[], None]) -> None:
        """Does a job after some seconds; at once when they have passed."""
        if seconds <= 0:
            self.reactor.post(key, job)
        else:
            self.reactor.post_later(seconds, key, job)

    # reading

    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        """Returns one object."""
        return self.cluster.get(group, plural, namespace, name)

    def every(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        """Yields the objects of a resource."""
        return self.cluster.list(group, plural, namespace)

    def owned(self, group: str, plural: str, owner: Manifest) -> list[Manifest]:
        """Returns the objects that an owner controls, ordered by name."""
        uid = uid_of(owner)
        found = []
        for one in self.every(group, plural, namespace_of(owner)):
            reference = controller_of(one)
            if reference is not None and reference.get("uid") == uid:
                found.append(one)
        return found

    # writing

    def _resource(self, group: str, plural: str) -> Resource:
        resource = self.cluster.resource(group, plural)
        assert resource is not None, f"{plural}.{group} is built in"
        return resource

    def _target(self, resource: Resource, obj: Manifest, subresource: str = "") -> Target:
        return Target(
            resource=resource,
            namespace=namespace_of(obj),
            name=name_of(obj),
            subresource=subresource,
            user=self._user,
        )

    def create(self, group: str, plural: str, obj: Manifest) -> Manifest:
        """Creates an object.

        Raises:
            ApiError: the API refuses it.
        """
        resource = self._resource(group, plural)
        body = Body(value=obj)
        return self._writer.create(self._target(resource, obj), body, self._options).manifest

    def ensure(self, group: str, plural: str, obj: Manifest) -> None:
        """Creates an object unless it is there or cannot be."""
        try:
            self.create(group, plural, obj)
        except ApiError as error:
            if error.status_reason not in ("AlreadyExists", "NotFound", "Forbidden", "Invalid"):
                raise

    def set_status(self, group: str, plural: str, obj: Manifest, status: Mapping[str, Any]) -> None:
        """Writes a status when it differs."""
        if obj.get("status") != status:
            self.edit(group, plural, obj, lambda now: {**now, "status": dict(status)}, "status")

    def edit(
        self,
        group: str,
        plural: str,
        obj: Manifest,
        change: Callable[[Manifest], Manifest],
        subresource: str = "",
    ) -> None:
        """Changes an object if it is still the same one."""
        resource = self._resource(group, plural)
        current = self.get(group, plural, namespace_of(obj), name_of(obj))
        if current is None or uid_of(current) != uid_of(obj):
            return
        target = self._target(resource, obj, subresource)
        try:
            self._writer.patch(
                target, lambda now: resource.strategy.decode(change(now)), self._options
            )
        except ApiError as error:
            if error.code not in _GONE:
                raise

    def delete(self, group: str, plural: str, obj: Manifest, grace: int | None = None) -> None:
        """Deletes an object, with its dependents in the background, if it is the same one."""
        resource = self._resource(group, plural)
        options = DeleteOptions(propagation="Background", uid=uid_of(obj), grace=grace)
        try:
            self._deleter.delete(self._target(resource, obj), options)
        except ApiError as error:
            if error.code not in _GONE:
                raise
