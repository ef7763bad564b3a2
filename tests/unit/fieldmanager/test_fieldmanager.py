"""Who owns what after applies and updates of built-in and custom kinds."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.fieldmanager.conflict import ApplyConflict
from steersman.fieldmanager.lastapplied import LAST_APPLIED
from steersman.fieldmanager.manager import FieldManager, keep_old_times
from steersman.fieldmanager.typesource import TypeSource
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind
from steersman.objects.manifest import Manifest
from steersman.schemas.catalogue import load_catalogue

CATALOGUE = load_catalogue()
BUILT_IN = TypeSource.from_catalogue(CATALOGUE)
CONFIG_MAPS = FieldManager(BUILT_IN, GroupVersionKind("", "v1", "ConfigMap"))
DEPLOYMENTS = FieldManager(BUILT_IN, GroupVersionKind("apps", "v1", "Deployment"))
T1, T2, T3 = (f"2026-01-01T00:00:0{second}Z" for second in (1, 2, 3))


def config_map(data: Any = None, **metadata: Any) -> Manifest:
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "n", **metadata},
    }
    return manifest if data is None else {**manifest, "data": data}


def apply(
    live: Manifest | None, config: Manifest, manager: str = "m1", now: str = T1, force: bool = False
) -> Manifest:
    result = CONFIG_MAPS.apply(live, config, manager=manager, force=force, now=now)
    return stored(result)


def stored(manifest: Manifest) -> Manifest:
    """Gives an object what makes it a stored one."""
    return {**manifest, "metadata": {"uid": "1", **manifest["metadata"]}}


def entry(manager: str, fields: Any, time: str | None = T1, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"manager": manager, "operation": "Apply", "apiVersion": "v1"}
    made |= {"time": time} if time else {}
    return made | {"fieldsType": "FieldsV1", "fieldsV1": fields} | more


def entries_of(manifest: Manifest) -> Any:
    return manifest["metadata"].get("managedFields", [])


def test_an_apply_owns_what_it_sets() -> None:
    created = apply(None, config_map({"b": "1", "a": "1"}, labels={"l": "x"}))
    assert created["data"] == {"b": "1", "a": "1"}
    assert entries_of(created) == [
        entry(
            "m1",
            {"f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:labels": {"f:l": {}}}},
        )
    ]
    assert list(entries_of(created)[0]["fieldsV1"]["f:data"]) == ["f:a", "f:b"]


def test_an_update_owns_what_it_changes_and_its_containers() -> None:
    created = CONFIG_MAPS.update(None, config_map({"a": "1"}), manager="up", now=T1)
    assert entries_of(created) == [
        {
            "manager": "up",
            "operation": "Update",
            "apiVersion": "v1",
            "time": T1,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:a": {}}},
        }
    ]
    again = CONFIG_MAPS.update(stored(created), stored(created), manager="other", now=T2)
    assert entries_of(again) == entries_of(created)


def test_creating_a_struct_does_not_own_what_go_always_writes() -> None:
    created = DEPLOYMENTS.update(
        None,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"a": "b"}},
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {
                        "containers": [
                            {
                                "name": "c",
                                "image": "i",
                                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                                "resources": {},
                            }
                        ]
                    },
                },
                "strategy": {},
            },
            "status": {},
        },
        manager="up",
        now=T1,
    )
    port = 'k:{"containerPort":80,"protocol":"TCP"}'
    assert entries_of(created)[0]["fieldsV1"] == {
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"c"}': {
                            ".": {},
                            "f:image": {},
                            "f:name": {},
                            "f:ports": {
                                ".": {},
                                port: {".": {}, "f:containerPort": {}, "f:protocol": {}},
                            },
                            "f:resources": {},
                        }
                    }
                },
            },
        }
    }


def test_a_conflict_names_the_owner_and_force_takes_the_field() -> None:
    live = apply(None, config_map({"a": "1", "b": "1"}))
    with pytest.raises(ApplyConflict) as refused:
        apply(live, config_map({"a": "2", "b": "2"}), "m2")
    assert refused.value.to_status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'Apply failed with 2 conflicts: conflicts with "m1":\n- .data.a\n- .data.b',
        "reason": "Conflict",
        "details": {
            "causes": [
                {
                    "reason": "FieldManagerConflict",
                    "message": 'conflict with "m1"',
                    "field": ".data.a",
                },
                {
                    "reason": "FieldManagerConflict",
                    "message": 'conflict with "m1"',
                    "field": ".data.b",
                },
            ]
        },
        "code": 409,
    }
    taken = apply(live, config_map({"a": "2"}), "m2", T2, force=True)
    assert entries_of(taken) == [
        entry("m1", {"f:data": {"f:b": {}}}),
        entry("m2", {"f:data": {"f:a": {}}}, T2),
    ]


def test_an_owner_by_update_is_named_with_its_version() -> None:
    live = stored(CONFIG_MAPS.update(None, config_map({"a": "1"}), manager="up", now=T1))
    with pytest.raises(ApplyConflict, match=r'conflict with "up" using v1: \.data\.a'):
        apply(live, config_map({"a": "3"}))


def test_sharing_a_value_has_no_time_and_comes_first() -> None:
    live = apply(None, config_map({"a": "1"}))
    shared = apply(live, config_map({"a": "1"}), "m2", T2)
    assert entries_of(shared) == [
        entry("m2", {"f:data": {"f:a": {}}}, None),
        entry("m1", {"f:data": {"f:a": {}}}),
    ]


def test_what_is_applied_no_more_goes_unless_somebody_else_owns_it() -> None:
    live = apply(None, config_map({"a": "1", "b": "1"}))
    shared = apply(live, config_map({"a": "1"}), "m2", T2)
    dropped = apply(shared, config_map({}), "m1", T3)
    assert dropped["data"] == {"a": "1"}
    assert entries_of(dropped) == [
        entry("m2", {"f:data": {"f:a": {}}}, None),
        entry("m1", {"f:data": {}}, T3),
    ]
    nothing = apply(live, config_map(), "m1", T2)
    assert "data" not in nothing
    assert entries_of(nothing) == []


def test_an_untracked_object_gets_a_first_owner() -> None:
    live = stored(config_map({"a": "1"}))
    assert entries_of(CONFIG_MAPS.update(live, live, manager="x", now=T1)) == []
    applied = apply(live, config_map({"z": "1"}), "m1", T2)
    assert entries_of(applied) == [
        entry("m1", {"f:data": {"f:z": {}}}, T2),
        {
            "manager": "before-first-apply",
            "operation": "Update",
            "apiVersion": "v1",
            "time": T2,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:a": {}}},
        },
    ]


@pytest.mark.parametrize(
    ("entries", "kept"),
    [
        pytest.param([], False, id="an empty list forgets the owners"),
        pytest.param([{}], False, id="one empty entry forgets the owners"),
        pytest.param(None, True, id="a client that drops them keeps them"),
        pytest.param([{"manager": "x"}], True, id="garbage is ignored"),
    ],
)
def test_what_clients_send_as_owners(entries: Any, kept: bool) -> None:
    live = apply(None, config_map({"a": "1"}))
    sent = {**live, "metadata": {**live["metadata"], "managedFields": entries}}
    updated = CONFIG_MAPS.update(live, sent, manager="x", now=T2)
    assert bool(entries_of(updated)) is kept


@pytest.mark.parametrize(
    ("config", "code", "message"),
    [
        pytest.param(
            {**config_map(), "apiVersion": "v2"},
            400,
            "invalid object type: /v2, Kind=ConfigMap",
            id="another version",
        ),
        pytest.param(
            config_map(managedFields=[]),
            400,
            "metadata.managedFields must be nil",
            id="owners in a configuration",
        ),
        pytest.param(
            config_map({"a": 1}),
            500,
            "failed to create typed patch object (n/c; /v1, Kind=ConfigMap): "
            ".data.a: expected string, got &value.valueUnstructured{Value:1}",
            id="a wrong type",
        ),
        pytest.param(
            {**config_map(), "dataa": {"x": "y"}},
            500,
            "failed to create typed patch object (n/c; /v1, Kind=ConfigMap): "
            ".dataa: field not declared in schema",
            id="an unknown field",
        ),
    ],
)
def test_refused_configurations(config: Manifest, code: int, message: str) -> None:
    with pytest.raises(ApiError) as refused:
        apply(None, config)
    assert (refused.value.code, refused.value.message) == (code, message)


def test_kubectl_takes_over_what_it_applied_on_the_client_side() -> None:
    last = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1"}}'
    created = config_map({"a": "1"}, annotations={LAST_APPLIED: last})
    live = stored(CONFIG_MAPS.update(None, created, manager="kubectl-client-side-apply", now=T1))
    with pytest.raises(ApplyConflict):
        apply(live, config_map({"a": "2"}), "other")
    applied = apply(live, config_map({"a": "2"}), "kubectl", T2)
    assert applied["data"] == {"a": "2"}
    assert applied["metadata"]["annotations"] == {
        LAST_APPLIED: '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap",'
        '"metadata":{"name":"c","namespace":"n"}}\n'
    }


def test_many_updaters_are_merged_into_one() -> None:
    live = stored(CONFIG_MAPS.update(None, config_map({"k": "0"}), manager="u00", now=T1))
    for number in range(1, 12):
        data = {**live["data"], f"k{number}": "1"}
        live = CONFIG_MAPS.update(live, {**live, "data": data}, manager=f"u{number:02}", now=T2)
    assert [one["manager"] for one in entries_of(live)] == [
        "ancient-changes",
        *(f"u{number:02}" for number in range(3, 12)),
    ]


def test_times_alone_are_no_change() -> None:
    old = apply(None, config_map({"a": "1"}))
    new = apply(None, config_map({"a": "1"}), now=T2)
    assert keep_old_times(old, new) == old
    changed = apply(None, config_map({"a": "2"}), now=T2)
    assert keep_old_times(old, changed) is changed


def test_fields_that_an_endpoint_resets_are_never_owned() -> None:
    main = FieldManager(
        BUILT_IN,
        GroupVersionKind("apps", "v1", "Deployment"),
        reset_fields={"apps/v1": {"f:status": {}}},
    )
    config = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "status": {"replicas": 3},
    }
    applied = main.apply(None, config, manager="m", force=False, now=T1)
    assert entries_of(applied) == []


WIDGETS = {
    "spec": {
        "group": "example.com",
        "names": {"kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "tags": {
                                        "type": "array",
                                        "items": {"type": "string"},
                                        "x-kubernetes-list-type": "set",
                                    },
                                    "open": {
                                        "type": "object",
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                    "whole": {
                                        "type": "object",
                                        "additionalProperties": {"type": "string"},
                                        "x-kubernetes-map-type": "atomic",
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    }
}


def test_custom_kinds_follow_their_schema() -> None:
    widgets = FieldManager(
        TypeSource.from_crd(WIDGETS, CATALOGUE), GroupVersionKind("example.com", "v1", "Widget")
    )
    config = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "labels": {"l": "1"}},
        "spec": {"tags": ["b", "a"], "open": {"x": {"y": 1}}, "whole": {"k": "v"}},
    }
    applied = widgets.apply(None, config, manager="m", force=False, now=T1)
    assert entries_of(applied)[0]["fieldsV1"] == {
        "f:metadata": {"f:labels": {"f:l": {}}},
        "f:spec": {
            "f:open": {"f:x": {".": {}, "f:y": {}}},
            "f:tags": {'v:"a"': {}, 'v:"b"': {}},
            "f:whole": {},
        },
    }
