"""Rules that could cost too much are refused before they run, as the real server refuses them."""

from typing import Any

import pytest

from steersman.servers.apiserver.crd.schemacheck import SchemaCheck


def check(spec: dict[str, Any]) -> list[str]:
    schema = {"type": "object", "properties": {"spec": spec}}
    return [str(one) for one in SchemaCheck(judge_rules=True).check(schema, "s")]


def rule(text: str) -> dict[str, Any]:
    return {"x-kubernetes-validations": [{"rule": text}]}


TEXTS = {"type": "array", "items": {"type": "string"}}
RULE = "s.properties[spec].x-kubernetes-validations[0].rule"
ADVICE = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, "
    "maps, and strings are declared)"
)


@pytest.mark.parametrize(
    ("schema", "errors"),
    [
        pytest.param(
            {**TEXTS, **rule("self.all(x, self.all(y, x != y))")},
            [
                (
                    f"{RULE}: Forbidden: estimated rule cost exceeds budget by factor of more than"
                    f" 100x {ADVICE}"
                ),
                (
                    f"{RULE}: Forbidden: contributed to estimated rule cost total exceeding cost"
                    " limit for entire OpenAPIv3 schema"
                ),
                (
                    "s: Forbidden: x-kubernetes-validations estimated rule cost total for entire"
                    f" OpenAPIv3 schema exceeds budget by factor of more than 100x {ADVICE}"
                ),
            ],
            id="pairs of an unbounded list",
        ),
        pytest.param(
            {
                "type": "array",
                "maxItems": 10,
                "items": {"type": "string", "maxLength": 10},
                **rule("self.all(x, self.all(y, x != y))"),
            },
            [],
            id="pairs of a short list of short texts",
        ),
        pytest.param(
            {"type": "string", **rule("self.contains(self)")},
            [
                (
                    f"{RULE}: Forbidden: estimated rule cost exceeds budget by factor of more than"
                    f" 100x {ADVICE}"
                ),
                (
                    f"{RULE}: Forbidden: contributed to estimated rule cost total exceeding cost"
                    " limit for entire OpenAPIv3 schema"
                ),
                (
                    "s: Forbidden: x-kubernetes-validations estimated rule cost total for entire"
                    f" OpenAPIv3 schema exceeds budget by factor of more than 100x {ADVICE}"
                ),
            ],
            id="a search in an unbounded text for another",
        ),
        pytest.param({"type": "string", **rule("self.startsWith('a')")}, [], id="a cheap rule"),
    ],
)
def test_the_cost_of_a_rule(schema: dict[str, Any], errors: list[str]) -> None:
    assert check(schema) == errors


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "integer"}}, **rule("self.b > 1")},
            "compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b > 1\n | ....^",
            id="an undeclared field",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "integer"}}, **rule("self.a > 'x'")},
            "compilation failed: ERROR: <input>:1:8: found no matching overload for '_>_' applied"
            " to '(int, string)'\n | self.a > 'x'\n | .......^",
            id="a number and a text compared",
        ),
        pytest.param(
            {"type": "string", **rule("nope(self)")},
            "compilation failed: ERROR: <input>:1:5: undeclared reference to 'nope' (in container"
            " '')\n | nope(self)\n | ....^",
            id="an unknown function",
        ),
    ],
)
def test_a_wrong_rule_is_refused_in_the_compiler_words(schema: dict[str, Any], text: str) -> None:
    (error,) = check(schema)
    assert error.startswith(f"{RULE}: Invalid value: {{")
    assert error.endswith(text)


def test_a_rule_that_cannot_be_judged_is_told() -> None:
    times = {"type": "string", "format": "date-time"}
    schema = {
        "type": "object",
        "properties": {"from": times, "to": times},
        **rule("self.from < self.to"),
    }
    judge = SchemaCheck(judge_rules=True)
    assert judge.check({"type": "object", "properties": {"spec": schema}}, "s") == []
    assert judge.unjudged == [f"{RULE}: cannot be judged here: it compares times or durations"]
