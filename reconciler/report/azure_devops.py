"""
The report as logging commands of Azure Pipelines: issues on the lines of the manifests, and the rest as plain lines.

"Logging commands" (learn.microsoft.com) has the commands; ``docs/design/percentEncoding.md`` of
microsoft/azure-pipelines-agent has what is escaped how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.plan.states import Level
from reconciler.report.escape import harmless
from reconciler.report.remarks import limited, remarks
from reconciler.report.text import MOST as MOST_NOTES
from reconciler.report.verdict import count, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.model.outcome import Report
    from reconciler.report.remarks import Remark

MOST: Final = 10
"""Issues of one level that the agent keeps of a step."""

_TYPES: Final = {Level.ERROR: "error", Level.WARNING: "warning"}
_ESCAPES: Final = {
    ord("%"): "%AZP25",
    ord(";"): "%3B",
    ord("\r"): "%0D",
    ord("\n"): "%0A",
    ord("]"): "%5D",
}


def render(report: Report, *, base: str = "", **_: object) -> str:
    """Return *report* as the verdict, errors and warnings as issues, and what else there is to say as plain lines."""
    return "".join(f"{line}\n" for line in _lines(report, base))


def variables(values: Mapping[str, str]) -> str:
    """Return the commands that set *values* as output variables of the step."""
    commands = (
        _command("task.setvariable", {"variable": name, "isOutput": "true"}, text) for name, text in values.items()
    )
    return "".join(f"{command}\n" for command in commands)


def upload(path: str) -> str:
    """Return the command that shows the Markdown file at *path* beside the build."""
    return f"{_command('task.uploadsummary', {}, path)}\n"


def _lines(report: Report, base: str) -> Iterator[str]:
    found = remarks(report, base)
    yield harmless(verdict(report))
    for level, name in _TYPES.items():
        shown, more = limited(found, level, MOST)
        yield from map(_issue, shown)
        if more:
            text = f"{count(more, f'more {name}')} not shown: --report json=FILE writes all of them"
            yield _command("task.logissue", {"type": name}, text)
    notes, more = limited(found, Level.NOTE, MOST_NOTES)
    for note in notes:
        yield from harmless(f"{note.title}: {note.text}").split("\n")
    if more:
        yield f"{count(more, 'more resource')} not shown: --report json=FILE writes all of them"


def _issue(remark: Remark) -> str:
    stated = {
        "type": _TYPES[remark.level],
        "sourcepath": remark.file,
        "linenumber": remark.line,
        "columnnumber": remark.column,
        "code": remark.rule,
    }
    properties = {name: str(value) for name, value in stated.items() if value}
    return _command("task.logissue", properties, f"{remark.title}: {remark.text}")


def _command(name: str, properties: Mapping[str, str], text: str) -> str:
    stated = ";".join(f"{key}={harmless(value).translate(_ESCAPES)}" for key, value in properties.items())
    return f"##vso[{name}{f' {stated}' if stated else ''}]{harmless(text).translate(_ESCAPES)}"
