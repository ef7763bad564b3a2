"""A bare HTTP client for tests of the Kubernetes API: what was sent, what came back."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import aiohttp


class Answer(NamedTuple):
    """One answer: the status, the decoded body, the headers."""

    status: int
    body: Any
    headers: Any
    text: str = ""

    @property
    def message(self) -> str:
        return self.body["message"]


class KubeHttp:
    def __init__(self, url: str, token: str = "", *, verify: bool = True) -> None:
        self.url = url
        self._verify = verify
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def __aenter__(self) -> KubeHttp:
        connector = aiohttp.TCPConnector(ssl=self._verify, limit=0)
        self._session = aiohttp.ClientSession(headers=self._headers, connector=connector)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(
        self, method: str, path: str, body: Any = None, media: str = "", **headers: str
    ) -> Answer:
        data = body if isinstance(body, bytes | str | None) else json.dumps(body)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            sent["Content-Type"] = media or "application/json"
        async with self._session.request(
            method, self.url + path, data=data, headers=sent
        ) as response:
            text = await response.text()
            is_json = "json" in response.headers.get("Content-Type", "") and "\n{" not in text
            body = json.loads(text) if is_json and text else text
            return Answer(response.status, body, response.headers, text)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        return await self.call("POST", path, body, **headers)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.call("PUT", path, body)

    async def patch(self, path: str, body: Any, kind: str = "merge") -> Answer:
        media = {
            "merge": "application/merge-patch+json",
            "json": "application/json-patch+json",
            "strategic": "application/strategic-merge-patch+json",
            "apply": "application/apply-patch+yaml",
        }[kind]
        return await self.call("PATCH", path, body, media)

    async def delete(self, path: str, body: Any = None) -> Answer:
        return await self.call("DELETE", path, body)

    async def watch(self, path: str, count: int) -> list[dict[str, Any]]:
        """Reads that many events of a watch."""
        events: list[dict[str, Any]] = []
        async with self._session.get(self.url + path) as response:
            async for line in response.content:
                events.append(json.loads(line))
                if len(events) == count:
                    break
        return events
