"""Who signed a commit or a tag: OpenPGP and SSH signatures against keys that are trusted. Pure.

A signature counts when any one of the keys made it. Messages are Flux's.
Sources of the formats: ``gitformat-signature`` of Git, ``PROTOCOL.sshsig`` of OpenSSH.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

__all__ = ["SignatureRefused", "TrustedKeys", "signature_type", "trusted_keys", "verify_signature"]

_ARMOR: Final = {
    "-----BEGIN PGP SIGNATURE-----": "openpgp",
    "-----BEGIN SSH SIGNATURE-----": "ssh",
    "-----BEGIN SIGNED MESSAGE-----": "x509",
}
_SSH_BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
_SSH_END: Final = "-----END SSH SIGNATURE-----"
_SSH_MAGIC: Final = b"SSHSIG"
_NAMESPACE: Final = b"git"
_HASHES: Final = (b"sha256", b"sha512")
_CURVES: Final = {
    b"ecdsa-sha2-nistp256": ("SECP256R1", "SHA256"),
    b"ecdsa-sha2-nistp384": ("SECP384R1", "SHA384"),
    b"ecdsa-sha2-nistp521": ("SECP521R1", "SHA512"),
}
_SK_ED25519: Final = b"sk-ssh-ed25519@openssh.com"
_SK_ECDSA: Final = b"sk-ecdsa-sha2-nistp256@openssh.com"
_SHORTEST_RSA_BITS: Final = 2048


class SignatureRefused(ValueError):
    """A signature is missing, malformed, or made by nobody who is trusted."""


class TrustedKeys(NamedTuple):
    """Public keys as texts.

    Attributes:
        key_rings: OpenPGP, armored.
        authorized_keys: SSH, one key a line.
    """

    key_rings: tuple[str, ...]
    authorized_keys: tuple[str, ...]


def trusted_keys(data: Mapping[str, bytes]) -> TrustedKeys:
    """Sorts the entries of a Secret: ``*.sshpub`` are SSH keys, all others OpenPGP key rings."""
    texts = {name: value.decode(errors="replace") for name, value in sorted(data.items())}
    return TrustedKeys(
        key_rings=tuple(text for name, text in texts.items() if not name.endswith(".sshpub")),
        authorized_keys=tuple(text for name, text in texts.items() if name.endswith(".sshpub")),
    )


def signature_type(signature: str) -> str:
    """Returns ``openpgp``, ``ssh``, ``x509``, ``empty`` or ``unknown``."""
    text = signature.strip()
    for begin, kind in _ARMOR.items():
        if text.startswith(begin):
            return kind
    return "unknown" if signature else "empty"


def verify_signature(what: str, signature: str, payload: bytes, keys: TrustedKeys) -> str:
    """Verifies the signature of a commit or tag.

    Args:
        what: ``commit`` or ``tag``, for messages.
        signature: armored.
        payload: what is signed.
        keys: who is trusted.

    Returns:
        The key: an OpenPGP key id, or the fingerprint of an SSH key.

    Raises:
        SignatureRefused: says why.
    """
    match signature_type(signature):
        case "openpgp":
            if not keys.key_rings:
                raise SignatureRefused(
                    "PGP signature detected but no PGP public keys found in secret "
                    "(keys with .asc suffix)"
                )
            return _verify_pgp(f"unable to verify Git {what}", signature, payload, keys.key_rings)
        case "ssh":
            if not keys.authorized_keys:
                raise SignatureRefused(
                    "SSH signature detected but no SSH public keys found in secret "
                    "(keys with .sshpub suffix)"
                )
            prefix = f"unable to verify Git {what} SSH signature"
            return _verify_ssh(prefix, signature, payload, keys.authorized_keys)
        case kind:
            raise SignatureRefused(f"unsupported signature type: {kind}")


def _verify_pgp(prefix: str, signature: str, payload: bytes, key_rings: Sequence[str]) -> str:
    import pysequoia

    try:
        detached = pysequoia.Sig.from_bytes(signature.strip().encode())
    except Exception as error:
        raise SignatureRefused(f"{prefix}: unable to read the signature: {error}") from error
    readable = False
    unreadable = ""
    for ring in key_rings:
        try:
            certificates = pysequoia.Cert.split_bytes(ring.encode())
        except Exception as error:
            unreadable = unreadable or str(error)
            continue
        readable = readable or bool(certificates)
        for certificate in certificates:
            if _is_signed_by(detached, payload, certificate):
                return str(certificate.fingerprint)[-16:].upper()
    if not readable:
        detail = unreadable or "no armored data found"
        raise SignatureRefused(f"{prefix}: unable to read armored key ring: {detail}")
    raise SignatureRefused(
        f"{prefix}: unable to verify payload with any of the given key rings: no matching key"
    )


def _is_signed_by(detached: Any, payload: bytes, certificate: Any) -> bool:
    import pysequoia

    try:
        found = pysequoia.verify(bytes=payload, store=lambda _: [certificate], signature=detached)
    except Exception:
        return False
    return bool(found.valid_sigs)


def _verify_ssh(prefix: str, signature: str, payload: bytes, key_files: Sequence[str]) -> str:
    try:
        parsed = _parse_sshsig(signature)
    except (ValueError, IndexError, binascii.Error) as error:
        raise SignatureRefused(f"{prefix}: unable to unarmor SSH signature: {error}") from error
    readable, unreadable = False, ""
    for text in key_files:
        try:
            blobs = list(_authorized_keys(text))
        except ValueError as error:
            unreadable = unreadable or str(error)
            continue
        readable = True
        if parsed.public_key in blobs and _is_made_with(parsed, payload):
            digest = hashlib.sha256(parsed.public_key).digest()
            return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    if not readable and unreadable:
        raise SignatureRefused(f"{prefix}: unable to parse authorized keys: {unreadable}")
    raise SignatureRefused(
        f"{prefix}: unable to verify payload with any of the given authorized keys: no matching key"
    )


class _SshSignature(NamedTuple):
    public_key: bytes
    namespace: bytes
    reserved: bytes
    hash_algorithm: bytes
    algorithm: bytes
    value: bytes
    rest: bytes


class _Wire:
    """Reads the strings of SSH's wire format."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        end = self._position + count
        if count < 0 or end > len(self._data):
            raise ValueError("data is cut short")
        found = self._data[self._position : end]
        self._position = end
        return found

    def string(self) -> bytes:
        return self.take(int.from_bytes(self.take(4), "big"))

    def integer(self) -> int:
        return int.from_bytes(self.string(), "big", signed=True)

    def rest(self) -> bytes:
        return self._data[self._position :]


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _parse_sshsig(signature: str) -> _SshSignature:
    text = signature.strip()
    body = text.removeprefix(_SSH_BEGIN).partition(_SSH_END)[0]
    wire = _Wire(base64.b64decode("".join(body.split()), validate=True))
    if wire.take(6) != _SSH_MAGIC or int.from_bytes(wire.take(4), "big") != 1:
        raise ValueError("not an SSH signature of version 1")
    public_key, namespace, reserved, hash_algorithm = (wire.string() for _ in range(4))
    inner = _Wire(wire.string())
    return _SshSignature(
        public_key,
        namespace,
        reserved,
        hash_algorithm,
        inner.string(),
        inner.string(),
        inner.rest(),
    )


