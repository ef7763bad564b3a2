"""Recorded requests to a real kube-apiserver, replayed against ours: send, mask, compare."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

from tests.support.tables import conformance_root

Row = dict[str, Any]
FILES = (
    "p1-errors",
    "p2-rv",
    "p3-delete",
    "p4-ssa",
    "p5-patch",
    "p6-defaults",
    "p7-authz-admission",
    "p8-crd",
    "p9-disc",
)
TRUNCATED = (2000, 3000, 20000)


def load(name: str) -> list[Row]:
    path = conformance_root() / "kube-api" / f"{name}.jsonl.gz"
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


class Seen(NamedTuple):
    """What a server answered."""

    status: int
    text: str
    content_type: str
    warnings: str


_MASKS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r'"resourceVersion":"\d+"', '"resourceVersion":"RV"'),
        (r"matches? the ResourceVersion in record \(\d+\)", "RECORD"),
        (r"(match the ResourceVersion in record) \(\d+\)", r"\1 (RV)"),
        (r"Too large resource version: \d+, current: \d+", "Too large resource version"),
        (r'"continue":"[^"]+"', '"continue":"TOKEN"'),
        (r"gen-[a-z0-9]{5}\b", "gen-XXXXX"),
        (r"(g{40,58})[a-z0-9]{5}\b", r"\1XXXXX"),
        (r"\b10\.(0|96)\.\d+\.\d+\b", "CLUSTERIP"),
        (r'(\\+"resourceVersion\\+":\\+")\d+', r"\1RV"),
        (r'"resourceVersion": "\d+"', '"resourceVersion": "RV"'),
        (r'resourceVersion: "\d+"', 'resourceVersion: "RV"'),
        (r'"(nodePort|healthCheckNodePort)":3\d{4}', r'"\1":"PORT"'),
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"\?hash=[0-9A-F]+", "?hash=HASH"),
        (r'"token":"[^"]+"', '"token":"TOKEN"'),
        (r"kube-api-access-[a-z0-9]{5}", "kube-api-access-XXXXX"),
        (r"-----BEGIN CERTIFICATE-----[^\"]*-----END CERTIFICATE-----(\\n)?", "CERT"),
        (r'"e\.[a-z0-9]{5}"', '"e.XXXXX"'),
        (r'("cells":\[[^\]]*?)"\d+[smhd](\d+[smhd])?"', r'\1"AGE"'),
    )
)


def shifted(path: str, offset: int) -> str:
    """Moves the resource versions of a path, which are those of the recorded session, to ours."""

    def version(found: re.Match[str]) -> str:
        number = int(found[2])
        return f"{found[1]}{number + offset if number > 10 else number}"

    def token(found: re.Match[str]) -> str:
        try:
            value = json.loads(base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)))
        except ValueError:
            return found[0]
        value["rv"] += offset
        text = json.dumps(value, separators=(",", ":")).encode()
        return found[1] + base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    path = re.sub(r"(resourceVersion=)(\d+)", version, path)
    return re.sub(r"(continue=)([\w-]+)", token, path)


def mask(text: str) -> str:
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text


class Replay:
    """Sends rows to one server.

    Args:
        url: the server.
        tokens: bearer token by account name.
    """

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self._url = url
        self.tokens = dict(tokens)

    async def __aenter__(self) -> Replay:
        self._session = aiohttp.ClientSession(
            skip_auto_headers=["User-Agent", "Accept", "Content-Type", "Accept-Encoding"],
            auto_decompress=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media: str | None = None,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        account: str | None = "admin",
    ) -> Seen:
        sent = dict(headers or {})
        if account is not None:
            sent["Authorization"] = f"Bearer {self.tokens.get(account, account)}"
        if accept:
            sent["Accept"] = accept
        data: io.BytesIO | None = None
        if body is not None:
            data = io.BytesIO((body if isinstance(body, str) else json.dumps(body)).encode())
            if media is None and not isinstance(body, str) and method != "PATCH":
                media = "application/json"
        if media:
            sent["Content-Type"] = media
        target = URL(self._url + path, encoded=True)
        async with self._session.request(method, target, data=data, headers=sent) as response:
            text = (await response.read()).decode(errors="replace")
            return Seen(
                response.status,
                text,
                response.headers.get("Content-Type", ""),
                response.headers.getall("Warning", [""])[-1],
            )

    async def watch(self, path: str, seconds: float = 1.5) -> tuple[int, Any]:
        """Returns the status, and the events or the text of a refusal."""
        headers = {"Authorization": f"Bearer {self.tokens['admin']}"}
        events: list[Any] = []
        try:
            async with asyncio.timeout(seconds):
                target = URL(self._url + path, encoded=True)
                async with self._session.get(target, headers=headers) as response:
                    if response.status != 200:
                        return response.status, await response.text()
                    async for line in response.content:
                        events.append(json.loads(line))
                    events.append("EOF")
        except TimeoutError:
            events.append("TIMEOUT")
        return 200, events


def watch_differences(row: Row, seen: tuple[int, Any]) -> list[str]:
    """Returns how a watch differs from the recorded one."""
    status, events = seen
    if status != row["status"]:
        return [f"status: {row['status']} found {status}"]
    if status != 200:
        return differences(json.loads(mask(row["events"])), json.loads(mask(events)))
    expected = json.loads(mask(json.dumps(row["events"], separators=(",", ":"))))
    found = json.loads(mask(json.dumps(events, separators=(",", ":"))))
    # Objects of one moment come in an order of their own when they are replayed from a version.
    return differences(
        _ordered(_vendor_free_events(expected)), _ordered(_vendor_free_events(found))
    )


def _vendor_free_events(events: list[Any]) -> list[Any]:
    return [one for one in events if isinstance(one, str) or not _is_vendors(one["object"])]


def _ordered(events: list[Any]) -> list[Any]:
    return sorted(events, key=lambda one: json.dumps(one, sort_keys=True))


def compare_stored(row: Row, seen: Seen) -> list[str]:
    """Compares what was stored; a failure was recorded as its Status."""
    expected = json.loads(mask(json.dumps(row["stored"], separators=(",", ":"))))
    found = json.loads(mask(seen.text))
    one, other = _without_controllers(_vendor_free(expected), _vendor_free(found))
    return differences(one, other)


def repaired(text: str) -> Any:
    """Parses a JSON text that was cut off, as far as it goes."""
    stack: list[str] = []
    in_string = escaped = False
    safe: list[tuple[int, list[str]]] = []
    for position, character in enumerate(text):
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
            continue
        if character == '"':
            in_string = True
        elif character in "{[":
            stack.append("}" if character == "{" else "]")
        elif character in "}]":
            stack.pop()
            safe.append((position + 1, list(stack)))
        elif character == ",":
            safe.append((position, list(stack)))
    for position, closing in reversed(safe):
        try:
            return json.loads(text[:position] + "".join(reversed(closing)))
        except json.JSONDecodeError:
            continue
    return None


def is_prefix(part: Any, whole: Any, *, last: bool = True) -> bool:
    """Says whether ``whole`` begins with ``part``, a value whose end was cut off."""
    if isinstance(part, dict) and isinstance(whole, dict):
        keys = list(part)
        return all(
            key in whole and is_prefix(part[key], whole[key], last=last and key == keys[-1])
            for key in keys
        ) and (last or len(part) == len(whole))
    if isinstance(part, list) and isinstance(whole, list):
        if len(part) > len(whole) or (not last and len(part) != len(whole)):
            return False
        return all(
            is_prefix(one, other, last=last and index == len(part) - 1)
            for index, (one, other) in enumerate(zip(part, whole, strict=False))
        )
    return bool(part == whole)


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """Names the places where two values differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        lines = []
        for key in (*expected, *(key for key in found if key not in expected)):
            where = f"{path}.{key}"
            if key not in found:
                lines.append(f"- {where}: {json.dumps(expected[key])[:200]}")
            elif key not in expected:
                lines.append(f"+ {where}: {json.dumps(found[key])[:200]}")
            else:
                lines += differences(expected[key], found[key], where)
        return lines
    if isinstance(expected, list) and isinstance(found, list):
        lines = []
        if len(expected) != len(found):
            lines.append(f"{path}: {len(expected)} items, found {len(found)}")
        for index, (one, other) in enumerate(zip(expected, found, strict=False)):
            lines += differences(one, other, f"{path}[{index}]")
        return lines
    if expected != found:
        return [f"{path}: {json.dumps(expected)[:300]} found {json.dumps(found)[:300]}"]
    return []


