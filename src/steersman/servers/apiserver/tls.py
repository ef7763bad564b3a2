"""A certificate authority for one embedded cluster: its own server and client certificates."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "KeyPair"]

_LIFETIME = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str


class Authority:
    """Signs certificates.

    Args:
        pair: the authority's own certificate and key.
        now: the moment certificates begin to be valid, less a day.
    """

    def __init__(self, pair: KeyPair, now: datetime) -> None:
        self.pair = pair
        self._now = now
        self._key = serialization.load_pem_private_key(pair.key.encode(), password=None)
        self._certificate = x509.load_pem_x509_certificate(pair.certificate.encode())

    @classmethod
    def create(cls, name: str, now: datetime) -> Authority:
        """Makes a new authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name, ())
        builder = _builder(subject, subject, key, now).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        return cls(_pair(builder.sign(key, hashes.SHA256()), key), now)

    @property
    def certificate(self) -> str:
        """The authority's certificate, PEM."""
        return self.pair.certificate

    def server(self, names: Sequence[str], addresses: Sequence[str]) -> KeyPair:
        """Issues a server certificate for host names and IP addresses."""
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        return self._issue(
            _name("kube-apiserver", ()), ExtendedKeyUsageOID.SERVER_AUTH, alternatives
        )

    def client(self, user: str, groups: Sequence[str]) -> KeyPair:
        """Issues a client certificate: the user is the common name, groups are organisations."""
        return self._issue(_name(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def _issue(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, names: Sequence[x509.GeneralName]
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(subject, self._certificate.subject, key, self._now)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        public = self._key.public_key()
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False
        )
        return _pair(builder.sign(self._key, hashes.SHA256()), key)

    def server_context(self, pair: KeyPair) -> ssl.SSLContext:
        """Returns a context that serves ``pair`` and accepts client certificates of ours."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.certificate)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["http/1.1"])
        # ``ssl`` reads key pairs from files only.
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
            certificate.write_text(pair.certificate)
            key.touch(mode=0o600)
            key.write_text(pair.key)
            context.load_cert_chain(certificate, key)
        return context


def _name(common: str, organisations: Sequence[str]) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organisations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    return KeyPair(
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