def _authorized_keys(text: str) -> Iterator[bytes]:
    """Yields the keys of an ``authorized_keys`` file; options before a key are passed over."""
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = None
        words = line.split()
        for kind, encoded in pairwise(words):
            try:
                blob = base64.b64decode(encoded, validate=True)
                if _Wire(blob).string() == kind.encode():
                    found = blob
                    break
            except (ValueError, binascii.Error):
                continue
        if found is None:
            raise ValueError("unable to parse authorized key: ssh: no key found")
        yield found


def _is_made_with(signature: _SshSignature, payload: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if signature.namespace != _NAMESPACE or signature.hash_algorithm not in _HASHES:
        return False
    digest = hashlib.new(signature.hash_algorithm.decode(), payload).digest()
    message = (
        _SSH_MAGIC
        + _string(signature.namespace)
        + _string(signature.reserved)
        + _string(signature.hash_algorithm)
        + _string(digest)
    )
    try:
        _check(signature, message)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _check(signature: _SshSignature, message: bytes) -> None:
    key = _Wire(signature.public_key)
    kind = key.string()
    if kind in (_SK_ED25519, _SK_ECDSA):
        message = _hardware_message(kind, signature, message)
    match kind:
        case b"ssh-ed25519" | b"sk-ssh-ed25519@openssh.com":
            _check_ed25519(key, kind, signature, message)
        case b"ssh-rsa":
            _check_rsa(key, signature, message)
        case b"sk-ecdsa-sha2-nistp256@openssh.com":
            _check_ecdsa(key, b"ecdsa-sha2-nistp256", kind, signature, message)
        case _ if kind in _CURVES:
            _check_ecdsa(key, kind, kind, signature, message)
        case _:
            raise ValueError("key type is not supported")


def _hardware_message(kind: bytes, signature: _SshSignature, message: bytes) -> bytes:
    """What a hardware key signs: the application, its flags and counter, and the message."""
    key = _Wire(signature.public_key)
    key.string()
    key.string()
    application = key.string() if kind == _SK_ED25519 else key.string() and key.string()
    flags_and_counter = signature.rest
    if len(flags_and_counter) != 5 or not flags_and_counter[0] & 1:
        raise ValueError("nobody touched the hardware key")
    return (
        hashlib.sha256(application).digest() + flags_and_counter + hashlib.sha256(message).digest()
    )


def _check_ed25519(key: _Wire, kind: bytes, signature: _SshSignature, message: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if signature.algorithm != kind:
        raise ValueError("algorithm does not fit the key")
    Ed25519PublicKey.from_public_bytes(key.string()).verify(signature.value, message)


def _check_rsa(key: _Wire, signature: _SshSignature, message: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    exponent, modulus = key.integer(), key.integer()
    algorithms: dict[bytes, hashes.HashAlgorithm] = {
        b"rsa-sha2-256": hashes.SHA256(),
        b"rsa-sha2-512": hashes.SHA512(),
    }
    algorithm = algorithms.get(signature.algorithm)
    if algorithm is None or modulus.bit_length() < _SHORTEST_RSA_BITS:
        raise ValueError("algorithm or key is too weak")
    public = RSAPublicNumbers(exponent, modulus).public_key()
    public.verify(signature.value, message, padding.PKCS1v15(), algorithm)


def _check_ecdsa(
    key: _Wire, curve: bytes, kind: bytes, signature: _SshSignature, message: bytes
) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if signature.algorithm != kind:
        raise ValueError("algorithm does not fit the key")
    curve_name, hash_name = _CURVES[curve]
    key.string()
    point = key.string()
    public = ec.EllipticCurvePublicKey.from_encoded_point(getattr(ec, curve_name)(), point)
    wire = _Wire(signature.value)
    value = encode_dss_signature(wire.integer(), wire.integer())
    public.verify(value, message, ec.ECDSA(getattr(hashes, hash_name)()))
