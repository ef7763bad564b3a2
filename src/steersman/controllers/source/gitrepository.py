"""GitRepository: follows a branch, tag or commit, and offers each revision as an artifact.

The steps of a run, in order; each raises what ends the run:

1. *storage*: old artifacts are collected; is the current one still there, and intact?
2. *access*: proxy and credentials.
3. *includes*: the artifacts of the repositories to include.
4. *fetch*: which commit is it? When nothing changed the run ends here.
5. *verify*: is the commit signed by somebody we trust?
6. *archive*: the new artifact is packed and stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from steersman.apis.meta import (
    ARTIFACT_IN_STORAGE,
    ARTIFACT_OUTDATED,
    FETCH_FAILED,
    FINALIZER,
    INCLUDE_UNAVAILABLE,
    RECONCILE_REQUESTED_AT,
    SOURCE_VERIFIED,
    STORAGE_OPERATION_FAILED,
    Artifact,
)
from steersman.apis.reasons import (
    ARCHIVE_OPERATION_FAILED,
    ARTIFACT_UP_TO_DATE,
    GARBAGE_COLLECTION_SUCCEEDED,
    GIT_OPERATION_FAILED,
    GIT_OPERATION_SUCCEEDED,
    INCLUDE_CHANGE,
    NEW_ARTIFACT,
    NEW_REVISION,
    NO_ARTIFACT,
    NOT_FOUND,
    PROGRESSING,
    SUCCEEDED,
)
from steersman.apis.source.gitrepository import (
    GVK,
    GitRepository,
    GitRepositoryStatus,
    decode_gitrepository,
)
from steersman.artifacts import ArtifactCorrupt, ArtifactStore
from steersman.clients.git import EmptyRepository, GitClient, GitOperationFailed, Snapshot
from steersman.conditions import StatusContract
from steersman.controllers.source.access import git_auth, git_proxy
from steersman.controllers.source.gitarchive import (
    Included,
    IncludeFailed,
    build_archive,
    missing_directory,
)
from steersman.controllers.source.gitrepository_facts import (
    CONTRACT,
    Inputs,
    artifact_metadata,
    content_changed,
    includes_differ,
    normal_url,
    record_artifact,
    recovered,
    stored_message,
    verification_mode,
)
from steersman.controllers.source.gitverify import verification_keys, verify_snapshot
from steersman.errors import Retry, SteersmanError, Waiting
from steersman.kit.archive import UnpackLimits, unpack
from steersman.kit.duration import parse_duration
from steersman.kit.tasks import run_blocking
from steersman.objects.identity import ObjectRef
from steersman.objects.manifest import Manifest, annotations_of, namespace_of
from steersman.runtime.cache import Cache, Change, IndexFunction
from steersman.runtime.outcome import Later, Settled
from steersman.runtime.reconciler import Context
from steersman.runtime.triggers import Watch, dependents
from steersman.sources.checkout import choose_checkout

__all__ = ["BY_URL", "GitRepositoryReconciler", "repositories_at"]

BY_URL: Final = "url"
"""The index under which objects are filed by their address."""

_BY_INCLUDE: Final = "include"
_ARCHIVE_SUFFIX: Final = ".tar.gz"


class GitRepositoryReconciler:
    """The controller of GitRepository.

    Args:
        git: fetches.
        store: keeps the artifacts.
        requeue_dependency: seconds until an include that is missing is looked for again.
        concurrency: how many objects are reconciled at once.
    """

    kind = GVK
    controller = "source-controller"
    status_manager = controller
    contract: StatusContract = CONTRACT
    finalizer = FINALIZER

    def __init__(
        self,
        git: GitClient,
        store: ArtifactStore,
        *,
        requeue_dependency: float = 30.0,
        concurrency: int = 10,
    ) -> None:
        self._git = git
        self._store = store
        self._requeue_dependency = requeue_dependency
        self.concurrency = concurrency

    @property
    def watches(self) -> Sequence[Watch]:
        """A new artifact concerns the repositories that include it."""
        return (
            Watch(
                kind=GVK,
                when=_artifact_changed,
                select=dependents(_BY_INCLUDE),
                reason="included artifact changed",
            ),
        )

    @property
    def indexes(self) -> Mapping[str, IndexFunction]:
        """By address, and by what is included."""
        return {BY_URL: _url_key, _BY_INCLUDE: _include_keys}

    def retry_seconds(self, obj: Manifest) -> float | None:
        """Failures are tried again with exponential back-off."""
        return None

    async def reconcile(self, ctx: Context) -> Settled | Later:
        """Brings the artifact up to date with the remote repository."""
        obj = decode_gitrepository(ctx.obj)
        await _Run(ctx, obj, self._git, self._store, self._requeue_dependency).through()
        return Settled(parse_duration(obj.spec.interval).total_seconds())

    async def finalize(self, ctx: Context) -> Later | None:
        """Removes all artifacts of the object."""
        ref = ctx.ref
        removed = await run_blocking(self._store.remove_all, ref.kind, ref.namespace, ref.name)
        if removed:
            ctx.events.trace(
                GARBAGE_COLLECTION_SUCCEEDED, "garbage collected artifacts for deleted resource"
            )
        return None


def repositories_at(cache: Cache, url: str) -> Iterable[ObjectRef]:
    """Returns the objects that follow the repository at an address, as after a push to it."""
    return map(ObjectRef.of, cache.by_index(BY_URL, normal_url(url)))


def _url_key(obj: Manifest) -> Iterable[Hashable]:
    spec = obj.get("spec")
    url = spec.get("url") if isinstance(spec, dict) else None
    try:
        return (normal_url(url),) if isinstance(url, str) else ()
    except ValueError:
        return ()


def _include_keys(obj: Manifest) -> Iterable[Hashable]:
    spec = obj.get("spec")
    includes = spec.get("include") if isinstance(spec, dict) else None
    for include in includes if isinstance(includes, list) else ():
        name = ((include or {}).get("repository") or {}).get("name")
        if isinstance(name, str):
            yield ObjectRef(GVK.group, GVK.kind, namespace_of(obj), name)


def _digest(obj: Manifest | None) -> object:
    status = (obj or {}).get("status")
    artifact = status.get("artifact") if isinstance(status, dict) else None
    return artifact.get("digest") if isinstance(artifact, dict) else None


def _artifact_changed(change: Change) -> bool:
    return _digest(change.new) is not None and _digest(change.new) != _digest(change.old)


class _Run:
    """One run for one object; the steps share only what they hand on."""

    def __init__(
        self,
        ctx: Context,
        obj: GitRepository,
        git: GitClient,
        store: ArtifactStore,
        requeue_dependency: float,
    ) -> None:
        self._ctx = ctx
        self._obj = obj
        self._spec = obj.spec
        self._status = ctx.status
        self._git = git
        self._store = store
        self._requeue_dependency = requeue_dependency

    async def through(self) -> None:
        """Takes the run through its steps."""
        self._status.delete(STORAGE_OPERATION_FAILED)
        before = self._obj.status.artifact
        inputs = Inputs(
            spec=self._spec,
            status=self._obj.status,
            artifact=await self._check_storage(before),
            includes=(),
        )
        inputs, snapshot = await self._fetch(inputs)
        if snapshot.commit is None:
            self._conclude_unchanged(inputs, str(snapshot.revision))
            self._tell(before, inputs.artifact, str(snapshot.revision))
            return
        await self._verify(snapshot)
        await self._note_revision(inputs, str(snapshot.revision))
        artifact = await self._archive(inputs, snapshot)
        self._status.delete(ARTIFACT_OUTDATED)
        self._status.mark_true(ARTIFACT_IN_STORAGE, SUCCEEDED, stored_message(artifact.revision))
        self._tell(before, artifact, snapshot.commit.subject)

    # 1. storage

    async def _check_storage(self, artifact: Artifact | None) -> Artifact | None:
        missing = False
        if artifact is not None:
            await self._collect_garbage(artifact)
            missing = not await self._is_intact(artifact)
        if artifact is None or missing:
            message = "building artifact" + (": disappeared from storage" if missing else "")
            self._status.set("artifact", None)
            self._status.mark_progressing(PROGRESSING, message, drift=True)
            self._status.delete(ARTIFACT_IN_STORAGE)
            await self._ctx.progress()
            return None
        url = self._store.url_of(artifact.path)
        if url != artifact.url:
            artifact = msgspec.structs.replace(artifact, url=url)
            self._status.set("artifact", artifact)
        return artifact

    async def _collect_garbage(self, artifact: Artifact) -> None:
        try:
            removed = await run_blocking(self._store.collect_garbage, artifact)
        except OSError:
            return  # nothing to collect where nothing is; the next check says so
        if removed:
            self._ctx.events.trace(
                GARBAGE_COLLECTION_SUCCEEDED, f"garbage collected {len(removed)} artifacts"
            )

    async def _is_intact(self, artifact: Artifact) -> bool:
        try:
            await run_blocking(self._store.verify, artifact)
        except ArtifactCorrupt as corrupt:
            self._ctx.events.error(
                corrupt.reason, f"failed to verify integrity of artifact: {corrupt.message}"
            )
            await run_blocking(self._store.remove, artifact)
            return False
        except OSError:
            return False
        return True

    # 2. to 4. access, includes, fetch

    async def _fetch(self, inputs: Inputs) -> tuple[Inputs, Snapshot]:
        if self._status.is_false(SOURCE_VERIFIED):
            self._status.delete(SOURCE_VERIFIED)
        client, namespace = self._ctx.client, self._ctx.ref.namespace
        try:
            proxy = await git_proxy(client, namespace, self._spec)
            auth = await git_auth(client, namespace, self._spec)
            inputs = replace(inputs, includes=self._find_includes())
            await self._note_includes(inputs)

            async def look(known: str) -> Snapshot:
                return await self._git.snapshot(
                    self._spec.url,
                    choose_checkout(self._spec.ref),
                    auth=auth,
                    proxy=proxy,
                    known=known,
                    submodules=self._spec.recurse_submodules,
                )

            may_skip = self._status.is_true(ARTIFACT_IN_STORAGE) and inputs.artifact is not None
            known = inputs.artifact.revision if may_skip and inputs.artifact else ""
            snapshot = await self._timed(look(known))
            if snapshot.commit is None and content_changed(inputs):
                snapshot = await self._timed(look(""))
            self._check_directories(snapshot)
        except Waiting:
            raise
        except SteersmanError as error:
            self._status.mark_true(FETCH_FAILED, error.reason, _told(error))
            raise
        self._status.delete(FETCH_FAILED)
        return inputs, snapshot

    async def _timed(self, look: Awaitable[Snapshot]) -> Snapshot:
        url = self._spec.url
        try:
            async with asyncio.timeout(parse_duration(self._spec.timeout).total_seconds()):
                return await look
        except TimeoutError as error:
            raise GitOperationFailed(
                f"failed to checkout and determine revision: unable to clone '{url}': context "
                f"deadline exceeded: no answer within {self._spec.timeout}"
            ) from error
        except EmptyRepository:
            raise
        except SteersmanError as error:
            raise type(error)(
                f"failed to checkout and determine revision: {error.message}",
                reason=GIT_OPERATION_FAILED,
                hint=error.hint,
            ) from error

    def _check_directories(self, snapshot: Snapshot) -> None:
        if snapshot.commit is None or not self._spec.sparse_checkout:
            return
        missing = missing_directory(snapshot, self._spec.sparse_checkout)
        if missing:
            raise GitOperationFailed(
                f"failed to sparse checkout directories : sparse checkout dir '{missing}' does not "
                "exist in repository"
            )

    def _find_includes(self) -> tuple[Artifact, ...]:
        found = []
        for include in self._spec.include:
            name = include.repository.name
            other = self._ctx.caches[GVK].find(self._ctx.ref.namespace, name)
            if other is None:
                raise self._unavailable(
                    NOT_FOUND,
                    f"could not get resource for include '{name}': "
                    f'GitRepository.source.toolkit.fluxcd.io "{name}" not found',
                )
            artifact = _artifact_of(other)
            if artifact is None:
                raise self._unavailable(NO_ARTIFACT, f"no artifact available for include '{name}'")
            found.append(artifact)
        self._status.delete(INCLUDE_UNAVAILABLE)
        return tuple(found)

    def _unavailable(self, reason: str, message: str) -> Waiting:
        self._status.mark_true(INCLUDE_UNAVAILABLE, reason, message)
        self._ctx.events.trace(reason, message)
        return Waiting(message, after=self._requeue_dependency, reason=reason)

    async def _note_includes(self, inputs: Inputs) -> None:
        if includes_differ(inputs):
            message = "included artifacts differ from last observed includes"
            if inputs.status.included_artifacts:
                self._status.mark_true(ARTIFACT_OUTDATED, INCLUDE_CHANGE, message)
            self._status.mark_progressing(PROGRESSING, f"building artifact: {message}", drift=True)
            await self._ctx.progress()
        self._status.delete(ARTIFACT_OUTDATED)

    def _conclude_unchanged(self, inputs: Inputs, revision: str) -> None:
        if self._is_requested():
            self._ctx.events.trace(
                GIT_OPERATION_SUCCEEDED,
                f"no changes since last reconciliation: observed revision '{revision}'",
            )
        self._status.mark_true(ARTIFACT_IN_STORAGE, SUCCEEDED, stored_message(revision))

    def _is_requested(self) -> bool:
        """Whether somebody asked for this run; only then is "nothing new" told.

        Flux tells it at each interval, which costs a write for each object and interval.
        """
        asked = annotations_of(self._ctx.obj).get(RECONCILE_REQUESTED_AT)
        return asked is not None and asked != self._obj.status.last_handled_reconcile_at

    # 5. verify

    async def _verify(self, snapshot: Snapshot) -> None:
        if self._spec.verify is None:
            self._status.set("sourceVerificationMode", None)
            self._status.delete(SOURCE_VERIFIED)
            return
        try:
            keys = await verification_keys(
                self._ctx.client, self._ctx.ref.namespace, self._spec.verify
            )
            message = verify_snapshot(self._spec.verify, snapshot, keys)
        except SteersmanError as error:
            self._status.mark_false(SOURCE_VERIFIED, error.reason, error.message)
            raise
        self._status.set("sourceVerificationMode", verification_mode(self._spec.verify))
        self._status.mark_true(SOURCE_VERIFIED, SUCCEEDED, message)
        self._ctx.events.trace(SUCCEEDED, message)

    # 6. archive

    async def _note_revision(self, inputs: Inputs, revision: str) -> None:
        if inputs.artifact is not None and inputs.artifact.revision == revision:
            return
        message = f"new upstream revision '{revision}'"
        if inputs.artifact is not None:
            self._status.mark_true(ARTIFACT_OUTDATED, NEW_REVISION, message)
        self._status.mark_progressing(PROGRESSING, f"building artifact: {message}", drift=True)
        await self._ctx.progress()

    async def _archive(self, inputs: Inputs, snapshot: Snapshot) -> Artifact:
        revision = str(snapshot.revision)
        current = inputs.artifact
        if current is not None and current.revision == revision and not content_changed(inputs):
            if self._is_requested():
                self._ctx.events.trace(
                    ARTIFACT_UP_TO_DATE,
                    f"artifact up-to-date with remote revision: '{revision}'",
                )
            return current
        try:
            artifact = await run_blocking(self._build, inputs, snapshot)
        except IncludeFailed as error:
            raise self._storage_failed("CopyFailure", str(error)) from error
        except (SteersmanError, OSError) as error:
            what = _told(error) if isinstance(error, SteersmanError) else str(error)
            message = f"unable to archive artifact to storage: {what}"
            raise self._storage_failed(ARCHIVE_OPERATION_FAILED, message) from error
        record_artifact(self._status, inputs, artifact)
        return artifact

    def _storage_failed(self, reason: str, message: str) -> Retry:
        self._status.mark_true(STORAGE_OPERATION_FAILED, reason, message)
        return Retry(message, reason=reason)

    def _build(self, inputs: Inputs, snapshot: Snapshot) -> Artifact:
        """Runs in a thread."""
        pairs = zip(self._spec.include, inputs.includes, strict=True)
        included = [
            Included(include, unpack(self._store.read(artifact), UnpackLimits()))
            for include, artifact in pairs
        ]
        ref = self._ctx.ref
        return self._store.put(
            build_archive(self._spec, snapshot, included),
            kind=ref.kind,
            namespace=ref.namespace,
            name=ref.name,
            file=f"{snapshot.revision.commit}{_ARCHIVE_SUFFIX}",
            revision=str(snapshot.revision),
        )

    # and what people are told

    def _tell(self, before: Artifact | None, artifact: Artifact | None, what: str) -> None:
        if artifact is None:
            return
        message = f"stored artifact for commit '{what}'"
        if before is None or before.digest != artifact.digest:
            self._ctx.events.info(NEW_ARTIFACT, message, artifact_metadata(artifact))
        elif recovered(self._ctx.obj, self._status):
            self._ctx.events.info(SUCCEEDED, message, artifact_metadata(artifact))


def _told(error: SteersmanError) -> str:
    return f"{error.message}: {error.hint}" if error.hint else error.message


def _artifact_of(obj: Manifest) -> Artifact | None:
    status = obj.get("status")
    if not isinstance(status, dict) or not status.get("artifact"):
        return None
    try:
        return msgspec.convert(status, GitRepositoryStatus).artifact
    except msgspec.ValidationError:
        return None
