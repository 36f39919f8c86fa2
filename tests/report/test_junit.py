"""The report as test results, for every reader of JUnit's XML."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import example, given

from reconciler.plan.exit_codes import of_report
from reconciler.problems import Problem
from reconciler.report import render
from reconciler.report.escape import inert, masked, visible
from tests.kit.reports import REPORTS
from tests.report.test_hostile import COMMAND, PIECES, UNSEEN, made_of

if TYPE_CHECKING:
    from reconciler.model.outcome import Report

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "schemas" / "junit-10.xsd"))


def results_of(made: Report) -> ET.Element:
    """Return the root of valid results whose counts are right."""
    text = render(made, "junit")
    SCHEMA.validate(text)
    root = ET.fromstring(text)
    for suite in root:
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        for name in ("failure", "skipped"):
            assert suite.get({"failure": "failures"}.get(name, name)) == str(len(suite.findall(f"testcase/{name}")))
    for count in ("tests", "failures"):
        assert root.get(count) == str(sum(int(suite.get(count, "")) for suite in root))
    return root


@pytest.mark.parametrize("name", REPORTS)
def test_something_fails_where_the_command_does_not_exit_0(name: str) -> None:
    """A plan that only has something to do passes; drift fails; no results are without a case."""
    root = results_of(REPORTS[name])
    assert (root.get("failures") != "0") == (of_report(REPORTS[name]) != 0)
    assert root.get("tests") != "0"


def test_a_case_for_each_manifest() -> None:
    """Paused and waiting ones are skipped, what is blocked or could not be read fails, all else passes."""
    root = results_of(REPORTS["plan-everything"])
    cases = root.findall("testsuite[@name='GalleryApplicationVersion']/testcase")
    assert len(cases) == len(REPORTS["plan-everything"].plan.changes)
    ends = Counter(next((child.tag for child in case if child.tag != "system-out"), "passed") for case in cases)
    assert ends == {"passed": 12, "failure": 11, "skipped": 3}
    (frozen,) = (case for case in cases if case.get("name") == "frozen")
    failure = frozen.find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("immutable-field", "blocked")
    assert (failure.text or "").startswith("manifests/agent.yaml:2\nblocked\n    blocked: ")


def test_drift_fails_what_differs() -> None:
    """That is what the command is asked."""
    root = results_of(REPORTS["drift-some"])
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed == ["update", "create", "unread"]


def test_errors_fail_the_run() -> None:
    """Of manifests with errors there are no cases, and no run without results may pass for a good one."""
    (suite,) = results_of(REPORTS["validate-errors"])
    (case,) = suite.findall("testcase")
    assert (case.get("classname"), case.get("name")) == ("reconciler", "validate")
    failure, out = case.find("failure"), case.findtext("system-out")
    assert failure is not None
    assert failure.get("message") == "prod: 3 errors, 1 warning in 3 files."
    assert (failure.text or "").splitlines()[0] == "manifests/agent.yaml:3:5: error[type]: 1.1 is a number"
    assert "warning[secret-in-manifest]: holds a signature" in (out or "")
    (good,) = results_of(REPORTS["validate-good"]).iter("testcase")
    assert good.find("failure") is None


@given(PIECES)
@example(["]]><x>&lt;</failure>"] * 8)
@example(['"/><testcase name="'] * 8)
@example(["\x00\x08\ufffe\ud800"] * 8)
@example(["##vso[x]::error::"] * 8)
def test_nothing_from_outside_is_an_element(texts: list[str]) -> None:
    """The tree has our elements, and every name comes back as it is shown."""
    made = replace(made_of(texts), errors=(Problem(texts[1], 1, 1, texts[2], texts[3], texts[4], texts[5]),))
    text = render(made, "junit")
    assert not UNSEEN.search(text)
    assert not COMMAND.search(text)
    tags = Counter(element.tag for element in results_of(made).iter())
    assert tags == {"testsuites": 1, "testsuite": 2, "testcase": 3, "failure": 2, "system-out": 2}
    first = list(ET.fromstring(text).iter("testcase"))[1]
    assert first.get("name") == masked(inert(visible(masked(texts[1]))))
