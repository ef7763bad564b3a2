"""What the kind CustomResourceDefinition adds to its type."""

from __future__ import annotations

from collections.abc import Sequence

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.crd.definition import storage_version
from steersman.servers.apiserver.crd.definitioncheck import (
    unjudged_rules,
    validate_definition,
    validate_definition_update,
)
from steersman.servers.apiserver.crd.establish import CLEANUP_FINALIZER
from steersman.servers.apiserver.strategies.rules import KindRules
from steersman.servers.apiserver.strategy import Traits, WriteContext
from steersman.servers.apiserver.validation.names import name_is_subdomain

__all__ = ["DEFINITION_RULES"]


def _default(obj: Manifest) -> None:
    names = obj["spec"]["names"]
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    order = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
    obj["spec"]["names"] = {name: names[name] for name in order if name in names}
    conversion = obj["spec"].setdefault("conversion", {"strategy": "None"})
    service = ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)


def _prepare_create(obj: Manifest, ctx: WriteContext) -> None:
    storage = storage_version(obj)
    obj["status"] = {
        "conditions": None,
        "acceptedNames": {"plural": "", "kind": ""},
        "storedVersions": [storage] if storage else None,
    }


def _prepare_update(new: Manifest, old: Manifest, ctx: WriteContext) -> None:
    storage = storage_version(new)
    status = new["status"]
    stored = status.get("storedVersions") or []
    if storage and storage not in stored:
        new["status"] = {**status, "storedVersions": [*stored, storage]}


def _warn(new: Manifest, old: Manifest | None) -> Sequence[str]:
    if old is not None and old["spec"] == new["spec"]:
        return ()
    return unjudged_rules(new)


DEFINITION_RULES = KindRules(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=validate_definition,
    validate_update=validate_definition_update,
    warn=_warn,
    name_rule=name_is_subdomain,
    counts_generation=True,
    status_keeps=("labels", "annotations", "finalizers", "ownerReferences"),
    traits=Traits(
        deletion_finalizer=CLEANUP_FINALIZER,
        returns_deleted=True,
        reset_fields={"": (("status",),), "status": (("metadata",), ("spec",))},
    ),
)
