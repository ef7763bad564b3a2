"""Which clusters a fleet repository describes, and what each needs before Flux can take over.

A cluster is a directory below ``clusters/`` in which something says how Flux follows the
repository: a GitRepository and a Kustomization named ``flux-system``, or the ``sync`` of a
FluxInstance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from steersman.apis import kustomization
from steersman.apis.source import gitrepository
from steersman.errors import InvalidSpec
from steersman.kit.yaml import YamlError, load_manifests
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest, kind_of, labels_of, name_of

__all__ = ["FLUX_NAMESPACE", "Cluster", "read_clusters"]

FLUX_NAMESPACE: Final = "flux-system"
_SYNC_NAME: Final = "flux-system"
_RUNTIME_LABEL: Final = "toolkit.fluxcd.io/runtime"
_FLUX_INSTANCE: Final = ("fluxcd.controlplane.io", "FluxInstance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What the fleet repository says about one cluster.

    Attributes:
        name: name of its directory.
        path: its directory, without a slash at the end.
        environment: ``ENVIRONMENT`` of the runtime information, or empty.
        branch: ``GIT_BRANCH`` of the runtime information, or empty.
        variables: all of the runtime information.
        url: where the cluster fetches the fleet repository.
        secret: name of the Secret with its Git credentials, or empty.
        bootstrap: what to apply once, in order; Flux keeps it from then on.
    """

    name: str
    path: str
    environment: str
    branch: str
    variables: Mapping[str, str]
    url: str
    secret: str
    bootstrap: tuple[Manifest, ...]


def read_clusters(
    files: Mapping[str, bytes], *, directory: str = "clusters"
) -> tuple[Cluster, ...]:
    """Finds the clusters of a fleet repository, in alphabetical order.

    Args:
        files: path to content; files outside ``directory`` are not looked at.
        directory: where the clusters are.

    Raises:
        InvalidSpec: a file is not YAML, or a cluster's sync lacks what it needs; names the file.
    """
    prefix = f"{directory}/"
    names = sorted(
        {path.removeprefix(prefix).split("/")[0] for path in files if path.startswith(prefix)}
    )
    found = (_read_cluster(files, f"{prefix}{name}") for name in names)
    return tuple(cluster for cluster in found if cluster is not None)


def _read_cluster(files: Mapping[str, bytes], path: str) -> Cluster | None:
    objects = list(_objects_below(files, path))
    sync = _read_sync(objects, path)
    if sync is None:
        return None
    source, bootstrap = sync
    variables = _runtime_information(manifest for _, manifest in objects)
    spec = gitrepository.decode_gitrepository(source).spec
    return Cluster(
        name=path.rpartition("/")[2],
        path=path,
        environment=variables.get("ENVIRONMENT", ""),
        branch=variables.get("GIT_BRANCH", ""),
        variables=variables,
        url=spec.url,
        secret=spec.secret_ref.name if spec.secret_ref else "",
        bootstrap=bootstrap,
    )


def _objects_below(files: Mapping[str, bytes], path: str) -> Iterator[tuple[str, Manifest]]:
    for name in sorted(files):
        if not name.startswith(f"{path}/") or not name.endswith((".yaml", ".yml")):
            continue
        try:
            manifests = load_manifests(files[name], source=name)
        except YamlError as error:
            raise InvalidSpec(
                str(error), hint=f"correct `{name}` in the fleet repository"
            ) from error
        for manifest in manifests:
            yield name, manifest


def _read_sync(
    objects: list[tuple[str, Manifest]], path: str
) -> tuple[Manifest, tuple[Manifest, ...]] | None:
    """Returns the GitRepository and everything to apply once, the namespace first."""
    for name, manifest in objects:
        kind = GroupVersionKind.of(manifest)
        if (kind.group, kind.kind) == _FLUX_INSTANCE:
            source, flux = _sync_of_instance(manifest, name)
            return source, (_namespace(), source, flux)
    followed = _named(objects, gitrepository.GVK)
    if followed is None or _named(objects, kustomization.GVK) is None:
        return None
    home = f"{path}/{FLUX_NAMESPACE}/"
    kept = [manifest for name, manifest in objects if name.startswith(home)]
    namespaces = [manifest for manifest in kept if kind_of(manifest) == "Namespace"]
    others = [manifest for manifest in kept if kind_of(manifest) != "Namespace"]
    return followed, (*(namespaces or [_namespace()]), *others)


def _named(objects: Iterable[tuple[str, Manifest]], gvk: GroupVersionKind) -> Manifest | None:
    for _, manifest in objects:
        if GroupVersionKind.of(manifest) == gvk and name_of(manifest) == _SYNC_NAME:
            return manifest
    return None


def _sync_of_instance(instance: Manifest, file: str) -> tuple[Manifest, Manifest]:
    """Writes out the two objects that the ``sync`` of a FluxInstance stands for."""
    who = f"{file}: FluxInstance/{name_of(instance)}"
    spec = instance.get("spec")
    sync = spec.get("sync") if isinstance(spec, dict) else None
    if not isinstance(sync, dict):
        raise InvalidSpec(f"{who}: spec.sync is missing")
    kind = sync.get("kind", "GitRepository")
    if kind != "GitRepository":
        raise InvalidSpec(
            f"{who}: spec.sync.kind `{kind}` is not served yet",
            hint="follow a GitRepository",
        )
    for field in ("url", "ref", "path"):
        if not isinstance(sync.get(field), str):
            raise InvalidSpec(f"{who}: spec.sync.{field} is missing")
    source_spec: dict[str, Any] = {
        "interval": sync.get("interval", "1m"),
        "url": sync["url"],
        "ref": {"name": sync["ref"]},
    }
    if sync.get("pullSecret"):
        source_spec["secretRef"] = {"name": sync["pullSecret"]}
    flux_spec = {
        "interval": "10m",
        "path": sync["path"],
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": _SYNC_NAME},
    }
    return _sync_object(gitrepository.GVK, source_spec), _sync_object(kustomization.GVK, flux_spec)


def _sync_object(gvk: GroupVersionKind, spec: Mapping[str, Any]) -> Manifest:
    return {
        "apiVersion": gvk.api_version,
        "kind": gvk.kind,
        "metadata": {"name": _SYNC_NAME, "namespace": FLUX_NAMESPACE},
        "spec": dict(spec),
    }


def _namespace() -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FLUX_NAMESPACE}}


def _runtime_information(manifests: Iterable[Manifest]) -> dict[str, str]:
    for manifest in manifests:
        if kind_of(manifest) == "ConfigMap" and labels_of(manifest).get(_RUNTIME_LABEL) == "true":
            data = manifest.get("data")
            return (
                {str(key): str(value) for key, value in data.items()}
                if isinstance(data, dict)
                else {}
            )
    return {}
