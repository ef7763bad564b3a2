"""What a Flux Kustomization adds to a build, and the kustomization file it makes where none is.

Flux writes both into a temporary copy of the source; here the file is laid over the file system.
Source of the rules: behaviour of fluxcd/pkg ``kustomize`` (generator).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steersman.kit.yaml import YamlError, load_all
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.filesystem import FileSystem, NotFound, join
from steersman.kustomize.kustfile import KUSTOMIZATION_NAMES, known_fields
from steersman.kustomize.parse import parse_trees

__all__ = ["Overlay", "overlay_flux_spec"]

_PLACEHOLDER = "_placeholder"
"""The namespace that keeps an empty build from failing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Fields of a Flux Kustomization that go into the kustomization file.

    Args:
        namespace: ``targetNamespace``.
        name_prefix: ``namePrefix``.
        name_suffix: ``nameSuffix``.
        patches: appended to the file's own.
        patches_strategic_merge: old form, appended.
        patches_json6902: old form, appended.
        images: replace the file's own of the same name, else appended.
        components: appended; local paths relative to the directory that is built.
        ignore_missing_components: leave out components that are not there.
        build_metadata: replaces the file's own when given.
    """

    namespace: str = ""
    name_prefix: str = ""
    name_suffix: str = ""
    patches: Sequence[Mapping[str, Any]] = ()
    patches_strategic_merge: Sequence[Any] = ()
    patches_json6902: Sequence[Mapping[str, Any]] = ()
    images: Sequence[Mapping[str, Any]] = ()
    components: Sequence[str] = ()
    ignore_missing_components: bool = False
    build_metadata: Sequence[str] = ()

    def applied_to(self, files: FileSystem, path: str) -> FileSystem:
        """Returns the files with the kustomization file of ``path`` made or changed.

        Raises:
            BuildFailed: a manifest below the path is malformed, or a component is not local.
        """
        directory = _resolved(files, path)
        name, value = _existing(files, directory)
        if not name:
            name = KUSTOMIZATION_NAMES[0]
            value = {"resources": list(_scan(files, directory, "."))}
            if not value["resources"]:
                del value["resources"]
        changed = self._merged(value, files, directory)
        content = json.dumps(changed, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return _Overlaid(files, join(directory, name), content)

    def _merged(self, value: dict[str, Any], files: FileSystem, directory: str) -> dict[str, Any]:
        texts = {
            "namespace": self.namespace,
            "namePrefix": self.name_prefix,
            "nameSuffix": self.name_suffix,
        }
        result = {**value, **{field: text for field, text in texts.items() if text}}
        _append(result, "patches", [_patch(patch) for patch in self.patches])
        _append(result, "patchesStrategicMerge", list(map(_inline, self.patches_strategic_merge)))
        old = [{**patch, "patch": _inline(patch.get("patch"))} for patch in self.patches_json6902]
        _append(result, "patchesJson6902", old)
        _append(result, "components", self._components(files, directory))
        if self.images:
            result["images"] = _merged_images(result.get("images") or [], self.images)
        if self.build_metadata:
            result["buildMetadata"] = list(self.build_metadata)
        if not (result.keys() - {"apiVersion", "kind", "metadata"}):
            # An empty file fails to build; asking for origins keeps it going, to no effect.
            result["buildMetadata"] = ["originAnnotations"]
        return result

    def _components(self, files: FileSystem, directory: str) -> list[str]:
        kept = []
        for component in self.components:
            if component.startswith("/") or "://" in component or "@" in component:
                raise BuildFailed(f"component path '{component}' must be local and relative")
            if self.ignore_missing_components and not files.is_dir(join(directory, component)):
                continue
            kept.append(component)
        return kept


def overlay_flux_spec(spec: Mapping[str, Any]) -> Overlay:
    """Reads the overlay from the spec of a Flux Kustomization."""
    return Overlay(
        namespace=str(spec.get("targetNamespace") or ""),
        name_prefix=str(spec.get("namePrefix") or ""),
        name_suffix=str(spec.get("nameSuffix") or ""),
        patches=tuple(spec.get("patches") or ()),
        patches_strategic_merge=tuple(spec.get("patchesStrategicMerge") or ()),
        patches_json6902=tuple(spec.get("patchesJson6902") or ()),
        images=tuple(spec.get("images") or ()),
        components=tuple(spec.get("components") or ()),
        ignore_missing_components=bool(spec.get("ignoreMissingComponents")),
        build_metadata=tuple(spec.get("buildMetadata") or ()),
    )


class _Overlaid:
    """A file system with one file written over."""

    def __init__(self, files: FileSystem, path: str, content: bytes) -> None:
        self._files = files
        self._path = path
        self._content = content

    @property
    def root(self) -> str:
        """The root of the files below."""
        return str(getattr(self._files, "root", "/"))

    def resolve(self, path: str) -> str:
        """Follows symlinks."""
        return self._path if path == self._path else self._files.resolve(path)

    def read(self, path: str) -> bytes:
        """Reads a file."""
        return self._content if path == self._path else self._files.read(path)

    def is_dir(self, path: str) -> bool:
        """Whether the path leads to a directory."""
        return path != self._path and self._files.is_dir(path)

    def is_file(self, path: str) -> bool:
        """Whether the path leads to a file."""
        return path == self._path or self._files.is_file(path)

    def list(self, path: str) -> list[str]:
        """Names in a directory."""
        return self._files.list(path)


def _resolved(files: FileSystem, path: str) -> str:
    try:
        return files.resolve(join(path))
    except NotFound as error:
        raise BuildFailed(f"kustomization path not found: {error}") from None


def _existing(files: FileSystem, directory: str) -> tuple[str, dict[str, Any]]:
    """Reads the kustomization file as Flux does: fields it does not know are dropped."""
    for name in KUSTOMIZATION_NAMES:
        path = join(directory, name)
        if not files.is_file(path):
            continue
        try:
            documents = load_all(files.read(path), "sigs", source=path)
        except YamlError as error:
            raise BuildFailed(
                f"error converting YAML to JSON: {error.problem}", file=path, line=error.line
            ) from None
        value = documents[0].value if documents else None
        if value is None:
            return name, {}
        if not isinstance(value, dict):
            raise BuildFailed("the kustomization is not a mapping", file=path)
        return name, known_fields(value)
    return "", {}


def _scan(files: FileSystem, directory: str, shown: str) -> Iterator[str]:
    """Lists manifests below a directory; one with a kustomization file is named, not entered."""
    for name in files.list(directory):
        path = join(directory, name)
        here = f"{shown}/{name}"
        if files.is_dir(path):
            if any(files.is_file(join(path, known)) for known in KUSTOMIZATION_NAMES):
                yield here
            else:
                yield from _scan(files, path, here)
        elif name.endswith((".yaml", ".yml")) and files.is_file(path):
            try:
                parse_trees(files.read(path), path)
            except BuildFailed as error:
                raise error.within(f"failed to decode Kubernetes YAML from {path}") from None
            yield here


def _append(result: dict[str, Any], field: str, items: Sequence[Any]) -> None:
    if items:
        result[field] = [*(result.get(field) or ()), *items]


def _patch(patch: Mapping[str, Any]) -> dict[str, Any]:
    return {key: patch[key] for key in ("patch", "target") if patch.get(key) is not None}


def _inline(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _merged_images(
    own: Sequence[Mapping[str, Any]], added: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    result = list(own)
    for image in added:
        names = [known.get("name") for known in result]
        if image.get("name") in names:
            result[names.index(image.get("name"))] = image
        else:
            result.append(image)
    return result
