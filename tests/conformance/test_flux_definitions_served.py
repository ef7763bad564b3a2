"""Flux's own definitions compile, and every rule in them can be judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steersman.kit.yaml import load_manifests
from steersman.servers.apiserver.crd.definition import served_versions
from steersman.servers.apiserver.crd.rules import compile_rule
from steersman.servers.apiserver.crd.structural import Structural, compile_schema
from tests.support.tables import conformance_root

pytestmark = pytest.mark.conformance


def definitions() -> list[Any]:
    files = sorted((conformance_root() / "crds").glob("*.yaml"))
    if not files:
        return [pytest.param(None, marks=pytest.mark.skip("no conformance data: crds"), id="crds")]
    return [pytest.param(file, id=file.stem) for file in files]


def rules_of(schema: Structural, *, root: bool = False) -> Iterator[tuple[str, str, str]]:
    for rule in schema.rules:
        compiled = compile_rule(rule, schema, root=root)
        yield rule.rule, compiled.error, compiled.unjudged
    for below in schema.children():
        yield from rules_of(below)


@pytest.mark.parametrize("file", definitions())
def test_every_rule_of_flux_is_judged(file: Path) -> None:
    (crd,) = load_manifests(file.read_text())
    for version in served_versions(crd):
        for rule, error, unjudged in rules_of(compile_schema(version.schema), root=True):
            assert (rule, error, unjudged) == (rule, "", "")
