"""Smart HTTP for Git, in process: repositories in a directory, users with roles, branch rules."""

from steersman.servers.gitserver.receive import Push, PushLimits
from steersman.servers.gitserver.rules import BranchRules, RefUpdate
from steersman.servers.gitserver.server import GitServer, PushRefused
from steersman.servers.gitserver.users import GitUser, Role

__all__ = [
    "BranchRules",
    "GitServer",
    "GitUser",
    "Push",
    "PushLimits",
    "PushRefused",
    "RefUpdate",
    "Role",
]
