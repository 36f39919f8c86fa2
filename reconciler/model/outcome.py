"""The outcome of a plan, and the report of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.model.about import About
from reconciler.model.change import Change, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from reconciler.errors import ErrorInfo
    from reconciler.model.impact import Impact
    from reconciler.model.offers import Offer
    from reconciler.model.receiver import Receiver
    from reconciler.problems import Problem


class Result(StrEnum):
    """How an apply ended for one resource."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    REFUSED = "refused"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    The outcome of an apply for one resource.

    Attributes:
        change: As planned; as decided just before the PUT if that came to something else.
        result: None where that left nothing to be done here: blocked, for instance.
    """

    change: Change
    result: Result | None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """
    Why a round of the loop may not write.

    Attributes:
        by: ``window``, ``hold-file`` or ``lock``.
        holder: The name of the window, the first line of the hold file, or the process with the lock; None if unknown.
        until: When writing is allowed again, in UTC; None where that is unknown.
    """

    by: str
    holder: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """
    The ignore rules that hid nothing in one shard; only all shards together show whether a rule hides nothing at all.

    Attributes:
        rules: As problems.
        is_strict: Whether such a rule is an error.
    """

    rules: tuple[Problem, ...]
    is_strict: bool


def always() -> Held | None:
    """Return that nothing forbids writing, as for every command but the loop."""
    return None


@dataclass(frozen=True, slots=True)
class Report:
    """
    The report of one run, for every format.

    Attributes:
        command: ``validate``, ``plan``, ``apply``, ``drift`` or ``run``.
        outcomes: By folded resource id; empty unless something was applied.
        manifests: Valid manifests of a validation; 0 for a report with a plan, which counts its own resources.
        requests: How many requests of each method were sent to ARM.
        answers: How many requests to ARM had an answer of each status, by method and status; ``none`` for no answer.
        throttled_s: How long its requests waited for limits of ARM, all together.
        puts: Planned (plan, drift) or sent (apply).
        checked: Resources that were compared with a saved plan; None without one.
        about: The environment, cloud and commit that the report is about.
        environments: The environments that were validated one by one, as none was chosen.
        receivers: Of notices, as the project file declares them; None where it could not be read.
        is_partial: Whether manifests were loaded that the report is not about.
        unselected: Why nothing was selected, as a clause; empty where something was, or there is nothing.
        held: Why a round of the loop may not write; None where it may.
        impact: Of the plan; None where it was not asked for.
        idle: Of a shard; None for a run of the whole estate.
        offers: Returns the versions of all applications, as a round of the loop found them: few rounds are looked at.
    """

    command: str
    started_at: datetime
    finished_at: datetime
    plan: Plan = field(default_factory=lambda: Plan(()))
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    manifests: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    throttled_s: float = 0.0
    puts: int = 0
    checked: int | None = None
    about: About = field(default_factory=About)
    environments: tuple[str, ...] = ()
    receivers: tuple[Receiver, ...] | None = None
    is_partial: bool = False
    unselected: str = ""
    held: Held | None = None
    impact: Impact | None = None
    idle: Idle | None = None
    offers: Callable[[], tuple[Offer, ...]] = field(default=tuple, compare=False, repr=False)
