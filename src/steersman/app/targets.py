"""Which clusters a command is about, and how to reach them.

In this order: a kubeconfig that was named, the data directory that was named, the one in
``STEERSMAN_DATA``, ``.steersman`` in the working directory, ``KUBECONFIG``, ``~/.kube/config``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from steersman.app.settings import data_directory
from steersman.app.state import STATE_FILE, ClusterState, RunState, read_state
from steersman.clients.kube import Connection, parse_kubeconfig
from steersman.errors import SteersmanError

__all__ = ["LOCAL_DATA", "NoTarget", "Selection", "Target", "resolve_run", "resolve_targets"]

LOCAL_DATA: Final = Path(".steersman")

_FILE_FIELDS: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the user said about clusters; None where nothing was said.

    Attributes:
        kubeconfig: a file.
        context: in that file, or in the one found.
        data: data directory of a running ``up``.
        cluster: name of a cluster of that ``up``.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    data: Path | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A cluster to talk to.

    Attributes:
        name: how it is called in answers.
        connection: where it is, and who we are there.
        branch: branch that it follows, if that is known.
        environment: environment it belongs to, if that is known.
    """

    name: str
    connection: Connection
    branch: str = ""
    environment: str = ""


class NoTarget(SteersmanError):
    """No cluster was named and none is known, or the one that was named is not known."""

    default_reason = "NoCluster"


def resolve_run(
    selection: Selection, environment: Mapping[str, str], directory: Path
) -> RunState | None:
    """Finds the running ``up`` that is meant; None when a kubeconfig is, or nothing is running.

    Args:
        selection: what the user said.
        environment: of the process.
        directory: the working directory.

    Raises:
        NotRunning: a data directory was named, and nothing runs there.
    """
    if selection.kubeconfig is not None:
        return None
    named = selection.data or data_directory(environment)
    if named is not None:
        return read_state(named)
    local = directory / LOCAL_DATA
    if selection.context is None and (local / STATE_FILE).exists():
        return read_state(local)
    return None


def resolve_targets(
    selection: Selection, environment: Mapping[str, str], directory: Path, home: Path
) -> tuple[Target, ...]:
    """Finds the clusters that are meant, in the order to show them; never empty.

    Args:
        selection: what the user said.
        environment: of the process.
        directory: the working directory.
        home: the user's.

    Raises:
        NotRunning: a data directory was named, and nothing runs there.
        NoTarget: there is nothing to talk to, or no such cluster.
        InvalidSpec: a kubeconfig cannot be used.
    """
    run = resolve_run(selection, environment, directory)
    if run is not None:
        return tuple(_target_of(cluster) for cluster in _chosen(run.clusters, selection.cluster))
    if selection.cluster is not None:
        raise NoTarget(
            f"cluster `{selection.cluster}` is not known without a running `steersman up`",
            hint="name the data directory with --data, or use --kubeconfig and --context",
        )
    files = _kubeconfig_files(selection, environment, home)
    context = selection.context or ""
    connection = parse_kubeconfig(_merged(files), context=context, read_file=_read_file)
    return (Target(name=context or connection.name, connection=connection),)


def _chosen(clusters: Sequence[ClusterState], name: str | None) -> Sequence[ClusterState]:
    if name is None:
        return clusters
    chosen = [cluster for cluster in clusters if cluster.name == name]
    if not chosen:
        known = ", ".join(cluster.name for cluster in clusters)
        raise NoTarget(f"there is no cluster `{name}`", hint=f"there are {known}")
    return chosen


def _target_of(cluster: ClusterState) -> Target:
    path = Path(cluster.kubeconfig)
    return Target(
        name=cluster.name,
        connection=parse_kubeconfig(_merged([path]), read_file=_read_file),
        branch=cluster.branch,
        environment=cluster.environment,
    )


def _kubeconfig_files(
    selection: Selection, environment: Mapping[str, str], home: Path
) -> list[Path]:
    if selection.kubeconfig is not None:
        if not selection.kubeconfig.is_file():
            raise NoTarget(f"there is no kubeconfig `{selection.kubeconfig}`")
        return [selection.kubeconfig]
    listed = [Path(part) for part in environment.get("KUBECONFIG", "").split(":") if part]
    files = [path for path in listed or [home / ".kube" / "config"] if path.is_file()]
    if not files:
        raise NoTarget(
            "no cluster to talk to",
            hint="start one with `steersman up --data .steersman`, or name one with --kubeconfig",
        )
    return files


def _merged(files: Sequence[Path]) -> str:
    """Merges kubeconfig files as kubectl does: of equal names the first counts."""
    from steersman.kit.yaml import YamlError, dump, load_all

    merged: dict[str, Any] = {"clusters": [], "contexts": [], "users": []}
    for file in files:
        try:
            documents = load_all(file.read_bytes(), "sigs", source=str(file))
        except (OSError, YamlError) as error:
            raise NoTarget(f"kubeconfig `{file}` cannot be read: {error}") from error
        document = documents[0].value if documents else {}
        if not isinstance(document, dict):
            raise NoTarget(f"kubeconfig `{file}` is not a mapping")
        merged.setdefault("current-context", document.get("current-context") or None)
        merged["current-context"] = merged["current-context"] or document.get("current-context")
        for section in ("clusters", "contexts", "users"):
            known = {entry.get("name") for entry in merged[section]}
            for entry in document.get(section) or ():
                if isinstance(entry, dict) and entry.get("name") not in known:
                    merged[section].append(_with_absolute_paths(entry, file.parent))
    return dump({key: value for key, value in merged.items() if value is not None})


def _with_absolute_paths(entry: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Paths in a kubeconfig are relative to the file that they stand in."""
    return {
        key: {
            field: str(directory / text) if field in _FILE_FIELDS and text else text
            for field, text in value.items()
        }
        if isinstance(value, dict)
        else value
        for key, value in entry.items()
    }


def _read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise NoTarget(f"`{path}` of the kubeconfig cannot be read: {error.strerror}") from error
