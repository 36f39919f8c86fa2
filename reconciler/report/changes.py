"""The words for a difference: its two sides in the room that a format has, and the remarks beside them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.kinds.variables import Doubt
from reconciler.model.change import Finding, Op
from reconciler.report.escape import visible
from reconciler.report.resource_view import ChangeWords, Side
from reconciler.report.values import first_difference, line_changes, literal, pair
from reconciler.report.words import note_of
from reconciler.values import MISSING

if TYPE_CHECKING:
    from reconciler.kinds.variables import Unknown
    from reconciler.model.change import Change, FieldChange
    from reconciler.report.bounds import Bounds

_NARROWEST: Final = 40
"""A side of a difference is never cut shorter: a line that is too long can still be read."""
_AROUND: Final = 14
"""Characters of a line besides path, values, note and place."""


def words_of(change: Change, field: FieldChange, bounds: Bounds) -> ChangeWords:
    """Return the words for one difference."""
    note, place = note_of(field), _place(change, field)
    room = bounds.value or bounds.line - len(visible(field.path)) - len(note) - len(visible(place)) - _AROUND
    sign, sides = _sides(change, field, max(room, _NARROWEST))
    return ChangeWords(
        sign=sign,
        sides=sides,
        note=note,
        place=place,
        blocks=field.refusal is not None or field.finding is Finding.IMMUTABLE,
        first=_first(field, bounds),
        lines=_lines(field, bounds),
    )


def _place(change: Change, field: FieldChange) -> str:
    """Return file and line of the declaration of a field; empty where it is undeclared."""
    if field.line is None and field.where is not None:
        return f"{field.where.file}:{field.where.line}"
    return f"{change.desired.source.file}:{field.line}" if field.line is not None else ""


_DOUBTS: Final = {
    Doubt.UNSET: "which is not set, so not verified",
    Doubt.HIDDEN: "and hidden in the snapshot, so not verified",
    Doubt.UNANSWERED: "whose query Azure does not return, so not verified; --republish sends it",
}


def _doubt(unknown: Unknown) -> str:
    return f"from the variable {unknown.variable}, {_DOUBTS[unknown.doubt]}"


def _sides(change: Change, field: FieldChange, room: int) -> tuple[str, tuple[str, ...]]:
    """Return the sign of a difference and its one or two sides, the live one first, in about *room* characters."""
    if field.unknown is not None:
        return " ", (_doubt(field.unknown),)
    if field.finding is Finding.UNVERIFIED:
        return " ", (f"write-only{'; one PUT records it' if change.action.writes else ', so not verified'}",)
    if field.finding is Finding.UNDECLARED:
        return " ", (literal(field.observed, room),)
    if field.op is Op.ADD:
        return "+", (literal(field.desired, room),)
    if field.op is Op.REMOVE:
        return "-", (literal(field.observed, room),)
    if field.observed is MISSING:  # write-only: a digest shows that it changed, and nothing shows from what
        return " ", ("write-only; differs from what was sent last",)
    return " ", pair(field.observed, field.desired, max(room // 2, _NARROWEST))


def _first(field: FieldChange, bounds: Bounds) -> str:
    if not bounds.line or field.op is not Op.REPLACE or field.finding not in {Finding.CHANGE, Finding.IMMUTABLE}:
        return ""
    return first_difference(field.observed, field.desired, max(bounds.line // 2, _NARROWEST))


def _lines(field: FieldChange, bounds: Bounds) -> tuple[Side, ...]:
    if not bounds.lines or field.op is not Op.REPLACE:
        return ()
    return tuple(Side(sign, text) for sign, text in line_changes(field.observed, field.desired, bounds.lines))
