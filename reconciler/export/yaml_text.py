"""
Writes plain values as YAML that a person would have written: block style, keys in the order given, one line a value.

A text is quoted wherever a reader of YAML 1.1 or of 1.2 could take it for something else: both give back the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.manifests.yaml12 import is_readable

# "y" and "n" are booleans of YAML 1.1, and of the tools that still read it.
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# A text that is made of these and begins with a digit may be a number, a date, a time of day or a version.
_NUMBERLIKE: Final = re.compile(r"[0-9][0-9a-fA-FoOxXtTzZ_.,:+\- ]*")
_EXPONENT: Final = re.compile(r"^(-?[0-9]+)(?=e)")
_INDENT: Final = "  "


def write_document(value: Mapping[str, Any]) -> str:
    """Return *value* (plain dict, list, str, int, float, bool, None) as one document that ends with a line end."""
    return "".join(f"{line}\n" for line in _mapping(value))


def _mapping(value: Mapping[str, Any]) -> Iterator[str]:
    for key, item in value.items():
        yield from _entry(f"{as_scalar(key)}:", item)


def _entry(head: str, value: Any) -> Iterator[str]:
    """Yield the lines of what stands behind a key."""
    if (short := _on_one_line(value)) is not None:
        yield f"{head} {short}"
        return
    if isinstance(value, str):
        yield f"{head} {'|' if value.endswith(chr(10)) else '|-'}"
        below: Iterator[str] = iter(value.removesuffix("\n").split("\n"))
    else:
        yield head
        below = _mapping(value) if isinstance(value, Mapping) else _list(value)
    yield from (f"{_INDENT}{line}" if line else "" for line in below)


def _list(value: list[Any]) -> Iterator[str]:
    for item in value:
        if (short := _on_one_line(item, block_texts=False)) is not None:
            yield f"- {short}"
            continue
        lines = _mapping(item) if isinstance(item, Mapping) else _list(item)
        for index, line in enumerate(lines):
            yield f"{_INDENT if index else '- '}{line}" if line else ""


def _on_one_line(value: Any, *, block_texts: bool = True) -> str | None:
    """Return *value* where one line holds it; None where it takes a block."""
    if isinstance(value, str):
        return None if block_texts and _is_block(value) else as_scalar(value)
    if isinstance(value, float):
        return _EXPONENT.sub(r"\1.0", json.dumps(value))  # YAML 1.1 knows no exponent without a point
    if isinstance(value, list):
        return None if value else "[]"
    if not isinstance(value, Mapping):
        return json.dumps(value)
    if not value:
        return "{}"
    if len(value) == 1 and next(iter(value)).startswith("$"):  # a reference, which is read as one thing
        ((key, item),) = value.items()
        return f"{{{key}: {as_scalar(item)}}}" if isinstance(item, str) else None
    return None


def as_scalar(text: str) -> str:
    """Return a text as YAML on one line, in quotation marks where it needs them."""
    return text if _is_plain(text) else _quoted(text)


def _is_plain(text: str) -> bool:
    """Whether *text* needs no quotation marks, by a rule that is stricter than YAML's own."""
    if not text or not (text[0].isalnum() or text[0] in "/_$") or text[-1] in " :":
        return False
    if not text.isprintable() or not is_readable(text) or ": " in text or " #" in text:
        return False
    return bool(_GUID.fullmatch(text)) or not (text.lower() in _WORDS or _NUMBERLIKE.fullmatch(text))


def _quoted(text: str) -> str:
    return "".join(char if is_readable(char) else _escape(char) for char in json.dumps(text, ensure_ascii=False))


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if char <= "\uffff" else f"\\U{ord(char):08x}"


def _is_block(text: str) -> bool:
    """Whether a text of several lines may stand as it is: nothing in it that a block, or an editor, would lose."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) == 1 or not lines[0] or not lines[-1] or lines[0][0].isspace():
        return False
    return all((line.isprintable() or not line) and is_readable(line) and line == line.rstrip() for line in lines)
