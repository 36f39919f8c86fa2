"""
Foretells what a plan does to ``latest``: the version, region by region, of machines that request the latest one. Pure.

A plan that leaves a region without ``latest`` where there was one is not carried out: the versions that take it away
count as they are live, and so for every other region too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.kinds.kind import folded_id
from reconciler.kinds.latest import Version, latest
from reconciler.kinds.live import Live
from reconciler.manifests.misspelt_regions import known_regions
from reconciler.model.change import Action, LatestMove, Reason
from reconciler.plan.fixes import way_out
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.kinds.latest import Latest, LatestRule
    from reconciler.model.change import Change, FieldChange
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observation, Unmanaged
    from reconciler.values import JsonObject

LATEST_BACKWARDS: Final = "latest-backwards"


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A version before and after the PUTs of a plan.

    Attributes:
        key: Its folded id.
        parent: Id of its application, as it is spelled first.
        before: As it is live; None where it is absent.
        after: As the plan leaves it: the same object where the plan does not write it.
    """

    key: str
    before: Version | None
    after: Version | None
    parent: str = ""

    @property
    def is_written(self) -> bool:
        """Whether the plan PUTs it."""
        return self.after is not self.before


@dataclass(frozen=True, slots=True)
class Foretold:
    """
    The effect of a plan on ``latest``.

    Attributes:
        moves: By application and region; only those where it changes.
        lost: Folded ids of the versions whose PUT would leave a region without one.
        retired: Folded ids of the versions that are it somewhere before, and nowhere after.
    """

    moves: tuple[LatestMove, ...] = ()
    lost: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()


def foretell(candidates: Iterable[Candidate], *, may_lose: bool = False) -> Foretold:
    """
    Return what the PUTs of a plan do to ``latest``.

    Args:
        candidates: Every version of each application of which a version is written.
        may_lose: Whether a region may be left without ``latest``.
    """
    versions = sorted(candidates, key=lambda each: each.key)
    keys = {id(each.before): each.key for each in versions if each.before is not None}
    spelled = {each.key.rsplit("/", 2)[0]: each.parent for each in reversed(versions)}
    before = latest(each.before for each in versions if each.before is not None)
    blocked: set[str] = set()
    taken: set[tuple[str, str]] = set()
    while True:
        after = _after(versions, blocked)
        lost = set() if may_lose else before.keys() - after.keys()
        if not lost:
            break
        taken |= lost
        blocked |= {each.key for each in versions if each.is_written and _offers_any(each.before, lost)}
    moves = []
    for pair in before.keys() | after.keys():
        old, new = before.get(pair), None if pair in taken else after.get(pair)
        if pair in taken or _key(old) != _key(new):
            moves.append(_move(pair, old, new, keys, spelled))
    kept = {(each.version.parent, each.version.number) for each in after.values()}
    gone = (each.version for each in before.values() if (each.version.parent, each.version.number) not in kept)
    retired = frozenset(keys[id(version)] for version in gone)
    return Foretold(tuple(sorted(moves, key=lambda move: move.order)), frozenset(blocked), retired)


def _after(versions: Sequence[Candidate], blocked: set[str]) -> dict[tuple[str, str], Latest]:
    found = (each.before if each.key in blocked else each.after for each in versions)
    return dict(latest(each for each in found if each is not None))


def _offers_any(version: Version | None, pairs: set[tuple[str, str]]) -> bool:
    return version is not None and any((version.parent, region) in pairs for region, _ in version.offers())


def _key(found: Latest | None) -> str | None:
    return found.version.number if found is not None else None


def _move(
    pair: tuple[str, str], old: Latest | None, new: Latest | None, keys: Mapping[int, str], parents: Mapping[str, str]
) -> LatestMove:
    name = next(each.region for each in (new, old) if each is not None)
    return LatestMove(
        parent=parents.get(pair[0]) or pair[0],
        region=known_regions().get(pair[1], name),
        before=_key(old),
        after=_key(new),
        left=keys.get(id(old.version)) if old is not None else None,
        is_backwards=_is_lower(new, old),
    )


def _is_lower(new: Latest | None, old: Latest | None) -> bool:
    """Return whether *new* has a lower number than *old*; two spellings of one number are equal."""
    if new is None or old is None:
        return False
    lower, higher = new.version.order, old.version.order
    return lower is not None and higher is not None and lower[0] < higher[0]


# ------------------------------------------------------------------------------------------------- versions of a plan


def moving(changes: Iterable[Change]) -> dict[str, Desired]:
    """Return one version of each application, by its folded id, of which a plan may move ``latest``."""
    return {
        change.desired.parent: change.desired
        for change in changes
        if change.desired.kind.latest is not None and change.desired.parent is not None and _may_move(change)
    }


def _may_move(change: Change) -> bool:
    """Return whether a PUT, now or after a wait, may change where a version is offered."""
    if change.action is Action.CREATE or change.reason is Reason.LAST_OPERATION_FAILED:
        return True
    if change.action not in {Action.UPDATE, Action.WAIT} or change.desired.kind.latest is None:
        return False
    return any(decides_latest(change.desired.kind.latest, each.steps) for each in change.fields)


def decides_latest(rule: LatestRule, steps: Sequence[str | int]) -> bool:
    """Return whether the value at *steps* decides where a version is offered."""
    steps = tuple(steps)
    if steps[: len(rule.regions)] != rule.regions:
        return steps == rule.excluded
    within = steps[len(rule.regions) + 1 :]
    return not within or within in {rule.name, rule.region_excluded}


