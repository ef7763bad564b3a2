"""Runs the ``x-kubernetes-validations`` rules of a schema over an object.

A rule that this server cannot judge is never counted as passed in silence: it is reported, and the
REST layer sends the report as a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from steersman.servers.apiserver.cel.environment import (
    CompileFailed,
    EvaluationFailed,
    Program,
    compile_expression,
)
from steersman.servers.apiserver.cel.functions import UNSUPPORTED
from steersman.servers.apiserver.cel.typecheck import Checker, uses_old_self
from steersman.servers.apiserver.cel.values import type_of, value_of
from steersman.servers.apiserver.crd.structural import ABSENT, Rule, Structural
from steersman.servers.apiserver.crd.values import correlated_items, is_same
from steersman.servers.apiserver.fielderrors import (
    OMITTED,
    FieldError,
    duplicate,
    forbidden,
    invalid,
    required,
)

__all__ = ["CompiledRule", "RuleRun", "compile_rule"]

_UNKNOWN_FUNCTION: Final = re.compile(
    r"(?:undeclared reference to|found no matching overload for) '([\w.]+)'"
)
_MESSAGE_LIMIT: Final = 5120


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule, ready to run.

    Attributes:
        rule: the rule.
        program: None when it cannot be run.
        error: the compiler's text, when the rule is wrong.
        unjudged: why this server cannot judge it, when it cannot.
        uses_old: it looks at the old value.
    """

    rule: Rule
    program: Program | None = None
    error: str = ""
    unjudged: str = ""
    uses_old: bool = False


def compile_rule(rule: Rule, schema: Structural, *, root: bool, text: str = "") -> CompiledRule:
    """Compiles a rule, or its message expression when ``text`` is given."""
    source = text or rule.rule
    optional = bool(rule.optional_old_self)
    try:
        program = compile_expression(source, "dyn" if root else type_of(schema), optional)
    except CompileFailed as failed:
        return _judge_failure(rule, str(failed))
    uses_old = uses_old_self(program.tree)
    if optional:
        return CompiledRule(rule, program, uses_old=True)
    checker = Checker(source, schema, root=root)
    checker.check(program.tree)
    if checker.errors:
        return CompiledRule(rule, error="\n".join(checker.errors), uses_old=uses_old)
    if checker.temporal:
        text = "it compares times or durations"
        return CompiledRule(rule, unjudged=text, uses_old=uses_old)
    return CompiledRule(rule, program, uses_old=uses_old)


def _judge_failure(rule: Rule, text: str) -> CompiledRule:
    names = {name.rpartition(".")[2] for name in _UNKNOWN_FUNCTION.findall(text)}
    missing = sorted(names & UNSUPPORTED)
    uses_old = "oldSelf" in rule.rule
    if missing:
        reason = f"it needs {', '.join(missing)}"
        return CompiledRule(rule, unjudged=reason, uses_old=uses_old)
    return CompiledRule(rule, error=text, uses_old=uses_old)


