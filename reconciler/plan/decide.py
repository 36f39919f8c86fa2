"""
Stage 7: choose one action for every resource, here and nowhere else. Pure.

:func:`decide` is called twice: for the plan, and again just before each PUT, with the read that its body is built from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from reconciler.compare.diff import Comparison, compare
from reconciler.errors import ErrorCode, ErrorInfo
from reconciler.kinds.live import Health, Live
from reconciler.kinds.paths import format_written, matches, reaches_below
from reconciler.kinds.tracking import Tracking
from reconciler.kinds.versions import leaves_after, lowest_version
from reconciler.manifests.access import signings
from reconciler.model.change import Action, Change, Finding, Plan, Reason, Refusal, Signing, Sync
from reconciler.model.live import Absence, Absent, Observation, Observed, Unmanaged, Unreadable
from reconciler.model.packed import whole_desired, whole_observed
from reconciler.plan.body import put_body
from reconciler.plan.fixes import LATER, rollout_fix, version_fix, way_out
from reconciler.plan.latest import candidates, foretell
from reconciler.plan.remedies import advised
from reconciler.plan.repair import repair_of
from reconciler.plan.rollout import Rollouts, Stage, stage_of
from reconciler.plan.versions import ApiVersions, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reconciler.manifests.project import IgnoreRule, StorageRule
    from reconciler.model.change import Version
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject


@dataclass(frozen=True, slots=True)
class Memory:
    """
    Actions that a process which plans repeatedly must not repeat at once.

    Attributes:
        retried: Folded ids whose failed operation is not to be repeated yet.
        given_up: Folded ids of resources whose values Azure did not keep, for the same manifest.
        rejected: Folded ids whose last PUT failed, for the same manifest, and is not to be repeated yet.
    """

    retried: frozenset[str] = frozenset()
    given_up: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """
    The user's choices that affect every decision.

    Attributes:
        adopt: Whether content with no recorded digest is sent once to record it.
        take_over: Whether resources of other projects may be written.
        strict: Whether undeclared values make a resource out of sync.
        republish: Folded ids to PUT once without a difference.
        memory: Results of earlier rounds of the same process.
        storage: The project's rules for signatures.
        versions: The api-versions that PUTs may use.
        may_lose_latest: Whether a PUT may leave a region without ``latest``.
        settings: Of the project file, those that a saved plan holds as they are.
        rollouts: Of the project, at this moment.
        repair: Folded ids of versions whose failed regions are dropped and added again.
    """

    tracking: Tracking = field(default_factory=Tracking)
    ignore: tuple[IgnoreRule, ...] = ()
    adopt: bool = True
    take_over: bool = False
    strict: bool = False
    republish: frozenset[str] = frozenset()
    memory: Memory = field(default_factory=Memory)
    storage: tuple[StorageRule, ...] = ()
    versions: ApiVersions = field(default_factory=ApiVersions)
    may_lose_latest: bool = False
    settings: JsonObject = field(default_factory=dict)
    rollouts: Rollouts = field(default_factory=Rollouts)
    repair: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Parent:
    """
    The state of a resource's parent when the resource is absent.

    Attributes:
        exists: It does, or this plan creates it.
        known: False when reading it failed.
        fix: The fix for a missing parent.
    """

    exists: bool = True
    known: bool = True
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """
    The action for one resource, and the inputs of the decision.

    Attributes:
        live: The live body; None where there is none.
        comparison: Of the live body and the manifest.
        body: Of the PUT, now or after a wait, where it is known to hold links or regions of a version; else None.
        sent: The part of the manifest that a PUT sends: all of it, except for a version in a rollout or a repair.
        then: The part that a second PUT sends; None without one.
    """

    change: Change
    sent: Desired
    live: JsonObject | None = None
    comparison: Comparison = field(default_factory=Comparison)
    body: JsonObject | None = None
    then: Desired | None = None


_THERE: Final = Parent()
_Chosen: TypeAlias = tuple[Action, Reason, Sync]
Choose: TypeAlias = "Callable[[Desired, Observed, Policy, Parent], Decision]"


def make_plan(
    desired: Sequence[Desired],
    observation: Observation,
    policy: Policy,
    declared: Mapping[str, Desired] | None = None,
    choose: Choose | None = None,
) -> tuple[Plan, frozenset[IgnoreRule]]:
    """
    Choose the action of every selected resource.

    Args:
        desired: The selected ones.
        observation: The live resources, as read.
        policy: The user's choices.
        declared: Every declared resource by folded id, selected or not, for naming a parent that would help.
        choose: Returns what :func:`decide` does, which is the default.

    Returns:
        The plan in the order of doing, and the ignore rules that hid something.
    """
    changes: list[Change] = []
    parents = {item.parent for item in desired}
    above: dict[str, Change] = {}
    bodies: dict[str, JsonObject] = {}
    used: set[IgnoreRule] = set()
    versions: dict[Version, Version] = {}
    choose = decide if choose is None else choose
    for item in sorted(desired, key=lambda item: item.order):
        parent = _parent_of(item, above, observation, declared or {})
        decision = choose(whole_desired(item), whole_observed(observation.observed[item.key]), policy, parent)
        changes.append(_as_held(item, decision.change, versions))
        if item.key in parents:
            above[item.key] = decision.change
        used |= decision.comparison.used
        if decision.body is not None and item.kind.latest is not None:
            bodies[item.key] = decision.body
    foretold = foretell(candidates(changes, bodies, observation), may_lose=policy.may_lose_latest)
    if foretold.lost:
        changes = [_losing(each) if each.desired.key in foretold.lost else each for each in changes]
    unmanaged = (_owned(each, policy.tracking) for each in observation.unmanaged)
    return Plan(tuple(changes), tuple(unmanaged), foretold.moves, foretold.retired), frozenset(used)


def _as_held(desired: Desired, change: Change, versions: dict[Version, Version]) -> Change:
    """Return a change small if its manifest is packed and it is in sync: hardly anything of it is asked for again."""
    is_quiet = change.action is Action.NONE and change.reason is Reason.IN_SYNC and not change.fields
    if not is_quiet or change.desired is desired:
        return change
    version = change.version and versions.setdefault(change.version, change.version)
    return replace(change, desired=desired, version=version)


def _losing(change: Change) -> Change:
    """Return a change as blocked, as its PUT would leave a region without ``latest``."""
    fix = way_out(Reason.LATEST_LOST, change.desired)
    return replace(change, action=Action.BLOCKED, reason=Reason.LATEST_LOST, fix=fix, signatures=())


def _owned(unmanaged: Unmanaged, tracking: Tracking) -> Unmanaged:
    """Return an unmanaged resource with its api-version, and its owner where that is another project than the run's."""
    body = unmanaged.live.body
    owner = tracking.owner_of(body)
    other = None if owner == tracking.project else owner
    return replace(unmanaged, owner=other, version=lowest_version(unmanaged.kind, body))


