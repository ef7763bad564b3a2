"""kubeconfig files: the text is parsed here, reading files is the caller's business."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from steersman.clients.kube.connection import Connection, Impersonation
from steersman.errors import InvalidSpec
from steersman.kit.mask import Secret

__all__ = ["parse_kubeconfig"]

ReadFile = Callable[[str], bytes]


def _no_files(path: str) -> bytes:
    raise InvalidSpec(f"the kubeconfig refers to file `{path}`, which is not allowed here")


def parse_kubeconfig(
    text: str | bytes, *, context: str = "", read_file: ReadFile = _no_files
) -> Connection:
    """Reads the connection of one context.

    Args:
        text: the YAML.
        context: its name; the current context when empty.
        read_file: reads the files it refers to; by default such references are refused, since a
            tenant's kubeconfig must not read ours.

    Raises:
        InvalidSpec: not a kubeconfig, a dangling reference, or a way to authenticate that we do
            not support. Messages never hold what the file holds.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidSpec("the kubeconfig is not YAML") from error
    if not isinstance(document, dict):
        raise InvalidSpec("the kubeconfig is not a mapping")
    wanted = context or _text(document, "current-context")
    if not wanted:
        raise InvalidSpec("the kubeconfig has no current context")
    chosen = _named(document, "contexts", "context", wanted)
    cluster = _named(document, "clusters", "cluster", _text(chosen, "cluster"))
    user_name = _text(chosen, "user")
    user = _named(document, "users", "user", user_name) if user_name else {}
    server = _text(cluster, "server").rstrip("/")
    if not server.startswith(("http://", "https://")):
        raise InvalidSpec(f"cluster `{_text(chosen, 'cluster')}` has no `http(s)` server")
    for unsupported in ("exec", "auth-provider"):
        if user.get(unsupported):
            raise InvalidSpec(
                f"user `{user_name}` authenticates with `{unsupported}`, which is not supported",
                hint="give the user a token or a client certificate",
            )
    token_file, password = _text(user, "tokenFile"), _text(user, "password")
    token, key = _text(user, "token"), _data(user, "client-key", read_file)
    return Connection(
        server=server,
        name=_text(chosen, "cluster"),
        namespace=_text(chosen, "namespace") or "default",
        certificate_authority=_data(cluster, "certificate-authority", read_file),
        insecure=cluster.get("insecure-skip-tls-verify") is True,
        tls_server_name=_text(cluster, "tls-server-name") or None,
        proxy=_text(cluster, "proxy-url") or None,
        token=Secret(token) if token else None,
        token_file=_token_path(token_file, read_file),
        username=_text(user, "username"),
        password=Secret(password) if password else None,
        client_certificate=_data(user, "client-certificate", read_file),
        client_key=Secret(key) if key else None,
        impersonate=_impersonation(user),
    )


def _text(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidSpec(f"`{key}` of the kubeconfig is not a text")
    return value


def _named(document: Mapping[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    entries = document.get(plural)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(singular)
            return found if isinstance(found, dict) else {}
    raise InvalidSpec(f"the kubeconfig has no {singular} `{name}`")


def _data(mapping: Mapping[str, Any], key: str, read_file: ReadFile) -> bytes | None:
    inline = _text(mapping, f"{key}-data")
    if inline:
        try:
            return base64.b64decode(inline, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidSpec(f"`{key}-data` of the kubeconfig is not base64") from error
    path = _text(mapping, key)
    return read_file(path) if path else None


def _token_path(path: str, read_file: ReadFile) -> Path | None:
    if not path:
        return None
    read_file(path)  # refused, or missing, now rather than at the first request
    return Path(path)


def _impersonation(user: Mapping[str, Any]) -> Impersonation | None:
    name = _text(user, "as")
    if not name:
        return None
    groups = user.get("as-groups")
    return Impersonation(
        user=name,
        groups=tuple(map(str, groups)) if isinstance(groups, list) else (),
        uid=_text(user, "as-uid"),
    )
