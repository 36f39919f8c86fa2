"""A plan from an older commit: it would take back the changes of a newer one. Pure; `history/` reads git."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from reconciler.kinds.tracking import Tracking
    from reconciler.model.change import Plan
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject


def last_written(plan: Plan, live: Mapping[str, JsonObject], tracking: Tracking) -> tuple[tuple[Desired, str], ...]:
    """Return each live resource that *plan* writes, with the commit that it was last written from, where known."""
    writes = (change.desired for change in plan.changes if change.action.writes and change.desired.key in live)
    commits = ((item, tracking.commit_of(live[item.key])) for item in writes)
    return tuple((item, commit) for item, commit in commits if commit is not None)


def older_commit(written: Sequence[tuple[Desired, str]], newer: Collection[str]) -> Problem | None:
    """
    Return a warning for a plan that writes resources which a newer commit wrote last; None if it writes none.

    Args:
        written: Resources that the plan writes, with the commit that each was last written from.
        newer: Those commits that descend from the one of this run.
    """
    back = [(item, commit) for item, commit in written if commit in newer]
    if not back:
        return None
    item, commit = back[0]
    others = len(back) - 1
    more = f" (and {others:,} more resource{'s' if others > 1 else ''} from newer commits)" if others else ""
    message = (
        f"{item.address} was last written from commit {commit[:12]}, which is newer than HEAD{more}:"
        " this run would take back later changes"
    )
    fix = "check out the newer commit and run again; to go back on purpose, make a new commit (git revert)"
    return Problem(item.source.file, item.source.line, None, "", "older-commit", message, fix)
