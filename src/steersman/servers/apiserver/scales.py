"""The ``scale`` subresource: the number of replicas of an object, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from steersman.fieldmanager.elements import field_element
from steersman.fieldmanager.scale import owners_from_scale, owners_to_scale
from steersman.kit.jsonpatch import JsonPatchFailed, apply_json_patch
from steersman.kit.mergepatch import apply_merge_patch
from steersman.objects.identity import GroupKind
from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.answers import (
    bad_request,
    method_not_allowed,
    not_found,
    rejected,
    unknown_resource,
    unsupported_media_type,
)
from steersman.servers.apiserver.bodies import media_type, read_yaml_mapping
from steersman.servers.apiserver.bodychecks import wrong_name
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.conversion import from_storage
from steersman.servers.apiserver.encoding import encode_value
from steersman.servers.apiserver.fielderrors import invalid, invalid_object
from steersman.servers.apiserver.negotiation import negotiate
from steersman.servers.apiserver.options import WriteOptions
from steersman.servers.apiserver.patches import APPLY, JSON, MERGE, STRATEGIC, read_patch
from steersman.servers.apiserver.reads import get_object
from steersman.servers.apiserver.replies import reply
from steersman.servers.apiserver.rest import Call, RestApi, read_bytes
from steersman.servers.apiserver.strategy import Scale
from steersman.servers.apiserver.tracking import Tracking
from steersman.servers.apiserver.writes import Writer

__all__ = ["Scales"]

_KIND = GroupKind("autoscaling", "Scale")


class Scales:
    """Serves ``scale``.

    Args:
        cluster: the store and what goes with it.
        rest: decodes bodies.
        writer: commits objects.
        tracking: field managers.
    """

    def __init__(self, cluster: Cluster, rest: RestApi, writer: Writer, tracking: Tracking) -> None:
        self._cluster = cluster
        self._rest = rest
        self._writer = writer
        self._tracking = tracking

    async def serve(self, call: Call) -> web.StreamResponse:
        """Answers a request on the scale of an object."""
        if call.resource.info.subresource("scale") is None or call.resource.strategy.scale is None:
            raise unknown_resource()
        scale = call.resource.strategy.scale
        match call.info.verb:
            case "get":
                return self._get(call, scale)
            case "update" | "patch":
                return self._write(call, scale, await read_bytes(call.request))
            case _:
                raise method_not_allowed()

    def _get(self, call: Call, scale: Scale) -> web.Response:
        info = call.info
        stored = get_object(
            self._cluster.store,
            call.resource,
            info.namespace if call.resource.info.namespaced else "",
            info.name,
            call.query.get("resourceVersion", ""),
        )
        return self._answer(call, scale, from_storage(call.resource, stored.manifest))

    def _answer(
        self, call: Call, scale: Scale, obj: Manifest, warnings: tuple[str, ...] = ()
    ) -> web.Response:
        accept = call.request.headers.get("Accept", "")
        accepted = negotiate(accept, call.query, call.user_agent)
        body, media = encode_value(scale_of(obj, scale), accepted)
        return reply(body, media_type=media, warnings=warnings)

    def _write(self, call: Call, scale: Scale, data: bytes) -> web.Response:
        media = media_type(call.request.headers.get("Content-Type"))
        patching = call.info.verb == "patch"
        kind = "PatchOptions" if patching else "UpdateOptions"
        options = call.write_options(kind, apply=patching and media == APPLY)
        target = call.target()
        current = self._writer.current(target)
        if current is None:
            raise not_found(call.resource.info.group, call.resource.info.plural, target.name)
        edit = self._edit(call, media if patching else "", data, options)
        wanted = edit(self._owned(call, scale, current))
        obj = call.resource.strategy.decode(
            self._scaled(call, scale, current, wanted, target.name)
        ).obj
        written = self._writer.replace(target, current, obj, options, tracked=True)
        return self._answer(call, scale, written.manifest, written.warnings)

    def _edit(
        self, call: Call, media: str, data: bytes, options: WriteOptions
    ) -> Callable[[Manifest], Manifest]:
        """Reads the body; returns what turns the present Scale into the wanted one."""
        manager, now = self._tracking.scale(), self._cluster.now
        if media == APPLY:
            config, _ = read_yaml_mapping(data, bad_request)
            return lambda live: manager.apply(
                live, dict(config), manager=options.manager, force=options.force, now=now
            )
        if not media:
            body = dict(self._rest.read_object(call, data).value)
            return lambda live: manager.update(
                live, {**live, **body}, manager=options.manager, now=now
            )
        if media not in (JSON, MERGE, STRATEGIC):
            raise unsupported_media_type()
        patch, _ = read_patch(media, data)
        return lambda live: manager.update(
            live, dict(_patched(live, patch, media)), manager=options.manager, now=now
        )

    def _owned(self, call: Call, scale: Scale, obj: Manifest) -> Manifest:
        """Returns the Scale of an object with its owners."""
        shown = scale_of(obj, scale)
        entries = metadata_of(obj).get("managedFields")
        paths = {call.resource.api_version: _fields(scale)}
        owners = owners_to_scale(entries, paths)
        if owners:
            shown["metadata"]["managedFields"] = owners
        return shown

    def _scaled(
        self, call: Call, scale: Scale, current: Manifest, wanted: Manifest, name: str
    ) -> Manifest:
        """Writes the wanted number and its owners into the object."""
        changed = _with_replicas(current, wanted, scale, name)
        metadata = dict(metadata_of(changed))
        paths = {call.resource.api_version: _fields(scale)}
        metadata["managedFields"] = owners_from_scale(
            metadata.get("managedFields"),
            metadata_of(wanted).get("managedFields"),
            call.resource.api_version,
            paths,
        )
        return {**changed, "metadata": metadata}


def _fields(scale: Scale) -> tuple[str, ...]:
    return tuple(field_element(name) for name in scale.spec_replicas)


def scale_of(obj: Manifest, scale: Scale) -> Manifest:
    """Returns the Scale of an object."""
    metadata = metadata_of(obj)
    shown = {
        name: metadata[name]
        for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if name in metadata
    }
    spec: dict[str, Any] = {}
    replicas = _find(obj, scale.spec_replicas)
    if replicas:
        spec["replicas"] = replicas
    status: dict[str, Any] = {"replicas": _find(obj, scale.status_replicas) or 0}
    selector = _selector(_find(obj, scale.selector)) if scale.selector else ""
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": shown,
        "spec": spec,
        "status": status,
    }


def _selector(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        return ""
    labels = value.get("matchLabels", value if "matchExpressions" not in value else {})
    terms = [(key, f"{key}={text}") for key, text in (labels or {}).items()]
    for expression in value.get("matchExpressions") or ():
        key = expression["key"]
        values = ",".join(sorted(expression.get("values") or ()))
        match expression["operator"]:
            case "In":
                terms.append((key, f"{key} in ({values})"))
            case "NotIn":
                terms.append((key, f"{key} notin ({values})"))
            case "Exists":
                terms.append((key, key))
            case _:
                terms.append((key, f"!{key}"))
    return ",".join(text for _, text in sorted(terms))


def _find(obj: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = obj
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _set(obj: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    inner = obj.get(name)
    if rest:
        value = _set(inner if isinstance(inner, Mapping) else {}, tuple(rest), value)
    return {**obj, name: value}


def _patched(before: Manifest, patch: Any, media: str) -> Mapping[str, Any]:
    if media == JSON:
        try:
            patched = apply_json_patch(before, patch)
        except JsonPatchFailed:
            raise rejected() from None
    else:
        patched = apply_merge_patch(before, patch)
    return patched if isinstance(patched, dict) else {}


def _with_replicas(
    current: Manifest, wanted: Mapping[str, Any], scale: Scale, name: str
) -> Manifest:
    metadata = wanted.get("metadata") or {}
    if metadata.get("name") != name:
        raise wrong_name(metadata.get("name", ""), name)
    replicas = (wanted.get("spec") or {}).get("replicas") or 0
    _check(replicas, name)
    changed = _set(current, scale.spec_replicas, replicas)
    version = metadata.get("resourceVersion")
    if version:
        changed["metadata"] = {**metadata_of(current), "resourceVersion": version}
    return changed


def _check(replicas: Any, name: str) -> None:
    if not isinstance(replicas, int):
        raise bad_request(f"spec.replicas: expected a number, got {replicas!r}")
    if replicas < 0:
        error = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid_object(_KIND, name, [error])
