"""
Finds who last modified each resource that differs, and when: in the answer that the plan read, else by a GET of each.

Decides nothing and fails nothing: a read that fails leaves the author unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from reconciler.http.concurrency import run_all
from reconciler.http.retry_policy import Policy
from reconciler.kinds.kind import subscription_in
from reconciler.kinds.live import Live
from reconciler.kinds.normal_forms import parse_instant
from reconciler.model.change import Cause, Change, Finding, Modified, Plan
from reconciler.secret.text import scrub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.azure.client import ArmReader
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observation
    from reconciler.values import JsonObject

_LOG: Final = logging.getLogger("reconciler.azure.attribution")
MOST: Final = 50
"""Resources of one run; for further ones the command can be run with a target."""
_LONGEST: Final = 200
_SYSTEM_DATA: Final = "systemData"
Writers: TypeAlias = "dict[str, tuple[frozenset[str], Modified]]"
"""The last writer of each resource that differs, by its folded id, beside the paths at which it differed then."""
_DIFFERS: Final = frozenset({Finding.CHANGE, Finding.IMMUTABLE})


async def attributed(
    plan: Plan, observation: Observation, arm: ArmReader, concurrency: int, known: Writers | None = None
) -> Plan:
    """
    Return *plan* with who last modified each live resource that differs.

    Args:
        plan: Whose changes have a cause, where git was read.
        observation: That the plan is of; most lists answer the last modification.
        arm: Reads the first *MOST* resources whose list does not.
        concurrency: Of those reads.
        known: The writers of a loop: a difference that lasts is asked about once. It is brought up to date.
    """
    answered, unanswered = dict[str, Modified](), dict[str, Change]()
    for change in plan.changes:
        key = change.desired.key
        live = observation.observed.get(key)
        if not isinstance(live, Live) or not _is_asked_for(change):
            continue
        if _SYSTEM_DATA in live.body:
            answered[key] = modified_in(live.body)
        elif _is_answerable(change.desired, observation):
            unanswered[key] = change
    found = await _asked(unanswered, arm, concurrency, known)
    return replace(plan, changes=_with(plan.changes, answered | found))


async def _asked(
    wanted: Mapping[str, Change], arm: ArmReader, concurrency: int, known: Writers | None
) -> dict[str, Modified]:
    told = {
        key: known[key][1]
        for key, change in wanted.items()
        if known and key in known and known[key][0] == _paths(change)
    }
    # Only an addition to the report: one try of each, and none after the first that fails.
    asking = _Asking(replace(arm, retrier=replace(arm.retrier, policy=Policy(tries=1))))
    unknown = [change for key, change in wanted.items() if key not in told][:MOST]
    await run_all((asking.ask(change) for change in unknown), concurrency)
    found = told | asking.found
    if known is not None:
        known.clear()
        known.update({key: (_paths(wanted[key]), modified) for key, modified in found.items()})
    return found


def _paths(change: Change) -> frozenset[str]:
    return frozenset(item.path for item in change.fields)


def _is_asked_for(change: Change) -> bool:
    differs = change.sync.is_drift and any(item.finding in _DIFFERS for item in change.fields)
    return differs and change.cause is not Cause.PENDING  # pending in git: no other client changed it


def _is_answerable(desired: Desired, observation: Observation) -> bool:
    """Return whether the newest api-version that Azure knows answers who modified a resource."""
    since = desired.kind.system_data
    known = observation.versions.get((desired.kind.name, subscription_in(desired.id)), desired.kind.api_versions[-1])
    return since is not None and since <= known


def _with(changes: Sequence[Change], found: Mapping[str, Modified]) -> tuple[Change, ...]:
    return tuple(
        replace(change, modified=found[change.desired.key]) if change.desired.key in found else change
        for change in changes
    )


@dataclass(slots=True)
class _Asking:
    arm: ArmReader
    found: dict[str, Modified] = field(default_factory=dict)
    has_failed: bool = False

    async def ask(self, change: Change) -> None:
        desired = change.desired
        self.found[desired.key] = Modified()
        if self.has_failed:
            return
        try:
            self.found[desired.key] = modified_in(await self.arm.get_newest(desired.kind, desired.id))
        except Exception as error:  # noqa: BLE001 - an addition to the report fails no run
            self.has_failed = True
            _LOG.debug("who modified %s is not known: %s", desired.address, type(error).__name__)


def modified_in(body: JsonObject) -> Modified:
    """Return who last modified a resource, and when, by its ``systemData``; any part may be missing."""
    data = body.get(_SYSTEM_DATA)
    data = data if isinstance(data, Mapping) else {}
    at = data.get("lastModifiedAt")
    parsed = parse_instant(at) if isinstance(at, str) else None
    return Modified(
        by=_text(data.get("lastModifiedBy")),
        by_type=_text(data.get("lastModifiedByType")),
        at=f"{parsed[0]:%Y-%m-%dT%H:%M:%SZ}" if parsed else None,
    )


def _text(value: Any) -> str | None:
    return scrub(value)[:_LONGEST] if isinstance(value, str) and value else None
