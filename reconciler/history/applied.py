"""Reads from git the manifests that were applied last: they tell drift from pending edits, and old commits from new."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from reconciler.compare.fingerprint import fingerprint
from reconciler.errors import PathError, UsageError
from reconciler.history.causes import with_causes
from reconciler.history.past import History

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from reconciler.history.carried import Present
    from reconciler.history.past import Past
    from reconciler.kinds.registry import Registry
    from reconciler.kinds.tracking import Tracking
    from reconciler.manifests.estate import Options
    from reconciler.model.change import Change, Plan
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject

_LOG: Final = logging.getLogger("reconciler.git")
_MOST_COMMITS: Final = 10
"""Commits whose manifests are read in one run, first those from which most of the differing resources were applied."""
Opened: TypeAlias = "Callable[[], History | None]"


def open_history(options: Options, registry: Registry, now: datetime, present: Present) -> History | None:
    """Return the history of the manifests of a run; None outside of a git repository."""
    try:
        return History(options, registry, now, present)
    except (UsageError, PathError) as error:
        _LOG.info("the last applied manifests are unknown: %s", error)
        return None


def caused(plan: Plan, live: Mapping[str, JsonObject], tracking: Tracking, opened: Opened) -> Plan:
    """
    Return *plan* with the cause of each difference; outside of a git repository, the same plan.

    Args:
        plan: The plan, with the order in which commits are looked up.
        live: The live bodies by folded id; their tags name the commits.
        tracking: How the commits are recorded.
        opened: Opens the history, where there is a question.
    """
    differing = [change for change in plan.changes if change.sync.is_drift or change.is_step or change.fields]
    history = opened() if differing else None
    if history is None:
        return plan
    commits = {key: commit for key, body in live.items() if (commit := tracking.commit_of(body)) is not None}
    own = [commits[change.desired.key] for change in differing if change.desired.key in commits]
    is_missing = any(change.desired.key not in live for change in differing)  # explained by the commits of the others
    past = _past(history, (own, commits.values() if is_missing else ()))

    def explained(change: Change) -> Change:
        key = change.desired.key
        body = live.get(key)
        applied = _of_commit(key, commits.get(key), past) if body is not None else _of_any(change.desired, past)
        return with_causes(change, body, applied, tracking)

    return replace(plan, changes=tuple(explained(change) for change in plan.changes))


def newer(commits: Sequence[str], opened: Opened) -> frozenset[str]:
    """Return those commits that descend from HEAD, as far as this clone knows."""
    history = opened() if commits else None
    if history is None:
        return frozenset()
    found: set[str] = set()
    for commit, _ in Counter(commits).most_common(_MOST_COMMITS):
        with contextlib.suppress(UsageError, PathError):  # not in this clone
            if history.base(commit) == history.base("HEAD") != commit:
                found.add(commit)
    return frozenset(found)


def _of_commit(key: str, commit: str | None, past: Mapping[str, Past]) -> Desired | None:
    return past[commit].desired.get(key) if commit is not None and commit in past else None


def _of_any(desired: Desired, past: Mapping[str, Past]) -> Desired | None:
    """Return the last declaration of a missing resource; the present one, if it was declared at any of *commits*."""
    stated = [each.desired[desired.key] for each in past.values() if desired.key in each.desired]
    same = (item for item in stated if item is desired or fingerprint(item) == fingerprint(desired))
    return next(same, stated[0] if stated else None)


def _past(history: History, commits: Iterable[Collection[str]]) -> dict[str, Past]:
    """Return the declaration at the first of *commits*: by collection, the most common ones of each first."""
    ranked = dict.fromkeys(commit for each in commits for commit, _ in Counter(each).most_common())
    found: dict[str, Past] = {}
    for commit in [*ranked][:_MOST_COMMITS]:
        with contextlib.suppress(UsageError, PathError):  # not in this clone
            found[commit] = history.at(commit)
    return found
