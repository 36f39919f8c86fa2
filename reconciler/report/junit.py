"""
The report as test results: a suite for each kind, a case for each manifest, and one case for the run itself.

A case fails where the exit code of the command says that something is to be done: for a plan and an apply what makes
them exit 1, for a report of drift also what differs. Elements and attributes are those of the schema that the xUnit
plugin of Jenkins checks against (``junit-10.xsd``).
"""

from __future__ import annotations

from datetime import UTC
from itertools import groupby
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from reconciler.model.change import Action
from reconciler.plan.states import Level, is_noteworthy, items, level_of
from reconciler.report.escape import harmless, masked, visible
from reconciler.report.remarks import rule_of, text_of, words_for
from reconciler.report.text import Look, problem_lines
from reconciler.report.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.model.outcome import Report
    from reconciler.plan.states import Item
    from reconciler.problems import Problem

_LEFT: Final = frozenset({Action.PAUSED, Action.WAIT})
"""What was not judged: its case neither passes nor fails."""


def render(report: Report, **_: object) -> str:
    """Return *report* as XML."""
    suites = [_run_suite(report)]
    if report.command != "validate":
        ordered = sorted(items(report), key=_kind)
        suites += [
            _suite(name, [_case(item, report) for item in group], report) for name, group in groupby(ordered, _kind)
        ]
    root = ET.Element("testsuites", {"name": f"reconciler {report.command}", **_totals(suites)})
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _kind(item: Item) -> str:
    return item.change.desired.kind.name


def _run_suite(report: Report) -> ET.Element:
    """Return the suite of the run itself: its case fails if a manifest, or a limit, kept the run from its work."""
    case = ET.Element("testcase", {"classname": "reconciler", "name": report.command})
    errors, warnings = _listed(report.errors, "error"), _listed(report.warnings, "warning")
    if errors:
        _add(case, "failure", "\n".join(errors), type=Level.ERROR, message=verdict(report))
    _add(case, "system-out", "\n".join((verdict(report), *warnings)))
    return _suite("reconciler", [case], report)


def _listed(problems: Iterable[Problem], level: str) -> list[str]:
    return [line for problem in problems for line in problem_lines(problem, level, Look())]


def _case(item: Item, report: Report) -> ET.Element:
    desired = item.change.desired
    case = ET.Element("testcase", {"classname": _line(desired.kind.name), "name": _line(desired.name)})
    words, source = words_for(item, report), f"{visible(desired.source.file)}:{desired.source.line}"
    if level_of(item, report) is not Level.NOTE:
        _add(case, "failure", f"{source}\n{text_of(item, report)}", type=rule_of(item, report), message=words)
    elif item.change.action in _LEFT:
        _add(case, "skipped", text_of(item, report), type=rule_of(item, report), message=words)
    elif is_noteworthy(item):
        _add(case, "system-out", text_of(item, report))
    return case


def _add(case: ET.Element, tag: str, text: str, **attributes: str) -> None:
    element = ET.SubElement(case, tag, {name: _line(value) for name, value in attributes.items()})
    element.text = _clean(text)


def _clean(text: str) -> str:
    """Return *text* without what XML has no place for, and masked before its marks are escaped."""
    return harmless(masked(text))


def _line(text: str) -> str:
    return _clean(visible(text))


def _suite(name: str, cases: Sequence[ET.Element], report: Report) -> ET.Element:
    failures, skipped = (sum(case.find(tag) is not None for case in cases) for tag in ("failure", "skipped"))
    started = report.started_at.astimezone(UTC)
    counts = {"tests": len(cases), "failures": failures, "errors": 0, "skipped": skipped}
    suite = ET.Element("testsuite", {"name": _line(name), **{key: str(value) for key, value in counts.items()}})
    suite.set("timestamp", started.strftime("%Y-%m-%dT%H:%M:%S"))
    suite.extend(cases)
    return suite


def _totals(suites: Iterable[ET.Element]) -> dict[str, str]:
    """Return the counts of all suites together; the schema knows no sum of what was skipped."""
    found = tuple(suites)
    return {key: str(sum(int(suite.get(key, 0)) for suite in found)) for key in ("tests", "failures", "errors")}
