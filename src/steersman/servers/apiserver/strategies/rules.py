"""What a built-in kind adds to its type: defaults, validation, what the server owns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.fielderrors import FieldError
from steersman.servers.apiserver.strategy import Scale, Traits, WriteContext
from steersman.servers.apiserver.validation.names import NameRule, name_is_subdomain

__all__ = ["KindRules", "Tree", "part"]

Tree: TypeAlias = dict[str, Any]
"""A part of an object that its owner may edit."""

Default: TypeAlias = Callable[[Manifest], None]
PrepareCreate: TypeAlias = Callable[[Manifest, WriteContext], None]
PrepareUpdate: TypeAlias = Callable[[Manifest, Manifest, WriteContext], None]
Validate: TypeAlias = Callable[[Manifest], list[FieldError]]
ValidateUpdate: TypeAlias = Callable[[Manifest, Manifest], list[FieldError]]
Warn: TypeAlias = Callable[[Manifest, Manifest | None], Sequence[str]]
Select: TypeAlias = Callable[[Manifest], Mapping[str, str]]


def part(obj: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Returns the mapping at a path, or an empty one."""
    value: Any = obj
    for name in path:
        value = value.get(name)
        if not isinstance(value, dict):
            return {}
    return value  # type: ignore[no-any-return]


def _nothing(*_: object) -> None:
    return None


def _no_errors(*_: object) -> list[FieldError]:
    return []


def _no_warnings(*_: object) -> tuple[str, ...]:
    return ()


def _no_fields(_: Manifest) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRules:
    """The hooks of one built-in kind; each has a harmless default.

    Attributes:
        default: fills in the defaults, in place, on every decode.
        prepare_create: edits a new object after its status was emptied.
        prepare_update: edits the new object of a main-endpoint write after the status was kept.
        validate: every problem of the object but those of its metadata.
        validate_update: every problem of a change but those of the metadata.
        immutables_first: problems of the change are told before those of the object.
        warn: texts for ``Warning`` headers.
        name_rule: grammar of ``metadata.name``.
        selectable: extra fields for field selectors.
        counts_generation: ``metadata.generation`` starts at 1 and counts changes.
        generation_parts: top-level parts whose change counts; others do not.
        annotations_count: a change of annotations counts, too.
        status_keeps: parts of the metadata that a status write cannot change.
        traits: how the REST layer treats the resource.
        scale: where the ``scale`` subresource reads and writes.
    """

    default: Default = _nothing
    prepare_create: PrepareCreate = _nothing
    prepare_update: PrepareUpdate = _nothing
    validate: Validate = _no_errors
    validate_update: ValidateUpdate = _no_errors
    immutables_first: bool = False
    warn: Warn = _no_warnings
    name_rule: NameRule = name_is_subdomain
    selectable: Select = _no_fields
    counts_generation: bool = False
    generation_parts: tuple[str, ...] = ("spec",)
    annotations_count: bool = False
    status_keeps: tuple[str, ...] = ()
    traits: Traits = field(default_factory=Traits)
    scale: Scale | None = None
