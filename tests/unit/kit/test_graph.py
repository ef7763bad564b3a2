from __future__ import annotations

from steersman.kit.graph import find_cycle, topological_order


def test_a_cycle_is_a_path_back_to_its_start() -> None:
    graph = {"a": ["x", "b"], "b": ["c"], "c": ["a"], "x": []}
    assert find_cycle(graph, "a") == ("a", "b", "c", "a")
    assert find_cycle(graph, "c") == ("c", "a", "b", "c")


def test_depending_on_oneself_is_a_cycle() -> None:
    assert find_cycle({"a": ["a"]}, "a") == ("a", "a")


def test_reaching_a_cycle_is_not_being_in_it() -> None:
    assert find_cycle({"a": ["b"], "b": ["c"], "c": ["b"]}, "a") == ()


def test_what_is_depended_on_comes_first() -> None:
    graph = {"app": ["db", "dns"], "db": ["ns"], "ns": [], "dns": ["ns", "elsewhere"]}
    assert topological_order(graph) == ("ns", "db", "dns", "app")


def test_a_cycle_does_not_lose_nodes() -> None:
    assert set(topological_order({"a": ["b"], "b": ["a"], "c": []})) == {"a", "b", "c"}
