"""Which credentials a Secret and an address give, by the rules of Flux."""

from __future__ import annotations

import pytest

from steersman.clients.git.auth import GitAuth, auth_from_secret, bare_url
from steersman.clients.git.submodules import parse_gitmodules, same_host, submodule_url
from steersman.errors import SteersmanError
from steersman.kit.mask import Secret

FULL = {
    "username": b"user",
    "password": b"word",
    "identity": b"key",
    "known_hosts": b"hosts",
    "ca.crt": b"ca",
    "caFile": b"old ca",
    "tls.crt": b"cert",
    "tls.key": b"tls key",
}
TLS = {"ca": b"ca", "client_certificate": b"cert", "client_key": Secret(b"tls key")}


@pytest.mark.parametrize(
    ("url", "data", "auth"),
    [
        pytest.param(
            "https://example.com",
            FULL,
            GitAuth(username="user", password=Secret("word"), **TLS),
            id="basic authentication",
        ),
        pytest.param(
            "https://example.com",
            {**FULL, "bearerToken": b"token"},
            GitAuth(bearer_token=Secret("token"), **TLS),
            id="a bearer token goes before a user name",
        ),
        pytest.param(
            "ssh://example.com",
            FULL,
            GitAuth(
                username="git",
                password=Secret("word"),
                identity=Secret(b"key"),
                known_hosts=b"hosts",
            ),
            id="SSH takes the key, the password for it, and the user git",
        ),
        pytest.param(
            "ssh://me@example.com",
            {"identity": b"key", "known_hosts": b"hosts"},
            GitAuth(username="me", identity=Secret(b"key"), known_hosts=b"hosts"),
            id="the user of an SSH address",
        ),
        pytest.param(
            "https://u%40x:p%2F@example.com",
            {},
            GitAuth(username="u@x", password=Secret("p/")),
            id="user information of an address",
        ),
        pytest.param(
            "https://u:p@example.com",
            {"username": b"user", "password": b"word"},
            GitAuth(username="user", password=Secret("word")),
            id="the Secret goes before the address",
        ),
        pytest.param("http://example.com", {}, GitAuth(), id="nothing at all"),
        pytest.param(
            "https://example.com", {"caFile": b"old"}, GitAuth(ca=b"old"), id="the old name"
        ),
    ],
)
def test_credentials_are_read(url: str, data: dict[str, bytes], auth: GitAuth) -> None:
    assert auth_from_secret(url, data) == auth


@pytest.mark.parametrize(
    ("url", "data", "message"),
    [
        (
            "http://x",
            {"password": b"p"},
            "invalid 'http' auth option: 'password' requires 'username' to be set",
        ),
        (
            "https://u@x",
            {"bearerToken": b"t"},
            "basic auth and bearer token cannot be set at the same time",
        ),
        ("ssh://x", {"known_hosts": b"h"}, "invalid 'ssh' auth option: 'identity' is required"),
        ("ssh://x", {"identity": b"k"}, "invalid 'ssh' auth option: 'known_hosts' is required"),
        ("ssh:///x", FULL, "invalid 'ssh' auth option: 'host' is required"),
        ("ftp://x", {}, "unknown transport 'ftp'"),
    ],
)
def test_credentials_that_are_not_enough_are_refused(
    url: str, data: dict[str, bytes], message: str
) -> None:
    with pytest.raises(SteersmanError) as refused:
        auth_from_secret(url, data)
    assert refused.value.message == message


def test_messages_carry_no_user_information() -> None:
    assert bare_url("https://u:p@example.com:8443/x?y") == "https://example.com:8443/x?y"


def test_submodules_are_read_as_git_reads_them() -> None:
    text = """
[submodule "one"]
\tpath = lib/one
\turl = "../one" ; a comment
# comment
[submodule "no-path"]
\turl = https://example.com/x
[core]
\tpath = no
[submodule "two \\"quoted\\""]
  PATH=two
  url = git@example.com:org/two.git
"""
    assert parse_gitmodules(text) == {"lib/one": "../one", "two": "git@example.com:org/two.git"}


@pytest.mark.parametrize(
    ("parent", "url", "expected"),
    [
        ("https://h/org/repo", "../one", "https://h/org/one"),
        ("https://h/org/repo/", "./one", "https://h/org/repo/one"),
        ("https://h/org/repo", "../../../../one", "https://h/one"),
        ("https://h/org/repo", "git@h2:org/two.git", "ssh://git@h2/org/two.git"),
        ("https://h/org/repo", "https://h3/x", "https://h3/x"),
        ("file:///a/b", "file:///c", "file:///c"),
    ],
)
def test_addresses_of_submodules_are_resolved(parent: str, url: str, expected: str) -> None:
    assert submodule_url(parent, url) == expected


@pytest.mark.parametrize("url", ["ext::sh -c id", "/etc", "file:///etc"])
def test_addresses_that_reach_our_own_machine_are_refused(url: str) -> None:
    with pytest.raises(SteersmanError):
        submodule_url("https://h/org/repo", url)


def test_credentials_go_to_the_same_host_only() -> None:
    assert same_host("https://u@h/a", "https://h/b")
    assert not same_host("https://h/a", "http://h/a")
    assert not same_host("https://h/a", "https://h:8443/a")
