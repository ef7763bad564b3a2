"""Resource quantities: ``100m``, ``1.5Gi``, ``1e3``; read, compared, summed and printed.

Amounts are exact in billionths; smaller ones round away from zero, as the API server rounds. The
printed form is the one the API server stores: ``1024Mi`` becomes ``1Gi``, ``0.5`` becomes ``500m``,
while texts that it takes for canonical already, such as ``1.234``, stay as they are.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from steersman.errors import InvalidSpec

__all__ = ["BadQuantity", "Quantity", "QuantityFormat", "canonical_quantity", "parse_quantity"]

_SHAPE = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*(?:[+-]?[0-9]*))", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAMES = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_NAMES = {exponent: suffix for suffix, exponent in _BINARY.items()} | {0: ""}
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)", re.ASCII)
_NANO = 10**9
_MAX_BINARY = (2**63 - 1) * _NANO
# Beyond this many digits an amount is no quantity of anything; keeps hostile exponents cheap.
_MAX_DIGITS = 4096
_FAST_DIGITS = 18


class QuantityFormat(Enum):
    """In which units a quantity is printed."""

    DECIMAL_SI = "DecimalSI"
    BINARY_SI = "BinarySI"
    DECIMAL_EXPONENT = "DecimalExponent"


class BadQuantity(InvalidSpec):
    """A text that is no quantity; the messages are the API server's."""

    default_reason = "BadQuantity"


_WRONG_FORMAT = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


class Quantity(NamedTuple):
    """An amount.

    Args:
        nanos: the amount in billionths.
        format: the units to print in.
        text: what to print instead of the canonical form, or empty.
    """

    nanos: int
    format: QuantityFormat = QuantityFormat.DECIMAL_SI
    text: str = ""

    def __str__(self) -> str:
        return self.text or self.canonical()

    def canonical(self) -> str:
        """Returns the canonical text: no fraction, the largest suffix that loses nothing."""
        if self.nanos == 0:
            return "0"
        is_whole = self.nanos % _NANO == 0
        if self.format is QuantityFormat.BINARY_SI and is_whole and abs(self.nanos) >= 1024 * _NANO:
            return _print_binary(self.nanos // _NANO)
        mantissa, exponent = _split_decimal(self.nanos)
        if self.format is QuantityFormat.DECIMAL_EXPONENT:
            return f"{mantissa}e{exponent}" if exponent else str(mantissa)
        return f"{mantissa}{_DECIMAL_NAMES.get(exponent, '')}"

    def scaled(self, exponent: int) -> int:
        """Returns the amount in units of ``10**exponent``, rounded away from zero."""
        if exponent <= -9:
            return int(self.nanos * 10 ** (-9 - exponent))
        unit: int = 10 ** (9 + exponent)
        return -(-self.nanos // unit) if self.nanos >= 0 else self.nanos // unit

    @property
    def value(self) -> int:
        """The amount in whole units, rounded away from zero."""
        return self.scaled(0)

    @property
    def milli_value(self) -> int:
        """The amount in thousandths, rounded away from zero."""
        return self.scaled(-3)

    def plus(self, other: Quantity) -> Quantity:
        """Returns the sum; zero takes the format of what is added."""
        form = other.format if self.nanos == 0 else self.format
        return Quantity(self.nanos + other.nanos, form)

    def minus(self, other: Quantity) -> Quantity:
        """Returns the difference; zero takes the format of what is taken away."""
        form = other.format if self.nanos == 0 else self.format
        return Quantity(self.nanos - other.nanos, form)


def _print_binary(whole: int) -> str:
    exponent = 0
    while whole % 1024 == 0 and exponent < 60:
        whole //= 1024
        exponent += 10
    return f"{whole}{_BINARY_NAMES[exponent]}"


def _split_decimal(nanos: int) -> tuple[int, int]:
    """Returns mantissa and the largest exponent, a multiple of three, that divides the amount."""
    exponent = -9
    while nanos % 1000 == 0:
        nanos //= 1000
        exponent += 3
    return nanos, exponent


def parse_quantity(text: str | int | float) -> Quantity:
    """Reads a quantity; numbers are read as the text JSON would print.

    Raises:
        BadQuantity: not a quantity.
    """
    source = text if isinstance(text, str) else repr(text)
    match = _SHAPE.fullmatch(source)
    if not source or match is None:
        raise BadQuantity(_WRONG_FORMAT)
    sign, digits, fraction, suffix = match.groups()
    fraction = fraction or ""
    digits = digits.lstrip("0") or "0"
    base, exponent, form = _interpret(suffix)
    if not fraction and not match[2]:
        raise BadQuantity("unable to parse numeric part of quantity")
    if base == 10 and abs(exponent) > _MAX_DIGITS:
        exponent = _MAX_DIGITS if exponent > 0 else -_MAX_DIGITS
    nanos = _amount(digits + fraction, len(fraction), base, exponent)
    if form is QuantityFormat.BINARY_SI:
        nanos = min(nanos, _MAX_BINARY)
        if 0 < nanos < _NANO:
            form = QuantityFormat.DECIMAL_SI
    kept = source if _is_taken_for_canonical(digits, fraction, exponent, form) else ""
    return Quantity(-nanos if sign == "-" else nanos, form, kept)


def _interpret(suffix: str) -> tuple[int, int, QuantityFormat]:
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], QuantityFormat.DECIMAL_SI
    if suffix in _BINARY:
        return 2, _BINARY[suffix], QuantityFormat.BINARY_SI
    match = _EXPONENT.fullmatch(suffix)
    if match is None or len(match[1]) > _FAST_DIGITS:
        raise BadQuantity("unable to parse quantity's suffix")
    return 10, int(match[1]), QuantityFormat.DECIMAL_EXPONENT


def _amount(digits: str, places: int, base: int, exponent: int) -> int:
    """Returns billionths, rounded up."""
    number = int(digits)
    if base == 2:
        number <<= exponent
        scale = 9 - places
    else:
        scale = 9 - places + exponent
    if scale >= 0:
        return int(number * 10**scale)
    return int(-(-number // 10**-scale))


def _is_taken_for_canonical(
    digits: str, fraction: str, exponent: int, form: QuantityFormat
) -> bool:
    """Repeats the API server's shortcut, which keeps some texts that are not quite canonical."""
    shifted = digits + fraction
    if form is QuantityFormat.BINARY_SI:
        room = 15 - len(digits) - int(exponent * 3 / 10) - 1
        return not fraction and room >= 0 and int(shifted) % 8 != 0
    scale = exponent - len(fraction)
    fits = len(shifted) <= _FAST_DIGITS and scale >= -9
    return fits and scale % 3 == 0 and not shifted.endswith("000") and shifted[0] != "0"


def canonical_quantity(text: str | int | float) -> str:
    """Returns a quantity as the API server stores it; blanks around a text are dropped.

    Raises:
        BadQuantity: not a quantity.
    """
    return str(parse_quantity(text.strip() if isinstance(text, str) else text))
