"""What was acknowledged is there after the process was killed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from steersman.kit.clock import SystemClock
from steersman.kit.yaml import load_all
from steersman.servers.apiserver.server import ApiServer
from tests.support.kubehttp import KubeHttp

MAPS = "/api/v1/namespaces/default/configmaps"

CHILD = """
import asyncio, sys
from pathlib import Path
from steersman.kit.clock import SystemClock
from steersman.servers.apiserver.server import ApiServer

async def main():
    async with ApiServer(clock=SystemClock(), data_dir=Path(sys.argv[1])) as server:
        print(server.url, server.token(), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.real_time
async def test_a_killed_server_forgets_nothing_it_acknowledged(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(tmp_path), stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    url, token = (await child.stdout.readline()).decode().split()
    acknowledged: dict[str, str] = {}
    async with KubeHttp(url, token) as kube:

        async def write_until_killed() -> None:
            for number in range(10_000):
                body = {"metadata": {"name": f"m{number}"}, "data": {"n": str(number)}}
                answer = await kube.post(MAPS, body)
                metadata = answer.body["metadata"]
                acknowledged[metadata["name"]] = metadata["resourceVersion"]
                if number == 50:
                    child.send_signal(signal.SIGKILL)

        with pytest.raises(Exception, match=r".*"):
            await write_until_killed()
    await child.wait()
    assert len(acknowledged) > 50
    async with ApiServer(clock=SystemClock(), data_dir=tmp_path) as server:
        assert (server.url, server.token()) == (url, token)
        async with KubeHttp(server.url, server.token()) as kube:
            listed = (await kube.get(MAPS)).body
    found = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in listed["items"]}
    assert acknowledged.items() <= found.items()
    last = max(int(version) for version in acknowledged.values())
    assert int(listed["metadata"]["resourceVersion"]) >= last


async def test_a_restart_brings_everything_back(tmp_path: Path) -> None:
    clock = SystemClock()
    async with ApiServer(clock=clock, data_dir=tmp_path) as server:
        async with KubeHttp(server.url, server.token()) as kube:
            created = (await kube.post(MAPS, {"metadata": {"name": "one"}})).body
        before = server.kubeconfig(certificate=False)
    async with ApiServer(clock=clock, data_dir=tmp_path) as server:
        async with KubeHttp(server.url, server.token()) as kube:
            assert (await kube.get(f"{MAPS}/one")).body == created
            old = created["metadata"]["resourceVersion"]
            (event,) = await kube.watch(f"{MAPS}?watch=1&resourceVersion=1", 1)
            after = (await kube.post(MAPS, {"metadata": {"name": "two"}})).body
        assert server.kubeconfig() == before
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert int(after["metadata"]["resourceVersion"]) > int(old)
    assert load_all(before)[0].value["kind"] == "Config"
