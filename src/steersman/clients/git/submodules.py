"""``.gitmodules``: where the submodules of a commit come from. Pure."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import urlsplit, urlunsplit

from steersman.clients.git.errors import GitOperationFailed

__all__ = ["parse_gitmodules", "same_host", "submodule_url"]

_SECTION = re.compile(r'\[\s*submodule\s+"((?:[^"\\]|\\.)*)"\s*\]')
_SETTING = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\s*=\s*(.*)")
_SCHEMES = ("http", "https", "ssh", "file")
_SCP = re.compile(r"(?:([\w.-]+)@)?([\w.-]+):(?!//|:)(.+)")


def parse_gitmodules(text: str) -> dict[str, str]:
    """Returns path → address of all submodules.

    Only what is needed of Git's configuration format: sections, ``path`` and ``url``.
    """
    sections: list[dict[str, str]] = []
    for raw in text.splitlines():
        line = raw.strip()
        if _SECTION.match(line) or line.startswith("["):
            sections.append({})
        elif sections and not line.startswith(("#", ";")):
            setting = _SETTING.match(line)
            if setting:
                sections[-1][setting[1].lower()] = _unquote(setting[2])
    return {
        section["path"]: section["url"]
        for section in sections
        if section.get("path") and section.get("url")
    }


def _unquote(value: str) -> str:
    value = value.strip()
    if value.startswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:].partition('"')[0])
    return re.split(r"\s[#;]", value)[0].strip()


def submodule_url(parent: str, url: str) -> str:
    """Resolves a submodule's address: relative ones against the parent's.

    Raises:
        GitOperationFailed: the address is of a kind that is not allowed.
    """
    if url.startswith(("./", "../")):
        parts = urlsplit(parent)
        path = posixpath.normpath(posixpath.join(parts.path.rstrip("/"), url))
        return urlunsplit(parts._replace(path=path))
    if "://" not in url:
        match = _SCP.fullmatch(url)
        if match:
            user, host, path = match.groups()
            return f"ssh://{user or 'git'}@{host}/{path.lstrip('/')}"
    if urlsplit(url).scheme not in _SCHEMES:
        raise GitOperationFailed(f"submodule address '{url}' is not supported")
    if urlsplit(url).scheme == "file" and urlsplit(parent).scheme != "file":
        raise GitOperationFailed(f"submodule address '{url}' is on our own disk")
    return url


def same_host(first: str, second: str) -> bool:
    """Whether credentials for one address may be sent to the other."""
    one, two = urlsplit(first), urlsplit(second)
    return (one.scheme, one.hostname, one.port) == (two.scheme, two.hostname, two.port)
