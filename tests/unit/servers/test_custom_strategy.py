"""Custom resources: pruning, defaults, validation, rules, ratcheting and tables."""

import copy
from collections.abc import Iterable
from typing import Any

import pytest

from steersman.objects.manifest import Manifest
from steersman.servers.apiserver.codec import Codec
from steersman.servers.apiserver.crd.definition import served_versions
from steersman.servers.apiserver.crd.establish import established_status
from steersman.servers.apiserver.crd.strategy import CustomStrategy
from steersman.servers.apiserver.gotypes import load_go_types
from steersman.servers.apiserver.strategy import Row, WriteContext

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["n"],
            "properties": {
                "n": {"type": "integer"},
                "s": {"type": "string", "default": "dflt", "maxLength": 5, "pattern": "^[a-z]*$"},
                "nested": {
                    "type": "object",
                    "default": {},
                    "properties": {"x": {"type": "string", "default": "y"}},
                },
                "ios": {"x-kubernetes-int-or-string": True},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "emb": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "x-kubernetes-preserve-unknown-fields": True,
                },
                "set": {
                    "type": "array",
                    "x-kubernetes-list-type": "set",
                    "items": {"type": "string"},
                },
                "lm": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["k"],
                    "items": {
                        "type": "object",
                        "required": ["k"],
                        "properties": {
                            "k": {"type": "string"},
                            "v": {"type": "string", "default": "vd"},
                            "p": {"type": "integer"},
                        },
                    },
                },
                "m": {"type": "object", "additionalProperties": {"type": "string"}},
                "nul": {"type": "string", "nullable": True},
                "imm": {
                    "type": "string",
                    "x-kubernetes-validations": [
                        {"rule": "self == oldSelf", "message": "immutable!"}
                    ],
                },
                "q": {"type": "string", "format": "date-time"},
                "b": {"type": "string", "format": "byte"},
                "e": {"type": "string", "enum": ["A", "B"]},
                "num": {"type": "number", "minimum": 0},
            },
            "x-kubernetes-validations": [
                {
                    "rule": "self.n < 100",
                    "message": "n too big",
                    "fieldPath": ".n",
                    "reason": "FieldValueForbidden",
                }
            ],
        },
        "status": {
            "type": "object",
            "properties": {"ph": {"type": "string"}, "replicas": {"type": "integer"}},
        },
    },
}
DEFINITION: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gads.t.io"},
    "spec": {
        "group": "t.io",
        "scope": "Namespaced",
        "names": {"plural": "gads", "singular": "gad", "kind": "Gad", "listKind": "GadList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": SCHEMA},
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.n",
                        "statusReplicasPath": ".status.replicas",
                    },
                },
                "additionalPrinterColumns": [
                    {"name": "N", "type": "integer", "jsonPath": ".spec.n"},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    {"name": "Wide", "type": "string", "jsonPath": ".spec.s", "priority": 1},
                ],
                "selectableFields": [{"jsonPath": ".spec.s"}],
            }
        ],
    },
    "status": {
        "conditions": None,
        "acceptedNames": {"plural": "", "kind": ""},
        "storedVersions": ["v1"],
    },
}


class EmptyCluster:
    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        return None

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        return ()


CTX = WriteContext(now="2026-01-01T00:00:00Z", cluster=EmptyCluster())
UNCHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was "
    "invalid; correct the existing errors to complete validation"
)


def gads(definition: Manifest = DEFINITION) -> CustomStrategy:
    (version,) = served_versions(definition)
    return CustomStrategy(version, Codec(load_go_types()))


def gad(spec: dict[str, Any], **more: Any) -> Manifest:
    head = {"apiVersion": "t.io/v1", "kind": "Gad"}
    return {**head, "metadata": {"name": "g", "namespace": "d"}, "spec": spec, **more}


