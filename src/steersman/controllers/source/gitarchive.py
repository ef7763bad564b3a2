"""From the files of a commit to the archive of an artifact. Pure; runs in a thread.

Order, as in Flux: the files of the commit (of some directories only, if asked), over them the
included artifacts, then the ignore rules over all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from steersman.apis.source.gitrepository import GitRepositoryInclude, GitRepositorySpec
from steersman.clients.git import Snapshot
from steersman.kit.archive import FileEntry, Tree, pack
from steersman.sources.compose import MissingDirectory, include_tree, select_directories
from steersman.sources.ignore import IGNORE_FILE, IgnoreRules, read_rules

__all__ = ["Included", "build_archive", "missing_directory"]


class Included(NamedTuple):
    """An included repository's files and where they go."""

    include: GitRepositoryInclude
    files: Tree


class IncludeFailed(ValueError):
    """An include names a directory that is not there."""


def missing_directory(snapshot: Snapshot, directories: Sequence[str]) -> str:
    """Returns the first directory of a sparse checkout that the commit lacks, or nothing."""
    try:
        select_directories(snapshot.files, directories)
    except MissingDirectory as missing:
        return str(missing)
    return ""


def build_archive(
    spec: GitRepositorySpec, snapshot: Snapshot, included: Sequence[Included]
) -> bytes:
    """Packs the artifact.

    Raises:
        GitOperationFailed: a file that is kept is too large.
        IncludeFailed: an include names a directory that is not there.
    """
    own = list(snapshot.files)
    if spec.sparse_checkout:
        own = select_directories(own, spec.sparse_checkout)
    added = _included_files(included)
    paths = sorted({*own, *added})
    rules = _rules(spec, snapshot, own, added)
    kept = rules.keep(paths)
    files = {
        **snapshot.read(path for path in kept if path not in added),
        **{path: added[path] for path in kept if path in added},
    }
    return pack(files, directories=_directories(paths, rules))


def _included_files(included: Sequence[Included]) -> dict[str, FileEntry]:
    added: dict[str, FileEntry] = {}
    for include, files in included:
        to_path = include.to_path or include.repository.name
        try:
            added = include_tree(added, files, from_path=include.from_path, to_path=to_path)
        except MissingDirectory as missing:
            raise IncludeFailed(
                f"failed to copy '{include.repository.name}' include from {include.from_path} to "
                f"{to_path}: there is no '{missing}' in its artifact"
            ) from missing
    return added


def _rules(
    spec: GitRepositorySpec, snapshot: Snapshot, own: Sequence[str], added: Tree
) -> IgnoreRules:
    texts: dict[str, str] = {}
    for path in own:
        directory, _, name = path.rpartition("/")
        data = snapshot.files[path].data
        if name == IGNORE_FILE and data is not None:
            texts[directory] = data.decode(errors="replace")
    for path, entry in added.items():
        directory, _, name = path.rpartition("/")
        if name == IGNORE_FILE:
            texts[directory] = entry.data.decode(errors="replace")
    return read_rules(texts, spec.ignore)


def _directories(paths: Sequence[str], rules: IgnoreRules) -> list[str]:
    """The directories that are recorded even when all files in them are left out."""
    found: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return [path for path in found if not rules.leaves_out(path, is_directory=True)]
