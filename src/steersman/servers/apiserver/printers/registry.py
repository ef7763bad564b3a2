"""Finds the layout of a built-in kind."""

from __future__ import annotations

from steersman.objects.identity import GroupKind
from steersman.servers.apiserver.printers.basics import BASIC_LAYOUTS
from steersman.servers.apiserver.printers.layout import Layout, default_layout
from steersman.servers.apiserver.printers.networks import NETWORK_LAYOUTS
from steersman.servers.apiserver.printers.pods import POD_LAYOUT
from steersman.servers.apiserver.printers.workloads import WORKLOAD_LAYOUTS

__all__ = ["layout_of"]


def layout_of(kind: GroupKind) -> Layout:
    """Returns the layout of a built-in kind; kinds without one show name and creation time."""
    if kind == ("", "Pod"):
        return POD_LAYOUT
    key = (kind.group, kind.kind)
    for layouts in (WORKLOAD_LAYOUTS, NETWORK_LAYOUTS, BASIC_LAYOUTS):
        if key in layouts:
            return layouts[key]
    return default_layout()