@pytest.mark.parametrize(
    ("spec", "stored", "problems"),
    [
        pytest.param(
            {"n": 1, "zzz": 1, "nested": {"q": 1}},
            {"n": 1, "nested": {"x": "y"}, "s": "dflt"},
            ('unknown field "spec.nested.q"', 'unknown field "spec.zzz"'),
            id="undeclared fields go, defaults come",
        ),
        pytest.param(
            {"n": 1, "s": None, "nul": None, "nested": None, "m": None},
            {"n": 1, "nested": {"x": "y"}, "nul": None, "s": "dflt"},
            (),
            id="nulls stay only where they may",
        ),
        pytest.param(
            {"n": 1, "free": {"a": {"b": 1}}, "lm": [{"k": "a", "z": 1}]},
            {
                "free": {"a": {"b": 1}},
                "lm": [{"k": "a", "v": "vd"}],
                "n": 1,
                "nested": {"x": "y"},
                "s": "dflt",
            },
            ('unknown field "spec.lm[0].z"',),
            id="free objects keep everything, list items are defaulted",
        ),
    ],
)
def test_decoding(spec: dict[str, Any], stored: dict[str, Any], problems: tuple[str, ...]) -> None:
    decoded = gads().decode(gad(spec))
    assert decoded.obj["spec"] == stored
    assert list(decoded.obj["spec"]) == sorted(stored)
    assert decoded.problems == problems


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        pytest.param({}, ["spec.n: Required value", UNCHECKED], id="a required field is missing"),
        pytest.param(
            {"n": "1"},
            [
                'spec.n: Invalid value: "string": spec.n in body must be of type integer: "string"',
                (
                    ".spec.n: Invalid value: 0: .spec.n accessor error: 1 is of the type string,"
                    " expected int64"
                ),
                UNCHECKED,
            ],
            id="a text for a number",
        ),
        pytest.param(
            {
                "n": 1.5,
                "s": "TOOLONG",
                "e": "C",
                "num": -1,
                "q": "x",
                "b": "!!",
                "set": ["a", "a"],
                "lm": [{"k": "a"}, {"k": "a"}],
                "ios": True,
            },
            [
                'spec.b: Invalid value: "!!": spec.b in body must be of type byte: "!!"',
                'spec.e: Unsupported value: "C": supported values: "A", "B"',
                (
                    'spec.ios: Invalid value: "boolean": spec.ios in body must be of type'
                    ' integer,string: "boolean"'
                ),
                'spec.n: Invalid value: "number": spec.n in body must be of type integer: "number"',
                (
                    '<nil>: Invalid value: "": Checked value must be of type integer (default'
                    " format) in spec.n"
                ),
                (
                    "spec.num: Invalid value: -1: spec.num in body should be greater than or"
                    " equal to 0"
                ),
                'spec.q: Invalid value: "x": spec.q in body must be of type date-time: "x"',
                "spec.s: Too long: may not be more than 5 bytes",
                (
                    ".spec.n: Invalid value: 0: .spec.n accessor error: 1.5 is of the type float64,"
                    " expected int64"
                ),
                'spec.lm[1]: Duplicate value: {"k":"a"}',
                'spec.set[1]: Duplicate value: "a"',
                UNCHECKED,
            ],
            id="everything at once",
        ),
        pytest.param({"n": 200}, ["spec.n: Forbidden: n too big"], id="a rule with a reason"),
        pytest.param(
            {"n": 1, "emb": {"a": 1}},
            [
                "spec.emb.apiVersion: Required value",
                "spec.emb.kind: Required value",
                UNCHECKED,
            ],
            id="an embedded object without a type",
        ),
    ],
)
def test_validation_of_a_new_object(spec: dict[str, Any], errors: list[str]) -> None:
    strategy = gads()
    obj = strategy.decode(gad(spec)).obj
    assert [str(one) for one in strategy.validate_create(obj, CTX)] == errors


def stored(spec: dict[str, Any], **more: Any) -> Manifest:
    strategy = gads()
    obj = strategy.prepare_create(strategy.decode(gad(spec)).obj, CTX)
    metadata = {**obj["metadata"], "uid": "u", "resourceVersion": "1"}
    return {**obj, "metadata": metadata, **more}


