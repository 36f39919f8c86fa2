"""
The report as logging commands of Azure Pipelines: issues on the lines of the manifests, and the rest as plain lines.

The commands are those of "Logging commands" (learn.microsoft.com), their escapes those of
``docs/design/percentEncoding.md`` of microsoft/azure-pipelines-agent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.report.escape import inert, inert_lines
from reconciler.report.remarks import limited, remarks
from reconciler.report.verdict import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.report.remarks import Remark
    from reconciler.report.view import View

MOST: Final = 10
"""Issues of one level that the agent keeps of a step."""

MOST_NOTES: Final = 500
"""Remarks without an effect on the exit code; the JSON report has all of them."""

_TYPES: Final = ("error", "warning")
_ESCAPES: Final = {
    ord("%"): "%AZP25",
    ord(";"): "%3B",
    ord("\r"): "%0D",
    ord("\n"): "%0A",
    ord("]"): "%5D",
}


def render(view: View, *, base: str = "", **_: object) -> str:
    """Return *view* as the verdict, errors and warnings as issues, and remarks without an effect as plain lines."""
    return "".join(f"{line}\n" for line in _lines(view, base))


def variables(values: Mapping[str, str]) -> str:
    """Return the commands that set *values* as output variables of the step."""
    commands = (
        _command("task.setvariable", {"variable": name, "isOutput": "true"}, text) for name, text in values.items()
    )
    return "".join(f"{command}\n" for command in commands)


def upload(path: str) -> str:
    """Return the command that shows the Markdown file at *path* beside the build."""
    return f"{_command('task.uploadsummary', {}, path)}\n"


def _lines(view: View, base: str) -> Iterator[str]:
    found = remarks(view, base)
    yield inert(view.words.verdict)
    for level in _TYPES:
        shown, more = limited(found, level, MOST)
        yield from map(_issue, shown)
        if more:
            text = f"{count(more, f'more {level}')} not shown: --report json=FILE writes all of them"
            yield _command("task.logissue", {"type": level}, text)
    notes, more = limited(found, "note", MOST_NOTES)
    for note in notes:
        yield from inert_lines(f"{note.title}: {note.text}").split("\n")
    if more:
        yield f"{count(more, 'more resource')} not shown: --report json=FILE writes all of them"


def _issue(remark: Remark) -> str:
    stated = {
        "type": remark.level,
        "sourcepath": remark.file,
        "linenumber": remark.line,
        "columnnumber": remark.column,
        "code": remark.rule,
    }
    properties = {name: str(value) for name, value in stated.items() if value}
    return _command("task.logissue", properties, f"{remark.title}: {remark.text}")


def _command(name: str, properties: Mapping[str, str], text: str) -> str:
    stated = ";".join(f"{key}={inert(value).translate(_ESCAPES)}" for key, value in properties.items())
    return f"##vso[{name}{f' {stated}' if stated else ''}]{inert_lines(text).translate(_ESCAPES)}"
