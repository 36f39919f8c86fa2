"""What reports look like, whole."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.model.change import Action, Finding, Op, Reason, Refusal, Sync
from reconciler.model.outcome import Result
from reconciler.report import FORMATS, render
from reconciler.report.html import asset, policy
from tests.kit.reports import REPORTS

if TYPE_CHECKING:
    from tests.conftest import Golden

FOLDER = Path(__file__).parent / "golden"
SUFFIX = {
    "text": "txt",
    "json": "json",
    "markdown": "md",
    "github": "github",
    "azure-devops": "azure-devops",
    "sarif": "sarif",
    "junit": "xml",
    "html": "html",
}


SHOWN = ("plan-everything", "apply-everything", "validate-errors")
"""The reports that every format shows; between them they have every part of a report."""


@pytest.mark.parametrize("name", REPORTS)
def test_a_view_looks_as_when_it_was_last_read(name: str, golden: Golden) -> None:
    """The view of every report is a golden file: the JSON report is nothing else."""
    golden(render(REPORTS[name], "json"), FOLDER / f"{name}.json")


@pytest.mark.parametrize("format_", sorted(set(FORMATS) - {"json"}))
@pytest.mark.parametrize("name", SHOWN)
def test_a_report_looks_as_when_it_was_last_read(name: str, format_: str, golden: Golden) -> None:
    """Every format of some reports is a golden file; a page without its style and script, which never differ."""
    text = render(REPORTS[name], format_)
    for same in (asset("style.css"), asset("script.js"), policy()) if format_ == "html" else ():
        text = text.replace(same, "…")
    golden(text, FOLDER / f"{name}.{SUFFIX[format_]}")


def test_a_narrow_report_looks_as_when_it_was_last_read(golden: Golden) -> None:
    """A smaller width cuts values, and nothing else."""
    golden(render(REPORTS["plan-everything"], "text", width=40), FOLDER / "plan-narrow.txt")


def test_colors_are_all_that_color_adds(golden: Golden) -> None:
    """Without its codes a colored report is the plain one."""
    for name, report in REPORTS.items():
        colored = render(report, "text", color=True)
        assert "\x1b[" in colored
        assert re.sub(r"\x1b\[[0-9]+m", "", colored) == render(report, "text"), name
    golden(render(REPORTS["plan-everything"], "text", color=True), FOLDER / "plan-color.ansi")


def test_the_golden_files_hold_every_word() -> None:
    """No action, reason, finding, op, refusal, sync or outcome is left without an example."""
    changes = [change for report in REPORTS.values() for change in report.plan.changes]
    fields = [field for change in changes for field in change.fields]
    strays = [stray for report in REPORTS.values() for stray in report.plan.unmanaged]
    outcomes = [outcome for report in REPORTS.values() for outcome in report.outcomes.values()]
    assert strays
    assert {change.action for change in changes} == set(Action)
    assert {change.reason for change in changes} == set(Reason) - {Reason.UNMANAGED}
    assert {change.sync for change in changes} == set(Sync) - {Sync.UNMANAGED}
    assert {field.finding for field in fields} == set(Finding)
    assert {field.op for field in fields} == set(Op)
    assert {field.refusal for field in fields} == {None, *Refusal}
    assert {outcome.result for outcome in outcomes} == set(Result)


def test_formats_are_found_by_name() -> None:
    """The registry knows each format by the name that the command line has for it, and JSON is JSON."""
    assert list(SUFFIX) == list(FORMATS)
    assert json.loads(render(REPORTS["plan-empty"], "json", color=True))["schemaVersion"] == 1
