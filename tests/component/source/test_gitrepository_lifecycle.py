"""A GitRepository from its creation to its deletion, as Flux's users see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from steersman.apis.source.gitrepository import GVK
from steersman.objects.identity import ObjectRef
from tests.support.clusters import conditions_of
from tests.support.sources import Sources, sources_at_work


@pytest.fixture
async def sources(tmp_path: Path) -> AsyncIterator[Sources]:
    async with sources_at_work(tmp_path) as running:
        yield running


async def test_a_branch_becomes_an_artifact(sources: Sources) -> None:
    tip = await sources.push(apps__web="1")
    obj = await sources.create()
    revision = f"main@sha1:{tip}"
    stored = ("True", "Succeeded", f"stored artifact for revision '{revision}'")
    assert conditions_of(obj) == {"Ready": stored, "ArtifactInStorage": stored}
    artifact = sources.artifact(obj)
    assert artifact.revision == revision
    assert artifact.path == f"gitrepository/default/infra/{tip}.tar.gz"
    assert artifact.url == sources.store.url_of(artifact.path)
    assert obj["status"]["observedGeneration"] == 1
    assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    assert set(obj["status"]) == {"artifact", "conditions", "observedGeneration"}
    assert await sources.files(obj) == {"apps/web": "1"}
    assert sources.told() == [
        ("info", "NewArtifact", "stored artifact for commit 'change apps/web'")
    ]
    assert sources.events[0].metadata == {
        "source.toolkit.fluxcd.io/revision": revision,
        "source.toolkit.fluxcd.io/digest": artifact.digest,
    }
    assert sources.events[0].controller == "source-controller"


async def test_status_and_finalizers_are_written_under_the_controllers_own_name(
    sources: Sources,
) -> None:
    await sources.push(a="1")
    obj = await sources.create()
    writers = {
        (entry["manager"], entry["operation"], entry.get("subresource", ""))
        for entry in obj["metadata"]["managedFields"]
        if "status" in str(entry["fieldsV1"]) or "finalizers" in str(entry["fieldsV1"])
    }
    assert writers == {
        ("source-controller", "Update", ""),
        ("source-controller", "Update", "status"),
    }


async def test_a_push_is_found_at_the_interval(sources: Sources) -> None:
    await sources.push(a="1")
    first = await sources.create()
    second = await sources.push(a="2")
    await sources.cluster.clock.sleep(290)
    assert (await sources.look())["status"] == first["status"]
    await sources.cluster.clock.sleep(20)
    obj = await sources.look()
    assert sources.artifact(obj).revision == f"main@sha1:{second}"
    assert await sources.files(obj) == {"a": "2"}
    assert len(sources.events) == 2


async def test_a_push_can_be_told_at_once(sources: Sources) -> None:
    from steersman.controllers.source.gitrepository import repositories_at

    await sources.push(a="1")
    await sources.create(url=sources.url + ".git")
    await sources.create("other", url=sources.url + "x")

    def notify(push: object) -> None:
        cache = sources.manager.caches[GVK]
        for ref in repositories_at(cache, sources.url):
            sources.manager.request(ref, reason="push")

    sources.git.on_push(notify)
    tip = await sources.push(a="2")
    assert sources.artifact(await sources.look()).revision == f"main@sha1:{tip}"


async def test_nothing_is_written_while_nothing_changes(sources: Sources) -> None:
    await sources.push(a="1")
    obj = await sources.create()
    sent = sources.client.requests_sent
    await sources.cluster.clock.sleep(3600)
    assert await sources.look() == obj
    assert sources.client.requests_sent - sent <= 24  # watches that are renewed
    assert (
        obj["metadata"]["resourceVersion"] == (await sources.look())["metadata"]["resourceVersion"]
    )


async def test_a_request_is_answered(sources: Sources) -> None:
    tip = await sources.push(a="1")
    await sources.create()
    obj = await sources.request(token="2026")
    assert obj["status"]["lastHandledReconcileAt"] == "2026"
    assert (
        "Normal",
        "GitOperationSucceeded",
        f"no changes since last reconciliation: observed revision 'main@sha1:{tip}'",
    ) in await sources.kubernetes_events()
    assert len(sources.events) == 1  # traces are not posted


async def test_a_new_generation_without_new_content_is_observed(sources: Sources) -> None:
    await sources.push(a="1")
    before = await sources.create()
    obj = await sources.change(interval="7m")
    assert obj["status"]["observedGeneration"] == 2
    assert obj["status"]["artifact"] == before["status"]["artifact"]
    assert {c["observedGeneration"] for c in obj["status"]["conditions"]} == {2}


async def test_ignore_rules_make_a_new_artifact_of_the_same_revision(sources: Sources) -> None:
    await sources.push(a="1", b__c="2", b__d="3", logo__png="x")
    before = await sources.create()
    assert sorted(await sources.files(before)) == ["a", "b/c", "b/d", "logo/png"]
    obj = await sources.change(ignore="/*\n!/b\nd")
    assert await sources.files(obj) == {"b/c": "2"}
    assert obj["status"]["observedIgnore"] == "/*\n!/b\nd"
    first, second = sources.artifact(before), sources.artifact(obj)
    assert (first.revision, first.path) == (second.revision, second.path)
    assert first.digest != second.digest
    assert [event.reason for event in sources.events] == ["NewArtifact", "NewArtifact"]


async def test_sourceignore_files_are_honoured_and_packed(sources: Sources) -> None:
    await sources.git.commit(
        "d1-infra",
        "main",
        {".sourceignore": b"*.md\n", "x.md": b"", "a": b"1", "d/.sourceignore": b"e\n", "d/e": b""},
        message="rules",
        user="platform",
    )
    assert sorted(await sources.files(await sources.create())) == [
        ".sourceignore",
        "a",
        "d/.sourceignore",
    ]


async def test_a_sparse_checkout_takes_some_directories(sources: Sources) -> None:
    await sources.push(a__x="1", b__y="2", c="3")
    obj = await sources.create(sparseCheckout=["./a", "b"])
    assert sorted(await sources.files(obj)) == ["a/x", "b/y"]
    assert obj["status"]["observedSparseCheckout"] == ["./a", "b"]
    obj = await sources.change(sparseCheckout=["nowhere"])
    message = (
        "failed to sparse checkout directories : sparse checkout dir 'nowhere' does not exist in "
        "repository"
    )
    assert conditions_of(obj)["FetchFailed"] == ("True", "GitOperationFailed", message)
    assert sorted(await sources.files(obj)) == ["a/x", "b/y"]


@pytest.mark.parametrize(
    ("ref", "revision", "content"),
    [
        ({"branch": "main"}, "main@sha1:{second}", "2"),
        ({"branch": "other"}, "other@sha1:{first}", "1"),
        ({"tag": "v1.0.0"}, "v1.0.0@sha1:{first}", "1"),
        ({"semver": ">=1.0.0"}, "v1.0.0@sha1:{first}", "1"),
        ({"name": "refs/heads/main"}, "refs/heads/main@sha1:{second}", "2"),
        ({"name": "refs/tags/v1.0.0"}, "refs/tags/v1.0.0@sha1:{first}", "1"),
        ({"commit": "{first}"}, "sha1:{first}", "1"),
        ({"commit": "{first}", "branch": "main"}, "main@sha1:{first}", "1"),
        (
            {"commit": "{first}", "name": "refs/heads/main"},
            "refs/heads/main@sha1:{first}",
            "1",
        ),
        ({"tag": "v1.0.0", "semver": ">=2", "branch": "main"}, "v1.0.0@sha1:{first}", "1"),
    ],
)
async def test_every_form_of_reference_is_followed(
    sources: Sources, ref: dict[str, str], revision: str, content: str
) -> None:
    from steersman.servers.gitserver import RefUpdate

    first = await sources.push(a="1")
    for name in ("refs/heads/other", "refs/tags/v1.0.0"):
        await sources.git.move("d1-infra", RefUpdate(name, "0" * 40, first), user="platform")
    second = await sources.push(a="2")
    filled = {key: value.format(first=first) for key, value in ref.items()}
    obj = await sources.create(ref=filled)
    assert sources.artifact(obj).revision == revision.format(first=first, second=second)
    assert await sources.files(obj) == {"a": content}
    before = obj["status"]
    await sources.cluster.clock.sleep(700)
    assert (await sources.look())["status"] == before


async def test_another_repository_is_included(sources: Sources) -> None:
    await sources.git.create_repository("shared")
    await sources.push(a="1")
    include = [{"repository": {"name": "shared"}, "fromPath": "d", "toPath": "vendor"}]
    obj = await sources.create(include=include)
    message = (
        "could not get resource for include 'shared': "
        'GitRepository.source.toolkit.fluxcd.io "shared" not found'
    )
    assert conditions_of(obj)["IncludeUnavailable"] == ("True", "NotFound", message)
    assert conditions_of(obj)["Ready"] == ("False", "NotFound", message)
    await sources.create("shared", url=f"{sources.git.url}/shared")
    await sources.cluster.clock.sleep(31)
    obj = await sources.look()
    assert conditions_of(obj)["Ready"] == (
        "False",
        "NoArtifact",
        "no artifact available for include 'shared'",
    )
    await sources.push("shared", x="0", d__y="1")
    await sources.request("shared")
    obj = await sources.look()
    assert await sources.files(obj) == {"a": "1", "vendor/y": "1"}
    assert obj["status"]["observedInclude"] == include
    shared = sources.artifact(await sources.look("shared"))
    assert [item["digest"] for item in obj["status"]["includedArtifacts"]] == [shared.digest]
    await sources.push("shared", d__y="2")
    await sources.request("shared", token="again")
    assert await sources.files(await sources.look()) == {"a": "1", "vendor/y": "2"}


async def test_a_suspended_repository_is_left_alone(sources: Sources) -> None:
    await sources.push(a="1")
    await sources.create()
    before = await sources.change(suspend=True)
    await sources.push(a="2")
    await sources.cluster.clock.sleep(900)
    suspended = await sources.request(token="ignored")
    assert suspended["status"]["artifact"] == before["status"]["artifact"]
    obj = await sources.change(suspend=False)
    assert await sources.files(obj) == {"a": "2"}


async def test_a_deleted_repository_leaves_nothing(sources: Sources) -> None:
    await sources.push(a="1")
    obj = await sources.create()
    path = sources.store.local_path(sources.artifact(obj).path)
    assert path.exists()
    await sources.cluster.client.delete(GVK, "infra", "default")
    await sources.manager.settled()
    assert await sources.cluster.client.find(GVK, "infra", "default") is None
    assert not path.parent.exists()
    assert sources.manager.caches[GVK].get(ObjectRef.of(obj)) is None


async def test_old_artifacts_are_collected(sources: Sources) -> None:
    paths = []
    for number in range(4):
        await sources.push(a=str(number))
        obj = await (sources.create() if not number else sources.request(token=str(number)))
        paths.append(sources.store.local_path(sources.artifact(obj).path))
    await sources.cluster.clock.sleep(61)
    await sources.request(token="last")
    assert [path.exists() for path in paths] == [False, False, False, True]


async def test_an_artifact_that_disappeared_is_made_again(sources: Sources) -> None:
    await sources.push(a="1")
    obj = await sources.create()
    path = sources.store.local_path(sources.artifact(obj).path)
    path.unlink()
    obj = await sources.request()
    assert path.exists()
    assert conditions_of(obj)["Ready"][0] == "True"


async def test_an_artifact_that_was_changed_is_made_again(sources: Sources) -> None:
    await sources.push(a="1")
    artifact = sources.artifact(await sources.create())
    sources.store.local_path(artifact.path).write_bytes(b"evil")
    obj = await sources.request()
    assert await sources.files(obj) == {"a": "1"}
    what = f"computed digest doesn't match '{artifact.digest}'"
    message = f"failed to verify integrity of artifact: {what}"
    assert ("error", "ArtifactVerificationFailed", message) in sources.told()
