"""The functions that Kubernetes adds to the language.

Quantities, URLs, addresses and versions travel as their canonical text, so that they compare and
print as the real values do. Source of the rules: ``k8s.io/apiserver/pkg/cel/library``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import re2

from steersman.errors import InvalidSpec
from steersman.objects.quantity import Quantity, canonical_quantity, parse_quantity
from steersman.servers.apiserver.crd.formats import matches_format
from steersman.servers.apiserver.validation import names

__all__ = ["UNSUPPORTED", "KubernetesFunction", "kubernetes_functions"]

UNSUPPORTED: Final = frozenset(
    {
        "all",
        "exists",
        "existsOne",
        "exists_one",
        "transformList",
        "transformMap",
        "transformMapEntry",
        "authorizer",
        "group",
        "serviceAccount",
        "resource",
        "lastIndexOf",
        "indexOf",
        "semver",
        "isSemver",
        "major",
        "minor",
        "patch",
        "jsonpatch",
        "reverse",
        "flatten",
        "slice",
        "distinct",
        "sort",
        "sortBy",
        "first",
        "last",
        "range",
    }
)
"""Functions and forms of the real server that this one cannot evaluate in every form."""


class KubernetesFunction(NamedTuple):
    """One overload.

    Attributes:
        name: the function's name.
        parameters: the types by name: ``string``, ``int``, ``list``, ``map``, ``dyn``, ….
        result: the type of the result.
        member: the first parameter is the receiver.
        run: does the work; a ``ValueError`` becomes an evaluation error.
    """

    name: str
    parameters: tuple[str, ...]
    result: str
    member: bool
    run: Callable[..., Any]


def kubernetes_functions() -> Sequence[KubernetesFunction]:
    """Every function, grouped by library."""
    return [
        *_lists(),
        *_sets(),
        *_regex(),
        *_urls(),
        *_quantities(),
        *_addresses(),
        *_networks(),
        *_formats(),
    ]


def _lists() -> Iterator[KubernetesFunction]:
    def is_sorted(values: list[Any]) -> bool:
        return all(one <= other for one, other in pairwise(values))

    def total(values: list[Any]) -> Any:
        return sum(values) if values else 0

    def smallest(values: list[Any]) -> Any:
        if not values:
            raise ValueError("min called on empty list")
        return min(values)

    def greatest(values: list[Any]) -> Any:
        if not values:
            raise ValueError("max called on empty list")
        return max(values)

    yield KubernetesFunction("isSorted", ("list",), "bool", True, is_sorted)
    yield KubernetesFunction("sum", ("list",), "dyn", True, total)
    yield KubernetesFunction("min", ("list",), "dyn", True, smallest)
    yield KubernetesFunction("max", ("list",), "dyn", True, greatest)


def _sets() -> Iterator[KubernetesFunction]:
    def contains(one: list[Any], other: list[Any]) -> bool:
        return all(value in one for value in other)

    def equivalent(one: list[Any], other: list[Any]) -> bool:
        return contains(one, other) and contains(other, one)

    def intersects(one: list[Any], other: list[Any]) -> bool:
        return any(value in one for value in other)

    pair = ("list", "list")
    yield KubernetesFunction("sets.contains", pair, "bool", False, contains)
    yield KubernetesFunction("sets.equivalent", pair, "bool", False, equivalent)
    yield KubernetesFunction("sets.intersects", pair, "bool", False, intersects)


def _regex() -> Iterator[KubernetesFunction]:
    def compiled(pattern: str) -> Any:
        try:
            return re2.compile(pattern)
        except re2.error as error:
            raise ValueError(f"illegal regex: {error}") from None

    def find(text: str, pattern: str) -> str:
        match = compiled(pattern).search(text)
        return str(match.group(0)) if match else ""

    def find_all(text: str, pattern: str) -> list[str]:
        return [str(match.group(0)) for match in compiled(pattern).finditer(text)]

    def find_some(text: str, pattern: str, limit: int) -> list[str]:
        found = find_all(text, pattern)
        return found if limit < 0 else found[:limit]

    pair = ("string", "string")
    yield KubernetesFunction("find", pair, "string", True, find)
    yield KubernetesFunction("findAll", pair, "list<string>", True, find_all)
    yield KubernetesFunction("findAll", (*pair, "int"), "list<string>", True, find_some)


def _is_url(text: str) -> bool:
    return matches_format("uri", text)


def _urls() -> Iterator[KubernetesFunction]:
    def url(text: str) -> str:
        if not _is_url(text):
            raise ValueError(f"URL parse error during conversion from string: {text}")
        return text

    def host(text: str) -> str:
        return urlsplit(text).netloc.rpartition("@")[2]

    def hostname(text: str) -> str:
        return (urlsplit(text).hostname or "") if text else ""

    def port(text: str) -> str:
        value = urlsplit(text).port
        return "" if value is None else str(value)

    def query(text: str) -> dict[str, list[str]]:
        return parse_qs(urlsplit(text).query, keep_blank_values=True)

    one = ("string",)
    yield KubernetesFunction("url", one, "string", False, url)
    yield KubernetesFunction("isURL", one, "bool", False, _is_url)
    yield KubernetesFunction("getScheme", one, "string", True, lambda text: urlsplit(text).scheme)
    yield KubernetesFunction("getHost", one, "string", True, host)
    yield KubernetesFunction("getHostname", one, "string", True, hostname)
    yield KubernetesFunction("getPort", one, "string", True, port)
    yield KubernetesFunction(
        "getEscapedPath", one, "string", True, lambda text: urlsplit(text).path
    )
    yield KubernetesFunction("getQuery", one, "map", True, query)


def _quantity(text: str) -> Quantity:
    try:
        return parse_quantity(text)
    except InvalidSpec as error:
        raise ValueError(error.message) from None


def _quantities() -> Iterator[KubernetesFunction]:
    def is_quantity(text: str) -> bool:
        try:
            parse_quantity(text)
        except InvalidSpec:
            return False
        return True

    def sign(text: str) -> int:
        nanos = _quantity(text).nanos
        return (nanos > 0) - (nanos < 0)

    def compare(one: str, other: str) -> int:
        left, right = _quantity(one).nanos, _quantity(other).nanos
        return (left > right) - (left < right)

    def as_integer(text: str) -> int:
        nanos = _quantity(text).nanos
        if nanos % 10**9:
            raise ValueError("cannot convert value to integer")
        return nanos // 10**9

    def canonical(text: str) -> str:
        _quantity(text)
        return canonical_quantity(text)

    one, pair, number = ("string",), ("string", "string"), ("string", "int")
    yield KubernetesFunction("quantity", one, "string", False, canonical)
    yield KubernetesFunction("isQuantity", one, "bool", False, is_quantity)
    yield KubernetesFunction("sign", one, "int", True, sign)
    yield KubernetesFunction(
        "isInteger", one, "bool", True, lambda text: _quantity(text).nanos % 10**9 == 0
    )
    yield KubernetesFunction("asInteger", one, "int", True, as_integer)
    yield KubernetesFunction(
        "asApproximateFloat", one, "double", True, lambda text: _quantity(text).nanos / 10**9
    )
    yield KubernetesFunction("isGreaterThan", pair, "bool", True, lambda a, b: compare(a, b) > 0)
    yield KubernetesFunction("isLessThan", pair, "bool", True, lambda a, b: compare(a, b) < 0)
    yield KubernetesFunction("compareTo", pair, "int", True, compare)
    yield KubernetesFunction(
        "add", pair, "string", True, lambda a, b: str(_quantity(a).plus(_quantity(b)))
    )
    yield KubernetesFunction(
        "sub", pair, "string", True, lambda a, b: str(_quantity(a).minus(_quantity(b)))
    )
    yield KubernetesFunction(
        "add", number, "string", True, lambda a, b: str(_quantity(a).plus(_quantity(str(b))))
    )
    yield KubernetesFunction(
        "sub", number, "string", True, lambda a, b: str(_quantity(a).minus(_quantity(str(b))))
    )


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def _address(text: str) -> _Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"IP Address {text!r} parse error during conversion from string") from None


def _network(text: str) -> _Network:
    try:
        if "/" not in text:
            raise ValueError(text)
        return ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(
            f"network address parse error during conversion from string: {text}"
        ) from None


def _is(read: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return check


def _addresses() -> Iterator[KubernetesFunction]:
    one = ("string",)
    yield KubernetesFunction("ip", one, "string", False, lambda text: str(_address(text)))
    yield KubernetesFunction("isIP", one, "bool", False, _is(_address))
    yield KubernetesFunction(
        "ip.isCanonical", one, "bool", False, lambda text: str(_address(text)) == text
    )
    yield KubernetesFunction("family", one, "int", True, lambda text: _address(text).version)
    yield KubernetesFunction(
        "isUnspecified", one, "bool", True, lambda text: _address(text).is_unspecified
    )
    yield KubernetesFunction(
        "isLoopback", one, "bool", True, lambda text: _address(text).is_loopback
    )
    yield KubernetesFunction(
        "isLinkLocalMulticast",
        one,
        "bool",
        True,
        lambda text: (
            _address(text).is_multicast and str(_address(text)).startswith(("224.0.0.", "ff02"))
        ),
    )
    yield KubernetesFunction(
        "isLinkLocalUnicast", one, "bool", True, lambda text: _address(text).is_link_local
    )
    yield KubernetesFunction(
        "isGlobalUnicast",
        one,
        "bool",
        True,
        lambda text: (
            not (
                _address(text).is_multicast
                or _address(text).is_loopback
                or _address(text).is_link_local
                or _address(text).is_unspecified
            )
        ),
    )


def _networks() -> Iterator[KubernetesFunction]:
    one, pair = ("string",), ("string", "string")

    def contains_ip(network: str, address: str) -> bool:
        return _address(address) in _network(network).network

    def contains_network(network: str, other: str) -> bool:
        outer, inner = _network(network).network, _network(other).network
        return outer.version == inner.version and (
            inner.network_address in outer and inner.prefixlen >= outer.prefixlen
        )

    yield KubernetesFunction("cidr", one, "string", False, lambda text: str(_network(text)))
    yield KubernetesFunction("isCIDR", one, "bool", False, _is(_network))
    yield KubernetesFunction("containsIP", pair, "bool", True, contains_ip)
    yield KubernetesFunction("containsCIDR", pair, "bool", True, contains_network)
    yield KubernetesFunction(
        "prefixLength", one, "int", True, lambda text: _network(text).network.prefixlen
    )
    yield KubernetesFunction(
        "masked", one, "string", True, lambda text: str(_network(text).network)
    )


_NAMED_FORMATS: Final[dict[str, Callable[[str], list[str]]]] = {
    "dns1123Label": names.dns_label,
    "dns1123Subdomain": names.dns_subdomain,
    "dns1035Label": names.dns_label_1035,
    "qualifiedName": names.qualified_name,
    "dns1123LabelPrefix": lambda text: names.name_is_label(text, True),
    "dns1123SubdomainPrefix": lambda text: names.name_is_subdomain(text, True),
    "dns1035LabelPrefix": lambda text: names.name_is_label_1035(text, True),
    "labelValue": names.label_value,
    "uri": lambda text: [] if _is_url(text) else ["invalid URI"],
    "uuid": lambda text: [] if matches_format("uuid", text) else ["does not match the UUID format"],
    "byte": lambda text: [] if matches_format("byte", text) else ["invalid base64"],
    "date": lambda text: [] if matches_format("date", text) else ["invalid date"],
    "datetime": lambda text: [] if matches_format("date-time", text) else ["invalid datetime"],
}


def _formats() -> Iterator[KubernetesFunction]:
    def validate(name: str, text: str) -> list[str]:
        return _NAMED_FORMATS[name](text)

    for name in _NAMED_FORMATS:
        yield KubernetesFunction(f"format.{name}", (), "string", False, lambda name=name: name)
    pair = ("string", "string")
    yield KubernetesFunction("validate", pair, "list<string>", True, validate)
