"""Signatures of commits and tags, made by real Git with real keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from steersman.clients.git.objects import object_id, parse_commit, parse_tag
from steersman.sources.signature import (
    SignatureRefused,
    TrustedKeys,
    signature_type,
    trusted_keys,
    verify_signature,
)
from tests.support.tools import conformance_data

pytestmark = pytest.mark.conformance


def signed(file: Path) -> tuple[str, bytes]:
    data = file.read_bytes()
    if file.name.startswith("tag"):
        tag = parse_tag(object_id("tag", data), data)
        return tag.signature, tag.payload
    commit = parse_commit(object_id("commit", data), data)
    return commit.signature, commit.payload


def fixtures(kind: str) -> Path:
    folder = conformance_data("testdata", "fluxcd+pkg", "git", "signature", "testdata", kind)
    if not list(folder.glob("*.pub")):
        pytest.skip(f"the keys of {folder.name} are not here")
    return folder


@pytest.mark.parametrize("what", ["commit", "tag"])
@pytest.mark.parametrize("key", ["rsa", "ed25519", "ecdsa_p256", "ecdsa_p384", "ecdsa_p521"])
def test_ssh_signatures_are_verified(what: str, key: str) -> None:
    folder = fixtures("ssh_signatures")
    signature, payload = signed(folder / f"{what}_{key}_signed.txt")
    own = (folder / f"key_{key}.pub").read_text()
    everybody = (folder / "keys_all.pub").read_text()
    fingerprint = (folder / f"key_{key}.pub_fingerprint").read_text().split()
    for keys in (own, everybody):
        found = verify_signature(what, signature, payload, TrustedKeys((), (keys,)))
        assert found in fingerprint
    other = "key_ed25519.pub" if key != "ed25519" else "key_rsa.pub"
    with pytest.raises(SignatureRefused) as refused:
        verify_signature(what, signature, payload, TrustedKeys((), ((folder / other).read_text(),)))
    assert str(refused.value) == (
        f"unable to verify Git {what} SSH signature: unable to verify payload with any of the "
        "given authorized keys: no matching key"
    )
    with pytest.raises(SignatureRefused, match="no matching key"):
        verify_signature(what, signature, payload + b" ", TrustedKeys((), (own,)))


@pytest.mark.parametrize("what", ["commit", "tag"])
@pytest.mark.parametrize(
    "key", ["rsa_2048", "rsa_4096", "ed25519", "ecdsa_p256", "ecdsa_p384", "ecdsa_p521"]
)
def test_pgp_signatures_are_verified(what: str, key: str) -> None:
    folder = fixtures("gpg_signatures")
    signature, payload = signed(folder / f"{what}_{key}_signed.txt")
    own = (folder / f"key_{key}.pub").read_text()
    found = verify_signature(what, signature, payload, TrustedKeys((own,), ()))
    assert len(found) == 16
    assert found == found.upper()
    other = "key_ed25519.pub" if key != "ed25519" else "key_rsa_2048.pub"
    with pytest.raises(SignatureRefused) as refused:
        verify_signature(what, signature, payload, TrustedKeys(((folder / other).read_text(),), ()))
    assert str(refused.value) == (
        f"unable to verify Git {what}: unable to verify payload with any of the given key rings: "
        "no matching key"
    )
    with pytest.raises(SignatureRefused, match="no matching key"):
        verify_signature(what, signature, payload + b" ", TrustedKeys((own,), ()))


@pytest.mark.parametrize("what", ["commit", "tag"])
def test_what_is_not_signed_is_refused(what: str) -> None:
    signature, payload = signed(fixtures("gpg_signatures") / f"{what}_unsigned.txt")
    assert signature_type(signature) == "empty"
    with pytest.raises(SignatureRefused, match="unsupported signature type: empty"):
        verify_signature(what, signature, payload, TrustedKeys(("x",), ("y",)))


def test_keys_of_the_other_kind_do_not_help() -> None:
    signature, payload = signed(fixtures("ssh_signatures") / "commit_rsa_signed.txt")
    with pytest.raises(SignatureRefused, match=r"no SSH public keys found in secret"):
        verify_signature("commit", signature, payload, TrustedKeys(("x",), ()))
    signature, payload = signed(fixtures("gpg_signatures") / "commit_rsa_2048_signed.txt")
    with pytest.raises(SignatureRefused, match=r"no PGP public keys found in secret"):
        verify_signature("commit", signature, payload, TrustedKeys((), ("x",)))


def test_keys_that_cannot_be_read_are_named() -> None:
    signature, payload = signed(fixtures("ssh_signatures") / "commit_rsa_signed.txt")
    with pytest.raises(SignatureRefused, match="unable to parse authorized keys"):
        verify_signature("commit", signature, payload, TrustedKeys((), ("nonsense",)))
    signature, payload = signed(fixtures("gpg_signatures") / "commit_rsa_2048_signed.txt")
    with pytest.raises(SignatureRefused, match="unable to read armored key ring"):
        verify_signature("commit", signature, payload, TrustedKeys(("nonsense",), ()))


@pytest.mark.parametrize(
    ("signature", "kind"),
    [
        ("-----BEGIN PGP SIGNATURE-----\n-----END PGP SIGNATURE-----", "openpgp"),
        ("-----BEGIN PGP MESSAGE-----\n-----END PGP MESSAGE-----", "unknown"),
        ("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----", "ssh"),
        ("-----BEGIN SIGNED MESSAGE-----\n-----END SIGNED MESSAGE-----", "x509"),
        ("", "empty"),
        ("  x", "unknown"),
    ],
)
def test_signatures_are_told_by_their_armor(signature: str, kind: str) -> None:
    assert signature_type(signature) == kind


def test_keys_are_sorted_by_their_names() -> None:
    data = {"a.asc": b"1", "b.sshpub": b"2", "c": b"3"}
    assert trusted_keys(data) == TrustedKeys(("1", "3"), ("2",))
