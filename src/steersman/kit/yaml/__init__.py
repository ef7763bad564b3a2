"""YAML as Go reads and writes it.

``load_all`` reads a stream in one of two dialects (``sigs``: kubectl, Helm, Flux; ``kyaml``:
kustomize), ``load_manifests`` gives the Kubernetes objects of a stream, ``dump`` and ``dump_all``
write as ``sigs.k8s.io/yaml`` does, ``locate`` finds the place of a field in a text for errors.
Reads and writes nothing but values. Start at ``read.py`` and ``emit.py``.
"""

from steersman.kit.yaml.emit import dump, dump_all, format_float, natural_order
from steersman.kit.yaml.failure import YamlError
from steersman.kit.yaml.locate import Position, locate
from steersman.kit.yaml.manifests import load_manifests
from steersman.kit.yaml.read import Document, load_all, split_documents
from steersman.kit.yaml.scalars import Dialect, Scalar, resolve_plain

__all__ = [
    "Dialect",
    "Document",
    "Position",
    "Scalar",
    "YamlError",
    "dump",
    "dump_all",
    "format_float",
    "load_all",
    "load_manifests",
    "locate",
    "natural_order",
    "resolve_plain",
    "split_documents",
]
