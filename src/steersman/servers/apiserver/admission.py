"""What may refuse or change a write after authorisation and before it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from steersman.objects.apistatus import status_cause
from steersman.objects.manifest import Manifest, metadata_of, name_of
from steersman.servers.apiserver.answers import forbidden, not_found
from steersman.servers.apiserver.cluster import Cluster

if TYPE_CHECKING:
    from steersman.servers.apiserver.writes import Target

__all__ = ["Admission", "AdmissionStep", "Attempt", "NamespaceLifecycle"]

IMMORTAL_NAMESPACES = frozenset(("default", "kube-system", "kube-public"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One write that is about to happen.

    Attributes:
        target: what it is about and who asks.
        operation: CREATE, UPDATE or DELETE.
        dry_run: nothing will be stored.
    """

    target: Target
    operation: str
    dry_run: bool = False


class AdmissionStep(Protocol):
    """One rule of admission. ``old`` is absent on creation, ``new`` on deletion."""

    def mutate(self, attempt: Attempt, new: Manifest, old: Manifest | None) -> Manifest:
        """Returns the object, changed where the rule says so."""
        ...

    def validate(self, attempt: Attempt, new: Manifest | None, old: Manifest | None) -> None:
        """Raises :class:`ApiError` to refuse the write."""
        ...

    def warnings(
        self, attempt: Attempt, new: Manifest | None, old: Manifest | None
    ) -> Sequence[str]:
        """Returns texts for ``Warning`` headers."""
        ...


class Admission:
    """The rules in order.

    Args:
        steps: asked one after the other.
    """

    def __init__(self, steps: Sequence[AdmissionStep]) -> None:
        self._steps = tuple(steps)

    def mutate(self, attempt: Attempt, new: Manifest, old: Manifest | None) -> Manifest:
        """Returns the object after every rule had its say."""
        for step in self._steps:
            new = step.mutate(attempt, new, old)
        return new

    def validate(self, attempt: Attempt, new: Manifest | None, old: Manifest | None) -> None:
        """Raises :class:`ApiError` of the first rule that refuses."""
        for step in self._steps:
            step.validate(attempt, new, old)

    def warnings(
        self, attempt: Attempt, new: Manifest | None, old: Manifest | None
    ) -> tuple[str, ...]:
        """Returns all warnings, in order."""
        return tuple(text for step in self._steps for text in step.warnings(attempt, new, old))


class NamespaceLifecycle:
    """Nothing is created in a namespace that is absent or terminating; some namespaces stay.

    Args:
        cluster: where namespaces are looked up.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def mutate(self, attempt: Attempt, new: Manifest, old: Manifest | None) -> Manifest:
        """Refuses early, before anything else looks at the object."""
        info = attempt.target.resource.info
        namespace = attempt.target.namespace
        if attempt.operation != "CREATE" or not info.namespaced:
            return new
        found = self._cluster.get("", "namespaces", "", namespace)
        if found is None:
            raise not_found("", "namespaces", namespace)
        if metadata_of(found).get("deletionTimestamp"):
            text = f"namespace {namespace} is being terminated"
            cause = status_cause("NamespaceTerminating", text, "metadata.namespace")
            raise forbidden(
                info.group,
                info.plural,
                name_of(new),
                f"unable to create new content in namespace {namespace} because it is being "
                "terminated",
                causes=[cause],
            )
        return new

    def validate(self, attempt: Attempt, new: Manifest | None, old: Manifest | None) -> None:
        """Keeps the namespaces that the cluster cannot do without."""
        target = attempt.target
        if (
            attempt.operation == "DELETE"
            and target.resource.bucket == "/namespaces"
            and target.name in IMMORTAL_NAMESPACES
        ):
            raise forbidden("", "namespaces", target.name, "this namespace may not be deleted")

    def warnings(
        self, attempt: Attempt, new: Manifest | None, old: Manifest | None
    ) -> Sequence[str]:
        """Has none."""
        return ()
