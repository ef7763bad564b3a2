"""The ``format`` keyword: which formats are known for custom resources, and what they accept.

Source of the rules: ``k8s.io/kube-openapi/pkg/validation/strfmt`` and the format list of
``k8s.io/apiextensions-apiserver``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date
from email.utils import parseaddr
from typing import Final
from urllib.parse import urlsplit

from steersman.servers.apiserver.validation.names import dns_label, dns_subdomain

__all__ = ["is_supported_format", "matches_format"]

_NUMBER_FORMATS: Final = {
    "integer": frozenset({"int32", "int64"}),
    "number": frozenset({"float", "double"}),
}
_HEX: Final = "[0-9a-f]"


def _pattern(pattern: str, flags: int = 0) -> Callable[[str], bool]:
    compiled = re.compile(pattern, flags)
    return lambda text: compiled.fullmatch(text) is not None


def _uuid(third: str, fourth: str) -> Callable[[str], bool]:
    parts = [f"{_HEX}{{8}}", f"{_HEX}{{4}}", third, fourth, f"{_HEX}{{12}}"]
    return _pattern("-?".join(parts), re.IGNORECASE)


def _is_uri(text: str) -> bool:
    if not text or any(one <= " " or one == "\x7f" for one in text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return text.startswith("/") or bool(parts.scheme)


def _is_email(text: str) -> bool:
    _, address = parseaddr(text)
    local, _, domain = address.rpartition("@")
    return bool(local and domain) and not any(one.isspace() for one in address)


def _is_hostname(text: str) -> bool:
    if not 0 < len(text) <= 255 or any(len(part) > 63 for part in text.split(".")):
        return False
    label = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
    return re.fullmatch(rf"{label}(?:\.{label})*\.?", text) is not None


def _is_ip(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version == version
        except ValueError:
            return False

    return check


def _is_cidr(text: str) -> bool:
    if "/" not in text:
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


_DATE_TIME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})"
)


def _is_date_time(text: str) -> bool:
    match = _DATE_TIME.fullmatch(text)
    return match is not None and _is_date(match[1])


_DURATION: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)\s*(?:ns|us|µs|μs|ms|s|m|h|d|w)")


def _is_duration(text: str) -> bool:
    rest = text.strip()
    if rest == "0":
        return True
    while rest:
        match = _DURATION.match(rest)
        if match is None:
            return False
        rest = rest[match.end() :].lstrip()
    return bool(text.strip())


_is_base64 = _pattern(
    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"
)


def _is_isbn(length: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        digits = text.replace("-", "").replace(" ", "")
        if len(digits) != length:
            return False
        if length == 10:
            if not re.fullmatch(r"\d{9}[\dXx]", digits):
                return False
            values = [10 if one in "Xx" else int(one) for one in digits]
            return sum((10 - index) * value for index, value in enumerate(values)) % 11 == 0
        if not digits.isdecimal():
            return False
        return sum((3 if index % 2 else 1) * int(one) for index, one in enumerate(digits)) % 10 == 0

    return check


_is_isbn10 = _is_isbn(10)
_is_isbn13 = _is_isbn(13)


def _is_credit_card(text: str) -> bool:
    digits = [int(one) for one in text if one.isdecimal()]
    if not 13 <= len(digits) <= 19:
        return False
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if index % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


_FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "bsonobjectid": _pattern("[0-9a-fA-F]{24}"),
    "uri": _is_uri,
    "email": _is_email,
    "hostname": _is_hostname,
    "ipv4": _is_ip(4),
    "ipv6": _is_ip(6),
    "cidr": _is_cidr,
    "mac": _pattern("[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}|([0-9a-fA-F]{4}\\.){2}[0-9a-fA-F]{4}"),
    "uuid": _uuid(f"{_HEX}{{4}}", f"{_HEX}{{4}}"),
    "uuid3": _uuid(f"3{_HEX}{{3}}", f"{_HEX}{{4}}"),
    "uuid4": _uuid(f"4{_HEX}{{3}}", f"[89ab]{_HEX}{{3}}"),
    "uuid5": _uuid(f"5{_HEX}{{3}}", f"[89ab]{_HEX}{{3}}"),
    "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
    "isbn10": _is_isbn10,
    "isbn13": _is_isbn13,
    "creditcard": _is_credit_card,
    "ssn": _pattern(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "hexcolor": _pattern("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _pattern(r"rgb\(\s*(?:\d{1,3}\s*,\s*){2}\d{1,3}\s*\)"),
    "byte": lambda text: not text or _is_base64(text),
    "password": lambda _: True,
    "date": _is_date,
    "duration": _is_duration,
    "datetime": _is_date_time,
    "k8sshortname": lambda text: not dns_label(text),
    "k8slongname": lambda text: not dns_subdomain(text),
}


def is_supported_format(kind: str, name: str) -> bool:
    """Says whether a format means anything for a type; other formats are ignored."""
    if not name:
        return False
    if kind in ("", "string"):
        return name.replace("-", "") in _FORMATS
    return name in _NUMBER_FORMATS.get(kind, frozenset())


def matches_format(name: str, text: str) -> bool:
    """Checks a text against a supported string format."""
    check = _FORMATS.get(name.replace("-", ""))
    return check is None or check(text)
