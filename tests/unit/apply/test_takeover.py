from __future__ import annotations

from typing import Any

from steersman.apply.takeover import default_managers, merge_fields, plan_takeover

OWN = "kustomize-controller"
MANAGERS = default_managers(OWN, ["helm"])


def entry(manager: str, operation: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def live(*entries: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries), **metadata}}


def plan(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return plan_takeover(manifest, own=OWN, managers=MANAGERS)


def test_an_object_that_is_ours_alone_is_left() -> None:
    status = entry("kubectl", "Update", {"f:status": {}}, subresource="status")
    assert plan(live(entry(OWN, "Apply", {"f:spec": {}}), status)) == []


def test_fields_of_kubectl_are_united_with_ours() -> None:
    ours = entry(OWN, "Apply", {"f:data": {"f:a": {}}})
    manifest = live(
        entry("kubectl-client-side-apply", "Update", {"f:data": {".": {}, "f:b": {}}}),
        entry("hpa", "Update", {"f:spec": {}}),
        ours,
        entry("helm-3", "Apply", {"f:data": {"f:c": {}}}),
    )
    assert plan(manifest) == [
        {
            "op": "replace",
            "path": "/metadata/managedFields",
            "value": [
                entry("hpa", "Update", {"f:spec": {}}),
                entry(OWN, "Apply", {"f:data": {".": {}, "f:a": {}, "f:b": {}, "f:c": {}}}),
            ],
        }
    ]


def test_the_first_foreign_entry_becomes_ours_when_we_have_none() -> None:
    assert plan(live(entry("before-first-apply", "Update", {"f:a": {}}))) == [
        {
            "op": "replace",
            "path": "/metadata/managedFields",
            "value": [entry(OWN, "Apply", {"f:a": {}})],
        }
    ]


def test_stale_annotations_and_labels_go() -> None:
    manifest = live(
        annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
        labels={"fluxcd.io/sync-gc-mark": "x"},
    )
    assert plan(manifest) == [
        {
            "op": "remove",
            "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
        },
        {"op": "remove", "path": "/metadata/labels/fluxcd.io~1sync-gc-mark"},
    ]


def test_a_field_owned_as_a_whole_stays_owned_as_a_whole() -> None:
    assert merge_fields({"f:a": {}}, {"f:a": {"f:b": {}}}) == {"f:a": {".": {}, "f:b": {}}}
    assert merge_fields({"f:a": {"f:b": {}}}, {"f:a": {"f:c": {}}}) == {
        "f:a": {"f:b": {}, "f:c": {}}
    }
    assert merge_fields(None, {"f:a": {}}) == {"f:a": {}}
