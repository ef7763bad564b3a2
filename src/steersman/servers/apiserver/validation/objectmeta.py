"""The rules of ``metadata``, for every kind alike.

Source of the rules: ``k8s.io/apimachinery/pkg/api/validation``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from steersman.kit.gotext import quote
from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    GoText,
    forbidden,
    invalid,
    required,
    too_long,
)
from steersman.servers.apiserver.validation.names import (
    NameRule,
    label_value,
    name_is_label,
    qualified_name,
)

__all__ = [
    "immutable",
    "validate_annotations",
    "validate_labels",
    "validate_metadata",
    "validate_metadata_update",
]

IMMUTABLE: Final = "field is immutable"
_ANNOTATION_BYTES: Final = 256 * 1024
_TIMES: Final = ("creationTimestamp", "deletionTimestamp")


def validate_labels(labels: Mapping[str, str], path: str) -> list[FieldError]:
    """Checks the keys and values of labels, in key order."""
    errors: list[FieldError] = []
    for name in sorted(labels):
        errors += [invalid(path, name, text) for text in qualified_name(name)]
        errors += [invalid(path, labels[name], text) for text in label_value(labels[name])]
    return errors


def validate_annotations(annotations: Mapping[str, str], path: str) -> list[FieldError]:
    """Checks the keys and the total size (256 KiB) of annotations."""
    errors = [
        invalid(path, name, text)
        for name in sorted(annotations)
        for text in qualified_name(name.lower())
    ]
    size = sum(len(name.encode()) + len(value.encode()) for name, value in annotations.items())
    if size > _ANNOTATION_BYTES:
        errors.append(too_long(path, f"may not be more than {_ANNOTATION_BYTES} bytes"))
    return errors


def validate_metadata(
    obj: Manifest,
    *,
    namespaced: bool,
    name_rule: NameRule,
    path: str = "metadata",
    builtin: bool = True,
) -> list[FieldError]:
    """Checks the metadata of a new object.

    Finalizers need a domain and a path only on built-in kinds; custom objects are warned about.
    """
    metadata: Mapping[str, Any] = obj.get("metadata") or {}
    errors: list[FieldError] = []
    prefix = metadata.get("generateName") or ""
    if prefix:
        errors += [
            invalid(f"{path}.generateName", prefix, text) for text in name_rule(prefix, True)
        ]
    name = metadata.get("name") or ""
    if name:
        errors += [invalid(f"{path}.name", name, text) for text in name_rule(name, False)]
    else:
        errors.append(required(f"{path}.name", "name or generateName is required"))
    errors += _validate_namespace(metadata.get("namespace") or "", namespaced, path)
    generation = metadata.get("generation") or 0
    if generation < 0:
        text = "must be greater than or equal to 0"
        errors.append(invalid(f"{path}.generation", generation, text))
    errors += _validate_common(metadata, path)
    finalizers = metadata.get("finalizers") or ()
    return errors + _validate_finalizers(finalizers, f"{path}.finalizers", builtin)


def _validate_namespace(namespace: str, namespaced: bool, path: str) -> list[FieldError]:
    field = f"{path}.namespace"
    if not namespaced:
        return [forbidden(field, "not allowed on this type")] if namespace else []
    if not namespace:
        return [required(field)]
    return [invalid(field, namespace, text) for text in name_is_label(namespace, False)]


def _validate_common(metadata: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = validate_labels(metadata.get("labels") or {}, f"{path}.labels")
    errors += validate_annotations(metadata.get("annotations") or {}, f"{path}.annotations")
    return errors + _validate_owners(
        metadata.get("ownerReferences") or (), f"{path}.ownerReferences"
    )


def _validate_owners(owners: Sequence[Mapping[str, Any]], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    first = ""
    for owner in owners:
        errors += _validate_owner(owner, path)
        if owner.get("controller"):
            current = f"{owner.get('kind')}/{owner.get('name')}"
            if first:
                text = (
                    "Only one reference can have Controller set to true. "
                    f'Found "true" in references for {first} and {current}'
                )
                errors.append(invalid(path, GoText(_owners_text(owners)), text))
            else:
                first = current
    return errors


def _owners_text(owners: Sequence[Mapping[str, Any]]) -> str:
    order = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
    shown = [{name: owner[name] for name in order if name in owner} for owner in owners]
    return json.dumps(shown, separators=(",", ":"))


def _validate_owner(owner: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = []
    api_version = owner.get("apiVersion") or ""
    if not api_version.rpartition("/")[2]:
        errors.append(invalid(f"{path}.apiVersion", api_version, "version must not be empty"))
    errors += [
        invalid(f"{path}.{name}", "", "must not be empty")
        for name in ("kind", "name", "uid")
        if not owner.get(name)
    ]
    if (api_version, owner.get("kind")) == ("v1", "Event"):
        text = "/v1, Kind=Event is disallowed from being an owner"
        errors.append(invalid(path, dict(owner), text))
    return errors


_UNQUALIFIED: Final = "name is neither a standard finalizer name nor is it fully qualified"
_STANDARD_FINALIZERS: Final = frozenset(("kubernetes", "orphan", "foregroundDeletion"))


def _validate_finalizers(finalizers: Sequence[str], path: str, builtin: bool) -> list[FieldError]:
    errors = [invalid(path, name, text) for name in finalizers for text in qualified_name(name)]
    if builtin and not errors:
        errors = [
            invalid(f"{path}[{index}]", name, _UNQUALIFIED)
            for index, name in enumerate(finalizers)
            if "/" not in name and name not in _STANDARD_FINALIZERS
        ]
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        text = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid(path, list(finalizers), text))
    return errors


def _go_texts(texts: Sequence[str]) -> str:
    return f"[]string{{{', '.join(map(quote, texts))}}}"


def immutable(new: object, old: object, path: str, shown: object = None) -> list[FieldError]:
    """One error when a value changed; ``shown`` replaces the value in the text."""
    return [] if new == old else [invalid(path, new if shown is None else shown, IMMUTABLE)]


def validate_metadata_update(
    new: Manifest, old: Manifest, path: str = "metadata"
) -> list[FieldError]:
    """Checks that an update leaves the identity of an object alone."""
    now: Mapping[str, Any] = new.get("metadata") or {}
    was: Mapping[str, Any] = old.get("metadata") or {}
    errors: list[FieldError] = []
    if was.get("deletionTimestamp"):
        extra = sorted(set(now.get("finalizers") or ()) - set(was.get("finalizers") or ()))
        if extra:
            text = (
                "no new finalizers can be added if the object is being deleted, "
                f"found new finalizers {_go_texts(extra)}"
            )
            errors.append(forbidden(f"{path}.finalizers", text))
    if not now.get("resourceVersion"):
        text = "must be specified for an update"
        errors.append(invalid(f"{path}.resourceVersion", "", text))
    if (now.get("generation") or 0) < (was.get("generation") or 0):
        text = "must not be decremented"
        errors.append(invalid(f"{path}.generation", now.get("generation") or 0, text))
    for name in ("name", "namespace", "uid"):
        errors += immutable(now.get(name) or "", was.get(name) or "", f"{path}.{name}")
    for name in (*_TIMES, "deletionGracePeriodSeconds"):
        errors += immutable(now.get(name), was.get(name), f"{path}.{name}")
    return errors + _validate_common(now, path)
