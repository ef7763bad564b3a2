"""The built-in resources of a Kubernetes minor, as this server serves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from steersman.schemas.catalogue import Catalogue, ResourceInfo
from steersman.servers.apiserver.discovery import storage_version_hash
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.strategies.registry import BuiltinStrategies

__all__ = ["builtin_resources"]

_STORAGE: Mapping[tuple[str, str], str] = {
    ("events.k8s.io", "events"): "v1",
    ("autoscaling", "horizontalpodautoscalers"): "autoscaling/v2",
}
"""Where an object is kept that is served in more than one group or version."""

_DEPRECATIONS: Mapping[str, str] = {
    "/componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
    "/endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}


def builtin_resources(catalogue: Catalogue, strategies: BuiltinStrategies) -> Iterator[Resource]:
    """Yields every built-in resource in discovery order, the preferred version first."""
    for info in catalogue.resources:
        yield _resource(info, strategies)


def _resource(info: ResourceInfo, strategies: BuiltinStrategies) -> Resource:
    stored = _STORAGE.get((info.group, info.plural), info.gvk.api_version)
    group, _, version = stored.rpartition("/")
    return Resource(
        info=info,
        strategy=strategies.for_resource(info),
        storage_version=stored,
        deprecation=_DEPRECATIONS.get(f"{info.group}/{info.plural}", ""),
        storage_version_hash=storage_version_hash(group, version, info.kind),
    )
