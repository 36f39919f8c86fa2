"""
Addresses of values: between folded keys, as compared bodies have them, and the spelling of manifests and reports.

*Steps* are keys of objects and folded keys of list elements, as :mod:`reconciler.compare.normalize` makes them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from reconciler.kinds.normal_forms import canonical, normalize
from reconciler.kinds.patterns import is_match, path_tokens
from reconciler.kinds.rules import Shape
from reconciler.secret.text import FromEnvironment, scrub, shown
from reconciler.values import MISSING, FieldPath

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.kinds.rules import Rule

Steps: TypeAlias = tuple[str | int, ...]
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_WORD: Final = re.compile(r"[^./\[\]'\"]+")


def get(body: Any, path: Sequence[str]) -> Any:
    """Return the value at a path of plain object keys; MISSING if it or an ancestor is absent."""
    for key in path:
        if not isinstance(body, dict):
            return MISSING
        body = body.get(key, MISSING)
    return body


def keyed(rule: Rule, elements: Any) -> dict[str | int, tuple[int, Any]]:
    """
    Return the elements of a list by their folded key, each with its index.

    The elements of an ordered list have their index as key. An element that repeats a key, or has none, gets a key of
    its own, so that no element of a live list is lost.
    """
    found: dict[str | int, tuple[int, Any]] = {}
    if not isinstance(elements, list):
        return found
    for index, element in enumerate(elements):
        key = _folded_key(rule, element, index)
        while key in found:
            key = f"{key}#{index}"
        found[key] = (index, element)
    return found


def _folded_key(rule: Rule, element: Any, index: int) -> str | int:
    items = rule.element
    if rule.list_type == "set":
        return canonical(normalize(items.normalize, element))
    if rule.list_type != "map":
        return index
    return ",".join(str(_key_part(items, element, path)) for path in rule.keys)


def _key_part(rule: Rule, element: Any, path: tuple[str, ...]) -> Any:
    value = get(element, path)
    value = value.base if isinstance(value, FromEnvironment) else shown(value)  # distinct, and not shown
    return normalize(rule.at(path).normalize, value)


def label(rule: Rule, element: Any, index: int) -> str:
    """Return the address of an element as reports show it: ``[West US]``, ``["action"]`` or ``[0]``."""
    if rule.list_type == "set":
        return f"[{scrub(canonical(shown(element)))}]"
    parts = [get(element, path) for path in rule.keys]
    if rule.list_type != "map" or MISSING in parts:
        return f"[{index}]"
    return _element(",".join(str(shown(part)) for part in parts))


def _element(key: str) -> str:
    """Return the address of an element, quoted where its own brackets or quotes would end it early."""
    key = scrub(key)
    return f"[{canonical(key)}]" if "]" in key or key.startswith('"') else f"[{key}]"


def fold_names(rule: Rule, value: Any) -> dict[str, str]:
    """Return the names in a map by their folded form, which is the name as written where the map is case-sensitive."""
    if not isinstance(value, dict):
        return {}
    return {name.casefold() if rule.fold_keys else name: name for name in value}


def lookup(rule: Rule, value: Any, steps: Steps) -> Any:
    """Return the value at *steps* as written; MISSING if there is none."""
    for step in steps:
        located = _descend(rule, value, step)
        if located is None:
            return MISSING
        _, value = located
        rule = rule.child(step)
    return value


def _descend(rule: Rule, value: Any, step: str | int) -> tuple[str | int, Any] | None:
    """Return the key or index as written, and the value there."""
    if rule.shape is Shape.LIST:
        return keyed(rule, value).get(step)
    if isinstance(value, list):
        return (int(step), value[int(step)]) if isinstance(step, int) and step < len(value) else None
    if not isinstance(value, dict):
        return None
    name = fold_names(rule, value).get(str(step)) if rule.shape is Shape.MAP else step
    return (name, value[name]) if name is not None and name in value else None


def written_path(rule: Rule, value: Any, steps: Steps) -> FieldPath:
    """Return *steps* as keys and indexes of *value* as written, as far as *value* has them."""
    path: list[str | int] = []
    for step in steps:
        located = _descend(rule, value, step)
        if located is None:
            break
        written, value = located
        path.append(written)
        rule = rule.child(step)
    return tuple(path)


def format_steps(rule: Rule, steps: Steps, *bodies: Any) -> str:
    """Return *steps* as reports show them, in the spelling of the first of *bodies* that has the value."""
    text = ""
    values = list(bodies)
    for step in steps:
        found = [_descend(rule, value, step) for value in values]
        first = next((item for item in found if item is not None), None)
        if rule.shape is Shape.LIST:
            text += label(rule, first[1], int(first[0])) if first else _absent_element(rule, step)
        elif isinstance(step, int):
            text += f"[{step}]"
        else:
            text += _key(str(first[0] if first else step), leading=not text)
        values = [item[1] if item is not None else MISSING for item in found]
        rule = rule.child(step)
    return text


def format_written(rule: Rule, path: FieldPath, body: Any) -> str:
    """Return a path as written in *body* as reports show it."""
    text = ""
    for step in path:
        if isinstance(body, list):
            text += label(rule, body[int(step)], int(step))
            body = body[int(step)]
        else:
            text += _key(str(step), leading=not text)
            body = body[step]
        rule = rule.child(step)
    return text


def find(rule: Rule, body: Any, target: str) -> tuple[FieldPath, str] | None:
    """
    Return the place in *body* that the ``target`` of ARM's error names: as written, and as reports show it.

    ARM writes ``galleryApplicationVersion.properties.…`` as well as ``properties.…``, in any case, and may name a list
    without the element. None if *body* does not have it.
    """
    words = _WORD.findall(target)
    return _find(rule, body, words) or _find(rule, body, words[1:])


def _find(rule: Rule, value: Any, words: Sequence[str]) -> tuple[FieldPath, str] | None:
    path: list[str | int] = []
    text = ""
    for word in words:
        if isinstance(value, list):
            index = int(word) if word.isdecimal() else len(value)
            if index >= len(value):
                break
            text += label(rule, value[index], index)
            path.append(index)
            value, rule = value[index], rule.element
        else:
            names = {name.casefold(): name for name in value} if isinstance(value, dict) else {}
            name = names.get(word.casefold())
            if name is None:
                return None
            text += _key(name, leading=not text)
            path.append(name)
            value, rule = value[name], rule.child(name)
    return (tuple(path), text) if path else None


def find_known(rule: Rule, body: Any, target: str) -> tuple[FieldPath, str] | None:
    """
    Return the property of the schema that ARM's ``target`` names, whether *body* has it or not, as :func:`find` does.

    Also accepted: aliases of Azure Policy, such as ``Microsoft.Compute/galleries/description``, and ``tags[name]``. A
    list without an element ends the path. None if the schema knows no such property.
    """
    words = _WORD.findall(target)
    for start in range(len(words)):
        rest = words[start:]
        found = _known(rule, body, rest) or _known(rule, body, ["properties", *rest])
        if found:
            return found
    return None


def find_ending(rule: Rule, body: Any, target: str) -> tuple[FieldPath, str] | None:
    """
    Return the one property of the schema whose path ends as *target* does, as :func:`find_known` does.

    Compute names some properties by their last words alone, such as ``mediaLink`` or ``source.mediaLink``. None if no
    path ends so, or several do.
    """
    words = [word.casefold() for word in _WORD.findall(target)]
    every = list(_known_paths(rule))
    for start in range(len(words)):
        ending = words[start:]
        found = [path for path in every if [step.casefold() for step in path[-len(ending) :]] == ending]
        if found:
            return _known(rule, body, found[0]) if len(found) == 1 else None
    return None


def _known_paths(rule: Rule, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, child in rule.properties.items():
        if not child.read_only:
            yield (*above, name)
            yield from _known_paths(child, (*above, name))


def _known(rule: Rule, value: Any, words: Sequence[str]) -> tuple[FieldPath, str] | None:
    """Follow *words* through the rules and, as far as it goes, the value; None where a rule is missing."""
    path: list[str | int] = []
    text = ""
    for word in words:
        if rule.is_opaque or rule.shape is Shape.LIST:
            break
        names = rule.properties if rule.shape is Shape.OBJECT else value if isinstance(value, dict) else {}
        name = next((name for name in names if name.casefold() == word.casefold()), None)
        if name is None and rule.shape is not Shape.MAP:
            return None
        name = name or word
        text += _key(name, leading=not text)
        path.append(name)
        value, rule = value.get(name, MISSING) if isinstance(value, dict) else MISSING, rule.child(name)
        if rule.read_only:
            return None
    return (tuple(path), text) if path else None


def _absent_element(rule: Rule, step: str | int) -> str:
    return _element(str(step)) if rule.list_type == "map" else f"[{step}]"


def _key(key: str, *, leading: bool) -> str:
    key = scrub(key)
    if not _PLAIN_KEY.fullmatch(key):
        return f"[{canonical(key)}]"
    return key if leading else f".{key}"


def matches(pattern: str, path: str) -> bool:
    """
    Return whether *path* is at or below *pattern*.

    ``*`` stands for any characters of one key, ``[*]`` for any element; case and blanks inside brackets do not count,
    so that ``[westus]`` is ``[West US]``. A pattern that names no key, such as ``.``, covers nothing.
    """
    return 0 < len(path_tokens(pattern)) <= len(path_tokens(path)) and _are_on_one_line(pattern, path)


def reaches_below(pattern: str, path: str) -> bool:
    """Return whether *pattern* names something below *path*."""
    return len(path_tokens(pattern)) > len(path_tokens(path)) and _are_on_one_line(pattern, path)


def _are_on_one_line(pattern: str, path: str) -> bool:
    pairs = zip(path_tokens(pattern), path_tokens(path), strict=False)
    return all(_token_matches(want, token) for want, token in pairs)


def _token_matches(pattern: str, token: str) -> bool:
    if token.startswith('["') and not pattern.startswith("["):
        try:
            token = json.loads(token[1:-1])  # a key all the same, quoted for its characters
        except ValueError:
            return False
    elif token.startswith("[") != pattern.startswith("["):
        return False
    elif token.startswith("["):
        pattern, token = pattern[1:-1].replace(" ", ""), token[1:-1].replace(" ", "")
    return is_match(pattern.casefold(), token.casefold(), single=None)
