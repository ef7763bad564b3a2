"""The values for post-build substitution: where they come from and which wins."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

from steersman.errors import SteersmanError

__all__ = ["InvalidVariables", "check_names", "merge_variables", "variables_of"]

_NAME = re.compile(r"[_A-Za-z][_A-Za-z0-9]*")
_NAME_AS_FLUX_SHOWS_IT = "^[_[:alpha:]][_[:alpha:][:digit:]]*$"


class InvalidVariables(SteersmanError):
    """A variable's name cannot be used, or its text cannot be read."""

    default_reason = "BuildFailed"


def variables_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Reads the variables that a ConfigMap or a Secret holds.

    Args:
        manifest: a ConfigMap (``data``) or a Secret (``data`` in base64).

    Raises:
        InvalidVariables: a Secret's value is not base64 of UTF-8 text.
    """
    data = manifest.get("data")
    if not isinstance(data, dict):
        return {}
    if manifest.get("kind") != "Secret":
        return {str(key): _one_line(str(value)) for key, value in data.items()}
    return {str(key): _one_line(_decode(str(key), value)) for key, value in data.items()}


def merge_variables(
    sources: Iterable[Mapping[str, str]], inline: Mapping[str, str]
) -> dict[str, str]:
    """Merges the sources in order, later ones winning, inline values winning over all."""
    merged: dict[str, str] = {}
    for source in sources:
        merged.update(source)
    merged.update({name: _one_line(value) for name, value in inline.items()})
    return merged


def check_names(variables: Mapping[str, str]) -> None:
    """Refuses names that no ``${...}`` could mention.

    Raises:
        InvalidVariables: with Flux's text.
    """
    for name in variables:
        if not _NAME.fullmatch(name):
            raise InvalidVariables(
                f"'{name}' var name is invalid, must match '{_NAME_AS_FLUX_SHOWS_IT}'"
            )


def _one_line(value: str) -> str:
    return value.replace("\n", "")


def _decode(key: str, value: object) -> str:
    try:
        return base64.b64decode(str(value or ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidVariables(f"the value of `{key}` is not base64 of UTF-8 text") from error
