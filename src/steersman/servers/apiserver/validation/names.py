"""The grammars of names, keys and values, each answering with the API's texts.

Every function returns the list of what is wrong, empty when nothing is. Source of the rules:
``k8s.io/apimachinery/pkg/util/validation`` and ``pkg/api/validate/content``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

__all__ = [
    "NameRule",
    "config_key",
    "dns_label",
    "dns_label_1035",
    "dns_subdomain",
    "in_range",
    "label_value",
    "max_length",
    "name_is_label",
    "name_is_label_1035",
    "name_is_path_segment",
    "name_is_subdomain",
    "percent",
    "port_name",
    "port_number",
    "qualified_name",
    "regex_text",
    "relaxed_env_var_name",
    "wildcard_subdomain",
]

NameRule: TypeAlias = Callable[[str, bool], list[str]]
"""Checks an object's name; the flag says it is a prefix (``generateName``)."""

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_WILDCARD: Final = rf"\*\.{_SUBDOMAIN}"
_KEY: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = f"({_KEY})?"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"
_ENV_NAME: Final = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_PERCENT: Final = "[0-9]+%"
_IDENTIFIER: Final = "[A-Za-z_][A-Za-z0-9_]*"
_ALPHANUMERIC: Final = "and must start and end with an alphanumeric character"
_KEY_TEXT: Final = f"must consist of alphanumeric characters, '-', '_' or '.', {_ALPHANUMERIC}"

_label_matches = re.compile(_LABEL).fullmatch
_subdomain_matches = re.compile(_SUBDOMAIN).fullmatch
_label_1035_matches = re.compile(_LABEL_1035).fullmatch
_wildcard_matches = re.compile(_WILDCARD).fullmatch
_key_matches = re.compile(_KEY).fullmatch
_value_matches = re.compile(_VALUE).fullmatch
_config_key_matches = re.compile(_CONFIG_KEY).fullmatch
_env_name_matches = re.compile(_ENV_NAME).fullmatch


def max_length(limit: int) -> str:
    """The text for a value of too many characters."""
    return f"must be no more than {limit} characters"


def regex_text(text: str, pattern: str, *examples: str) -> str:
    """The text for a value that does not match a pattern."""
    shown = " or ".join(f"'{example}', " for example in examples)
    lead = f"(e.g. {shown}" if examples else "("
    return f"{text} {lead}regex used for validation is '{pattern}')"


def dns_label(value: str) -> list[str]:
    """RFC 1123 label, at most 63 characters."""
    errors = [max_length(63)] if len(value.encode()) > 63 else []
    if not _label_matches(value):
        if _subdomain_matches(value):
            errors.append("must not contain dots")
        else:
            text = (
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters "
                f"or '-', {_ALPHANUMERIC}"
            )
            errors.append(regex_text(text, _LABEL, "my-name", "123-abc"))
    return errors


def dns_subdomain(value: str) -> list[str]:
    """RFC 1123 subdomain, at most 253 characters."""
    errors = [max_length(253)] if len(value.encode()) > 253 else []
    if not _subdomain_matches(value):
        text = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            f"'-' or '.', {_ALPHANUMERIC}"
        )
        errors.append(regex_text(text, _SUBDOMAIN, "example.com"))
    return errors


def dns_label_1035(value: str) -> list[str]:
    """RFC 1035 label: starts with a letter."""
    errors = [max_length(63)] if len(value.encode()) > 63 else []
    if not _label_1035_matches(value):
        text = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
            "start with an alphabetic character, and end with an alphanumeric character"
        )
        errors.append(regex_text(text, _LABEL_1035, "my-name", "abc-123"))
    return errors


def wildcard_subdomain(value: str) -> list[str]:
    """``*.`` and a subdomain."""
    errors = [max_length(253)] if len(value.encode()) > 253 else []
    if not _wildcard_matches(value):
        text = (
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS "
            "subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and "
            "end with an alphanumeric character"
        )
        errors.append(regex_text(text, _WILDCARD, "*.example.com"))
    return errors


def qualified_name(value: str) -> list[str]:
    """A label key: an optional subdomain and ``/`` before a name."""
    parts = value.split("/")
    if len(parts) > 2:
        text = regex_text(f"a valid label key {_KEY_TEXT}", _KEY, "MyName", "my.name", "123-abc")
        return [f"{text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    errors = []
    if len(parts) == 2:
        if not parts[0]:
            errors.append("prefix part must be non-empty")
        else:
            errors += [f"prefix part {text}" for text in dns_subdomain(parts[0])]
    name = parts[-1]
    if not name:
        errors.append("name part must be non-empty")
    elif len(name.encode()) > 63:
        errors.append(f"name part {max_length(63)}")
    if not _key_matches(name):
        errors.append(f"name part {regex_text(_KEY_TEXT, _KEY, 'MyName', 'my.name', '123-abc')}")
    return errors


def label_value(value: str) -> list[str]:
    """A label's value: empty, or like a name, at most 63 characters."""
    errors = [max_length(63)] if len(value.encode()) > 63 else []
    if not _value_matches(value):
        text = f"a valid label must be an empty string or consist of {_KEY_TEXT[16:]}"
        errors.append(regex_text(text, _VALUE, "MyValue", "my_value", "12345"))
    return errors


def config_key(value: str) -> list[str]:
    """A key of a ConfigMap or Secret."""
    errors = [max_length(253)] if len(value.encode()) > 253 else []
    if not _config_key_matches(value):
        text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(regex_text(text, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return errors + _parent_directory(value)


def relaxed_env_var_name(value: str) -> list[str]:
    """An environment variable's name as pods may have it: printable ASCII without ``=``."""
    errors = [] if value else ["environment variable name must be non-empty"]
    if any(not " " <= one <= "~" or one == "=" for one in value):
        errors.append(
            "a valid environment variable name must consist only of printable ASCII characters "
            "other than '='"
        )
    return errors


def percent(value: str) -> list[str]:
    """A percentage such as ``25%``."""
    if re.fullmatch(_PERCENT, value):
        return []
    text = "a valid percent string must be a numeric string followed by an ending '%'"
    return [regex_text(text, _PERCENT, "1%", "93%")]


def port_name(value: str) -> list[str]:
    """An IANA service name."""
    errors = [max_length(15)] if len(value.encode()) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def in_range(value: int, low: int, high: int) -> list[str]:
    """Both ends belong to the range."""
    return [] if low <= value <= high else [f"must be between {low} and {high}, inclusive"]


def port_number(value: int) -> list[str]:
    """1 to 65535."""
    return in_range(value, 1, 65535)


def _parent_directory(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def _masked(name: str, prefix: bool) -> str:
    return f"{name[:-2]}a" if prefix and len(name) > 1 and name.endswith("-") else name


def name_is_subdomain(name: str, prefix: bool) -> list[str]:
    """The rule of most kinds."""
    return dns_subdomain(_masked(name, prefix))


def name_is_label(name: str, prefix: bool) -> list[str]:
    """The rule of Namespaces."""
    return dns_label(_masked(name, prefix))


def name_is_label_1035(name: str, prefix: bool) -> list[str]:
    """The rule of Services."""
    return dns_label_1035(_masked(name, prefix))


def name_is_path_segment(name: str, prefix: bool) -> list[str]:
    """The rule of roles and bindings, and of everything that has no other."""
    if not prefix and name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{one}'" for one in ("/", "%") if one in name]
