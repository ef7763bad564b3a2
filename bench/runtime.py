"""Controller runtime: 1,000 objects of one kind beside an embedded API server in one process.

The reconciler marks its object ready and does nothing else, so this is what the runtime costs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from random import Random

from bench.table import Row
from steersman.clients.kube import Connection, KubeClient
from steersman.conditions import StatusContract
from steersman.kit.clock import SystemClock
from steersman.kit.mask import Secret
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.manifest import Manifest
from steersman.runtime import Context, Later, Manager, Settled, Watch
from steersman.runtime.cache import IndexFunction
from steersman.servers.apiserver.server import ApiServer

OBJECTS = 1_000
THING = GroupVersionKind("bench.example", "v1", "Thing")


class Marker:
    """Marks its object ready."""

    kind = THING
    controller = "bench"
    status_manager = controller
    contract = StatusContract()
    finalizer = "finalizers.bench.example"
    concurrency = 20
    watches: Sequence[Watch] = ()
    indexes: Mapping[str, IndexFunction] = {}

    def retry_seconds(self, obj: Manifest) -> float | None:
        return None

    async def reconcile(self, ctx: Context) -> Settled | Later:
        ctx.status.mark_ready("Succeeded", "done")
        return Settled(3600)

    async def finalize(self, ctx: Context) -> Later | None:
        return None


def definition() -> Manifest:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    version = {
        "name": THING.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{THING.group}"},
        "spec": {
            "group": THING.group,
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }


def thing(number: int) -> Manifest:
    return {
        "apiVersion": f"{THING.group}/{THING.version}",
        "kind": "Thing",
        "metadata": {"name": f"t{number}", "namespace": "default"},
        "spec": {"number": number},
    }


async def measure() -> list[Row]:
    clock = SystemClock()
    async with ApiServer(clock=clock) as server:
        connection = Connection(server=server.url, token=Secret(server.token()))
        async with KubeClient(connection, user_agent="bench", clock=clock) as client:
            await client.create(definition(), field_manager="bench")
            while await client.find(THING, "none", "default") is not None:
                await clock.sleep(0.01)
            for number in range(OBJECTS):
                await client.create(thing(number), field_manager="bench")
            return await reconcile(client, clock)


async def reconcile(client: KubeClient, clock: SystemClock) -> list[Row]:
    manager = Manager(client, [Marker()], clock=clock, random=Random(1))
    before, began = client.requests_sent, time.perf_counter()
    async with manager:
        await manager.settled()
        first, sent = time.perf_counter() - began, client.requests_sent - before
        began = time.perf_counter()
        for number in range(OBJECTS):
            ref = ObjectRef(THING.group, THING.kind, "default", f"t{number}")
            manager.request(ref, reason="again")
        await manager.settled()
        again, more = time.perf_counter() - began, client.requests_sent - before - sent
    return [
        Row("objects made ready", f"{OBJECTS / first:.0f}/s"),
        Row("requests for each", f"{sent / OBJECTS:.2f}"),
        Row("objects looked at again, nothing changed", f"{OBJECTS / again:.0f}/s"),
        Row("requests for all of them", str(more)),
    ]


def run() -> Sequence[Row]:
    """Measures, and returns the rows."""
    return asyncio.run(measure())
