"""
The stages in their order, and nothing else.

    estate (load -> render -> validate -> resolve) -> observe -> normalize, diff, plan -> apply -> report

A plan and an apply share every line up to the first PUT.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from reconciler.apply.applier import Applier
from reconciler.azure.attribution import attributed
from reconciler.azure.observe import Scope, observe
from reconciler.kinds.live import Live
from reconciler.manifests.dates import past_dates
from reconciler.manifests.estate import Estate, Options, idle_rules, read_estate
from reconciler.manifests.project import other_settings
from reconciler.model.about import About
from reconciler.model.change import Action, Change, Plan
from reconciler.model.outcome import Outcome, Result
from reconciler.plan.decide import Memory, Policy, make_plan
from reconciler.plan.saved import SavedPlan, save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from reconciler.apply.verify import Progress
    from reconciler.azure.blobs import Blobs
    from reconciler.azure.client import ArmReader, ArmWriter
    from reconciler.azure.polling import Patience
    from reconciler.model.live import Observation
    from reconciler.problems import Problem
    from reconciler.values import JsonObject

__all__ = [
    "Estate",
    "Options",
    "Reading",
    "apply_reading",
    "check_reading",
    "judged",
    "make_reading",
    "observed",
    "read_estate",
    "saved_text",
    "stated_in",
    "with_writers",
]

_NOTHING: Final = About()


@dataclass(frozen=True, slots=True)
class Reading:
    """
    A plan and what it was made from.

    Attributes:
        errors: Errors that only reading shows: under ``strict`` an ignore rule that hides nothing.
    """

    estate: Estate
    observation: Observation
    policy: Policy
    plan: Plan
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


async def make_reading(
    options: Options,
    estate: Estate,
    arm: ArmReader,
    *,
    commit: str | None = None,
    memory: Memory | None = None,
) -> Reading:
    """Observe what was selected and plan it. The same call for a plan, a drift report and an apply."""
    return judged(options, estate, await observed(options, estate, arm), commit=commit, memory=memory)


async def observed(options: Options, estate: Estate, arm: ArmReader) -> Observation:
    """Read what was selected, and what is beside it."""
    scope = Scope(stated_in(estate), bool(options.targets), options.health, options.concurrency)
    return await observe(estate.selected, scope, estate.kinds, arm)


def stated_in(estate: Estate) -> frozenset[str]:
    """Return the folded ids of all that the manifests state."""
    return frozenset(item.key for item in estate.desired)


def judged(
    options: Options,
    estate: Estate,
    observation: Observation,
    *,
    commit: str | None = None,
    memory: Memory | None = None,
) -> Reading:
    """Plan what was selected by what was observed, whoever read it and when."""
    policy = Policy(
        tracking=replace(estate.project.tracking, commit=commit),
        ignore=estate.rules,
        adopt=options.adopt,
        take_over=options.take_over,
        strict=estate.project.strict,
        republish=frozenset(item.key for item in estate.selected if item.address in options.republish),
        memory=memory or Memory(),
        storage=estate.project.storage,
        settings=other_settings(estate.document),
    )
    plan, used = make_plan(estate.selected, observation, policy, estate.desired)
    live = {key for key, found in observation.observed.items() if isinstance(found, Live)}
    idle = idle_rules(estate, used, live)
    errors, warnings = (idle, estate.warnings) if estate.project.strict else ((), (*estate.warnings, *idle))
    past = past_dates(plan.changes, estate.read_at) if estate.read_at else ()
    warnings = (*warnings, *past)  # under strict too: a date that passes is no mistake of the manifests
    return Reading(estate, observation, policy, plan, errors, warnings)


async def apply_reading(  # noqa: PLR0913 (all that one apply is made of)
    options: Options,
    reading: Reading,
    saved: SavedPlan | None,
    arm: ArmWriter,
    patience: Patience,
    progress: Progress,
    *,
    blobs: Blobs | None = None,
) -> tuple[Mapping[str, Outcome], int]:
    """Apply a plan, within a reviewed one if there is one; give the outcomes and the number of PUTs sent."""
    applier = Applier(
        arm,
        reading.policy,
        patience,
        progress,
        options.concurrency,
        wait_replicated=options.wait_replicated,
        saved=saved.within(reading.policy) if saved else None,
        blobs=blobs,
    )
    outcomes = await applier.apply(reading.plan)
    return outcomes, applier.puts


async def with_writers(options: Options, reading: Reading, arm: ArmReader) -> Reading:
    """Return a reading that tells who last modified what differs, as far as that can be learned."""
    plan = await attributed(reading.plan, reading.observation, arm, options.concurrency)
    return replace(reading, plan=plan)


def check_reading(reading: Reading, saved: SavedPlan) -> tuple[Mapping[str, Outcome], int]:
    """
    Return what an apply of a saved plan would refuse now.

    Returns:
        Outcomes of what would be refused, or is as planned already, and how many resources were looked at.
    """
    within = saved.within(reading.policy)
    looked_at = [item for item in reading.plan.changes if item.action.writes or item.desired.key in saved.items]
    outcomes = ((item.desired.key, _check(item, reading.observation, within)) for item in looked_at)
    return {key: outcome for key, outcome in outcomes if outcome is not None}, len(looked_at)


def _check(change: Change, observation: Observation, saved: SavedPlan) -> Outcome | None:
    if change.action is Action.NONE:
        return Outcome(change, Result.UNCHANGED)
    found = observation.observed[change.desired.key]
    live = found.body if isinstance(found, Live) else None
    refusal = change.error or saved.refusal(change.desired, change.action, live)
    return Outcome(change, Result.REFUSED, refusal) if refusal else None


def saved_text(reading: Reading, now: datetime, about: About = _NOTHING) -> str:
    """Return the text of the plan file of a reading, which is for the environment and cloud of *about*."""
    live: dict[str, JsonObject | None] = {
        key: found.body for key, found in reading.observation.observed.items() if isinstance(found, Live)
    }
    return save(reading.plan, live, reading.estate.project.name, now, reading.policy, about=about)
