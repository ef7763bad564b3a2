"""The embedded Git server: smart HTTP for the real ``git``, with users and branch rules.

Everything it knows is in its directory; a restart loses nothing that was acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from aiohttp import web

from steersman.kit.clock import Clock
from steersman.kit.pktline import PacketError
from steersman.kit.tasks import run_blocking
from steersman.servers.gitserver.process import GitFailed, find_git
from steersman.servers.gitserver.receive import Push, PushLimits, Receiver, advertise_receive
from steersman.servers.gitserver.repositories import Author, Repository, is_repository_name
from steersman.servers.gitserver.rules import BranchRules, RefUpdate
from steersman.servers.gitserver.upload import (
    advertise_upload,
    answer_listing,
    serve_upload,
)
from steersman.servers.gitserver.users import GitUser, Role, identify

__all__ = ["GitServer", "PushRefused"]

_MAX_REQUEST_BYTES = 32 * 1024 * 1024
_SERVICES = ("git-upload-pack", "git-receive-pack")
_NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate", "Pragma": "no-cache"}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="steersman git", charset="UTF-8"'}


class PushRefused(GitFailed):
    """A commit made through :meth:`GitServer.commit` broke a rule."""

    default_reason = "PushRefused"


class GitServer:
    """An HTTP server for the Git repositories in a directory; an async context manager.

    Args:
        root: where repositories are kept; made when missing.
        users: name → user. Whoever is not among them gets 401.
        clock: dates commits made through :meth:`commit`.
        rules: the special branches.
        limits: what one push may bring.
        host: the address to listen on.
        port: 0 takes a free one.
        public_url: how clients reach us when that is not ``host`` and ``port``.
    """

    def __init__(
        self,
        root: Path,
        *,
        users: Mapping[str, GitUser],
        clock: Clock,
        rules: BranchRules | None = None,
        limits: PushLimits | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        public_url: str = "",
    ) -> None:
        self._root = root
        self._users = users
        self._clock = clock
        self._rules = rules or BranchRules()
        self._limits = limits or PushLimits()
        self._host = host
        self._port = port
        self._public_url = public_url.rstrip("/")
        self._repositories: dict[str, Repository] = {}
        self._receivers: dict[str, Receiver] = {}
        self._listeners: list[Callable[[Push], None]] = []
        self._git = find_git(root)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address, without a slash at the end; a repository's is this plus ``/<name>``."""
        return self._public_url or f"http://{self._host}:{self._port}"

    def on_push(self, listener: Callable[[Push], None]) -> None:
        """Has ``listener`` told of every push, after its references moved and before the answer."""
        self._listeners.append(listener)

    @property
    def repositories(self) -> tuple[str, ...]:
        """The names of all repositories, sorted."""
        return tuple(sorted(self._repositories))

    async def __aenter__(self) -> GitServer:
        await run_blocking(self._load)
        app = web.Application(client_max_size=_MAX_REQUEST_BYTES)
        app.router.add_get("/{name:.+}/info/refs", self._info_refs)
        app.router.add_post("/{name:.+}/git-upload-pack", self._upload_pack)
        app.router.add_post("/{name:.+}/git-receive-pack", self._receive_pack)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def create_repository(self, name: str, *, default_branch: str = "main") -> Repository:
        """Makes an empty repository, or returns the one of that name.

        Raises:
            ValueError: the name cannot be used.
        """
        if name not in self._repositories:
            if not is_repository_name(name):
                raise ValueError(f"`{name}` cannot name a repository")
            path = self._root / f"{name}.git"
            self._add(await run_blocking(Repository.create, name, path, default_branch))
        return self._repositories[name]

    async def commit(
        self,
        name: str,
        branch: str,
        changes: Mapping[str, bytes | None],
        *,
        message: str,
        user: str,
    ) -> str:
        """Commits to a branch as if ``user`` had pushed it; the same rules and listeners apply.

        Args:
            name: the repository.
            branch: without ``refs/heads/``; made when missing.
            changes: path → new content, or ``None`` to delete.
            message: the commit message.
            user: one of the server's users.

        Returns:
            The commit.

        Raises:
            PushRefused: a rule forbids it.
        """
        author = Author(name=user, email=f"{user}@fleet.example", when=self._clock.now())
        update = await run_blocking(
            self._repositories[name].commit, branch, changes, message=message, author=author
        )
        await self.move(name, update, user=user)
        return update.new

    async def move(self, name: str, update: RefUpdate, *, user: str) -> None:
        """Moves a reference to a commit that is already there, as if ``user`` had pushed it.

        Raises:
            PushRefused: a rule forbids it.
        """
        role = self._users[user].role
        refusals = await self._receivers[name].apply([update], user, role)
        if refusals[0] is not None:
            raise PushRefused(f"{update.name}: {refusals[0]}")

    def _load(self) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        for head in sorted(self._root.glob("**/*.git/HEAD")):
            path = head.parent
            name = str(path.relative_to(self._root)).removesuffix(".git")
            self._add(Repository(name, path))

    def _add(self, repository: Repository) -> None:
        self._repositories[repository.name] = repository
        self._receivers[repository.name] = Receiver(
            repository,
            git=self._git,
            rules=self._rules,
            limits=self._limits,
            on_push=self._tell,
        )

    def _tell(self, push: Push) -> None:
        for listener in self._listeners:
            listener(push)

    def _admit(self, request: web.Request) -> tuple[str, Role, Repository]:
        """Who asks, in which role, for which repository; raises the HTTP answer that says no."""
        user = identify(request.headers.get("Authorization", ""), self._users)
        if user is None:
            raise web.HTTPUnauthorized(headers=_CHALLENGE, text="who are you?\n")
        name = request.match_info["name"].removesuffix(".git")
        repository = self._repositories.get(name)
        if repository is None:
            raise web.HTTPNotFound(text=f"there is no repository `{name}`\n")
        return user, self._users[user].role, repository

    async def _info_refs(self, request: web.Request) -> web.StreamResponse:
        user, role, repository = self._admit(request)
        service = request.query.get("service", "")
        if service not in _SERVICES:
            raise web.HTTPForbidden(text="only smart HTTP is served: use a newer git\n")
        if service == "git-receive-pack":
            _refuse_readers(user, role)
            body = advertise_receive(await run_blocking(repository.references))
        else:
            protocol = request.headers.get("Git-Protocol", "")
            body = await advertise_upload(repository, self._git, protocol)
        content_type = f"application/x-{service}-advertisement"
        return web.Response(body=body, content_type=content_type, headers=_NO_CACHE)

    async def _upload_pack(self, request: web.Request) -> web.StreamResponse:
        _, _, repository = self._admit(request)
        body = await request.read()
        protocol = request.headers.get("Git-Protocol", "")
        headers = {**_NO_CACHE, "Content-Type": "application/x-git-upload-pack-result"}
        try:
            listing = await answer_listing(repository, body)
        except PacketError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        if listing is not None:
            return web.Response(body=listing, headers=headers)
        response = web.StreamResponse(headers=headers)
        # Clients hang up once they have what they need; that is their right, not an error.
        with suppress(ConnectionResetError):
            await response.prepare(request)
            await serve_upload(
                repository, self._git, body, git_protocol=protocol, write=response.write
            )
            await response.write_eof()
        return response

    async def _receive_pack(self, request: web.Request) -> web.StreamResponse:
        user, role, repository = self._admit(request)
        _refuse_readers(user, role)
        try:
            report = await self._receivers[repository.name].receive(request.content, user, role)
        except PacketError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        content_type = "application/x-git-receive-pack-result"
        return web.Response(body=report, content_type=content_type, headers=_NO_CACHE)


def _refuse_readers(user: str, role: Role) -> None:
    if role is Role.READER:
        raise web.HTTPForbidden(text=f"{user} may not write\n")
