"""What all Flux kinds share: references, conditions, artifacts, annotations, and how to decode.

Every struct tolerates unknown fields, since the raw manifest is what is written back. A field's
``Meta`` holds its description and its schema, from which :mod:`steersman.apis.crds` generates the
definitions; msgspec enforces the same patterns and bounds when it decodes.

Optional texts are empty when absent, as in Flux's own types. Durations and times stay texts
(``1m30s``, RFC 3339): :mod:`steersman.kit.duration` and :mod:`steersman.kit.clock` read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, field

from steersman.errors import InvalidSpec
from steersman.objects.identity import GroupVersionKind, ObjectRef

__all__ = [
    "ARTIFACT_IN_STORAGE",
    "ARTIFACT_OUTDATED",
    "EVENT_ANNOTATION_PREFIX",
    "FETCH_FAILED",
    "FINALIZER",
    "FORCE_REQUESTED_AT",
    "HEALTHY",
    "INCLUDE_UNAVAILABLE",
    "READY",
    "RECONCILE_REQUESTED_AT",
    "RECONCILING",
    "RESET_REQUESTED_AT",
    "SHARD_LABEL",
    "SOURCE_VERIFIED",
    "STALLED",
    "STORAGE_OPERATION_FAILED",
    "WATCH_LABEL",
    "Artifact",
    "Condition",
    "Duration",
    "LocalRef",
    "ObjectMeta",
    "Rule",
    "SecretKeyRef",
    "ShortDuration",
    "Snapshot",
    "Timestamp",
    "Wire",
    "convert",
]

FINALIZER: Final = "finalizers.fluxcd.io"
RECONCILE_REQUESTED_AT: Final = "reconcile.fluxcd.io/requestedAt"
FORCE_REQUESTED_AT: Final = "reconcile.fluxcd.io/forceAt"
RESET_REQUESTED_AT: Final = "reconcile.fluxcd.io/resetAt"
WATCH_LABEL: Final = "reconcile.fluxcd.io/watch"
SHARD_LABEL: Final = "sharding.fluxcd.io/key"
EVENT_ANNOTATION_PREFIX: Final = "event.toolkit.fluxcd.io/"

READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"
HEALTHY: Final = "Healthy"
FETCH_FAILED: Final = "FetchFailed"
INCLUDE_UNAVAILABLE: Final = "IncludeUnavailable"
STORAGE_OPERATION_FAILED: Final = "StorageOperationFailed"
ARTIFACT_OUTDATED: Final = "ArtifactOutdated"
ARTIFACT_IN_STORAGE: Final = "ArtifactInStorage"
SOURCE_VERIFIED: Final = "SourceVerified"

Duration: TypeAlias = Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$")]
"""A Go duration such as ``1h30m``."""

ShortDuration: TypeAlias = Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$")]
"""A Go duration without hours, as Flux limits the time for one fetch."""

Timestamp: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339 text."""

Int64: TypeAlias = Annotated[int, Meta(extra_json_schema={"format": "int64"})]


class Rule(NamedTuple):
    """A CEL rule of a definition: what must hold, and what is said when it does not."""

    message: str
    rule: str


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of everything that travels as JSON: frozen, camelCase, unknown fields ignored.

    ``rules`` are the CEL rules of the struct in the definitions; ``__post_init__`` of the subclass
    holds the same rules for manifests that no API server has seen.
    """

    rules: ClassVar[tuple[Rule, ...]] = ()


class ObjectMeta(Wire, frozen=True):
    """The part of ``metadata`` that controllers read."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    creation_timestamp: str = ""
    deletion_timestamp: str = ""


class Condition(Wire, frozen=True):
    """One observation about an object, as ``metav1.Condition``."""

    type: Annotated[
        str,
        Meta(
            max_length=316,
            pattern=(
                r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
                r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
            ),
            description="What is observed, for example Ready.",
        ),
    ]
    status: Annotated[
        Literal["True", "False", "Unknown"],
        Meta(description="Whether it holds: yes, no, not known."),
    ]
    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1024,
            pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
            description="One CamelCase word for machines that says why.",
        ),
    ]
    message: Annotated[
        str, Meta(max_length=32768, description="The same for people, with details.")
    ]
    last_transition_time: Annotated[Timestamp, Meta(description="When the status last changed.")]
    observed_generation: Annotated[
        Int64, Meta(ge=0, description="The generation of the spec that the observation is about.")
    ] = 0


