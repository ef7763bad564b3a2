"""The REST endpoints of resources: one function for each verb.

Each is synchronous but for reading the body and for watches. Source of the order of checks:
recorded answers of kube-apiserver 1.36.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from steersman.objects.apistatus import ApiError
from steersman.objects.manifest import Manifest, metadata_of
from steersman.schemas.catalogue import Catalogue
from steersman.servers.apiserver.answers import (
    bad_request,
    method_not_allowed,
    too_large,
    unknown_resource,
)
from steersman.servers.apiserver.authn import User
from steersman.servers.apiserver.authz import Authorizer, refusal
from steersman.servers.apiserver.bodies import Body, media_type, read_body
from steersman.servers.apiserver.cluster import Cluster
from steersman.servers.apiserver.deletes import Deleter
from steersman.servers.apiserver.encoding import Encoder, ListMeta
from steersman.servers.apiserver.negotiation import negotiate
from steersman.servers.apiserver.options import (
    DeleteOptions,
    WriteOptions,
    parse_delete_options,
    parse_list_options,
    parse_write_options,
)
from steersman.servers.apiserver.patches import APPLY, check_media_type, patch_edit, read_apply
from steersman.servers.apiserver.reads import get_object, list_objects
from steersman.servers.apiserver.replies import reply, reply_value
from steersman.servers.apiserver.requests import RequestInfo
from steersman.servers.apiserver.resources import Resource
from steersman.servers.apiserver.watches import BOOKMARK_INTERVAL, DEFAULT_TIMEOUT, Watch
from steersman.servers.apiserver.writes import Target, Writer, Written

__all__ = ["BODY_LIMIT", "Call", "RestApi", "read_bytes"]

BODY_LIMIT = 3 * 1024 * 1024


class Call:
    """One request on a resource, with what was learnt about it so far."""

    __slots__ = ("info", "query", "request", "resource", "user", "user_agent")

    def __init__(
        self, request: web.BaseRequest, info: RequestInfo, resource: Resource, user: User
    ) -> None:
        self.request = request
        self.info = info
        self.resource = resource
        self.user = user
        self.query: Mapping[str, str] = request.query
        self.user_agent = request.headers.get("User-Agent", "")

    def target(self, name: str | None = None) -> Target:
        """Returns what the request is about."""
        info = self.info
        return Target(
            resource=self.resource,
            namespace=info.namespace if self.resource.info.namespaced else "",
            name=info.name if name is None else name,
            subresource=info.subresource,
            user=self.user,
        )

    def encoder(self, now: str) -> Encoder:
        """Returns a writer in the form that the client accepts."""
        accept = self.request.headers.get("Accept", "")
        accepted = negotiate(accept, self.query, self.user_agent)
        include = self.query.get("includeObject", "")
        return Encoder(self.resource, accepted, now=now, include=include)

    def write_options(self, kind: str, *, apply: bool = False) -> WriteOptions:
        """Returns the checked options of a write."""
        return parse_write_options(kind, self.query, self.user_agent, apply=apply)

    def warnings(self) -> tuple[str, ...]:
        """Returns what every answer of the resource warns about."""
        return (self.resource.deprecation,) if self.resource.deprecation else ()


async def read_bytes(request: web.BaseRequest) -> bytes:
    """Reads a body.

    Raises:
        ApiError: 413.
    """
    length = request.content_length
    if length is not None and length > BODY_LIMIT:
        raise too_large(BODY_LIMIT)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large(BODY_LIMIT) from None


class RestApi:
    """Serves resources.

    Args:
        cluster: the store and what goes with it.
        writer: commits objects.
        deleter: deletes objects.
        catalogue: schemas for strategic merge patches.
        authorizer: asked again when an apply creates.
        closing: set when the server stops, to end watches.
    """

    def __init__(
        self,
        cluster: Cluster,
        writer: Writer,
        deleter: Deleter,
        catalogue: Catalogue,
        authorizer: Authorizer,
        closing: asyncio.Event,
    ) -> None:
        self._cluster = cluster
        self._writer = writer
        self._deleter = deleter
        self._catalogue = catalogue
        self._authorizer = authorizer
        self._closing = closing

    async def serve(self, call: Call) -> web.StreamResponse:
        """Answers a request on a resource or on its ``status``.

        Raises:
            ApiError: as the real server answers.
        """
        info = call.info
        if info.verb not in self._verbs(call):
            raise method_not_allowed()
        match info.verb:
            case "get":
                return self._get(call)
            case "list":
                return self._list(call)
            case "watch":
                return await self._watch(call)
            case "create":
                return self._create(call, await read_bytes(call.request))
            case "update":
                return self._update(call, await read_bytes(call.request))
            case "patch":
                return self._patch(call, await read_bytes(call.request))
            case "delete":
                return self._delete(call, await read_bytes(call.request))
            case "deletecollection":
                return self._delete_collection(call, await read_bytes(call.request))
            case _:
                raise method_not_allowed()

    def _verbs(self, call: Call) -> tuple[str, ...]:
        info = call.resource.info
        name = call.info.subresource
        if not name:
            wrong = ("create",) if call.info.name else ("update", "patch")
            return tuple(verb for verb in info.verbs if verb not in wrong)
        sub = info.subresource(name)
        if sub is None or call.info.tail:
            raise unknown_resource()
        return sub.verbs

    # reads

    def _get(self, call: Call) -> web.Response:
        info = call.info
        encoder = call.encoder(self._cluster.now)
        namespace = info.namespace if call.resource.info.namespaced else ""
        stored = get_object(
            self._cluster.store,
            call.resource,
            namespace,
            info.name,
            call.query.get("resourceVersion", ""),
        )
        return reply(
            encoder.object(stored), media_type=encoder.media_type, warnings=call.warnings()
        )

    def _list(self, call: Call) -> web.Response:
        encoder = call.encoder(self._cluster.now)
        options = parse_list_options(call.query, watch=False)
        namespace = call.info.namespace if call.resource.info.namespaced else ""
        listed = list_objects(self._cluster.store, call.resource, namespace, options)
        return reply(
            encoder.list(listed.items, listed.meta),
            media_type=encoder.media_type,
            warnings=call.warnings(),
        )

    async def _watch(self, call: Call) -> web.StreamResponse:
        encoder = call.encoder(self._cluster.now)
        query = dict(call.query)
        if call.info.name:
            query["fieldSelector"] = f"metadata.name={call.info.name}"
        options = parse_list_options(query, watch=True)
        namespace = call.info.namespace if call.resource.info.namespaced else ""
        watch = Watch(self._cluster.store, call.resource, namespace, options, encoder)
        response = reply(b"", warnings=call.warnings())
        stream = web.StreamResponse(headers=response.headers)
        stream.enable_chunked_encoding()
        try:
            await stream.prepare(call.request)
            await self._stream(stream, watch, options.timeout or DEFAULT_TIMEOUT)
            await stream.write_eof()
        except ConnectionResetError:
            pass
        finally:
            watch.close()
        return stream

    async def _stream(self, stream: web.StreamResponse, watch: Watch, timeout: float) -> None:
        clock = self._cluster.clock
        end = clock.monotonic() + timeout
        next_bookmark = clock.monotonic() + BOOKMARK_INTERVAL
        chunk = watch.start()
        while True:
            if chunk:
                await stream.write(chunk)
            if watch.closed or self._closing.is_set():
                return
            now = clock.monotonic()
            if now >= end:
                return
            chunk = watch.drain()
            if not chunk and now >= next_bookmark:
                next_bookmark = now + BOOKMARK_INTERVAL
                chunk = watch.bookmark()
            elif not chunk:
                await watch.wait(min(end, next_bookmark) - now)

    # writes

    def _create(self, call: Call, data: bytes) -> web.Response:
        encoder = call.encoder(self._cluster.now)
        options = call.write_options("CreateOptions")
        body = self.read_object(call, data)
        written = self._writer.create(call.target(""), body, options)
        return self.written(call, encoder, written)

    def _update(self, call: Call, data: bytes) -> web.Response:
        encoder = call.encoder(self._cluster.now)
        options = call.write_options("UpdateOptions")
        body = self.read_object(call, data)
        written = self._writer.update(call.target(), body, options)
        return self.written(call, encoder, written)

    def _patch(self, call: Call, data: bytes) -> web.Response:
        encoder = call.encoder(self._cluster.now)
        media = media_type(call.request.headers.get("Content-Type"))
        check_media_type(media, call.resource)
        options = call.write_options("PatchOptions", apply=media == APPLY)
        target = call.target()
        if media == APPLY:
            if not target.subresource and self._writer.current(target) is None:
                self._check_create(call)
            config = read_apply(data, call.resource, options)
            written = self._writer.apply(target, config, options)
        else:
            edit = patch_edit(media, data, call.resource, self._catalogue, options)
            written = self._writer.patch(target, edit, options)
        return self.written(call, encoder, written)

    def _check_create(self, call: Call) -> None:
        """An apply of an absent object is a creation, and needs the right to it.

        Raises:
            ApiError: 403.
        """
        info = replace(call.info, verb="create")
        if not self._authorizer(call.user, info).allowed:
            raise refusal(call.user, info)

    def read_object(self, call: Call, data: bytes) -> Body:
        """Decodes the object in a body."""
        content_type = call.request.headers.get("Content-Type")
        return read_body(data, content_type, call.resource.info.kind)

    def written(self, call: Call, encoder: Encoder, written: Written) -> web.Response:
        """Answers with what was written."""
        return reply(
            encoder.manifest(written.manifest),
            status=201 if written.created else 200,
            media_type=encoder.media_type,
            warnings=(*call.warnings(), *written.warnings),
        )

    # deletions

    def delete_options(self, call: Call, data: bytes) -> DeleteOptions:
        """Reads the options of a deletion from body and query."""
        body: Mapping[str, object] = {}
        if data:
            content_type = call.request.headers.get("Content-Type")
            body = read_body(data, content_type, "DeleteOptions").value
            kind = body.get("kind", "DeleteOptions")
            if kind != "DeleteOptions":
                raise bad_request(f"decoded object cannot be converted to DeleteOptions: {kind}")
        return parse_delete_options(call.query, body)

    def _delete(self, call: Call, data: bytes) -> web.Response:
        encoder = call.encoder(self._cluster.now)
        options = self.delete_options(call, data)
        target = call.target()
        warnings = (*call.warnings(), *_delete_warnings(call.resource, options))
        last, gone = self._deleter.delete(target, options)
        if not gone or call.resource.traits.returns_deleted:
            return reply(encoder.manifest(last), media_type=encoder.media_type, warnings=warnings)
        return reply_value(_deleted_status(call.resource, last), warnings=warnings)

    def _delete_collection(self, call: Call, data: bytes) -> web.Response:
        encoder = call.encoder(self._cluster.now)
        options = self.delete_options(call, data)
        selection = parse_list_options(call.query, watch=False)
        namespace = call.info.namespace if call.resource.info.namespaced else ""
        store = self._cluster.store
        listed = list_objects(store, call.resource, namespace, selection)
        deleted = []
        for stored in listed.items:
            metadata = metadata_of(stored.manifest)
            target = Target(
                resource=call.resource,
                namespace=metadata.get("namespace", ""),
                name=metadata["name"],
                user=call.user,
            )
            try:
                self._deleter.delete(target, options)
            except ApiError as error:
                if error.code != 404:
                    raise
            deleted.append(stored)
        body = encoder.list(deleted, ListMeta(rv=store.rv))
        return reply(body, media_type=encoder.media_type, warnings=call.warnings())


_ORPHANED_PODS = (
    "child pods are preserved by default when jobs are deleted; set "
    "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this "
    "warning"
)


def _delete_warnings(resource: Resource, options: DeleteOptions) -> tuple[str, ...]:
    if resource.bucket == "batch/jobs" and not options.propagation:
        return (_ORPHANED_PODS,)
    return ()


def _deleted_status(resource: Resource, last: Manifest) -> Manifest:
    metadata, info = metadata_of(last), resource.info
    details = {"name": metadata["name"]}
    if info.group:
        details["group"] = info.group
    details |= {"kind": info.plural, "uid": metadata["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }
