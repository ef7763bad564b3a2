"""What a client accepts, and objects written that way: JSON, pretty JSON, YAML, tables, metadata.

Answers are always JSON or YAML: clients that prefer protobuf accept JSON beside it, and those
that accept nothing else get 406.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from steersman.servers.apiserver.answers import not_acceptable

__all__ = ["Accepted", "Shape", "negotiate", "wants_pretty"]


class Shape(Enum):
    """In which form objects are answered."""

    OBJECT = "the object itself"
    TABLE = "rows with the columns a terminal shows"
    METADATA = "only the object's metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The outcome of content negotiation.

    Attributes:
        shape: the form of objects.
        shape_version: ``v1`` or ``v1beta1`` of ``meta.k8s.io``.
        yaml: answer in YAML.
        pretty: indent JSON.
        discovery: ``v2`` or ``v2beta1`` when aggregated discovery is accepted.
    """

    shape: Shape = Shape.OBJECT
    shape_version: str = "v1"
    yaml: bool = False
    pretty: bool = False
    discovery: str = ""


_PLAIN = Accepted()
_PLAIN_HEADERS = frozenset(
    (
        "",
        "*/*",
        "application/json",
        "application/json, */*",
        "application/vnd.kubernetes.protobuf,application/json",
        "application/vnd.kubernetes.protobuf, */*",
        "application/vnd.kubernetes.protobuf,application/json,application/vnd.kubernetes.protobuf",
    )
)
_TERMINALS = ("curl", "Wget", "Mozilla/5.0")


def wants_pretty(query: Mapping[str, str], user_agent: str) -> bool:
    """Says whether JSON is indented: on demand, and for curl, wget and browsers."""
    wish = query.get("pretty")
    if wish is not None:
        return wish not in ("false", "0")
    return user_agent.startswith(_TERMINALS)


def negotiate(accept: str, query: Mapping[str, str], user_agent: str) -> Accepted:
    """Chooses the first offer of an ``Accept`` header that can be written.

    Raises:
        ApiError: 406, none can.
    """
    pretty = wants_pretty(query, user_agent)
    if accept in _PLAIN_HEADERS:
        return Accepted(pretty=True) if pretty else _PLAIN
    for clause in accept.split(","):
        found = _read_clause(clause, pretty)
        if found is not None:
            return found
    raise not_acceptable()


def _read_clause(clause: str, pretty: bool) -> Accepted | None:
    media, *rest = (part.strip() for part in clause.split(";"))
    parameters = dict(part.partition("=")[::2] for part in rest if "=" in part)
    media = media.lower()
    if media in ("*/*", "application/*"):
        media = "application/json"
    if media not in ("application/json", "application/yaml"):
        return None
    yaml = media == "application/yaml"
    group, version = parameters.get("g", ""), parameters.get("v", "")
    match parameters.get("as", ""):
        case "":
            return Accepted(yaml=yaml, pretty=pretty)
        case "Table" if group == "meta.k8s.io" and version in ("v1", "v1beta1"):
            return Accepted(shape=Shape.TABLE, shape_version=version, yaml=yaml, pretty=pretty)
        case "PartialObjectMetadata" | "PartialObjectMetadataList" if group == "meta.k8s.io":
            return Accepted(
                shape=Shape.METADATA, shape_version=version or "v1", yaml=yaml, pretty=pretty
            )
        case "APIGroupDiscoveryList" if group == "apidiscovery.k8s.io":
            return Accepted(discovery=version, yaml=yaml, pretty=pretty)
        case _:
            return None
