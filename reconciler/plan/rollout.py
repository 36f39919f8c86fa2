"""
Publishes a version region by region: of a manifest, the live version and its tag, the part that is due now. Pure.

:func:`stage_of` returns the resource that a PUT would send, in place of the whole manifest, and where the rollout
stands. The manifest is where a rollout ends. Each region that it adds is excluded from ``latest`` until the last step,
and no step removes anything. Memory is the live body and one tag, so that any run continues any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.live import Live
from reconciler.kinds.normal_forms import region
from reconciler.kinds.paths import get
from reconciler.kinds.replication import at
from reconciler.manifests.rollouts import Rollout, governing, home_of
from reconciler.model.change import Action, Sync
from reconciler.model.live import Unreadable
from reconciler.model.rollout import Awaited, RolloutState, StepToCome
from reconciler.plan.gate import Row, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.kinds.latest import LatestRule
    from reconciler.kinds.tracking import Tracking
    from reconciler.manifests.rollouts import Step
    from reconciler.manifests.windows import Window
    from reconciler.model.change import Change
    from reconciler.model.desired import Desired
    from reconciler.model.live import Absent, Observed
    from reconciler.problems import Origin
    from reconciler.values import FieldPath, JsonObject

_MARK: Final = re.compile(r"v1 ([1-9][0-9]{0,2}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)", re.ASCII)
_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
_AHEAD: Final = timedelta(minutes=5)
"""How far clocks of two machines may differ: a tag from further in the future is no memory of a step."""


@dataclass(frozen=True, slots=True)
class Rollouts:
    """
    The rollouts of a project, and what decides when a step ends.

    Attributes:
        now: In UTC; None in a run without rollouts.
        windows: Of the project's schedule.
        resume: Folded ids of versions whose step is sent again.
        samples: The last row of the gate, by the folded id of a version and its mark.
    """

    rollouts: tuple[Rollout, ...] = ()
    now: datetime | None = None
    windows: tuple[Window, ...] = ()
    resume: frozenset[str] = frozenset()
    samples: Mapping[tuple[str, str], Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """The tag of a rollout: the step of the last PUT that began one, and its time."""

    step: int
    at: datetime

    def __str__(self) -> str:
        return f"v1 {self.step} {self.at.astimezone(UTC).strftime(_FORMAT)}"


def parse_mark(text: str) -> Mark | None:
    """Return the mark that a tag holds; None for a text of another form."""
    found = _MARK.fullmatch(text)
    try:
        return Mark(int(found[1]), datetime.strptime(found[2], _FORMAT).replace(tzinfo=UTC)) if found else None
    except ValueError:
        return None


def agreed(now: datetime, ahead: timedelta) -> datetime:
    """
    Return the time of day by Azure's clock where the machine's is off by more than five minutes.

    Args:
        now: By the machine's clock.
        ahead: How far that is ahead of Azure's.
    """
    return now - ahead if abs(ahead) > _AHEAD else now


class Phase(Enum):
    """The effect of a rollout on a version now."""

    FREE = auto()
    """It has nothing to say: the version is not governed, or has arrived. The manifest counts as it is."""
    DUE = auto()
    """A step is to be sent."""
    WAITING = auto()
    STOPPED = auto()


@dataclass(frozen=True, slots=True)
class Stage:
    """
    The part of a version that counts now.

    Attributes:
        desired: That a PUT sends, and that the live version is compared with.
        kept: The same without the step that is due: a difference from it is an ordinary one.
        state: None where the rollout has nothing to say.
    """

    desired: Desired
    kept: Desired
    phase: Phase = Phase.FREE
    state: RolloutState | None = None

    @property
    def is_due(self) -> bool:
        """Whether a step is to be sent."""
        return self.phase is Phase.DUE

    @property
    def is_waiting(self) -> bool:
        """Whether the step of the last PUT is not over."""
        return self.phase is Phase.WAITING

    @property
    def is_stopped(self) -> bool:
        """Whether no PUT may be sent before a person has looked."""
        return self.phase is Phase.STOPPED


def part_of(desired: Desired, observed: Observed, rollouts: Rollouts, tracking: Tracking) -> Desired:
    """Return the part of a version that counts now; all of it for a resource that no rollout governs."""
    if isinstance(observed, Unreadable):
        return desired
    return stage_of(desired, observed, rollouts, tracking).desired


def landed(desired: Desired, observed: Observed | None, rollouts: Rollouts, state: RolloutState | None) -> Desired:
    """Return the part of a version that is live once the step of *state* has landed; all of it where that is None."""
    rollout, rule = governing(rollouts.rollouts, desired), desired.kind.latest
    if state is None or rollout is None or rule is None:
        return desired
    return _Course.of(desired, observed if isinstance(observed, Live) else None, rule, rollout).at_step(state.step)


def stage_of(desired: Desired, observed: Live | Absent, rollouts: Rollouts, tracking: Tracking) -> Stage:
    """Return the part of a version that counts now; the first rule that matches wins."""
    rollout = governing(rollouts.rollouts, desired) if rollouts.rollouts else None
    rule = desired.kind.latest
    if rollout is None or rule is None or rollouts.now is None:
        return Stage(desired, desired)
    live = observed if isinstance(observed, Live) else None
    course = _Course.of(desired, live, rule, rollout)
    if not course.elements:
        return Stage(desired, desired)
    if live is None:
        return _due(course, course.next_after(0), rollouts.now)
    if not course.missing and not course.held_back:
        return Stage(desired, desired)
    text = tracking.rollout_of(live.body)
    mark = parse_mark(text) if text is not None else None
    if text is None or (mark is not None and mark.step == course.last):
        return _begun(course, rollouts, is_marked=text is not None)
    unfit = course.unfit(mark, rollouts.now)
    if desired.key in rollouts.resume:
        return _due(course, mark.step if mark and mark.step < course.last else course.reached, rollouts.now)
    if unfit is not None or mark is None:
        return _stopped(course, mark.step if mark and mark.step <= course.last else course.reached, unfit or "")
    return _under_way(course, mark, live, rollouts)


def uncopied(changes: Iterable[Change], repaired: frozenset[str] = frozenset()) -> tuple[Desired, ...]:
    """Return the versions whose next step, or repair, depends on copies that were not read."""
    return tuple(
        each.desired for each in changes if each.replication is None and (_needs_copies(each) or _is_in(each, repaired))
    )


def _needs_copies(change: Change) -> bool:
    return change.rollout is not None and change.rollout.waits_for is Awaited.REPLICATION


def _is_in(change: Change, repaired: frozenset[str]) -> bool:
    is_live = change.action not in {Action.CREATE, Action.UNKNOWN} and change.sync is not Sync.MISSING
    return is_live and change.desired.kind.health is not None and change.desired.key in repaired


def _begun(course: _Course, rollouts: Rollouts, *, is_marked: bool) -> Stage:
    """Return the stage of a live version that is in no rollout: one begins where its manifest adds regions."""
    now = rollouts.now or datetime.min.replace(tzinfo=UTC)
    if course.held_back and not is_marked and course.places:
        if course.desired.key in rollouts.resume:
            return _due(course, course.reached, now)
        where = ", ".join(sorted(course.names[each] for each in course.held_back))
        return _stopped(course, course.reached, f"it is excluded from latest in {where}, and no tag records its step")
    if not course.missing:
        return Stage(course.desired, course.desired)
    return _due(course, course.next_after(0), now)


def _under_way(course: _Course, mark: Mark, live: Live, rollouts: Rollouts) -> Stage:
    """Return the stage of a version between two steps."""
    now = rollouts.now or mark.at
    if (failure := _failure(course, mark, live)) is not None:
        return _stopped(course, mark.step, failure)
    awaited, until = _awaited(course, mark, live, rollouts, now)
    row = rollouts.samples.get((course.desired.key, str(mark)), Row())
    if awaited is None and row.verdict is Verdict.FAILED and course.rollout.gate is not None:
        return _stopped(course, mark.step, row.why)
    if awaited is None and (row.verdict is Verdict.PASSED or course.rollout.gate is None):
        return _due(course, course.next_after(mark.step), now)
    note = row.why if awaited is None else ""
    state = course.state(mark.step)
    state = replace(state, waits_for=awaited or Awaited.GATE, until=until, mark=str(mark), note=note)
    kept = course.at_step(mark.step)
    return Stage(kept, kept, Phase.WAITING, state)


def _failure(course: _Course, mark: Mark, live: Live) -> str | None:
    """Return why the step of the last PUT failed; None where it has not."""
    if live.is_settled and live.has_failed:
        return f"the last operation on the version is {live.provisioning_state}"
    failed = map(region, live.replication.failed_regions) if live.replication is not None else ()
    where = sorted(course.names[each] for each in failed if course.steps.get(each, course.last) <= mark.step)
    return f"replication failed in {', '.join(where)}" if where else None


def _awaited(
    course: _Course, mark: Mark, live: Live, rollouts: Rollouts, now: datetime
) -> tuple[Awaited | None, datetime | None]:
    """Return what the step of the last PUT waits for, and until when; None and None where it is over."""
    copied = set(map(region, live.replication.completed_regions)) if live.replication is not None else set()
    is_read = course.desired.kind.health is not None
    if is_read and any(number <= mark.step and each not in copied for each, number in course.steps.items()):
        return Awaited.REPLICATION, None
    step = course.rollout.steps[mark.step - 1]
    if now < mark.at + step.soak:
        return Awaited.SOAK, mark.at + step.soak
    window = next((each for each in rollouts.windows if each.name == step.window and each.allows), None)
    if step.window is not None and (window is None or not window.is_open(now)):
        return Awaited.WINDOW, window.next_opening(now) if window is not None else None
    return None, None


def _due(course: _Course, step: int, now: datetime) -> Stage:
    begun = replace(course.at_step(step), mark=str(Mark(step, now)))
    kept = course.at_step(0) if course.is_live else begun
    return Stage(begun, kept, Phase.DUE, course.state(step))


def _stopped(course: _Course, step: int, why: str) -> Stage:
    kept = course.at_step(step)
    return Stage(kept, kept, Phase.STOPPED, replace(course.state(step), stopped=why))


# ---------------------------------------------------------------------------------------- the regions of one version


@dataclass(frozen=True, slots=True)
class _Course:
    """
    The regions of one version, by the steps of its rollout.

    Attributes:
        elements: The declared regions by folded name, as the manifest has them.
        live: The live regions likewise, as Azure answered them.
        steps: The step of each declared region, counted from 1.
        names: How each region is spelled.
        places: Place of each declared region in the manifest's list; None for one that is not written there.
    """

    desired: Desired
    rule: LatestRule
    rollout: Rollout
    is_live: bool
    elements: Mapping[str, JsonObject]
    live: Mapping[str, JsonObject]
    steps: Mapping[str, int]
    names: Mapping[str, str]
    places: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, desired: Desired, live: Live | None, rule: LatestRule, rollout: Rollout) -> _Course:
        """Return the course of one version."""
        declared, home = get(desired.body, rule.regions), home_of(desired)
        is_stated = isinstance(declared, list)
        if not is_stated:
            declared = [_with({}, rule.name, home)] if home is not None else []
        elements = {region(name): each for name, each in _named(rule, declared)}
        found = {region(name): each for name, each in _named(rule, at(live.body, rule.regions) if live else [])}
        steps = {each: _step_of(each, rollout.steps, region(home) if home else None) for each in elements}
        names = {each: str(at(element, rule.name)) for each, element in (*found.items(), *elements.items())}
        places = {each: index for index, each in enumerate(elements)} if is_stated else {}
        return cls(desired, rule, rollout, live is not None, elements, found, steps, names, places)

    @property
    def last(self) -> int:
        """The number of the step that ends the exclusion from ``latest``."""
        return len(self.rollout.steps)

    @property
    def missing(self) -> frozenset[str]:
        """The declared regions that are not live."""
        return frozenset(self.elements.keys() - self.live.keys())

    @property
    def held_back(self) -> frozenset[str]:
        """The live regions that are excluded from ``latest``, and not by the manifest."""
        common = self.elements.keys() & self.live.keys()
        return frozenset(
            each for each in common if self._excludes(self.live[each]) and not self._excludes(self.elements[each])
        )

    @property
    def reached(self) -> int:
        """The last step before ``latest`` up to which all regions are live; the first where none is."""
        behind = [self.steps[each] for each in self.missing]
        return max(1, min([self.last, *behind]) - 1)

    def _excludes(self, element: JsonObject) -> bool:
        return at(element, self.rule.region_excluded) is True

    def next_after(self, step: int) -> int:
        """Return the first step after *step* that changes the version."""
        return min((self.steps[each] for each in self.missing if self.steps[each] > step), default=self.last)

    def unfit(self, mark: Mark | None, now: datetime) -> str | None:
        """Return why a tag is no memory of a step of this version; None where it is."""
        if mark is None:
            return "its tag is not one that a rollout writes"
        if mark.step > self.last:
            return f"its tag names step {mark.step}, and the rollout has {self.last} steps"
        if mark.at > now + _AHEAD:
            return f"its tag is of {mark.at.strftime(_FORMAT)}, which is in the future"
        lost = sorted(self.names[each] for each in self.missing if self.steps[each] <= mark.step)
        return f"its tag names step {mark.step}, and {', '.join(lost)} of the steps so far is missing" if lost else None

    def state(self, step: int) -> RolloutState:
        """Return the place at *step*, which waits for nothing."""
        return RolloutState(
            step=step,
            of=self.last,
            regions=self._regions(step),
            to_come=tuple(self._to_come(step)),
            is_latest=step == self.last,
            so_far=tuple(self.names[each] for each in self.elements if self.steps[each] <= step),
        )

    def _regions(self, step: int) -> tuple[str, ...]:
        return tuple(self.names[each] for each in self.elements if self.steps[each] == step)

    def _to_come(self, step: int) -> Iterator[StepToCome]:
        """Yield the steps after *step* that change the version once those up to it are done."""
        ends_excluded = all(self._excludes(each) for each in self.elements.values())
        for number, each in enumerate(self.rollout.steps, 1):
            adds = tuple(
                self.names[name] for name in self.elements if self.steps[name] == number and name in self.missing
            )
            if number > step and (adds or (number == self.last and not ends_excluded)):
                yield StepToCome(number, adds, number == self.last, each.soak, each.window)

    # The version as it must be at a step

    def at_step(self, step: int) -> Desired:
        """Return the version with the regions of the steps up to *step*, and with all live ones."""
        chosen = [each for each in self.elements if self.steps[each] <= step or each in self.live]
        listed = [self._element(each, step) for each in chosen]
        listed += [element for each, element in self.live.items() if each not in self.elements]
        body = _with(self.desired.body, self.rule.regions, listed)
        places = [self.places.get(each) for each in chosen]
        located = _Places(self.desired, self.rule.regions, places)
        trace = located.traced if self.desired.trace is not None else None
        return replace(self.desired, body=body, locate=located.locate, trace=trace)

    def _element(self, name: str, step: int) -> JsonObject:
        declared, live = self.elements[name], self.live.get(name)
        if step == self.last:
            is_silent = not self.places and live is not None and self._excludes(live)
            return _with(declared, self.rule.region_excluded, value=False) if is_silent else declared
        is_held = live is None or self._excludes(live)
        return _with(declared, self.rule.region_excluded, value=True) if is_held else declared


@dataclass(frozen=True, slots=True)
class _Places:
    """
    Finds the lines of a version of which only some regions count.

    Attributes:
        places: For each region that counts, its place in the manifest's list; None for one that is not declared.
    """

    desired: Desired
    regions: tuple[str, ...]
    places: Sequence[int | None]

    def locate(self, path: FieldPath) -> tuple[int, int]:
        """Return line and column of the value at a path of the manifest."""
        return self.desired.locate(self._written(path))

    def traced(self, path: FieldPath) -> Origin:
        """Return the place that declares the value at a path of the manifest."""
        return self.desired.origin(self._written(path)[1:])

    def _written(self, path: FieldPath) -> FieldPath:
        holder = ("spec", *self.regions)
        if path[: len(holder)] != holder or len(path) == len(holder):
            return path
        index = path[len(holder)]
        place = self.places[index] if isinstance(index, int) and index < len(self.places) else None
        return holder if place is None else (*holder, place, *path[len(holder) + 1 :])


def elements_of(rule: LatestRule, elements: Any) -> dict[str, JsonObject]:
    """Return the regions of a list by their folded names."""
    return {region(name): each for name, each in _named(rule, elements)}


def with_elements(part: Desired, elements: Mapping[str, JsonObject]) -> Desired:
    """Return a version with other regions; those that its manifest declares keep their lines."""
    rule = part.kind.latest
    if rule is None:
        return part
    places = {each: index for index, each in enumerate(elements_of(rule, get(part.body, rule.regions)))}
    located = _Places(part, rule.regions, [places.get(each) for each in elements])
    trace = located.traced if part.trace is not None else None
    body = _with(part.body, rule.regions, [*elements.values()])
    return replace(part, body=body, locate=located.locate, trace=trace)


def _named(rule: LatestRule, elements: Any) -> Iterator[tuple[str, JsonObject]]:
    for each in elements if isinstance(elements, list) else ():
        name = at(each, rule.name)
        if isinstance(name, str):
            yield name, each


def _step_of(folded: str, steps: Sequence[Step], home: str | None) -> int:
    """Return the number of the step that adds a region; that of the version's location is the first."""
    if folded == home:
        return 1
    rest = next(number for number, step in enumerate(steps, 1) if step.is_rest)
    return next((number for number, step in enumerate(steps, 1) if folded in step.folded), rest)


def _with(body: JsonObject, path: tuple[str, ...], value: Any) -> JsonObject:
    """Return *body* with another value at *path*."""
    first, *rest = path
    inner = body.get(first)
    return {**body, first: _with(inner or {}, tuple(rest), value) if rest else value}
