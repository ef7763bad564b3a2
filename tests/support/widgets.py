"""A kind of our own, a reconciler that does what the test says, and a cluster that serves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from steersman.conditions import ObserveRule, StatusContract
from steersman.objects.identity import GroupVersionKind, ObjectRef
from steersman.objects.manifest import Manifest
from steersman.runtime import Context, Event, Later, Manager, RuntimeSettings, Settled, Watch
from steersman.runtime.cache import IndexFunction
from tests.support.clusters import Cluster, a_cluster, check

WIDGET = GroupVersionKind("example.com", "v1", "Widget")
GADGET = GroupVersionKind("example.com", "v1", "Gadget")
FINALIZER = "finalizers.example.com"
CONTRACT = StatusContract(observe=ObserveRule.READY)


def definition(gvk: GroupVersionKind) -> Manifest:
    plural = gvk.kind.lower() + "s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{gvk.group}"},
        "spec": {
            "group": gvk.group,
            "scope": "Namespaced",
            "names": {
                "kind": gvk.kind,
                "plural": plural,
                "singular": gvk.kind.lower(),
                "listKind": f"{gvk.kind}List",
            },
            "versions": [
                {
                    "name": gvk.version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": anything, "status": anything},
                        }
                    },
                }
            ],
        },
    }


def a_widget(name: str = "w", *, kind: GroupVersionKind = WIDGET, **spec: Any) -> Manifest:
    return {
        "apiVersion": f"{kind.group}/{kind.version}",
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def ref(name: str = "w", kind: GroupVersionKind = WIDGET) -> ObjectRef:
    return ObjectRef(kind.group, kind.kind, "default", name)


async def well_done(ctx: Context) -> Settled | Later:
    ctx.status.mark_ready("Succeeded", f"generation {ctx.generation}")
    return Settled(600)


async def nothing_to_clean(ctx: Context) -> Later | None:
    return None


@dataclass
class Widgets:
    """A reconciler whose work is given by the test; it notes when it was called."""

    work: Callable[[Context], Awaitable[Settled | Later]] = well_done
    cleanup: Callable[[Context], Awaitable[Later | None]] = nothing_to_clean
    kind: GroupVersionKind = WIDGET
    controller: str = "widget-controller"
    status_manager: str = "gotk-widget-controller"
    contract: StatusContract = CONTRACT
    finalizer: str = FINALIZER
    concurrency: int = 4
    watches: Sequence[Watch] = ()
    indexes: dict[str, IndexFunction] = field(default_factory=dict)
    fixed_retry: float | None = None
    calls: list[tuple[str, float]] = field(default_factory=list)

    def retry_seconds(self, obj: Manifest) -> float | None:
        return self.fixed_retry

    async def reconcile(self, ctx: Context) -> Settled | Later:
        self.calls.append((ctx.ref.name, ctx.clock.monotonic()))
        return await self.work(ctx)

    async def finalize(self, ctx: Context) -> Later | None:
        self.calls.append((f"finalize {ctx.ref.name}", ctx.clock.monotonic()))
        return await self.cleanup(ctx)


class Sink:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def post(self, event: Event) -> None:
        self.events.append(event)


@asynccontextmanager
async def widgets_at_work(
    *reconcilers: Widgets, settings: RuntimeSettings | None = None
) -> AsyncIterator[tuple[Cluster, Manager, Sink]]:
    """A cluster that serves widgets and gadgets, and a manager that runs the reconcilers.

    Afterwards no widget's status may break an invariant.
    """
    sink = Sink()
    async with a_cluster() as cluster:
        await cluster.install([definition(WIDGET), definition(GADGET)])
        async with cluster.a_client("widget-controller") as client:
            manager = Manager(
                client,
                reconcilers,
                clock=cluster.clock,
                settings=settings or RuntimeSettings(jitter_percentage=0),
                sinks=[sink],
                random=Random(1),
            )
            async with manager:
                await manager.settled()
                yield cluster, manager, sink
        for reconciler in reconcilers:
            listed = await cluster.client.list(reconciler.kind)
            check(listed.items, reconciler.contract)
