"""As whom, and on which cluster, a Kustomization is applied.

Source: behaviour of fluxcd/pkg runtime/client (Impersonator).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import OrderedDict
from contextlib import AsyncExitStack
from types import TracebackType
from typing import NamedTuple

from steersman.apis.kustomization import Kustomization
from steersman.clients.kube.client import KubeClient
from steersman.clients.kube.kubeconfig import parse_kubeconfig
from steersman.errors import InvalidSpec, Stalled, SteersmanError
from steersman.kit.clock import Clock
from steersman.kit.digest import digest_of
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind

__all__ = ["Access", "AccessFailed", "RemoteClusters", "can_impersonate", "open_access"]

_SECRET = GroupVersionKind("", "v1", "Secret")
_SERVICE_ACCOUNT = GroupVersionKind("", "v1", "ServiceAccount")
_MOST_CLUSTERS = 256


class AccessFailed(SteersmanError):
    """The kubeconfig could not be read or used."""

    default_reason = "ReconciliationFailed"


class Access(NamedTuple):
    """One identity on one cluster.

    Args:
        client: acts as that identity.
        key: tells identities and clusters apart; changes with the kubeconfig.
        is_local: the objects live in the cluster of the Kustomization, and we act as ourselves or
            as one of its service accounts.
    """

    client: KubeClient
    key: str
    is_local: bool


class RemoteClusters:
    """Clients of other clusters, one a kubeconfig. Use as an async context manager.

    Args:
        clock: for the clients.
        user_agent: told to the servers.
        insecure_tls: accept kubeconfigs that do not verify the server.
    """

    def __init__(self, *, clock: Clock, user_agent: str, insecure_tls: bool = False) -> None:
        self._clock = clock
        self._user_agent = user_agent
        self._insecure_tls = insecure_tls
        self._clients: OrderedDict[str, tuple[KubeClient, AsyncExitStack]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> RemoteClusters:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._clients:
            _, (_, stack) = self._clients.popitem()
            await stack.aclose()

    async def client_for(self, kubeconfig: bytes) -> tuple[KubeClient, str]:
        """Returns the client of a kubeconfig and the digest that names it.

        Raises:
            InvalidSpec: the kubeconfig cannot be used.
        """
        digest = str(digest_of(kubeconfig))
        async with self._lock:
            found = self._clients.get(digest)
            if found is None:
                connection = parse_kubeconfig(kubeconfig)
                if connection.insecure and not self._insecure_tls:
                    raise InvalidSpec(
                        "the kubeconfig does not verify the server's certificate,"
                        " which is not allowed",
                        hint="add certificate-authority-data to the kubeconfig",
                    )
                stack = AsyncExitStack()
                client = await stack.enter_async_context(
                    KubeClient(connection, user_agent=self._user_agent, clock=self._clock)
                )
                found = self._clients[digest] = (client, stack)
                if len(self._clients) > _MOST_CLUSTERS:
                    _, (_, oldest) = self._clients.popitem(last=False)
                    await oldest.aclose()
            self._clients.move_to_end(digest)
            return found[0], digest


async def open_access(
    kustomization: Kustomization,
    *,
    local: KubeClient,
    remotes: RemoteClusters,
    default_service_account: str,
) -> Access:
    """Chooses cluster and identity.

    Args:
        kustomization: says which.
        local: our own client of our own cluster.
        remotes: clients of the others.
        default_service_account: used when the spec names none; empty to act as ourselves.

    Raises:
        AccessFailed: the Secret with the kubeconfig is missing, or unusable.
        Stalled: the kind of reference is not supported.
    """
    client, cluster = local, ""
    if kustomization.spec.kube_config is not None:
        client, cluster = await _open_remote(kustomization, local, remotes)
    account = kustomization.spec.service_account_name or default_service_account
    if account:
        user = f"system:serviceaccount:{kustomization.metadata.namespace}:{account}"
        return Access(client.impersonating(user), f"{cluster} {user}", not cluster)
    return Access(client, cluster, not cluster)


async def _open_remote(
    kustomization: Kustomization, local: KubeClient, remotes: RemoteClusters
) -> tuple[KubeClient, str]:
    config = kustomization.spec.kube_config
    assert config is not None
    if config.secret_ref is None:
        raise Stalled(
            "spec.kubeConfig.configMapRef is not supported",
            reason="InvalidSpec",
            hint="use spec.kubeConfig.secretRef",
        )
    namespace, ref = kustomization.metadata.namespace, config.secret_ref
    label = f"{namespace}/{ref.name}"
    try:
        secret = await local.get(_SECRET, ref.name, namespace)
    except ApiError as error:
        raise AccessFailed(
            f"unable to read KubeConfig secret '{label}' error: {error.message}"
        ) from error
    data = secret.get("data") or {}
    keys = (ref.key,) if ref.key else ("value", "value.yaml")
    encoded = next((data[key] for key in keys if data.get(key)), None)
    if encoded is None:
        raise AccessFailed(
            f"KubeConfig secret '{label}' does not contain a '{keys[0]}' key with a kubeconfig"
        )
    try:
        return await remotes.client_for(base64.b64decode(encoded, validate=True))
    except (binascii.Error, InvalidSpec) as error:
        message = error.message if isinstance(error, InvalidSpec) else "the data is not base64"
        raise AccessFailed(f"KubeConfig secret '{label}': {message}") from error


async def can_impersonate(
    kustomization: Kustomization, *, local: KubeClient, default_service_account: str
) -> bool:
    """Tells whether the service account to act as still exists, for the last prune."""
    account = kustomization.spec.service_account_name or default_service_account
    if not account:
        return True
    try:
        await local.get(_SERVICE_ACCOUNT, account, kustomization.metadata.namespace)
    except SteersmanError:
        return False
    return True
