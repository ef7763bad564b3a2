"""``ApiServer``: one embedded cluster on loopback ports."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web

from steersman.kit.clock import Clock
from steersman.kit.yaml import dump
from steersman.schemas.catalogue import Catalogue, load_catalogue
from steersman.servers.apiserver.admission import Admission, NamespaceLifecycle
from steersman.servers.apiserver.authn import MASTERS, Authenticator
from steersman.servers.apiserver.bootstrap import bootstrap
from steersman.servers.apiserver.builtins import builtin_resources
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.controllers.aggregation import RoleAggregation
from steersman.servers.apiserver.controllers.definitions import DefinitionController
from steersman.servers.apiserver.controllers.garbage import GarbageCollector
from steersman.servers.apiserver.controllers.namespaces import NamespaceController
from steersman.servers.apiserver.controllers.quotas import QuotaController
from steersman.servers.apiserver.controllers.reactor import Reactor
from steersman.servers.apiserver.controllers.system import System
from steersman.servers.apiserver.deletes import Deleter
from steersman.servers.apiserver.discovery import Discovery
from steersman.servers.apiserver.documents import Documents
from steersman.servers.apiserver.escalation import EscalationCheck
from steersman.servers.apiserver.frontdoor import FrontDoor
from steersman.servers.apiserver.identity import ADMIN, Account, Credentials
from steersman.servers.apiserver.journal import SqliteJournal
from steersman.servers.apiserver.limits import LimitRanger
from steersman.servers.apiserver.openapi import OpenApi
from steersman.servers.apiserver.podsecurityadmission import PodSecurity
from steersman.servers.apiserver.quota import QuotaCheck
from steersman.servers.apiserver.rbac import Rbac
from steersman.servers.apiserver.resources import ResourceTable
from steersman.servers.apiserver.rest import BODY_LIMIT, RestApi
from steersman.servers.apiserver.reviews import Reviews
from steersman.servers.apiserver.scales import Scales
from steersman.servers.apiserver.storage import Store
from steersman.servers.apiserver.strategies.registry import BuiltinStrategies
from steersman.servers.apiserver.subresources import Subresources
from steersman.servers.apiserver.tokens import ServiceAccountTokens
from steersman.servers.apiserver.tracking import Tracking
from steersman.servers.apiserver.writes import Writer

__all__ = ["ApiServer"]


class ApiServer:
    """An embedded Kubernetes API server; an async context manager.

    It listens twice on the same address: plain HTTP, for clients in this process, and TLS, for
    any other. Both ask for credentials.

    Args:
        clock: where time comes from; may be virtual.
        catalogue: the built-in kinds; the newest supported minor when absent.
        data_dir: where objects and credentials are kept; memory only when absent.
        name: the cluster's name in kubeconfigs.
        users: accounts besides the administrator.
        host: the address to listen on.
        port: for TLS; 0 takes the port of the last run, or a free one.
        seed: makes uids, names and tokens repeatable.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        catalogue: Catalogue | None = None,
        data_dir: Path | None = None,
        name: str = "steersman",
        users: Sequence[Account] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int | None = None,
    ) -> None:
        self.name = name
        self._clock = clock
        self._catalogue = catalogue or load_catalogue()
        self._data_dir = data_dir
        self._users = (Account(name=ADMIN, groups=(MASTERS,)), *users)
        self._host = host
        self._port = port
        self._seed = seed
        self._closing = asyncio.Event()
        self._runner: web.ServerRunner | None = None
        self._ports = (0, 0)

    async def __aenter__(self) -> ApiServer:
        """Loads the state and listens."""
        self._load()
        await self._listen()
        return self

    def _load(self) -> None:
        journal = identity = None
        if self._data_dir is not None:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            journal = SqliteJournal(self._data_dir / "objects.sqlite")
            identity = self._data_dir / "identity.json"
        self.store = Store(journal)
        self.table = ResourceTable()
        self.cluster = Cluster(
            store=self.store, table=self.table, clock=self._clock, seed=self._seed
        )
        strategies = BuiltinStrategies(self._catalogue)
        for resource in builtin_resources(self._catalogue, strategies):
            self.table.add(resource)
        self._credentials = Credentials.load(
            identity, self._clock.now(), self._host, self._secrets()
        )
        self._tokens = {
            account.name: self._credentials.token_of(account, self._secrets())
            for account in self._users
        }
        self._rbac = Rbac(self.cluster)
        admission = Admission(
            [
                NamespaceLifecycle(self.cluster),
                EscalationCheck(self._rbac),
                LimitRanger(self.cluster),
                PodSecurity(self.cluster),
                QuotaCheck(self.cluster),
            ]
        )
        self._tracking = Tracking(self._catalogue, strategies.codec)
        self.writer = Writer(self.cluster, self._tracking, admission)
        self.deleter = Deleter(self.cluster, admission)
        bootstrap(self.cluster, self.writer)
        system = System(self.cluster, self.writer, self.deleter)
        self._reactor = Reactor()
        self._controllers = (
            GarbageCollector(system, self._reactor, self.store),
            RoleAggregation(system, self._reactor, self.store),
            QuotaController(system, self._reactor, self.store),
            NamespaceController(
                system, self._reactor, self.store, self._credentials.authority.certificate
            ),
            DefinitionController(
                system, self._reactor, self.store, self._catalogue, strategies.codec
            ),
        )

    def _secrets(self) -> Iterator[str]:
        while True:
            yield self.cluster.token(32)

    def _front_door(self) -> FrontDoor:
        by_token = {self._tokens[account.name]: account.user for account in self._users}
        rest = RestApi(
            self.cluster,
            self.writer,
            self.deleter,
            self._catalogue,
            self._rbac.decide,
            self._closing,
        )
        documents = Documents(
            minor=self._catalogue.minor,
            table=self.table,
            discovery=Discovery(self.table),
            openapi=OpenApi(self._catalogue, self.table),
        )
        tokens = ServiceAccountTokens(self.cluster, self._credentials.signing_key)
        authenticator = Authenticator(by_token, tokens.user_of)
        reviews = Reviews(self.cluster, rest, self._tracking, self._rbac, authenticator)
        parts = Subresources(self.cluster, rest, self.deleter, tokens)
        scales = Scales(self.cluster, rest, self.writer, self._tracking)
        return FrontDoor(
            table=self.table,
            authenticator=authenticator,
            authorizer=self._rbac.decide,
            rest=rest,
            documents=documents,
            specials={**reviews.specials(), **parts.specials(), "*/scale": scales.serve},
        )

    async def _listen(self) -> None:
        door = self._front_door()
        loop = asyncio.get_running_loop()

        def make_request(*parts: Any) -> web.BaseRequest:
            message, payload, protocol, writer, task = parts
            return web.BaseRequest(
                message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT + 1
            )

        server = web.Server(
            door.handle,
            request_factory=make_request,
            handler_cancellation=True,
            access_log=None,
            max_line_size=65_536,
            max_field_size=65_536,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        http_port, tls_port = self._credentials.ports
        context = self._credentials.authority.server_context(self._credentials.server)
        http = await self._bind(http_port, None)
        tls = await self._bind(self._port or tls_port, context)
        self._ports = (http, tls)
        self._credentials.keep_ports(http, tls)

    async def _bind(self, wanted: int, context: Any) -> int:
        """Listens on the wanted port, or on a free one when it is taken and was not asked for."""
        assert self._runner is not None
        try:
            site = web.TCPSite(self._runner, self._host, wanted, ssl_context=context)
            await site.start()
        except OSError:
            if not wanted or wanted == self._port:
                raise
            site = web.TCPSite(self._runner, self._host, 0, ssl_context=context)
            await site.start()
        return int(site.port)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends watches, stops listening and closes the files."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
        self._reactor.close()
        self.store.close()

    async def wait_settled(self) -> None:
        """Returns when the control plane has dealt with everything committed so far."""
        await self._reactor.settled()

    @property
    def url(self) -> str:
        """The plain HTTP address, for clients on this machine."""
        return f"http://{self._host}:{self._ports[0]}"

    @property
    def tls_url(self) -> str:
        """The TLS address."""
        return f"https://{self._host}:{self._ports[1]}"

    @property
    def certificate_authority(self) -> str:
        """The certificate by which clients verify :attr:`tls_url`, PEM."""
        return self._credentials.authority.certificate

    def token(self, user: str = ADMIN) -> str:
        """Returns the bearer token of an account.

        Raises:
            KeyError: there is no such account.
        """
        return self._tokens[user]

    def kubeconfig(self, user: str = ADMIN, *, certificate: bool = False) -> str:
        """Returns a kubeconfig for the TLS address.

        Args:
            user: an account's name.
            certificate: use a client certificate instead of the token.
        """
        account = next(one for one in self._users if one.name == user)
        identity: dict[str, Any] = {"token": self._tokens[user]}
        if certificate:
            pair = self._credentials.authority.client(account.name, account.groups)
            identity = {
                "client-certificate-data": _encoded(pair.certificate),
                "client-key-data": _encoded(pair.key),
            }
        cluster = {
            "certificate-authority-data": _encoded(self.certificate_authority),
            "server": self.tls_url,
        }
        context = {"cluster": self.name, "user": user}
        return dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": self.name, "cluster": cluster}],
                "users": [{"name": user, "user": identity}],
                "contexts": [{"name": self.name, "context": context}],
                "current-context": self.name,
            }
        )


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
