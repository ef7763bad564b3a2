"""Laws that hold for every build: repeatable, cached or not, and order-free where promised."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steersman.kit.yaml import dump, load_all
from steersman.kustomize import BuildCache, BuildFailed, MemoryFileSystem, build

NAMES = st.sampled_from(["a", "b", "web"])
TEXTS = st.text(alphabet="ab:#-?'\"\\,[]{}é0.1~yno_ \n/=@&*!|>%`", max_size=30)
KEYS = st.sampled_from(["k", "l", "on", "1", "a.b"])
FEATURES: dict[str, st.SearchStrategy[Any]] = {
    "namespace": st.sampled_from(["n", "m"]),
    "namePrefix": st.just("p-"),
    "nameSuffix": st.just("-s"),
    "commonAnnotations": st.dictionaries(KEYS, TEXTS, min_size=1, max_size=2),
    "labels": st.just([{"pairs": {"l": "v"}, "includeTemplates": True}]),
    "images": st.just([{"name": "nginx", "newTag": "2"}]),
    "configMapGenerator": st.just([{"name": "gen", "literals": ["a=b"]}]),
}


@st.composite
def kustomizations(draw: st.DrawFn) -> dict[str, Any]:
    chosen = draw(st.sets(st.sampled_from(sorted(FEATURES))))
    return {feature: draw(FEATURES[feature]) for feature in sorted(chosen)}


@st.composite
def objects(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.sets(NAMES, min_size=1))
    data = st.dictionaries(KEYS, TEXTS, max_size=3)
    maps = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": draw(data)}
        for name in sorted(names)
    ]
    pod = {"containers": [{"name": "c", "image": "nginx:1",
                           "envFrom": [{"configMapRef": {"name": "gen"}}]}]}  # fmt: skip
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
                  "spec": {"template": {"spec": pod}}}  # fmt: skip
    return [*maps, deployment]


def built(files: dict[str, str], path: str = "/", **options: Any) -> str:
    return build(MemoryFileSystem(files), path, **options).to_yaml()


@given(objects(), kustomizations())
@settings(max_examples=60, deadline=None)
def test_a_build_gives_the_same_again_and_from_a_cache(
    manifests: list[dict[str, Any]], kustomization: dict[str, Any]
) -> None:
    files = {
        "base/all.yaml": "---\n".join(map(dump, manifests)),
        "base/kustomization.yaml": "resources: [all.yaml]\n",
        "kustomization.yaml": json.dumps({"resources": ["base"], **kustomization}),
    }
    cache = BuildCache()
    first = built(files)
    assert built(files) == first
    assert built(files, cache=cache) == first
    assert built(files, cache=cache) == first


@given(objects())
@settings(max_examples=60, deadline=None)
def test_building_what_was_built_changes_nothing(manifests: list[dict[str, Any]]) -> None:
    kustomization = "resources: [all.yaml]\n"
    first = built(
        {"all.yaml": "---\n".join(map(dump, manifests)), "kustomization.yaml": kustomization}
    )
    assert built({"all.yaml": first, "kustomization.yaml": kustomization}) == first


@given(objects(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_resources_does_not_matter_to_the_legacy_order(
    manifests: list[dict[str, Any]], random: Any
) -> None:
    def of(order: list[dict[str, Any]]) -> str:
        files = {f"{i}.yaml": dump(manifest) for i, manifest in enumerate(order)}
        files["kustomization.yaml"] = json.dumps({"resources": sorted(files), "namePrefix": "x-"})
        return built(files, order="legacy")

    shuffled = list(manifests)
    random.shuffle(shuffled)
    assert of(shuffled) == of(manifests)


@given(objects(), TEXTS, TEXTS)
@settings(max_examples=40, deadline=None)
def test_patches_of_disjoint_paths_commute_with_each_other_and_with_building(
    manifests: list[dict[str, Any]], left: str, right: str
) -> None:
    def patch(field: str, value: str) -> dict[str, Any]:
        spec = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
                "spec": {field: value}}  # fmt: skip
        return {"patch": json.dumps(spec)}

    one, two = patch("left", left), patch("right", right)
    base = {"base/all.yaml": "---\n".join(map(dump, manifests)),
            "base/kustomization.yaml": "resources: [all.yaml]\n"}  # fmt: skip

    def with_patches(*patches: dict[str, Any]) -> str:
        top = json.dumps({"resources": ["base"], "patches": list(patches)})
        return built({**base, "kustomization.yaml": top})

    both = with_patches(one, two)
    assert with_patches(two, one) == both
    layered = {
        **base,
        "base/kustomization.yaml": json.dumps({"resources": ["all.yaml"], "patches": [one]}),
        "kustomization.yaml": json.dumps({"resources": ["base"], "patches": [two]}),
    }
    assert built(layered) == both


LEAVES = TEXTS | st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_is_read_back(value: Any) -> None:
    assert load_all(dump(value))[0].value == value


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    files = {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": text}
    reason = "built"
    try:
        built(files)
    except BuildFailed as error:
        reason = error.problem
    assert reason
