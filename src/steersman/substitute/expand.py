"""Expands ``${...}`` in a text."""

from __future__ import annotations

from collections.abc import Mapping

from steersman.kit.gotext import quote
from steersman.substitute.operators import apply_operator
from steersman.substitute.template import BadSubstitution, Call, Node, parse_template

__all__ = ["BadSubstitution", "VariableNotSet", "expand"]

_DEFAULT_OPERATORS = frozenset({"-", "+", "=", "?", ":-", ":+", ":=", ":?"})


class VariableNotSet(ValueError):
    """Strict mode met a variable without a value and without a default.

    Args:
        name: the variable.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"variable not set (strict mode): {quote(name)}")
        self.name = name


def expand(text: str, variables: Mapping[str, str], *, strict: bool) -> str:
    """Replaces every ``${...}``; ``$$`` becomes ``$`` and ``$name`` stays as it is.

    Args:
        text: any text.
        variables: the values.
        strict: refuse a variable that has neither a value nor a default; otherwise it is empty.

    Raises:
        BadSubstitution: the text does not follow the grammar. Nothing is expanded then.
        VariableNotSet: see ``strict``.
    """
    if "$" not in text:
        return text
    return _expand_nodes(parse_template(text), variables, strict=strict)


def _expand_nodes(nodes: tuple[Node, ...], variables: Mapping[str, str], *, strict: bool) -> str:
    return "".join(
        node if isinstance(node, str) else _expand_call(node, variables, strict=strict)
        for node in nodes
    )


def _expand_call(call: Call, variables: Mapping[str, str], *, strict: bool) -> str:
    arguments = [_expand_nodes(nodes, variables, strict=strict) for nodes in call.arguments]
    value = variables.get(call.name)
    if value is None and strict and call.operator not in _DEFAULT_OPERATORS:
        raise VariableNotSet(call.name)
    return apply_operator(call.operator, value or "", arguments)
