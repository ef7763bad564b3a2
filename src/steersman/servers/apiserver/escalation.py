"""Nobody gives away rights they do not have: the escalation check of roles and bindings.

Source of the rules: ``k8s.io/kubernetes/pkg/registry/rbac``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steersman.kit.gotext import quote
from steersman.objects.manifest import Manifest, name_of
from steersman.servers.apiserver.admission import Attempt
from steersman.servers.apiserver.answers import forbidden, not_found
from steersman.servers.apiserver.authn import User
from steersman.servers.apiserver.rbac import GROUP, Rbac, Rule, covers
from steersman.servers.apiserver.requests import RequestInfo

__all__ = ["EscalationCheck"]

_ROLES = ("roles", "clusterroles")
_BINDINGS = ("rolebindings", "clusterrolebindings")


class EscalationCheck:
    """Refuses roles and bindings that give more than their author holds.

    Args:
        rbac: knows who holds what.
    """

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    def mutate(self, attempt: Attempt, new: Manifest, old: Manifest | None) -> Manifest:
        """Changes nothing."""
        return new

    def validate(self, attempt: Attempt, new: Manifest | None, old: Manifest | None) -> None:
        """Raises 403 for an escalation."""
        info = attempt.target.resource.info
        user = attempt.target.user
        if info.group != GROUP or new is None or user.is_master:
            return
        if info.plural in _ROLES:
            if old is not None and old.get("rules") == new.get("rules"):
                return
            if self._may(attempt, "escalate", info.plural, name_of(new)):
                return
            wanted: Sequence[Rule] = new.get("rules") or ()
            if new.get("aggregationRule") and not self._holds_everything(user):
                wanted = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
        elif info.plural in _BINDINGS:
            same = old is not None and all(
                old.get(part) == new.get(part) for part in ("roleRef", "subjects")
            )
            reference: Mapping[str, Any] = new.get("roleRef") or {}
            plural = "clusterroles" if reference.get("kind") == "ClusterRole" else "roles"
            if same or self._may(attempt, "bind", plural, reference.get("name", "")):
                return
            if not self._rbac.has_role(reference, attempt.target.namespace):
                raise not_found(GROUP, plural, reference.get("name", ""))
            wanted = self._rbac.rules_of(reference, attempt.target.namespace)
        else:
            return
        self._check(attempt, new, wanted)

    def _check(self, attempt: Attempt, new: Manifest, wanted: Sequence[Rule]) -> None:
        target = attempt.target
        held = [grant.rule for grant in self._rbac.grants(target.user, target.namespace)]
        missing = covers(held, wanted)
        if not missing:
            return
        info = target.resource.info
        lines = "\n".join(_rule_text(rule) for rule in _compact(missing))
        groups = " ".join(quote(group) for group in target.user.groups)
        raise forbidden(
            info.group,
            info.plural,
            name_of(new),
            f"user {quote(target.user.name)} (groups=[{groups}]) is attempting to grant RBAC "
            f"permissions not currently held:\n{lines}",
        )

    def _may(self, attempt: Attempt, verb: str, plural: str, name: str) -> bool:
        info = RequestInfo(
            verb=verb,
            path="",
            is_resource=True,
            group=GROUP,
            version="v1",
            plural=plural,
            namespace=attempt.target.namespace,
            name=name,
        )
        return self._rbac.decide(attempt.target.user, info).allowed

    def _holds_everything(self, user: User) -> bool:
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        held = [grant.rule for grant in self._rbac.grants(user, "")]
        return not covers(held, [everything])

    def warnings(
        self, attempt: Attempt, new: Manifest | None, old: Manifest | None
    ) -> Sequence[str]:
        """Has none."""
        return ()


def _compact(rules: Sequence[Rule]) -> list[Rule]:
    """Joins the verbs of rules that differ in nothing else, and orders them as they print."""
    joined: dict[tuple[object, ...], dict[str, Any]] = {}
    for rule in rules:
        key = tuple(
            tuple(rule.get(part) or ())
            for part in ("apiGroups", "resources", "resourceNames", "nonResourceURLs")
        )
        kept = joined.setdefault(key, {**rule, "verbs": []})
        kept["verbs"] += [verb for verb in rule["verbs"] if verb not in kept["verbs"]]
    return sorted(joined.values(), key=_rule_text)


def _rule_text(rule: Rule) -> str:
    parts = []
    for label, name in (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("Verbs", "verbs"),
    ):
        values = rule.get(name)
        if values:
            parts.append(f"{label}:[{', '.join(quote(value) for value in values)}]")
    return f"{{{', '.join(parts)}}}"
