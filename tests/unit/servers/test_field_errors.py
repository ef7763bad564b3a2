"""Field errors speak as the real API does."""

import pytest

from steersman.objects.identity import GroupKind
from steersman.servers.apiserver import fielderrors as fe


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(fe.required("a", ""), "a: Required value", id="required without detail"),
        pytest.param(fe.invalid("a", 'x"y', "bad"), 'a: Invalid value: "x\\"y": bad', id="text"),
        pytest.param(fe.invalid("a", 5, "bad"), "a: Invalid value: 5: bad", id="number"),
        pytest.param(fe.invalid("a", 2.0, "bad"), "a: Invalid value: 2: bad", id="whole float"),
        pytest.param(
            fe.invalid("a", {"b": "<"}, "x"), 'a: Invalid value: {"b":"\\u003c"}: x', id="map"
        ),
        pytest.param(fe.invalid("a", fe.OMITTED, "bad"), "a: Invalid value: bad", id="omitted"),
        pytest.param(fe.invalid("a", None, "bad"), "a: Invalid value: null: bad", id="null"),
        pytest.param(
            fe.not_supported("e", "Z", ["A", "B"]),
            'e: Unsupported value: "Z": supported values: "A", "B"',
            id="enumeration",
        ),
        pytest.param(
            fe.too_many("l", 5, 3), "l: Too many: 5: must have at most 3 items", id="too many"
        ),
        pytest.param(fe.forbidden("f", "no"), "f: Forbidden: no", id="forbidden hides the value"),
    ],
)
def test_error_text(error: fe.FieldError, text: str) -> None:
    assert str(error) == text


def test_an_error_said_twice_is_one_text_and_two_causes() -> None:
    twice = [fe.required("a", "x"), fe.required("a", "x")]
    status = fe.invalid_object(GroupKind("t.io", "Gad"), "g", twice).to_status()
    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'Gad.t.io "g" is invalid: a: Required value: x',
        "reason": "Invalid",
        "details": {
            "name": "g",
            "group": "t.io",
            "kind": "Gad",
            "causes": [
                {
                    "reason": "FieldValueRequired",
                    "message": "Required value: x",
                    "field": "a",
                }
            ]
            * 2,
        },
        "code": 422,
    }
