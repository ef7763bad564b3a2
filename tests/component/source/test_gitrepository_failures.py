"""What a GitRepository says when something is wrong, and how it heals."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from steersman.apis.source.gitrepository import GVK
from steersman.servers.gitserver import GitServer
from steersman.servers.gitserver.rules import RefUpdate
from tests.support.clusters import conditions_of
from tests.support.gitcli import GitCli
from tests.support.sources import USERS, Sources, sources_at_work

CHECKOUT = "failed to checkout and determine revision: "


@pytest.fixture
async def sources(tmp_path: Path) -> AsyncIterator[Sources]:
    async with sources_at_work(tmp_path) as running:
        yield running


async def assert_heals(sources: Sources, name: str = "infra") -> None:
    """After some time, and without a restart, the object is ready and nothing else is said."""
    await sources.cluster.clock.sleep(1800)
    obj = await sources.look(name)
    assert set(conditions_of(obj)) == {"Ready", "ArtifactInStorage"}, conditions_of(obj)
    assert conditions_of(obj)["Ready"][0] == "True"


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        pytest.param(
            {"ref": {"branch": "no"}},
            "GitOperationFailed",
            CHECKOUT + "unable to clone '{url}': couldn't find remote ref \"refs/heads/no\"",
            id="a branch that is not there",
        ),
        pytest.param(
            {"ref": {"semver": ">= x"}},
            "GitOperationFailed",
            CHECKOUT + "no match found for semver: >= x",
            id="a range that nothing is in",
        ),
        pytest.param(
            {"ref": None},
            "GitOperationFailed",
            CHECKOUT + "unable to clone '{url}': couldn't find remote ref \"refs/heads/master\"",
            id="no reference means master",
        ),
        pytest.param(
            {"url": "http://127.0.0.1:1/x"},
            "GitOperationFailed",
            CHECKOUT + "unable to clone 'http://127.0.0.1:1/x': cannot connect to 127.0.0.1:1: "
            "Connect call failed ('127.0.0.1', 1)",
            id="nobody listens",
        ),
        pytest.param(
            {"secretRef": None},
            "GitOperationFailed",
            CHECKOUT + "unable to clone '{url}': authentication required",
            id="no credentials",
        ),
        pytest.param(
            {"secretRef": {"name": "wrong"}},
            "GitOperationFailed",
            CHECKOUT + "unable to clone '{url}': authentication required",
            id="wrong credentials",
        ),
        pytest.param(
            {"secretRef": {"name": "missing"}},
            "AuthenticationFailed",
            "failed to get secret 'default/missing': secrets \"missing\" not found",
            id="a missing Secret",
        ),
        pytest.param(
            {"secretRef": {"name": "half"}},
            "AuthenticationFailed",
            "failed to configure authentication options: invalid 'http' auth option: 'password' "
            "requires 'username' to be set",
            id="half a Secret",
        ),
        pytest.param(
            {"secretRef": {"name": "app"}},
            "InvalidProviderConfiguration",
            "secretRef 'default/app' has github app data but provider is not set to github",
            id="the Secret of a GitHub App",
        ),
        pytest.param(
            {"url": "ssh://git@example.com/x"},
            "AuthenticationFailed",
            "failed to configure authentication options: invalid 'ssh' auth option: 'identity' is "
            "required",
            id="SSH without a key",
        ),
        pytest.param(
            {"proxySecretRef": {"name": "wrong"}},
            "AuthenticationFailed",
            "failed to configure proxy options: secret 'default/wrong': key 'address' not found",
            id="a proxy without an address",
        ),
        pytest.param(
            {"secretRef": {"name": "tls"}},
            "GitOperationFailed",
            CHECKOUT + "unable to clone '{url}': tls: failed to find any PEM data in key input",
            id="a client certificate without a key",
        ),
    ],
)
async def test_a_failure_says_what_where_and_is_tried_again(
    sources: Sources, spec: dict[str, Any], reason: str, message: str
) -> None:
    await sources.push(a="1")
    await sources.secret("wrong", username="bot", password="hunter2")
    await sources.secret("half", password="hunter2")
    await sources.secret("app", githubAppID="1")
    await sources.secret("tls", username="bot", password="bot-token", tls__crt="c", tls__key="k")
    obj = await sources.create(**spec)
    failed = ("False", reason, message.format(url=sources.url))
    found = conditions_of(obj)
    assert found["Ready"] == failed
    assert found["FetchFailed"] == ("True", *failed[1:])
    assert found["Reconciling"][:2] == ("True", "ProgressingWithRetry")
    assert set(found) == {"Ready", "FetchFailed", "Reconciling"}
    assert "artifact" not in obj["status"]
    assert obj["status"]["observedGeneration"] == -1
    assert sources.told()[0] == ("error", reason, failed[2])
    assert "hunter2" not in str(sources.events)
    good = sources.a_repository()["spec"]
    good["ref"] = {**good["ref"], "semver": None}
    await sources.change(**good, proxySecretRef=None)
    await assert_heals(sources)


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        pytest.param(
            {"provider": "github", "secretRef": None},
            "InvalidProviderConfiguration",
            "secretRef with github app data must be specified when provider is set to github",
            id="GitHub without its App's data",
        ),
        pytest.param(
            {"provider": "aws"},
            "InvalidProviderConfiguration",
            "provider 'aws' is not supported yet: use provider 'generic' with a secretRef",
            id="a provider that is not supported",
        ),
        pytest.param(
            {"provider": "azure", "serviceAccountName": "x"},
            "FeatureGateDisabled",
            "to use spec.serviceAccountName for provider authentication please enable the "
            "ObjectLevelWorkloadIdentity feature gate in the controller",
            id="an identity that is switched off",
        ),
    ],
)
async def test_what_no_retry_can_help_stalls(
    sources: Sources, spec: dict[str, Any], reason: str, message: str
) -> None:
    await sources.push(a="1")
    obj = await sources.create(**spec)
    assert conditions_of(obj) == {
        "Ready": ("False", reason, message),
        "FetchFailed": ("True", reason, message),
        "Stalled": ("True", reason, message),
    }
    assert obj["status"]["observedGeneration"] == 1
    await sources.cluster.clock.sleep(7200)
    assert await sources.look() == obj
    assert sources.told() == [("error", reason, message)]
    await sources.change(
        provider="generic", serviceAccountName=None, secretRef={"name": "git-auth"}
    )
    await assert_heals(sources)


async def test_an_empty_repository_is_waited_for(sources: Sources) -> None:
    obj = await sources.create()
    assert conditions_of(obj)["FetchFailed"] == (
        "True",
        "EmptyGitRepository",
        "git repository is empty",
    )
    await sources.push(a="1")
    await assert_heals(sources)


async def test_a_source_that_disappears_keeps_its_last_artifact(
    sources: Sources, tmp_path: Path
) -> None:
    await sources.push(a="1")
    before = await sources.create()
    (tmp_path / "git/d1-infra.git").rename(tmp_path / "away")
    await sources.cluster.clock.sleep(310)
    obj = await sources.look()
    assert obj["status"]["artifact"] == before["status"]["artifact"]
    assert conditions_of(obj)["Ready"][0] == "False"
    assert conditions_of(obj)["ArtifactInStorage"][0] == "True"
    assert conditions_of(obj)["FetchFailed"][1] == "GitOperationFailed"
    assert await sources.files(obj) == {"a": "1"}
    (tmp_path / "away").rename(tmp_path / "git/d1-infra.git")
    await assert_heals(sources)
    assert sources.told()[-1] == (
        "info",
        "Succeeded",
        f"stored artifact for commit '{sources.artifact(before).revision}'",
    )


async def test_a_server_that_goes_away_and_comes_back(sources: Sources, tmp_path: Path) -> None:
    clock = sources.cluster.clock
    async with GitServer(tmp_path / "second", users=USERS, clock=clock) as second:
        await second.create_repository("d1-infra")
        await second.commit("d1-infra", "main", {"a": b"1"}, message="x", user="platform")
        url, port = f"{second.url}/d1-infra", int(second.url.rpartition(":")[2])
        before = await sources.create(url=url)
        assert conditions_of(before)["Ready"][0] == "True"
    await clock.sleep(310)
    failed = await sources.look()
    assert conditions_of(failed)["FetchFailed"][2].startswith(
        f"{CHECKOUT}unable to list remote for '{url}': cannot connect to 127.0.0.1:{port}"
    )
    assert failed["status"]["artifact"] == before["status"]["artifact"]
    async with GitServer(tmp_path / "second", users=USERS, clock=clock, port=port) as second:
        await second.commit("d1-infra", "main", {"a": b"2"}, message="y", user="platform")
        await assert_heals(sources)
        assert await sources.files(await sources.look()) == {"a": "2"}


async def test_a_server_that_does_not_answer_runs_into_the_timeout(sources: Sources) -> None:
    import asyncio

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        obj = await sources.create(url=url, timeout="20s")
        assert conditions_of(obj)["FetchFailed"] == (
            "True",
            "GitOperationFailed",
            f"{CHECKOUT}unable to clone '{url}': context deadline exceeded: no answer within 20s",
        )
        await sources.cluster.client.delete(GVK, "infra", "default")
        await sources.manager.settled()


async def test_a_branch_that_is_deleted_keeps_the_last_artifact(sources: Sources) -> None:
    tip = await sources.push(branch="topic", a="1")
    before = await sources.create(ref={"branch": "topic"})
    name = "refs/heads/topic"
    await sources.git.move("d1-infra", RefUpdate(name, tip, "0" * 40), user="platform")
    await sources.push(a="main")
    obj = await sources.request()
    assert conditions_of(obj)["FetchFailed"][2] == (
        f"{CHECKOUT}unable to clone '{sources.url}': couldn't find remote ref \"{name}\""
    )
    assert obj["status"]["artifact"] == before["status"]["artifact"]
    await sources.push(branch="topic", a="2")
    await assert_heals(sources)


async def test_links_out_of_the_tree_are_left_out(sources: Sources, tmp_path: Path) -> None:
    git = GitCli(tmp_path / "work")
    git.directory.mkdir()
    await git("init", "-q", "-b", "main")
    (git.directory / "passwd").symlink_to("/etc/passwd")
    (git.directory / "up").symlink_to("../../..")
    (git.directory / ".sourceignore").symlink_to("/etc/hostname")
    await git.commit("hostile", a="1")
    url = sources.url.replace("//", "//platform:platform-token@")
    await git("push", "-q", url, "main")
    obj = await sources.create()
    assert await sources.files(obj) == {"a": "1"}


async def test_a_huge_file_is_named_until_it_is_left_out(sources: Sources) -> None:
    await sources.push(a="1")
    before = await sources.create()
    await sources.push(big="x" * 200_000)
    obj = await sources.request()
    message = (
        "unable to archive artifact to storage: file 'big' has 200000 bytes, more than 100000: "
        "leave it out with spec.ignore or .sourceignore"
    )
    assert conditions_of(obj)["StorageOperationFailed"] == (
        "True",
        "ArchiveOperationFailed",
        message,
    )
    assert conditions_of(obj)["Ready"] == ("False", "ArchiveOperationFailed", message)
    assert conditions_of(obj)["ArtifactOutdated"][1] == "NewRevision"
    assert obj["status"]["artifact"] == before["status"]["artifact"]
    await sources.change(ignore="/big")
    await assert_heals(sources)
    assert await sources.files(await sources.look()) == {"a": "1"}


async def test_an_include_of_a_missing_directory_is_named(sources: Sources) -> None:
    await sources.git.create_repository("shared")
    await sources.push("shared", x="1")
    await sources.push(a="1")
    await sources.create("shared", url=f"{sources.git.url}/shared")
    obj = await sources.create(include=[{"repository": {"name": "shared"}, "fromPath": "no"}])
    assert conditions_of(obj)["Ready"] == (
        "False",
        "CopyFailure",
        "failed to copy 'shared' include from no to shared: there is no 'no' in its artifact",
    )
    await sources.push("shared", no__y="1")
    await sources.request("shared")
    await assert_heals(sources)


async def test_storage_that_is_lost_is_filled_again(sources: Sources, tmp_path: Path) -> None:
    await sources.push(a="1")
    await sources.create()
    shutil.rmtree(tmp_path / "artifacts/gitrepository")
    obj = await sources.request()
    assert await sources.files(obj) == {"a": "1"}
    await assert_heals(sources)


async def test_storage_that_cannot_be_written_is_named(sources: Sources, tmp_path: Path) -> None:
    await sources.push(a="1")
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts/gitrepository").write_text("in the way")
    obj = await sources.create()
    found = conditions_of(obj)["StorageOperationFailed"]
    assert found[:2] == ("True", "ArchiveOperationFailed")
    assert found[2].startswith("unable to archive artifact to storage: ")
    (tmp_path / "artifacts/gitrepository").unlink()
    await assert_heals(sources)


async def test_submodules_come_along_when_asked_for(sources: Sources) -> None:
    await sources.git.create_repository("shared")
    shared = await sources.push("shared", x="1")
    work = GitCli(sources.store.root.parent / "work")
    work.directory.mkdir()
    await work("init", "-q", "-b", "main")
    (work.directory / ".gitmodules").write_text(
        '[submodule "lib"]\n\tpath = lib\n\turl = ../shared\n'
    )
    (work.directory / "a").write_text("1")
    await work("add", "-A")
    await work("update-index", "--add", "--cacheinfo", f"160000,{shared},lib")
    await work("commit", "-qm", "with a submodule")
    await work("push", "-q", sources.url.replace("//", "//platform:platform-token@"), "main")
    obj = await sources.create()
    assert sorted(await sources.files(obj)) == ["a"]
    obj = await sources.change(recurseSubmodules=True)
    assert sorted(await sources.files(obj)) == ["a", "lib/x"]
    assert obj["status"]["observedRecurseSubmodules"] is True
