"""The client's I/O against a small scripted server, under virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
from aiohttp import web

from steersman.clients.kube import Connection, KubeClient, NoMatch, ObjectList, WatchType
from steersman.clients.kube.transport import Limits
from steersman.errors import NetworkFailed
from steersman.kit.clock import VirtualClock
from steersman.kit.mask import Secret
from steersman.objects.apistatus import ApiError
from steersman.objects.identity import GroupVersionKind

POD = GroupVersionKind("", "v1", "Pod")
CORE = {
    "groupVersion": "v1",
    "resources": [{"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["get"]}],
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    handler: Handler, *, limits: Limits | None = None, token: str = ""
) -> AsyncIterator[KubeClient]:
    app = web.Application()
    app.router.add_get("/api/v1", core)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        connection = Connection(
            server=f"http://{host}:{port}", token=Secret(token) if token else None
        )
        clock = VirtualClock(asyncio.get_running_loop())
        async with KubeClient(connection, user_agent="test", clock=clock, limits=limits) as client:
            yield client
    finally:
        await runner.cleanup()


async def answer(body: object, status: int = 200, **headers: str) -> web.Response:
    return web.json_response(body, status=status, headers=headers)


async def core(request: web.Request) -> web.Response:
    return await answer(CORE)


async def refuse(code: int, reason: str, **headers: str) -> web.Response:
    return await answer(ApiError(code, reason, "no").to_status(), code, **headers)


async def test_who_we_are_and_who_we_act_as_is_in_the_headers(no_leaked_files: None):
    seen = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(
            (
                request.headers.get("Authorization"),
                request.headers.get("User-Agent"),
                request.headers.get("Impersonate-User"),
                request.headers.getall("Impersonate-Group", []),
            )
        )
        return await answer({"kind": "Pod"})

    async with serving(handle, token="abc") as client:
        await client.get(POD, "a", "n")
        await client.impersonating("carol", ["dev", "ops"]).get(POD, "a", "n")
    assert seen == [
        ("Bearer abc", "test", None, []),
        ("Bearer abc", "test", "carol", ["dev", "ops"]),
    ]


async def test_a_throttled_request_is_sent_again_when_the_server_said():
    times = []

    async def handle(request: web.Request) -> web.Response:
        times.append(asyncio.get_running_loop().time())
        if len(times) < 3:
            return await refuse(429, "TooManyRequests", **{"Retry-After": "7"})
        return await answer({"kind": "Pod"})

    async with serving(handle) as client:
        assert await client.get(POD, "a", "n") == {"kind": "Pod"}
    assert times == [0, 7, 14]


async def test_a_server_that_throttles_for_ever_is_given_up():
    sent = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal sent
        sent += 1
        return await refuse(429, "TooManyRequests", **{"Retry-After": "1"})

    async with serving(handle, limits=Limits(attempts=4)) as client:
        with pytest.raises(ApiError) as raised:
            await client.get(POD, "a", "n")
    assert (sent, raised.value.code, raised.value.retry_after) == (4, 429, 1)


async def test_no_more_requests_are_in_flight_than_the_limit():
    running = most = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        return await answer({"kind": "Pod"})

    limits = Limits(concurrent=5)
    async with serving(handle, limits=limits) as client, asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(client.get(POD, "a", "n"))
    assert (most, running) == (5, 0)


async def test_a_server_that_does_not_answer_is_given_up():
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        raise AssertionError("the client waited")

    async with serving(handle, limits=Limits(seconds=60)) as client:
        with pytest.raises(NetworkFailed, match="no answer in time"):
            await client.get(POD, "a", "n")


async def test_a_server_that_is_gone_is_a_failure_of_the_network():
    connection = Connection(server="http://127.0.0.1:9")
    clock = VirtualClock(asyncio.get_running_loop())
    async with KubeClient(connection, user_agent="test", clock=clock) as client:
        with pytest.raises(NetworkFailed, match="cannot connect"):
            await client.get(POD, "a", "n")
    with pytest.raises(NetworkFailed, match="the client is closed"):
        await client.get(POD, "a", "n")


async def test_pages_are_joined_to_one_list():
    async def handle(request: web.Request) -> web.Response:
        token = int(request.query.get("continue", "0"))
        metadata = {"resourceVersion": "9", "continue": str(token + 1) if token < 2 else ""}
        return await answer({"metadata": metadata, "items": [{"metadata": {"name": str(token)}}]})

    async with serving(handle) as client:
        listed = await client.list(POD, limit=1)
    names = tuple(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": n}} for n in ("0", "1", "2")
    )
    assert listed == ObjectList(names, "9")


async def test_a_list_whose_snapshot_expired_is_read_in_one_page():
    async def handle(request: web.Request) -> web.Response:
        if "continue" in request.query:
            return await refuse(410, "Expired")
        whole = "limit" not in request.query
        return await answer(
            {
                "metadata": {"resourceVersion": "9", "continue": "" if whole else "T"},
                "items": [{"metadata": {"name": "whole" if whole else "page"}}],
            }
        )

    async with serving(handle) as client:
        listed = await client.list(POD)
    assert [item["metadata"]["name"] for item in listed.items] == ["whole"]


async def test_an_unknown_kind_is_asked_for_again():
    kinds = CORE["resources"]
    served: list[object] = []

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/apis/example.com/v1" and served:
            return await answer({"groupVersion": "example.com/v1", "resources": served})
        return await refuse(404, "NotFound")

    thing = GroupVersionKind("example.com", "v1", "Thing")
    async with serving(handle) as client:
        with pytest.raises(NoMatch) as raised:
            await client.discover(thing)
        served.append({**kinds[0], "name": "things", "kind": "Thing"})
        found = await client.discover(thing)
        sent = client.requests_sent
        assert await client.discover(thing) is found
        assert client.requests_sent == sent
    assert str(raised.value) == 'no matches for kind "Thing" in version "example.com/v1"'
    assert (found.plural, found.group) == ("things", "example.com")


async def test_a_watch_yields_events_as_they_happen_and_ends_with_the_server():
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for name in ("a", "b", "c"):
            await asyncio.sleep(10)
            event = {"type": "ADDED", "object": {"kind": "Pod", "metadata": {"name": name}}}
            raw = json.dumps(event).encode() + b"\n"
            await response.write(raw[:9])
            await asyncio.sleep(1)
            await response.write(raw[9:])
        return response

    seen = []
    async with serving(handle) as client:
        async for event in client.watch(POD, resource_version="1"):
            assert event.type is WatchType.ADDED
            seen.append((event.object["metadata"]["name"], asyncio.get_running_loop().time()))
    assert seen == [("a", 11), ("b", 22), ("c", 33)]


async def test_a_watch_that_breaks_is_a_failure_of_the_network():
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type":"BOOKMARK","object":{}}\n')
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(handle) as client:
        watch = client.watch(POD, resource_version="1")
        assert (await anext(watch)).type is WatchType.BOOKMARK
        with pytest.raises(NetworkFailed, match="the connection was lost"):
            await anext(watch)


async def test_a_refused_watch_is_an_answer_of_the_api():
    async def handle(request: web.Request) -> web.Response:
        return await refuse(410, "Expired")

    async with serving(handle) as client:
        with pytest.raises(ApiError) as raised:
            await anext(client.watch(POD, resource_version="1"))
    assert raised.value.code == 410


async def test_a_silent_watch_is_given_up_after_the_server_should_have_ended_it():
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(36000)
        return response

    async with serving(handle) as client:
        with pytest.raises(NetworkFailed, match="no answer in time"):
            await anext(client.watch(POD, resource_version="1", timeout_seconds=300))
        assert 330 <= asyncio.get_running_loop().time() <= 332


async def test_a_watch_left_early_leaves_nothing_behind(no_leaked_files: None):
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type":"BOOKMARK","object":{}}\n')
        await asyncio.sleep(36000)
        return response

    async with (
        serving(handle) as client,
        aclosing(client.watch(POD, resource_version="1")) as watch,
    ):
        async for _ in watch:
            break
