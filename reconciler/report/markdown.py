"""
The report for a pull request, as GitHub's Markdown, short enough for one comment.

Every text from outside stands in a code span or a fence: there no Markdown, HTML, link or @mention has a meaning. The
most urgent part comes first, and the room of a comment is spent from the top: resources that need somebody, the table,
the details of the others, warnings.
"""

from __future__ import annotations

from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Final

from reconciler.kinds.live import Health
from reconciler.model.change import Action, Op, Reason
from reconciler.model.outcome import Result
from reconciler.plan.states import ending_of, error_of, is_applied, noteworthy, place_of, state_of
from reconciler.report.declared import declared
from reconciler.report.escape import inert, masked, visible
from reconciler.report.markup import code, fence, narrow, prose, sentence
from reconciler.report.problems import counted
from reconciler.report.replicated import regions_of, replicated, title_of
from reconciler.report.text import blocks, footer, needs_somebody, place_of_field, sides, why_lines
from reconciler.report.values import line_changes
from reconciler.report.verdict import count, verdict
from reconciler.report.words import MARKS, REASONS, UNMANAGED_MARK, gone_of, note_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.errors import ErrorInfo
    from reconciler.kinds.live import Replication
    from reconciler.model.change import Change, FieldChange
    from reconciler.model.live import Unmanaged
    from reconciler.model.outcome import Report
    from reconciler.plan.states import Item
    from reconciler.problems import Problem

LIMIT: Final = 65_536
"""GitHub refuses a longer comment. Counted in bytes here, which are never fewer than characters."""

_RESERVED: Final = 1024
"""Kept for the headings, the notes about what is left out, and the last line."""

_HEAD: Final = "| resource | action | why |\n| --- | --- | --- |\n"
_ROOM: Final = 200
"""Characters of a value."""
_MOST_LINES: Final = 60
"""Lines of the difference between two scripts."""


class _Room:
    """How many bytes may still be written."""

    def __init__(self, left: int) -> None:
        self._left = left

    def fit(self, blocks: Iterable[str], what: str, before: str = "") -> str:
        """
        Return *blocks* as far as they fit, under *before*, with a note about the rest; empty if there are none.

        Once a block does not fit, no later one of the report does: it is cut from the bottom.
        """
        taken: list[str] = []
        waiting = list(blocks)
        for block in waiting:
            size = len(masked(block).encode())
            if size > self._left:
                self._left = 0
                break
            self._left -= size
            taken.append(block)
        dropped = len(waiting) - len(taken)
        note = f"\n{count(dropped, f'more {what}')} left out: no room.\n" if dropped else ""
        return f"\n{before if taken else ''}{''.join(taken)}{note}" if waiting else ""


def render(report: Report, *, limit: int = LIMIT, **_: object) -> str:
    """Return *report* as Markdown of at most *limit* bytes; what does not fit is dropped from the end, and counted."""
    room = _Room(limit - _RESERVED)
    applied = is_applied(report)
    shown = noteworthy(report)
    urgent = [item for item in shown if needs_somebody(item)]
    others = [item for item in shown if not needs_somebody(item) and _has_details(item)]
    rows = chain(_rows(shown, applied=applied), map(_unmanaged_row, report.plan.unmanaged))
    text = "".join(
        (
            f"### {sentence(verdict(report))}\n",
            room.fit((_bullet(problem, "error") for problem in report.errors), "error"),
            room.fit((_urgent(item, applied=applied) for item in urgent), "resource that needs attention"),
            room.fit(rows, "resource", _HEAD),
            room.fit(map(_details, others), "detail"),
            room.fit((_replication(change, copies) for change, copies in replicated(report)), "version"),
            room.fit((_bullet(each.problem, "warning", each.places) for each in counted(report.warnings)), "warning"),
            f"\n{footer(report)}\n",
        )
    )
    return text.rstrip("\n") + "\n"


def _bullet(problem: Problem, level: str, places: str = "") -> str:
    where = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
    path = f" at {code(problem.path)}" if problem.path and not places else ""
    fix = f"<br>fix: {prose(problem.fix)}" if problem.fix else ""
    more = f" ({places})" if places else ""
    return f"- {code(where)}: **{level}** {code(problem.code)}{path}: {sentence(problem.message)}{more}{fix}\n"


