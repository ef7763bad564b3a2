"""A cache never changes a result, and does again only what a change touches."""

from __future__ import annotations

from steersman.kustomize import BuildCache, MemoryFileSystem, build

FILES = {
    "one/kustomization.yaml": "resources: [cm.yaml]\n",
    "one/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n",
    "two/kustomization.yaml": "resources: [cm.yaml]\nnamePrefix: x-\n",
    "two/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n",
    "top/kustomization.yaml": "resources: [../one, ../two]\nnamespace: prod\n",
}


def text(files: dict[str, str], cache: BuildCache | None) -> str:
    return build(MemoryFileSystem(files), "/top", cache=cache).to_yaml()


def test_an_unchanged_tree_is_not_built_again() -> None:
    cache = BuildCache()
    first = build(MemoryFileSystem(FILES), "/top", cache=cache)
    assert build(MemoryFileSystem(FILES), "/top", cache=cache) is first


def test_a_change_in_one_base_takes_the_other_from_the_cache() -> None:
    cache = BuildCache()
    text(FILES, cache)
    changed = {**FILES, "one/cm.yaml": FILES["one/cm.yaml"].replace("one", "neu")}
    hits = cache.hits
    assert text(changed, cache) == text(changed, None)
    assert cache.hits == hits + 1


def test_a_new_file_in_the_place_of_a_missing_one_is_noticed() -> None:
    cache = BuildCache()
    text(FILES, cache)
    changed = {**FILES, "two/kustomization.yaml": "resources: [cm.yaml]\nnameSuffix: -z\n"}
    assert text(changed, cache) == text(changed, None)


def test_the_cache_forgets_the_oldest_beyond_its_bound() -> None:
    cache = BuildCache(max_bytes=400)
    for number in range(20):
        files = {"top/kustomization.yaml": f"configMapGenerator: [{{name: a{number}}}]\n"}
        build(MemoryFileSystem({f"{number}/{k}": v for k, v in files.items()}), f"/{number}/top",
              cache=cache)  # fmt: skip
    assert cache.find(("build", "/0/top", "input", None), MemoryFileSystem({})) is None
