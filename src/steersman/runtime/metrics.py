"""Metrics by the names that Flux's dashboards ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from steersman.objects.identity import ObjectRef

__all__ = ["Metrics"]


def exponential_buckets(first: float, last: float, number: int) -> tuple[float, ...]:
    """Returns bucket bounds from ``first`` to ``last``, each the same times the one before."""
    factor = (last / first) ** (1 / (number - 1))
    return tuple(first * factor**position for position in range(number))


_DURATIONS: Final = exponential_buckets(0.01, 1800.0, 10)


class Metrics:
    """The metrics of one process, in a registry of its own.

    Args:
        registry: where they are kept; a new one when None.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        labels = ("kind", "name", "namespace")
        self._durations = Histogram(
            "gotk_reconcile_duration_seconds",
            "Duration of the reconciles of an object.",
            labels,
            registry=self.registry,
            buckets=_DURATIONS,
        )
        self._runs = Counter(
            "controller_runtime_reconcile",
            "Runs by controller and result.",
            ("controller", "result"),
            registry=self.registry,
        )
        self._errors = Counter(
            "controller_runtime_reconcile_errors",
            "Failed runs by controller.",
            ("controller",),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Duration of runs by controller.",
            ("controller",),
            registry=self.registry,
        )
        self._active = Gauge(
            "controller_runtime_active_workers",
            "Runs in progress by controller.",
            ("controller",),
            registry=self.registry,
        )
        self._limit = Gauge(
            "controller_runtime_max_concurrent_reconciles",
            "Most runs at once by controller.",
            ("controller",),
            registry=self.registry,
        )
        self._depth = Gauge(
            "workqueue_depth",
            "Objects that are due by controller.",
            ("name", "controller"),
            registry=self.registry,
        )

    def follow(self, controller: str, limit: int, depth: Callable[[], float]) -> None:
        """Announces a controller: its limit, and how to ask for the depth of its queue."""
        self._limit.labels(controller).set(limit)
        self._depth.labels(controller, controller).set_function(depth)

    def begun(self, controller: str) -> None:
        """Counts a run in."""
        self._active.labels(controller).inc()

    def ended(self, controller: str, result: str, seconds: float, *, failed: bool) -> None:
        """Counts a run out.

        Args:
            controller: whose.
            result: ``success``, ``requeue``, ``requeue_after`` or ``error``.
            seconds: how long it took.
            failed: it counts as an error.
        """
        self._active.labels(controller).dec()
        self._runs.labels(controller, result).inc()
        self._seconds.labels(controller).observe(seconds)
        if failed:
            self._errors.labels(controller).inc()

    def reconciled(self, ref: ObjectRef, seconds: float) -> None:
        """Notes how long an object took."""
        self._durations.labels(ref.kind, ref.name, ref.namespace).observe(seconds)

    def forget(self, ref: ObjectRef) -> None:
        """Drops the series of an object that was deleted."""
        try:
            self._durations.remove(ref.kind, ref.name, ref.namespace)
        except KeyError:
            pass
