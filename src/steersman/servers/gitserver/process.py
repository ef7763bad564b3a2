"""Runs the one foreign program: ``git``, for packing and unpacking objects."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from steersman.errors import SteersmanError

__all__ = ["GitFailed", "GitProgram", "find_git"]

_STREAM_LIMIT = 1 << 20


class GitFailed(SteersmanError):
    """The ``git`` program is missing or reported a failure."""

    default_reason = "GitFailed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitProgram:
    """How to start ``git`` so that nothing of the surrounding machine has a say.

    Attributes:
        path: the program.
        home: a directory without a user's configuration.
    """

    path: str
    home: Path

    @asynccontextmanager
    async def running(
        self, *args: str, git_dir: Path, env: Mapping[str, str] | None = None
    ) -> AsyncIterator[Process]:
        """Starts ``git`` with all three streams piped; kills it if it outlives the block."""
        process = await asyncio.create_subprocess_exec(
            self.path,
            "-c",
            "safe.directory=*",
            "-c",
            "uploadpack.allowAnySHA1InWant=true",
            "-c",
            "uploadpack.allowFilter=true",
            f"--git-dir={git_dir}",
            *args,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._environment(env),
            limit=_STREAM_LIMIT,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def run(
        self, *args: str, git_dir: Path, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> bytes:
        """Runs ``git`` to its end and returns its output.

        Raises:
            GitFailed: it ended with a failure; the message is the last line it wrote.
        """
        async with self.running(*args, git_dir=git_dir, env=env) as process:
            output, complaint = await process.communicate(stdin)
            if process.returncode:
                raise GitFailed(last_line(complaint) or f"git {args[0]} failed")
            return output

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return {
            "PATH": str(Path(self.path).parent),
            "HOME": str(self.home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            **(extra or {}),
        }


def last_line(output: bytes) -> str:
    """Returns the last line that says something, without Git's ``fatal:``."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ").removeprefix("error: ") if lines else ""


def find_git(home: Path) -> GitProgram:
    """Finds ``git`` on the path.

    Raises:
        GitFailed: it is not installed.
    """
    path = shutil.which("git")
    if path is None:
        raise GitFailed(
            "git is not installed", hint="install git 2.31 or newer: the embedded server uses it"
        )
    return GitProgram(path=path, home=home)


async def finish(process: Process) -> str:
    """Closes the input, waits for the end and returns the last line of complaint, or nothing."""
    if process.stdin is not None:
        process.stdin.close()
    complaint = await process.stderr.read() if process.stderr else b""
    await process.wait()
    return last_line(complaint) or "git failed" if process.returncode else ""
