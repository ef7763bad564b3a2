"""The kustomization file as typed data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.ids import Gvk, ResId

__all__ = [
    "FieldOptions",
    "GeneratorArgs",
    "GeneratorOptions",
    "Image",
    "Kustomization",
    "LabelEntry",
    "Patch",
    "PatchOptions",
    "Replacement",
    "Replica",
    "Selector",
    "SortOptions",
    "SourceSelector",
    "TargetSelector",
    "Variable",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Chooses objects; texts are regular expressions, empty ones match anything."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    annotation_selector: str = ""
    label_selector: str = ""

    @property
    def names_nothing(self) -> bool:
        """Whether no part of an object's identity is asked for."""
        return not (self.group or self.version or self.kind or self.name or self.namespace)

    @property
    def id(self) -> ResId:
        """The parts as an id."""
        return ResId(Gvk(self.group, self.version, self.kind), self.name, self.namespace)

    def __str__(self) -> str:
        return f"{self.id}:a={self.annotation_selector}:l={self.label_selector}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchOptions:
    """What a patch may change of an object's identity."""

    allow_name_change: bool = False
    allow_kind_change: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One entry of ``patches`` or ``patchesJson6902``."""

    path: str = ""
    patch: str = ""
    target: Selector | None = None
    options: PatchOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One entry of ``images``."""

    name: str = ""
    new_name: str = ""
    tag_suffix: str = ""
    new_tag: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEntry:
    """One entry of ``labels``."""

    pairs: Mapping[str, str] = field(default_factory=dict)
    include_selectors: bool = False
    include_templates: bool = False
    fields: tuple[FieldSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One entry of ``replicas``."""

    name: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOptions:
    """How a replacement reads or writes a field."""

    delimiter: str = ""
    index: int = 0
    encoding: str = ""
    create: bool = False

    def __str__(self) -> str:
        if not self.delimiter and not self.create:
            return ""
        return f"{self.delimiter}({self.index}), create={'true' if self.create else 'false'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSelector:
    """Where a replacement reads."""

    id: ResId
    field_path: str = ""
    options: FieldOptions | None = None

    def __str__(self) -> str:
        shown = [str(self.id), self.field_path, str(self.options) if self.options else ""]
        return ":".join(part for part in shown if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSelector:
    """Where a replacement writes."""

    select: Selector | None = None
    reject: tuple[Selector, ...] = ()
    field_paths: tuple[str, ...] = ()
    options: FieldOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One replacement; ``path`` names a file that holds others."""

    source: SourceSelector | None = None
    source_value: str | None = None
    targets: tuple[TargetSelector, ...] | None = None
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One entry of ``vars``.

    Args:
        name: what stands in ``$(NAME)``.
        target: the object that has the value.
        field_path: where the value stands.
        written: how Go shows the entry before ``apiVersion`` is taken apart.
    """

    name: str = ""
    target: ResId
    field_path: str = "metadata.name"
    written: str = ""

    def __str__(self) -> str:
        return f"{{{self.name} {self.target.gvk} {{{self.field_path}}}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorOptions:
    """What a generator adds to its objects."""

    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    disable_name_suffix_hash: bool = False
    immutable: bool = False

    def overlaid_by(self, common: GeneratorOptions | None) -> GeneratorOptions:
        """Adds the options of the whole kustomization: own labels win, switches add up."""
        if common is None:
            return self
        return GeneratorOptions(
            labels=_filled(self.labels, common.labels),
            annotations=_filled(self.annotations, common.annotations),
            disable_name_suffix_hash=self.disable_name_suffix_hash
            or common.disable_name_suffix_hash,
            immutable=self.immutable or common.immutable,
        )


def _filled(
    own: Mapping[str, str] | None, common: Mapping[str, str] | None
) -> Mapping[str, str] | None:
    return own if common is None else {**common, **(own or {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorArgs:
    """One entry of ``configMapGenerator`` or ``secretGenerator``."""

    name: str = ""
    namespace: str = ""
    behavior: str = ""
    literals: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    envs: tuple[str, ...] = ()
    env: str = ""
    type: str = ""
    options: GeneratorOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SortOptions:
    """The order of the output; ``first`` and ``last`` are None when they are not given."""

    order: str = ""
    first: tuple[str, ...] | None = None
    last: tuple[str, ...] | None = None
    has_legacy_options: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kustomization:
    """A kustomization file after the fix-ups."""

    api_version: str = ""
    kind: str = ""
    metadata: Any = None
    openapi: Mapping[str, str] = field(default_factory=dict)
    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    common_labels: Mapping[str, str] | None = None
    labels: list[LabelEntry] = field(default_factory=list)
    common_annotations: Mapping[str, str] = field(default_factory=dict)
    patches_strategic_merge: list[str] | None = None
    patches_json6902: list[Patch] | None = None
    patches: list[Patch] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    image_tags: list[Image] | None = None
    replacements: list[Replacement] = field(default_factory=list)
    replicas: list[Replica] = field(default_factory=list)
    vars: list[Variable] | None = None
    sort_options: SortOptions | None = None
    resources: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    crds: list[str] = field(default_factory=list)
    bases: list[str] | None = None
    config_map_generator: list[GeneratorArgs] = field(default_factory=list)
    secret_generator: list[GeneratorArgs] = field(default_factory=list)
    helm_globals: Any = None
    helm_charts: list[Any] = field(default_factory=list)
    helm_chart_inflation_generator: list[Any] = field(default_factory=list)
    generator_options: GeneratorOptions | None = None
    configurations: list[str] = field(default_factory=list)
    generators: list[str] = field(default_factory=list)
    transformers: list[str] = field(default_factory=list)
    validators: list[str] = field(default_factory=list)
    build_metadata: list[str] = field(default_factory=list)

    @property
    def is_component(self) -> bool:
        """Whether it is a Component."""
        return self.kind == "Component"
