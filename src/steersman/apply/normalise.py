"""The normal form of a manifest: what a typed client of Kubernetes would send.

For built-in kinds: fields that the kind does not have and nulls are dropped, ``stringData`` of a
Secret moves into ``data``, and ports get the default protocol, which apply needs to tell list
items apart (structured-merge-diff#130). For all kinds: ``status`` is dropped, except of custom
resource definitions, and ``metadata.creationTimestamp``. Roles and ClusterRoles are left alone, and
so is an object whose values do not fit its kind: the API server's own message is the better one.

Source: behaviour of fluxcd/pkg ssa/normalize and ssa/utils (cert_validation).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import Catalogue, Schema

__all__ = ["Normaliser"]

_UNTOUCHED = frozenset({"Role", "ClusterRole"})
_POD_SPEC_PATHS: Mapping[GroupVersionKind, tuple[str, ...]] = {
    GroupVersionKind("", "v1", "Pod"): ("spec",),
    **{
        GroupVersionKind("apps", "v1", kind): ("spec", "template", "spec")
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
    },
    GroupVersionKind("batch", "v1", "Job"): ("spec", "template", "spec"),
    GroupVersionKind("batch", "v1", "CronJob"): (
        "spec",
        "jobTemplate",
        "spec",
        "template",
        "spec",
    ),
}
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")


class Normaliser:
    """Normalises manifests with the schemas of one Kubernetes minor.

    Args:
        catalogue: the built-in kinds.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def normalise(self, manifest: Manifest) -> Manifest:
        """Returns the normal form; the given manifest stays as it is."""
        gvk = GroupVersionKind.of(manifest)
        if gvk.group == "rbac.authorization.k8s.io" and gvk.kind in _UNTOUCHED:
            return manifest
        is_definition = (gvk.group, gvk.kind) == _DEFINITION
        if is_definition:
            manifest = _without_bad_bundle(manifest)
        else:
            schema = self._catalogue.schema_of(gvk)
            if schema is not None:
                manifest = self._fit(manifest, schema, gvk)
            manifest = {key: value for key, value in manifest.items() if key != "status"}
        metadata = manifest.get("metadata")
        if isinstance(metadata, dict) and "creationTimestamp" in metadata:
            metadata = {k: v for k, v in metadata.items() if k != "creationTimestamp"}
            manifest = {**manifest, "metadata": metadata}
        return manifest

    def _fit(self, manifest: Manifest, schema: Schema, gvk: GroupVersionKind) -> Manifest:
        try:
            fitted = self._prune(manifest, schema)
        except _DoesNotFitError:
            return manifest
        assert isinstance(fitted, dict)
        if gvk.kind == "Secret" and not gvk.group:
            return _encode_string_data(fitted)
        if gvk.kind == "Service" and not gvk.group:
            return _edit(fitted, ("spec",), _with_protocols)
        path = _POD_SPEC_PATHS.get(gvk)
        return fitted if path is None else _edit(fitted, path, _with_container_protocols)

    def _prune(self, value: Any, schema: Schema) -> Any:
        """Drops unknown fields and nulls below one value."""
        schema = self._resolved(schema)
        properties = schema.get("properties")
        additional = schema.get("additionalProperties")
        items = schema.get("items")
        if properties is not None or isinstance(additional, dict):
            if not isinstance(value, dict):
                raise _DoesNotFitError
            known = properties or {}
            result = {}
            for key, item in value.items():
                field = known.get(key, additional)
                if not isinstance(field, dict):
                    continue
                if item is not None:
                    result[key] = self._prune(item, field)
                elif key not in known and field.get("type") == "string":
                    result[key] = ""  # what a null decodes to in a map of texts
            return result
        if items is not None:
            if not isinstance(value, list):
                raise _DoesNotFitError
            return [self._prune(item, items) for item in value]
        _check_scalar(value, schema)
        return value

    def _resolved(self, schema: Schema) -> Schema:
        while True:
            ref = schema.get("$ref")
            if ref is None:
                parts = schema.get("allOf")
                if not parts or len(parts) != 1:
                    return schema
                ref = parts[0].get("$ref")
                if ref is None:
                    return schema
            schema = self._catalogue.resolve(ref)


class _DoesNotFitError(Exception):
    """A value has another type than its kind says."""


_SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def _check_scalar(value: Any, schema: Schema) -> None:
    allowed = _SCALARS.get(schema.get("type", ""))
    if allowed is None or schema.get("x-kubernetes-int-or-string"):
        return
    if schema.get("format") in ("int-or-string", "quantity"):
        return
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise _DoesNotFitError


def _edit(manifest: Manifest, path: tuple[str, ...], change: Any) -> Manifest:
    """Replaces the mapping at a path, copying only the way to it."""
    if not path:
        changed = change(manifest)
        assert isinstance(changed, dict)
        return changed
    child = manifest.get(path[0])
    if not isinstance(child, dict):
        return manifest
    changed = _edit(child, path[1:], change)
    return manifest if changed is child else {**manifest, path[0]: changed}


def _with_protocols(owner: Manifest) -> Manifest:
    ports = owner.get("ports")
    if not isinstance(ports, list):
        return owner
    filled = [
        {**port, "protocol": "TCP"} if isinstance(port, dict) and not port.get("protocol") else port
        for port in ports
    ]
    return {**owner, "ports": filled} if filled != ports else owner


def _with_container_protocols(spec: Manifest) -> Manifest:
    containers = spec.get("containers")
    if not isinstance(containers, list):
        return spec
    filled = [_with_protocols(c) if isinstance(c, dict) else c for c in containers]
    return {**spec, "containers": filled} if filled != containers else spec


def _encode_string_data(secret: Manifest) -> Manifest:
    texts = secret.get("stringData")
    if not isinstance(texts, dict):
        return secret
    data = dict(secret.get("data") or {})
    for key, value in texts.items():
        data[key] = base64.b64encode(str(value).encode()).decode()
    rest = {key: value for key, value in secret.items() if key != "stringData"}
    return {**rest, "data": data} if data else rest


def _without_bad_bundle(definition: Manifest) -> Manifest:
    """Drops a CA bundle that the API server would refuse (Kubernetes 1.31 and newer)."""
    path = ("spec", "conversion", "webhook", "clientConfig")

    def drop(config: Manifest) -> Manifest:
        bundle = config.get("caBundle")
        if not isinstance(bundle, str) or not bundle or _is_certificate(bundle):
            return config
        return {key: value for key, value in config.items() if key != "caBundle"}

    return _edit(definition, path, drop)


def _is_certificate(bundle: str) -> bool:
    from cryptography import x509

    try:
        raw = base64.b64decode(bundle, validate=True)
        return not raw or bool(x509.load_pem_x509_certificates(raw))
    except (binascii.Error, ValueError):
        return False
