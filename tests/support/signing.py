"""Signs commits and tags as Git does, with keys made on the spot."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import asyncssh
import pysequoia

from tests.support.gitcli import GitCli

__all__ = ["PgpKey", "SshKey", "signed_commit", "signed_tag"]

Sign = Callable[[bytes], str]


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


class SshKey:
    """An SSH key that signs."""

    def __init__(self, algorithm: str = "ssh-ed25519", namespace: bytes = b"git") -> None:
        self._key = asyncssh.generate_private_key(algorithm)
        self._namespace = namespace

    @property
    def public(self) -> str:
        return self._key.export_public_key().decode()

    @property
    def fingerprint(self) -> str:
        return str(self._key.get_fingerprint())

    def sign(self, payload: bytes) -> str:
        common = _string(self._namespace) + _string(b"") + _string(b"sha512")
        message = b"SSHSIG" + common + _string(hashlib.sha512(payload).digest())
        algorithm = b"rsa-sha2-512" if "rsa" in self._key.get_algorithm() else None
        made = self._key.sign(message, algorithm or self._key.get_algorithm().encode())
        blob = b"SSHSIG" + (1).to_bytes(4, "big") + _string(self._key.public_data) + common
        text = base64.b64encode(blob + _string(made)).decode()
        lines = [text[start : start + 70] for start in range(0, len(text), 70)]
        return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----"])


class PgpKey:
    """An OpenPGP key that signs."""

    @cached_property
    def _key(self) -> Any:
        return pysequoia.Tsk.generate("Signer <signer@fleet.example>")

    @property
    def public(self) -> str:
        return str(self._key.extract_certificate())

    @property
    def key_id(self) -> str:
        return str(self._key.extract_certificate().fingerprint)[-16:].upper()

    def sign(self, payload: bytes) -> str:
        mode = pysequoia.SignatureMode.DETACHED
        made: bytes = pysequoia.sign(self._key.signer(), payload, mode=mode)
        return made.decode().strip()


async def signed_commit(git: GitCli, message: str, sign: Sign | None, **files: str) -> str:
    """Commits files; the commit replaces the tip of the branch that is checked out."""
    await git.commit(message, **files)
    plain = (await git("cat-file", "commit", "HEAD") + "\n").encode()
    if sign is None:
        return await git("rev-parse", "HEAD")
    head, _, body = plain.partition(b"\n\n")
    header = "gpgsig " + sign(plain).replace("\n", "\n ")
    raw = head + b"\n" + header.encode() + b"\n\n" + body
    commit = await git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw.decode())
    await git("reset", "-q", "--soft", commit)
    return commit


async def signed_tag(git: GitCli, name: str, sign: Sign | None) -> str:
    """Tags the tip; returns the tag object."""
    await git("tag", "-am", f"the message of {name}", name)
    if sign is not None:
        plain = (await git("cat-file", "tag", name) + "\n").encode()
        raw = plain + sign(plain).encode() + b"\n"
        tag = await git("hash-object", "-t", "tag", "-w", "--stdin", stdin=raw.decode())
        await git("update-ref", f"refs/tags/{name}", tag)
    return await git("rev-parse", name)
