"""The controller runtime. It knows no Flux kind.

A kind is reconciled by a :class:`~steersman.runtime.reconciler.Reconciler`: a declaration and two
methods. Everything that kinds have in common happens around it:

* :mod:`~steersman.runtime.reflector` and :mod:`~steersman.runtime.cache` keep what we know current;
* :mod:`~steersman.runtime.triggers` turn changes into requests, :mod:`~steersman.runtime.queue`
  orders them;
* :mod:`~steersman.runtime.envelope` runs one request: finalizer, suspension, steps, conditions, the
  status patch, events, metrics;
* :mod:`~steersman.runtime.outcome` says what the queue does next;
* :mod:`~steersman.runtime.manager` is the root of all tasks.

Reads the API through watches only, and writes an object's status once a run. Start at
:mod:`steersman.runtime.reconciler`.
"""

from steersman.runtime.cache import Cache, Change
from steersman.runtime.events import Event, EventRecorder, EventSink, Severity
from steersman.runtime.manager import Manager
from steersman.runtime.metrics import Metrics
from steersman.runtime.outcome import Backoff, Gone, Halted, Later, Outcome, Settled
from steersman.runtime.queue import HIGH, LOW, NORMAL
from steersman.runtime.reconciler import Context, Reconciler, RuntimeSettings
from steersman.runtime.triggers import Watch

__all__ = [
    "HIGH",
    "LOW",
    "NORMAL",
    "Backoff",
    "Cache",
    "Change",
    "Context",
    "Event",
    "EventRecorder",
    "EventSink",
    "Gone",
    "Halted",
    "Later",
    "Manager",
    "Metrics",
    "Outcome",
    "Reconciler",
    "RuntimeSettings",
    "Settled",
    "Severity",
    "Watch",
]
