"""The walker from structs to structural schemas."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import pytest
from msgspec import Meta

from steersman.apis.crds import KINDS, FluxKind, definition_of
from steersman.apis.meta import Duration, Rule, Wire
from steersman.apis.structural import schema_of_struct
from steersman.errors import Bug


class Sail(Wire, frozen=True):
    """A sail."""

    name: Annotated[str, Meta(min_length=1, description="Its name.")]
    reefs: Annotated[int, Meta(ge=0, extra_json_schema={"default": 0})] = 0


class Boat(Wire, frozen=True):
    """A boat."""

    rules: ClassVar[tuple[Rule, ...]] = (Rule("no sail, no boat", "has(self.mainSail)"),)

    main_sail: Sail
    watch: Annotated[Duration | None, Meta(description="How long a watch is.")] = None
    rig: Literal["sloop", "ketch"] = "sloop"
    flags: dict[str, str] | None = None
    others: tuple[Sail, ...] = ()


SAIL = {
    "description": "A sail.",
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "description": "Its name."},
        "reefs": {"type": "integer", "minimum": 0, "default": 0},
    },
    "required": ["name"],
}


def test_a_struct_becomes_a_structural_schema() -> None:
    assert schema_of_struct(Boat) == {
        "description": "A boat.",
        "type": "object",
        "properties": {
            "flags": {"type": "object", "additionalProperties": {"type": "string"}},
            "mainSail": SAIL,
            "others": {"type": "array", "items": SAIL},
            "rig": {"type": "string", "enum": ["sloop", "ketch"]},
            "watch": {
                "type": "string",
                "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$",
                "description": "How long a watch is.",
            },
        },
        "required": ["mainSail"],
        "x-kubernetes-validations": [
            {"message": "no sail, no boat", "rule": "has(self.mainSail)"},
        ],
    }


def test_a_type_without_a_schema_is_a_bug() -> None:
    class Odd(Wire, frozen=True):
        """Odd."""

        when: complex

    Odd.__annotations__["when"] = complex
    with pytest.raises(Bug, match="no structural schema"):
        schema_of_struct(Odd)


def undescribed(schema: dict[str, Any], path: str) -> list[str]:
    found = [] if schema.get("description") or path in ("", ".metadata") else [path]
    for name, child in (schema.get("properties") or {}).items():
        found += undescribed(child, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if (schema.get(keyword) or {}).get("type") == "object":
            found += undescribed(schema[keyword], f"{path}[]")
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.gvk.kind)
def test_every_field_is_described(kind: FluxKind) -> None:
    version = definition_of(kind)["spec"]["versions"][0]
    assert undescribed(version["schema"]["openAPIV3Schema"], "") == []


def test_each_call_returns_a_fresh_object() -> None:
    first, second = definition_of(KINDS[0]), definition_of(KINDS[0])
    first["spec"]["names"]["categories"].append("mine")
    assert second["spec"]["names"]["categories"] == ["all", "fluxcd", "fluxcd-sources"]
