"""Is a body about what its request is about: kind, name, namespace, unknown fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import Manifest, metadata_of
from steersman.servers.apiserver.answers import bad_request
from steersman.servers.apiserver.options import WriteOptions
from steersman.servers.apiserver.resources import Resource, ResourceTable

if TYPE_CHECKING:
    from steersman.servers.apiserver.writes import Target

__all__ = ["check_kind", "judge", "place", "wrong_name"]


def check_kind(table: ResourceTable, resource: Resource, value: Mapping[str, Any]) -> None:
    """Refuses a body of another kind.

    Raises:
        ApiError: 400.
    """
    kind, version = value.get("kind", ""), value.get("apiVersion", "")
    expected = resource.gvk
    if resource.custom and not kind:
        raise bad_request(
            f'{expected.kind} in version "{expected.version}" cannot be handled as a '
            f"{expected.kind}: Object 'Kind' is missing in '{_compact(value)}'"
        )
    if kind in ("", expected.kind) and version in ("", resource.api_version):
        return
    group, _, given = str(version or resource.api_version).rpartition("/")
    kind = kind or expected.kind
    if resource.custom or table.of_kind(type(expected)(group, given, kind)) is None:
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


def _compact(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(value).decode()


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
