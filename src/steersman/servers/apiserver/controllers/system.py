"""Writes that the control plane makes itself, through the same path as any client's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.authn import MASTERS, User
from steersman.servers.apiserver.bodies import Body
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.deletes import Deleter
from steersman.servers.apiserver.options import DeleteOptions, WriteOptions
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.writes import Target, Writer

__all__ = ["CONTROLLER_MANAGER", "System"]

CONTROLLER_MANAGER = "kube-controller-manager"


class System:
    """Creates, changes and deletes objects on behalf of the control plane.

    Args:
        cluster: the store and what goes with it.
        writer: commits objects.
        deleter: deletes objects.
        manager: the field manager and user name suffix.
    """

    def __init__(
        self,
        cluster: Cluster,
        writer: Writer,
        deleter: Deleter,
        manager: str = CONTROLLER_MANAGER,
    ) -> None:
        self.cluster = cluster
        self._writer = writer
        self._deleter = deleter
        self._options = WriteOptions(manager=manager, field_validation="Ignore")
        self._user = User(name=f"system:{manager}", groups=(MASTERS,))

    def target(self, resource: Resource, obj: Manifest, subresource: str = "") -> Target:
        """Names an object."""
        metadata = metadata_of(obj)
        return Target(
            resource=resource,
            namespace=metadata.get("namespace", ""),
            name=metadata.get("name", ""),
            subresource=subresource,
            user=self._user,
        )

    def create(self, group: str, plural: str, obj: Manifest) -> bool:
        """Creates an object; says whether it was absent."""
        resource = self.cluster.resource(group, plural)
        if resource is None:
            return False
        try:
            self._writer.create(self.target(resource, obj), Body(value=obj), self._options)
        except ApiError as error:
            if error.status_reason in ("AlreadyExists", "NotFound", "Forbidden"):
                return False
            raise
        return True

    def change(
        self,
        resource: Resource,
        obj: Manifest,
        edit: Callable[[Manifest], Manifest],
        subresource: str = "",
        manager: str = "",
    ) -> None:
        """Changes an object if it is still there."""
        options = replace(self._options, manager=manager) if manager else self._options
        target = self.target(resource, obj, subresource)
        try:
            self._writer.patch(
                target, lambda current: resource.strategy.decode(edit(current)), options
            )
        except ApiError as error:
            if error.code != 404:
                raise

    def apply(self, resource: Resource, config: Manifest, manager: str) -> None:
        """Applies a configuration by force, under a name of its own."""
        options = replace(self._options, manager=manager, force=True)
        self._writer.apply(self.target(resource, config), config, options)

    def delete(self, resource: Resource, obj: Manifest, propagation: str = "") -> None:
        """Deletes an object if it is still the same one."""
        options = DeleteOptions(propagation=propagation, uid=metadata_of(obj)["uid"])
        try:
            self._deleter.delete(self.target(resource, obj), options)
        except ApiError as error:
            if error.code not in (404, 409):
                raise
