"""Quantities print as the API server stores them."""

from __future__ import annotations

import pytest

from steersman.objects.quantity import BadQuantity, canonical_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        pytest.param("1024Mi", "1Gi", id="binary units are raised"),
        pytest.param("1500Mi", "1500Mi", id="but never into a fraction"),
        pytest.param("1.5Gi", "1536Mi", id="fractions are lowered"),
        pytest.param("0.5Mi", "512Ki", id="down to the unit that has none"),
        pytest.param("0.3Ki", "307200m", id="or to decimal units when no binary one does"),
        pytest.param("512", "512", id="a small number stays"),
        pytest.param("1000m", "1", id="thousandths of a core become cores"),
        pytest.param("0.5", "500m", id="half a core becomes thousandths"),
        pytest.param("1.234", "1.234", id="what passes for canonical is kept"),
        pytest.param("1000", "1k", id="thousands get a suffix"),
        pytest.param("1e3", "1e3", id="exponents stay exponents"),
        pytest.param("10e3", "10e3", id="exponents stay with their mantissa"),
        pytest.param("100e3", "100e3", id="exponents need not be raised"),
        pytest.param("1000e3", "1e6", id="exponents are raised by thousands"),
        pytest.param("0.1n", "1n", id="nothing is smaller than a billionth"),
        pytest.param("-0.1n", "-1n", id="and rounding goes away from zero"),
        pytest.param("9Ei", "9223372036854775807", id="binary amounts are capped"),
        pytest.param(" 1 ", "1", id="blanks around are dropped"),
        pytest.param("000", "0", id="zero is zero"),
        pytest.param(2, "2", id="a number is read as its text"),
        pytest.param(1.5, "1500m", id="so is a fraction"),
    ],
)
def test_stored_form(text: str | int | float, stored: str) -> None:
    assert canonical_quantity(text) == stored


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "quantities must match", id="nothing"),
        pytest.param("1.1.M", "quantities must match", id="two points"),
        pytest.param("1 Gi", "quantities must match", id="a blank inside"),
        pytest.param("1gi", "quantities must match", id="a lower-case suffix"),
        pytest.param("1Xi", "quantities must match", id="an unknown letter"),
        pytest.param("1KiM", "unable to parse quantity's suffix", id="two suffixes"),
        pytest.param("Gi", "unable to parse numeric part", id="no number"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(BadQuantity, match=message):
        parse_quantity(text)


def test_sums_and_roundings() -> None:
    half, gib = parse_quantity("500m"), parse_quantity("1Gi")
    assert str(half.plus(half)) == "1"
    assert str(parse_quantity("0").plus(gib).plus(gib)) == "2Gi"
    assert str(gib.minus(parse_quantity("1Mi"))) == "1023Mi"
    assert (half.value, half.milli_value, gib.value) == (1, 500, 2**30)
    assert parse_quantity("1e-4000") == parse_quantity("1n")._replace(
        format=parse_quantity("1e1").format, text=""
    )
