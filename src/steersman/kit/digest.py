"""Content digests in the form ``algorithm:hex``, as artifacts and OCI write them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["CANONICAL", "Digest", "Digester", "digest_of", "is_digest_of", "parse_digest"]

CANONICAL = "sha256"
"""The algorithm used when nothing else is asked for."""

_HEX_LENGTH = {"sha256": 64, "sha384": 96, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+\Z")


class Digest(NamedTuple):
    """An algorithm and its result in lower-case hexadecimal. Text form: ``sha256:…``."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def parse_digest(text: str) -> Digest:
    """Parses ``algorithm:hex``.

    Raises:
        ValueError: the algorithm is not one of sha256, sha384 and sha512, or the hex part does
            not fit it.
    """
    algorithm, separator, hex_part = text.partition(":")
    if not separator:
        raise ValueError(f"`{text}` is not of the form algorithm:hex")
    length = _HEX_LENGTH.get(algorithm)
    if length is None:
        raise ValueError(f"digest algorithm `{algorithm}` is not supported")
    if len(hex_part) != length or not _HEX.match(hex_part):
        raise ValueError(f"`{text}` is not a valid {algorithm} digest")
    return Digest(algorithm, hex_part)


class Digester:
    """Computes a digest of data that arrives in pieces.

    Args:
        algorithm: sha256, sha384 or sha512.
    """

    def __init__(self, algorithm: str = CANONICAL) -> None:
        if algorithm not in _HEX_LENGTH:
            raise ValueError(f"digest algorithm `{algorithm}` is not supported")
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm, usedforsecurity=False)

    def update(self, data: bytes | memoryview) -> None:
        """Takes the next piece."""
        self._hash.update(data)

    def digest(self) -> Digest:
        """Returns the digest of everything taken so far."""
        return Digest(self._algorithm, self._hash.hexdigest())


def digest_of(data: bytes | Iterable[bytes], algorithm: str = CANONICAL) -> Digest:
    """Returns the digest of bytes, or of pieces in order."""
    digester = Digester(algorithm)
    for piece in (data,) if isinstance(data, bytes) else data:
        digester.update(piece)
    return digester.digest()


def is_digest_of(digest: Digest, data: bytes | Iterable[bytes]) -> bool:
    """Whether ``data`` has this digest."""
    return hmac.compare_digest(digest_of(data, digest.algorithm).hex, digest.hex)
