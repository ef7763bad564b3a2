"""``GitRepository`` of ``source.toolkit.fluxcd.io/v1``: a branch, tag or commit to follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import Meta

from steersman.apis.meta import (
    Artifact,
    Condition,
    Duration,
    Int64,
    LocalRef,
    ObjectMeta,
    Rule,
    ShortDuration,
    Wire,
    convert,
)
from steersman.objects.identity import GroupVersionKind

__all__ = [
    "GVK",
    "PLURAL",
    "GitRepository",
    "GitRepositoryInclude",
    "GitRepositoryRef",
    "GitRepositorySpec",
    "GitRepositoryStatus",
    "GitRepositoryVerification",
    "decode_gitrepository",
]

GVK: Final = GroupVersionKind("source.toolkit.fluxcd.io", "v1", "GitRepository")
PLURAL: Final = "gitrepositories"

_WORKLOAD_IDENTITY = Rule(
    "serviceAccountName can only be set when provider is 'azure' or 'aws'",
    "!has(self.serviceAccountName) || (has(self.provider) && "
    "(self.provider == 'azure' || self.provider == 'aws'))",
)


class GitRepositoryRef(Wire, frozen=True):
    """Which commit: the first of commit, name, tag, semver, branch that is set decides."""

    branch: Annotated[str, Meta(description="Branch to follow; master when nothing is set.")] = ""
    tag: Annotated[str, Meta(description="Tag to check out; goes before semver and branch.")] = ""
    semver: Annotated[
        str, Meta(description="Range over tags, the highest match counts; goes before branch.")
    ] = ""
    name: Annotated[
        str,
        Meta(
            description="Full name of a reference, such as refs/heads/main or refs/pull/1/head; "
            "goes before tag, semver and branch."
        ),
    ] = ""
    commit: Annotated[
        str, Meta(description="Hash of a commit; goes before all others, branch says where it is.")
    ] = ""


class GitRepositoryVerification(Wire, frozen=True):
    """Which signature must be there, and whose."""

    secret_ref: Annotated[
        LocalRef, Meta(description="Secret with the public keys of the authors that are trusted.")
    ]
    mode: Annotated[
        Literal["head", "HEAD", "Tag", "TagAndHEAD"],
        Meta(
            description="What must be signed: the commit, the annotated tag, or both.",
            extra_json_schema={"default": "HEAD"},
        ),
    ] = "HEAD"


class GitRepositoryInclude(Wire, frozen=True):
    """Another GitRepository whose artifact becomes part of this one."""

    repository: Annotated[LocalRef, Meta(description="The GitRepository to include.")]
    from_path: Annotated[
        str, Meta(description="Directory of the included artifact to copy; its root when left out.")
    ] = ""
    to_path: Annotated[
        str,
        Meta(
            description="Directory of this artifact to copy to; the name of the included "
            "GitRepository when left out."
        ),
    ] = ""


class GitRepositorySpec(Wire, frozen=True):
    """What to fetch, how often, and with which rights."""

    rules: ClassVar[tuple[Rule, ...]] = (_WORKLOAD_IDENTITY,)

    url: Annotated[
        str,
        Meta(
            pattern=r"^(http|https|ssh)://.*$",
            description="Address of the repository, over http, https or ssh.",
        ),
    ]
    interval: Annotated[Duration, Meta(description="How often to look for a new revision.")]
    secret_ref: Annotated[
        LocalRef | None,
        Meta(
            description="Secret with the credentials: username and password, bearerToken, identity "
            "and known_hosts, the keys of a GitHub App; ca.crt, tls.crt and tls.key for TLS."
        ),
    ] = None
    provider: Annotated[
        Literal["generic", "aws", "azure", "github"],
        Meta(description="How to log in; generic uses the Secret as it is."),
    ] = "generic"
    service_account_name: Annotated[
        str, Meta(description="Service account whose identity logs in at the cloud provider.")
    ] = ""
    timeout: Annotated[
        ShortDuration,
        Meta(
            description="Longest time for one fetch.",
            extra_json_schema={"default": "60s"},
        ),
    ] = "60s"
    ref: Annotated[
        GitRepositoryRef | None, Meta(description="Which commit; the master branch when left out.")
    ] = None
    verify: Annotated[
        GitRepositoryVerification | None,
        Meta(description="Signatures to verify before an artifact is made."),
    ] = None
    proxy_secret_ref: Annotated[
        LocalRef | None,
        Meta(description="Secret with address, username and password of the proxy to go through."),
    ] = None
    ignore: Annotated[
        str | None,
        Meta(
            description="Files to leave out of the artifact, in .gitignore format; replaces the "
            "default list."
        ),
    ] = None
    suspend: Annotated[bool, Meta(description="True stops all work on this object.")] = False
    recurse_submodules: Annotated[bool, Meta(description="True also clones submodules.")] = False
    include: Annotated[
        tuple[GitRepositoryInclude, ...],
        Meta(description="Other repositories whose files become part of the artifact."),
    ] = ()
    sparse_checkout: Annotated[
        tuple[str, ...], Meta(description="Directories to check out; everything when left out.")
    ] = ()

    def __post_init__(self) -> None:
        """Holds the CEL rule of the definition."""
        if self.service_account_name and self.provider not in ("aws", "azure"):
            raise ValueError(_WORKLOAD_IDENTITY.message)


class GitRepositoryStatus(Wire, frozen=True):
    """What the last reconcile found."""

    observed_generation: Annotated[
        Int64, Meta(description="The last generation of the spec that was worked off.")
    ] = 0
    conditions: Annotated[
        tuple[Condition, ...], Meta(description="What is known of the object.")
    ] = ()
    artifact: Annotated[
        Artifact | None, Meta(description="The archive of the last revision that was fetched.")
    ] = None
    included_artifacts: Annotated[
        tuple[Artifact, ...],
        Meta(description="The artifacts of the included repositories, in order."),
    ] = ()
    observed_ignore: Annotated[
        str | None, Meta(description="The ignore rules the artifact was made with.")
    ] = None
    observed_recurse_submodules: Annotated[
        bool, Meta(description="Whether the artifact was made with submodules.")
    ] = False
    observed_include: Annotated[
        tuple[GitRepositoryInclude, ...],
        Meta(description="The includes the artifact was made with."),
    ] = ()
    observed_sparse_checkout: Annotated[
        tuple[str, ...], Meta(description="The directories the artifact was made from.")
    ] = ()
    source_verification_mode: Annotated[
        str | None, Meta(description="The mode in which the signature was last verified.")
    ] = None
    last_handled_reconcile_at: Annotated[
        str,
        Meta(
            description="The last value of the annotation reconcile.fluxcd.io/requestedAt handled."
        ),
    ] = ""


class GitRepository(Wire, frozen=True):
    """Follows a Git repository and offers each revision as an artifact."""

    spec: GitRepositorySpec
    metadata: ObjectMeta = ObjectMeta()
    status: Annotated[
        GitRepositoryStatus, Meta(extra_json_schema={"default": {"observedGeneration": -1}})
    ] = GitRepositoryStatus(observed_generation=-1)


def decode_gitrepository(manifest: Mapping[str, Any]) -> GitRepository:
    """Decodes a GitRepository; unknown fields are ignored.

    Raises:
        InvalidSpec: names the object and the path of the field that cannot be used.
    """
    return convert(GitRepository, GVK, manifest)
