"""One object of a build with its history.

The history (previous names, prefixes, whether a hash is wanted) is kept in annotations of the
object, as kustomize keeps it: patches and selectors see it there, and what they do to it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from steersman.kustomize.ids import Gvk, ResId, split_version
from steersman.kustomize.metadata import (
    annotations_of,
    labels_of,
    with_annotation,
    with_map,
    with_metadata_text,
)
from steersman.kustomize.node import Tree, is_empty, text_of
from steersman.kustomize.schema import MergeSchema

__all__ = ["BUILD_ANNOTATIONS", "ORIGIN", "TRANSFORMATIONS", "Resource"]

_DOMAIN = "internal.config.kubernetes.io"
_NAMES = f"{_DOMAIN}/previousNames"
_NAMESPACES = f"{_DOMAIN}/previousNamespaces"
_KINDS = f"{_DOMAIN}/previousKinds"
PREFIXES = f"{_DOMAIN}/prefixes"
SUFFIXES = f"{_DOMAIN}/suffixes"
ALLOW_NAME_CHANGE = f"{_DOMAIN}/allowNameChange"
ALLOW_KIND_CHANGE = f"{_DOMAIN}/allowKindChange"
REFERRED_BY = f"{_DOMAIN}/refBy"
BEHAVIOR = f"{_DOMAIN}/generatorBehavior"
NEEDS_HASH = f"{_DOMAIN}/needsHashSuffix"
ORIGIN = "config.kubernetes.io/origin"
TRANSFORMATIONS = "alpha.config.kubernetes.io/transformations"
LOCAL_CONFIG = "config.kubernetes.io/local-config"
HELM_GENERATED = "helm.kustomize.sigs.k8s.io/generated"
_LEGACY = ("config.kubernetes.io/path", "config.kubernetes.io/index", "config.k8s.io/id")

BUILD_ANNOTATIONS = (
    _KINDS, _NAMES, PREFIXES, SUFFIXES, _NAMESPACES, ALLOW_NAME_CHANGE, ALLOW_KIND_CHANGE,
    REFERRED_BY, BEHAVIOR, NEEDS_HASH,
    f"{_DOMAIN}/path", f"{_DOMAIN}/index", f"{_DOMAIN}/seqindent", f"{_DOMAIN}/id",
    f"{_DOMAIN}/annotations-migration-resource-id", *_LEGACY, HELM_GENERATED,
)  # fmt: skip
"""Annotations that a build removes at its end."""


class Resource:
    """An object in a build.

    Args:
        tree: the object; replaced, never mutated. None once a patch has deleted it.
        schema: knows which kinds have no namespace.
    """

    __slots__ = ("_held", "_history", "_id", "_seen", "schema", "tree", "variables")

    def __init__(self, tree: Tree, schema: MergeSchema) -> None:
        self.tree = tree
        self.schema = schema
        self.variables: tuple[str, ...] = ()
        self._seen: Tree = None
        self._id: ResId | None = None
        self._held: Any = None
        self._history: tuple[ResId, ...] = ()

    def copy(self) -> Resource:
        """Returns another resource with the same tree."""
        other = Resource(self.tree, self.schema)
        other.variables = self.variables
        return other

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left of the object."""
        return is_empty(self.tree)

    @property
    def api_version(self) -> str:
        """The ``apiVersion``, or an empty text."""
        return text_of(self.tree.get("apiVersion", "")) if isinstance(self.tree, dict) else ""

    @property
    def kind(self) -> str:
        """The kind, or an empty text."""
        return text_of(self.tree.get("kind", "")) if isinstance(self.tree, dict) else ""

    @property
    def name(self) -> str:
        """The current name."""
        return self._metadata_text("name")

    @property
    def namespace(self) -> str:
        """The current namespace; empty when none is set."""
        return self._metadata_text("namespace")

    def _metadata_text(self, field: str) -> str:
        metadata = self.tree.get("metadata") if isinstance(self.tree, dict) else None
        if not isinstance(metadata, dict):
            return ""
        value = metadata.get(field)
        return "" if is_empty(value) else text_of(value)

    @property
    def gvk(self) -> Gvk:
        """The current kind."""
        return self.id.gvk

    @property
    def id(self) -> ResId:
        """The current id."""
        tree = self.tree
        if self._id is None or self._seen is not tree:
            api_version, kind = self.api_version, self.kind
            gvk = Gvk(*split_version(api_version), kind)
            cluster = (api_version, kind) in self.schema.cluster_kinds
            self._id = ResId(gvk, self.name, self.namespace, cluster)
            self._seen = tree
        return self._id

    @property
    def previous_ids(self) -> tuple[ResId, ...]:
        """Every id the object had, oldest first; not the current one."""
        raw = self._raw_annotations()
        if raw is None:
            return ()
        if self._held is not raw:
            self._held, self._history = raw, self._read_history(raw)
        return self._history

    def _raw_annotations(self) -> Any:
        metadata = self.tree.get("metadata") if isinstance(self.tree, dict) else None
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        return annotations if isinstance(annotations, dict) else None

    def _read_history(self, annotations: Mapping[Any, Any]) -> tuple[ResId, ...]:
        names = annotations.get(_NAMES)
        if names is None:
            return ()
        group, version = split_version(self.api_version)
        namespaces = text_of(annotations.get(_NAMESPACES, "")).split(",")
        kinds = text_of(annotations.get(_KINDS, "")).split(",")
        parts = zip(text_of(names).split(","), namespaces, kinds, strict=False)
        return tuple(
            ResId(Gvk(group, version, kind), name, namespace) for name, namespace, kind in parts
        )

    @property
    def original_id(self) -> ResId:
        """The id the object came with."""
        previous = self.previous_ids
        return previous[0] if previous else self.id

    def all_ids(self) -> tuple[ResId, ...]:
        """Previous ids and the current one."""
        return (*self.previous_ids, self.id)

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations as texts; a fresh dict."""
        return annotations_of(self.tree)

    @property
    def labels(self) -> dict[str, str]:
        """The labels as texts; a fresh dict."""
        return labels_of(self.tree)

    def set_annotations(self, annotations: Mapping[str, str]) -> None:
        """Writes all annotations, sorted; none removes the field."""
        self.tree = with_map(self.tree, "annotations", annotations)

    def set_labels(self, labels: Mapping[str, str]) -> None:
        """Writes all labels, sorted; none removes the field."""
        self.tree = with_map(self.tree, "labels", labels)

    def set_name(self, name: str) -> None:
        """Writes the name."""
        self.tree = with_metadata_text(self.tree, "name", name)

    def set_namespace(self, namespace: str) -> None:
        """Writes the namespace; an empty one removes the field."""
        self.tree = with_metadata_text(self.tree, "namespace", namespace)

    def change(self, edit: Callable[[Tree], Tree]) -> None:
        """Replaces the tree by what ``edit`` makes of it."""
        self.tree = edit(self.tree)

    def store_previous_id(self) -> None:
        """Remembers the current id before it changes."""
        current = self.id
        self._append(_NAMES, current.name)
        self._append(_NAMESPACES, current.effective_namespace)
        self._append(_KINDS, current.gvk.kind)

    def _append(self, key: str, value: str) -> None:
        if not value:
            return
        raw = self._raw_annotations()
        known = raw.get(key) if raw else None
        joined = value if known is None else f"{text_of(known)},{value}"
        self.tree = with_annotation(self.tree, key, joined)

    def _parts(self, key: str) -> list[str]:
        raw = self._raw_annotations()
        value = raw.get(key) if raw else None
        return [] if value is None else text_of(value).split(",")

    def add_prefix(self, prefix: str) -> None:
        """Remembers a name prefix."""
        self._append(PREFIXES, prefix)

    def add_suffix(self, suffix: str) -> None:
        """Remembers a name suffix."""
        self._append(SUFFIXES, suffix)

    @property
    def prefixes(self) -> list[str]:
        """Name prefixes, innermost first."""
        return self._parts(PREFIXES)

    @property
    def suffixes(self) -> list[str]:
        """Name suffixes, innermost first."""
        return self._parts(SUFFIXES)

    def same_affixes(self, other: Resource, *, allow_empty: bool) -> bool:
        """Whether both were made in the same layers, told by prefixes and suffixes."""
        pairs = ((self.prefixes, other.prefixes), (self.suffixes, other.suffixes))
        return all(
            (allow_empty and not (mine and theirs)) or _same_ending(mine, theirs)
            for mine, theirs in pairs
        )

    def is_enabled(self, key: str) -> bool:
        """Whether a build annotation is switched on."""
        raw = self._raw_annotations()
        return bool(raw) and text_of(raw.get(key, "")) == "enabled"

    def enable(self, key: str) -> None:
        """Switches a build annotation on."""
        self.set_annotations({**self.annotations, key: "enabled"})

    @property
    def behavior(self) -> str:
        """What a generated object does to one of the same id."""
        return self.annotations.get(BEHAVIOR, "unspecified")

    def record_reference(self, referrer: ResId) -> None:
        """Remembers that another object names this one."""
        self._append(REFERRED_BY, str(referrer))

    def internal_annotations(self) -> dict[str, str]:
        """The annotations that belong to the build."""
        return {
            key: value
            for key, value in self.annotations.items()
            if key.startswith(_DOMAIN) or key in _LEGACY
        }

    def remove_build_annotations(self) -> None:
        """Removes what the build added."""
        annotations = self.annotations
        if annotations:
            for key in BUILD_ANNOTATIONS:
                annotations.pop(key, None)
            self.set_annotations(annotations)


def _same_ending(left: list[str], right: list[str]) -> bool:
    if len(left) > len(right):
        left, right = right, left
    if not left:
        return not right
    return right[-len(left) :] == left