@dataclass(slots=True)
class RuleRun:
    """One pass over an object; compiled rules are kept in ``compiled`` by node.

    Attributes:
        compiled: rules by ``id`` of their node, owned by whoever owns the schema.
        errors: what the rules found.
        unjudged: which rules could not be judged, and why.
    """

    compiled: dict[tuple[int, int], tuple[CompiledRule, ...]]
    errors: list[FieldError] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)

    def run(
        self,
        value: Any,
        old: Any,
        schema: Structural,
        *,
        path: str = "",
        root: bool = False,
        unchanged: bool = False,
    ) -> None:
        """Judges a value and everything below.

        Args:
            value: the value.
            old: the value it replaces, or :data:`ABSENT`.
            schema: its schema.
            path: its field path.
            root: it is the whole resource.
            unchanged: the nearest part that correlates did not change.
        """
        if value is None or not schema.has_rules:
            return
        if old is not ABSENT:
            unchanged = is_same(value, old)
        if schema.rules:
            self._run_rules(value, old, schema, schema, path, root, unchanged)
        for one in schema.all_of:
            self._run_nested(value, old, one, schema, path, root, unchanged)
        for below, where, one, previous in _parts(value, old, schema, path):
            self.run(one, previous, below, path=where, unchanged=unchanged)

    def _run_nested(
        self,
        value: Any,
        old: Any,
        holder: Structural,
        schema: Structural,
        path: str,
        root: bool,
        unchanged: bool,
    ) -> None:
        """Runs rules inside ``allOf``: the rules are the holder's, the types the schema's."""
        if holder.rules:
            self._run_rules(value, old, holder, schema, path, root, unchanged)
        if not isinstance(value, dict):
            return
        for name, below in holder.properties.items():
            structure = schema.properties.get(name, schema.additional)
            if below.has_rules and structure is not None and value.get(name) is not None:
                olds = old if isinstance(old, dict) else {}
                where = f"{path}.{name}" if path else name
                previous = olds.get(name, ABSENT)
                self._run_nested(value[name], previous, below, structure, where, False, unchanged)

    def _run_rules(
        self,
        value: Any,
        old: Any,
        holder: Structural,
        schema: Structural,
        path: str,
        root: bool,
        unchanged: bool,
    ) -> None:
        key = (id(holder), id(schema))
        rules = self.compiled.get(key)
        if rules is None:
            rules = tuple(compile_rule(one, schema, root=root) for one in holder.rules)
            self.compiled[key] = rules
        variables = {"self": value_of(value, schema, root=root)}
        before = None if old is ABSENT or old is None else value_of(old, schema, root=root)
        for one in rules:
            self._run_rule(one, variables, before, value, schema, path, root, unchanged)

    def _run_rule(
        self,
        one: CompiledRule,
        variables: Mapping[str, Any],
        before: Any,
        value: Any,
        schema: Structural,
        path: str,
        root: bool,
        unchanged: bool,
    ) -> None:
        where = path or "<nil>"
        shown = schema.type
        if one.error:
            self.errors.append(invalid(where, shown, f"rule compile error: {one.error}"))
            return
        optional = bool(one.rule.optional_old_self)
        if one.uses_old and before is None and not optional:
            return
        if one.program is None:
            rule = one.rule.rule.strip()
            text = f"{where}: validation rule was not evaluated, because {one.unjudged}: {rule}"
            self.unjudged.append(text)
            return
        scope = {**variables, "oldSelf": before}
        if optional:
            scope = {**variables, "_old": before, "_hasOld": before is not None}
        try:
            if one.program.evaluate(scope) is True:
                return
        except EvaluationFailed as failed:
            self.errors.append(invalid(where, shown, _evaluation_text(one.rule, str(failed))))
            return
        if unchanged and not one.uses_old:
            return
        detail = self._message(one.rule, scope, schema, root=root)
        self.errors.append(_rule_error(one.rule, path, value, schema, detail))

    def _message(
        self, rule: Rule, scope: Mapping[str, Any], schema: Structural, *, root: bool
    ) -> str:
        compiled = None
        if rule.message_expression.strip():
            compiled = compile_rule(rule, schema, root=root, text=rule.message_expression)
        if compiled is not None and compiled.program is not None:
            try:
                text = str(compiled.program.evaluate(scope)).strip()
            except EvaluationFailed:
                text = ""
            if 0 < len(text) <= _MESSAGE_LIMIT and "\n" not in text:
                return text
        return rule.message.strip() or f"failed rule: {rule.rule.strip()}"


def _evaluation_text(rule: Rule, text: str) -> str:
    shown = rule.message.strip() or rule.rule.strip()
    if text.startswith("no such overload"):
        return (
            f"'{text}': call arguments did not match a supported operator, function or macro "
            f"signature for rule: {shown}"
        )
    return f"{text} evaluating rule: {shown}"


def _rule_error(rule: Rule, path: str, value: Any, schema: Structural, detail: str) -> FieldError:
    where = f"{path}{rule.field_path}" if path else rule.field_path.removeprefix(".")
    where = where or "<nil>"
    shown = OMITTED if schema.type in ("object", "array") else value
    match rule.reason:
        case "FieldValueForbidden":
            return forbidden(where, detail)
        case "FieldValueRequired":
            return required(where, detail)
        case "FieldValueDuplicate":
            return duplicate(where, shown)
        case _:
            return invalid(where, shown, detail)


def _parts(
    value: Any, old: Any, schema: Structural, path: str
) -> Iterator[tuple[Structural, str, Any, Any]]:
    """Yields schema, path, value and old value of the parts that hold rules."""
    if isinstance(value, list) and schema.items is not None:
        items = correlated_items(value, old, schema)
        for index, one in enumerate(value):
            yield schema.items, f"{path}[{index}]", one, items[index]
    elif isinstance(value, dict):
        olds = old if isinstance(old, dict) else {}
        for name, one in value.items():
            previous = olds.get(name, ABSENT)
            below = schema.properties.get(name)
            if below is not None:
                yield below, f"{path}.{name}" if path else name, one, previous
            elif schema.additional is not None:
                yield schema.additional, f"{path}[{name}]", one, previous
