"""The artifact store: files below ``<kind>/<namespace>/<name>/``, written whole or not at all.

All methods block for a moment; call them in a thread. One object is written by one reconcile at a
time, so the store needs no locks of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from steersman.apis.meta import Artifact
from steersman.errors import SteersmanError
from steersman.kit.clock import Clock, format_rfc3339
from steersman.kit.digest import digest_of, is_digest_of, parse_digest
from steersman.kit.paths import secure_join

__all__ = ["ArtifactCorrupt", "ArtifactStore", "Retention"]

_GARBAGE_WALK_LIMIT = 1000
"""As Flux: one collection looks at no more files of one object than this."""


class ArtifactCorrupt(SteersmanError):
    """A stored file is not what its digest says."""

    default_reason = "ArtifactVerificationFailed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Which artifacts of one object stay beside the current one.

    Attributes:
        ttl: younger files stay, whatever their number.
        records: how many files stay at most; the youngest do, the current one always.
    """

    ttl: timedelta = timedelta(seconds=60)
    records: int = 2


class ArtifactStore:
    """Artifacts on disk.

    Args:
        root: the directory; made when missing.
        base_url: where it is served, without a slash at the end.
        clock: dates the artifacts.
        retention: what the garbage collection leaves.
        algorithm: of the digests.
    """

    def __init__(
        self,
        root: Path,
        base_url: str,
        *,
        clock: Clock,
        retention: Retention | None = None,
        algorithm: str = "sha256",
    ) -> None:
        self.root = root
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._retention = retention or Retention()
        self._algorithm = algorithm

    def put(
        self,
        data: bytes,
        *,
        kind: str,
        namespace: str,
        name: str,
        file: str,
        revision: str,
        metadata: dict[str, str] | None = None,
    ) -> Artifact:
        """Stores an archive and returns its artifact.

        A crash leaves the old file, or none, but never half of one.

        Args:
            data: the archive.
            kind: of the object that owns it.
            namespace: of that object.
            name: of that object.
            file: the name of the file.
            revision: what it was made from.
            metadata: what else the artifact says.
        """
        path = f"{kind.lower()}/{namespace}/{name}/{file}"
        target = self.local_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        now = self._clock.now()
        descriptor, draft = tempfile.mkstemp(prefix=".draft-", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
            # Age is counted on our clock, which need not be the file system's.
            os.utime(draft, (now.timestamp(), now.timestamp()))
            Path(draft).replace(target)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(draft).unlink()
            raise
        return Artifact(
            path=path,
            url=self.url_of(path),
            revision=revision,
            digest=str(digest_of(data, self._algorithm)),
            last_update_time=format_rfc3339(now),
            size=len(data),
            metadata=metadata or {},
        )

    def local_path(self, path: str) -> Path:
        """Returns where an artifact's ``path`` is on disk; never outside the root."""
        return secure_join(self.root, path)

    def url_of(self, path: str) -> str:
        """Returns the address at which ``path`` is served now."""
        return f"{self._base_url}/{path}"

    def exists(self, artifact: Artifact) -> bool:
        """Whether the file is there."""
        path = self.local_path(artifact.path)
        return path.is_file() and not path.is_symlink()

    def read(self, artifact: Artifact) -> bytes:
        """Reads the file and verifies it.

        Raises:
            FileNotFoundError: it is not there.
            ArtifactCorrupt: it is not what the digest says.
        """
        data = self.local_path(artifact.path).read_bytes()
        try:
            digest = parse_digest(artifact.digest)
        except ValueError as error:
            raise ArtifactCorrupt(str(error)) from error
        if not is_digest_of(digest, data):
            raise ArtifactCorrupt(f"computed digest doesn't match '{artifact.digest}'")
        return data

    def verify(self, artifact: Artifact) -> None:
        """Checks that the file is what its digest says; raises like :meth:`read`."""
        self.read(artifact)

    def remove(self, artifact: Artifact) -> None:
        """Removes the file, if it is there."""
        with suppress(FileNotFoundError):
            self.local_path(artifact.path).unlink()

    def remove_all(self, kind: str, namespace: str, name: str) -> bool:
        """Removes all artifacts of an object; returns whether there were any."""
        directory = self.local_path(f"{kind.lower()}/{namespace}/{name}")
        if not directory.is_dir():
            return False
        shutil.rmtree(directory)
        return True

    def collect_garbage(self, current: Artifact) -> list[str]:
        """Removes old artifacts beside the current one; returns the names of the files.

        First all that are older than the time to live; then, while more than the allowed number
        are left, the oldest. The current one always stays.
        """
        keep = self.local_path(current.path)
        found: list[tuple[datetime, Path]] = []
        with os.scandir(keep.parent) as entries:
            for entry in entries:
                if len(found) >= _GARBAGE_WALK_LIMIT:
                    break
                if entry.is_file(follow_symlinks=False):
                    age = datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)
                    found.append((age, Path(entry.path)))
        now, retention = self._clock.now(), self._retention
        others = sorted((age, path) for age, path in found if path != keep)
        expired = [path for age, path in others if now - age > retention.ttl]
        young = [path for age, path in others if now - age <= retention.ttl]
        excess = len(found) - len(expired) - retention.records
        garbage = expired + young[: max(excess, 0)]
        for path in garbage:
            path.unlink(missing_ok=True)
        return [path.name for path in garbage]
