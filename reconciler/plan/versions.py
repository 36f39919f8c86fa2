"""
The api-version of a PUT: the lowest that has every leaf of its body, or the pinned one. Pure.

A PUT of an older version may delete newer leaves of a live resource, so none is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler.compare.normalize import is_same, meant
from reconciler.kinds.blank import is_blank
from reconciler.kinds.kind import subscription_in
from reconciler.kinds.paths import format_written
from reconciler.kinds.trees import below, is_leaf
from reconciler.kinds.versions import newest_leaf
from reconciler.model.change import Refusal, Version
from reconciler.plan.body import put_body
from reconciler.problems import Problem
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.compare.diff import Comparison
    from reconciler.kinds.kind import Kind
    from reconciler.kinds.rules import Rule
    from reconciler.kinds.tracking import Tracking
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject


@dataclass(frozen=True, slots=True)
class ApiVersions:
    """
    The api-versions that a run may use.

    Attributes:
        pins: Of the project, by kind.
        known: The newest that Azure knows, by kind and folded subscription; where there is none, the kind's newest.
    """

    pins: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def pin(self, desired: Desired) -> str | None:
        """Return the pinned version of a resource; None where it has none."""
        return self.pins.get(desired.kind.name)

    def newest(self, desired: Desired) -> str:
        """Return the newest version that Azure knows of a resource."""
        return self.known.get((desired.kind.name, subscription_in(desired.id)), desired.kind.api_versions[-1])

    def up_to(self, desired: Desired, newest: str | None) -> ApiVersions:
        """Return the versions where Azure knows none newer than *newest* of a resource; None changes nothing."""
        if newest is None or newest >= self.newest(desired):
            return self
        return replace(self, known={**self.known, (desired.kind.name, subscription_in(desired.id)): newest})


def version_of(
    desired: Desired, live: JsonObject | None, comparison: Comparison, tracking: Tracking, versions: ApiVersions
) -> Version:
    """
    Return the api-version of the PUT of a resource, whether one is due or not.

    Args:
        desired: The declared resource.
        live: The live body; None where there is none.
        comparison: Of the two.
        tracking: The tags to write.
        versions: That may be used.
    """
    kind = desired.kind
    declared = newest_leaf(kind, desired.body)
    carried = None
    if live is not None and (declared or newest_leaf(kind, live)):
        bodies = (put_body(desired, live, comparison, tracking), _spoken(kind.rules, live, live))
        carried = max(
            ((found, body) for body in bodies if (found := newest_leaf(kind, body))),
            key=lambda each: each[0].since,
            default=None,
        )
    pin, newest = versions.pin(desired), versions.newest(desired)
    most = min(pin or newest, newest)
    if declared and (declared.since > most or carried is None or carried[0].since <= declared.since):
        leaf, body, refusal = declared, desired.body, Refusal.LAG
    elif carried:
        (leaf, body), refusal = carried, Refusal.NEWER_LIVE
    else:
        name = min(pin or kind.api_version, newest)
        return _plain(name, is_newer=name > kind.api_version)
    path = format_written(kind.rules, leaf.path, body)
    if leaf.since > most:
        steps = leaf.path if body is desired.body else ()
        return _version(kind, leaf.since, path=path, steps=steps, refusal=refusal, most=most)
    name = min(max(leaf.since, pin or ""), newest)
    return _version(kind, name, path=path if name == leaf.since else "")


def _version(kind: Kind, name: str, **more: Any) -> Version:
    return Version(name, name > kind.api_version, **more)


@cache
def _plain(name: str, *, is_newer: bool) -> Version:
    """Return the version of a PUT that no leaf asks for: one object for almost all resources of a run."""
    return Version(name, is_newer)


def _spoken(rules: Rule, value: JsonObject, live: JsonObject) -> Any:
    """Return the parts of a live value that a PUT can set, and whose absence would mean something else."""
    return _kept(rules, rules, value, live) or {}


def _kept(rules: Rule, rule: Rule, value: Any, live: JsonObject) -> Any:
    """Return the kept part of one value; MISSING where nothing of it is. Elements of lists stay, as indexes count."""
    if rule.read_only or value is None or is_blank(rule, value):
        return MISSING
    if is_leaf(rule, value):
        return MISSING if is_same(rule, value, meant(rules, rule, live)) else value
    parts = [(step, _kept(rules, child, item, live)) for step, child, item in below(rule, value)]
    if isinstance(value, list):
        return [{} if part is MISSING else part for _, part in parts] or MISSING
    return {step: part for step, part in parts if part is not MISSING} or MISSING


def lagging(
    selected: Sequence[Desired], kinds: Mapping[str, Kind], known: Mapping[tuple[str, str], str], file: str
) -> Iterator[Problem]:
    """
    Yield a warning for each kind and subscription of which Azure does not know the newest api-version.

    Args:
        selected: The resources of the run.
        kinds: By name.
        known: The newest version that Azure knows, by kind and folded subscription.
        file: For a kind that only parents of the resources are of.
    """
    places: dict[tuple[str, str], Desired] = {}
    for item in selected:
        places.setdefault((item.kind.name, subscription_in(item.key)), item)
    subscriptions = {subscription for _, subscription in places}
    for (name, subscription), version in sorted(known.items()):
        if subscription not in subscriptions or name not in kinds or version == kinds[name].api_versions[-1]:
            continue
        place = places.get((name, subscription))
        message = _lag(kinds[name], subscription, version)
        fix = f"pin `spec.apiVersions.{name}` to {version} at most, or declare no newer field there"
        where, line = (place.source.file, place.source.line) if place else (file, None)
        yield Problem(where, line, None, "", "api-version-lag", message, fix)


def lags(kinds: Mapping[str, Kind], known: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """Return a sentence for each kind and subscription of which Azure does not know the newest api-version."""
    return tuple(
        _lag(kinds[name], subscription, version)
        for (name, subscription), version in sorted(known.items())
        if name in kinds and version != kinds[name].api_versions[-1]
    )


def lacks(missing: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return a sentence for each kind and subscription of which Azure knows no api-version that the schema lists."""
    return tuple(
        f"Azure does not know the resource type of {name} in subscription {subscription}: none is exported"
        for name, subscription in missing
    )


def _lag(kind: Kind, subscription: str, version: str) -> str:
    return (
        f"Azure does not know api-version {kind.api_versions[-1]} of {kind.name} in subscription {subscription}: "
        f"{version} is used, and fields of newer versions are not visible"
    )
