"""From an artifact to manifests ready to apply: build, substitute, prepare, each only once.

A result is kept with everything it was made from: the spec, the variables, and what was read of the
artifact. An interval, a drift, or a push that touches other directories builds nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from steersman.apis.kustomization import Kustomization
from steersman.apis.reasons import ARTIFACT_FAILED, BUILD_FAILED
from steersman.apply.normalise import Normaliser
from steersman.apply.prepare import owner_labels, prepare_manifests
from steersman.artifacts.fetch import ArtifactTree
from steersman.controllers.kustomization_reads import ReadRecord, RecordingFileSystem
from steersman.errors import SteersmanError
from steersman.kit import yaml
from steersman.kit.digest import digest_of
from steersman.kit.tasks import run_blocking
from steersman.kustomize.build import build
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.filesystem import FileSystem, MemoryFileSystem, NotFound
from steersman.kustomize.overlay import overlay_flux_spec
from steersman.objects.identity import ObjectRef
from steersman.objects.manifest import Manifest, api_version_of, kind_of, name_of
from steersman.substitute.manifests import substitute_manifest

__all__ = ["Builder", "Built", "CannotBuild", "PathNotFound"]

_CACHE_BYTES = 64 * 1024 * 1024
_FILE_SYSTEMS = 8
_BUILD_FIELDS = (
    "path",
    "targetNamespace",
    "namePrefix",
    "nameSuffix",
    "patches",
    "images",
    "components",
    "ignoreMissingComponents",
    "buildMetadata",
    "commonMetadata",
)


class CannotBuild(SteersmanError):
    """The files, the spec or the variables do not give manifests; the next push may heal it."""

    default_reason = BUILD_FAILED


class PathNotFound(SteersmanError):
    """The artifact has no such directory."""

    default_reason = ARTIFACT_FAILED


class Built(NamedTuple):
    """What one build gave.

    Args:
        key: digest of all inputs but the artifact.
        artifact: digest of the artifact it was last made from, or found to hold for.
        reads: what was read of the artifact.
        digest: of the manifests as YAML, as ``status.history`` records it.
        manifests: ready to apply, in build order.
        sources: the file that each object comes from.
        size: bytes of the YAML.
    """

    key: str
    artifact: str
    reads: ReadRecord
    digest: str
    manifests: tuple[Manifest, ...]
    sources: Mapping[ObjectRef, str]
    size: int


class Builder:
    """Builds and remembers.

    Args:
        normaliser: gives manifests their normal form.
        strict: refuse variables without a value or a default.
    """

    def __init__(self, normaliser: Normaliser, *, strict: bool = True) -> None:
        self._normaliser = normaliser
        self._strict = strict
        self._results: OrderedDict[ObjectRef, Built] = OrderedDict()
        self._files: OrderedDict[str, MemoryFileSystem] = OrderedDict()
        self._held_bytes = 0

    def key_of(self, manifest: Manifest, variables: Mapping[str, str]) -> str:
        """Returns the digest of everything that a build depends on besides the artifact.

        Args:
            manifest: the Kustomization.
            variables: merged values for the substitution.
        """
        spec: Mapping[str, Any] = manifest.get("spec") or {}
        inputs = {
            "owner": ObjectRef.of(manifest),
            "spec": {field: spec.get(field) for field in _BUILD_FIELDS},
            "strategy": (spec.get("postBuild") or {}).get("substituteStrategy"),
            "substitutes": "postBuild" in spec,
            "variables": variables,
            "strict": self._strict,
        }
        return str(digest_of(msgspec.json.encode(inputs, order="deterministic")))

    def require_path(self, tree: ArtifactTree, path: str) -> None:
        """Checks that the artifact has a directory.

        Raises:
            PathNotFound: it has not.
        """
        if not self._file_system(tree).is_dir(path or "."):
            raise PathNotFound(
                f"kustomization path not found: stat {path}: no such file or directory",
                hint="correct spec.path, or add the directory to the source",
            )

    async def build(
        self,
        manifest: Manifest,
        kustomization: Kustomization,
        tree: ArtifactTree,
        variables: Mapping[str, str],
    ) -> Built:
        """Builds, or returns what the same inputs gave before.

        Args:
            manifest: the Kustomization as read.
            kustomization: the same, decoded.
            tree: the artifact.
            variables: merged values for the substitution.

        Raises:
            PathNotFound: the artifact has no such directory.
            CannotBuild: names file, line and object where they are known.
        """
        owner = ObjectRef.of(manifest)
        key = self.key_of(manifest, variables)
        known = self._results.get(owner)
        files = self._file_system(tree)
        if known is not None and known.key == key:
            if known.artifact != tree.digest and known.reads.holds_in(files):
                known = self._results[owner] = known._replace(artifact=tree.digest)
            if known.artifact == tree.digest:
                self._results.move_to_end(owner)
                return known
        recorder = RecordingFileSystem(files)
        made = await run_blocking(self._build, manifest, kustomization, recorder, variables)
        built = made._replace(key=key, artifact=tree.digest, reads=recorder.record)
        self._remember(owner, built)
        return built

    def place_of(self, tree: ArtifactTree, built: Built, manifest: Mapping[str, Any]) -> str:
        """Returns ``file:line`` that an object comes from, as far as it is known."""
        source = built.sources.get(ObjectRef.of(manifest), "")
        return _Place(self._file_system(tree), source).of(manifest)

    def forget(self, owner: ObjectRef) -> None:
        """Drops what is kept for a Kustomization."""
        known = self._results.pop(owner, None)
        if known is not None:
            self._held_bytes -= known.size

    def _remember(self, owner: ObjectRef, built: Built) -> None:
        self.forget(owner)
        self._results[owner] = built
        self._held_bytes += built.size
        while self._held_bytes > _CACHE_BYTES and len(self._results) > 1:
            self.forget(next(iter(self._results)))

    def _file_system(self, tree: ArtifactTree) -> MemoryFileSystem:
        files = self._files.get(tree.digest)
        if files is None:
            files = MemoryFileSystem({path: entry.data for path, entry in tree.files.items()})
            self._files[tree.digest] = files
            if len(self._files) > _FILE_SYSTEMS:
                self._files.popitem(last=False)
        self._files.move_to_end(tree.digest)
        return files

    def _build(
        self,
        manifest: Manifest,
        kustomization: Kustomization,
        files: RecordingFileSystem,
        variables: Mapping[str, str],
    ) -> Built:
        """The whole of the work, on a thread."""
        spec = kustomization.spec
        path = spec.path or "."
        try:
            rendered = build(files, path, overlay=overlay_flux_spec(manifest.get("spec") or {}))
        except BuildFailed as error:
            raise CannotBuild(f"kustomize build failed: {_told(error)}", hint=error.hint) from error
        manifests = tuple(
            self._finish(item, _Place(files, source), kustomization, variables)
            for item, source in zip(rendered.manifests, rendered.sources, strict=True)
        )
        sources = {
            ObjectRef.of(item): source
            for item, source in zip(manifests, rendered.sources, strict=True)
        }
        text = yaml.dump_all(manifests).encode()
        prepared = prepare_manifests(
            (item for item in manifests if not _is_kustomize_config(item)),
            owner=owner_labels(kustomization.metadata.name, kustomization.metadata.namespace),
            normaliser=self._normaliser,
            labels=spec.common_metadata.labels if spec.common_metadata else {},
            annotations=spec.common_metadata.annotations if spec.common_metadata else {},
        )
        return Built(
            key="",
            artifact="",
            reads=files.record,
            digest=str(digest_of(text)),
            manifests=prepared,
            sources=sources,
            size=len(text),
        )

    def _finish(
        self,
        item: Manifest,
        place: _Place,
        kustomization: Kustomization,
        variables: Mapping[str, str],
    ) -> Manifest:
        if not (name_of(item) and kind_of(item) and api_version_of(item)):
            where = f"\nfrom {place.of(item)}" if place.source else ""
            raise CannotBuild(
                "failed to decode Kubernetes apiVersion, kind and name from:"
                f" {yaml.dump(item).strip()}{where}"
            )
        post_build = kustomization.spec.post_build
        if post_build is None:
            return item
        return substitute_manifest(
            item,
            variables,
            strict=self._strict,
            always=post_build.substitute_strategy == "Always",
            origin=lambda: place.of(item),
        )


class _Place(NamedTuple):
    """Where an object comes from; the line is looked up only when somebody asks.

    Args:
        files: the artifact.
        source: path of the file; empty when that is not known.
    """

    files: FileSystem
    source: str

    def of(self, manifest: Mapping[str, Any]) -> str:
        """Returns ``file:line`` of an object, ``file`` alone, or an empty text."""
        path = self.source.lstrip("/")
        if not path:
            return ""
        try:
            documents = yaml.load_all(self.files.read(self.source), "sigs")
        except (yaml.YamlError, NotFound):
            return path
        kind, name = kind_of(manifest), name_of(manifest)
        for document in documents:
            value = document.value if isinstance(document.value, dict) else {}
            # A prefix or suffix may have changed the name since.
            if kind_of(value) == kind and name_of(value) and name_of(value) in name:
                return f"{path}:{document.line}"
        return path


def _told(error: BuildFailed) -> str:
    """The text of a failed build, with the file as the source's readers know it."""
    text = error.message
    if error.file:
        text = text.replace(error.file, error.file.lstrip("/"))
    return text


def _is_kustomize_config(manifest: Manifest) -> bool:
    return kind_of(manifest).lower() == "kustomization" and api_version_of(manifest).startswith(
        "kustomize.config.k8s.io/"
    )
