"""Is a body about what its request is about: kind, name, namespace, unknown fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupKind
from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.answers import bad_request
from steersman.servers.apiserver.fielderrors import invalid, invalid_object
from steersman.servers.apiserver.options import WriteOptions
from steersman.servers.apiserver.resources import Resource, ResourceTable

if TYPE_CHECKING:
    from steersman.servers.apiserver.writes import Target

__all__ = ["check_kind", "judge", "place", "with_reset", "wrong_name"]


def check_kind(table: ResourceTable, resource: Resource, value: Mapping[str, Any]) -> None:
    """Refuses a body of another kind.

    Raises:
        ApiError: 400.
    """
    kind, version = value.get("kind", ""), value.get("apiVersion", "")
    expected = resource.gvk
    if resource.custom:
        _check_custom(resource, value)
        return
    if kind in ("", expected.kind) and version in ("", resource.api_version):
        return
    group, _, given = str(version or resource.api_version).rpartition("/")
    kind = kind or expected.kind
    if table.of_kind(type(expected)(group, given, kind)) is None:
        raise bad_request(
            f'{kind} in version "{given}" cannot be handled as a {expected.kind}: no kind '
            f'"{kind}" is registered for version "{version or resource.api_version}" in '
            'scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"'
        )
    internal_group = expected.group.partition(".")[0] or "core"
    raise bad_request(
        f'{kind} in version "{given}" cannot be handled as a {expected.kind}: converting '
        f"({given}.{kind}) to ({internal_group}.{expected.kind}): unknown conversion"
    )


def _check_custom(resource: Resource, value: Mapping[str, Any]) -> None:
    """Custom resources are read without a schema first, which gives other texts."""
    kind, version = value.get("kind", ""), value.get("apiVersion", "")
    expected = resource.gvk
    if not kind:
        # The real server repeats the body as it was sent; we no longer have its spaces.
        text = json.dumps(value, ensure_ascii=False)
        raise bad_request(
            f"the object provided is unrecognized (must be of type {expected.kind}): Object "
            f"'Kind' is missing in '{text}' ({text[:30]} ...)"
        )
    if version not in ("", resource.api_version):
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if kind != expected.kind:
        error = invalid("kind", kind, f"must be {expected.kind}")
        name = str((value.get("metadata") or {}).get("name", ""))
        raise invalid_object(GroupKind(expected.group, kind), name, [error])


def judge(resource: Resource, problems: tuple[str, ...], options: WriteOptions) -> tuple[str, ...]:
    """Refuses, reports or ignores what a strict decoder found, as the request wishes.

    Raises:
        ApiError: 400 under ``Strict``.
    """
    if not problems or options.field_validation == "Ignore":
        return ()
    if options.field_validation == "Warn":
        return problems
    info = resource.info
    raise bad_request(
        f'{info.kind} in version "{info.version}" cannot be handled as a {info.kind}: '
        f"strict decoding error: {', '.join(problems)}"
    )


def wrong_name(given: str, expected: str) -> ApiError:
    """400: the object has no name, or another one than the URL."""
    if not given:
        return bad_request(
            f"the name of the object ({expected} based on URL) was undeterminable: name must be "
            "provided"
        )
    return bad_request(
        f"the name of the object ({given}) does not match the name on the URL ({expected})"
    )


def place(target: Target, obj: Manifest) -> Manifest:
    """Puts an object into the namespace of the request.

    Raises:
        ApiError: 400, it names another one.
    """
    given = metadata_of(obj).get("namespace", "")
    wanted = target.namespace if target.resource.info.namespaced else ""
    if given == wanted:
        return obj
    if given:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return {**obj, "metadata": {**metadata_of(obj), "namespace": wanted}}


def with_reset(obj: Manifest, raw: Mapping[str, Any]) -> Manifest:
    """Keeps an empty ``managedFields`` of a body, which asks to forget all owners.

    Decoding drops empty lists, as Go's types do.
    """
    metadata = raw.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    if entries == [] or entries == [{}]:
        return {**obj, "metadata": {**metadata_of(obj), "managedFields": []}}
    return obj
