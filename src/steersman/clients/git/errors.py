"""What can go wrong with a remote repository, in the words Flux's users know."""

from __future__ import annotations

from steersman.errors import Retry

__all__ = ["EmptyRepository", "GitOperationFailed"]


class GitOperationFailed(Retry):
    """A remote repository cannot be reached, refuses us, or is not what was expected."""

    default_reason = "GitOperationFailed"


class EmptyRepository(Retry):
    """The repository has no commit yet."""

    default_reason = "EmptyGitRepository"
