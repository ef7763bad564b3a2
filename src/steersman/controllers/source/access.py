"""Credentials of a source, from the Secrets it names.

Every failure is an :class:`~steersman.errors.Denied` or :class:`~steersman.errors.Stalled` whose
reason and message are those of Flux's FetchFailed condition.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from steersman.apis.reasons import (
    AUTHENTICATION_FAILED,
    FEATURE_GATE_DISABLED,
    INVALID_PROVIDER_CONFIGURATION,
)
from steersman.apis.source.gitrepository import GitRepositorySpec
from steersman.clients.git import GitAuth, ProxySettings, auth_from_secret, proxy_from_secret
from steersman.clients.git.ssh import needs_passphrase
from steersman.clients.kube import KubeClient
from steersman.errors import Stalled, Unauthorized
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind

__all__ = ["git_auth", "git_proxy", "secret_data"]

_SECRET: Final = GroupVersionKind("", "v1", "Secret")
_GITHUB_APP_KEY: Final = "githubAppID"


async def secret_data(client: KubeClient, namespace: str, name: str) -> dict[str, bytes]:
    """Reads and decodes a Secret; entries that are not base64 are left out.

    Raises:
        Unauthorized: it cannot be read.
    """
    try:
        secret = await client.get(_SECRET, name, namespace)
    except ApiError as error:
        raise Unauthorized(
            f"failed to get secret '{namespace}/{name}': {error.message}",
            reason=AUTHENTICATION_FAILED,
        ) from error
    found: dict[str, bytes] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            continue
    return found


async def git_proxy(
    client: KubeClient, namespace: str, spec: GitRepositorySpec
) -> ProxySettings | None:
    """Reads ``spec.proxySecretRef``.

    Raises:
        Unauthorized: the Secret cannot be read, or holds no usable address.
    """
    if spec.proxy_secret_ref is None:
        return None
    name = spec.proxy_secret_ref.name
    try:
        data = await secret_data(client, namespace, name)
    except Unauthorized as error:
        raise Unauthorized(
            f"failed to configure proxy options: {error.message}", reason=AUTHENTICATION_FAILED
        ) from error
    return proxy_from_secret(f"{namespace}/{name}", data)


async def git_auth(client: KubeClient, namespace: str, spec: GitRepositorySpec) -> GitAuth:
    """Reads ``spec.secretRef`` and checks that it fits the address and the provider.

    Raises:
        Unauthorized: the Secret cannot be read, or is not enough.
        Stalled: the spec asks for what is switched off or contradicts itself.
    """
    _refuse_identities(spec)
    data: dict[str, bytes] = {}
    if spec.secret_ref is not None:
        data = await secret_data(client, namespace, spec.secret_ref.name)
    try:
        auth = auth_from_secret(spec.url, data)
    except Unauthorized as error:
        raise Unauthorized(
            f"failed to configure authentication options: {error.message}",
            reason=AUTHENTICATION_FAILED,
        ) from error
    where = f"{namespace}/{spec.secret_ref.name}" if spec.secret_ref else ""
    if auth.identity and needs_passphrase(auth):
        raise Unauthorized(
            "SSH identity key is encrypted but no 'password' field was provided in the secret "
            f"'{where}'",
            reason=AUTHENTICATION_FAILED,
        )
    if data.get(_GITHUB_APP_KEY):
        raise Unauthorized(
            f"secretRef '{where}' has github app data but provider is not set to github",
            reason=INVALID_PROVIDER_CONFIGURATION,
        )
    return auth


def _refuse_identities(spec: GitRepositorySpec) -> None:
    """Says no to providers that need an identity which this controller cannot have."""
    if spec.provider == "generic":
        return
    if spec.provider == "github" and spec.secret_ref is None:
        raise Stalled(
            "secretRef with github app data must be specified when provider is set to github",
            reason=INVALID_PROVIDER_CONFIGURATION,
        )
    if spec.service_account_name:
        raise Stalled(
            "to use spec.serviceAccountName for provider authentication please enable the "
            "ObjectLevelWorkloadIdentity feature gate in the controller",
            reason=FEATURE_GATE_DISABLED,
        )
    raise Stalled(
        f"provider '{spec.provider}' is not supported yet: use provider 'generic' with a secretRef",
        reason=INVALID_PROVIDER_CONFIGURATION,
    )
