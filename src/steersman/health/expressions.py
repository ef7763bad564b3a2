"""The users' own health rules in CEL: ``spec.healthCheckExprs``.

Order: generation not observed, ``inProgress``, ``failed``, ``current``; none true is in progress.

Source: behaviour of fluxcd/pkg runtime/cel (Flux RFC 0009).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steersman.health.fields import field_of
from steersman.health.verdict import Health, Verdict
from steersman.kit.cel import (
    CelExpression,
    ExpressionFailed,
    InvalidExpression,
    compile_expression,
)
from steersman.objects.identity import GroupKind, split_api_version

__all__ = ["HealthRule", "HealthRules", "InvalidHealthRules", "compile_rules"]


class InvalidHealthRules(ValueError):
    """A rule is doubled, incomplete or not CEL; no retry helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRule:
    """One rule as the user wrote it.

    Args:
        api_version: group and version; the version does not matter.
        kind: empty for every kind of the group.
        current: must be given; true when the object is what it should be.
        in_progress: true while it is on its way; may be empty.
        failed: true when it will not get there; may be empty.
    """

    api_version: str
    kind: str = ""
    current: str = ""
    in_progress: str = ""
    failed: str = ""


class HealthRules:
    """Compiled rules by group and kind.

    Args:
        rules: the expressions of a kind in the order they are tried.
    """

    __slots__ = ("_rules",)

    def __init__(self, rules: Mapping[GroupKind, tuple[tuple[Health, CelExpression], ...]]) -> None:
        self._rules = rules

    def covers(self, group_kind: GroupKind) -> bool:
        """Tells whether a rule is for this kind or its whole group."""
        return group_kind in self._rules or GroupKind(group_kind.group, "") in self._rules

    def judge(self, group_kind: GroupKind, manifest: Mapping[str, Any]) -> Verdict:
        """Judges an object of a covered kind; an expression that fails gives ``Unknown``."""
        observed = field_of(manifest, "status", "observedGeneration")
        generation = field_of(manifest, "metadata", "generation")
        if isinstance(observed, int) and isinstance(generation, int) and observed != generation:
            return Verdict(Health.IN_PROGRESS, "")
        expressions = self._rules.get(group_kind)
        if expressions is None:
            expressions = self._rules[GroupKind(group_kind.group, "")]
        try:
            for health, expression in expressions:
                if expression.evaluate_boolean(manifest):
                    return Verdict(health, "")
        except ExpressionFailed as error:
            return Verdict(Health.UNKNOWN, str(error))
        return Verdict(Health.IN_PROGRESS, "")


def compile_rules(rules: Sequence[HealthRule]) -> HealthRules:
    """Compiles the users' rules.

    Raises:
        InvalidHealthRules: with Flux's text.
    """
    compiled: dict[GroupKind, tuple[tuple[Health, CelExpression], ...]] = {}
    for index, rule in enumerate(rules):
        group_kind = GroupKind(split_api_version(rule.api_version)[0], rule.kind)
        if group_kind in compiled:
            raise InvalidHealthRules(
                f"duplicate custom health check for GroupKind {rule.kind}.{group_kind.group}"
                f" at healthchecks[{index}]"
            )
        try:
            compiled[group_kind] = _compile_rule(rule)
        except InvalidExpression as error:
            raise InvalidHealthRules(
                f"failed to create custom status evaluator for healthchecks[{index}]: {error}"
            ) from error
    return HealthRules(compiled)


def _compile_rule(rule: HealthRule) -> tuple[tuple[Health, CelExpression], ...]:
    if not rule.current:
        raise InvalidExpression("expression Current not specified")
    expressions: list[tuple[Health, CelExpression]] = []
    for health, name, source in (
        (Health.IN_PROGRESS, "InProgress", rule.in_progress),
        (Health.FAILED, "Failed", rule.failed),
        (Health.CURRENT, "Current", rule.current),
    ):
        if not source:
            continue
        try:
            expressions.append((health, compile_expression(source)))
        except InvalidExpression as error:
            raise InvalidExpression(f"failed to parse the expression {name}: {error}") from error
    return tuple(expressions)
