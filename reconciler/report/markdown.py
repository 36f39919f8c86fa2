"""
The report for a pull request, as GitHub's Markdown, short enough for one comment.

Every text from outside stands in a code span or a fence: there no Markdown, HTML, link or @mention has a meaning. The
most urgent part comes first, and the room of a comment is spent from the top: resources that need attention, the table,
the details of the others, warnings.
"""

from __future__ import annotations

from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Final

from reconciler.report.escape import inert
from reconciler.report.lines import place_of
from reconciler.report.markup import code, fence, narrow, prose, sentence
from reconciler.report.problems import counted
from reconciler.report.verdict import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.report.resource_view import Change, Error, Resource
    from reconciler.report.view import Problem, View

LIMIT: Final = 65_536
"""GitHub refuses a longer comment. Counted in bytes here, which are never fewer than characters."""

_RESERVED: Final = 1024
"""Kept for the headings, the notes about what is left out, and the last line."""

_HEAD: Final = "| resource | action | why |\n| --- | --- | --- |\n"


class _Room:
    """The bytes that may still be written."""

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
            size = len(block.encode())
            if size > self._left:
                self._left = 0
                break
            self._left -= size
            taken.append(block)
        dropped = len(waiting) - len(taken)
        note = f"\n{count(dropped, f'more {what}')} left out: no room.\n" if dropped else ""
        return f"\n{before if taken else ''}{''.join(taken)}{note}" if waiting else ""


def render(view: View, *, limit: int = LIMIT, **_: object) -> str:
    """Return *view* as Markdown of at most *limit* bytes; what does not fit is dropped from the end, and counted."""
    room = _Room(limit - _RESERVED)
    applied = view.words.is_applied
    shown = view.noteworthy
    urgent = [each for each in shown if each.words.is_urgent]
    others = [each for each in shown if not each.words.is_urgent and _has_details(each)]
    rows = chain((_row(each, applied=applied) for each in shown), map(_unmanaged_row, view.unmanaged))
    text = "".join(
        (
            f"### {sentence(view.words.verdict)}\n",
            room.fit((_bullet(problem, "error") for problem in view.errors), "error"),
            room.fit((_urgent(each, applied=applied) for each in urgent), "resource that needs attention"),
            room.fit(rows, "resource", _HEAD),
            room.fit((f"- {prose(move.words)}\n" for move in view.latest), "region"),
            room.fit(map(_details, others), "detail"),
            room.fit(map(_copies, view.replicated), "version"),
            room.fit((_bullet(each.problem, "warning", each.places) for each in counted(view.warnings)), "warning"),
            f"\n{view.words.budget}\n",
        )
    )
    return text.rstrip("\n") + "\n"


def _bullet(problem: Problem, level: str, places: str = "") -> str:
    path = f" at {code(problem.path)}" if problem.path and not places else ""
    fix = f"<br>fix: {prose(problem.fix)}" if problem.fix else ""
    more = f" ({places})" if places else ""
    head = f"- {code(place_of(problem))}: **{level}** {code(problem.code)}"
    return f"{head}{path}: {sentence(problem.message)}{more}{fix}\n"


def _urgent(resource: Resource, *, applied: bool) -> str:
    head = f"- **{_action(resource, applied=applied)}** {code(resource.kind)} {code(resource.name)}"
    return f"{head}: {_why(resource)} ({code(_source(resource))})\n{_lines(resource, '  ', with_reason=False)}"


def _row(resource: Resource, *, applied: bool) -> str:
    named = f"{narrow(resource.kind)}<br>{narrow(resource.name)}"
    why = _why(resource)
    action = f"`{resource.words.mark}` {_action(resource, applied=applied)}"
    return f"| {named} | {action} | {why}{'<br>' if why else ''}{narrow(_source(resource))} |\n"


def _action(resource: Resource, *, applied: bool) -> str:
    return resource.words.state if applied else resource.action


def _source(resource: Resource) -> str:
    return f"{resource.source.file}:{resource.source.line}" if resource.source else ""


def _why(resource: Resource) -> str:
    """Return why a resource is in the report; nothing where that was so before, and the run has changed it."""
    if not resource.words.why:
        return ""
    ill = f", health {resource.health}" if resource.health == "Degraded" else ""
    return resource.words.why + ill + (f", {narrow(resource.error.code)}" if resource.error else "")


def _unmanaged_row(resource: Resource) -> str:
    named = f"{narrow(resource.kind)}<br>{narrow(resource.name)}"
    why = resource.words.why if resource.owner is None else f"owned by project {narrow(resource.owner)}"
    return f"| {named} | `{resource.words.mark}` none | {why} |\n"


def _has_details(resource: Resource) -> bool:
    words = resource.words
    told = resource.changes or resource.fix or resource.signatures or resource.error or resource.impact
    return bool(told or words.declared)


def _details(resource: Resource) -> str:
    summary = escape(inert(f"{resource.kind} {resource.name}"))
    return f"<details><summary><code>{summary}</code></summary>\n\n{_lines(resource, '')}\n</details>\n"


def _lines(resource: Resource, indent: str, *, with_reason: bool = True) -> str:
    """Return one resource as a list: declared values, notes, differences, the error, the fix."""
    error = resource.error
    values = [f"{each.label}: {code(each.text)}" for each in resource.words.declared]
    notes = [sentence(each.text) for each in resource.words.notes if with_reason or each.about != "reason"]
    lines = [f"{indent}- {line}\n" for line in (*values, *notes)]
    lines += [_change(change, indent) for change in resource.changes]
    if error is not None:
        lines += [f"{indent}- {line}\n" for line in _error(error)]
    fixes = dict.fromkeys(fix for fix in (error.fix if error else None, resource.fix) if fix)
    lines += [f"{indent}- fix: {prose(fix)}\n" for fix in fixes]
    return "".join(lines)


def _error(error: Error) -> Iterator[str]:
    status = f", HTTP {error.status}" if error.status is not None else ""
    request = f", request id {code(error.request_id)}" if error.request_id else ""
    lines = "<br>".join(map(code, error.words.lines))
    yield f"error {code(error.code)}: {lines}{status}{request}"
    if error.words.place:
        yield code(f"at: {error.path}  {error.words.place}")


def _change(change: Change, indent: str) -> str:
    words = change.words
    mark = "**!** " if words.blocks else f"`{words.sign}` " if words.sign.strip() else ""
    about = f"{mark}{code(change.path)}"
    after = "".join((f" ({words.note})" if words.note else "", f" {code(words.place)}" if words.place else ""))
    if words.lines:
        lines = ((line.sign, line.text) for line in words.lines)
        return f"{indent}- {about}{after}\n{fence('diff', lines, f'{indent}  ')}"
    return f"{indent}- {about}: {' → '.join(map(code, words.sides))}{after}\n"


def _copies(resource: Resource) -> str:
    copies = resource.words.copies
    if copies is None:
        return ""
    regions = "".join(f"  - {prose(line)}\n" for line in copies.regions)
    return f"- {prose(f'{resource.kind} {resource.name}: {copies.state}')}\n{regions}"
