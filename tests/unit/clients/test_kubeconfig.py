from __future__ import annotations

import base64
from pathlib import Path

import pytest

from steersman.clients.kube.connection import Connection, Impersonation, ssl_context
from steersman.clients.kube.kubeconfig import parse_kubeconfig
from steersman.errors import InvalidSpec
from steersman.kit.mask import Secret

CA = base64.b64encode(b"-----BEGIN").decode()

TWO_CONTEXTS = f"""
apiVersion: v1
kind: Config
current-context: staging
contexts:
- name: staging
  context: {{cluster: one, user: alice, namespace: apps}}
- name: prod
  context: {{cluster: two, user: bob}}
clusters:
- name: one
  cluster: {{server: "https://one.example:6443/", certificate-authority-data: {CA}}}
- name: two
  cluster: {{server: "http://two.example", insecure-skip-tls-verify: true, tls-server-name: x}}
users:
- name: alice
  user: {{token: abc, as: carol, as-groups: [dev]}}
- name: bob
  user: {{client-certificate: c.pem, client-key: k.pem}}
"""


def test_the_current_context_is_taken():
    assert parse_kubeconfig(TWO_CONTEXTS) == Connection(
        server="https://one.example:6443",
        name="one",
        namespace="apps",
        certificate_authority=b"-----BEGIN",
        token=Secret("abc"),
        impersonate=Impersonation(user="carol", groups=("dev",)),
    )


def test_another_context_may_be_named():
    files = {"c.pem": b"certificate", "k.pem": b"key"}
    assert parse_kubeconfig(
        TWO_CONTEXTS, context="prod", read_file=files.__getitem__
    ) == Connection(
        server="http://two.example",
        name="two",
        insecure=True,
        tls_server_name="x",
        client_certificate=b"certificate",
        client_key=Secret(b"key"),
    )


def test_a_file_of_a_token_is_kept_as_a_path():
    text = TWO_CONTEXTS.replace("token: abc", "tokenFile: /t")
    connection = parse_kubeconfig(text, read_file=lambda path: b"")
    assert (connection.token, connection.token_file) == (None, Path("/t"))


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        ("{", "", "the kubeconfig is not YAML"),
        ("- a", "", "the kubeconfig is not a mapping"),
        ("a: b", "", "the kubeconfig has no current context"),
        (TWO_CONTEXTS, "gone", "the kubeconfig has no context `gone`"),
        (TWO_CONTEXTS.replace("cluster: one,", "cluster: x,"), "", "no cluster `x`"),
        (TWO_CONTEXTS.replace("user: alice", "user: x"), "", "no user `x`"),
        (TWO_CONTEXTS.replace("https://one", "ftp://one"), "", "no `http(s)` server"),
        (TWO_CONTEXTS.replace(CA, "'***'"), "", "is not base64"),
        (TWO_CONTEXTS.replace("token: abc", "exec: {command: x}"), "", "with `exec`"),
        (TWO_CONTEXTS.replace("token: abc", "token: 1"), "", "`token` of the kubeconfig is not"),
        (TWO_CONTEXTS, "prod", "refers to file `k.pem`, which is not allowed here"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, context: str, message: str):
    with pytest.raises(InvalidSpec) as raised:
        parse_kubeconfig(text, context=context)
    assert message in str(raised.value)


def test_no_secret_is_printed_with_a_connection():
    assert "abc" not in repr(parse_kubeconfig(TWO_CONTEXTS))


def test_unreadable_certificates_are_refused_by_name_of_the_server():
    connection = Connection(server="https://x", certificate_authority=b"-----BEGIN")
    with pytest.raises(InvalidSpec, match="certificates for `https://x`"):
        ssl_context(connection)
