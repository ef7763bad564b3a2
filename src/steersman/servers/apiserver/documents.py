"""Everything that is no resource: version, health, discovery, OpenAPI."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from steersman.servers.apiserver.answers import method_not_allowed
from steersman.servers.apiserver.authn import User
from steersman.servers.apiserver.discovery import Discovery
from steersman.servers.apiserver.negotiation import negotiate, wants_pretty
from steersman.servers.apiserver.openapi import OpenApi
from steersman.servers.apiserver.replies import PLAIN_404, reply, reply_text, reply_value
from steersman.servers.apiserver.resources import ResourceTable

__all__ = ["Documents"]

_HEALTH = ("healthz", "livez", "readyz")
_JSON_TEXT = "text/plain; charset=utf-8"


class Documents:
    """Serves paths that name no resource.

    Args:
        minor: the Kubernetes minor that is served, such as ``1.36``.
        table: what is served.
        discovery: builds the discovery documents.
        openapi: builds the schema documents.
    """

    def __init__(
        self, *, minor: str, table: ResourceTable, discovery: Discovery, openapi: OpenApi
    ) -> None:
        self._minor = minor
        self._table = table
        self._discovery = discovery
        self._openapi = openapi

    async def serve(self, request: web.BaseRequest, user: User) -> web.StreamResponse:
        """Answers a request.

        Raises:
            ApiError: 405.
        """
        path = request.path.strip("/")
        if "//" in request.path:
            return reply_text(PLAIN_404, status=404)
        parts = path.split("/") if path else []
        response = self._answer(request, parts)
        if response is None:
            return reply_text(PLAIN_404, status=404)
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed()
        return response

    def _answer(self, request: web.BaseRequest, parts: list[str]) -> web.Response | None:
        match parts:
            case []:
                return reply_value({"paths": self._paths()}, pretty=True)
            case ["version"]:
                return reply_value(self._version(), pretty=True)
            case [probe, *checks] if probe in _HEALTH:
                return self._health(request, probe, checks)
            case ["api"] | ["apis"]:
                return self._groups(request, core=parts[0] == "api")
            case ["api", version]:
                return self._list(request, self._discovery.resource_list("", version))
            case ["apis", group]:
                return self._list(request, self._discovery.group(group))
            case ["apis", group, version]:
                return self._list(request, self._discovery.resource_list(group, version))
            case ["openapi", "v3", *rest]:
                return self._schema(request, "/".join(rest))
            case [".well-known", "openid-configuration"]:
                return reply_value(_openid_configuration(request))
            case _:
                return None

    def _list(self, request: web.BaseRequest, document: Any) -> web.Response | None:
        if document is None:
            return None
        user_agent = request.headers.get("User-Agent", "")
        return reply_value(document, pretty=wants_pretty(request.query, user_agent))

    def _groups(self, request: web.BaseRequest, *, core: bool) -> web.Response:
        accept = request.headers.get("Accept", "")
        accepted = negotiate(accept, request.query, request.headers.get("User-Agent", ""))
        if accepted.discovery in ("v2", "v2beta1"):
            body, digest = self._discovery.aggregated(core=core, version=accepted.discovery)
            headers = {"ETag": f'"{digest}"', "Vary": "Accept", "Cache-Control": "public"}
            if request.headers.get("If-None-Match", "") == f'"{digest}"':
                return web.Response(status=304, headers=headers)
            media = (
                f"application/json;g=apidiscovery.k8s.io;v={accepted.discovery};"
                "as=APIGroupDiscoveryList"
            )
            return reply(body, media_type=media, headers=headers)
        document = (
            self._discovery.api_versions(request.host) if core else (self._discovery.group_list())
        )
        return reply_value(document, pretty=accepted.pretty)

    def _schema(self, request: web.BaseRequest, path: str) -> web.Response | None:
        if not path:
            response = reply_value(self._openapi.index())
            response.headers["Content-Type"] = _JSON_TEXT
            return response
        digest = self._openapi.hash_of(path)
        if digest is None:
            return None
        given = request.query.get("hash")
        if given and given != digest:
            location = f"/openapi/v3/{path}?hash={digest}"
            return web.Response(status=301, headers={"Location": location})
        headers = {"ETag": f'"{digest}"', "Vary": "Accept"}
        if given:
            headers["Cache-Control"] = "public, immutable"
        if request.headers.get("If-None-Match", "") == f'"{digest}"':
            return web.Response(status=304, headers=headers)
        body = self._openapi.document(path)
        return None if body is None else reply(body, headers=headers)

    def _health(
        self, request: web.BaseRequest, probe: str, checks: list[str]
    ) -> web.Response | None:
        known = ("ping", "log", "etcd", "informer-sync", "shutdown")
        if checks:
            return reply_text(b"ok") if checks[0] in known else None
        if "verbose" not in request.query:
            return reply_text(b"ok")
        lines = [f"[+]{name} ok" for name in known]
        return reply_text("\n".join((*lines, f"{probe} check passed\n")).encode())

    def _version(self) -> dict[str, str]:
        major, minor = self._minor.split(".")
        return {
            "major": major,
            "minor": minor,
            "emulationMajor": major,
            "emulationMinor": minor,
            "minCompatibilityMajor": major,
            "minCompatibilityMinor": str(int(minor) - 1),
            "gitVersion": f"v{self._minor}.0+steersman",
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "",
            "platform": "linux/amd64",
        }

    def _paths(self) -> list[str]:
        paths = ["/.well-known/openid-configuration", "/api", "/apis", "/apis/"]
        for group, versions in self._table.groups.items():
            if group:
                paths.append(f"/apis/{group}")
            root = f"/apis/{group}" if group else "/api"
            paths += [f"{root}/{version}" for version in versions]
        paths += [f"/{probe}" for probe in _HEALTH]
        return [*sorted(paths), "/openapi/v3", "/openapi/v3/", "/version"]


def _openid_configuration(request: web.BaseRequest) -> dict[str, Any]:
    return {
        "issuer": "https://kubernetes.default.svc",
        "jwks_uri": f"https://{request.host}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
