"""Patch bodies: JSON, merge and strategic merge, from bytes to an edit of the present object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from steersman.kit.gotext import quote
from steersman.kit.jsonpatch import JsonPatchFailed, apply_json_patch
from steersman.kit.mergepatch import apply_merge_patch
from steersman.objects.apistatus import ApiError, status_cause
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import Catalogue
from steersman.schemas.strategicmerge import apply_strategic
from steersman.servers.apiserver.answers import (
    bad_request,
    rejected,
    unsupported_media_type,
)
from steersman.servers.apiserver.bodies import find_duplicates, json_problem, read_yaml_mapping
from steersman.servers.apiserver.bodychecks import with_reset
from steersman.servers.apiserver.options import WriteOptions
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.strategy import Decoded
from steersman.servers.apiserver.writes import Edit

__all__ = [
    "APPLY",
    "JSON",
    "MERGE",
    "STRATEGIC",
    "check_media_type",
    "patch_edit",
    "read_apply",
    "read_patch",
]

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
MOST_OPERATIONS = 10_000

_encode = msgspec.json.Encoder().encode


def check_media_type(media: str, resource: Resource) -> None:
    """Refuses a patch that the resource does not take.

    Raises:
        ApiError: 415.
    """
    if media in (JSON, MERGE, APPLY):
        return
    if media == STRATEGIC and resource.traits.strategic_merge:
        return
    if resource.custom:
        raise unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: "
            f"{JSON}, {MERGE}, {APPLY}"
        )
    raise unsupported_media_type()


def patch_edit(
    media: str, data: bytes, resource: Resource, catalogue: Catalogue, options: WriteOptions
) -> Edit:
    """Reads a patch other than apply.

    Returns:
        A function from the present object to the wanted one, decoded.

    Raises:
        ApiError: 400 for a body that is no such patch, 413 for too many operations.
    """
    patch, duplicates = read_patch(media, data)

    def edit(current: Manifest) -> Decoded:
        patched = _apply(media, current, patch, resource, catalogue)
        if media == MERGE:
            patched = _sorted_where(patched, patch)
        return _decode(patched, resource, options, duplicates)

    return edit


def read_patch(media: str, data: bytes) -> tuple[Any, tuple[str, ...]]:
    """Decodes a patch; returns it with the problems of duplicate fields."""
    try:
        patch = msgspec.json.decode(data)
    except msgspec.DecodeError:
        raise bad_request(f"error decoding patch: {json_problem(data)}") from None
    if media != JSON:
        if not isinstance(patch, dict):
            raise bad_request("error decoding patch: json: cannot unmarshal array into Go value")
        return patch, find_duplicates(data, patch)
    if not isinstance(patch, list):
        kind = "object" if isinstance(patch, dict) else "value"
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type "
            "[]handlers.jsonPatchOp"
        )
    if len(patch) > MOST_OPERATIONS:
        raise ApiError(
            413,
            "RequestEntityTooLarge",
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{MOST_OPERATIONS}, got {len(patch)}",
        )
    return patch, ()


def _apply(
    media: str, current: Manifest, patch: Any, resource: Resource, catalogue: Catalogue
) -> Mapping[str, Any]:
    patched: Any
    if media == JSON:
        try:
            patched = apply_json_patch(current, patch)
        except JsonPatchFailed:
            raise rejected() from None
    elif media == MERGE:
        patched = apply_merge_patch(current, patch)
    else:
        schema = catalogue.schema_of(resource.gvk) or {}
        patched = apply_strategic(current, patch, schema, catalogue.resolve)
    return patched if isinstance(patched, dict) else {}


def _sorted_where(patched: Mapping[str, Any], patch: Any) -> Mapping[str, Any]:
    """Sorts the keys of mappings that a patch touched, as its Go library leaves them."""
    if not isinstance(patched, dict) or not isinstance(patch, dict):
        return patched
    return {
        name: _sorted_where(patched[name], patch[name]) if name in patch else patched[name]
        for name in sorted(patched)
    }


def _decode(
    patched: Mapping[str, Any],
    resource: Resource,
    options: WriteOptions,
    duplicates: tuple[str, ...],
) -> Decoded:
    kind, version = patched.get("kind"), patched.get("apiVersion")
    if kind != resource.info.kind or version != resource.api_version:
        raise _invalid_patch(
            patched,
            f"{kind} in version {quote(str(version))} cannot be handled as a {resource.info.kind}",
        )
    try:
        decoded = resource.strategy.decode(patched)
    except ApiError as error:
        text = error.message.partition(" cannot be handled as a ")[2].partition(": ")[2]
        raise _invalid_patch(patched, text or error.message) from error
    problems = (*duplicates, *decoded.problems)
    if problems and options.field_validation == "Strict":
        raise _invalid_patch(patched, f"strict decoding error: {', '.join(problems)}")
    return Decoded(obj=with_reset(decoded.obj, patched), problems=problems)


def _invalid_patch(patched: Mapping[str, Any], text: str) -> ApiError:
    body = f"Invalid value: {quote(_encode(patched).decode())}: {text}"
    details = {"causes": [status_cause("FieldValueInvalid", body, "patch")]}
    return ApiError(422, "Invalid", f' "" is invalid: patch: {body}', details=details)


def read_apply(data: bytes, resource: Resource, options: WriteOptions) -> Manifest:
    """Reads the configuration of an apply patch and checks what it is about.

    Raises:
        ApiError: 400, it is no YAML, or about another object.
    """
    value, duplicates = read_yaml_mapping(
        data,
        lambda text: bad_request(f"error decoding YAML: error converting YAML to JSON: {text}"),
    )
    if duplicates and options.field_validation == "Strict":
        raise bad_request(
            f"error strict decoding YAML: error converting YAML to JSON: {duplicates[0]}"
        )
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    kind, version = value.get("kind") or "", value.get("apiVersion") or ""
    if kind != resource.info.kind or version != resource.api_version:
        shown = version if "/" in version or not version else f"/{version}"
        raise bad_request(f"invalid object type: {shown or '/'}, Kind={kind}")
    return dict(value)
