"""The same requests to two servers, and what must be equal in their answers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.support.kubehttp import Answer, KubeHttp

MEDIA = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
VERSION = re.compile(r'(resource[vV]ersion\\*"?[:=] ?\\*"?)\d+')
SEVERAL = re.compile(r"(.* is invalid: )\[(.*)\]", re.DOTALL)
ADDRESS = re.compile(r"\b10\.0\.\d+\.\d+\b")


class Operation(NamedTuple):
    """One request."""

    method: str
    path: str
    body: Any = None
    media: str = ""

    def __str__(self) -> str:
        body = "" if self.body is None else f" {json.dumps(self.body)}"
        return f"{self.method} {self.path} {self.media}{body}"


class Difference(NamedTuple):
    """A step at which two servers answered differently."""

    step: int
    operation: Operation
    mine: Any
    theirs: Any


class Side:
    """One server, and the resource versions it gave, so that writes can be told from no-ops."""

    def __init__(self, client: KubeHttp, *, warnings: bool = True) -> None:
        self._client = client
        self._warnings = warnings
        self._versions: dict[str, str] = {}
        self._watch = ""

    async def run(self, operation: Operation) -> dict[str, Any]:
        """Sends a request; returns what is to be compared.

        Besides HTTP's methods there are TABLE, CHANGE (get, label, put), UNTIL (wait until a
        collection is served), WATCH (begin here) and EVENTS (what was seen since).
        """
        match operation.method:
            case "TABLE":
                answer = await self._client.get(operation.path, Accept=TABLE)
                return {"status": answer.status, "body": masked(answer.body)}
            case "CHANGE":
                return await self._change(operation)
            case "UNTIL":
                return await self._until(operation.path)
            case "WATCH":
                answer = await self._client.get(operation.path)
                version = answer.body["metadata"]["resourceVersion"]
                self._watch = f"{operation.path}&watch=true&resourceVersion={version}"
                return {"status": answer.status}
            case "EVENTS":
                return await self._events()
        return await self._send(operation)

    async def _change(self, operation: Operation) -> dict[str, Any]:
        path, _, query = operation.path.partition("?")
        current = await self._client.get(path)
        if current.status != 200:
            return {"status": current.status, "body": masked(current.body)}
        labels = {**current.body["metadata"].get("labels", {}), **operation.body}
        changed = {**current.body, "metadata": {**current.body["metadata"], "labels": labels}}
        where = f"{path}?{query}" if query else path
        return await self._send(Operation("PUT", where, changed))

    async def _until(self, path: str) -> dict[str, Any]:
        for _ in range(100):
            answer = await self._client.get(path)
            if answer.status == 200:
                return {"status": 200}
            await asyncio.sleep(0.1)
        return {"status": answer.status}

    async def _events(self) -> dict[str, Any]:
        answer = await self._client.get(f"{self._watch}&timeoutSeconds=1")
        lines = [json.loads(line) for line in answer.text.splitlines()]
        return {"status": answer.status, "events": masked(lines)}

    async def _send(self, operation: Operation) -> dict[str, Any]:
        answer = await self._client.call(
            operation.method,
            operation.path,
            operation.body,
            MEDIA.get(operation.media, operation.media),
        )
        seen: dict[str, Any] = {"status": answer.status, "body": masked(answer.body)}
        warnings = answer.headers.getall("Warning", []) if self._warnings else []
        if warnings:
            seen["warnings"] = sorted(warnings)
        is_written = self._is_written(answer)
        if is_written is not None:
            seen["written"] = is_written
        return seen

    def _is_written(self, answer: Answer) -> bool | None:
        """Says whether the object has another resource version than when it was seen last."""
        if not isinstance(answer.body, dict):
            return None
        metadata = answer.body.get("metadata") or {}
        version, uid = metadata.get("resourceVersion"), metadata.get("uid")
        if not version or not uid:
            return None
        before = self._versions.get(uid)
        self._versions[uid] = version
        return before != version


def masked(value: Any) -> Any:
    """Returns an answer without what differs by nature: ids, times, versions, addresses."""
    match value:
        case dict():
            result = {key: masked(item) for key, item in value.items()}
            for key in ("uid", "resourceVersion", "selfLink", "continue"):
                if isinstance(result.get(key), str) and result[key]:
                    result[key] = "*"
            entries = result.get("managedFields")
            if isinstance(entries, list):
                # Their order depends on the second in which each was written.
                result["managedFields"] = sorted(entries, key=_entry_order)
            causes = result.get("causes")
            if isinstance(causes, list):
                # Go walks managers, and the properties of custom kinds, in no order.
                result["causes"] = sorted(causes, key=lambda cause: json.dumps(cause))
            return result
        case list():
            return [masked(item) for item in value]
        case str():
            text = UID.sub("<uid>", value)
            text = VERSION.sub(r"\1*", TIME.sub("<time>", text))
            text = ADDRESS.sub("<address>", text)
            many = SEVERAL.fullmatch(text)
            if many:
                text = many[1] + ", ".join(sorted(many[2].split(", ")))
            return text
        case _:
            return value


def _entry_order(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    keys = ("operation", "manager", "apiVersion", "subresource")
    return "|".join(str(entry.get(key, "")) for key in keys)


async def differences(ours: Side, real: Side, operations: Iterable[Operation]) -> list[Difference]:
    """Runs a sequence on both; returns where the answers differ, up to the first such place."""
    for index, operation in enumerate(operations):
        mine, theirs = await ours.run(operation), await real.run(operation)
        if _is_hidden_write(operation, mine, theirs):
            continue
        if mine != theirs:
            return [Difference(index, operation, mine, theirs)]
    return []


def _is_hidden_write(operation: Operation, mine: Any, theirs: Any) -> bool:
    """Says whether the real server only stored a custom object anew that shows no change.

    It does so once when emptied maps or lists, which it does not show, were stored before.
    """
    is_custom = "example.com/" in operation.path
    is_all = {**mine, "written": None} == {**theirs, "written": None}
    return is_custom and is_all and theirs.get("written") is True


def changes(mine: Any, theirs: Any, path: str = "") -> list[str]:
    """Lists where two answers differ: ours first, then the real server's."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        found = []
        for key in sorted({**mine, **theirs}):
            found += changes(
                mine.get(key, "<absent>"), theirs.get(key, "<absent>"), f"{path}.{key}"
            )
        return found
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        return [
            line
            for index, (one, other) in enumerate(zip(mine, theirs, strict=True))
            for line in changes(one, other, f"{path}[{index}]")
        ]
    return [] if mine == theirs else [f"{path}: {json.dumps(mine)} | {json.dumps(theirs)}"]


def report(number: int, found: Difference, before: list[Operation]) -> str:
    """Prints a difference so that it can be run again by hand."""
    index, operation, mine, theirs = found
    steps = "\n".join(f"  {step}" for step in before[:index])
    lines = "\n".join(f"  {line}" for line in changes(mine, theirs))
    return f"sequence {number}, step {index}\n{steps}\n> {operation}\n{lines}"
