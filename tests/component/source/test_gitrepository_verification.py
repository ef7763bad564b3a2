"""Only what somebody trusted has signed becomes an artifact."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.clusters import conditions_of
from tests.support.gitcli import GitCli
from tests.support.signing import PgpKey, SshKey, signed_commit, signed_tag
from tests.support.sources import Sources, sources_at_work


@dataclass
class Signers:
    sources: Sources
    git: GitCli
    alice: SshKey
    bob: PgpKey

    async def push(self, *references: str) -> None:
        url = self.sources.url.replace("//", "//platform:platform-token@")
        await self.git("push", "-qf", url, *references)


@pytest.fixture
async def signers(tmp_path: Path) -> AsyncIterator[Signers]:
    async with sources_at_work(tmp_path) as sources:
        git = GitCli(tmp_path / "work")
        git.directory.mkdir()
        await git("init", "-q", "-b", "main")
        alice, bob = SshKey(), PgpKey()
        await sources.secret("trusted", alice__sshpub=alice.public, bob__asc=bob.public)
        await sources.secret("others", carol__sshpub=SshKey().public, dave=PgpKey().public)
        yield Signers(sources, git, alice, bob)


def verify(mode: str = "HEAD", secret: str = "trusted", **more: Any) -> dict[str, Any]:
    return {"verify": {"mode": mode, "secretRef": {"name": secret}}, **more}


async def test_a_commit_signed_with_ssh_is_accepted(signers: Signers) -> None:
    commit = await signed_commit(signers.git, "signed", signers.alice.sign, a="1")
    await signers.push("main")
    obj = await signers.sources.create(**verify())
    message = f"verified signature of\n\t- commit '{commit}' with key '{signers.alice.fingerprint}'"
    assert conditions_of(obj)["SourceVerified"] == ("True", "Succeeded", message)
    assert conditions_of(obj)["Ready"][0] == "True"
    assert obj["status"]["sourceVerificationMode"] == "HEAD"
    assert await signers.sources.files(obj) == {"a": "1"}


async def test_a_commit_signed_with_pgp_is_accepted(signers: Signers) -> None:
    commit = await signed_commit(signers.git, "signed", signers.bob.sign, a="1")
    await signers.push("main")
    obj = await signers.sources.create(**verify("head"))
    message = f"verified signature of\n\t- commit '{commit}' with key '{signers.bob.key_id}'"
    assert conditions_of(obj)["SourceVerified"] == ("True", "Succeeded", message)
    assert obj["status"]["sourceVerificationMode"] == "HEAD"


async def test_an_unsigned_commit_never_becomes_an_artifact(signers: Signers) -> None:
    await signed_commit(signers.git, "signed", signers.alice.sign, a="1")
    await signers.push("main")
    before = await signers.sources.create(**verify())
    commit = await signed_commit(signers.git, "unsigned", None, a="2")
    await signers.push("main")
    obj = await signers.sources.request()
    message = (
        f"signature verification of commit '{commit}' failed: unsupported signature type: empty"
    )
    assert conditions_of(obj)["SourceVerified"] == ("False", "InvalidCommitSignature", message)
    assert conditions_of(obj)["Ready"] == ("False", "InvalidCommitSignature", message)
    assert obj["status"]["artifact"] == before["status"]["artifact"]
    assert await signers.sources.files(obj) == {"a": "1"}
    await signed_commit(signers.git, "signed again", signers.bob.sign, a="3")
    await signers.push("main")
    await signers.sources.cluster.clock.sleep(900)
    healed = await signers.sources.look()
    assert conditions_of(healed)["Ready"][0] == "True"
    assert await signers.sources.files(healed) == {"a": "3"}


@pytest.mark.parametrize("kind", ["ssh", "pgp"])
async def test_a_signature_of_a_stranger_is_refused(signers: Signers, kind: str) -> None:
    sign = signers.alice.sign if kind == "ssh" else signers.bob.sign
    commit = await signed_commit(signers.git, "signed", sign, a="1")
    await signers.push("main")
    obj = await signers.sources.create(**verify(secret="others"))
    condition = conditions_of(obj)["SourceVerified"]
    assert condition[:2] == ("False", "InvalidCommitSignature")
    assert condition[2].startswith(f"signature verification of commit '{commit}' failed: ")
    assert condition[2].endswith(": no matching key")
    assert "artifact" not in obj["status"]


async def test_a_signature_for_something_else_is_refused(signers: Signers) -> None:
    mallory = SshKey(namespace=b"file")
    await signers.sources.secret("mallory", m__sshpub=mallory.public)
    await signed_commit(signers.git, "signed", mallory.sign, a="1")
    await signers.push("main")
    obj = await signers.sources.create(**verify(secret="mallory"))
    assert conditions_of(obj)["Ready"][1] == "InvalidCommitSignature"


@pytest.mark.parametrize(
    ("mode", "commit_signed", "tag_signed", "reason"),
    [
        ("Tag", False, True, "Succeeded"),
        ("Tag", True, False, "InvalidGitObject"),
        ("TagAndHEAD", True, True, "Succeeded"),
        ("TagAndHEAD", False, True, "InvalidCommitSignature"),
        ("TagAndHEAD", True, False, "InvalidGitObject"),
        ("HEAD", True, False, "Succeeded"),
    ],
)
async def test_the_mode_says_what_must_be_signed(
    signers: Signers, mode: str, commit_signed: bool, tag_signed: bool, reason: str
) -> None:
    sign = signers.alice.sign
    commit = await signed_commit(signers.git, "one", sign if commit_signed else None, a="1")
    tag = await signed_tag(signers.git, "v1.0.0", signers.bob.sign if tag_signed else None)
    await signers.push("main", "v1.0.0")
    obj = await signers.sources.create(**verify(mode, ref={"tag": "v1.0.0"}))
    status, found, message = conditions_of(obj)["SourceVerified"]
    assert (status, found) == ("True" if reason == "Succeeded" else "False", reason)
    if mode == "TagAndHEAD" and reason == "Succeeded":
        assert message == (
            f"verified signature of\n\t- tag 'v1.0.0@{tag}' with key '{signers.bob.key_id}'"
            f"\n\t- commit '{commit}' with key '{signers.alice.fingerprint}'"
        )
    if reason == "InvalidGitObject":
        assert message == f"cannot verify signature of tag 'v1.0.0@{tag}' since it is not signed"


async def test_a_lightweight_tag_is_not_signed(signers: Signers) -> None:
    await signed_commit(signers.git, "one", signers.alice.sign, a="1")
    await signers.git("tag", "v1.0.0")
    await signers.push("main", "v1.0.0")
    obj = await signers.sources.create(**verify("Tag", ref={"semver": "1.x"}))
    assert conditions_of(obj)["Ready"] == (
        "False",
        "InvalidGitObject",
        "cannot verify signature of tag 'v1.0.0' since it is not signed",
    )


async def test_a_tag_cannot_be_verified_where_none_is_followed(signers: Signers) -> None:
    await signed_commit(signers.git, "one", signers.alice.sign, a="1")
    await signers.push("main")
    obj = await signers.sources.create(**verify("TagAndHEAD"))
    message = "cannot verify tag object's signature if a tag reference is not specified"
    assert conditions_of(obj)["Stalled"] == ("True", "InvalidVerificationMode", message)
    assert conditions_of(obj)["SourceVerified"] == ("False", "InvalidVerificationMode", message)
    obj = await signers.sources.change(**verify("HEAD"))
    assert conditions_of(obj)["Ready"][0] == "True"


async def test_verification_can_be_added_and_taken_away(signers: Signers) -> None:
    await signed_commit(signers.git, "unsigned", None, a="1")
    await signers.push("main")
    before = await signers.sources.create()
    obj = await signers.sources.change(**verify())
    assert conditions_of(obj)["Ready"][:2] == ("False", "InvalidCommitSignature")
    assert obj["status"]["artifact"] == before["status"]["artifact"]
    obj = await signers.sources.change(verify=None)
    assert conditions_of(obj)["Ready"][0] == "True"
    assert "SourceVerified" not in conditions_of(obj)
    assert "sourceVerificationMode" not in obj["status"]


async def test_missing_keys_are_named(signers: Signers) -> None:
    await signed_commit(signers.git, "one", signers.alice.sign, a="1")
    await signers.push("main")
    obj = await signers.sources.create(**verify(secret="nowhere"))
    assert conditions_of(obj)["SourceVerified"] == (
        "False",
        "VerificationError",
        (
            "public keys secret error: failed to get secret 'default/nowhere': "
            'secrets "nowhere" not found'
        ),
    )
