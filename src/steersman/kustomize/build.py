"""Builds a kustomization: files in, manifests out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from steersman.kit.yaml import dump_all
from steersman.kustomize.accumulate import Accumulated, Target, finish
from steersman.kustomize.context import BuildContext
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filesystem import DiskFileSystem, FileSystem
from steersman.kustomize.filters.labels import set_entries
from steersman.kustomize.loader import Restriction, root_loader
from steersman.kustomize.model import SortOptions
from steersman.kustomize.node import to_plain
from steersman.kustomize.order import sort_resources
from steersman.kustomize.origin import Origin
from steersman.kustomize.overlay import Overlay
from steersman.kustomize.remote import Remotes
from steersman.kustomize.resource import ORIGIN, TRANSFORMATIONS
from steersman.objects.manifest import Manifest

__all__ = ["KUSTOMIZE_VERSION", "BuildOptions", "Order", "RenderedSet", "build"]

Order: TypeAlias = Literal["input", "legacy"]
"""As read (what Flux applies), or sorted by kind (what ``kubectl kustomize`` prints)."""

KUSTOMIZE_VERSION = "v5.8.1"
"""The version of kustomize whose results are reproduced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What a build may read and adds.

    Args:
        restriction: ``none``: any file inside the file system, as Flux allows; ``root``: files
            only in or below the kustomization that names them, as kubectl does.
        remotes: fetches remote bases; None refuses them.
        managed_by_label: add the label that names the tool.
    """

    restriction: Restriction = "none"
    remotes: Remotes | None = None
    managed_by_label: bool = False


@dataclass(frozen=True, kw_only=True)
class RenderedSet:
    """The result of a build.

    Args:
        manifests: the objects, in the order asked for; never mutate them.
        warnings: what kustomize would have written to standard error.
    """

    manifests: tuple[Manifest, ...]
    warnings: tuple[str, ...] = ()
    _text: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def to_yaml(self) -> str:
        """Returns the multi-document text, byte for byte as kustomize prints it."""
        text = self._text.get("yaml")
        if text is None:
            text = self._text["yaml"] = dump_all(self.manifests)
        return text

    @cached_property
    def origins(self) -> tuple[str, ...]:
        """The origin annotation of each object, or an empty text."""
        return tuple(_annotation(manifest, ORIGIN) for manifest in self.manifests)


def _annotation(manifest: Mapping[str, Any], key: str) -> str:
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return str((annotations or {}).get(key) or "")


def build(
    files: FileSystem | str | Path,
    path: str = ".",
    *,
    order: Order = "input",
    overlay: Overlay | None = None,
    options: BuildOptions | None = None,
) -> RenderedSet:
    """Builds the kustomization in a directory.

    Args:
        files: a file system, or a directory on disk.
        path: directory of the kustomization, within ``files``.
        order: order of the result; ``sortOptions`` of the kustomization wins.
        overlay: what a Flux Kustomization adds; also lets a directory without a kustomization
            file be built from the manifests below it.
        options: what may be read.

    Raises:
        BuildFailed: with kustomize's reason, and file, line and object where they are known.
    """
    options = options or BuildOptions()
    if isinstance(files, str | Path):
        path = str((Path(files) / path).absolute())
        files = DiskFileSystem("/")
    elif not path.startswith("/"):
        path = f"{getattr(files, 'root', '/')}/{path}"
    if overlay is not None:
        files = overlay.applied_to(files, path)
    loader = root_loader(files, path, restriction=options.restriction, remotes=options.remotes)
    context = BuildContext()
    target = Target.load(context, loader)
    context.use_schema(target.kustomization.openapi, loader, nested=False)
    gathered = _accumulated(target, context)
    _sort(gathered, target, order)
    _clean_up(gathered, target, options)
    manifests = tuple(to_plain(resource.tree) for resource in gathered.resources)
    return RenderedSet(manifests=manifests, warnings=tuple(context.warnings))


def _accumulated(target: Target, context: BuildContext) -> Accumulated:
    if target.kustomization.build_metadata:
        target = Target(
            context=target.context,
            loader=target.loader,
            file=target.file,
            kustomization=target.kustomization,
            origin=Origin(),
        )
    gathered = target.accumulate()
    finish(gathered, context.warn)
    return gathered


def _sort(gathered: Accumulated, target: Target, order: Order) -> None:
    options = target.kustomization.sort_options
    if options is None and order == "legacy":
        options = SortOptions(order="legacy")
    if options is not None:
        sort_resources(gathered.resources, options)


def _clean_up(gathered: Accumulated, target: Target, options: BuildOptions) -> None:
    """Removes what the build noted on objects, except what ``buildMetadata`` asks to keep."""
    wanted = target.kustomization.build_metadata
    if options.managed_by_label or "managedByLabel" in wanted:
        label = {"app.kubernetes.io/managed-by": f"kustomize-{KUSTOMIZE_VERSION}"}
        specs = (FieldSpec("metadata/labels", create=True),)
        for resource in gathered.resources:
            resource.tree = set_entries(resource.tree, specs, label)
    for resource in gathered.resources:
        resource.remove_build_annotations()
        annotations = resource.annotations
        if "originAnnotations" not in wanted:
            annotations.pop(ORIGIN, None)
        if "transformerAnnotations" not in wanted:
            annotations.pop(TRANSFORMATIONS, None)
        if (
            len(annotations) == 0
            or "originAnnotations" not in wanted
            or ("transformerAnnotations" not in wanted)
        ):
            resource.set_annotations(annotations)
