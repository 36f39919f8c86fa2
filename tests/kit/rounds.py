"""Reports of rounds over one gallery, which differs at some paths or at none."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from reconciler.kinds.live import Health
from reconciler.kinds.packaged import packaged
from reconciler.model.change import Action, Cause, Change, FieldChange, Finding, Modified, Op, Plan, Reason, Sync
from reconciler.model.outcome import Outcome, Report, Result
from reconciler.problems import Problem
from tests.kit.bench import desired_of
from tests.kit.clock import START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.desired import Desired

PATHS = {"tags.team": ("tags", "team"), "properties.description": ("properties", "description")}


@cache
def gallery(team: str = "a") -> Desired:
    """Return a gallery as a manifest declares it."""
    body = {"location": "westus", "tags": {"team": team}, "properties": {"description": team}}
    return desired_of(packaged().kinds["Gallery"], body)


def change_of(desired: Desired, *paths: str, cause: Cause | None = None, who: str | None = None) -> Change:
    """Return the change of a resource that differs at *paths*; in sync without any."""
    fields = tuple(FieldChange(PATHS[each], each, Finding.CHANGE, Op.REPLACE, cause=cause) for each in paths)
    modified = Modified(by=who) if who else None
    if not paths:
        return Change(desired, Action.NONE, Reason.IN_SYNC, Sync.IN_SYNC, Health.HEALTHY)
    return Change(
        desired, Action.UPDATE, Reason.FIELDS_DIFFER, Sync.OUT_OF_SYNC, Health.HEALTHY, fields, modified=modified
    )


def report_of(*changes: Change, outcomes: Mapping[str, Outcome] | None = None) -> Report:
    """Return the report of a round."""
    return Report("run", START, START, Plan(changes), outcomes=outcomes or {})


def seen(*paths: str) -> Report:
    """Return a report in which the gallery differs at *paths*."""
    return report_of(change_of(gallery(), *paths))


def written(*paths: str, result: Result = Result.SUCCEEDED) -> Report:
    """Return a report of a round that wrote the gallery, or tried to."""
    change = change_of(gallery(), *paths)
    return report_of(change, outcomes={change.desired.key: Outcome(change, result)})


MISSING = report_of(Change(gallery(), Action.CREATE, Reason.NOT_FOUND, Sync.MISSING, Health.UNKNOWN))
UNKNOWN = report_of(Change(gallery(), Action.UNKNOWN, Reason.READ_FAILED, Sync.UNKNOWN, Health.UNKNOWN))
WAITS = report_of(replace(change_of(gallery(), "tags.team"), action=Action.WAIT, sync=Sync.UNKNOWN))
ELSEWHERE = report_of()


def problem(code: str = "yaml", message: str = "no YAML") -> Problem:
    """Return an error of a round."""
    return Problem("m.yaml", 1, 1, "", code, message, "correct it")
