"""
Fixes for a value that a schema refuses: the intended value, where it can be inferred. Pure.

A text is never quoted, as it may be a secret; of numbers and versions a corrected form is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.annotations import Annotation

if TYPE_CHECKING:
    from reconciler.values import FieldPath, JsonObject

_QUOTES: Final = "\"'\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_VERSION: Final = re.compile(r"[vV]?[0-9]{1,10}(?:\.[0-9]{1,10}){0,3}\.?")
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "on", "y"), "true"),
    **dict.fromkeys(("false", "no", "off", "n"), "false"),
}
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


def mended(schema: JsonObject, text: str) -> str | None:
    """Return the fix for a text that *schema* refuses by its pattern; None if none is known."""
    if "pattern" not in schema:
        return None
    accepts, plain = _validator(schema), text.strip().strip(_QUOTES).strip()
    if _VERSION.fullmatch(plain) and not schema.get(Annotation.SECRET):
        bare = plain.lstrip("vV").rstrip(".")
        meant = next((each for each in (bare, f"{bare}.0", f"{bare}.0.0") if accepts(each)), None)
        return f"write `{meant}`" if meant else None
    if plain == text or not accepts(plain):
        return None
    return "remove the whitespace around it" if plain == text.strip() else "remove the quotation marks inside the text"


def _validator(schema: JsonObject) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 (slow to import, and needed only for a mistake)

    return Draft202012Validator({key: value for key, value in schema.items() if key != "$ref"}).is_valid


def number_as_text(schema: JsonObject, written: str) -> str:
    """Return the fix for a number in place of a text, spelled *written* in the manifest."""
    if schema.get(Annotation.SECRET):
        return "put it in quotation marks"
    probe = {key: value for key, value in schema.items() if key != "$ref"}
    if "pattern" not in probe or _validator(probe)(written):
        return "put it in quotation marks"
    return mended(schema, written) or "put it in quotation marks"


def of_another_type(value: Any, wanted: str, schema: JsonObject) -> str | None:
    """Return the fix for a value of another type than *wanted*, the schema's word; None if there is no better one."""
    if isinstance(value, str) and not schema.get(Annotation.SECRET):
        if wanted == "boolean":
            word = _BOOLEANS.get(value.strip().lower())
            return f"write `{word}`, without quotation marks" if word else None
        if wanted == "integer" and _INTEGER.fullmatch(value.strip()):
            return f"write `{value.strip()}`, without quotation marks"
    if isinstance(value, str) and wanted == "object" and re.match(r"[$\w.-]+:\S", value):
        return "write a space after the colon"
    if wanted == "array" and isinstance(value, Mapping):
        return "begin each element of the list with `- `"
    if wanted == "array" and value is not None:
        return "write it as a list: `- ` before each element"
    if wanted == "object" and isinstance(value, list):
        return "remove the `- `: this is one mapping, not a list"
    return None


# ------------------------------------------------------------------------------------------------ keys in wrong places


def home_of(schema: JsonObject, key: str, path: FieldPath) -> str | None:
    """
    Return the nearest place, such as ``spec.properties``, where *schema* knows *key*, or one that differs in case.

    Args:
        schema: Of the whole document.
        key: Unknown at its place.
        path: Its place.
    """
    homes = [(home, name) for home, name in _homes(schema, key.lower()) if home != tuple(map(_step, path))]
    if not homes:
        return None
    home, name = min(homes, key=lambda each: (_distance(each[0], path), each))
    path_of_home = ".".join(home).replace(".[]", "[]")
    where = f"`{path_of_home}`" if home else "the top of the document"
    return f"move it to {where}" if name == key else f"move it to {where}, and write `{name}`"


def _homes(schema: JsonObject, folded: str) -> Iterator[tuple[tuple[str, ...], str]]:
    for home, names in _known_places(schema):
        for name in names:
            if name.lower() == folded:
                yield home, name


def _known_places(schema: JsonObject) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield each mapping of a document, by its path, with the keys that a user may write in it."""
    todo: list[tuple[tuple[str, ...], Any]] = [((), schema)]
    while todo:
        path, node = todo.pop()
        if not isinstance(node, Mapping) or is_read_only(node):
            continue
        properties = node.get("properties")
        if isinstance(properties, Mapping):
            yield path, [name for name, child in properties.items() if not is_read_only(child)]
            todo.extend(((*path, name), child) for name, child in properties.items())
        if isinstance(node.get("items"), Mapping):
            todo.append(((*path, "[]"), node["items"]))


def is_read_only(node: Any) -> bool:
    """Whether a property is the server's: no user writes it."""
    return isinstance(node, Mapping) and (node.get("readOnly") is True or node.get("not") == {})


def _step(step: str | int) -> str:
    return "[]" if isinstance(step, int) else step


def _distance(home: tuple[str, ...], path: FieldPath) -> int:
    here = tuple(map(_step, path))
    shared = next((i for i, (a, b) in enumerate(zip(home, here, strict=False)) if a != b), min(len(home), len(here)))
    return len(home) + len(here) - 2 * shared
