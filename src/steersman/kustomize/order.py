"""The order of the output: as read, or kustomize's legacy order by kind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key

from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldspec import FIRST_KINDS, LAST_KINDS
from steersman.kustomize.ids import Gvk, ResId
from steersman.kustomize.model import SortOptions
from steersman.kustomize.resource import Resource
from steersman.kustomize.resourceset import ResourceSet

__all__ = ["sort_resources"]


def sort_resources(resources: ResourceSet, options: SortOptions) -> None:
    """Sorts objects.

    Raises:
        BuildFailed: the options contradict each other.
    """
    if options.order not in ("legacy", "fifo"):
        raise BuildFailed("the field 'sortOptions.order' must be one of [fifo, legacy]")
    if options.order == "fifo":
        if options.has_legacy_options:
            raise BuildFailed(
                "the field 'sortOptions.legacySortOptions' is set but the selected sort order "
                "is 'fifo', not 'legacy'"
            )
        return
    first: Sequence[str] = FIRST_KINDS
    last: Sequence[str] = LAST_KINDS
    if options.has_legacy_options:
        first, last = options.first or (), options.last or ()
    ranks = {kind: rank - len(first) for rank, kind in enumerate(first)}
    ranks |= {kind: rank + 1 for rank, kind in enumerate(last)}

    def compare(left: Resource, right: Resource) -> int:
        return _compare(left.id, right.id, ranks)

    resources.replace_all(sorted(resources, key=cmp_to_key(compare)))


def _compare(left: ResId, right: ResId, ranks: dict[str, int]) -> int:
    a, b = left.gvk, right.gvk
    if a == b:
        return _sign(_id_text(left), _id_text(right))
    rank = ranks.get(a.kind, 0) - ranks.get(b.kind, 0)
    if rank:
        return rank
    x, y = _gvk_text(a), _gvk_text(b)
    if a.kind == b.kind == "Namespace" and not (a.group and b.group):
        return _sign(y, x)
    return _sign(x, y)


def _sign(left: str, right: str) -> int:
    return (left > right) - (left < right)


def _gvk_text(gvk: Gvk) -> str:
    return f"{gvk.group or '~G'}_{gvk.version or '~V'}_{gvk.kind or '~K'}"


def _id_text(id: ResId) -> str:
    return f"{id.gvk}|{id.namespace or '~X'}|{id.name or '~N'}"
