"""A view for programs as JSON in ASCII: its published fields, in their order. A contract."""

from __future__ import annotations

import json
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from reconciler.report.escape import inert_json


def render(view: object, **_: object) -> str:
    """Return *view*, a frozen value of plain data, as one object of JSON."""
    return inert_json(json.dumps(plain(view), indent=2)) + "\n"


def plain(value: Any) -> Any:
    """Return *value* as objects and lists; a field with a default is left out where it has its default."""
    kind = type(value)
    if kind is tuple:
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