class LocalRef(Wire, frozen=True):
    """The name of an object in the same namespace."""

    name: Annotated[str, Meta(description="Name of the object.")]


class SecretKeyRef(Wire, frozen=True):
    """One key of a Secret in the same namespace."""

    name: Annotated[str, Meta(description="Which Secret to read.")]
    key: Annotated[str, Meta(description="Key in the Secret; the usual one when left out.")] = ""


class Artifact(Wire, frozen=True):
    """An immutable archive that a source produced from one revision."""

    path: Annotated[
        str,
        Meta(
            description="Path below the root of the artifact server: kind, namespace, name, file."
        ),
    ]
    url: Annotated[str, Meta(description="Where the archive can be fetched.")]
    revision: Annotated[
        str, Meta(description="What the archive was made from, for example main@sha1:<commit>.")
    ]
    digest: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$",
            description="Digest of the archive's bytes, as algorithm:hex.",
        ),
    ]
    last_update_time: Annotated[Timestamp, Meta(description="When the archive was stored.")]
    size: Annotated[Int64, Meta(description="Bytes of the archive.")] = 0
    metadata: Annotated[
        dict[str, str],
        Meta(description="What the upstream says about the revision, as annotations."),
    ] = field(default_factory=dict)


class Snapshot(Wire, frozen=True):
    """One line of ``status.history``: a configuration and how reconciling it went."""

    digest: Annotated[str, Meta(description="Digest of what was reconciled, as algorithm:hex.")]
    first_reconciled: Annotated[Timestamp, Meta(description="When it was first tried.")]
    last_reconciled: Annotated[Timestamp, Meta(description="When it was last tried.")]
    last_reconciled_duration: Annotated[str, Meta(description="How long the last try took.")]
    last_reconciled_status: Annotated[
        str, Meta(description="Reason with which the last try ended.")
    ]
    total_reconciliations: Annotated[Int64, Meta(description="How often it was tried.")]
    metadata: Annotated[
        dict[str, str], Meta(description="What else belongs to the try, for example the revision.")
    ] = field(default_factory=dict)


WireT = TypeVar("WireT", bound=Wire)

_AT = re.compile(r"^(?P<what>.*?) - at `\$\.?(?P<path>.*)`$", re.DOTALL)
_JSON_WORDS = {
    "str": "string",
    "bool": "boolean",
    "int": "integer",
    "array": "list",
    "null": "null",
}


def convert(kind: type[WireT], gvk: GroupVersionKind, manifest: Mapping[str, Any]) -> WireT:
    """Decodes a manifest into its struct.

    Fields that are null count as absent, as the API server prunes them.

    Args:
        kind: the struct.
        gvk: the only type accepted.
        manifest: the object as read.

    Raises:
        InvalidSpec: the type is another one, or a field cannot be used; the message starts with
            the object and the path of the field, such as ``spec.interval``.
    """
    found = GroupVersionKind.of(manifest)
    if found != gvk:
        raise InvalidSpec(
            f"{ObjectRef.of(manifest)}: expected {gvk.kind} of `{gvk.api_version}`, "
            f"got `{found.kind}` of `{found.api_version}`"
        )
    try:
        return msgspec.convert(manifest, kind)
    except msgspec.ValidationError as first:
        try:
            return msgspec.convert(_without_nulls(manifest), kind)
        except msgspec.ValidationError:
            raise InvalidSpec(f"{ObjectRef.of(manifest)}: {_explain(str(first))}") from first


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def _explain(message: str) -> str:
    """Turns msgspec's sentence into ``path: what is wrong`` in JSON's words."""
    match = _AT.match(message)
    path, what = (match["path"], match["what"]) if match else ("", message)
    what = re.sub(r"`(\w+)`", lambda found: f"`{_JSON_WORDS.get(found[1], found[1])}`", what)
    missing = re.fullmatch(r"Object missing required field `(.+)`", what)
    if missing:
        path, what = (
            ".".join(part for part in (path, missing[1]) if part),
            "required field is missing",
        )
    what = what[:1].lower() + what[1:]
    return f"{path}: {what}" if path else what