def decide(desired: Desired, observed: Observed, policy: Policy, parent: Parent = _THERE) -> Decision:
    """Choose the one action that brings *observed* to *desired*; the first rule that matches wins."""
    if isinstance(observed, Unreadable):
        return _written(_unknown(desired, observed.error), desired, None, Comparison(), policy)
    stage = stage_of(desired, observed, policy.rollouts, policy.tracking)
    if isinstance(observed, Absent):
        absent = _decide_absent(desired, observed, parent, policy)
        if absent.action is Action.CREATE:
            absent = replace(absent, rollout=stage.state)
            absent = _stepping(absent) if stage.is_due else absent
        return _written(absent, stage.desired, None, Comparison(), policy)
    repair = repair_of(stage.kept, observed) if desired.key in policy.repair and observed.is_settled else None
    if repair is not None and not repair.refused:
        stage = Stage(repair.dropped, repair.dropped)
    comparison = compare(stage.desired, observed.body, policy.tracking, policy.ignore)
    action, reason, sync = _decide_live(stage, observed, comparison, policy)
    copies = observed.replication
    owner = policy.tracking.owner_of(observed.body)
    is_later = action is Action.NONE and comparison.has(Finding.CHANGE)
    change = Change(
        desired=desired,
        action=action,
        reason=reason,
        sync=sync,
        health=Health.PROGRESSING if reason is Reason.ROLLOUT_WAITING else observed.health,
        fields=comparison.fields,
        ignored=len(comparison.ignored),
        ailment=copies.failure(desired.body) if copies is not None and copies.has_failed else None,
        fix=LATER if is_later else way_out(reason, desired, comparison.refusals, owner, policy.tracking.project_tag),
        replication=copies,
        owner=owner if policy.tracking.is_foreign(observed.body) else None,
        rollout=stage.state,
    )
    if action is Action.UPDATE and _is_step(stage, observed, policy):
        change = _stepping(change)
    if reason is Reason.ROLLOUT_FAILED and stage.state is not None:
        change = replace(change, fix=rollout_fix(desired, stage.state))
    if repair is not None and repair.refused and reason not in {Reason.PAUSED, Reason.OWNED_ELSEWHERE}:
        change = replace(change, action=Action.BLOCKED, reason=Reason.REMOVAL_REFUSED, fix=repair.refused)
    decision = _written(change, stage.desired, observed.body, comparison, policy)
    return replace(decision, then=repair.whole) if repair is not None and decision.change.action.writes else decision


