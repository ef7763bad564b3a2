"""Requests recorded with a real kube-apiserver 1.36 get the same answers here, after masking.

The sessions are replayed in their order against one server. What is known to differ is listed,
with its reason, in ``docs/reference/kube-api-differences.md``; an answer on that list that has
become equal fails, so that the list stays true.
"""

from __future__ import annotations

import asyncio
import json
import re
from functools import lru_cache
from pathlib import Path

import pytest

from steersman.kit.clock import SystemClock
from steersman.servers.apiserver.identity import Account
from steersman.servers.apiserver.server import ApiServer
from tests.support.recording_setups import BEFORE, SETUPS, account_of
from tests.support.recordings import (
    FILES,
    Replay,
    Row,
    Seen,
    compare,
    compare_stored,
    load,
    shifted,
    watch_differences,
)
from tests.support.tables import conformance_root

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(600)]

HERE = conformance_root() / "kube-api"
DIFFERENCES = Path(__file__).parents[2] / "docs" / "reference" / "kube-api-differences.md"
WANTED_SHARE = 0.95


def row_ids(session: str, rows: list[Row]) -> list[str]:
    """Names each recorded request once."""
    seen: dict[str, int] = {}
    names = []
    for row in rows:
        method = row.get("method", "POST" if "sent" in row else "WATCH")
        name = row.get("name") or row["sent"]["metadata"]["name"]
        label = f"{session} {name} {method} {row.get('path', '')[:100]}".strip()
        seen[label] = seen.get(label, 0) + 1
        names.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return names


def known_differences() -> set[str]:
    """Reads the published list: the lines that are a bullet with a code span."""
    text = DIFFERENCES.read_text() if DIFFERENCES.exists() else ""
    return set(re.findall(r"^- `(p\d-[^`]+)`", text, re.MULTILINE))


@lru_cache(maxsize=1)
def attempt() -> dict[str, list[str]] | Exception:
    """Replays everything once, also when that fails."""
    try:
        return asyncio.run(_replay())
    except Exception as error:
        return error


def replayed() -> dict[str, list[str]]:
    """Gives the differences of each request."""
    outcome = attempt()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def _replay() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    clock = SystemClock()
    async with (
        ApiServer(clock=clock, users=[Account(name="viewer")]) as server,
        Replay(server.url, {"admin": server.token(), "viewer": server.token("viewer")}) as replay,
    ):
        for session in FILES:
            if session in SETUPS:
                await SETUPS[session](replay)
            await server.wait_settled()
            rows = load(session)
            offset = server.store.rv - 295 if session == "p2-rv" else 0
            for name, row in zip(row_ids(session, rows), rows, strict=True):
                before = BEFORE.get((session, row.get("name", "")))
                if before is not None:
                    await before(replay)
                    await server.wait_settled()
                found[name] = await _one(server, replay, row, offset)
    return found


async def _one(server: ApiServer, replay: Replay, row: Row, offset: int) -> list[str]:
    if "sent" in row:
        seen = await replay.send("POST", row["path"], row["sent"])
        await server.wait_settled()
        return compare_stored(row, seen)
    if "events" in row:
        if "path" not in row:
            return []  # a scenario whose requests were not recorded; a component test has it
        path = shifted(row["path"], offset)
        return watch_differences(row, await replay.watch(path))
    await _take_over_identity(replay, row)
    seen = await _send(replay, row, offset)
    await server.wait_settled()
    if row["name"] == "tok" and seen.status == 201:
        replay.tokens["sa"] = json.loads(seen.text)["status"]["token"]
    return compare(row, seen)


async def _take_over_identity(replay: Replay, row: Row) -> None:
    """A PUT of a whole recorded object means the object of that name here."""
    body = row["body"]
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if row["method"] == "PUT" and metadata and {"uid", "resourceVersion"} <= metadata.keys():
        answer = await replay.send("GET", row["path"])
        if answer.status == 200:
            current = json.loads(answer.text)["metadata"]
            metadata.update(uid=current["uid"], resourceVersion=current["resourceVersion"])


async def _send(replay: Replay, row: Row, offset: int) -> Seen:
    return await replay.send(
        row["method"],
        shifted(row["path"], offset) if offset else row["path"],
        row["body"],
        media=row["ct"],
        accept=row["acc"],
        headers=row["hdrs"],
        account=account_of(row),
    )


def parameters() -> list[object]:
    if not HERE.exists():
        reason = "conformance data kube-api is not here (STEERSMAN_CONFORMANCE)"
        return [pytest.param("", marks=pytest.mark.skip(reason=reason), id="kube-api")]
    return [
        pytest.param(name, id=name) for session in FILES for name in row_ids(session, load(session))
    ]


@pytest.mark.parametrize("name", parameters())
def test_the_answer_is_the_recorded_one(name: str) -> None:
    differences = replayed()[name]
    if name in known_differences():
        assert differences, "equal by now: take it off docs/reference/kube-api-differences.md"
    else:
        assert differences == []


@pytest.mark.skipif(not HERE.exists(), reason="conformance data kube-api is not here")
def test_nearly_all_answers_are_equal() -> None:
    results = replayed()
    equal = sum(not differences for differences in results.values())
    assert equal / len(results) >= WANTED_SHARE, f"{equal} of {len(results)} are equal"


@pytest.mark.skipif(not HERE.exists(), reason="conformance data kube-api is not here")
def test_the_list_of_differences_names_recorded_requests() -> None:
    assert known_differences() <= replayed().keys()
