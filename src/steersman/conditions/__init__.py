"""The algebra of status conditions, pure.

:class:`~steersman.conditions.contract.StatusContract` declares which conditions a kind has;
:class:`~steersman.conditions.edit.StatusEditor` edits them during a reconcile;
:func:`~steersman.conditions.summarize.summarize` folds them into Ready;
:func:`~steersman.conditions.conclude.conclude` brings a status into the shape that its outcome
demands; :func:`~steersman.conditions.patch.status_patch` makes the smallest patch;
:func:`~steersman.conditions.check.violations` tells what a finished status must not be. Start at
:mod:`steersman.conditions.contract`.
"""

from steersman.conditions.check import violations
from steersman.conditions.conclude import Verdict, conclude
from steersman.conditions.contract import ObserveRule, StatusContract
from steersman.conditions.edit import StatusEditor
from steersman.conditions.patch import status_patch
from steersman.conditions.summarize import summarize

__all__ = [
    "ObserveRule",
    "StatusContract",
    "StatusEditor",
    "Verdict",
    "conclude",
    "status_patch",
    "summarize",
    "violations",
]
