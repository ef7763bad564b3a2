"""The variables of a build (``vars``): declared by kustomizations, valued by objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from steersman.kit.yaml import Scalar
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.fieldpath import lookup, split_smart
from steersman.kustomize.fieldspec import FieldSpec
from steersman.kustomize.filters.variables import counting, expand_fields
from steersman.kustomize.ids import ResId
from steersman.kustomize.model import Variable
from steersman.kustomize.node import MISSING, Tree, text_of, to_plain
from steersman.kustomize.resourceset import ResourceSet

__all__ = ["VariableSet"]


class VariableSet:
    """Variables by name."""

    __slots__ = ("_variables",)

    def __init__(self) -> None:
        self._variables: dict[str, Variable] = {}

    def copy(self) -> VariableSet:
        """Returns a set of the same variables."""
        other = VariableSet()
        other._variables = dict(self._variables)
        return other

    def merge(self, other: VariableSet) -> None:
        """Adds the variables of a base.

        Raises:
            BuildFailed: a name is used twice.
        """
        for variable in other._variables.values():
            self._add(variable)

    def _add(self, variable: Variable) -> None:
        if variable.name in self._variables:
            raise BuildFailed(f"var '{variable.name}' already encountered")
        self._variables[variable.name] = variable

    def define(self, variables: Sequence[Variable], resources: ResourceSet) -> None:
        """Adds a kustomization's own variables, and ties them to the objects they read.

        Raises:
            BuildFailed: a name is used twice, or several objects match.
        """
        try:
            for variable in variables:
                self._tie(variable, resources)
            for variable in variables:
                self._add(variable)
        except BuildFailed as error:
            shown = " ".join(variable.written for variable in variables)
            raise error.within(f"merging vars [{shown}]") from None

    def _tie(self, variable: Variable, resources: ResourceSet) -> None:
        target = variable.target
        matches = target.same if target.namespace else _same_kind_and_name(target)
        found = resources.with_any_id(matches)
        if len(found) > 1:
            raise BuildFailed(
                f"found {len(found)} resId matches for var {variable} (unable to disambiguate)"
            )
        for resource in found:
            resource.variables = (*resource.variables, variable.name)

    def resolve(
        self, resources: ResourceSet, specs: Iterable[FieldSpec], warn: Callable[[str], None]
    ) -> None:
        """Replaces ``$(NAME)`` in the fields of ``specs``.

        Raises:
            BuildFailed: a variable's object or field does not exist.
        """
        if not self._variables:
            return
        names = sorted(self._variables)
        values = {name: _value(self._variables[name], resources) for name in names}
        counts: dict[str, int] = {}
        value_of = counting(values, counts)
        specs = tuple(specs)
        for resource in resources:
            resource.tree = expand_fields(resource.tree, specs, value_of)
        unused = [name for name in names if name not in counts]
        if unused:
            warn(f"well-defined vars that were never replaced: {','.join(unused)}")


def _same_kind_and_name(target: ResId) -> Callable[[ResId], bool]:
    return lambda id: id.name == target.name and id.gvk == target.gvk


def _value(variable: Variable, resources: ResourceSet) -> Any:
    for resource in resources:
        if variable.name in resource.variables:
            try:
                return _field_value(resource.tree, variable.field_path)
            except BuildFailed:
                raise BuildFailed(
                    f"field specified in var '{variable}' not found in corresponding resource"
                ) from None
    raise BuildFailed(f"var '{variable}' cannot be mapped to a field in the set of known resources")


def _field_value(tree: Tree, path: str) -> Any:
    fields: list[str] = []
    for part in split_smart(path):
        name, bracket, index = part.removesuffix("]").rpartition("[")
        if bracket and part.endswith("]") and index.isdigit():
            fields.extend([name, index] if name else [index])
        else:
            fields.append(part)
    found = lookup(tree, fields)
    if found is MISSING:
        raise BuildFailed(f"no field named '{path}'")
    if isinstance(found, dict | list):
        return to_plain(found)
    if isinstance(found, Scalar) and found.tag in ("!!int", "!!float", "!!bool"):
        return found.value
    return text_of(found)