def compare(row: Row, seen: Seen) -> list[str]:
    """Returns how an answer differs from the recorded one; nothing when they are equal."""
    lines = []
    if row["status"] != seen.status:
        lines.append(f"status: {row['status']} found {seen.status}")
    expected, found = mask(row["resp"]), mask(seen.text)
    if _shows_session(row):
        expected, found = _columns_only(expected), _columns_only(found)
    recorded_type = row["rh"].get("Content-Type", "")
    if recorded_type != seen.content_type and row["method"] != "HEAD":
        lines.append(f"type: {recorded_type} found {seen.content_type}")
    warning = row["rh"].get("Warning", "")  # of several, only the last was recorded
    if warning != seen.warnings:
        lines.append(f"warning: {warning} found {seen.warnings}")
    if expected == found:
        return lines
    if len(row["resp"]) in TRUNCATED:
        if "json" in recorded_type or expected.startswith("{"):
            part = repaired(expected)
            try:
                whole = json.loads(found)
            except ValueError:
                whole = None
            if part is not None and whole is not None:
                part, whole = _vendor_free(part), _vendor_free(whole)
                if not is_prefix(part, whole):
                    lines += differences(part, whole)
                return lines
        if not found.startswith(expected[: len(expected) - 50]):
            lines.append(f"text: {expected[:200]} found {found[:200]}")
        return lines
    try:
        one, other = json.loads(expected), json.loads(found)
    except ValueError:
        return [*lines, f"text: {expected[:300]} found {found[:300]}"]
    one, other = _without_controllers(_vendor_free(one), _vendor_free(other))
    return lines + differences(_undescribed(one), _undescribed(other))