def _stepping(change: Change) -> Change:
    """Return the change of a step that is due: the version is as far as it must be, so it is no drift."""
    return replace(change, is_step=True, sync=Sync.UNKNOWN)


def _is_step(stage: Stage, live: Live, policy: Policy) -> bool:
    """Return whether an update is the next step of a rollout and repairs nothing else."""
    if not stage.is_due:
        return False
    ordinary = compare(stage.kept, live.body, policy.tracking, policy.ignore)
    return not ordinary.has(Finding.CHANGE) and not ordinary.adopts


def _written(
    change: Change, sent: Desired, live: JsonObject | None, comparison: Comparison, policy: Policy
) -> Decision:
    """Return *change* with the api-version and the signatures of its PUT; blocked where no version can carry it."""
    version = version_of(sent, live, comparison, policy.tracking, policy.versions)
    change = replace(change, version=version)
    if version.refusal is None or not (change.action.writes or _is_unseen(change, version)):
        return _signed(change, sent, live, comparison, policy)
    fields = (
        replace(each, refusal=version.refusal) if matches(each.path, version.path) else each for each in change.fields
    )
    change = replace(
        change,
        action=Action.BLOCKED,
        reason=Reason(version.refusal.value),
        fields=tuple(fields),
        fix=version_fix(change.desired, version, policy.versions.pin(change.desired)),
    )
    return Decision(change, sent, live, replace(comparison, fields=change.fields))


def _is_unseen(change: Change, version: Version) -> bool:
    """Return whether a change is refused only for immutable leaves that no version known to Azure can show."""
    if change.reason is not Reason.IMMUTABLE_FIELD or version.refusal is not Refusal.LAG:
        return False
    kind, body = change.desired.kind, change.desired.body
    newer = [format_written(kind.rules, leaf.path, body) for leaf in leaves_after(kind, body, version.most)]
    refused = (each.path for each in change.fields if each.refusal is not None)
    return all(any(matches(leaf, path) or reaches_below(leaf, path) for leaf in newer) for path in refused)


def _signed(change: Change, sent: Desired, live: JsonObject | None, comparison: Comparison, policy: Policy) -> Decision:
    """Return *change* with the signatures that its PUT would use."""
    kind = change.desired.kind
    if not change.may_write or not (kind.links or kind.latest):
        return Decision(change, sent, live, comparison)
    body = put_body(sent, live, comparison, policy.tracking)
    if change.action.writes:
        change = replace(change, signatures=signings(sent, body, policy.storage))
    return Decision(change, sent, live, comparison, body)


def signatures_of(
    desired: Desired, live: JsonObject | None, comparison: Comparison, policy: Policy
) -> tuple[Signing, ...]:
    """Return the signatures that a PUT of a resource would use."""
    if not desired.kind.links:
        return ()
    return signings(desired, put_body(desired, live, comparison, policy.tracking), policy.storage)


def _decide_absent(desired: Desired, absent: Absent, parent: Parent, policy: Policy) -> Change:
    change = Change(desired, Action.CREATE, Reason.NOT_FOUND, Sync.MISSING, Health.UNKNOWN)
    if desired.paused:
        fix = way_out(Reason.PAUSED, desired)
        return replace(change, action=Action.PAUSED, reason=Reason.PAUSED, fix=fix)
    if absent.why is Absence.GROUP_MISSING:
        group = desired.params.get("resourceGroupName", "")
        fix = f"create resource group {group}, or correct `resourceGroupName`: resource groups are not managed"
        return replace(change, action=Action.BLOCKED, reason=Reason.GROUP_MISSING, fix=fix)
    if not parent.known:
        message = "the parent resource could not be read, so the state of this resource is unknown"
        return _unknown(desired, ErrorInfo(ErrorCode.DEPENDENCY_FAILED, message))
    if not parent.exists:
        return replace(change, action=Action.BLOCKED, reason=Reason.PARENT_MISSING, fix=parent.fix)
    return replace(change, action=Action.NONE, fix=LATER) if desired.key in policy.memory.rejected else change


