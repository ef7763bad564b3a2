"""CEL expressions and health rules against Flux's tables."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.health.expressions import HealthRule, InvalidHealthRules, compile_rules
from steersman.kit.cel import ExpressionFailed, InvalidExpression, compile_expression
from steersman.objects.identity import GroupKind
from tests.support.upstreamrows import go_table

pytestmark = pytest.mark.conformance
EXPRESSIONS = "runtime__cel__expression_test.go"
EVALUATOR = "runtime__cel__status_evaluator_test.go"


def options_of(row: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for option in row.get("opts", ()):
        match option["$call"]:
            case "cel.WithCompile":
                options.setdefault("variables", ())
            case "cel.WithStructVariables":
                options["variables"] = tuple(option["args"])
            case "cel.WithOutputType":
                options["boolean"] = True
    return options


def is_about_options(row: dict[str, Any]) -> bool:
    """Upstream refuses options that do not go together; our signature cannot express them."""
    return "without compiling" in row["name"]


def test_boolean_rows() -> None:
    wrong = []
    for row in go_table("fluxcd-pkg", EXPRESSIONS, "TestExpression_EvaluateBoolean"):
        try:
            expression = compile_expression(row["expr"], **options_of(row))
            outcome: object = expression.evaluate_boolean(row["data"])
        except (ExpressionFailed, InvalidExpression) as error:
            outcome = str(error)
        expected = row.get("err") or row.get("result")
        if outcome != expected:
            wrong.append((row["name"], expected, outcome))
    assert wrong == []


def test_what_is_no_expression_is_refused() -> None:
    wrong = []
    for row in go_table("fluxcd-pkg", EXPRESSIONS, "TestNewExpression"):
        if is_about_options(row):
            continue
        try:
            compile_expression(row["expr"], **options_of(row))
            refused = False
        except InvalidExpression:
            refused = True
        if refused != bool(row.get("err")):
            wrong.append((row["name"], row.get("err"), refused))
    assert wrong == []


def rule_of(row: dict[str, Any]) -> HealthRule:
    exprs = row.get("exprs") or {}
    return HealthRule(
        api_version="test/v1",
        kind="Test",
        current=exprs.get("Current", ""),
        in_progress=exprs.get("InProgress", ""),
        failed=exprs.get("Failed", ""),
    )


def test_rules_are_compiled_or_refused() -> None:
    wrong = []
    for row in go_table("fluxcd-pkg", EVALUATOR, "TestNewStatusEvaluator"):
        message = ""
        try:
            compile_rules([rule_of(row)])
        except InvalidHealthRules as error:
            message = str(error)
        if row.get("err", "") not in message or bool(message) != bool(row.get("err")):
            wrong.append((row["name"], row.get("err"), message))
    assert wrong == []


def test_objects_are_judged() -> None:
    kind = GroupKind("test", "Test")
    wrong = []
    for row in go_table("fluxcd-pkg", EVALUATOR, "TestStatusEvaluator_Evaluate"):
        if row["obj"] is None or "$go" in str(row["obj"]):
            continue
        verdict = compile_rules([rule_of(row)]).judge(kind, row["obj"])
        if "err" in row:
            expected = ("Unknown", row["err"])
        else:
            expected = (row["result"]["Status"]["$go"].split(".")[1].removesuffix("Status"), "")
        # The library names the missing variable, upstream the path below it as well.
        if verdict.health.value != expected[0] or not expected[1].startswith(verdict.message):
            wrong.append((row["name"], expected, verdict))
    assert wrong == []
