"""Follows names: whoever refers to an object by a name it no longer has is corrected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from steersman.kit.yaml import dump
from steersman.kustomize.configuration import TransformerConfig
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filters.fields import change_field, set_scalar
from steersman.kustomize.ids import NO_NAMESPACE, Gvk
from steersman.kustomize.node import (
    MISSING,
    Tree,
    is_null,
    text_of,
    to_plain,
)
from steersman.kustomize.resource import Resource
from steersman.kustomize.resourceset import ResourceSet

__all__ = ["fix_references"]


def fix_references(resources: ResourceSet, config: TransformerConfig) -> None:
    """Corrects every reference to an object whose name or namespace has changed.

    Raises:
        BuildFailed: a name may mean several objects.
    """
    everything = list(resources)
    for resource in everything:
        if not resource.id.cluster_scoped:
            _granted_namespaces(resource)
    renamed = _by_previous_name(everything)
    if not renamed:
        return
    for referrer in everything:
        uses = config.uses_of(referrer.original_id.gvk)
        if not uses:
            continue
        reachable = _Reachable(_reachable(everything, referrer))
        for use in uses:
            _Reference(referrer, use.spec, use.target, renamed, reachable).fix()


def _by_previous_name(resources: Iterable[Resource]) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for resource in resources:
        for name in dict.fromkeys(id.name for id in resource.previous_ids):
            found.setdefault(name, []).append(resource)
    return found


def _reachable(resources: Sequence[Resource], referrer: Resource) -> Sequence[Resource]:
    """Returns what an object can refer to: its namespace, and what has none."""
    own = referrer.id
    if own.cluster_scoped:
        return resources
    granted = _granted_namespaces(referrer)
    return [
        resource
        for resource in resources
        if resource.id.cluster_scoped
        or resource.id.effective_namespace == own.effective_namespace
        or resource.namespace in granted
    ]


def _granted_namespaces(referrer: Resource) -> frozenset[str]:
    """Returns the namespaces of service accounts that a role binding names."""
    subjects = referrer.tree.get("subjects") if referrer.kind == "RoleBinding" else None
    if not isinstance(subjects, list):
        return frozenset()
    found = set()
    for subject in subjects:
        if not isinstance(subject, dict) or "namespace" not in subject:
            continue
        if text_of(subject.get("kind", "")) != "ServiceAccount":
            continue
        namespace = subject["namespace"]
        if not isinstance(namespace, str):
            raise BuildFailed(
                f'Invalid Input: namespace is blank for resource "{referrer.id}"\n',
                object=str(referrer.id),
            )
        found.add(namespace)
    return frozenset(found)


class _Reachable:
    """The objects that a referrer can name."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = resources
        self._ids = frozenset(map(id, resources))

    def __contains__(self, resource: Resource) -> bool:
        return id(resource) in self._ids

    @cached_property
    def original_namespaces(self) -> frozenset[str]:
        """Every namespace that an object came with."""
        return frozenset(r.original_id.effective_namespace for r in self.resources)

    def within(self, candidates: Sequence[Resource], namespace: str) -> list[Resource]:
        """Chooses by original namespace where any object came with it, else by the current one."""
        if namespace == NO_NAMESPACE:
            return []
        if namespace in self.original_namespaces:
            return [r for r in candidates if r.original_id.effective_namespace == namespace]
        return [r for r in candidates if r.id.effective_namespace == namespace]