def test_a_transition_rule_sees_the_old_value() -> None:
    strategy = gads()
    old = stored({"n": 1, "imm": "a"})
    new = copy.deepcopy(old)
    new["spec"]["imm"] = "b"
    errors = strategy.validate_update(new, old, CTX)
    assert [str(one) for one in errors] == ['spec.imm: Invalid value: "b": immutable!']


def test_what_did_not_change_is_not_judged_again() -> None:
    definition = copy.deepcopy(DEFINITION)
    properties = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"]["properties"]["n"]["minimum"] = 50
    strategy = gads(definition)
    old = stored({"n": 1})
    kept, broken = copy.deepcopy(old), copy.deepcopy(old)
    kept["spec"]["s"] = "abc"
    broken["spec"]["n"] = 2
    assert strategy.validate_update(kept, old, CTX) == []
    assert [str(one) for one in strategy.validate_update(broken, old, CTX)] == [
        "spec.n: Invalid value: 2: spec.n in body should be greater than or equal to 50"
    ]


def test_a_finalizer_needs_no_domain() -> None:
    old = stored({"n": 1})
    new = copy.deepcopy(old)
    new["metadata"]["finalizers"] = ["finalizers.fluxcd.io"]
    assert gads().validate_update(new, old, CTX) == []


def test_status_and_spec_are_written_apart() -> None:
    strategy = gads()
    old = stored({"n": 1})
    new = copy.deepcopy(old)
    new["spec"]["n"] = 3
    new["status"] = {"ph": "z"}
    main = strategy.prepare_update(copy.deepcopy(new), old, CTX)
    ctx = WriteContext(now=CTX.now, cluster=CTX.cluster, subresource="status")
    status = strategy.prepare_update(copy.deepcopy(new), old, ctx)
    assert main["spec"]["n"] == 3
    assert "status" not in main
    assert main["metadata"]["generation"] == 2
    assert status["spec"]["n"] == 1
    assert status["status"] == {"ph": "z"}
    assert status["metadata"]["generation"] == 1


def test_the_table_has_the_printer_columns() -> None:
    obj = stored({"n": 7})
    obj["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    table = gads().table([obj], "2026-01-01T00:00:05Z")
    assert [one.name for one in table.columns] == ["Name", "N", "Age", "Wide"]
    assert table.rows == (Row(("g", 7, "5s", "dflt"), obj),)


def test_a_definition_is_established_with_its_names() -> None:
    status = established_status(DEFINITION, [DEFINITION], "2026-01-01T00:00:00Z")
    assert status == {
        "conditions": [
            {
                "type": "NamesAccepted",
                "status": "True",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
                "reason": "NoConflicts",
                "message": "no conflicts found",
            },
            {
                "type": "Established",
                "status": "True",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
                "reason": "InitialNamesAccepted",
                "message": "the initial names have been accepted",
            },
        ],
        "acceptedNames": {
            "plural": "gads",
            "singular": "gad",
            "kind": "Gad",
            "listKind": "GadList",
        },
        "storedVersions": ["v1"],
    }
    assert established_status({**DEFINITION, "status": status}, [], "2027-01-01T00:00:00Z") is None


def test_names_in_use_are_refused() -> None:
    other = copy.deepcopy(DEFINITION)
    other["metadata"]["name"] = "others.t.io"
    other["spec"]["names"]["plural"] = "others"
    first = established_status(DEFINITION, [], "2026-01-01T00:00:00Z")
    status = established_status(
        other, [{**DEFINITION, "status": first}, other], "2026-01-01T00:00:00Z"
    )
    assert status is not None
    assert status["acceptedNames"] == {"plural": "others", "kind": ""}
    assert [(one["reason"], one["message"]) for one in status["conditions"]] == [
        ("ListKindConflict", '"GadList" is already in use'),
        ("NotAccepted", "not all names are accepted"),
    ]
