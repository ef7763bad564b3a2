from __future__ import annotations

from typing import Any

import pytest

from steersman.substitute.manifests import SubstitutionFailed, substitute_manifest
from steersman.substitute.variables import (
    InvalidVariables,
    check_names,
    merge_variables,
    variables_of,
)


def config_map(data: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", **metadata},
        "data": data,
    }


def substitute(manifest: dict[str, Any], **variables: str) -> dict[str, Any]:
    return substitute_manifest(manifest, variables, strict=True, always=False)


def test_values_become_what_their_text_says() -> None:
    before = config_map({"n": "${n}", "s": '"${n}"', "list": ["${w}"]})
    assert substitute(before, n="1", w="true") == config_map({"n": 1, "s": '"1"', "list": [True]})


def test_without_variables_nothing_is_touched() -> None:
    before = config_map({"a": "${a}"})
    assert substitute(before) is before


def test_always_expands_defaults_without_variables() -> None:
    before = config_map({"a": "${a:=b}"})
    after = substitute_manifest(before, {}, strict=True, always=True)
    assert after == config_map({"a": "b"})


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_an_object_can_opt_out(field: str) -> None:
    mark = {field: {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}}
    before = config_map({"a": "${a}"}, **mark)
    assert substitute(before, a="1") is before


def test_a_missing_variable_names_object_file_and_remedy() -> None:
    with pytest.raises(SubstitutionFailed) as refusal:
        substitute_manifest(
            config_map({"a": "${region}"}),
            {"a": "1"},
            strict=True,
            always=False,
            origin=lambda: "apps/c.yaml:1",
        )
    assert refusal.value.message == (
        "post build failed for 'ConfigMap.v1.[noGrp]/c': envsubst error: variable substitution"
        ' failed: variable not set (strict mode): "region"\nfrom apps/c.yaml:1'
    )
    assert refusal.value.hint == (
        "set `region` in spec.postBuild, or give a default: ${region:=value};"
        " write $${region} to keep the text"
    )


def test_a_result_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(SubstitutionFailed, match="YAMLToJSON"):
        substitute(config_map({"a": "${a}"}), a="b: [c")


def test_later_sources_win_and_inline_values_win_over_all() -> None:
    first = variables_of({"kind": "ConfigMap", "data": {"a": "1\n", "b": "1"}})
    second = variables_of({"kind": "Secret", "data": {"b": "Mg==", "c": "Mg=="}})
    assert merge_variables([first, second], {"c": "3\n"}) == {"a": "1", "b": "2", "c": "3"}


def test_names_that_no_expression_can_hold_are_refused() -> None:
    with pytest.raises(InvalidVariables) as refusal:
        check_names({"a-b": ""})
    assert refusal.value.message == (
        "'a-b' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'"
    )
