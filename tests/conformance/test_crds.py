"""Our generated definitions beside Flux's: everything but the descriptions is the same."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from steersman.apis.crds import KINDS, FluxKind, definition_of
from tests.support.tools import conformance_data

pytestmark = pytest.mark.conformance

# Written by Flux's own generator; says nothing about the kind.
GENERATOR = "controller-gen.kubebuilder.io/version"


def without_descriptions(node: Any, *, names: bool = False) -> Any:
    """Drops ``description`` keywords; below ``properties`` the keys are names, not keywords."""
    if isinstance(node, dict):
        return {
            key: without_descriptions(value, names=key == "properties" and not names)
            for key, value in node.items()
            if names or key != "description"
        }
    if isinstance(node, list):
        return [without_descriptions(item) for item in node]
    return node


def descriptions(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["description"]] if isinstance(node.get("description"), str) else []
        return own + [text for value in node.values() for text in descriptions(value)]
    if isinstance(node, list):
        return [text for item in node for text in descriptions(item)]
    return []


def upstream(kind: FluxKind) -> dict[str, Any]:
    path = conformance_data("crds", f"{kind.gvk.group}_{kind.plural}.yaml")
    definition: dict[str, Any] = yaml.safe_load(path.read_text())
    return definition


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.gvk.kind)
def test_the_definition_is_flux_s_but_for_descriptions(kind: FluxKind) -> None:
    theirs = upstream(kind)
    theirs["metadata"]["annotations"].pop(GENERATOR)
    assert without_descriptions(definition_of(kind)) == without_descriptions(theirs)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.gvk.kind)
def test_no_description_is_copied(kind: FluxKind) -> None:
    ours = {" ".join(text.split()).rstrip(".") for text in descriptions(definition_of(kind))}
    theirs = {" ".join(text.split()).rstrip(".") for text in descriptions(upstream(kind))}
    assert ours & theirs == set()
