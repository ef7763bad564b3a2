"""Order by dependencies, and cycles as paths."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

__all__ = ["find_cycle", "topological_order"]

NodeT = TypeVar("NodeT", bound=Hashable)


def find_cycle(graph: Mapping[NodeT, Iterable[NodeT]], start: NodeT) -> tuple[NodeT, ...]:
    """Finds a shortest way from a node back to itself.

    Args:
        graph: what each node depends on; a node without an entry depends on nothing.
        start: the node that must be part of the cycle.

    Returns:
        The nodes of the cycle in the order they depend on one another, with ``start`` first and
        last; empty when ``start`` is in no cycle.
    """
    came_from: dict[NodeT, NodeT] = {}
    frontier = [start]
    while frontier:
        following: list[NodeT] = []
        for node in frontier:
            for target in graph.get(node, ()):
                if target == start:
                    return _walk_back(came_from, node, start)
                if target not in came_from:
                    came_from[target] = node
                    following.append(target)
        frontier = following
    return ()


def _walk_back(came_from: Mapping[NodeT, NodeT], last: NodeT, start: NodeT) -> tuple[NodeT, ...]:
    path = [start, last] if last != start else [start]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    if len(path) == 1:
        path.append(start)
    return tuple(reversed(path))


def topological_order(graph: Mapping[NodeT, Iterable[NodeT]]) -> tuple[NodeT, ...]:
    """Orders nodes so that each comes after what it depends on.

    Args:
        graph: what each node depends on. What has no entry itself is left out of the result.

    Returns:
        Every node of ``graph``; where the dependencies allow several orders, the graph's own.
        Nodes in a cycle come in the graph's order.
    """
    order: dict[NodeT, None] = {}
    entered: set[NodeT] = set()
    for root in graph:
        stack: list[tuple[NodeT, bool]] = [(root, False)]
        while stack:
            node, left = stack.pop()
            if left:
                order.setdefault(node)
                continue
            if node in entered or node not in graph:
                continue
            entered.add(node)
            stack.append((node, True))
            stack.extend((target, False) for target in reversed(tuple(graph[node])))
    return tuple(order)
