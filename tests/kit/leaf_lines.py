"""Every leaf of a kind on a line: a change of a schema's meaning shows in the diff of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.kinds.fields import Field, fields, takes_null
from reconciler.kinds.leaves import FieldClass
from reconciler.kinds.normal_forms import canonical
from reconciler.kinds.rules import Rule, Shape
from reconciler.values import MISSING

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind


def leaf_lines(kind: Kind) -> str:
    """Return a line for every leaf: its class, its path, and the marks of its rule."""
    lines = [f"{field.field_class:<10} {field.path}{_marks(field)}\n" for field in fields(kind) if field.is_leaf]
    lists = [f"{'list':<10} {field.path}{_list_marks(field.rule)}\n" for field in _lists(kind)]
    return "".join([f"{kind.name} {kind.api_version}, {kind.put}\n", *lines, *lists])


def _lists(kind: Kind) -> list[Field]:
    return [
        field
        for field in fields(kind)
        if field.rule.shape is Shape.LIST and field.field_class is not FieldClass.READ_ONLY
    ]


def _marks(field: Field) -> str:
    rule = field.rule
    marks = [
        "required" if rule.required else "",
        "key" if field.is_key else "",
        "secret" if rule.secret else "",
        "refused" if field.is_refused and field.field_class is not FieldClass.READ_ONLY else "",
        "null" if takes_null(field.schema) else "",
        "" if rule.clearable or not takes_null(field.schema) else "cannot-unset",
        f"default={canonical(rule.default)}" if rule.default is not MISSING else "",
        f"default-from={'.'.join(rule.default_from)}" if rule.default_from else "",
        "server-populated" if rule.server_populated else "",
        f"as={rule.normalize}" if rule.normalize else "",
        f"excluded-by={'.'.join(rule.excluded_by)}" if rule.excluded_by else "",
        f"since={rule.since}" if rule.since else "",
        *(f"{value}-since={version}" for value, version in rule.values_since.items()),
        _severity(field),
    ]
    return "".join(f"  {mark}" for mark in marks if mark)


def _severity(field: Field) -> str:
    if field.field_class is FieldClass.READ_ONLY:
        return ""
    return next((each.severity for each in (field.rule, *reversed(field.parents)) if each.severity), "no severity")


def _list_marks(rule: Rule) -> str:
    keys = ",".join(".".join(key) for key in rule.keys)
    marks = [
        f"{rule.list_type}{f'({keys})' if keys else ''}",
        "server-populated" if rule.server_populated else "",
        f"guard={'.'.join(rule.removal_guard)}" if rule.removal_guard else "",
        f"holds={'.'.join(rule.must_contain)}" if rule.must_contain else "",
    ]
    return "".join(f"  {mark}" for mark in marks if mark)
