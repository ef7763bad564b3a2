"""The objects of a build, in order, without two of the same id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.ids import Gvk, ResId
from steersman.kustomize.model import Selector
from steersman.kustomize.node import to_json
from steersman.kustomize.pattern import whole_text
from steersman.kustomize.resource import Resource
from steersman.kustomize.takeover import take_over
from steersman.objects.selectors import LabelSelector, SelectorError

__all__ = ["ResourceSet", "SelectorRegex", "go_resid", "matches_selectors"]


class ResourceSet:
    """Objects in the order they were added.

    Args:
        resources: what it holds; not checked for equal ids.
    """

    __slots__ = ("_resources",)

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._resources = list(resources)

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._resources))

    def __len__(self) -> int:
        return len(self._resources)

    def append_all(self, incoming: Iterable[Resource]) -> None:
        """Adds objects.

        Raises:
            BuildFailed: an object of the same id is there.
        """
        keys = {resource.id.key for resource in self._resources}
        for resource in incoming:
            key = resource.id.key
            if key in keys:
                raise BuildFailed(
                    f"may not add resource with an already registered id: {resource.id}",
                    object=str(resource.id),
                )
            keys.add(key)
            self._resources.append(resource)

    def replace_all(self, resources: Iterable[Resource]) -> None:
        """Forgets everything and adds objects anew."""
        self._resources = []
        self.append_all(resources)

    def drop_gone(self) -> None:
        """Forgets objects of which nothing is left."""
        if any(resource.is_gone for resource in self._resources):
            self._resources = [resource for resource in self._resources if not resource.is_gone]

    def with_current_id(self, id: ResId) -> list[Resource]:
        """Returns objects whose current id is the same."""
        key = id.key
        return [resource for resource in self._resources if resource.id.key == key]

    def with_any_id(self, matches: Callable[[ResId], bool]) -> list[Resource]:
        """Returns objects of which the current or a previous id matches."""
        return [
            resource
            for resource in self._resources
            if not resource.is_gone and any(matches(id) for id in resource.all_ids())
        ]

    def the_one(self, id: ResId) -> Resource:
        """Returns the only object that has or had the id.

        Raises:
            BuildFailed: none or several.
        """
        found = self.with_any_id(id.same)
        if len(found) == 1:
            return found[0]
        many = "multiple matches" if found else "no matches"
        raise BuildFailed(
            f"{many} for Id {id}; failed to find unique target for patch {id}", object=str(id)
        )

    def absorb_all(self, incoming: Iterable[Resource]) -> None:
        """Adds generated objects, or merges them into those of the same id, as they ask for.

        Raises:
            BuildFailed: what they ask for cannot be done.
        """
        for resource in incoming:
            self._absorb(resource)

    def _absorb(self, resource: Resource) -> None:
        id = resource.id
        matches = self.with_any_id(id.same)
        behavior = resource.behavior
        if not matches:
            if behavior in ("merge", "replace"):
                raise BuildFailed(f"id {go_resid(id)} does not exist; cannot merge or replace")
            self.append_all([resource])
            return
        if len(matches) > 1:
            shown = " ".join(to_json(match.tree) for match in matches)
            raise BuildFailed(f"found multiple objects [{shown}] that could accept merge of {id}")
        old = matches[0]
        if behavior not in ("merge", "replace"):
            raise BuildFailed(
                f"id {go_resid(id)} exists; can not use behavior: '{behavior}', "
                "behavior must be merge or replace",
                object=str(id),
            )
        index = next(i for i, held in enumerate(self._resources) if held is old)
        take_over(resource, old, merge=behavior == "merge")
        self._resources[index] = resource

    def select(self, selector: Selector) -> list[Resource]:
        """Returns the objects that a patch target chooses."""
        regex = SelectorRegex(selector)
        found = []
        for resource in self._resources:
            current, original = resource.id, resource.original_id
            namespaces = (original.effective_namespace, current.effective_namespace)
            if not any(map(regex.matches_namespace, namespaces)):
                continue
            if not (regex.matches_name(original.name) or regex.matches_name(current.name)):
                continue
            if regex.matches_gvk(current.gvk) and matches_selectors(resource, selector):
                found.append(resource)
        return found


def go_resid(id: ResId) -> str:
    """Writes an id as Go's ``%#v`` does."""
    gvk = id.gvk
    scoped = "true" if id.cluster_scoped else "false"
    return (
        f'resid.ResId{{Gvk:resid.Gvk{{Group:"{gvk.group}", Version:"{gvk.version}", '
        f'Kind:"{gvk.kind}", isClusterScoped:{scoped}}}, Name:"{id.name}", '
        f'Namespace:"{id.namespace}"}}'
    )


class SelectorRegex:
    """The parts of a selector as whole-text regular expressions."""

    __slots__ = ("_group", "_kind", "_name", "_namespace", "_version", "selector")

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self._group = whole_text(selector.group)
        self._version = whole_text(selector.version)
        self._kind = whole_text(selector.kind)
        self._name = whole_text(selector.name)
        self._namespace = whole_text(selector.namespace)

    def matches_gvk(self, gvk: Gvk) -> bool:
        """Whether group, version and kind match."""
        return self._group(gvk.group) and self._version(gvk.version) and self._kind(gvk.kind)

    def matches_name(self, name: str) -> bool:
        """Whether the name matches."""
        return self._name(name)

    def matches_namespace(self, namespace: str) -> bool:
        """Whether the namespace matches."""
        return self._namespace(namespace)

    def matches_id(self, id: ResId) -> bool:
        """Whether all parts match."""
        return (
            self.matches_gvk(id.gvk)
            and self.matches_name(id.name)
            and self.matches_namespace(id.namespace)
        )


@lru_cache(maxsize=256)
def _label_selector(text: str) -> LabelSelector:
    try:
        return LabelSelector.parse(text)
    except SelectorError as error:
        raise BuildFailed(str(error)) from None


def matches_selectors(resource: Resource, selector: Selector) -> bool:
    """Whether labels and annotations satisfy the selector's expressions."""
    labels, annotations = selector.label_selector, selector.annotation_selector
    if labels and not _label_selector(labels).matches(resource.labels):
        return False
    return not annotations or _label_selector(annotations).matches(resource.annotations)
