"""Metrics by the names that Flux's dashboards ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from steersman.objects.identity import ObjectRef

__all__ = ["RESULTS", "Metrics", "RunMetrics"]

RESULTS: Final = ("success", "requeue_after", "error")
"""How controller-runtime sorts runs, as far as ours can end."""


def exponential_buckets(first: float, last: float, number: int) -> tuple[float, ...]:
    """Returns bucket bounds from ``first`` to ``last``, each the same times the one before."""
    factor = (last / first) ** (1 / (number - 1))
    return tuple(first * factor**position for position in range(number))


_DURATIONS: Final = exponential_buckets(0.01, 1800.0, 10)


class RunMetrics(NamedTuple):
    """The series of one controller, looked up once."""

    results: Mapping[str, Counter]
    errors: Counter
    seconds: Histogram
    active: Gauge

    def begun(self) -> None:
        """Counts a run in."""
        self.active.inc()

    def ended(self, result: str, seconds: float) -> None:
        """Counts a run out.

        Args:
            result: one of ``RESULTS``.
            seconds: how long it took.
        """
        self.active.dec()
        self.results[result].inc()
        self.seconds.observe(seconds)
        if result == "error":
            self.errors.inc()


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

    def follow(self, controller: str, limit: int, depth: Callable[[], float]) -> RunMetrics:
        """Announces a controller: its limit, and how to ask for the depth of its queue."""
        self._limit.labels(controller).set(limit)
        self._depth.labels(controller, controller).set_function(depth)
        return RunMetrics(
            results={result: self._runs.labels(controller, result) for result in RESULTS},
            errors=self._errors.labels(controller),
            seconds=self._seconds.labels(controller),
            active=self._active.labels(controller),
        )

    def reconciled(self, ref: ObjectRef, seconds: float) -> None:
        """Notes how long an object took."""
        self._durations.labels(ref.kind, ref.name, ref.namespace).observe(seconds)

    def forget(self, ref: ObjectRef) -> None:
        """Drops the series of an object that was deleted."""
        try:
            self._durations.remove(ref.kind, ref.name, ref.namespace)
        except KeyError:
            pass
