"""
Turns the errors of jsonschema into sentences for the author of the manifest. Pure.

A schema may have its own sentence in ``errorMessage`` (the keyword of ajv-errors) beside the keyword that fails; the
others are worded here. A text is never quoted: it may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.annotations import Annotation
from reconciler.manifests.mending import home_of, is_read_only, mended, number_as_text, of_another_type
from reconciler.manifests.yaml12 import format_document_path
from reconciler.problems import UNREAD, Document, Layer, Problem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    from reconciler.values import FieldPath

_NAMES: Final = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}
_IN_PLACE: Final = ("#/$defs/file", "#/$defs/env")  # beside a text: {$file: path} or {$env: NAME} may replace it
_CODES: Final = {
    "type": "type",
    "required": "missing",
    "const": "value",
    "enum": "value",
    "pattern": "pattern",
    "not": "not-allowed",
    "minLength": "length",
    "maxLength": "length",
    "minItems": "length",
    "maxItems": "length",
    "minimum": "range",
    "maximum": "range",
}


_PROPERTIES: Final = ("spec", "properties")
"""Below them null has a meaning: that a value must not be set."""

MOST: Final = 100
"""Mistakes reported of one document, by the schema and by the checks each; a hostile one has a hundred thousand."""


def problem(document: Document, path: FieldPath, code: str, message: str, fix: str | None = None) -> Problem:
    """Return a problem at *path* of *document*, where it is written: in the manifest, or in a layer over it."""
    return Problem(*place(document, path), format_document_path(path), code, message, fix)


def place(document: Document, path: FieldPath) -> tuple[str, int, int | None]:
    """Return file, line and column of the value at *path*: in the manifest, or in a file laid under or over it."""
    origin = document.trace(path) if document.trace is not None and path[:1] == ("spec",) else None
    if origin is not None and origin.layer is not Layer.MANIFEST:
        return origin.file, origin.line, origin.column
    return (document.source.file, *document.locate(path))


def explain(
    document: Document, errors: Iterable[ValidationError], root: Mapping[str, Any] | None = None
) -> Iterator[Problem]:
    """
    Yield one problem for each mistake, *MOST* of them; of several failures at one place, only the wrong type.

    Args:
        document: Where the mistakes are.
        errors: Read only as far as they are reported.
        root: The schema of the whole document, which knows where a misplaced key belongs.
    """
    yield from islice(_explained(document, list(islice(errors, MOST)), root or {}), MOST)


def _explained(document: Document, found: Sequence[ValidationError], root: Mapping[str, Any]) -> Iterator[Problem]:
    wrong_types = {tuple(error.absolute_path) for error in found if error.validator == "type"}
    seen: set[tuple[str, str]] = set()
    for error in found:
        path = tuple(error.absolute_path)
        if error.instance == UNREAD or (path in wrong_types and error.validator != "type"):
            continue
        for item in _problems(document, path, error, root):
            if (item.path, item.message) not in seen:
                seen.add((item.path, item.message))
                yield item


def _problems(
    document: Document, path: FieldPath, error: ValidationError, root: Mapping[str, Any]
) -> Iterator[Problem]:
    keyword = str(error.validator)
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    if keyword == "additionalProperties":
        yield from _unknown_keys(document, path, error, root)
    elif keyword == "required":
        yield from _missing(document, path, error, schema)
    elif keyword == "type":
        in_body = path[:2] == _PROPERTIES
        message, fix = _wrong_type(error.instance, error.validator_value, schema, in_body=in_body)
        if isinstance(error.instance, int | float) and not isinstance(error.instance, bool) and "quotation" in fix:
            fix = number_as_text(schema, _as_written(document, path) or repr(error.instance))
        yield problem(document, path, "type", message, fix)
    else:
        code = "read-only" if schema.get("readOnly") else _CODES.get(keyword, keyword)
        message = str(schema.get("errorMessage") or _worded(keyword, error.instance, error.validator_value))
        near = _nearest_sibling(path, root) if keyword == "not" else None
        fix = f"did you mean `{near}`?" if near else _fix(keyword, error, schema)
        yield problem(document, path, code, message, fix)


def _nearest_sibling(path: FieldPath, root: Mapping[str, Any]) -> str | None:
    """Return the known name that a key, which *root* rules out by its pattern, is most like; None if it is known."""
    node: Any = root
    for step in path[:-1]:
        node = node.get("properties", {}).get(step, {})
    known = node.get("properties", {})
    return None if not path or path[-1] in known else nearest(str(path[-1]), known, alike=0.8)


def _as_written(document: Document, path: FieldPath) -> str | None:
    """Return a number as the document spells it, such as 1.10; None where that is not known."""
    origin = document.trace(path) if document.trace is not None and path[:1] == ("spec",) else None
    written = getattr(document.locate, "written", None)
    return written(path) if written is not None and (origin is None or origin.layer is Layer.MANIFEST) else None


def _unknown_keys(
    document: Document, path: FieldPath, error: ValidationError, root: Mapping[str, Any]
) -> Iterator[Problem]:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    properties = schema.get("properties", {})
    known = [name for name, child in properties.items() if not is_read_only(child)]
    value: Any = error.instance
    for key in value:
        if key in properties:
            continue
        near = nearest(key, known) or _shortened(
            key, [name for name in schema.get("required", ()) if name not in value]
        )
        home = home_of(root, key, path)
        if key.partition(":")[0] in known:
            fix = "write a space after the colon"
        elif near and (home is None or near.lower().endswith(key.lower())):
            fix = f"did you mean `{near}`?"
        else:
            fix = home or f"known keys: {', '.join(known)}"
        yield problem(document, (*path, key), "unknown-key", "unknown key", fix)


def nearest(key: str, known: Iterable[str], *, alike: float = 0.6) -> str | None:
    """Return the known name that is most like *key*, case-insensitively; None if none is *alike*, from 0 to 1."""
    from difflib import get_close_matches  # noqa: PLC0415 (for mistakes only)

    folded = {name.lower(): name for name in known}
    near = get_close_matches(key.lower(), folded, n=1, cutoff=alike)
    return folded[near[0]] if near else None


def _shortened(key: str, missing: Iterable[str]) -> str | None:
    """Return the missing name that *key* is the end of, as ``mode`` is of ``deploymentMode``; None if none is."""
    return next((name for name in missing if key and name.lower().endswith(key.lower())), None)


def _missing(
    document: Document, path: FieldPath, error: ValidationError, schema: Mapping[str, Any]
) -> Iterator[Problem]:
    required: Any = error.validator_value
    stated: Any = error.instance
    for key in required:
        if key not in stated and error.message.startswith(repr(key)):
            about = schema.get("properties", {}).get(key, {}).get("description", "")
            # A rule that only requires one key has a message about the effect of omitting it.
            plain = f"`{key}` is missing"
            message = plain if "properties" in schema else schema.get("errorMessage", plain)
            fix = f"add it: {about.partition('. ')[0].rstrip('.')}" if about else f"add `{key}`"
            constant = schema.get("properties", {}).get(key, {}).get("const")
            yield problem(document, path, "missing", message, f"write `{key}: {constant}`" if constant else fix)


def _wrong_type(value: Any, wanted: Any, schema: Mapping[str, Any], *, in_body: bool) -> tuple[str, str]:
    types = [wanted] if isinstance(wanted, str) else list(wanted)
    if schema.get("$ref") in _IN_PLACE:
        types.remove("object")
    expected = " or ".join(_NAMES.get(name, name) for name in types if name != "null" or len(types) == 1)
    if value is None:
        fix = "delete the line" if "default" in schema else "write a value, or delete the line"
        found = "null, and the field cannot be unset" if in_body else "no value"
        return f"expected {expected}, found {found}", fix
    better = next(filter(None, (of_another_type(value, name, schema) for name in types)), None)
    if better is not None:
        return f"expected {expected}, found {_made_of(value)}", better
    if not isinstance(value, bool | int | float):
        return f"expected {expected}, found {_made_of(value)}", f"write {expected}"
    shown = (
        "(hidden)" if schema.get(Annotation.SECRET) else str(value).lower() if isinstance(value, bool) else repr(value)
    )
    if "string" in types:
        return f"expected a string, but YAML reads this as {_made_of(value)} {shown}", "put it in quotation marks"
    return f"expected {expected}, found {_made_of(value)} {shown}", f"write {expected}"


def _made_of(value: Any) -> str:
    if isinstance(value, bool):
        return "the boolean"
    if isinstance(value, int | float):
        return "the number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "a mapping"


def _worded(keyword: str, value: Any, limit: Any) -> str:
    if keyword in {"maxLength", "minLength"}:
        return f"expected {'at most' if keyword == 'maxLength' else 'at least'} {limit} characters, found {len(value)}"
    if keyword in {"maximum", "minimum"}:
        return f"{value} is {'more' if keyword == 'maximum' else 'less'} than {limit}"
    if keyword in {"enum", "const"}:
        allowed = limit if keyword == "enum" else [limit]
        return f"expected one of {', '.join(f'`{item}`' for item in allowed if item is not None)}"
    return "this value is not allowed here"


def _fix(keyword: str, error: ValidationError, schema: Mapping[str, Any]) -> str:
    value: Any = error.instance
    limit: Any = error.validator_value
    if keyword == "not" and "errorMessage" in schema:
        # A rule about several keys is at their mapping, which must not be deleted.
        is_of_several = isinstance(value, Mapping) and "description" not in schema
        return _advice(str(schema["errorMessage"])) if is_of_several else "delete the line"
    if keyword in {"enum", "const"}:
        allowed = [item for item in (limit if keyword == "enum" else [limit]) if isinstance(item, str)]
        near = nearest(value, allowed) if isinstance(value, str) and len(allowed) > 1 else None
        return f"did you mean `{near}`?" if near else f"write {' or '.join(f'`{item}`' for item in allowed) or limit}"
    if isinstance(value, str) and (meant := mended(schema, value)) is not None:
        return meant
    if keyword == "maxLength" and "pattern" not in schema:
        return "shorten it, or call a script that is part of the package"
    return _bounds(keyword, value, limit, schema)


def _written(example: str | Mapping[str, Any]) -> str:
    """Return an example as a manifest has it."""
    if isinstance(example, str):
        return example
    return f"{{{', '.join(f'{name}: {value}' for name, value in example.items())}}}"


def _bounds(keyword: str, value: Any, limit: Any, schema: Mapping[str, Any]) -> str:
    """Return the fix for a value outside the bounds of a schema."""
    if keyword in {"minimum", "maximum"}:
        low, high = schema.get("minimum"), schema.get("maximum")
        span = " and ".join(f"at {word} {n}" for word, n in (("least", low), ("most", high)) if n is not None)
        return f"write a number of {span}"
    if keyword in {"minLength", "maxLength"}:
        return f"write {'at least' if keyword == 'minLength' else 'at most'} {limit} characters"
    if keyword in {"minItems", "maxItems"}:
        return f"keep {'at least' if keyword == 'minItems' else 'at most'} {limit} elements; there are {len(value)}"
    examples = [_written(item) for item in schema.get("examples", ()) if isinstance(item, str | Mapping)]
    if examples:
        return f"write it like `{examples[0]}`"
    hidden = keyword == "pattern" and isinstance(value, str) and not schema.get(Annotation.SECRET)
    odd = sorted({char for char in value if not (char.isascii() and char.isalnum())}) if hidden else []
    names = ", ".join(
        "a space" if char == " " else f"U+{ord(char):04X}" if not char.isprintable() else char for char in odd
    )
    return (
        f"use only letters, digits and the characters that the message names; found {names}"
        if names
        else "write another value"
    )


def _advice(message: str) -> str:
    """Return the advice in a message of a schema: the part after its last semicolon or colon."""
    return re.split(r"[;:] ", message)[-1].rstrip(".")
