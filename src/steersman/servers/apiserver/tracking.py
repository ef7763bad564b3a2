"""``managedFields``: one field manager for each resource, version and subresource."""

from __future__ import annotations

from collections.abc import Mapping

from steersman.fieldmanager.elements import field_element
from steersman.fieldmanager.fieldset import FieldSet, from_paths
from steersman.fieldmanager.manager import FieldManager
from steersman.fieldmanager.typesource import TypeSource
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import Catalogue
from steersman.servers.apiserver.conversion import convert
from steersman.servers.apiserver.resources import Resource, ResourceTable

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
        table: what is served.
    """

    def __init__(self, catalogue: Catalogue, table: ResourceTable) -> None:
        self._builtin = TypeSource.from_catalogue(catalogue)
        self._table = table
        self._managers: dict[tuple[str, str, str], tuple[Resource, FieldManager]] = {}

    def of(self, resource: Resource, subresource: str) -> FieldManager:
        """Returns the manager for writes through one endpoint of a resource."""
        key = (resource.api_version, resource.info.plural, subresource)
        kept = self._managers.get(key)
        if kept is None or kept[0] is not resource:
            kept = self._managers[key] = (resource, self._make(resource, subresource))
        return kept[1]

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
