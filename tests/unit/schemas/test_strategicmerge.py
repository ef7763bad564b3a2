"""Strategic merge patches of built-in kinds."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind
from steersman.schemas.catalogue import load_catalogue
from steersman.schemas.strategicmerge import apply_strategic

CATALOGUE = load_catalogue()
POD = CATALOGUE.schema_of(GroupVersionKind("", "v1", "Pod"))
assert POD is not None


def patched(spec: Any, patch: Any) -> Any:
    assert POD is not None
    return apply_strategic({"spec": spec}, {"spec": patch}, POD, CATALOGUE.resolve)["spec"]


CONTAINERS = {
    "containers": [
        {"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}], "args": ["x"]},
        {"name": "s", "image": "side"},
    ]
}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param(
            {"containers": [{"name": "c", "env": [{"name": "C", "value": "3"}]}]},
            {
                "containers": [
                    {
                        "name": "c",
                        "image": "i",
                        "env": [{"name": "C", "value": "3"}, {"name": "A", "value": "1"}],
                        "args": ["x"],
                    },
                    {"name": "s", "image": "side"},
                ]
            },
            id="new items of a list go first",
        ),
        pytest.param(
            {"containers": [{"name": "s", "$patch": "delete"}, {"name": "c", "args": ["z"]}]},
            {
                "containers": [
                    {
                        "name": "c",
                        "image": "i",
                        "env": [{"name": "A", "value": "1"}],
                        "args": ["z"],
                    }
                ]
            },
            id="an item is deleted, a list without merge strategy replaced",
        ),
        pytest.param(
            {"containers": [{"name": "c", "image": "x"}, {"$patch": "replace"}]},
            {"containers": [{"name": "c", "image": "x"}]},
            id="a list is replaced",
        ),
        pytest.param(
            {
                "$setElementOrder/containers": [{"name": "s"}, {"name": "n"}, {"name": "c"}],
                "containers": [{"name": "n", "image": "nn"}],
            },
            {
                "containers": [
                    {"name": "s", "image": "side"},
                    {"name": "n", "image": "nn"},
                    CONTAINERS["containers"][0],
                ]
            },
            id="a list is ordered",
        ),
        pytest.param({"containers": None}, {}, id="a null deletes"),
        pytest.param(
            {"volumes": [{"name": "v", "emptyDir": {}, "secret": None}]},
            {**CONTAINERS, "volumes": [{"name": "v", "emptyDir": {}}]},
            id="nulls vanish from what is new",
        ),
    ],
)
def test_containers(patch: Any, expected: Any) -> None:
    assert patched(CONTAINERS, patch) == expected


def test_retained_keys_clear_the_others() -> None:
    spec = {"volumes": [{"name": "v", "emptyDir": {}}]}
    patch = {
        "volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "q"}}]
    }
    assert patched(spec, patch) == {"volumes": [{"name": "v", "configMap": {"name": "q"}}]}


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        pytest.param(
            {"containers": [{"image": "q"}]},
            500,
            "map: map[image:q] does not contain declared merge key: name",
            id="an item without its key",
        ),
        pytest.param(
            {"containers": [{"name": "c", "$patch": "jump"}]},
            500,
            "unknown patch type: jump in map: map[$patch:jump name:c]",
            id="an unknown directive",
        ),
        pytest.param(
            {"containers": [{"name": "c", "$retainKeys": ["name"], "image": "x"}]},
            400,
            "invalid patch format of retainKeys",
            id="a value that is not retained",
        ),
    ],
)
def test_refused(patch: Any, code: int, message: str) -> None:
    with pytest.raises(ApiError) as refused:
        patched(CONTAINERS, patch)
    assert (refused.value.code, refused.value.message) == (code, message)
