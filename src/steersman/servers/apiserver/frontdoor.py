"""The way of every request: who asks, may they, what is there, and how failures look."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from steersman.objects.apistatus import ApiError
from steersman.servers.apiserver.answers import method_not_allowed, unknown_resource
from steersman.servers.apiserver.authn import Authenticator, User
from steersman.servers.apiserver.authz import Authorizer, refusal
from steersman.servers.apiserver.documents import Documents
from steersman.servers.apiserver.impersonation import impersonate
from steersman.servers.apiserver.replies import PLAIN_404, reply_error, reply_text
from steersman.servers.apiserver.requests import RequestInfo, parse_request
from steersman.servers.apiserver.resources import ResourceTable
from steersman.servers.apiserver.rest import Call, RestApi

__all__ = ["FrontDoor"]

_log = logging.getLogger(__name__)

Special = Callable[[Call], Awaitable[web.StreamResponse]]
"""Serves one subresource, or a resource that is not stored."""


class FrontDoor:
    """Answers every request of the server.

    Args:
        table: what is served.
        authenticator: finds the user.
        authorizer: decides what they may do.
        rest: serves resources.
        documents: serves everything that is no resource.
        specials: by ``group/plural`` or ``group/plural/subresource``, and ``*/subresource``.
    """

    def __init__(
        self,
        *,
        table: ResourceTable,
        authenticator: Authenticator,
        authorizer: Authorizer,
        rest: RestApi,
        documents: Documents,
        specials: dict[str, Special],
    ) -> None:
        self._table = table
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._rest = rest
        self._documents = documents
        self._specials = specials

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request; failures become Status answers."""
        try:
            return await self._handle(request)
        except ApiError as error:
            if request.method == "HEAD":
                return web.Response(status=error.code)
            return reply_error(error)
        except (ConnectionResetError, web.HTTPException):
            raise
        except Exception as error:
            _log.exception("a request failed", extra={"path": request.path})
            return reply_error(ApiError(500, "InternalError", f"Internal error occurred: {error}"))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        user = self._authenticate(request)
        info = parse_request(request.method, request.rel_url.raw_path, request.query)
        user = impersonate(user, request.headers, self._authorizer, info)
        decision = self._authorizer(user, info)
        if not decision.allowed:
            raise refusal(user, info)
        if not info.is_resource:
            return await self._documents.serve(request, user)
        resource = self._table.find(info.group, info.version, info.plural)
        if resource is None:
            if info.group and not self._table.has_builtin(info.group, info.version):
                return reply_text(PLAIN_404, status=404)
            raise unknown_resource()
        if request.method in ("HEAD", "OPTIONS"):
            raise method_not_allowed()
        call = Call(request, info, resource, user)
        special = self._special(info)
        if special is not None:
            return await special(call)
        return await self._rest.serve(call)

    def _special(self, info: RequestInfo) -> Special | None:
        if not info.subresource:
            return self._specials.get(f"{info.group}/{info.plural}")
        exact = self._specials.get(f"{info.group}/{info.plural}/{info.subresource}")
        return exact or self._specials.get(f"*/{info.subresource}")

    def _authenticate(self, request: web.BaseRequest) -> User:
        authorization = request.headers.get("Authorization", "")
        certificate = None
        if not authorization and request.secure and request.transport is not None:
            certificate = request.transport.get_extra_info("peercert") or None
        return self._authenticator.authenticate(authorization, certificate)
