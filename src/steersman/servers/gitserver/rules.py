"""The rules a push must keep. Pure: ancestry comes in as a question that can be answered.

=================  ==============================================================================
who or what        rule
=================  ==============================================================================
a reader           writes nothing
a bot              writes only the integration branch
a protected branch is never deleted and only moves forward
a promoted branch  takes only commits that are on the branch it is promoted from
=================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from steersman.servers.gitserver.users import Role

__all__ = ["NO_COMMIT", "BranchRules", "IsAncestor", "RefUpdate", "judge"]

NO_COMMIT = "0" * 40
"""Stands for "does not exist" in a push."""

IsAncestor: TypeAlias = Callable[[str, str], bool]
"""``(older, newer) -> bool``; a commit is its own ancestor."""


class RefUpdate(NamedTuple):
    """One command of a push: a full reference name, and its commit before and after."""

    name: str
    old: str
    new: str

    @property
    def is_deletion(self) -> bool:
        """Whether the reference goes away."""
        return self.new == NO_COMMIT

    @property
    def is_creation(self) -> bool:
        """Whether the reference is new."""
        return self.old == NO_COMMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRules:
    """Which branches are special.

    Attributes:
        integration: the branch that bots may write.
        protected: branches that are never deleted and only move forward.
        promoted: branch → the branch it takes its commits from.
    """

    integration: str = "main"
    protected: frozenset[str] = frozenset({"main", "production"})
    promoted: Mapping[str, str] = field(default_factory=lambda: {"production": "main"})


def judge(
    updates: Sequence[RefUpdate],
    *,
    user: str,
    role: Role,
    rules: BranchRules,
    tips: Mapping[str, str],
    is_ancestor: IsAncestor | None,
) -> list[str | None]:
    """Decides about each command of a push.

    Args:
        updates: the commands, in the order sent.
        user: who pushes, for messages.
        role: what the user may do.
        rules: the special branches.
        tips: reference name → commit, as the repository is now.
        is_ancestor: answers about ancestry; ``None`` while the pushed objects have not arrived,
            then only rules that need no objects are asked.

    Returns:
        For each command the reason it is refused, or ``None``.
    """
    new_tips = dict(tips)
    verdicts: dict[int, str | None] = {}
    # Sources of promotions first: one push may move main and production together.
    sources = {f"refs/heads/{source}" for source in rules.promoted.values()}
    order = sorted(range(len(updates)), key=lambda index: updates[index].name not in sources)
    for index in order:
        update = updates[index]
        verdict = _judge_one(update, user, role, rules, new_tips, is_ancestor)
        verdicts[index] = verdict
        if verdict is None:
            new_tips[update.name] = update.new
    return [verdicts[index] for index in range(len(updates))]


def _judge_one(
    update: RefUpdate,
    user: str,
    role: Role,
    rules: BranchRules,
    tips: Mapping[str, str],
    is_ancestor: IsAncestor | None,
) -> str | None:
    branch = update.name.removeprefix("refs/heads/") if "refs/heads/" in update.name else ""
    if role is Role.READER:
        return f"{user} may not write"
    if role is Role.BOT and branch != rules.integration:
        return f"{user} may write only {rules.integration}"
    if tips.get(update.name, NO_COMMIT) != update.old:
        return "somebody else pushed first: fetch and try again"
    if branch in rules.protected and update.is_deletion:
        return f"{branch} is protected: it cannot be deleted"
    if is_ancestor is None or update.is_deletion:
        return None
    moves_back = not update.is_creation and not is_ancestor(update.old, update.new)
    if branch in rules.protected and moves_back:
        return f"{branch} is protected: it only moves forward"
    source = rules.promoted.get(branch)
    if source is None:
        return None
    source_tip = tips.get(f"refs/heads/{source}", NO_COMMIT)
    if source_tip == NO_COMMIT or not is_ancestor(update.new, source_tip):
        return f"{branch} accepts only commits that are already on {source}"
    return None
