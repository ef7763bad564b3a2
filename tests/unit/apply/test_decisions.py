"""What becomes of one object after its dry-run."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.apply.changeset import Action, Change
from steersman.apply.failure import explain_dry_run
from steersman.apply.force import must_recreate
from steersman.apply.optout import must_skip
from steersman.apply.plan import ApplyOptions, Decision, decide, plan_stages, skip
from steersman.errors import SteersmanError
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupKind, ObjectRef
from steersman.objects.ignore_rules import IgnoreRule, IgnoreRules, ObjectSelector
from steersman.objects.order import Stage

OPTIONS = ApplyOptions()
REF = ObjectRef("apps", "Deployment", "n", "d")
RULES = IgnoreRules(
    [IgnoreRule(paths=["/spec/replicas"], target=ObjectSelector(kind="Deploy.*", name="d"))]
)


def deployment(replicas: int = 1, image: str = "a", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", **metadata},
        "spec": {"replicas": replicas, "image": image},
    }


def live(replicas: int = 1, image: str = "a", **metadata: Any) -> dict[str, Any]:
    return {
        **deployment(replicas, image, resourceVersion="7", uid="u", **metadata),
        "status": {"replicas": 0},
    }


def change(action: Action) -> Change:
    return Change(REF, "v1", action)


def test_an_object_that_does_not_exist_is_created() -> None:
    desired = deployment()
    assert decide(
        desired, live=None, dry_run=deployment(), taken_over=False, options=OPTIONS
    ) == Decision(change(Action.CREATED), desired)


def test_nothing_is_written_when_nothing_differs() -> None:
    dry_run = {**live(), "status": {"replicas": 9}}
    dry_run["metadata"] = {**dry_run["metadata"], "generation": 2}
    assert decide(
        deployment(), live=live(), dry_run=dry_run, taken_over=False, options=OPTIONS
    ) == Decision(change(Action.UNCHANGED), None)


@pytest.mark.parametrize(
    "dry_run",
    [
        pytest.param(live(replicas=2), id="a field of the spec differs"),
        pytest.param(live(labels={"a": "b"}), id="a label differs"),
        pytest.param(live(annotations={"a": "b"}), id="an annotation differs"),
    ],
)
def test_drift_is_corrected(dry_run: dict[str, Any]) -> None:
    desired = deployment()
    assert decide(
        desired, live=live(), dry_run=dry_run, taken_over=False, options=OPTIONS
    ) == Decision(change(Action.CONFIGURED), desired)


def test_a_take_over_is_followed_by_a_write() -> None:
    desired = deployment()
    assert decide(
        desired, live=live(), dry_run=live(), taken_over=True, options=OPTIONS
    ) == Decision(change(Action.CONFIGURED), desired)


def ignoring(*managed: dict[str, Any]) -> tuple[dict[str, Any], ApplyOptions]:
    return live(replicas=5, managedFields=list(managed)), ApplyOptions(rules=RULES)


def test_an_ignored_field_is_no_drift() -> None:
    found, options = ignoring()
    assert decide(
        deployment(), live=found, dry_run=live(1), taken_over=False, options=options
    ) == Decision(change(Action.UNCHANGED), None)


def test_an_ignored_field_keeps_its_live_value_when_something_else_is_written() -> None:
    found, options = ignoring()
    assert decide(
        deployment(1, "b"), live=found, dry_run=live(1, "b"), taken_over=False, options=options
    ) == Decision(change(Action.CONFIGURED), deployment(5, "b"))


def test_an_ignored_field_that_another_applies_is_left_out() -> None:
    found, options = ignoring(
        {"manager": "hpa", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    )
    expected = deployment(1, "b")
    del expected["spec"]["replicas"]
    assert decide(
        deployment(1, "b"), live=found, dry_run=live(1, "b"), taken_over=False, options=options
    ) == Decision(change(Action.CONFIGURED), expected)


def test_a_skipped_object_is_named_as_it_lives() -> None:
    desired = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "namespace": "x"}}
    found = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    namespace = ObjectRef("", "Namespace", "", "n")
    assert skip(desired, found) == Decision(Change(namespace, "v1", Action.SKIPPED), None)


SSA = "kustomize.toolkit.fluxcd.io/ssa"
RECONCILE = "kustomize.toolkit.fluxcd.io/reconcile"


@pytest.mark.parametrize(
    ("desired", "found", "expected"),
    [
        pytest.param(deployment(), None, False, id="plain objects are applied"),
        pytest.param(
            deployment(labels={SSA: "ignore"}), None, True, id="ssa: Ignore as a label, any case"
        ),
        pytest.param(
            deployment(),
            live(annotations={RECONCILE: "Disabled"}),
            True,
            id="reconcile: disabled on the live object",
        ),
        pytest.param(
            deployment(annotations={SSA: "IfNotPresent"}),
            None,
            False,
            id="ssa: IfNotPresent creates",
        ),
        pytest.param(
            deployment(annotations={SSA: "IfNotPresent"}),
            live(),
            True,
            id="ssa: IfNotPresent never updates",
        ),
        pytest.param(
            deployment(),
            live(annotations={SSA: "IfNotPresent"}),
            False,
            id="ssa: IfNotPresent on the live object alone means nothing",
        ),
    ],
)
def test_opting_out(desired: dict[str, Any], found: dict[str, Any] | None, expected: bool) -> None:
    assert must_skip(desired, found) is expected


INVALID = ApiError(422, "Invalid", 'Deployment.apps "d" is invalid')
FORCED = {"kustomize.toolkit.fluxcd.io/force": "Enabled"}


@pytest.mark.parametrize(
    ("error", "desired", "found", "force", "expected"),
    [
        pytest.param(INVALID, deployment(), live(), False, False, id="not without force"),
        pytest.param(INVALID, deployment(), live(), True, True, id="any invalid object"),
        pytest.param(INVALID, deployment(), None, True, False, id="never what does not exist"),
        pytest.param(
            INVALID, deployment(annotations=FORCED), live(), False, True, id="forced by the object"
        ),
        pytest.param(
            ApiError(403, "Forbidden", "the spec is immutable"),
            deployment(),
            live(),
            True,
            True,
            id="a webhook that says immutable",
        ),
        pytest.param(
            ApiError(403, "Forbidden", "is not immutable"),
            deployment(),
            live(),
            True,
            False,
            id="another refusal",
        ),
    ],
)
def test_recreation(
    error: ApiError,
    desired: dict[str, Any],
    found: dict[str, Any] | None,
    force: bool,
    expected: bool,
) -> None:
    assert must_recreate(error, desired=desired, live=found, force=force) is expected


def test_stages_are_ordered_and_sorted_inside() -> None:
    def manifest(api_version: str, kind: str, name: str) -> dict[str, Any]:
        return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}

    plans = plan_stages(
        [
            manifest("v1", "ConfigMap", "b"),
            manifest("x.example/v1", "Widget", "w"),
            manifest("v1", "ConfigMap", "a"),
            manifest("storage.k8s.io/v1", "StorageClass", "s"),
            manifest("v1", "Namespace", "n"),
        ],
        frozenset({GroupKind("x.example", "Widget")}),
    )
    assert [
        (plan.stage, plan.must_settle, [m["metadata"]["name"] for m in plan.manifests])
        for plan in plans
    ] == [
        (Stage.DEFINITIONS, True, ["n"]),
        (Stage.CLASSES, True, ["s"]),
        (Stage.CUSTOM, False, ["w"]),
        (Stage.REST, False, ["a", "b"]),
    ]


@pytest.mark.parametrize(
    ("error", "manifest", "expected"),
    [
        pytest.param(
            INVALID,
            deployment(),
            'Deployment/n/d dry-run failed (Invalid): Deployment.apps "d" is invalid\n'
            "from apps/d.yaml",
            id="the reason of the API",
        ),
        pytest.param(
            ApiError(404, "NotFound", 'namespaces "n" not found'),
            deployment(),
            'Deployment/n/d not found: namespaces "n" not found\nfrom apps/d.yaml',
            id="a namespace that is missing",
        ),
        pytest.param(
            ApiError(404, "NotFound", "the server could not find the requested resource"),
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}},
            "ConfigMap/c namespace not specified: the server could not find the requested"
            " resource\nfrom apps/d.yaml",
            id="a namespace that is not given",
        ),
        pytest.param(
            SteersmanError('no matches for kind "X" in version "x/v1"'),
            {"apiVersion": "x/v1", "kind": "X", "metadata": {"name": "c"}},
            'X/c dry-run failed: no matches for kind "X" in version "x/v1"\nfrom apps/d.yaml',
            id="a kind that is unknown",
        ),
    ],
)
def test_refusals_say_what_and_where(
    error: SteersmanError, manifest: dict[str, Any], expected: str
) -> None:
    assert explain_dry_run(error, manifest, origin="apps/d.yaml").message == expected
