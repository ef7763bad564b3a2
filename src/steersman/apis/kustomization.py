"""``Kustomization`` of ``kustomize.toolkit.fluxcd.io/v1``: builds a path, applies the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from msgspec import Meta, field

from steersman.apis.meta import (
    Condition,
    Duration,
    Int64,
    LocalRef,
    ObjectMeta,
    Rule,
    SecretKeyRef,
    Snapshot,
    Wire,
    convert,
)
from steersman.objects.identity import GroupVersionKind, ObjectRef

__all__ = [
    "FORCE",
    "GVK",
    "OWNER_NAMESPACE_LABEL",
    "OWNER_NAME_LABEL",
    "PLURAL",
    "PRUNE",
    "RECONCILE",
    "SSA",
    "SUBSTITUTE",
    "Affix",
    "CommonMetadata",
    "Decryption",
    "Dependency",
    "HealthCheck",
    "HealthCheckExpressions",
    "IgnoreRule",
    "Image",
    "Inventory",
    "InventoryEntry",
    "KubeConfig",
    "Kustomization",
    "KustomizationSpec",
    "KustomizationStatus",
    "NamespaceName",
    "Patch",
    "PostBuild",
    "Selector",
    "SourceRef",
    "SubstituteFrom",
    "decode_kustomization",
]

GVK: Final = GroupVersionKind("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
PLURAL: Final = "kustomizations"

OWNER_NAME_LABEL: Final = "kustomize.toolkit.fluxcd.io/name"
OWNER_NAMESPACE_LABEL: Final = "kustomize.toolkit.fluxcd.io/namespace"

# Labels or annotations of applied objects; values compare without regard to case.
PRUNE: Final = "kustomize.toolkit.fluxcd.io/prune"
SSA: Final = "kustomize.toolkit.fluxcd.io/ssa"
FORCE: Final = "kustomize.toolkit.fluxcd.io/force"
RECONCILE: Final = "kustomize.toolkit.fluxcd.io/reconcile"
SUBSTITUTE: Final = "kustomize.toolkit.fluxcd.io/substitute"

Affix: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
"""Text put before or after names."""

NamespaceName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=63)]
"""Name of a namespace."""

_EXACTLY_ONE = (
    "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"
)


class SourceRef(Wire, frozen=True):
    """The source whose artifact is built."""

    kind: Annotated[
        Literal["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"],
        Meta(description="Kind of the source."),
    ]
    name: Annotated[str, Meta(description="Name of the source.")]
    namespace: Annotated[
        str, Meta(description="Namespace of the source; that of the Kustomization when left out.")
    ] = ""
    api_version: Annotated[str, Meta(description="API version of the source.")] = ""


class Dependency(Wire, frozen=True):
    """Another Kustomization that must be ready first."""

    name: Annotated[str, Meta(description="Name of the Kustomization.")]
    namespace: Annotated[
        str, Meta(description="Namespace of the Kustomization; our own when left out.")
    ] = ""
    ready_expr: Annotated[
        str,
        Meta(
            description="CEL expression over dep (the dependency) and self that says whether it is "
            "ready; replaces the built-in check."
        ),
    ] = ""


class Decryption(Wire, frozen=True):
    """How encrypted files are opened."""

    provider: Annotated[Literal["sops"], Meta(description="Format of the encrypted files.")]
    secret_ref: Annotated[
        LocalRef | None, Meta(description="Secret with the private keys or tokens.")
    ] = None
    service_account_name: Annotated[
        str, Meta(description="Service account whose identity is used at the key service.")
    ] = ""


class KubeConfig(Wire, frozen=True):
    """Where another cluster's kubeconfig comes from: exactly one of the two."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(_EXACTLY_ONE, "has(self.configMapRef) || has(self.secretRef)"),
        Rule(_EXACTLY_ONE, "!has(self.configMapRef) || !has(self.secretRef)"),
    )

    config_map_ref: Annotated[
        LocalRef | None,
        Meta(description="ConfigMap that says how to log in with a workload identity."),
    ] = None
    secret_ref: Annotated[
        SecretKeyRef | None,
        Meta(description="Secret with a kubeconfig, by default under the key value or value.yaml."),
    ] = None

    def __post_init__(self) -> None:
        """Holds the CEL rules of the definition."""
        if (self.config_map_ref is None) == (self.secret_ref is None):
            raise ValueError(_EXACTLY_ONE)


class SubstituteFrom(Wire, frozen=True):
    """A ConfigMap or Secret whose data are variables."""

    kind: Annotated[Literal["Secret", "ConfigMap"], Meta(description="Kind of the object.")]
    name: Annotated[
        str, Meta(min_length=1, max_length=253, description="Name of the object, same namespace.")
    ]
    optional: Annotated[
        bool,
        Meta(description="True lets the object be missing.", extra_json_schema={"default": False}),
    ] = False