def unlisted(changes: Iterable[Change], observation: Observation) -> tuple[Desired, ...]:
    """Return one version of each application of which a plan may move ``latest``, and not all versions are known."""
    return tuple(item for item in moving(changes).values() if not _is_listed(item, observation))


def candidates(
    changes: Sequence[Change], bodies: Mapping[str, JsonObject], observation: Observation
) -> Iterator[Candidate]:
    """
    Yield the versions of each application of which a plan may move ``latest``, as far as all of them are known.

    Args:
        changes: Of the plan.
        bodies: Of the PUTs of versions, by folded id.
        observation: The live resources, as read.
    """
    known = {parent for parent, item in moving(changes).items() if _is_listed(item, observation)}
    for change in changes:
        if change.desired.parent in known and change.desired.kind.latest is not None:
            yield _candidate(change.desired, observation, bodies.get(change.desired.key))
    for each in (*observation.unmanaged, *observation.others):
        parent = each.id.rsplit("/", 2)[0]
        if folded_id(parent) in known and (version := _of_other(each)) is not None:
            yield Candidate(folded_id(each.id), version, version, parent)


def _is_listed(item: Desired, observation: Observation) -> bool:
    """Return whether all versions of an application are known; an application without a list has none."""
    path = item.kind.list_path(item.params)
    is_new = not isinstance(observation.observed.get(item.key), Live) and item.parent not in observation.parents
    return is_new or path is None or folded_id(path) in observation.lists


def _candidate(item: Desired, observation: Observation, body: JsonObject | None) -> Candidate:
    rule, live = item.kind.latest, observation.observed.get(item.key)
    parent = item.kind.parent_id(item.params) or ""
    if rule is None or item.parent is None:
        return Candidate(item.key, None, None, parent)
    number = number_of(item, live.body if isinstance(live, Live) else None) or ""
    before = Version(rule, item.parent, number, live.body, live.replication) if isinstance(live, Live) else None
    after = before if body is None else Version(rule, item.parent, number, body, is_written=True)
    return Candidate(item.key, before, after, parent)


def _of_other(each: Unmanaged) -> Version | None:
    rule = each.kind.latest
    if rule is None:
        return None
    return Version(rule, folded_id(each.id).rsplit("/", 2)[0], each.name, each.live.body, each.live.replication)


def live_versions(read: Iterable[Desired], observation: Observation) -> Iterator[Version]:
    """Yield the live versions of declared applications, those that no manifest declares included."""
    for item in read:
        if item.kind.latest is not None and (found := _candidate(item, observation, None).before) is not None:
            yield found
    for each in (*observation.unmanaged, *observation.others):
        if (version := _of_other(each)) is not None:
            yield version


def number_of(item: Desired, live: JsonObject | None) -> str | None:
    """Return the number of a version, as Azure spells it, else as its manifest does; None for a kind without any."""
    rule = item.kind.latest
    if rule is None:
        return None
    answered = item.kind.parse_id(str(live.get("id"))) if live is not None else None
    return (answered or {}).get(rule.number, item.params[rule.number])


def unforetold(items: Iterable[Desired]) -> Iterator[Problem]:
    """Yield a warning for each application whose versions could not be listed."""
    for item in items:
        message = f"latest of {item.kind.parent_id(item.params)} is not foretold: its versions could not be listed"
        fix = "run again; if it stays so, check that the identity may list the versions"
        yield Problem(item.source.file, item.source.line, None, "", "latest-unknown", message, fix)


def backwards(moves: Iterable[LatestMove], changes: Iterable[Change]) -> Iterator[Problem]:
    """Yield a warning for each region in which ``latest`` moves to a lower number, at the manifest that causes it."""
    back = [move for move in moves if move.is_backwards]
    left = {move.left for move in back}
    causes = {change.desired.key: change for change in changes if change.desired.key in left} if back else {}
    for move in back:
        change = causes.get(move.left or "")
        if change is not None:
            yield moved_back(move, change.desired, change.fields)


def moved_back(move: LatestMove, cause: Desired, fields: Iterable[FieldChange]) -> Problem:
    """Return the warning about a move to a lower number, at the line of *cause* among *fields* that does it."""
    file, line, path = _place(cause, fields)
    application = move.parent.rpartition("/")[2]
    message = f"latest of {application} in {move.region} moves back from {move.before} to {move.after}"
    fix = "check that new machines there are to get the older version"
    return Problem(file, line, None, path, LATEST_BACKWARDS, message, fix)


def lost(move: LatestMove, cause: Desired, fields: Iterable[FieldChange]) -> Problem:
    """Return the error about a region that is left without ``latest``."""
    file, line, path = _place(cause, fields)
    application = move.parent.rpartition("/")[2]
    message = f"{application} would have no latest version in {move.region}, where {move.before} is it"
    return Problem(file, line, None, path, "latest-lost", message, way_out(Reason.LATEST_LOST, cause))


def _place(cause: Desired, fields: Iterable[FieldChange]) -> tuple[str, int, str]:
    rule = cause.kind.latest
    for each in fields:
        if rule is not None and decides_latest(rule, each.steps):
            return cause.source.file, each.line or cause.source.line, each.path
    return cause.source.file, cause.source.line, ""
