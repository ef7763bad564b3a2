"""Fields that others may change: JSON pointers, for the objects that a selector selects.

Source: behaviour of fluxcd/pkg ssa/jsondiff (Selector, IgnoreRule).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steersman.errors import InvalidSpec
from steersman.kit.jsonpatch import Dialect, apply_json_patch
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import annotations_of, labels_of, name_of, namespace_of
from steersman.objects.selectors import LabelSelector, SelectorError

__all__ = ["IgnoreRule", "IgnoreRules", "ObjectSelector", "compile_selector", "without_pointers"]

_LENIENT = Dialect(allow_missing_on_remove=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSelector:
    """Which objects; every empty part selects all.

    Args:
        group: as the others to ``namespace``, an anchored regular expression.
        version: see ``group``.
        kind: see ``group``.
        name: see ``group``.
        namespace: see ``group``.
        label_selector: a label selector in query form.
        annotation_selector: the same over annotations.
    """

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    label_selector: str = ""
    annotation_selector: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreRule:
    """One rule.

    Args:
        paths: JSON pointers.
        target: which objects; None for all.
    """

    paths: Sequence[str]
    target: ObjectSelector | None = None


class CompiledSelector:
    """A selector ready for many objects.

    Args:
        selector: its parts.

    Raises:
        InvalidSpec: an expression or a label selector cannot be read.
    """

    __slots__ = ("_annotations", "_labels", "_patterns")

    def __init__(self, selector: ObjectSelector) -> None:
        self._patterns = tuple(
            (part, _compile_pattern(part, expression))
            for part in ("group", "version", "kind", "name", "namespace")
            if (expression := getattr(selector, part))
        )
        self._labels = _parse_labels("label", selector.label_selector)
        self._annotations = _parse_labels("annotation", selector.annotation_selector)

    def matches(self, manifest: Mapping[str, Any]) -> bool:
        """Tells whether every part matches."""
        gvk = GroupVersionKind.of(manifest)
        texts = {
            "group": gvk.group,
            "version": gvk.version,
            "kind": gvk.kind,
            "name": name_of(manifest),
            "namespace": namespace_of(manifest),
        }
        if not all(pattern.fullmatch(texts[part]) for part, pattern in self._patterns):
            return False
        if self._labels is not None and not self._labels.matches(labels_of(manifest)):
            return False
        return self._annotations is None or self._annotations.matches(annotations_of(manifest))


def compile_selector(selector: ObjectSelector) -> CompiledSelector:
    """Compiles a selector.

    Raises:
        InvalidSpec: an expression or a label selector cannot be read.
    """
    return CompiledSelector(selector)


class IgnoreRules:
    """All rules of one owner.

    Args:
        rules: in the user's order.

    Raises:
        InvalidSpec: a selector cannot be read.
    """

    __slots__ = ("_rules",)

    def __init__(self, rules: Sequence[IgnoreRule]) -> None:
        self._rules = tuple(
            (None if rule.target is None else CompiledSelector(rule.target), tuple(rule.paths))
            for rule in rules
        )

    def __bool__(self) -> bool:
        return bool(self._rules)

    def pointers_for(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Returns the pointers that apply to an object, in order."""
        return tuple(
            path
            for selector, paths in self._rules
            if selector is None or selector.matches(manifest)
            for path in paths
        )


def without_pointers(manifest: Mapping[str, Any], pointers: Sequence[str]) -> dict[str, Any]:
    """Returns a copy without what the pointers point at; what is not there does not matter.

    Raises:
        JsonPatchFailed: a pointer is malformed.
    """
    patch = [{"op": "remove", "path": pointer} for pointer in pointers]
    result = apply_json_patch(dict(manifest), patch, _LENIENT)
    assert isinstance(result, dict)
    return result


def _compile_pattern(part: str, expression: str) -> Any:
    import re2

    try:
        return re2.compile(expression)
    except re2.error as error:
        raise InvalidSpec(f"invalid {part} regex: {error}") from error


def _parse_labels(what: str, text: str) -> LabelSelector | None:
    if not text:
        return None
    try:
        return LabelSelector.parse(text)
    except SelectorError as error:
        raise InvalidSpec(f"invalid {what} selector: {error}") from error
