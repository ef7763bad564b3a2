"""Role-based access control: which rules a user has, and whether they cover a request.

Source of the rules: ``k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from steersman.kit.gotext import quote
from steersman.objects.manifest import Manifest, name_of, namespace_of
from steersman.servers.apiserver.authn import User
from steersman.servers.apiserver.authz import Decision
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.requests import RequestInfo
from steersman.servers.apiserver.storage import Change

__all__ = ["GROUP", "Grant", "Rbac", "covers", "rule_allows"]

GROUP = "rbac.authorization.k8s.io"
Rule = Mapping[str, Any]


class Grant(NamedTuple):
    """One rule that a user has, and the binding that gives it."""

    rule: Rule
    reason: str


class Rbac:
    """Answers from the stored roles and bindings; remembers until one of them changes.

    Args:
        cluster: where roles and bindings are.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._grants: dict[tuple[str, tuple[str, ...], str], tuple[Grant, ...]] = {}
        for plural in ("roles", "rolebindings", "clusterroles", "clusterrolebindings"):
            cluster.store.subscribe(self._forget, f"{GROUP}/{plural}")

    def _forget(self, change: Change) -> None:
        self._grants.clear()

    def decide(self, user: User, info: RequestInfo) -> Decision:
        """Says whether the user may do that, and by which binding."""
        if user.is_master:
            return Decision(True)
        for grant in self.grants(user, info.namespace if info.is_resource else ""):
            if rule_allows(grant.rule, info):
                return Decision(True, grant.reason)
        return Decision(False)

    def grants(self, user: User, namespace: str) -> Sequence[Grant]:
        """Returns the rules a user has in a namespace, those of the whole cluster first."""
        key = (user.name, user.groups, namespace)
        found = self._grants.get(key)
        if found is None:
            if len(self._grants) > 10_000:
                self._grants.clear()
            found = self._grants[key] = tuple(self._find(user, namespace))
        return found

    def _find(self, user: User, namespace: str) -> Iterator[Grant]:
        for binding in self._cluster.list(GROUP, "clusterrolebindings"):
            yield from self._granted(binding, user, "")
        if namespace:
            for binding in self._cluster.list(GROUP, "rolebindings", namespace):
                yield from self._granted(binding, user, namespace)

    def _granted(self, binding: Manifest, user: User, namespace: str) -> Iterator[Grant]:
        for subject in binding.get("subjects") or ():
            if _is_subject(subject, user, namespace):
                break
        else:
            return
        reference = binding.get("roleRef") or {}
        reason = _reason(binding, reference, subject, namespace)
        for rule in self.rules_of(reference, namespace):
            yield Grant(rule, reason)

    def rules_of(self, reference: Mapping[str, Any], namespace: str) -> Sequence[Rule]:
        """Returns the rules of a referenced role; none when it is absent."""
        name = reference.get("name", "")
        if reference.get("kind") == "ClusterRole":
            role = self._cluster.get(GROUP, "clusterroles", "", name)
        else:
            role = self._cluster.get(GROUP, "roles", namespace, name) if namespace else None
        return (role or {}).get("rules") or ()

    def has_role(self, reference: Mapping[str, Any], namespace: str) -> bool:
        """Says whether a referenced role exists."""
        name = reference.get("name", "")
        if reference.get("kind") == "ClusterRole":
            return self._cluster.get(GROUP, "clusterroles", "", name) is not None
        return self._cluster.get(GROUP, "roles", namespace, name) is not None


def _reason(
    binding: Manifest, reference: Mapping[str, Any], subject: Mapping[str, Any], namespace: str
) -> str:
    name = name_of(binding)
    if namespace:
        name = f"{name}/{namespace_of(binding)}"
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    whom = quote(subject.get("name", ""))
    if subject.get("kind") == "ServiceAccount":
        whom = quote(f"{subject.get('name')}/{subject.get('namespace') or namespace}")
    return (
        f"RBAC: allowed by {kind} {quote(name)} of {reference.get('kind')} "
        f"{quote(reference.get('name', ''))} to {subject.get('kind')} {whom}"
    )


def _is_subject(subject: Mapping[str, Any], user: User, namespace: str) -> bool:
    name = subject.get("name", "")
    match subject.get("kind"):
        case "User":
            return bool(name == user.name)
        case "Group":
            return name in user.groups
        case "ServiceAccount":
            where = subject.get("namespace") or namespace
            return bool(where) and user.name == f"system:serviceaccount:{where}:{name}"
        case _:
            return False


def rule_allows(rule: Rule, info: RequestInfo) -> bool:
    """Says whether a rule covers a request."""
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and info.verb not in verbs:
        return False
    if not info.is_resource:
        return any(_url_matches(url, info.path) for url in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if "*" not in groups and info.group not in groups:
        return False
    combined = f"{info.plural}/{info.subresource}" if info.subresource else info.plural
    if not any(
        wanted in ("*", combined) or (info.subresource and wanted == f"*/{info.subresource}")
        for wanted in rule.get("resources") or ()
    ):
        return False
    names = rule.get("resourceNames") or ()
    return not names or info.name in names


def _url_matches(pattern: str, path: str) -> bool:
    if pattern == "*" or pattern == path:
        return True
    return pattern.endswith("*") and path.startswith(pattern.rstrip("*"))


class _Unit(NamedTuple):
    """A rule broken into its smallest parts."""

    verb: str
    group: str = ""
    resource: str = ""
    name: str | None = None
    url: str | None = None


def _units(rule: Rule) -> Iterator[_Unit]:
    for verb in rule.get("verbs") or ():
        for url in rule.get("nonResourceURLs") or ():
            yield _Unit(verb, url=url)
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for name in rule.get("resourceNames") or (None,):
                    yield _Unit(verb, group, resource, name)


def _unit_covered(unit: _Unit, rule: Rule) -> bool:
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and unit.verb not in verbs:
        return False
    if unit.url is not None:
        return any(
            url in ("*", unit.url) or (url.endswith("*") and unit.url.startswith(url[:-1]))
            for url in rule.get("nonResourceURLs") or ()
        )
    groups = rule.get("apiGroups") or ()
    if "*" not in groups and unit.group not in groups:
        return False
    resources = rule.get("resources") or ()
    subresource = unit.resource.partition("/")[2]
    if (
        "*" not in resources
        and unit.resource not in resources
        and not (subresource and f"*/{subresource}" in resources)
    ):
        return False
    names = rule.get("resourceNames") or ()
    return not names or (unit.name is not None and unit.name in names)


def covers(held: Sequence[Rule], wanted: Sequence[Rule]) -> list[Rule]:
    """Returns the parts of ``wanted`` that ``held`` does not cover, smallest parts apart."""
    return [
        _as_rule(unit)
        for rule in wanted
        for unit in _units(rule)
        if not any(_unit_covered(unit, one) for one in held)
    ]


def _as_rule(unit: _Unit) -> Rule:
    if unit.url is not None:
        return {"verbs": [unit.verb], "nonResourceURLs": [unit.url]}
    rule = {"verbs": [unit.verb], "apiGroups": [unit.group], "resources": [unit.resource]}
    return {**rule, "resourceNames": [unit.name]} if unit.name else rule