def _unknown(desired: Desired, error: ErrorInfo) -> Change:
    found = advised(desired, error)
    return Change(desired, Action.UNKNOWN, Reason.READ_FAILED, Sync.UNKNOWN, Health.UNKNOWN, error=found)


def _decide_live(stage: Stage, live: Live, comparison: Comparison, policy: Policy) -> _Chosen:
    return _held_back(stage, live, comparison, policy) or _made_equal(stage, live, comparison, policy)


def _held_back(stage: Stage, live: Live, comparison: Comparison, policy: Policy) -> _Chosen | None:
    """Return why no PUT may be sent; None where one may."""
    if stage.desired.paused:
        return Action.PAUSED, Reason.PAUSED, _true_sync(comparison, policy)
    if policy.tracking.is_foreign(live.body) and not policy.take_over:
        return Action.BLOCKED, Reason.OWNED_ELSEWHERE, Sync.OUT_OF_SYNC
    if not live.is_settled:
        return Action.WAIT, Reason.OPERATION_RUNNING, Sync.UNKNOWN
    refusal = _first_refusal(comparison)
    if refusal is not None:
        return Action.BLOCKED, Reason(refusal.value), Sync.OUT_OF_SYNC
    return (Action.BLOCKED, Reason.ROLLOUT_FAILED, Sync.OUT_OF_SYNC) if stage.is_stopped else None


def _made_equal(stage: Stage, live: Live, comparison: Comparison, policy: Policy) -> _Chosen:
    """Return the PUT that is needed, if any."""
    key = stage.desired.key
    if comparison.has(Finding.CHANGE):
        if key in policy.memory.given_up:
            return Action.BLOCKED, Reason.DID_NOT_STICK, Sync.OUT_OF_SYNC
        action = Action.NONE if key in policy.memory.rejected else Action.UPDATE
        return action, Reason.FIELDS_DIFFER, Sync.OUT_OF_SYNC
    if comparison.adopts and policy.adopt and policy.tracking.tags:
        return Action.UPDATE, Reason.ADOPT, Sync.OUT_OF_SYNC
    if stage.is_due:  # a step that is sent again
        return Action.UPDATE, Reason.FIELDS_DIFFER, Sync.OUT_OF_SYNC
    if live.has_failed and key not in policy.memory.retried:
        return Action.UPDATE, Reason.LAST_OPERATION_FAILED, Sync.OUT_OF_SYNC
    if key in policy.republish:
        return Action.UPDATE, Reason.REPUBLISH, _true_sync(comparison, policy)
    if stage.is_waiting:
        return Action.WAIT, Reason.ROLLOUT_WAITING, Sync.UNKNOWN
    sync = _true_sync(comparison, policy)
    return Action.NONE, Reason.FIELDS_DIFFER if sync is Sync.OUT_OF_SYNC else Reason.IN_SYNC, sync


def _first_refusal(comparison: Comparison) -> Refusal | None:
    return next((refusal for refusal in Refusal if refusal in comparison.refusals), None)


def _true_sync(comparison: Comparison, policy: Policy) -> Sync:
    if comparison.has(Finding.CHANGE) or comparison.has(Finding.IMMUTABLE):
        return Sync.OUT_OF_SYNC
    if policy.strict and any(
        change.finding is Finding.UNDECLARED and change.steps[0] != "tags" for change in comparison.fields
    ):
        return Sync.OUT_OF_SYNC
    return Sync.UNKNOWN if comparison.has(Finding.UNVERIFIED) else Sync.IN_SYNC


def _parent_of(
    item: Desired, changes: Mapping[str, Change], observation: Observation, declared: Mapping[str, Desired]
) -> Parent:
    if item.parent is None or item.parent in observation.parents:
        return _THERE
    change = changes.get(item.parent)
    if change is None:
        return Parent(exists=False, fix=_missing_parent_fix(item, declared.get(item.parent)))
    if change.action is Action.UNKNOWN:
        return Parent(known=False)
    exists = change.sync is not Sync.MISSING or change.action is Action.CREATE
    state = "missing" if change.action is Action.NONE else change.action.value
    return Parent(exists=exists, fix=None if exists else f"{change.desired.address} is {state}: resolve that first")


def _missing_parent_fix(item: Desired, manifest: Desired | None) -> str:
    if manifest is not None:
        ways = f"add --target {manifest.address}, or the label that --selector selects"
        return f"{ways}: the parent is declared in {manifest.source.file}"
    return f"add a {item.kind.parent} manifest for {item.kind.parent_id(item.params)}, or create it in Azure"
