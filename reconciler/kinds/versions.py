"""
The api-versions that a body needs: which of its values a version has, and which are newer. Pure.

A schema names the version that brought a property (``x-since``) or one of its values (``x-since-values``). Only these
places are looked at, since every resource of a run is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.annotations import Annotation
from reconciler.kinds.rules import Rule, Shape
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.kinds.kind import Kind
    from reconciler.values import FieldPath, JsonObject


@dataclass(frozen=True, slots=True)
class Newer:
    """
    A value of a body that its kind's reference version does not have.

    Attributes:
        path: As written.
        since: The first api-version that has it.
    """

    path: FieldPath
    since: str


@dataclass(frozen=True, slots=True)
class NewerTree:
    """
    The part of a kind's rules that leads to newer properties and values.

    Attributes:
        rule: Of the value here.
        since: The version that brought the property, where it is newer than all that contains it; empty if it is not.
        values: Version of each newer value, by its text in lower case.
        properties: The trees of the properties below, by name.
        each: The tree of every element of a list, or value of a map.
        highest: The newest version here or below of anything that a PUT can carry; empty if there is none.
    """

    rule: Rule
    since: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    properties: tuple[tuple[str, NewerTree], ...] = ()
    each: NewerTree | None = None
    highest: str = ""


_NOTHING: Final = Newer((), "")


def compile_newer(rule: Rule, above: str = "") -> NewerTree | None:
    """
    Return the part of *rule* that leads to newer properties and values; None where it has none.

    Args:
        rule: Of a request body, or of a part of one.
        above: The version that brought what contains it.
    """
    since = rule.since or ""
    own = since if since > above else ""
    values = {value.lower(): version for value, version in rule.values_since.items()}
    below = ((name, compile_newer(child, since)) for name, child in rule.properties.items())
    properties = tuple((name, tree) for name, tree in below if tree)
    each = compile_newer(rule.items, since) if rule.items else None
    if not (own or values or properties or each):
        return None
    children = [tree.highest for _, tree in properties] + ([each.highest] if each else [])
    highest = "" if rule.read_only else max([own, *values.values(), *children])
    return NewerTree(rule, own, values, properties, each, highest)


def check_versions(
    name: str, reference: str, versions: tuple[str, ...], rules: Iterable[tuple[tuple[str, ...], Rule]]
) -> None:
    """
    Refuse api-versions that do not ascend from the reference version, and properties of a version that is none of them.

    Raises:
        ValueError: With the annotation at fault.
    """
    if list(versions) != sorted({reference, *versions}) or versions[0] != reference:
        message = f"{Annotation.ARM}: apiVersions of {name} do not ascend from {reference}"
        raise ValueError(message)
    for path, rule in rules:
        for version in filter(None, (rule.since, *rule.values_since.values())):
            if version not in versions[1:]:
                message = f"{Annotation.SINCE} of {'.'.join(path)}: {version} is none of {', '.join(versions[1:])}"
                raise ValueError(message)


def newest_leaf(kind: Kind, body: JsonObject) -> Newer | None:
    """
    Return the leaf of *body* that the newest api-version brought; None if the reference version has them all.

    Values that Azure sets, which no PUT carries, and null, which declares that there is no value, do not count.
    """
    return _newest(kind.newer, body, (), _NOTHING) if kind.newer and _highest(kind.newer, body, "") else None


def leaves_after(kind: Kind, body: JsonObject, api_version: str) -> Iterator[Newer]:
    """Yield each leaf of *body* that a PUT carries and *api_version* does not have; of a newer object its first."""
    if kind.newer is not None:
        yield from _after(kind.newer, body, (), api_version)


def lowest_version(kind: Kind, body: JsonObject) -> str:
    """Return the lowest api-version of *kind* that has every leaf of *body*."""
    return (_highest(kind.newer, body, "") if kind.newer else "") or kind.api_version


def without_newer(kind: Kind, body: JsonObject, api_version: str) -> JsonObject:
    """Return *body* as *api_version* shows it; the same object if that version has all of it."""
    if kind.newer is None:
        return body
    shown: JsonObject = _without(kind.newer, body, api_version)
    return shown


def _highest(tree: NewerTree, value: Any, best: str) -> str:
    """Return the newest version that *value* needs, if above *best*. The paths come later: few bodies need any."""
    if tree.highest <= best or value is None:
        return best
    best = max(best, tree.since)
    if tree.values and isinstance(value, str):
        return max(best, tree.values.get(value.lower(), ""))
    if isinstance(value, dict):
        for name, child in tree.properties:
            item = value.get(name)
            if item is not None and (child.since or not isinstance(item, str) or item.lower() in child.values):
                best = _highest(child, item, best)
    if tree.each is not None and isinstance(value, list if tree.rule.shape is Shape.LIST else dict):
        for item in value if isinstance(value, list) else value.values():
            best = _highest(tree.each, item, best)
    return best


def _newest(tree: NewerTree, value: Any, path: FieldPath, best: Newer) -> Newer:
    if tree.highest <= best.since or value is None:
        return best
    if tree.since > best.since:
        best = Newer(_first_leaf(tree.rule, value, path) or path, tree.since)
    if tree.values and isinstance(value, str):
        since = tree.values.get(value.lower(), "")
        return Newer(path, since) if since > best.since else best
    for step, child, item in _below(tree, value):
        best = _newest(child, item, (*path, step), best)
    return best


def _after(tree: NewerTree, value: Any, path: FieldPath, version: str) -> Iterator[Newer]:
    if tree.highest <= version or value is None:
        return
    since = tree.since
    if tree.values and isinstance(value, str):
        since = max(since, tree.values.get(value.lower(), ""))
    if since > version:
        yield Newer(_first_leaf(tree.rule, value, path) or path, since)
        return
    for step, child, item in _below(tree, value):
        yield from _after(child, item, (*path, step), version)


def _below(tree: NewerTree, value: Any) -> Iterator[tuple[str | int, NewerTree, Any]]:
    if isinstance(value, dict):
        yield from ((name, child, value[name]) for name, child in tree.properties if name in value)
    if tree.each is None:
        return
    if tree.rule.shape is Shape.LIST and isinstance(value, list):
        yield from ((index, tree.each, item) for index, item in enumerate(value))
    elif tree.rule.shape is Shape.MAP and isinstance(value, dict):
        yield from ((name, tree.each, item) for name, item in value.items())


def _first_leaf(rule: Rule, value: Any, path: FieldPath) -> FieldPath | None:
    """Return the path of the first leaf in *value* that a PUT carries; None if it carries nothing of it."""
    if rule.read_only or value is None:
        return None
    if rule.shape is Shape.LIST and isinstance(value, list):
        items: Any = enumerate(value)
    elif rule.shape in {Shape.OBJECT, Shape.MAP} and isinstance(value, dict):
        items = value.items()
    else:
        return path
    found = (_first_leaf(rule.child(step), item, (*path, step)) for step, item in items)
    return next((leaf for leaf in found if leaf is not None), path)


def _without(tree: NewerTree, value: Any, version: str) -> Any:
    if tree.since > version:
        return MISSING
    if tree.values and isinstance(value, str):
        return MISSING if tree.values.get(value.lower(), "") > version else value
    changed: dict[str | int, Any] = {}
    for step, child, item in _below(tree, value):
        shown = _without(child, item, version)
        if shown is not item:
            changed[step] = shown
    if not changed:
        return value
    if isinstance(value, list):
        shown_items = (changed.get(index, item) for index, item in enumerate(value))
        return [item for item in shown_items if item is not MISSING]
    return {name: item for name, item in {**value, **changed}.items() if item is not MISSING}
