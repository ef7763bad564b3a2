"""What a Kustomization is made from: its source's artifact and its variables.

Source: behaviour of fluxcd/kustomize-controller (getSource) and fluxcd/pkg kustomize
(LoadVariables).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from steersman.apis.kustomization import Kustomization
from steersman.apis.meta import Artifact
from steersman.apis.reasons import ACCESS_DENIED, ARTIFACT_FAILED
from steersman.clients.kube.client import KubeClient
from steersman.controllers.kustomization_settings import KustomizeSettings
from steersman.errors import CrossNamespaceDenied, SourceNotReady, Stalled, SteersmanError
from steersman.kit.duration import format_duration
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.runtime.cache import Cache
from steersman.substitute.variables import InvalidVariables, merge_variables, variables_of

__all__ = ["SOURCE_GROUP", "Source", "find_source", "load_variables", "source_kind"]

SOURCE_GROUP = "source.toolkit.fluxcd.io"
_ORIGIN_REVISION = "org.opencontainers.image.revision"


class SourceFailed(SteersmanError):
    """The source could not be read."""

    default_reason = ARTIFACT_FAILED


class Source(NamedTuple):
    """A source with an artifact.

    Args:
        ref: which source.
        artifact: what it offers.
    """

    ref: ObjectRef
    artifact: Artifact

    @property
    def revision(self) -> str:
        """The artifact's revision."""
        return self.artifact.revision

    @property
    def origin_revision(self) -> str:
        """The revision of the code behind an OCI artifact; empty otherwise."""
        return self.artifact.metadata.get(_ORIGIN_REVISION, "")


def source_kind(kustomization: Kustomization) -> GroupVersionKind:
    """Returns the type of the source."""
    ref = kustomization.spec.source_ref
    version = ref.api_version.rpartition("/")[2] or "v1"
    return GroupVersionKind(kustomization.source.group, version, ref.kind)


async def find_source(
    kustomization: Kustomization,
    *,
    client: KubeClient,
    caches: Mapping[GroupVersionKind, Cache],
    settings: KustomizeSettings,
    retry_seconds: float,
) -> Source:
    """Finds the source and its artifact; whether the source is ready does not matter.

    Args:
        kustomization: names it.
        client: asked for kinds that are not watched, and to confirm that a source is missing.
        caches: the watched kinds.
        settings: what references are allowed.
        retry_seconds: when to look again for a source that does not exist.

    Raises:
        CrossNamespaceDenied: the source is in another namespace.
        Stalled: the kind of source is not allowed.
        SourceNotReady: there is no such source, or it has no artifact yet.
        SourceFailed: the API could not be asked.
    """
    ref = kustomization.source
    label = f"{ref.kind}/{ref.namespace}/{ref.name}"
    if not settings.cross_namespace_refs and ref.namespace != kustomization.metadata.namespace:
        raise CrossNamespaceDenied(
            f"can't access '{label}', cross-namespace references have been blocked"
        )
    if ref.kind == "ExternalArtifact" and not settings.external_artifacts:
        raise Stalled(
            f"can't access '{label}', ExternalArtifact feature gate is disabled",
            reason=ACCESS_DENIED,
        )
    kind = source_kind(kustomization)
    cache = caches.get(kind)
    manifest = cache.get(ref) if cache is not None else None
    if manifest is None:
        manifest = await _ask(client, kind, ref, retry_seconds)
    artifact = (manifest.get("status") or {}).get("artifact")
    if not isinstance(artifact, dict):
        raise _no_artifact(settings)
    try:
        return Source(ref, msgspec.convert(artifact, Artifact))
    except msgspec.ValidationError as error:
        raise SourceFailed(f"{label} has an artifact that cannot be used: {error}") from error


def _no_artifact(settings: KustomizeSettings) -> SourceNotReady:
    after = settings.dependency_seconds
    return SourceNotReady(
        f"Source artifact not found, retrying in {_seconds(after)}",
        after=after,
        reason=ARTIFACT_FAILED,
    )


async def _ask(
    client: KubeClient, kind: GroupVersionKind, ref: ObjectRef, retry_seconds: float
) -> dict[str, Any]:
    try:
        return await client.get(kind, ref.name, ref.namespace)
    except ApiError as error:
        if error.code == 404:
            missing = SourceNotReady(error.message, after=retry_seconds, reason=ARTIFACT_FAILED)
            missing.hint = "correct spec.sourceRef, or create the source; applied objects stay"
            raise missing from error
        raise SourceFailed(
            f"unable to get source '{ref.namespace}/{ref.name}': {error.message}"
        ) from error


def _seconds(seconds: float) -> str:
    from datetime import timedelta

    return format_duration(timedelta(seconds=seconds))


async def load_variables(kustomization: Kustomization, *, client: KubeClient) -> dict[str, str]:
    """Reads and merges the variables of ``spec.postBuild``.

    Raises:
        InvalidVariables: an object is missing and not optional, or cannot be read.
    """
    post_build = kustomization.spec.post_build
    if post_build is None:
        return {}
    sources = []
    for reference in post_build.substitute_from:
        kind = GroupVersionKind("", "v1", reference.kind)
        try:
            found = await client.get(kind, reference.name, kustomization.metadata.namespace)
        except ApiError as error:
            if error.code == 404 and reference.optional:
                continue
            raise InvalidVariables(
                f"post build failed: substitute from '{reference.kind}/{reference.name}' error:"
                f" {error.message}",
                hint="create the object, or set optional: true",
            ) from error
        try:
            sources.append(variables_of(found))
        except InvalidVariables as error:
            raise InvalidVariables(
                f"post build failed: substitute from '{reference.kind}/{reference.name}' error:"
                f" {error.message}"
            ) from error
    return merge_variables(sources, post_build.substitute)
