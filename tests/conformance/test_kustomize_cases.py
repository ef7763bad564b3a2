"""Our builds beside recorded builds of the real kustomize."""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from steersman.kit.yaml import load_all
from steersman.kustomize import BuildFailed, BuildOptions, MemoryFileSystem, build

pytestmark = pytest.mark.conformance

_ROOT = "/ROOT"
DATA = Path(
    os.environ.get("STEERSMAN_CONFORMANCE")
    or Path(__file__).parents[2].parent / "shared" / "conformance"
)
CASES = DATA / "kustomize" / "cases.jsonl"

DIFFERENCES = {
    "TestAccumulateResourcesErrors_local_file_qualifies_as_repo": (
        "remote bases are refused before git is asked"
    ),
    "TestNamespaceTransformer_InvalidFieldSpecs": (
        "the contents of a node in the message lose quotes that mean nothing"
    ),
}
"""Cases that differ, with the reason."""


@cache
def cases() -> list[dict[str, Any]]:
    if not CASES.exists():
        return []
    return [json.loads(line) for line in CASES.read_text().splitlines()]


def _built(case: dict[str, Any], order: Any) -> str:
    files = MemoryFileSystem({f"{_ROOT}/{path}": text for path, text in case["files"].items()})
    strict = "error" in case or "RootOnly" in json.dumps(case["options"])
    options = BuildOptions(restriction="root" if strict else "none")
    return build(files, f"{_ROOT}/{case['path']}", order=order, options=options).to_yaml()


def _reason(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("# Warning")]
    reason = "\n".join(lines).strip().removeprefix("error: ").strip()
    return reason.replace("${ROOT}", _ROOT)


@pytest.mark.skipif(not CASES.exists(), reason=f"no conformance data at {CASES}")
def test_nearly_every_build_has_the_same_bytes_and_all_the_same_meaning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compared = different_bytes = different_meaning = 0
    report: list[str] = []
    for case in cases():
        for key, order in (("expected", "legacy"), ("expected_input_order", "input")):
            if key not in case:
                continue
            compared += 1
            try:
                found = _built(case, order)
            except BuildFailed as error:
                found = f"error: {error.problem}\n"
            if found == case[key]:
                continue
            different_bytes += 1
            same = _meaning(found) == _meaning(case[key])
            different_meaning += not same
            reason = DIFFERENCES.get(case["name"], "NOT EXPLAINED")
            report.append(f"{case['name']} ({order}): {reason}")
    title = (
        f"kustomize builds: {compared} compared, {different_bytes} differ in bytes, "
        f"{different_meaning} in meaning"
    )
    with capsys.disabled():
        sys.stdout.write("\n  ".join(["\n" + title, *report]) + "\n")
    assert not [line for line in report if "NOT EXPLAINED" in line]
    assert different_meaning <= compared // 100
    assert different_bytes <= compared // 20


def _meaning(text: str) -> list[Any]:
    try:
        return [document.value for document in load_all(text)]
    except Exception as error:
        return [str(error)]


@pytest.mark.skipif(not CASES.exists(), reason=f"no conformance data at {CASES}")
@pytest.mark.parametrize("name", [case["name"] for case in cases() if "error" in case])
def test_a_build_that_fails_gives_the_same_reason(name: str) -> None:
    case = next(case for case in cases() if case["name"] == name)
    with pytest.raises(BuildFailed) as caught:
        _built(case, "legacy")
    found, wanted = caught.value.problem.strip(), _reason(case["error"])
    if name in DIFFERENCES:
        assert found != wanted, "this case no longer differs: take it off the list"
    else:
        assert found == wanted
