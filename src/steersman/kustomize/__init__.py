"""Builds kustomizations: files in, manifests out, as kustomize 5.8 does, in-process.

``build`` gives a :class:`RenderedSet`; :class:`Overlay` is what a Flux Kustomization adds. Reads
files only through :class:`FileSystem`; writes nothing. Start at ``accumulate.py``, which reads like
the specification, and ``filters/``, one transformer a file.
"""

from steersman.kustomize.build import BuildOptions, Order, RenderedSet, build
from steersman.kustomize.cache import BuildCache
from steersman.kustomize.failure import BuildFailed
from steersman.kustomize.filesystem import DiskFileSystem, FileSystem, MemoryFileSystem
from steersman.kustomize.overlay import Overlay, overlay_flux_spec
from steersman.kustomize.remote import Remotes, RepoSpec

__all__ = [
    "BuildCache",
    "BuildFailed",
    "BuildOptions",
    "DiskFileSystem",
    "FileSystem",
    "MemoryFileSystem",
    "Order",
    "Overlay",
    "Remotes",
    "RenderedSet",
    "RepoSpec",
    "build",
    "overlay_flux_spec",
]
