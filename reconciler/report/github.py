"""
The report as workflow commands of GitHub Actions: annotations on the lines of the manifests.

The commands are those of "Workflow commands for GitHub Actions" (docs.github.com). In actions/runner,
``ActionCommand.cs`` has their escapes, ``ExecutionContext.cs`` how many issues a step may have and of what length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reconciler.report.escape import inert, inert_lines
from reconciler.report.remarks import LEVELS, limited, remarks
from reconciler.report.verdict import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.report.remarks import Remark
    from reconciler.report.view import View

MOST: Final = 10
"""Annotations of one level that GitHub keeps of a step; it drops the others silently."""

SUMMARY_LIMIT: Final = 1024 * 1024
"""Bytes of a step's summary, above which GitHub shows none of it."""

_LONGEST: Final = 4000
"""Characters of a message; the runner cuts silently at 4096."""

_NAMES: Final = {"error": "error", "warning": "warning", "note": "notice"}
_DATA: Final = {ord("%"): "%25", ord("\r"): "%0D", ord("\n"): "%0A"}
_PROPERTY: Final = {**_DATA, ord(":"): "%3A", ord(","): "%2C"}
_CAPITAL: Final = re.compile("[A-Z]")


def render(view: View, *, base: str = "", **_: object) -> str:
    """Return *view* as annotations: the verdict, then errors, warnings and notices, as many as GitHub keeps."""
    return "".join(f"{line}\n" for line in _lines(view, base))


def assignments(values: Mapping[str, str], delimiter: str) -> str:
    """
    Return *values* as lines for ``GITHUB_OUTPUT``, under names such as ``has-changes``.

    Args:
        values: By names such as ``hasChanges``.
        delimiter: An unpredictable text, so that no value can end its own entry early.
    """
    lines = (f"{_kebab(name)}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())
    return "".join(lines)


def _kebab(name: str) -> str:
    return _CAPITAL.sub(lambda capital: f"-{capital[0].lower()}", name)


def _lines(view: View, base: str) -> Iterator[str]:
    found = remarks(view, base)
    yield _command("note", {"title": f"reconciler {view.command}"}, view.words.verdict)
    for level in LEVELS:
        shown, more = limited(found, level, MOST - (level == "note"))
        yield from map(_annotation, shown)
        if more:
            text = f"{count(more, f'more {_NAMES[level]}')} not shown: --report json=FILE writes all of them"
            yield _command(level, {}, text)


def _annotation(remark: Remark) -> str:
    places = {"file": remark.file, "line": remark.line, "col": remark.column, "title": remark.title}
    return _command(remark.level, {name: str(value) for name, value in places.items() if value}, remark.text)


def _command(level: str, properties: Mapping[str, str], message: str) -> str:
    stated = ",".join(f"{name}={inert(value).translate(_PROPERTY)}" for name, value in properties.items())
    text = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
    return f"::{_NAMES[level]}{f' {stated}' if stated else ''}::{inert_lines(text).translate(_DATA)}"
