"""``status.history``: the last configurations tried, newest first.

Source: behaviour of fluxcd/pkg apis/meta (History).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from steersman.apis.meta import Snapshot
from steersman.kit.clock import format_rfc3339
from steersman.kit.duration import format_duration

__all__ = ["record_attempt"]

_KEPT = 5


def record_attempt(
    history: Sequence[Snapshot],
    *,
    digest: str,
    now: datetime,
    duration: timedelta,
    outcome: str,
    metadata: Mapping[str, str],
) -> tuple[Snapshot, ...]:
    """Returns the history with one more attempt.

    An attempt with the digest and outcome of an earlier one renews that one and moves it to the
    front; at most five are kept.

    Args:
        history: newest first.
        digest: of what was reconciled.
        now: when the attempt ended.
        duration: how long it took.
        outcome: the reason with which it ended.
        metadata: what else belongs to it, such as the revision.
    """
    moment = format_rfc3339(now)
    first, total = moment, 0
    others = []
    for snapshot in history:
        if (snapshot.digest, snapshot.last_reconciled_status) == (digest, outcome) and not total:
            first, total = snapshot.first_reconciled, snapshot.total_reconciliations
        else:
            others.append(snapshot)
    newest = Snapshot(
        digest=digest,
        first_reconciled=first,
        last_reconciled=moment,
        last_reconciled_duration=format_duration(duration),
        last_reconciled_status=outcome,
        total_reconciliations=total + 1,
        metadata=dict(metadata),
    )
    return (newest, *others)[:_KEPT]
