"""
The report as test results: a suite for each kind, a case for each manifest, and one case for the run itself.

A case fails if its resource makes the command exit with another code than 0: in a plan or an apply if it makes them
exit 1, in a report of drift also if it differs. Elements and attributes are those of the schema that the xUnit plugin
of Jenkins checks against (``junit-10.xsd``).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from reconciler.report.escape import inert
from reconciler.report.lines import problem_lines
from reconciler.report.remarks import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.report.resource_view import Resource
    from reconciler.report.view import Problem, View

_LEFT: Final = frozenset({"paused", "wait"})
"""Actions after which nothing was judged: the case neither passes nor fails."""


def render(view: View, **_: object) -> str:
    """Return *view* as XML."""
    suites = [_run_suite(view)]
    if view.command != "validate":
        ordered = sorted(view.declared, key=_kind)
        suites += [_suite(name, [_case(each) for each in group], view) for name, group in groupby(ordered, _kind)]
    root = ET.Element("testsuites", {"name": f"reconciler {view.command}", **_totals(suites)})
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _kind(resource: Resource) -> str:
    return resource.kind


def _run_suite(view: View) -> ET.Element:
    """Return the suite of the run itself: its case fails if a manifest, or a limit, kept the run from its work."""
    case = ET.Element("testcase", {"classname": "reconciler", "name": view.command})
    errors, warnings = _listed(view.errors, "error"), _listed(view.warnings, "warning")
    if errors:
        _add(case, "failure", errors, type="error", message=view.words.verdict)
    _add(case, "system-out", (view.words.verdict, *warnings))
    return _suite("reconciler", [case], view)


def _listed(problems: Iterable[Problem], level: str) -> list[str]:
    return [line for problem in problems for line in problem_lines(problem, level)]


def _case(resource: Resource) -> ET.Element:
    words, source = resource.words, resource.source
    case = ET.Element("testcase", {"classname": inert(resource.kind), "name": inert(resource.name)})
    if words.level != "note":
        place = f"{source.file}:{source.line}" if source else ""
        _add(case, "failure", (place, *_told(resource)), type=words.rule, message=words.state)
    elif resource.action in _LEFT:
        _add(case, "skipped", _told(resource), type=words.rule, message=words.state)
    elif words.is_noteworthy:
        _add(case, "system-out", _told(resource))
    return case


def _told(resource: Resource) -> list[str]:
    return text_of(resource).split("\n")


def _add(case: ET.Element, tag: str, lines: Iterable[str], **attributes: str) -> None:
    element = ET.SubElement(case, tag, {name: inert(value) for name, value in attributes.items()})
    element.text = "\n".join(map(inert, lines))


def _suite(name: str, cases: Sequence[ET.Element], view: View) -> ET.Element:
    failures, skipped = (sum(case.find(tag) is not None for case in cases) for tag in ("failure", "skipped"))
    counts = {"tests": len(cases), "failures": failures, "errors": 0, "skipped": skipped}
    suite = ET.Element("testsuite", {"name": inert(name), **{key: str(value) for key, value in counts.items()}})
    suite.set("timestamp", view.started_at.removesuffix("Z"))
    suite.extend(cases)
    return suite


def _totals(suites: Iterable[ET.Element]) -> dict[str, str]:
    """Return the counts of all suites together; the schema knows no sum of what was skipped."""
    found = tuple(suites)
    return {key: str(sum(int(suite.get(key, 0)) for suite in found)) for key in ("tests", "failures", "errors")}
