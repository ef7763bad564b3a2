"""CEL expressions, the only importer of the native library.

The library has no limit on cost, so expressions and the data they see must be bounded by whoever
accepts them. It is heavy and loaded with the first expression.

Messages are those of the Go implementation that Flux and Kubernetes show, as far as the library
lets us tell them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

__all__ = ["CelExpression", "ExpressionFailed", "InvalidExpression", "compile_expression"]

MAX_EXPRESSION_CHARACTERS = 100_000

_CONFIGURATION = """
name: steersman
extensions:
  - name: sets
  - name: strings
  - name: encoders
  - name: optional
"""
_NO_SUCH_KEY = re.compile(r'^NOT_FOUND: Key not found in map : "(.*)"$', re.DOTALL)
_NO_SUCH_NAME = re.compile(r'^UNKNOWN: No value with name "(.*)" found in Activation$', re.DOTALL)
_CODE = re.compile(r"^[A-Z_]+: ")
_TRAILER = re.compile(r" \[[A-Z_]+\]$")


class InvalidExpression(ValueError):
    """The text is no CEL expression, or not of the wanted type."""


class ExpressionFailed(ValueError):
    """The expression could not be evaluated on this data."""


class CelExpression:
    """A compiled expression.

    Args:
        source: its text.
        program: the library's compiled form.
    """

    __slots__ = ("_program", "source")

    def __init__(self, source: str, program: Any) -> None:
        self.source = source
        self._program = program

    def evaluate(self, data: Mapping[str, Any]) -> Any:
        """Evaluates on named values.

        Raises:
            ExpressionFailed: a name or key is missing, or the types do not fit.
        """
        value = self._program.eval(data=dict(data))
        plain = value.plain_value()
        if value.type().name() == "ERROR":
            raise ExpressionFailed(
                f"failed to evaluate the CEL expression '{self.source}': {_reword(str(plain))}"
            )
        return plain

    def evaluate_boolean(self, data: Mapping[str, Any]) -> bool:
        """Evaluates to true or false.

        Raises:
            ExpressionFailed: as :meth:`evaluate`, or the result is something else.
        """
        result = self.evaluate(data)
        if not isinstance(result, bool):
            raise ExpressionFailed(f"failed to evaluate CEL expression as boolean: '{self.source}'")
        return result


def compile_expression(
    source: str, *, variables: Sequence[str] | None = None, boolean: bool = False
) -> CelExpression:
    """Compiles an expression; equal arguments give the same program.

    Args:
        source: the text.
        variables: the names it may use, each a map; None for any name, checked when evaluated.
        boolean: refuse an expression that is known to give something else; needs ``variables``.

    Raises:
        InvalidExpression: with the position and what was expected.
    """
    return _compile(source, None if variables is None else tuple(variables), boolean)


@lru_cache(maxsize=512)
def _compile(source: str, variables: tuple[str, ...] | None, boolean: bool) -> CelExpression:
    if len(source) > MAX_EXPRESSION_CHARACTERS:
        raise InvalidExpression(
            f"CEL expression is too long: {len(source)} characters,"
            f" at most {MAX_EXPRESSION_CHARACTERS}"
        )
    try:
        program = _environment(variables or ()).compile(source, disable_check=variables is None)
    except RuntimeError as error:
        text = _TRAILER.sub("", _CODE.sub("", str(error)))
        raise InvalidExpression(f"failed to parse the CEL expression '{source}': {text}") from error
    if boolean and program.return_type().name() != "BOOL":
        found = program.return_type().name().lower()
        raise InvalidExpression(f"CEL expression output type mismatch: expected bool, got {found}")
    return CelExpression(source, program)


@lru_cache(maxsize=16)
def _environment(variables: tuple[str, ...]) -> Any:
    from cel_expr_python import cel

    kind = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(_CONFIGURATION),
        variables=dict.fromkeys(variables, kind),
    )


def _reword(text: str) -> str:
    if found := _NO_SUCH_KEY.match(text):
        return f"no such key: {found[1]}"
    if found := _NO_SUCH_NAME.match(text):
        return f"no such attribute(s): {found[1]}"
    return _CODE.sub("", text)
