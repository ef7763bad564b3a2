"""Runs every measurement and prints one table each: ``python -m bench [NAME ...]``."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import bench
from bench.table import print_table


def main(names: list[str]) -> int:
    """Runs the named measurements, or all of them in alphabetical order."""
    found = [module.name for module in pkgutil.iter_modules(bench.__path__)]
    chosen = names or [name for name in sorted(found) if name not in {"__main__", "table"}]
    for name in chosen:
        module = importlib.import_module(f"bench.{name}")
        print_table(module.__doc__ or name, module.run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
