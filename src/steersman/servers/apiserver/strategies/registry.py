"""Finds the strategy of a built-in resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

from steersman.errors import Bug
from steersman.objects.identity import GroupKind
from steersman.schemas.catalogue import Catalogue, ResourceInfo
from steersman.servers.apiserver.codec import Codec
from steersman.servers.apiserver.crd.definitionrules import DEFINITION_RULES
from steersman.servers.apiserver.gotypes import load_go_types, type_name
from steersman.servers.apiserver.printers.registry import layout_of
from steersman.servers.apiserver.strategies.builtin import BuiltinStrategy
from steersman.servers.apiserver.strategies.core import CORE_RULES
from steersman.servers.apiserver.strategies.jobs import JOB_RULES
from steersman.servers.apiserver.strategies.pods import POD_RULES
from steersman.servers.apiserver.strategies.policies import POLICY_RULES
from steersman.servers.apiserver.strategies.rules import KindRules
from steersman.servers.apiserver.strategies.services import SERVICE_RULES
from steersman.servers.apiserver.strategies.storages import STORAGE_RULES
from steersman.servers.apiserver.strategies.workloads import WORKLOAD_RULES

__all__ = ["BuiltinStrategies", "for_resource"]

_DEFINITION: Final = "CustomResourceDefinition"
# As the strategies in k8s.io/kubernetes/pkg/registry answer AllowCreateOnUpdate with yes, and
# AllowUnconditionalUpdate with no.
_CREATED_BY_PUT: Final = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "Endpoints",
        "Event",
        "Lease",
        "LimitRange",
        "Role",
        "RoleBinding",
        "RuntimeClass",
        "Service",
    }
)
_NEEDS_VERSION: Final = frozenset(
    {
        "CSIDriver",
        "CSINode",
        "CSIStorageCapacity",
        "ClusterTrustBundle",
        "Lease",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "PodCertificateRequest",
        "PodDisruptionBudget",
        "RuntimeClass",
        "StorageVersionMigration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)


class BuiltinStrategies:
    """The strategies of one server; types are compiled once and shared.

    Args:
        catalogue: the built-in kinds of the server's minor.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._codec = Codec(load_go_types())
        self._rules = all_rules()

    @property
    def codec(self) -> Codec:
        """The compiled Go types."""
        return self._codec

    def for_resource(self, info: ResourceInfo) -> BuiltinStrategy:
        """Returns the strategy of a built-in resource.

        Raises:
            Bug: the resource is not in the catalogue.
        """
        go_type = type_name(self._catalogue, info.gvk)
        if go_type is None or not self._codec.has(go_type):
            raise Bug(f"no type is known for {info.gvk}")
        rules = self._rules.get(info.gvk.group_kind, KindRules())
        traits = replace(
            rules.traits,
            create_on_update=rules.traits.create_on_update or info.kind in _CREATED_BY_PUT,
            unconditional_update=(
                rules.traits.unconditional_update and info.kind not in _NEEDS_VERSION
            ),
        )
        rules = replace(rules, traits=traits)
        return BuiltinStrategy(info, go_type, self._codec, rules, layout_of(info.gvk.group_kind))


@lru_cache(maxsize=4)
def _strategies(catalogue: Catalogue) -> BuiltinStrategies:
    return BuiltinStrategies(catalogue)


def for_resource(info: ResourceInfo, catalogue: Catalogue) -> BuiltinStrategy:
    """Returns the strategy of a built-in resource of a catalogue."""
    return _strategies(catalogue).for_resource(info)


def all_rules() -> Mapping[GroupKind, KindRules]:
    """Collects the rules of every kind that has some."""
    rules = {("", "Pod"): POD_RULES, ("apiextensions.k8s.io", _DEFINITION): DEFINITION_RULES}
    for some in (
        CORE_RULES,
        WORKLOAD_RULES,
        JOB_RULES,
        SERVICE_RULES,
        STORAGE_RULES,
        POLICY_RULES,
    ):
        rules |= some
    return {GroupKind(*kind): one for kind, one in rules.items()}
