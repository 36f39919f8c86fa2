"""Asks git what was applied last, so that a plan can tell drift from what waits, and old commits from new ones."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.compare.fingerprint import fingerprint
from reconciler.errors import PathError, UsageError
from reconciler.history.causes import with_causes
from reconciler.history.past import History
from reconciler.kinds.live import Live
from reconciler.model.change import Action, Cause, Sync
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from reconciler.history.past import Past
    from reconciler.model.change import Change
    from reconciler.model.desired import Desired
    from reconciler.pipeline import Reading
    from reconciler.runtime.run import Run
    from reconciler.values import JsonObject

_LOG: Final = logging.getLogger("reconciler.git")
_MOST_COMMITS: Final = 10
"""Whose manifests are read in one run, those first that most of what differs was applied from."""


def caused(run: Run, reading: Reading) -> Reading:
    """Return a reading whose plan tells causes; outside of a git repository, the same reading."""
    differing = [change for change in reading.plan.changes if change.sync.is_drift or change.fields]
    history = _history(run) if differing else None
    if history is None:
        return reading
    tracking = reading.policy.tracking
    bodies = _bodies(reading)
    commits = {key: commit for key, body in bodies.items() if (commit := tracking.commit_of(body)) is not None}
    own = [commits[change.desired.key] for change in differing if change.desired.key in commits]
    is_gone = any(change.desired.key not in bodies for change in differing)  # told by what is left beside it
    past = _past(history, (own, commits.values() if is_gone else ()))

    def told(change: Change) -> Change:
        key = change.desired.key
        body = bodies.get(key)
        applied = _of_commit(key, commits.get(key), past) if body is not None else _of_any(change.desired, past)
        return with_causes(change, body, applied, tracking)

    changes = tuple(told(change) for change in reading.plan.changes)
    return replace(reading, plan=replace(reading.plan, changes=changes))


def only_drift(reading: Reading) -> Reading:
    """
    Return a reading with causes without what would publish anything new, and a warning that counts it.

    Resources below a parent that is therefore not created are left out with it.
    """
    kept: list[Change] = []
    missing: set[str] = set()
    left = 0
    for change in reading.plan.changes:
        orphan = change.desired.parent in missing
        if orphan or _may_publish(change):
            left += 1
            if change.sync is Sync.MISSING:
                missing.add(change.desired.key)
        else:
            kept.append(change)
    plan = replace(reading.plan, changes=tuple(kept))
    return replace(reading, plan=plan, warnings=(*reading.warnings, *_left(reading, left)))


def _may_publish(change: Change) -> bool:
    """Whether an apply of this may write what was edited in git; what is waited for is decided again, and written."""
    waits_for_more = change.action is Action.WAIT and change.cause is not None
    return (change.action.writes or waits_for_more) and change.cause is not Cause.DRIFT


def with_older(run: Run, reading: Reading) -> Reading:
    """Return a reading with a warning where what would be written was last written from a commit that HEAD leads to."""
    bodies, tracking = _bodies(reading), reading.policy.tracking
    writes = [item.desired for item in reading.plan.changes if item.action.writes and item.desired.key in bodies]
    written = [(item, commit) for item in writes if (commit := tracking.commit_of(bodies[item.key])) is not None]
    newer = _newer(run, [commit for _, commit in written])
    back = [(item, commit) for item, commit in written if commit in newer]
    return replace(reading, warnings=(*reading.warnings, *_taken_back(back)))


def _taken_back(back: Sequence[tuple[Desired, str]]) -> Iterator[Problem]:
    if back:
        first, commit = back[0]
        more = f" (and {len(back) - 1} more from newer ones)" if len(back) > 1 else ""
        message = (
            f"{first.address} was last written from commit {commit[:12]}, which is newer than HEAD{more}: writing from"
            " here takes back what changed since"
        )
        fix = "check out the newer commit and run again; to go back on purpose, make a new commit (git revert)"
        yield Problem(first.source.file, first.source.line, None, "", "older-commit", message, fix)


def _newer(run: Run, commits: Sequence[str]) -> frozenset[str]:
    """Return those commits that come after HEAD in its own history, as far as this clone knows."""
    history = _history(run) if commits else None
    if history is None:
        return frozenset()
    found: set[str] = set()
    for commit, _ in Counter(commits).most_common(_MOST_COMMITS):
        with contextlib.suppress(UsageError, PathError):  # not in this clone
            if history.base(commit) == history.base("HEAD") != commit:
                found.add(commit)
    return frozenset(found)


def _left(reading: Reading, left: int) -> Iterator[Problem]:
    if left:
        first = reading.plan.changes[0].desired.source
        message = f"{left} of {len(reading.plan.changes)} resources were left: not drift alone, or not known to be"
        yield Problem(first.file, None, None, "", "not-drift", message, "apply without --only drift writes them")


def _bodies(reading: Reading) -> Mapping[str, JsonObject]:
    observed = reading.observation.observed
    return {key: each.body for key, each in observed.items() if isinstance(each, Live)}


def _of_commit(key: str, commit: str | None, past: Mapping[str, Past]) -> Desired | None:
    return past[commit].desired.get(key) if commit is not None and commit in past else None


def _of_any(desired: Desired, past: Mapping[str, Past]) -> Desired | None:
    """Return what a resource that is gone was stated to be; as it is stated now, if it was at any of those commits."""
    stated = [each.desired[desired.key] for each in past.values() if desired.key in each.desired]
    same = (item for item in stated if fingerprint(item) == fingerprint(desired))
    return next(same, stated[0] if stated else None)


def _history(run: Run) -> History | None:
    try:
        return History(run.options, run.registry, run.clock.now())
    except (UsageError, PathError) as error:
        _LOG.info("what was applied last is not known: %s", error)
        return None


def _past(history: History, commits: Iterable[Collection[str]]) -> dict[str, Past]:
    """Return what the first of *commits* declared: those of the first collection first, the common ones of each."""
    ranked = dict.fromkeys(commit for each in commits for commit, _ in Counter(each).most_common())
    found: dict[str, Past] = {}
    for commit in [*ranked][:_MOST_COMMITS]:
        with contextlib.suppress(UsageError, PathError):  # not in this clone
            found[commit] = history.at(commit)
    return found
