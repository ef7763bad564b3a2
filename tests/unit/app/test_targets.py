"""Which clusters a command is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steersman.app.state import ClusterState, GitState, NotRunning, RunState, write_state
from steersman.app.targets import NoTarget, Selection, resolve_run, resolve_targets
from steersman.kit.yaml import dump


def a_kubeconfig(path: Path, name: str, **user: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        dump(
            {
                "clusters": [{"name": name, "cluster": {"server": f"http://{name}:1"}}],
                "users": [{"name": name, "user": {"token": "secret", **user}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
                "current-context": name,
            }
        )
    )
    return path


def a_run(directory: Path, *names: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    clusters = tuple(
        ClusterState(
            name=name,
            kubeconfig=str(a_kubeconfig(directory / f"{name}.yaml", name)),
            branch=f"branch-of-{name}",
        )
        for name in names
    )
    state = RunState(pid=1, git=GitState(url="http://127.0.0.1:1"), clusters=clusters)
    return write_state(directory, state).parent


class Place:
    """A working directory, a home and an environment to look in."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "here"
        self.home = root / "home"
        self.environment: dict[str, str] = {}

    def names(self, **selection: Any) -> list[str]:
        targets = resolve_targets(
            Selection(**selection), self.environment, self.directory, self.home
        )
        return [target.name for target in targets]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Everything is there: a local run, a named run, KUBECONFIG and the one at home."""
    place = Place(tmp_path)
    a_run(place.directory / ".steersman", "local-1", "local-2")
    a_kubeconfig(place.home / ".kube" / "config", "home")
    place.environment = {
        "STEERSMAN_DATA": str(a_run(tmp_path / "data", "staging", "prod")),
        "KUBECONFIG": str(a_kubeconfig(tmp_path / "kc", "from-env")),
    }
    return place


def test_a_named_kubeconfig_wins(place: Place, tmp_path: Path) -> None:
    named = a_kubeconfig(tmp_path / "named", "named")
    assert place.names(kubeconfig=named) == ["named"]


def test_then_a_named_data_directory(place: Place, tmp_path: Path) -> None:
    assert place.names(data=a_run(tmp_path / "other", "one")) == ["one"]


def test_then_the_environment_s_data_directory(place: Place) -> None:
    assert place.names() == ["staging", "prod"]
    assert place.names(cluster="prod") == ["prod"]


def test_then_the_run_of_the_working_directory(place: Place) -> None:
    del place.environment["STEERSMAN_DATA"]
    assert place.names() == ["local-1", "local-2"]


def test_a_context_means_a_kubeconfig(place: Place) -> None:
    del place.environment["STEERSMAN_DATA"]
    assert place.names(context="from-env") == ["from-env"]


def test_then_kubeconfig_of_the_environment_merged(place: Place, tmp_path: Path) -> None:
    del place.environment["STEERSMAN_DATA"]
    (place.directory / ".steersman" / "state.json").unlink()
    assert place.names() == ["from-env"]
    second = a_kubeconfig(tmp_path / "second", "second")
    place.environment["KUBECONFIG"] = f"{tmp_path / 'missing'}:{tmp_path / 'kc'}:{second}"
    assert place.names() == ["from-env"]
    assert place.names(context="second") == ["second"]


def test_then_the_one_at_home(place: Place) -> None:
    place.environment.clear()
    (place.directory / ".steersman" / "state.json").unlink()
    assert place.names() == ["home"]


def test_paths_in_a_kubeconfig_are_relative_to_it(place: Place, tmp_path: Path) -> None:
    (tmp_path / "ca").mkdir()
    (tmp_path / "ca" / "token").write_text("from-file")
    named = a_kubeconfig(tmp_path / "ca" / "config", "named", tokenFile="token")
    (target,) = resolve_targets(
        Selection(kubeconfig=named), place.environment, place.directory, place.home
    )
    assert target.connection.token_file == tmp_path / "ca" / "token"


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"cluster": "nope"}, "there is no cluster `nope`"),
        ({"kubeconfig": Path("/nope")}, "there is no kubeconfig `/nope`"),
    ],
    ids=["an unknown cluster", "a missing kubeconfig"],
)
def test_what_is_named_must_be_there(place: Place, selection: dict[str, Any], message: str) -> None:
    with pytest.raises(NoTarget) as caught:
        place.names(**selection)
    assert caught.value.message == message


def test_a_named_data_directory_must_have_a_run(place: Place, tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        place.names(data=tmp_path)


def test_nothing_at_all_says_how_to_begin(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with pytest.raises(NoTarget) as caught:
        place.names()
    assert caught.value.message == "no cluster to talk to"
    with pytest.raises(NoTarget, match="is not known without a running"):
        place.names(cluster="staging")
    assert resolve_run(Selection(), {}, tmp_path) is None


def test_a_broken_kubeconfig_is_named(place: Place, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("a: [")
    with pytest.raises(NoTarget, match="cannot be read"):
        place.names(kubeconfig=broken)