class PostBuild(Wire, frozen=True):
    """Variables replaced in the built manifests."""

    substitute: Annotated[
        dict[str, str], Meta(description="Variables by name; these win over substituteFrom.")
    ] = field(default_factory=dict)
    substitute_from: Annotated[
        tuple[SubstituteFrom, ...], Meta(description="Objects with variables; later ones win.")
    ] = ()
    substitute_strategy: Annotated[
        Literal["WithVariables", "Always"],
        Meta(description="Whether manifests are also expanded when no variable is given."),
    ] = "WithVariables"


class HealthCheck(Wire, frozen=True):
    """An object that must become healthy."""

    kind: Annotated[str, Meta(description="Kind of the object.")]
    name: Annotated[str, Meta(description="Name of the object.")]
    namespace: Annotated[
        str, Meta(description="Namespace of the object; only cluster-scoped objects have none.")
    ] = ""
    api_version: Annotated[
        str, Meta(description="API version of the object; apps/v1 if empty.")
    ] = ""


class HealthCheckExpressions(Wire, frozen=True):
    """CEL expressions that read the health of a kind from its objects."""

    api_version: Annotated[str, Meta(description="API version the expressions are for.")]
    current: Annotated[str, Meta(description="True when the object is what its spec says.")]
    kind: Annotated[
        str, Meta(description="Kind the expressions are for; all of the group when left out.")
    ] = ""
    in_progress: Annotated[str, Meta(description="True while the object is getting there.")] = ""
    failed: Annotated[str, Meta(description="True when the object cannot get there.")] = ""


class Selector(Wire, frozen=True):
    """Chooses objects of the build; texts are anchored regular expressions, all must match."""

    group: Annotated[str, Meta(description="API group.")] = ""
    version: Annotated[str, Meta(description="API version.")] = ""
    kind: Annotated[str, Meta(description="Kind.")] = ""
    namespace: Annotated[str, Meta(description="Namespace.")] = ""
    name: Annotated[str, Meta(description="Name.")] = ""
    annotation_selector: Annotated[
        str, Meta(description="Selector over annotations, in the syntax of label selectors.")
    ] = ""
    label_selector: Annotated[str, Meta(description="Selector over labels.")] = ""


class Patch(Wire, frozen=True):
    """A change to objects of the build."""

    patch: Annotated[
        str, Meta(description="A strategic merge patch or a JSON patch (RFC 6902), as YAML text.")
    ]
    target: Annotated[
        Selector | None,
        Meta(description="Objects to patch; a merge patch may name its object itself."),
    ] = None


class IgnoreRule(Wire, frozen=True):
    """Fields that others may change without being corrected."""

    paths: Annotated[
        tuple[str, ...], Meta(description="JSON pointers (RFC 6901) of the fields to leave alone.")
    ]
    target: Annotated[
        Selector | None, Meta(description="Objects the rule is for; all when left out.")
    ] = None


class Image(Wire, frozen=True):
    """A new name, tag or digest for a container image."""

    name: Annotated[str, Meta(description="Image name as it stands in the manifests, without tag.")]
    new_name: Annotated[str, Meta(description="Name to use instead.")] = ""
    new_tag: Annotated[str, Meta(description="Tag to use instead.")] = ""
    digest: Annotated[str, Meta(description="Digest to use instead of any tag.")] = ""


class CommonMetadata(Wire, frozen=True):
    """Labels and annotations for every applied object."""

    annotations: Annotated[dict[str, str], Meta(description="Annotations to add or replace.")] = (
        field(default_factory=dict)
    )
    labels: Annotated[dict[str, str], Meta(description="Labels to add or replace.")] = field(
        default_factory=dict
    )


