from __future__ import annotations

import pytest

from steersman.objects.selectors import FieldSelector, LabelSelector, SelectorError

LABELS = {"app": "web", "tier": "front", "n": "5"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", True, id="nothing selects everything"),
        pytest.param("app=web", True, id="an equal value"),
        pytest.param("app==api", False, id="another value"),
        pytest.param("app!=api,tier", True, id="two terms"),
        pytest.param("missing!=x", True, id="an absent label is unequal"),
        pytest.param("app in (web, api),!missing", True, id="sets and absence"),
        pytest.param("app notin (web)", False, id="not in a set"),
        pytest.param("n>4,n<6", True, id="numbers"),
        pytest.param("missing in (a,)", False, id="an absent label is in no set"),
    ],
)
def test_label_selectors_select(text: str, expected: bool) -> None:
    assert LabelSelector.parse(text).matches(LABELS) is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
            id="two words",
        ),
        pytest.param("a=b!", "found '!', expected: ',' or 'end of string'", id="a late mark"),
    ],
)
def test_bad_label_selectors_are_refused_in_the_servers_words(text: str, problem: str) -> None:
    with pytest.raises(SelectorError) as failure:
        LabelSelector.parse(text)
    assert str(failure.value) == problem


def test_a_selector_object_reads_as_its_text() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["front", "back"]}],
    }
    parsed = LabelSelector.from_object(selector)
    assert parsed == LabelSelector.parse("app=web,tier in (front,back)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("metadata.name=x", True, id="an equal field"),
        pytest.param("metadata.name!=x", False, id="an unequal field"),
        pytest.param("status.phase==a\\,b", True, id="an escaped comma"),
    ],
)
def test_field_selectors_select(text: str, expected: bool) -> None:
    fields = {"metadata.name": "x", "status.phase": "a,b"}
    assert FieldSelector.parse(text).matches(lambda path: fields.get(path, "")) is expected


def test_a_bad_field_selector_is_refused_in_the_servers_words() -> None:
    with pytest.raises(SelectorError, match="invalid selector: 'foo'; can't understand 'foo'"):
        FieldSelector.parse("foo")
