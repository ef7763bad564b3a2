"""Folds conditions into one.

Conditions fall into groups by status and polarity. The first group that is not empty decides:

1. True and negative: something is wrong;
2. False and positive: something is missing;
3. True and positive: something is achieved;
4. False and negative: nothing is wrong;
5. Unknown.

Within the group the most important type, in the order of the contract, lends its reason and
message. A False bipolar condition comes before all that. Behaviour of fluxcd/pkg
runtime/conditions (merge) and of source-controller's summarizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from steersman.apis.meta import Condition
from steersman.conditions.contract import StatusContract
from steersman.conditions.edit import ConditionStatus

__all__ = ["Summary", "summarize"]


class Summary(NamedTuple):
    """What the summarizing condition should say."""

    status: ConditionStatus
    reason: str
    message: str


_RANK = {("True", True): 0, ("False", False): 1, ("True", False): 2, ("False", True): 3}
_MEANING: tuple[ConditionStatus, ...] = ("False", "False", "True", "True", "Unknown")


def summarize(conditions: Mapping[str, Condition], contract: StatusContract) -> Summary | None:
    """Returns what Ready should say; None when there is nothing to summarize.

    Args:
        conditions: by type; those outside the contract do not count.
        contract: what counts, and how.
    """
    for type in contract.bipolar:
        condition = conditions.get(type)
        if condition is not None and condition.status == "False":
            return Summary("False", condition.reason, condition.message)
    ranked = [
        (_RANK.get((found.status, type in contract.negative), 4), position)
        for position, type in enumerate(contract.summarized)
        if (found := conditions.get(type)) is not None
    ]
    if not ranked:
        return None
    rank, position = min(ranked)
    decisive = conditions[contract.summarized[position]]
    return Summary(_MEANING[rank], decisive.reason, decisive.message)