class KustomizationSpec(Wire, frozen=True):
    """What to build, how to apply it, and what counts as done."""

    interval: Annotated[
        Duration, Meta(description="How often to reconcile when nothing else asks for it.")
    ]
    prune: Annotated[
        bool, Meta(description="True deletes applied objects that are no longer in the source.")
    ]
    source_ref: Annotated[SourceRef, Meta(description="The source to build from.")]
    common_metadata: Annotated[
        CommonMetadata | None, Meta(description="Labels and annotations for every applied object.")
    ] = None
    depends_on: Annotated[
        tuple[Dependency, ...], Meta(description="Kustomizations that must be ready first.")
    ] = ()
    decryption: Annotated[
        Decryption | None, Meta(description="How encrypted files are opened.")
    ] = None
    retry_interval: Annotated[
        Duration | None, Meta(description="Delay after a failure; interval when left out.")
    ] = None
    kube_config: Annotated[
        KubeConfig | None, Meta(description="Another cluster to apply to; our own when left out.")
    ] = None
    path: Annotated[
        str, Meta(description="Directory in the artifact to build; its root when left out.")
    ] = ""
    post_build: Annotated[
        PostBuild | None, Meta(description="Variables replaced in the built manifests.")
    ] = None
    deletion_policy: Annotated[
        Literal["MirrorPrune", "Delete", "WaitForTermination", "Orphan"] | None,
        Meta(
            description="What happens to the applied objects when the Kustomization is deleted; "
            "MirrorPrune, which follows prune, when left out."
        ),
    ] = None
    health_checks: Annotated[
        tuple[HealthCheck, ...], Meta(description="Objects that must become healthy.")
    ] = ()
    health_check_exprs: Annotated[
        tuple[HealthCheckExpressions, ...],
        Meta(description="How the health of custom kinds is read, in CEL."),
    ] = ()
    name_prefix: Annotated[Affix | None, Meta(description="Text put before all names.")] = None
    name_suffix: Annotated[Affix | None, Meta(description="Text put after all names.")] = None
    patches: Annotated[
        tuple[Patch, ...], Meta(description="Changes to the built objects, in order.")
    ] = ()
    images: Annotated[
        tuple[Image, ...], Meta(description="New names, tags or digests of container images.")
    ] = ()
    service_account_name: Annotated[
        str, Meta(description="Service account whose rights are used to apply.")
    ] = ""
    suspend: Annotated[bool, Meta(description="True stops all work on this object.")] = False
    target_namespace: Annotated[
        NamespaceName | None, Meta(description="Namespace for all objects.")
    ] = None
    timeout: Annotated[
        Duration | None,
        Meta(description="Longest time for one reconcile; interval less 30 seconds when left out."),
    ] = None
    force: Annotated[
        bool,
        Meta(
            description="True recreates objects whose change the API refuses as immutable.",
            extra_json_schema={"default": False},
        ),
    ] = False
    wait: Annotated[bool, Meta(description="True waits until all applied objects are healthy.")] = (
        False
    )
    components: Annotated[
        tuple[str, ...], Meta(description="Kustomize components to add, relative to path.")
    ] = ()
    ignore_missing_components: Annotated[
        bool, Meta(description="True passes over components that do not exist.")
    ] = False
    build_metadata: Annotated[
        tuple[Literal["originAnnotations", "transformerAnnotations"], ...],
        Meta(description="Annotations that say where built objects come from."),
    ] = ()
    ignore: Annotated[
        tuple[IgnoreRule, ...],
        Meta(description="Fields that others may change without being corrected."),
    ] = ()


class InventoryEntry(Wire, frozen=True, rename={"version": "v"}):
    """One applied object."""

    id: Annotated[str, Meta(description="The object, as namespace_name_group_kind.")]
    version: Annotated[str, Meta(description="Version of the API it was applied with.")]


class Inventory(Wire, frozen=True):
    """The objects of the last apply."""

    entries: Annotated[tuple[InventoryEntry, ...], Meta(description="Applied objects, in order.")]


class KustomizationStatus(Wire, frozen=True):
    """What the last reconcile did."""

    last_handled_reconcile_at: Annotated[
        str,
        Meta(
            description="The last value of the annotation reconcile.fluxcd.io/requestedAt handled."
        ),
    ] = ""
    observed_generation: Annotated[
        Int64, Meta(description="The last generation of the spec that was worked off.")
    ] = 0
    conditions: Annotated[
        tuple[Condition, ...], Meta(description="What is known of the object.")
    ] = ()
    last_applied_revision: Annotated[
        str, Meta(description="Revision of the last apply that succeeded.")
    ] = ""
    last_applied_origin_revision: Annotated[
        str, Meta(description="Revision of the code behind an artifact that was made from it.")
    ] = ""
    last_attempted_revision: Annotated[str, Meta(description="Revision that was last tried.")] = ""
    inventory: Annotated[
        Inventory | None, Meta(description="The objects that belong to this Kustomization.")
    ] = None
    history: Annotated[
        tuple[Snapshot, ...], Meta(description="The last configurations tried, newest first.")
    ] = ()


class Kustomization(Wire, frozen=True):
    """Keeps the objects built from a path of a source applied to a cluster."""

    spec: KustomizationSpec
    metadata: ObjectMeta = ObjectMeta()
    status: Annotated[
        KustomizationStatus, Meta(extra_json_schema={"default": {"observedGeneration": -1}})
    ] = KustomizationStatus(observed_generation=-1)

    @property
    def source(self) -> ObjectRef:
        """The source, with the Kustomization's own namespace where the reference gives none."""
        ref = self.spec.source_ref
        group = ref.api_version.rpartition("/")[0] or "source.toolkit.fluxcd.io"
        return ObjectRef(group, ref.kind, ref.namespace or self.metadata.namespace, ref.name)


def decode_kustomization(manifest: Mapping[str, Any]) -> Kustomization:
    """Decodes a Kustomization; unknown fields are ignored.

    Raises:
        InvalidSpec: names the object and the path of the field that cannot be used.
    """
    return convert(Kustomization, GVK, manifest)
