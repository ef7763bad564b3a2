"""``managedFields``: one field manager for each resource, version and subresource."""

from __future__ import annotations

from collections.abc import Mapping

from steersman.fieldmanager.elements import field_element
from steersman.fieldmanager.fieldset import FieldSet, from_paths
from steersman.fieldmanager.manager import FieldManager
from steersman.fieldmanager.typesource import TypeSource
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import Catalogue
from steersman.servers.apiserver.codec import Codec, Problems
from steersman.servers.apiserver.conversion import convert
from steersman.servers.apiserver.gotypes import type_name
from steersman.servers.apiserver.resources import Resource

__all__ = ["Tracking"]

_STATUS_ONLY = {"": (("status",),), "status": (("spec",),)}
_NO_METADATA = (("metadata",), ("spec",))
# Where the registry of the real server departs from that.
_EXCEPTIONS: Mapping[str, Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "CertificateSigningRequest": {
        "": (("spec",), ("status",)),
        "status": (("spec",), ("status", "conditions")),
        "approval": (("spec",), ("status", "certificate")),
    },
    "Deployment": {"status": (("spec",), ("metadata", "labels"))},
    "DeviceTaintRule": {"status": _NO_METADATA},
    "FlowSchema": {"status": _NO_METADATA},
    "Namespace": {"finalize": (("status",),)},
    "Pod": {
        "status": (("spec",), ("metadata", "deletionTimestamp"), ("metadata", "ownerReferences"))
    },
    "PriorityLevelConfiguration": {"status": _NO_METADATA},
    "ResourceClaim": {"status": _NO_METADATA},
    "ServiceCIDR": {"status": _NO_METADATA},
    "StorageVersionMigration": {"status": _NO_METADATA},
    "ValidatingAdmissionPolicy": {"status": _NO_METADATA},
    "VolumeAttachment": {"status": _NO_METADATA},
}


class Tracking:
    """Finds the field manager of an endpoint, and keeps it.

    Args:
        catalogue: types of the built-in kinds.
        codec: knows what an object looks like in which nothing is set.
    """

    def __init__(self, catalogue: Catalogue, codec: Codec) -> None:
        types = TypeSource.from_catalogue(catalogue)

        def zero(gvk: GroupVersionKind) -> Manifest:
            go_type = type_name(catalogue, gvk)
            if go_type is None or not codec.has(go_type):
                return {}
            obj: Manifest = codec.read(go_type, {}, Problems())
            return obj

        self._builtin = TypeSource(types.type_of, zero)
        self._managers: dict[tuple[str, str, str], tuple[Resource, FieldManager]] = {}

    def of(self, resource: Resource, subresource: str) -> FieldManager:
        """Returns the manager for writes through one endpoint of a resource."""
        key = (resource.api_version, resource.info.plural, subresource)
        kept = self._managers.get(key)
        if kept is None or kept[0] is not resource:
            kept = self._managers[key] = (resource, self._make(resource, subresource))
        return kept[1]

    def scale(self) -> FieldManager:
        """Returns the manager of the ``scale`` subresource, whatever the resource."""
        return FieldManager(self._builtin, GroupVersionKind("autoscaling", "v1", "Scale"), "scale")

    def _make(self, resource: Resource, subresource: str) -> FieldManager:
        def other_version(obj: Manifest, api_version: str) -> Manifest | None:
            return convert(obj, api_version)

        return FieldManager(
            resource.types or self._builtin,
            resource.gvk,
            subresource,
            _reset_fields(resource, subresource),
            other_version,
        )


def _reset_fields(resource: Resource, subresource: str) -> Mapping[str, FieldSet]:
    declared: Mapping[str, tuple[tuple[str, ...], ...]] = resource.traits.reset_fields
    if not resource.custom:
        usual = _STATUS_ONLY if resource.info.subresource("status") is not None else {}
        declared = {**usual, **declared, **_EXCEPTIONS.get(resource.info.kind, {})}
    paths = declared.get(subresource, ())
    if not paths:
        return {}
    fields = from_paths([[field_element(name) for name in path] for path in paths])
    return {resource.api_version: fields}
