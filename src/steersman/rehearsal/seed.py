"""The repositories with which a world starts: copied from a fleet on disk, or new ones."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2

from steersman.app.newfleet import write_repository
from steersman.errors import SteersmanError
from steersman.fleet.clusters import Cluster, read_clusters
from steersman.fleet.content import FLEET, FleetPlan, render_fleet
from steersman.kit.clock import Clock

__all__ = ["NoFleet", "SeededFleet", "copy_repositories", "read_fleet", "write_repositories"]


class NoFleet(SteersmanError):
    """There is no repository that describes clusters."""

    default_reason = "NoFleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededFleet:
    """What the repositories say.

    Attributes:
        repositories: their names, sorted.
        fleet: name of the one that describes the clusters.
        clusters: in alphabetical order.
    """

    repositories: tuple[str, ...]
    fleet: str
    clusters: tuple[Cluster, ...]


def copy_repositories(folder: Path, root: Path) -> None:
    """Makes a bare copy of every Git repository in a folder, with all its branches.

    A repository that is in ``root`` already is left as it is.

    Args:
        folder: holds clones as its direct children; uncommitted changes are not copied.
        root: where the Git server keeps its repositories.

    Raises:
        NoFleet: the folder holds no Git repository.
    """
    clones = [child for child in sorted(folder.iterdir()) if (child / ".git").exists()]
    if not clones:
        raise NoFleet(
            f"`{folder}` holds no Git repositories",
            hint=f"make some with `steersman init {folder}`",
        )
    root.mkdir(parents=True, exist_ok=True)
    for clone in clones:
        target = root / f"{clone.name}.git"
        if not target.exists():
            _copy(clone, target)


def _copy(source: Path, target: Path) -> None:
    """Copies into a scratch name first, so that a crash leaves nothing that looks complete."""
    scratch = target.with_name(f"{target.name}.copying")
    shutil.rmtree(scratch, ignore_errors=True)
    origin = pygit2.Repository(str(source))
    branches = list(origin.branches.local)
    copy = pygit2.init_repository(str(scratch), bare=True, initial_head="main")
    remote = copy.remotes.create_anonymous(str(source.resolve()))
    remote.fetch([f"+refs/heads/{branch}:refs/heads/{branch}" for branch in branches])
    copy.free()
    scratch.rename(target)


def write_repositories(root: Path, plan: FleetPlan, *, clock: Clock) -> None:
    """Writes the repositories of a new fleet as bare ones; those that are there stay."""
    root.mkdir(parents=True, exist_ok=True)
    for name, files in render_fleet(plan).items():
        target = root / f"{name}.git"
        if target.exists():
            continue
        scratch = target.with_name(f"{target.name}.copying")
        shutil.rmtree(scratch, ignore_errors=True)
        write_repository(scratch, files, message=f"Start {name}", when=clock.now(), bare=True)
        scratch.rename(target)


def read_fleet(root: Path, *, branch: str = "main") -> SeededFleet:
    """Reads which clusters the repositories describe.

    Raises:
        NoFleet: no repository has clusters on that branch.
        InvalidSpec: a cluster cannot be read; names the file.
    """
    names = tuple(sorted(path.name.removesuffix(".git") for path in root.glob("*.git")))
    # The usual name first: other repositories may hold a `clusters` folder of their own.
    for name in sorted(names, key=lambda one: (one != FLEET, one)):
        clusters = read_clusters(_files(root / f"{name}.git", branch, "clusters/"))
        if clusters:
            return SeededFleet(repositories=names, fleet=name, clusters=clusters)
    raise NoFleet(
        f"none of the repositories {', '.join(names) or '(none)'} describes clusters on `{branch}`",
        hint="a cluster is a folder below `clusters/` with a GitRepository and a Kustomization",
    )


def _files(path: Path, branch: str, prefix: str) -> Mapping[str, bytes]:
    repository = pygit2.Repository(str(path))
    reference = repository.references.get(f"refs/heads/{branch}")
    if reference is None:
        return {}
    found: dict[str, bytes] = {}

    def walk(tree: pygit2.Tree, above: str) -> None:
        for entry in tree:
            name = f"{above}{entry.name}"
            if isinstance(entry, pygit2.Tree):
                if f"{name}/".startswith(prefix) or prefix.startswith(f"{name}/"):
                    walk(entry, f"{name}/")
            elif isinstance(entry, pygit2.Blob) and name.startswith(prefix):
                found[name] = entry.data

    walk(reference.peel(pygit2.Commit).tree, "")
    return found
