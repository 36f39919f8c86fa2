"""
The report for a pull request, as GitHub's Markdown, short enough for one comment.

Every text from outside stands in a code span or a fence: there no Markdown, HTML, link or @mention has a meaning.
"""

from __future__ import annotations

import re
from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Final

from reconciler.model import Action, Health, Reason
from reconciler.report.escape import inert, masked, visible
from reconciler.report.states import ending_of, error_of, is_applied, noteworthy, state_of
from reconciler.report.summary import count, verdict
from reconciler.report.text import Look, footer, item_lines
from reconciler.report.words import MARKS, REASONS, UNMANAGED_MARK, gone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.model import Problem, Report, Unmanaged
    from reconciler.report.states import Item

LIMIT: Final = 65_536
"""GitHub refuses a longer comment. Counted in bytes here, which are never fewer than characters."""

_RESERVED: Final = 1024
"""Kept for the headings, the notes about what is left out, and the last line."""

_HEAD: Final = "| | kind | name | action | why | where |\n| --- | --- | --- | --- | --- | --- |\n"
_PLAIN: Final = re.compile(r"(?!.*www\.)[a-z0-9 .,;:()%-]*", re.IGNORECASE | re.ASCII)
"""What is in our own sentences, and begins no markup, link, mention or reference of GitHub's."""
_BACKTICKS: Final = re.compile("`+")


class _Room:
    """How many bytes may still be written."""

    def __init__(self, left: int) -> None:
        self._left = left

    def fit(self, blocks: Iterable[str], what: str, before: str = "") -> str:
        """Give *blocks* as far as they fit, under *before*, with a note about the rest; empty if there are none."""
        taken: list[str] = []
        waiting = list(blocks)
        for block in waiting:
            size = len(masked(block).encode())
            if size > self._left:
                break
            self._left -= size
            taken.append(block)
        dropped = len(waiting) - len(taken)
        note = f"\n{count(dropped, f'more {what}')} left out: no room.\n" if dropped else ""
        return f"\n{before if taken else ''}{''.join(taken)}{note}" if waiting else ""


def render(report: Report, *, limit: int = LIMIT, **_: object) -> str:
    """Give *report* as Markdown of at most *limit* bytes; what does not fit is dropped from the end, and counted."""
    room = _Room(limit - _RESERVED)
    applied = is_applied(report)
    shown = noteworthy(report)
    unmanaged = report.plan.unmanaged
    text = "".join(
        (
            f"### {_sentence(verdict(report))}\n",
            room.fit((_bullet(problem, "error") for problem in report.errors), "error"),
            room.fit((_bullet(problem, "warning") for problem in report.warnings), "warning"),
            room.fit(chain(_rows(shown, applied=applied), map(_unmanaged_row, unmanaged)), "resource", _HEAD),
            room.fit((_details(item, applied=applied) for item in shown if _has_details(item)), "detail"),
            f"\n{footer(report)}\n",
        )
    )
    return text.rstrip("\n") + "\n"


def _sentence(text: str) -> str:
    """Give a sentence of ours as it is, and as a code span where it quotes what may have a meaning."""
    return text if _PLAIN.fullmatch(text) else code(text)


def code(text: str) -> str:
    """Give *text* as a code span that nothing in it can close."""
    body = inert(visible(text))
    if not body:
        return "(empty)"
    fence = "`" * (_longest_run(body) + 1)
    blank = body.startswith(" ") and body.endswith(" ") and not body.isspace()
    if blank or body.startswith("`") or body.endswith("`"):
        body = f" {body} "  # a reader of Markdown takes one blank away from each side again
    return f"{fence}{body}{fence}"


def cell(text: str) -> str:
    r"""
    Give *text* as a code span for a table.

    There a pipe ends the cell even in a code span, unless there is a backslash before it. Whether that backslash may
    itself be escaped is read in two ways by two parsers, so one of the text's own before a pipe becomes ``\x5c``.
    """
    return code(visible(text).replace("\\|", r"\x5c|")).replace("|", r"\|")


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)


def _bullet(problem: Problem, level: str) -> str:
    where = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
    path = f" at {code(problem.path)}" if problem.path else ""
    fix = f"<br>fix: {code(problem.fix)}" if problem.fix else ""
    return f"- {code(where)}: **{level}** {code(problem.code)}{path}: {code(problem.message)}{fix}\n"


def _rows(shown: Iterable[Item], *, applied: bool) -> Iterator[str]:
    for item in shown:
        desired = item.change.desired
        action = ending_of(item) if applied else item.change.action
        where = cell(f"{desired.source.file}:{desired.source.line}")
        named = f"`{MARKS[item.change.action]}` | {cell(desired.kind.name)} | {cell(desired.name)}"
        yield f"| {named} | {action} | {_why(item)} | {where} |\n"


def _why(item: Item) -> str:
    change, error = item.change, error_of(item)
    why = state_of(change) if change.action is Action.NONE else REASONS[change.reason]
    why = gone_of(change) or why if change.reason is Reason.NOT_FOUND else why
    ill = f", health {change.health}" if change.health is Health.DEGRADED else ""
    return why + ill + (f", {cell(error.code)}" if error else "")


def _unmanaged_row(unmanaged: Unmanaged) -> str:
    named = f"{cell(unmanaged.kind.name)} | {cell(unmanaged.name)}"
    return f"| `{UNMANAGED_MARK}` | {named} | none | no manifest states it; never touched | |\n"


def _has_details(item: Item) -> bool:
    return bool(item.change.fields or item.change.fix or item.change.signatures or error_of(item))


def _details(item: Item, *, applied: bool) -> str:
    lines = "\n".join(inert(line) for line in item_lines(item, Look(), applied=applied))
    fence = "`" * max(3, _longest_run(lines) + 1)
    summary = escape(inert(visible(f"{item.change.desired.kind.name} {item.change.desired.name}")))
    return f"<details><summary><code>{summary}</code></summary>\n\n{fence}text\n{lines}\n{fence}\n\n</details>\n"
