"""A real kube-apiserver with etcd on loopback, where their binaries are.

They come from ``KUBEBUILDER_ASSETS`` (the convention of envtest), else from the cache that
``make real-apiserver`` fills. There are no controllers behind it: no garbage collection, no
workloads, no service accounts' tokens.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from ssl import CERT_NONE, create_default_context
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

ROOT = Path(__file__).parents[2]
READY_WITHIN = 60.0
TOKEN = "oracle-admin"


class RealServer(NamedTuple):
    """Where the real server listens, and the administrator's token."""

    url: str
    token: str


def binaries() -> Path:
    """Returns the folder with ``kube-apiserver`` and ``etcd``, or skips the test."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    folder = Path(named) if named else _built()
    if not all((folder / name).exists() for name in ("kube-apiserver", "etcd")):
        pytest.skip("no real kube-apiserver: set KUBEBUILDER_ASSETS, or run make real-apiserver")
    return folder


def _built() -> Path:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from real_apiserver import assets_folder
    finally:
        sys.path.pop(0)
    return Path(assets_folder())


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as it:
        try:
            yield it
        finally:
            it.terminate()
            try:
                it.wait(20)
            except subprocess.TimeoutExpired:
                it.kill()


def _service_account_keys(folder: Path) -> tuple[Path, Path]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private, public = folder / "sa.key", folder / "sa.pub"
    private.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def _api_server(folder: Path, scratch: Path, port: int, etcd: str) -> list[str]:
    private, public = _service_account_keys(scratch)
    tokens = scratch / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin-uid,"system:masters"\n')
    return [
        str(folder / "kube-apiserver"),
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={scratch / 'certs'}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        f"--service-account-key-file={public}",
        f"--service-account-signing-key-file={private}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/16",
        # Without controllers no namespace has a service account.
        "--disable-admission-plugins=ServiceAccount",
        "--allow-privileged=true",
        "--profiling=false",
        "--enable-priority-and-fairness=false",
        "--max-requests-inflight=0",
        "--max-mutating-requests-inflight=0",
        "--v=0",
    ]


@contextmanager
def real_server() -> Iterator[RealServer]:
    """Starts both, waits until they are ready, and stops them."""
    folder = binaries()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        scratch = Path(name)
        client, peer, secure = _free_ports(3)
        etcd_url = f"http://127.0.0.1:{client}"
        etcd = [
            str(folder / "etcd"),
            f"--data-dir={scratch / 'etcd'}",
            f"--listen-client-urls={etcd_url}",
            f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
            "--log-level=error",
        ]
        stack.enter_context(_running(etcd, scratch / "etcd.log"))
        log = scratch / "apiserver.log"
        command = _api_server(folder, scratch, secure, etcd_url)
        process = stack.enter_context(_running(command, log))
        url = f"https://127.0.0.1:{secure}"
        _wait_ready(url, process, log)
        yield RealServer(url, TOKEN)


def _wait_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    context = create_default_context()
    context.check_hostname, context.verify_mode = False, CERT_NONE
    request = urllib.request.Request(f"{url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(request, context=context, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"kube-apiserver did not start:\n{log.read_text()[-4000:]}")
