"""What a remote repository may cost us."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GitLimits"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLimits:
    """Bounds against hostile or broken repositories.

    Attributes:
        pack_bytes: what one fetch may transfer.
        inflated_bytes: what all objects of one fetch may unpack to.
        file_bytes: size of one file of an artifact; a larger one that is left out does no harm.
        tree_bytes: size of all files of an artifact.
        files: number of files of a commit.
        objects: number of objects of one fetch.
        references: number of references of a repository.
        submodule_depth: how deep submodules may nest.
        cache_bytes: what the client remembers of all repositories together.
    """

    pack_bytes: int = 256 * _MIB
    inflated_bytes: int = 1024 * _MIB
    file_bytes: int = 64 * _MIB
    tree_bytes: int = 256 * _MIB
    files: int = 100_000
    objects: int = 1_000_000
    references: int = 200_000
    submodule_depth: int = 10
    cache_bytes: int = 128 * _MIB