class _Reference:
    """One field of one object that may name others."""

    def __init__(
        self,
        referrer: Resource,
        spec: FieldSpec,
        target: Gvk,
        renamed: dict[str, list[Resource]],
        reachable: _Reachable,
    ) -> None:
        self._referrer = referrer
        self._spec = spec
        self._target = target
        self._renamed = renamed
        self._reachable = reachable

    def fix(self) -> None:
        """Corrects the field, if it is there and names something that was renamed."""
        spec = FieldSpec(self._spec.path, Gvk(), create=False)
        referrer = self._referrer
        try:
            tree = change_field(referrer.tree, spec, self._change)
        except BuildFailed as error:
            raise error.within(
                f"updating name reference in '{self._spec.path}' field of '{referrer.id}'"
            ) from None
        if tree is not referrer.tree:
            # What was recorded on the referrer itself meanwhile must not be lost.
            referrer.tree = tree

    def _change(self, node: Tree) -> Tree:
        if is_null(node):
            return node
        if isinstance(node, dict):
            return self._in_mapping(node)
        if isinstance(node, list):
            items = [self._in_element(item) for item in node]
            same = all(new is old for new, old in zip(items, node, strict=True))
            return node if same else items
        return self._scalar(node)

    def _in_element(self, node: Tree) -> Tree:
        if is_null(node):
            return node
        if isinstance(node, dict):
            return self._in_mapping(node)
        if isinstance(node, list):
            raise BuildFailed(f"{node!r} is expected to be either a string or a map of string")
        return self._scalar(node)

    def _scalar(self, node: Tree) -> Tree:
        name = text_of(node)
        candidates = self._candidates(name)
        if not candidates:
            return node
        referral = self._select(candidates, _same_name)
        if referral is None or referral.name == name:
            return node
        return set_scalar(referral.name)(node)

    def _in_mapping(self, node: dict[str, Tree]) -> Tree:
        held = node.get("name", MISSING)
        if held is MISSING:
            raise BuildFailed("path config error; no 'name' field in node")
        name = text_of(held)
        candidates = self._candidates(name)
        if "namespace" in node:
            candidates = self._reachable.within(candidates, text_of(node["namespace"]))
        if not candidates:
            return node
        referral = self._select(candidates, _same_name_and_namespace)
        if referral is None:
            return node
        changed = {**node, "name": set_scalar(referral.name)(held)}
        if referral.namespace:
            old = node.get("namespace", MISSING)
            write = set_scalar(referral.namespace)
            changed["namespace"] = referral.namespace if old is MISSING else write(old)
        return changed

    def _candidates(self, name: str) -> list[Resource]:
        """Returns the objects of the wanted kind that once had the name."""
        found = self._renamed.get(name)
        if not found:
            return []
        return [
            resource
            for resource in found
            if resource in self._reachable
            and any(previous.gvk.is_selected(self._target) for previous in resource.previous_ids)
        ]

    def _select(
        self, candidates: list[Resource], same: Callable[[Sequence[Resource]], bool]
    ) -> Resource | None:
        role = self._role()
        if role is not None:
            candidates = [
                resource
                for resource in candidates
                if any(previous.gvk.is_selected(role) for previous in resource.previous_ids)
            ]
        candidates = [resource for resource in candidates if self._is_near(resource)]
        if len(candidates) > 1 or not candidates:
            candidates = self._of_same_layers(candidates)
        if not candidates:
            return None
        if len(candidates) > 1 and not same(candidates):
            raise self._ambiguous(candidates)
        return candidates[0]

    def _of_same_layers(self, candidates: list[Resource]) -> list[Resource]:
        referrer = self._referrer
        near = [r for r in candidates if r.same_affixes(referrer, allow_empty=True)]
        if len(near) > 1:
            near = [r for r in near if r.same_affixes(referrer, allow_empty=False)]
        return near

    def _role(self) -> Gvk | None:
        """Returns the kind that a ``roleRef`` asks for."""
        if not self._spec.path.endswith("roleRef/name"):
            return None
        role = self._referrer.tree.get("roleRef")
        if not isinstance(role, dict) or "apiGroup" not in role or "kind" not in role:
            return None
        return Gvk(group=text_of(role["apiGroup"]), kind=text_of(role["kind"]))

    def _is_near(self, resource: Resource) -> bool:
        own, other = self._referrer.id, resource.id
        if own.cluster_scoped or other.cluster_scoped or resource.kind == "ServiceAccount":
            return True
        return own.effective_namespace == other.effective_namespace

    def _ambiguous(self, candidates: Sequence[Resource]) -> BuildFailed:
        shown = ", ".join(str(resource.id) for resource in candidates)
        parts = [
            f"found multiple possible referrals: {shown}\n\n",
            "**** Too many possible referral targets to referrer:\n",
            f"{dump(to_plain(self._referrer.tree))}\n",
        ]
        for index, resource in enumerate(candidates):
            parts.append(f"--- possible referral {index}:\n{dump(to_plain(resource.tree))}\n")
        return BuildFailed("".join(parts), object=str(self._referrer.id))


def _same_name(resources: Sequence[Resource]) -> bool:
    return len({resource.name for resource in resources}) == 1


def _same_name_and_namespace(resources: Sequence[Resource]) -> bool:
    return len({(resource.name, resource.namespace) for resource in resources}) == 1
