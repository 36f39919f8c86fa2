"""
A report as the body of a comment on a pull request, after a mark by which the next run finds it again. Pure.

The mark is an HTML comment, which no reader sees. It counts only where a body begins: what a report quotes stands
further down, in code spans and fences, and is never taken for one.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from reconciler.report.escape import masked, visible
from reconciler.report.markdown import LIMIT
from reconciler.report.markup import code

_CUT: Final = "**Cut to what fits into a comment: the end of the report is missing.**\n\n"


def mark(environment: str | None) -> str:
    """Return the line by which the comment for *environment* is known; nothing in a name can end it."""
    name = quote(masked(environment or ""), safe="").replace("-", "%2D")
    return f'<!-- reconciler comment="{name}" -->'


def body(report: str, environment: str | None, commit: str | None = None) -> str:
    """
    Return the comment for a report.

    Args:
        report: As Markdown. It is cut by lines where it does not fit, which the comment reports first.
        environment: Which of several; None where there is one.
        commit: The commit that the report is about.
    """
    about = (
        f"Environment {_quoted(environment)}" if environment else "",
        f"Commit {_quoted(commit)}" if commit else "",
    )
    said = ", ".join(filter(None, about))
    head = f"{mark(environment)}\n{said}\n\n" if said else f"{mark(environment)}\n"
    text = masked(report)
    room = LIMIT - len(head.encode())
    return head + (text if len(text.encode()) <= room else _CUT + _first_lines(text, room - len(_CUT)))


def replaced(environment: str | None) -> str:
    """Return the new text of a comment that another one has replaced, so that no reader decides by an old report."""
    return f"{mark(environment)}\nReplaced: the report is in an earlier comment.\n"


def _quoted(text: str) -> str:
    """Return a text that is no part of a view as a code span on one line."""
    return code(visible(masked(text)))


def _first_lines(text: str, room: int) -> str:
    taken: list[str] = []
    for line in text.splitlines(keepends=True):
        room -= len(line.encode())
        if room < 0:
            break
        taken.append(line)
    return "".join(taken)
