"""
How a service stores a body: merging or replacing, filling in, respelling. Pure.

The state of a resource is its answer plus the write-only properties, minus name, id, type and provisioning state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.emulator import artifacts, newer
from reconciler.emulator.changes import check_change, check_lists, check_shared, elements, key_of
from reconciler.emulator.identities import complete_identity
from reconciler.emulator.regions import display_name
from reconciler.emulator.times import respell, stamp
from reconciler.emulator.trees import at, copied, holders, put
from reconciler.emulator.versions import LATEST
from reconciler.kinds.rules import Rule, Shape
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.emulator.facts import Facts
    from reconciler.emulator.settings import EmulatorSettings
    from reconciler.kinds.kind import Kind

    _Write: TypeAlias = Callable[[Rule, Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """
    The resource that a request is about.

    Attributes:
        id: As it is answered.
        params: The URI parameters.
        now: Seconds since the epoch.
        group_location: Where its resource group is.
        settings: Which of two known forms the service has.
        version: The api-version of the request.
    """

    kind: Kind
    facts: Facts
    id: str
    params: Mapping[str, str]
    now: float
    group_location: str
    settings: EmulatorSettings
    version: str = LATEST


def created(subject: Subject, sent: dict[str, Any]) -> dict[str, Any]:
    """
    Return the state of a resource that did not exist.

    Raises:
        Refused: 400.
    """
    state = _copied_without_empty(subject.facts, sent)
    state.setdefault("location", subject.group_location)
    check_lists(subject.kind, subject.facts, state)
    if subject.facts.published:
        put(state, subject.facts.published, stamp(subject.now))
    if subject.facts.unique_name:
        subscription, *_, name = subject.params.values()
        put(state, subject.facts.unique_name, f"{subscription}-{name.upper()}")
    return _completed(subject, sent, state)


def updated(subject: Subject, stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """
    Return the state of a resource after a PUT.

    Raises:
        Refused: 400 or 409.
    """
    facts = subject.facts
    check_change(subject.kind, facts, stored, sent, _where(subject))
    check_shared(facts, subject.settings, stored, sent)
    state = _written(subject, stored, sent, merged if subject.kind.put == "merge" else replaced)
    state.setdefault("location", stored["location"])
    check_lists(subject.kind, facts, state)
    return _completed(subject, sent, state)


def patched(subject: Subject, stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """
    Return the state of a resource after a PATCH, which always merges.

    Raises:
        Refused: 400 or 409.
    """
    check_change(subject.kind, subject.facts, stored, {**stored, **sent}, _where(subject))
    check_shared(subject.facts, subject.settings, stored, sent)
    state = _written(subject, stored, sent, merged)
    check_lists(subject.kind, subject.facts, state)
    return _completed(subject, sent, state)


def _written(subject: Subject, stored: dict[str, Any], sent: dict[str, Any], write: _Write) -> dict[str, Any]:
    """Return what a write leaves; it sees of *stored* only the properties of its api-version."""
    rules, version = subject.kind.rules, subject.version
    seen = newer.known(rules, stored, version)
    state: dict[str, Any] = write(rules, seen, _copied_without_empty(subject.facts, sent))
    return newer.kept(rules, stored, state, version) if subject.settings.newer_fields == "kept" else state


def _where(subject: Subject) -> tuple[str, str]:
    return subject.id.rsplit("/", 1)[1], subject.params["resourceGroupName"]


def _copied_without_empty(facts: Facts, sent: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = copied(sent)
    for path in facts.keeps_when_empty:
        for holder in list(holders(body, path)):
            if not holder[path[-1]]:
                del holder[path[-1]]
    return body


def merged(rule: Rule, stored: Any, sent: Any) -> Any:
    """
    Return *stored* overlaid by *sent*: omitted properties stay, lists and maps are replaced.

    azure-cli, recording ``test_gallery_application_version``: a PUT without manageActions and targetRegions kept both.
    """
    if sent is MISSING:
        return stored
    if rule.shape is Shape.LIST:
        return _merged_list(rule, stored, sent)
    if rule.shape is not Shape.OBJECT or not isinstance(stored, dict):
        return sent
    result = dict(stored)
    for name, value in sent.items():
        result[name] = merged(rule.child(name), stored.get(name, MISSING), value)
    return result


def _merged_list(rule: Rule, stored: Any, sent: list[Any]) -> list[Any]:
    """Replace the elements, but keep immutable properties that were not sent."""
    known = elements(rule, stored) if rule.keys else {}
    return [
        _with_frozen(rule.element, known[key], item) if (key := key_of(rule, item)) in known else item for item in sent
    ]


def _with_frozen(rule: Rule, stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    kept = {name: stored[name] for name, child in rule.properties.items() if child.frozen and name in stored}
    return {**kept, **sent}


def replaced(rule: Rule, stored: Any, sent: Any) -> Any:
    """Return *sent* with the properties of *stored* that the service generated or never clears."""
    if rule.shape is not Shape.OBJECT or not isinstance(stored, dict) or sent is MISSING:
        return sent
    result = dict(sent)
    for name, child in rule.properties.items():
        stays = not child.clearable and name in stored
        value = replaced(child, stored.get(name, MISSING), result.get(name, stored[name] if stays else MISSING))
        if value is not MISSING:
            result[name] = value
    return result


def _completed(subject: Subject, sent: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """Return *state* with the properties that the service fills in or spells differently."""
    facts = subject.facts
    for path, value in facts.echoed:
        if at(state, path) is MISSING:
            put(state, path, value)
    _complete_regions(facts, state)
    _respell(facts, state)
    if facts.artifacts and at(state, facts.artifacts) is MISSING:
        put(state, facts.artifacts, artifacts.make(facts, subject.id, state))
    complete_identity(subject.kind, subject.id, sent, state)
    return state


def _complete_regions(facts: Facts, state: dict[str, Any]) -> None:
    if facts.region_list is None:
        return
    if at(state, facts.region_list) is MISSING:
        put(state, facts.region_list, [{"name": state["location"]}])
    for region in at(state, facts.region_list):
        for name, source in facts.inherited:
            region.setdefault(name, at(state, source))


def _respell(facts: Facts, state: dict[str, Any]) -> None:
    for paths, spell in ((facts.region_names, display_name), (facts.instants, respell)):
        for path in paths:
            for holder in holders(state, path):
                holder[path[-1]] = spell(holder[path[-1]])
