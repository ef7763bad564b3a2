"""What every test gets: which clock it runs under, and proof that it left nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from steersman.kit.virtualloop import VirtualEventLoop

ROOT = Path(__file__).parent
VIRTUAL_FOLDERS = (ROOT / "component", ROOT / "property", ROOT / "scenario")

pytest_plugins = ["tests.support.leaks"]


def runs_in_virtual_time(item: pytest.Item) -> bool:
    if item.get_closest_marker("real_time"):
        return False
    if item.get_closest_marker("virtual_time"):
        return True
    return any(item.path.is_relative_to(folder) for folder in VIRTUAL_FOLDERS)


@pytest.hookimpl
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if runs_in_virtual_time(item):
        return {"virtual": VirtualEventLoop}
    return {"real": asyncio.SelectorEventLoop}
