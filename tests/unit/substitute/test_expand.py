from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest

from steersman.substitute.expand import BadSubstitution, VariableNotSet, expand


class Row(NamedTuple):
    id: str
    text: str
    expected: str
    variables: Mapping[str, str] = MappingProxyType({})
    strict: bool = True


ROWS = [
    Row("text without a dollar is untouched", "a: b", "a: b"),
    Row("a dollar without braces is untouched", "$a ${a} $", "$a 1 $", {"a": "1"}),
    Row("two dollars keep the expression", "$${a} $$", "${a} $", {"a": "1"}),
    Row("four dollars keep two", "$$$${a}", "$${a}", {"a": "1"}),
    Row("an escaped expression may be followed by a real one", "$${a}${a}", "${a}1", {"a": "1"}),
    Row("a missing variable is empty when not strict", "<${a}>", "<>", strict=False),
    Row("an empty value takes the default", "${a:=b}", "b", {"a": ""}),
    Row("`:+` acts as a default as well", "${a:+b}", "x", {"a": "x"}),
    Row("`:?` acts as a default as well", "${a:?b}", "b"),
    Row("an empty default is empty", "<${a:=}>", "<>"),
    Row("defaults nest", "${a:=${b:=c}d}", "cd"),
    Row("length counts bytes", "${#a}", "2", {"a": "é"}),
    Row("a negative offset counts from the end", "${a:${n}}", "c", {"a": "abc", "n": "-1"}),
    Row("an offset that is no number gives the whole", "${a:x}", "abc", {"a": "abc"}),
    Row("an offset past the end gives nothing", "<${a:7}>", "<>", {"a": "abc"}),
    Row("runs of colons count as one", "${a:1:::1}", "b", {"a": "abc"}),
    Row("the shortest prefix goes", "${a#*.}", "b.c", {"a": "a.b.c"}),
    Row("the longest prefix goes", "${a##*.}", "c", {"a": "a.b.c"}),
    Row("the shortest suffix goes", "${a%.*}", "a.b", {"a": "a.b.c"}),
    Row("the longest suffix goes", "${a%%.*}", "a", {"a": "a.b.c"}),
    Row("classes match one character", "${a#[a-c]}", "bc", {"a": "abc"}),
    Row("negated classes match the others", "${a#[^x]}", "bc", {"a": "abc"}),
    Row("a broken pattern matches nothing", "${a#[}", "[abc", {"a": "[abc"}),
    Row("a suffix is replaced", "${a/%c/d}", "abd", {"a": "abc"}),
    Row("a prefix is replaced", "${a/#a/x}", "xbc", {"a": "abc"}),
    Row("a missing replacement at the end changes nothing", "${a/#a/}", "abc", {"a": "abc"}),
    Row("upper case keeps letters that have no single one", "${a^^}", "ßA", {"a": "ßa"}),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_expand(row: Row) -> None:
    assert expand(row.text, row.variables, strict=row.strict) == row.expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${", "unable to parse variable name"),
        ("${}", "unable to parse variable name"),
        ("${a", "missing closing brace"),
        ("${a-b}", "missing closing brace"),
        ("${a:}", "unable to parse substitution within function"),
        ("${a:=b", "unable to parse substitution within function"),
        ("${a/b}", "bad substitution"),
        ("${a^^x}", "bad substitution"),
        ("${#}", "bad substitution"),
        ("${a:0:-1}", "bad substitution: negative length"),
    ],
)
def test_malformed_expressions_are_refused(text: str, message: str) -> None:
    with pytest.raises(BadSubstitution) as refusal:
        expand(text, {"a": "abc"}, strict=True)
    assert str(refusal.value) == message


def test_strict_mode_names_the_variable() -> None:
    with pytest.raises(VariableNotSet) as refusal:
        expand("${a}", {}, strict=True)
    assert str(refusal.value) == 'variable not set (strict mode): "a"'
