"""Asks git what was applied last, so that a plan can tell drift from what waits, and old commits from new ones."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.causes import with_causes
from reconciler.errors import UsageError
from reconciler.model import Cause, Live, Problem, Sync
from reconciler.shell.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.model import Change, Desired, JsonObject
    from reconciler.pipeline import Reading
    from reconciler.shell.history import Past
    from reconciler.shell.run import Run

_MOST_COMMITS: Final = 10
"""Whose manifests are read in one run, those first that most of what differs was applied from."""


def caused(run: Run, reading: Reading) -> Reading:
    """Give a reading whose plan tells causes; outside of a git repository, the same reading."""
    differing = [change for change in reading.plan.changes if change.sync.is_drift or change.fields]
    history = _history(run) if differing else None
    if history is None:
        return reading
    tracking = reading.policy.tracking
    bodies = _bodies(reading)
    commits = {
        change.desired.key: tracking.commit_of(body)
        for change in differing
        if (body := bodies.get(change.desired.key)) is not None
    }
    past = _past(history, [commit for commit in commits.values() if commit is not None])

    def told(change: Change) -> Change:
        key = change.desired.key
        body = bodies.get(key)
        return with_causes(change, body, _applied(key, commits.get(key), past, is_live=body is not None), tracking)

    changes = tuple(told(change) for change in reading.plan.changes)
    return replace(reading, plan=replace(reading.plan, changes=changes))


def only_drift(reading: Reading) -> Reading:
    """
    Give a reading with causes without what would publish anything new, and a warning that counts it.

    What is below a parent that is therefore not made goes with it.
    """
    kept: list[Change] = []
    missing: set[str] = set()
    left = 0
    for change in reading.plan.changes:
        orphan = change.desired.parent in missing
        if orphan or (change.action.writes and change.cause is not Cause.DRIFT):
            left += 1
            if change.sync is Sync.MISSING:
                missing.add(change.desired.key)
        else:
            kept.append(change)
    plan = replace(reading.plan, changes=tuple(kept))
    return replace(reading, plan=plan, warnings=(*reading.warnings, *_left(reading, left)))


def with_older(run: Run, reading: Reading) -> Reading:
    """Give a reading with a warning where what would be written was last written from a commit that HEAD leads to."""
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
    """Give those commits that come after HEAD in its own history, as far as this clone knows."""
    history = _history(run) if commits else None
    if history is None:
        return frozenset()
    found: set[str] = set()
    for commit, _ in Counter(commits).most_common(_MOST_COMMITS):
        with contextlib.suppress(UsageError):  # not in this clone
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


def _applied(key: str, commit: str | None, past: Mapping[str, Past], *, is_live: bool) -> Desired | None:
    if is_live:
        return past[commit].desired.get(key) if commit is not None and commit in past else None
    return next((each.desired[key] for each in past.values() if key in each.desired), None)


def _history(run: Run) -> History | None:
    try:
        return History(run.options, run.clock.now())
    except UsageError:
        return None


def _past(history: History, commits: Sequence[str]) -> dict[str, Past]:
    found: dict[str, Past] = {}
    for commit, _ in Counter(commits).most_common(_MOST_COMMITS):
        with contextlib.suppress(UsageError):  # not in this clone
            found[commit] = history.at(commit)
    return found
