"""
The entries of ``spec.rollouts``: which versions are published region by region, in which steps. Pure.

Steps are counted as they are written, with the two that are always implied at the end: ``rest`` and ``latest``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.normal_forms import region
from reconciler.kinds.paths import get
from reconciler.kinds.patterns import is_match
from reconciler.manifests.durations import parse_duration
from reconciler.manifests.gates import GateRule, odd_gates, parse_gate
from reconciler.manifests.schema_errors import nearest, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.manifests.project import Project
    from reconciler.model.desired import Desired
    from reconciler.problems import Document, Problem
    from reconciler.values import FieldPath

_AT: Final = ("spec", "rollouts")
_REST: Final = "rest"


@dataclass(frozen=True, slots=True)
class Step:
    """
    One step of a rollout.

    Attributes:
        regions: As written; empty for the rest, and for the step ``latest``.
        is_rest: Whether it adds every region that no step names.
        is_latest: Whether it ends the exclusion from ``latest``, and adds no region.
        soak: How long the step lasts at least, from its PUT.
        window: The window of the schedule in which the step may end; None for any time.
    """

    regions: tuple[str, ...] = ()
    is_rest: bool = False
    is_latest: bool = False
    soak: timedelta = timedelta()
    window: str | None = None

    @property
    def folded(self) -> frozenset[str]:
        """Its regions in the form in which they are compared."""
        return frozenset(map(region, self.regions))


@dataclass(frozen=True, slots=True)
class Match:
    """The versions that a rollout governs: all three fit."""

    kind: str
    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def fits(self, desired: Desired) -> bool:
        """Return whether a resource is one of them."""
        if desired.kind.name != self.kind or (self.name is not None and not is_match(self.name, desired.name)):
            return False
        return all(desired.labels.get(name) == value for name, value in self.labels.items())


@dataclass(frozen=True, slots=True)
class Rollout:
    """
    One entry of ``spec.rollouts``, its implied steps included.

    Attributes:
        gate: Opens the way to each further step; None for none.
    """

    match: Match
    steps: tuple[Step, ...]
    gate: GateRule | None = None


def parse_rollout(entry: Mapping[str, Any]) -> Rollout:
    """Return the rollout that a valid entry of the project file describes."""
    match = entry["match"]
    steps = [_step(each) for each in entry["steps"]]
    if not any(step.is_rest for step in steps):
        end = next((index for index, step in enumerate(steps) if step.is_latest), len(steps))
        steps.insert(end, Step(is_rest=True))
    if not any(step.is_latest for step in steps):
        steps.append(Step(is_latest=True))
    gate = parse_gate(entry["gate"]) if "gate" in entry else None
    return Rollout(Match(match["kind"], match.get("name"), match.get("labels") or {}), tuple(steps), gate)


def _step(entry: Mapping[str, Any]) -> Step:
    regions = entry.get("regions") or ()
    is_rest = regions == _REST
    soak = parse_duration(entry["soak"]) if "soak" in entry else None
    return Step(
        regions=() if is_rest else tuple(regions),
        is_rest=is_rest,
        is_latest="latest" in entry,
        soak=soak or timedelta(),
        window=entry.get("window"),
    )


def governing(rollouts: Sequence[Rollout], desired: Desired) -> Rollout | None:
    """Return the first rollout that fits a resource; None where none does."""
    return next((each for each in rollouts if each.match.fits(desired)), None)


# ------------------------------------------------------------------------------------------------- mistakes of a file


def odd_rollouts(document: Document) -> Iterator[Problem]:
    """Yield the mistakes of rollouts that a schema cannot express, and the project file shows by itself."""
    entries = _list(document.value, _AT)
    for index, entry in enumerate(entries):
        at = (*_AT, index, "steps")
        steps = [each if isinstance(each, Mapping) else {} for each in _list(entry, ("steps",))]
        yield from _twice(document, at, steps)
        yield from _after_latest(document, at, steps)
        yield from _unknown_windows(document, at, steps)
    yield from odd_gates(document)
    if entries and get(document.value, ("spec", "tracking", "tags")) is False:
        message = "rollouts are recorded in a tag, and `spec.tracking.tags` is false"
        yield problem(document, _AT, "rollout-tracking", message, "delete `spec.tracking.tags`, or the rollouts")


def _list(value: Any, path: tuple[str, ...]) -> list[Any]:
    found = get(value, path)
    return found if isinstance(found, list) else []


def _twice(document: Document, at: FieldPath, steps: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Yield an error for each region that an earlier step names, and for a second ``rest`` or ``latest``."""
    seen: set[str] = set()
    for path, name, shown in _named(steps):
        if name in seen:
            fix = "keep one of them: a version goes to each region in one step"
            yield problem(document, (*at, *path), "duplicate", f"two steps have {shown}", fix)
        seen.add(name)


