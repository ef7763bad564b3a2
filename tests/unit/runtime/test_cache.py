from __future__ import annotations

import pytest

from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.runtime.cache import Cache, Change

KIND = GroupVersionKind("example.com", "v1", "Thing")


def thing(name: str, version: int, *, uid: str = "", colour: str = "red") -> dict:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": str(version)},
        "spec": {"colour": colour},
    }


def ref(name: str) -> ObjectRef:
    return ObjectRef("example.com", "Thing", "", name)


def a_cache(*things: dict) -> tuple[Cache, list[Change]]:
    cache, seen = Cache(KIND), []
    cache.add_index("colour", lambda manifest: [manifest["spec"]["colour"]])
    cache.subscribe(seen.append)
    cache.begin()
    for manifest in things:
        cache.stage(manifest)
    cache.commit("10")
    return cache, seen


def names(manifests: tuple[dict, ...]) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in manifests]


def test_nothing_of_a_list_is_seen_before_it_is_complete():
    cache, seen = Cache(KIND), []
    cache.subscribe(seen.append)
    cache.begin()
    cache.stage(thing("a", 1))
    assert (cache.objects(), seen, cache.synced.is_set()) == ((), [], False)
    cache.commit("1")
    assert (names(cache.objects()), cache.synced.is_set()) == (["a"], True)
    assert seen == [Change(ref("a"), None, thing("a", 1), initial=True)]


def test_a_second_list_tells_only_what_differs():
    a1, b2, a5, c6 = thing("a", 1), thing("b", 2), thing("a", 5), thing("c", 6)
    cache, seen = a_cache(a1, b2)
    seen.clear()
    cache.begin()
    cache.stage(a5)
    cache.stage(c6)
    cache.commit("12")
    assert seen == [
        Change(ref("b"), b2, None),
        Change(ref("a"), a1, a5),
        Change(ref("c"), None, c6),
    ]


def test_a_list_that_began_before_a_write_of_ours_does_not_take_it_back():
    cache, seen = a_cache(thing("a", 5))
    cache.put(thing("a", 20))
    seen.clear()
    cache.begin()
    cache.stage(thing("a", 11))
    cache.commit("15")
    assert (cache.get(ref("a")), seen) == (thing("a", 20), [])


def test_an_object_newer_than_the_list_is_not_missed_by_it():
    cache, _ = a_cache(thing("a", 5))
    cache.apply(thing("b", 20))
    cache.begin()
    cache.stage(thing("a", 5))
    cache.commit("15")
    assert names(cache.objects()) == ["a", "b"]


def test_old_news_change_nothing():
    cache, seen = a_cache(thing("a", 5))
    seen.clear()
    cache.apply(thing("a", 4))
    cache.apply(thing("a", 5))
    assert seen == []


def test_another_object_of_the_same_name_is_news_whatever_its_version():
    cache, _ = a_cache(thing("a", 5))
    cache.apply(thing("a", 3, uid="other"))
    assert cache.get(ref("a")) == thing("a", 3, uid="other")


def test_the_deletion_of_a_predecessor_does_not_hit_its_successor():
    cache, _ = a_cache(thing("a", 5, uid="new"))
    cache.delete(thing("a", 4, uid="old"))
    assert names(cache.objects()) == ["a"]


def test_a_ghost_does_not_come_back_with_a_late_answer():
    cache, _ = a_cache(thing("a", 5))
    cache.delete(thing("a", 6))
    cache.put(thing("a", 6))
    assert cache.objects() == ()


def test_versions_that_are_no_numbers_are_told_apart_at_least():
    old = {**thing("a", 1), "metadata": {"name": "a", "uid": "u", "resourceVersion": "x"}}
    new = {**old, "metadata": {**old["metadata"], "resourceVersion": "y"}}
    cache, seen = a_cache(old)
    seen.clear()
    cache.apply(new)
    cache.apply(new)
    assert seen == [Change(ref("a"), old, new)]


def test_indexes_follow_the_objects():
    cache, _ = a_cache(thing("a", 1), thing("b", 2, colour="blue"))
    assert names(cache.by_index("colour", "red")) == ["a"]
    cache.apply(thing("a", 3, colour="blue"))
    assert names(cache.by_index("colour", "blue")) == ["b", "a"]
    assert cache.by_index("colour", "red") == ()
    cache.delete(thing("b", 4, colour="blue"))
    assert names(cache.by_index("colour", "blue")) == ["a"]


def test_an_index_added_late_knows_what_is_there():
    cache, _ = a_cache(thing("a", 1))
    cache.add_index("length", lambda manifest: [len(manifest["metadata"]["name"])])
    assert names(cache.by_index("length", 1)) == ["a"]


def test_what_was_deleted_while_it_was_staged_is_not_there():
    cache = Cache(KIND)
    cache.begin()
    cache.stage(thing("a", 1))
    cache.unstage(thing("a", 2))
    cache.commit("3")
    assert cache.objects() == ()


def test_a_listener_or_index_that_fails_harms_nobody_else(caplog: pytest.LogCaptureFixture):
    def broken(anything: object) -> list[str]:
        raise KeyError("strange object")

    cache, seen = Cache(KIND), []
    cache.add_index("broken", broken)
    cache.subscribe(broken)
    cache.subscribe(seen.append)
    cache.apply(thing("a", 1))
    cache.delete(thing("a", 2))
    assert [change.ref.name for change in seen] == ["a", "a"]
    assert "an index failed" in caplog.text
    assert "a listener failed" in caplog.text