def _undescribed(value: Any) -> Any:
    """Takes the descriptions out of a table's columns: ours are in our own words."""
    if not isinstance(value, dict) or "columnDefinitions" not in value:
        return value
    columns = [{**one, "description": ""} for one in value["columnDefinitions"] or ()]
    return {**value, "columnDefinitions": columns}


CONTROLLERS = "kube-controller-manager"
_WRITTEN_BY_CONTROLLERS = ("Deployment", "Job", "PersistentVolume", "Namespace")


def _without_controllers(expected: Any, found: Any) -> tuple[Any, Any]:
    """Takes out what the recorded session's kube-controller-manager had written to workloads."""
    metadata = expected.get("metadata") if isinstance(expected, dict) else None
    entries = metadata.get("managedFields") if isinstance(metadata, dict) else None
    if not entries or not any(one["manager"] == CONTROLLERS for one in entries):
        return expected, found
    if expected.get("kind") not in _WRITTEN_BY_CONTROLLERS:
        return expected, found
    return _unwritten(expected), _unwritten(found)


def _unwritten(obj: Any) -> Any:
    metadata = dict(obj.get("metadata") or {})
    entries = [one for one in metadata.get("managedFields") or () if one["manager"] != CONTROLLERS]
    # Which entry comes first depends on the second in which the controllers wrote.
    metadata["managedFields"] = sorted(entries, key=lambda one: json.dumps(one, sort_keys=True))
    notes = dict(metadata.pop("annotations", {}) or {})
    notes.pop("deployment.kubernetes.io/revision", None)
    if notes:
        metadata["annotations"] = notes
    return {**obj, "metadata": metadata, "status": None}


def _shows_session(row: Row) -> bool:
    """Tables at the end of the session show whatever lay around; only their columns are facts."""
    return row["name"] == "table" and "limit=1" in row["path"]


def _columns_only(text: str) -> str:
    try:
        table = json.loads(text)
    except ValueError:
        return text
    columns = table.get("columnDefinitions") or ()
    shown = [{**column, "description": ""} for column in columns]
    return json.dumps({"kind": table["kind"], "columns": shown})


def _vendor_free(value: Any) -> Any:
    """Takes out what only the vendor's build adds."""
    if isinstance(value, dict):
        return {key: _vendor_free(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_vendor_free(one) for one in value if not _is_vendors(one)]
    return value


def _is_vendors(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if value.get("nonResourceURLs") == ["/.well-known", "/.well-known/*"]:
        return True
    metadata = value.get("metadata")
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    source = value.get("configMap")
    return "openshift" in str(name) or (
        isinstance(source, dict) and source.get("name") == "openshift-service-ca.crt"
    )