def _named(steps: Sequence[Mapping[str, Any]]) -> Iterator[tuple[FieldPath, str, str]]:
    """Yield place, folded name and wording of each region of the steps, and of the words that stand for some."""
    for number, step in enumerate(steps):
        regions = step.get("regions")
        if regions == _REST:
            yield (number, "regions"), "(rest)", "`regions: rest`"
        elif "latest" in step:
            yield (number, "latest"), "(latest)", "`latest: true`"
        for place, name in enumerate(regions if isinstance(regions, list) else ()):
            if isinstance(name, str):
                yield (number, "regions", place), region(name), f"the region `{name}`"


def _after_latest(document: Document, at: FieldPath, steps: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    number = next((index for index, step in enumerate(steps) if "latest" in step), len(steps))
    if number < len(steps) - 1:
        message = "a step follows `latest: true`, which ends a rollout"
        yield problem(document, (*at, number), "rollout-order", message, "make `latest: true` the last step")


def _unknown_windows(document: Document, at: FieldPath, steps: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    windows = _list(document.value, ("spec", "schedule"))
    allowing = [get(each, ("name",)) for each in windows if get(each, ("kind",)) == "allow"]
    for number, step in enumerate(steps):
        window = step.get("window")
        if isinstance(window, str) and window not in allowing:
            message = f"`spec.schedule` has no window `{window}` that allows writing"
            fix = "name a window of `spec.schedule` of kind `allow`, or declare this one there"
            yield problem(document, (*at, number, "window"), "unknown-window", message, fix)


def stray_rollouts(project: Project, document: Document | None, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    """Yield an error for each rollout of a kind that does not exist, or that has no versions."""
    for index, rollout in enumerate(project.rollouts):
        kind, at = kinds.get(rollout.match.kind), (*_AT, index, "match", "kind")
        versioned = [name for name, each in kinds.items() if each.latest is not None]
        if document is not None and (kind is None or kind.latest is None):
            near = nearest(rollout.match.kind, versioned)
            fix = f"did you mean `{near}`?" if near else f"kinds with versions: {', '.join(versioned)}"
            yield problem(document, at, "unknown-kind", "no kind of this name has versions", fix)


def stray_regions(
    project: Project, document: Document | None, desired: Sequence[Desired], elsewhere: Callable[[], Container[str]]
) -> Iterator[Problem]:
    """
    Yield an error for each region of a step that none of the manifests of its rollout has.

    Args:
        project: With the rollouts.
        document: The project file.
        desired: Of the manifests that were loaded.
        elsewhere: Returns the kinds of manifests that were not loaded, of which nothing is known.
    """
    for index, rollout in enumerate(project.rollouts if document is not None else ()):
        governed = [each for each in desired if governing(project.rollouts, each) is rollout]
        had = {folded for each in governed for folded in declared_regions(each)}
        for number, place, name in _regions_of(document, index):
            if not governed or region(name) in had or rollout.match.kind in elsewhere() or document is None:
                continue
            near = nearest(region(name), sorted(had))
            message = f"no manifest of this rollout has the region `{name}`"
            fix = f"did you mean `{near}`?" if near else "delete it, or add the region to a manifest"
            yield problem(document, (*_AT, index, "steps", number, "regions", place), "unknown-region", message, fix)


def _regions_of(document: Document | None, index: int) -> Iterator[tuple[int, int, str]]:
    """Yield step, place and name of each region as the file has them: implied steps are not in it."""
    written = _list(document.value if document is not None else {}, (*_AT,))
    for number, step in enumerate(_list(written[index], ("steps",)) if index < len(written) else ()):
        for place, name in enumerate(_list(step, ("regions",))):
            yield number, place, name


def declared_regions(desired: Desired) -> Mapping[str, str]:
    """Return the regions of a version by their folded names; the one it is located in where it declares none."""
    rule = desired.kind.latest
    if rule is None:
        return {}
    listed = get(desired.body, rule.regions)
    if not isinstance(listed, list):
        home = home_of(desired)
        return {region(home): home} if home else {}
    names = [get(each, rule.name) for each in listed]
    return {region(name): name for name in names if isinstance(name, str)}


def home_of(desired: Desired) -> str | None:
    """Return the region that a version must have, by the annotation of its list of regions; None without one."""
    rule = desired.kind.latest
    needed = desired.kind.rules.at(rule.regions).must_contain if rule is not None else None
    home = get(desired.body, needed) if needed is not None else None
    return home if isinstance(home, str) else None
