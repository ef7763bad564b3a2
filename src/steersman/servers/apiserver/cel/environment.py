"""Compiles and evaluates expressions; the only module that knows the evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from steersman.servers.apiserver.cel.ast import Expr, read_checked_expr
from steersman.servers.apiserver.cel.functions import KubernetesFunction, kubernetes_functions

if TYPE_CHECKING:
    from cel_expr_python import cel

__all__ = ["CompileFailed", "EvaluationFailed", "Program", "compile_expression"]

_OLD: Final = "oldSelf"
_OPTIONAL_OLD: Final = (
    "cel.bind(oldSelf, (_hasOld ? optional.of(_old) : optional.none()), {rule}\n)"
)


class CompileFailed(Exception):
    """The expression cannot be compiled; the text is that of the real compiler."""


class EvaluationFailed(Exception):
    """The expression failed while it ran."""


class Program:
    """A compiled expression.

    Args:
        expression: the evaluator's expression.
        tree: its syntax tree.
    """

    def __init__(self, expression: cel.Expression, tree: Expr) -> None:
        self._expression = expression
        self.tree = tree

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Returns the plain value.

        Raises:
            EvaluationFailed: the evaluator reports an error.
        """
        try:
            value = self._expression.eval(data=variables)
            if value.type().name() == "ERROR":
                raise EvaluationFailed(_error_text(str(value.value())))
            return value.plain_value()
        except (RuntimeError, TypeError) as error:
            raise EvaluationFailed(_error_text(str(error))) from None


def _error_text(text: str) -> str:
    _, separator, rest = text.partition(": ")
    text = rest if separator and text.split(":", 1)[0].isupper() else text
    if text.startswith("Key not found in map : "):
        return f"no such key: {text.removeprefix('Key not found in map : ').strip(chr(34))}"
    if text.startswith("No matching overloads found"):
        return "no such overload"
    return text


@lru_cache(maxsize=64)
def _environment(self_type: str, optional_old: bool) -> cel.Env:
    from cel_expr_python import cel
    from cel_expr_python.ext import (
        ext_bindings,
        ext_encoders,
        ext_math,
        ext_optional,
        ext_strings,
    )

    kind = _type(self_type)
    variables = {"self": kind}
    if optional_old:
        variables |= {"_old": cel.Type.DYN, "_hasOld": cel.Type.BOOL}
    else:
        variables[_OLD] = kind
    return cel.NewEnv(
        variables=variables,
        functions=_declarations(),
        extensions=[
            ext_strings.ExtStrings(),
            ext_optional.ExtOptional(),
            ext_math.ExtMath(),
            ext_encoders.ExtEncoders(),
            ext_bindings.ExtBindings(),
        ],
    )


def _type(name: str) -> cel.Type:
    from cel_expr_python import cel

    if name.startswith("list<"):
        return cel.Type.List(_type(name[5:-1]))
    if name.startswith("map<"):
        return cel.Type.Map(cel.Type.STRING, _type(name[4:-1]))
    dyn = cel.Type.DYN
    return {
        "bool": cel.Type.BOOL,
        "bytes": cel.Type.BYTES,
        "double": cel.Type.DOUBLE,
        "int": cel.Type.INT,
        "string": cel.Type.STRING,
        "list": cel.Type.List(dyn),
        "map": cel.Type.Map(cel.Type.STRING, dyn),
    }.get(name, dyn)


def _declarations() -> Sequence[cel.FunctionDecl]:
    from cel_expr_python import cel

    def name_of(function: KubernetesFunction) -> str:
        return function.name

    declarations = []
    functions = sorted(kubernetes_functions(), key=name_of)
    for name, overloads in groupby(functions, key=name_of):
        declared = [
            cel.Overload(
                f"kubernetes_{name}_{'_'.join(one.parameters)}",
                _type(one.result),
                [_type(parameter) for parameter in one.parameters],
                one.member,
                impl=one.run,
            )
            for one in overloads
        ]
        declarations.append(cel.FunctionDecl(name, declared))
    return declarations


@lru_cache(maxsize=4096)
def compile_expression(rule: str, self_type: str, optional_old: bool = False) -> Program:
    """Compiles a rule.

    Args:
        rule: the expression.
        self_type: what ``self`` is: ``int``, ``string``, ``list<string>``, ``dyn``, ….
        optional_old: ``oldSelf`` is an optional value.

    Raises:
        CompileFailed: with the compiler's text.
    """
    source = _OPTIONAL_OLD.format(rule=rule) if optional_old else rule
    try:
        expression = _environment(self_type, optional_old).compile(source)
    except RuntimeError as error:
        text = str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
        raise CompileFailed(text) from None
    return Program(expression, read_checked_expr(expression.serialize()))
