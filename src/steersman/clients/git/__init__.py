"""A Git client that fetches: HTTP, SSH and local repositories, one commit at a time, in memory.

Nothing here checks out to disk or starts a program. Every address has its own trust (certificate
authority, client certificate, known hosts, proxy); nothing is set for the whole process.
"""

from steersman.clients.git.auth import GitAuth, ProxySettings, auth_from_secret, proxy_from_secret
from steersman.clients.git.client import GitClient, Snapshot
from steersman.clients.git.errors import EmptyRepository, GitOperationFailed
from steersman.clients.git.limits import GitLimits

__all__ = [
    "EmptyRepository",
    "GitAuth",
    "GitClient",
    "GitLimits",
    "GitOperationFailed",
    "ProxySettings",
    "Snapshot",
    "auth_from_secret",
    "proxy_from_secret",
]
