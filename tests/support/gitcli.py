"""The real ``git`` as a user would run it, without anything of this machine's configuration."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GitCli", "GitRefused"]


class GitRefused(Exception):
    """``git`` ended with a failure; the text is all it said."""


@dataclass(frozen=True)
class GitCli:
    """Runs ``git`` in one directory as one user."""

    directory: Path
    user: str = "platform"

    async def __call__(self, *args: str, stdin: str | None = None) -> str:
        """Runs a command and returns what it printed."""
        process = await asyncio.create_subprocess_exec(
            "git",
            *("-c", "protocol.file.allow=always", "-c", "commit.gpgsign=false"),
            *args,
            cwd=self.directory,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.directory),
                "LC_ALL": "C",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_AUTHOR_NAME": self.user,
                "GIT_AUTHOR_EMAIL": f"{self.user}@fleet.example",
                "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
                "GIT_COMMITTER_NAME": self.user,
                "GIT_COMMITTER_EMAIL": f"{self.user}@fleet.example",
                "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
            },
        )
        output, _ = await process.communicate(stdin.encode() if stdin is not None else None)
        if process.returncode:
            raise GitRefused(output.decode())
        return output.decode().strip()

    async def commit(self, message: str, **files: str) -> str:
        """Writes files (``__`` in a name is a slash), commits them all, returns the commit."""
        for name, text in files.items():
            path = self.directory / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        await self("add", "-A")
        await self("commit", "-qm", message, "--allow-empty")
        return await self("rev-parse", "HEAD")
