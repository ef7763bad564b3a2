"""The published Go types of the built-in kinds, as far as they decide the JSON form.

The data is distilled by ``scripts/distil_go_types.py`` from the field declarations of
``k8s.io/api`` and its sister modules (Apache-2.0).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources as package_files
from typing import Final, NamedTuple

import msgspec

from steersman.objects.identity import GroupVersionKind
from steersman.schemas.catalogue import Catalogue

__all__ = ["GoField", "load_go_types", "type_name"]

DATA_MINOR: Final = "1.36"
_PREFIXES: Final = re.compile(
    r"^io\.k8s\.(?:api|apimachinery\.pkg\.apis|[\w-]+\.pkg\.apis)\.(\w+)\.(\w+)\.(\w+)$"
)


class GoField(NamedTuple):
    """One field of a struct.

    Attributes:
        name: the JSON name.
        type: the encoded type: ``*`` pointer, ``[]`` list, ``{}`` map, ``!name`` a type with a JSON
            form of its own, ``string/v1.Protocol`` a named scalar, ``core/v1.PodSpec`` a struct.
        flags: ``o`` for omitempty, ``z`` for omitzero.
    """

    name: str
    type: str
    flags: str


@lru_cache(maxsize=1)
def load_go_types() -> Mapping[str, tuple[GoField, ...]]:
    """Reads the table: fields in declaration order, by struct name such as ``core/v1.PodSpec``."""
    file = package_files.files("steersman.servers.apiserver")
    data = (file / "data" / f"go-types-{DATA_MINOR}.json.gz").read_bytes()
    table = msgspec.json.decode(
        gzip.decompress(data), type=dict[str, tuple[tuple[str, str, str], ...]]
    )
    return {name: tuple(GoField(*row) for row in rows) for name, rows in table.items()}


def type_name(catalogue: Catalogue, gvk: GroupVersionKind) -> str | None:
    """Returns the struct of a built-in kind, such as ``apps/v1.Deployment``."""
    match = _PREFIXES.match(catalogue.definition_name(gvk) or "")
    return f"{match[1]}/{match[2]}.{match[3]}" if match else None
