"""A view for programs as JSON in ASCII: its published fields, in their order. A contract."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from reconciler.report.escape import inert_json
from reconciler.report.view import Made

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK: Final = 64 * 1024
"""Characters that are written at once."""
_NOT_ASCII: Final = re.compile(r"[^ -~\n]")


def render(view: object, **_: object) -> str:
    """Return *view*, a frozen value of plain data or a report that was read again, as one object of JSON."""
    return written(view) if isinstance(view, dict) else "".join(_pieces(view))


class Pieces:
    """The text of a view, made piece by piece each time that it is asked for, as it may be large."""

    def __init__(self, view: object, end: str = "") -> None:
        """Take a view, and a text for the end."""
        self._view = view
        self._end = end

    def __iter__(self) -> Iterator[str]:
        """Yield the text in blocks of whole lines."""
        block: list[str] = []
        size = 0
        for piece in _pieces(self._view):
            block.append(piece)
            size += len(piece)
            if size >= _BLOCK:
                yield "".join(block)
                block, size = [], 0
        yield "".join((*block, self._end))


def _pieces(view: object) -> Iterator[str]:
    """Yield the text of a view entry by entry, so that never all of it is held as objects and lists."""
    kind: Any = type(view)
    mark = "{\n"
    for field in _published(kind):
        value = getattr(view, field.name)
        if field.is_optional and value == field.default:
            continue
        yield f'{mark}  "{field.key}": '
        if isinstance(value, tuple | Made) and value:
            yield "["
            for number, each in enumerate(value):
                yield f"{',' if number else ''}\n    {_text(plain(each), 4)}"
            yield "\n  ]"
        else:
            yield _text(plain(value), 2)
        mark = ",\n"
    yield "\n}\n"


def written(value: Any) -> str:
    """Return plain data as JSON in ASCII, two spaces a level, in which no CI runner finds a command."""
    return f"{_text(value)}\n"


def _text(value: Any, indent: int = 0) -> str:
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # a number of more than 64 bits, or half a surrogate pair
        text = json.dumps(value, indent=2)
    text = inert_json(_NOT_ASCII.sub(_escaped, text))
    return text.replace("\n", f"\n{' ' * indent}") if indent else text


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def plain(value: Any) -> Any:
    """Return *value* as objects and lists; a field with a default is left out where it has its default."""
    kind = type(value)
    if kind is tuple or kind is Made:
        return [plain(each) for each in value]
    if not is_dataclass(kind):
        return value
    return {
        field.key: plain(each)
        for field in _published(kind)
        if (each := getattr(value, field.name)) != field.default or not field.is_optional
    }


class _Published(NamedTuple):
    name: str
    key: str
    is_optional: bool
    default: Any


@lru_cache
def _published(kind: type) -> tuple[_Published, ...]:
    found = []
    for field in fields(kind):
        default = field.default_factory() if field.default_factory is not NO_DEFAULT else field.default
        first, *more = field.name.split("_")
        key = first + "".join(map(str.capitalize, more))
        found.append(_Published(field.name, key, default is not NO_DEFAULT, default))
    return tuple(found)