def _urgent(item: Item, *, applied: bool) -> str:
    desired = item.change.desired
    action = ending_of(item) if applied else item.change.action
    where = code(f"{desired.source.file}:{desired.source.line}")
    head = f"- **{action}** {code(desired.kind.name)} {code(desired.name)}: {_why(item)} ({where})\n"
    return head + _lines(item, "  ", with_reason=False)


def _rows(shown: Iterable[Item], *, applied: bool) -> Iterator[str]:
    for item in shown:
        desired = item.change.desired
        action = ending_of(item) if applied else item.change.action
        where = narrow(f"{desired.source.file}:{desired.source.line}")
        named = f"{narrow(desired.kind.name)}<br>{narrow(desired.name)}"
        why = _why(item)
        yield f"| {named} | `{MARKS[item.change.action]}` {action} | {why}{'<br>' if why else ''}{where} |\n"


def _why(item: Item) -> str:
    """Return why a resource is in the report; nothing where that was so before, and the run has changed it."""
    change, error = item.change, error_of(item)
    if item.outcome is not None and item.outcome.result is Result.SUCCEEDED:
        return ""
    why = state_of(change) if change.action is Action.NONE else REASONS[change.reason]
    why = gone_of(change) or why if change.reason is Reason.NOT_FOUND else why
    ill = f", health {change.health}" if change.health is Health.DEGRADED else ""
    return why + ill + (f", {narrow(error.code)}" if error else "")


def _unmanaged_row(unmanaged: Unmanaged) -> str:
    named = f"{narrow(unmanaged.kind.name)}<br>{narrow(unmanaged.name)}"
    why = REASONS[Reason.UNMANAGED] if unmanaged.owner is None else f"owned by project {narrow(unmanaged.owner)}"
    return f"| {named} | `{UNMANAGED_MARK}` none | {why} |\n"


def _has_details(item: Item) -> bool:
    change = item.change
    return bool(change.fields or change.fix or change.signatures or error_of(item) or any(declared(change)))


def _details(item: Item) -> str:
    summary = escape(inert(visible(masked(f"{item.change.desired.kind.name} {item.change.desired.name}"))))
    return f"<details><summary><code>{summary}</code></summary>\n\n{_lines(item, '')}\n</details>\n"


def _lines(item: Item, indent: str, *, with_reason: bool = True) -> str:
    """Return what there is to say of one resource as a list: values or differences, the error, the fix."""
    change, error = item.change, error_of(item)
    values = [f"{label}: {code(text)}" for label, text in declared(change)]
    said = [sentence(line.strip()) for line in why_lines(item, with_values=False, with_reason=with_reason)]
    lines = [f"{indent}- {line}\n" for line in (*values, *said)]
    lines += [_field(change, field, indent) for field in change.fields]
    if error is not None:
        lines += [f"{indent}- {line}\n" for line in _error(item, error)]
    fixes = dict.fromkeys(fix for fix in (error.fix if error else None, change.fix) if fix)
    lines += [f"{indent}- fix: {prose(fix)}\n" for fix in fixes]
    return "".join(lines)


def _error(item: Item, error: ErrorInfo) -> Iterator[str]:
    status = f", HTTP {error.status}" if error.status is not None else ""
    request = f", request id {code(error.request_id)}" if error.request_id else ""
    lines = "<br>".join(map(code, error.message.split("\n")))
    yield f"error {code(error.code)}: {lines}{status}{request}"
    if found := place_of(item):
        path, origin = found
        yield code(f"at: {path}  {origin.file}:{origin.line}")


def _field(change: Change, field: FieldChange, indent: str) -> str:
    note, place = note_of(field), place_of_field(change, field)
    sign, shown = sides(change, field, _ROOM)
    mark = "**!** " if blocks(field) else f"`{sign}` " if sign.strip() else ""
    about = f"{mark}{code(field.path)}"
    after = "".join((f" ({note})" if note else "", f" {code(place)}" if place else ""))
    changes = line_changes(field.observed, field.desired, _MOST_LINES) if field.op is Op.REPLACE else ()
    if changes:
        return f"{indent}- {about}{after}\n{fence('diff', changes, f'{indent}  ')}"
    return f"{indent}- {about}: {' → '.join(map(code, shown))}{after}\n"


def _replication(change: Change, replication: Replication) -> str:
    regions = "".join(f"  - {prose(line)}\n" for line in regions_of(replication))
    return f"- {prose(title_of(change, replication))}\n{regions}"
