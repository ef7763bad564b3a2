"""Definitions are refused and accepted as recorded (p8), and all of Flux's are accepted."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from steersman.kit.yaml import load_manifests
from steersman.objects.identity import GroupVersionKind
from steersman.schemas.catalogue import load_catalogue
from steersman.servers.apiserver.strategies.builtin import BuiltinStrategy
from steersman.servers.apiserver.strategies.registry import for_resource
from steersman.servers.apiserver.strategy import WriteContext
from tests.conformance.test_defaults_of_kinds import NOW, UID, NothingThere
from tests.support.tables import conformance_root

pytestmark = pytest.mark.conformance

CTX = WriteContext(now=NOW, cluster=NothingThere())


def definitions() -> BuiltinStrategy:
    catalogue = load_catalogue()
    gvk = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    info = catalogue.resource_of(gvk)
    assert info is not None
    return for_resource(info, catalogue)


def problems(raw: dict[str, Any]) -> list[dict[str, str]]:
    strategy = definitions()
    sent = {**raw, "metadata": {**raw["metadata"], "uid": UID}}
    obj = strategy.prepare_create(strategy.decode(sent).obj, CTX)
    errors = strategy.validate_create(obj, CTX)
    return [{"reason": one.type, "message": one.body, "field": one.field} for one in errors]


def recorded() -> list[Any]:
    file = conformance_root() / "kube-api" / "p8-crd.jsonl.gz"
    if not file.exists():
        return [pytest.param({}, marks=pytest.mark.skip("no recording p8"), id="p8")]
    rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    return [
        pytest.param(row, id=row["name"])
        for row in rows
        if row["method"] == "POST" and row["path"].endswith("/customresourcedefinitions")
    ]


@pytest.mark.parametrize("row", recorded())
def test_a_new_definition_is_judged_as_recorded(row: dict[str, Any]) -> None:
    answer = json.loads(row["resp"])
    causes = answer["details"]["causes"] if row["status"] == 422 else []
    assert problems(row["body"]) == causes


def flux_files() -> list[Any]:
    files = sorted((conformance_root() / "crds").glob("*.yaml"))
    if not files:
        return [pytest.param(None, marks=pytest.mark.skip("no conformance data: crds"), id="crds")]
    return [pytest.param(file, id=file.stem) for file in files]


@pytest.mark.parametrize("file", flux_files())
def test_definitions_of_flux_are_accepted_and_judged(file: Path) -> None:
    (crd,) = load_manifests(file.read_text())
    assert problems(copy.deepcopy(crd)) == []
    assert definitions().warnings(crd, None) == []
