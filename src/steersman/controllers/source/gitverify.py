"""Verifies that a commit, or the tag that names it, is signed by somebody who is trusted."""

from __future__ import annotations

from steersman.apis.reasons import (
    INVALID_COMMIT_SIGNATURE,
    INVALID_GIT_OBJECT,
    INVALID_TAG_SIGNATURE,
    INVALID_VERIFICATION_MODE,
    VERIFICATION_ERROR,
)
from steersman.apis.source.gitrepository import GitRepositoryVerification
from steersman.clients.git import Snapshot
from steersman.clients.kube import KubeClient
from steersman.controllers.source.access import secret_data
from steersman.controllers.source.gitrepository_facts import (
    ONLY_HEAD,
    ONLY_TAG,
    verification_mode,
)
from steersman.errors import Denied, Stalled, Unauthorized
from steersman.sources.signature import (
    SignatureRefused,
    TrustedKeys,
    trusted_keys,
    verify_signature,
)

__all__ = ["verification_keys", "verify_snapshot"]

_TAGS = "refs/tags/"


async def verification_keys(
    client: KubeClient, namespace: str, verify: GitRepositoryVerification
) -> TrustedKeys:
    """Reads the public keys of ``spec.verify.secretRef``.

    Raises:
        Denied: the Secret cannot be read.
    """
    try:
        return trusted_keys(await secret_data(client, namespace, verify.secret_ref.name))
    except Unauthorized as error:
        raise Denied(
            f"public keys secret error: {error.message}", reason=VERIFICATION_ERROR
        ) from error


def verify_snapshot(
    verify: GitRepositoryVerification, snapshot: Snapshot, keys: TrustedKeys
) -> str:
    """Verifies what the mode asks for, and says what was verified with which key.

    Raises:
        Stalled: the mode asks for a tag, and no tag is followed.
        Denied: something is not signed, or not by anybody who is trusted.
    """
    mode, verified = verification_mode(verify), []
    if mode != ONLY_HEAD:
        verified.append(_verify_tag(snapshot, keys))
    if mode != ONLY_TAG:
        verified.append(_verify_commit(snapshot, keys))
    return "verified signature of" + "".join(f"\n\t- {what}" for what in verified)


def _verify_tag(snapshot: Snapshot, keys: TrustedKeys) -> str:
    if not snapshot.reference.startswith(_TAGS):
        raise Stalled(
            "cannot verify tag object's signature if a tag reference is not specified",
            reason=INVALID_VERIFICATION_MODE,
        )
    tag = snapshot.tag
    if tag is None or not tag.signature:
        name = str(tag) if tag else snapshot.reference.removeprefix(_TAGS)
        raise Denied(
            f"cannot verify signature of tag '{name}' since it is not signed",
            reason=INVALID_GIT_OBJECT,
        )
    try:
        key = verify_signature("tag", tag.signature, tag.payload, keys)
    except SignatureRefused as refused:
        raise Denied(
            f"signature verification of tag '{tag}' failed: {refused}",
            reason=INVALID_TAG_SIGNATURE,
        ) from refused
    return f"tag '{tag}' with key '{key}'"


def _verify_commit(snapshot: Snapshot, keys: TrustedKeys) -> str:
    commit = snapshot.commit
    assert commit is not None
    try:
        key = verify_signature("commit", commit.signature, commit.payload, keys)
    except SignatureRefused as refused:
        raise Denied(
            f"signature verification of commit '{commit.hash}' failed: {refused}",
            reason=INVALID_COMMIT_SIGNATURE,
        ) from refused
    return f"commit '{commit.hash}' with key '{key}'"
