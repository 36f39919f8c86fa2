"""
Refusals of a change to an existing resource: immutable properties, dropped regions, another location. Pure.

The rules of the kind name the immutable properties; "changed" means: sent, and not another spelling of the live value.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from reconciler.emulator.checks import named
from reconciler.emulator.errors import Refused, bad_request, invalid_parameter, location_change, property_change
from reconciler.emulator.regions import display_name, short_name
from reconciler.emulator.trees import at
from reconciler.kinds.blank import is_blank
from reconciler.kinds.normal_forms import normalize
from reconciler.kinds.rules import Rule, Shape
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.emulator.facts import Facts
    from reconciler.emulator.settings import EmulatorSettings
    from reconciler.emulator.trees import Path
    from reconciler.kinds.kind import Kind


def check_change(
    kind: Kind, facts: Facts, stored: Mapping[str, Any], sent: Mapping[str, Any], where: tuple[str, str]
) -> None:
    """
    Refuse changes of immutable values.

    Args:
        kind: Of the resource.
        facts: Of its type.
        stored: The resource as it is.
        sent: The body of the request, as accepted.
        where: Name and resource group, for messages.

    Raises:
        Refused: 400 or 409.
    """
    _check_location(stored, sent, *where)
    _check_lock(facts, stored, sent, replaces=kind.put == "replace")
    for path in frozen_changes(kind.rules, facts, stored, sent):
        if path not in {("location",), facts.locked}:
            raise property_change(named(facts, path))
    _check_removals(kind.rules, facts, stored, sent)


def check_shared(facts: Facts, settings: EmulatorSettings, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
    """
    Refuse another kind of sharing, where the settings fix it.

    Raises:
        Refused: 409.
    """
    if settings.sharing == "changes" or facts.shared is None:
        return
    live, wanted = at(stored, facts.shared), at(sent, facts.shared)
    if wanted is not MISSING and wanted != (facts.implied.get(facts.shared) if live is MISSING else live):
        raise property_change(named(facts, facts.shared))


def _check_location(stored: Mapping[str, Any], sent: Mapping[str, Any], name: str, group: str) -> None:
    live, wanted = stored.get("location"), sent.get("location")
    if live and wanted and short_name(live) != short_name(wanted):
        raise location_change(name, group, short_name(live), short_name(wanted))


def _check_lock(facts: Facts, stored: Mapping[str, Any], sent: Mapping[str, Any], *, replaces: bool) -> None:
    """
    The management mode: another one, or none while the live one is Managed, is a conflict.

    Code and texts' gist from azure-cli issues 27976 and 29997; the status is believed to be 409.
    """
    if facts.locked is None or not replaces:
        return
    live, wanted = at(stored, facts.locked), at(sent, facts.locked)
    unset = {MISSING, "NotSpecified"}
    if live == wanted or {live, wanted} <= unset or (wanted is MISSING and live != "Managed"):
        return
    shown = ["<null>" if value is MISSING else str(value) for value in (live, wanted)]
    message = (
        f"The management policy mode of the application definition cannot be changed from '{shown[0]}' to '{shown[1]}'."
    )
    raise Refused(HTTPStatus.CONFLICT, "ApplicationDefinitionApplicationManagementPolicyLockConflict", message)


def frozen_changes(rule: Rule, facts: Facts, live: Any, sent: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every immutable property whose value in *sent* differs from *live*."""
    if sent is MISSING:
        return
    if rule.shape is Shape.OBJECT:
        for name, child in rule.properties.items():
            yield from frozen_changes(child, facts, at(live, (name,)), at(sent, (name,)), (*path, name))
    elif rule.shape is Shape.LIST and rule.keys:
        known = elements(rule, live)
        for key, element in elements(rule, sent).items():
            if key in known:
                yield from frozen_changes(rule.element, facts, known[key], element, path)
    elif rule.frozen and not _same(rule, facts.implied.get(path, rule.default) if live is MISSING else live, sent):
        yield path


def _same(rule: Rule, live: Any, sent: Any) -> bool:
    if is_blank(rule, sent) and (live is MISSING or is_blank(rule, live)):
        return True
    return bool(normalize(rule.normalize, live) == normalize(rule.normalize, sent))


def elements(rule: Rule, value: Any) -> dict[tuple[Any, ...], Any]:
    """Return the elements of a keyed list by their folded keys; the last of several with one key."""
    return {key_of(rule, element): element for element in value} if isinstance(value, list) else {}


def key_of(rule: Rule, element: Any) -> tuple[Any, ...]:
    """Return the folded key of one element of a keyed list."""
    return tuple(normalize(rule.element.at(path).normalize, at(element, path)) for path in rule.keys)


def _lists(rules: Rule) -> Iterator[tuple[Path, Rule]]:
    """Yield every list that is part of no element and of no map."""
    return ((path, rule) for path, rule in rules.every() if rule.shape is Shape.LIST and "*" not in path)


def _check_removals(rules: Rule, facts: Facts, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
    """A region may go only with the flag in the same request (text: terraform-provider-azurerm pull request 21999)."""
    for path, rule in _lists(rules):
        wanted = at(sent, path)
        if rule.removal_guard is None or wanted is MISSING or (not wanted and path in facts.keeps_when_empty):
            continue
        gone = elements(rule, at(stored, path)).keys() - elements(rule, wanted).keys()
        if gone and at(sent, rule.removal_guard) is not True:
            missing = ", ".join(sorted(display_name(str(key[0])) for key in gone))
            message = (
                "Complete set of target locations not specified. Missing target locations: "
                f"'{missing}'. Please specify the complete set of target locations, or an empty set, or set "
                f"'{rule.removal_guard[-1]}' to true in '{'.'.join(rule.removal_guard[:-1])}' to remove locations."
            )
            raise bad_request(message)


def check_lists(kind: Kind, facts: Facts, body: Mapping[str, Any]) -> None:
    """
    Refuse lists with duplicate elements or without a required element ("VM Applications overview").

    Raises:
        Refused: 400.
    """
    for path, rule in _lists(kind.rules):
        value = at(body, path)
        if not isinstance(value, list) or not rule.keys:
            continue
        keys = [key_of(rule, element) for element in value]
        if path in facts.unique and len(set(keys)) < len(keys):
            msg = f"The list '{named(facts, path)}' has duplicate elements."
            raise invalid_parameter(msg, named(facts, path))
        if rule.must_contain and keys and not _holds(rule, keys, body):
            where = ".".join(rule.must_contain)
            message = f"The list '{named(facts, path)}' must contain the value of '{where}'."
            raise invalid_parameter(message, named(facts, path))


def _holds(rule: Rule, keys: list[tuple[Any, ...]], body: Mapping[str, Any]) -> bool:
    needed = at(body, rule.must_contain or ())
    normal = normalize(rule.element.at(rule.keys[0]).normalize, needed)
    return needed is MISSING or any(key[0] == normal for key in keys)
