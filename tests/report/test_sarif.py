"""The report for code scanning is valid SARIF, with a rule and a place for each finding."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from jsonschema import Draft7Validator, FormatChecker

from reconciler.model.change import Reason
from reconciler.plan.exit_codes import of_report
from reconciler.plan.states import BAD
from reconciler.problems import Problem
from reconciler.report import render
from reconciler.report.escape import masked
from reconciler.report.sarif import _ENDINGS, _HELP
from tests.kit.reports import REPORTS, report
from tests.report.test_hostile import COMMAND, PIECES, made_of

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA, format_checker=FormatChecker())


def run_of(made: Any, **more: Any) -> dict[str, Any]:
    """Return the one run of a valid log."""
    log = json.loads(render(made, "sarif", **more))
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    loaded: dict[str, Any] = run
    return loaded


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_valid_and_whole(name: str) -> None:
    """Each result has a rule, a place and a fingerprint; an error is what the command exits 1 for."""
    run = run_of(REPORTS[name])
    rules = run["tool"]["driver"]["rules"]
    prints = [result["partialFingerprints"]["reconcilerSubject/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    fails = of_report(REPORTS[name]) == 1
    assert any(result["level"] == "error" for result in run["results"]) == fails
    assert run["invocations"][0]["executionSuccessful"] is not fails


def test_a_result() -> None:
    """What the text report says, on the line that states it."""
    run = run_of(REPORTS["plan-everything"])
    (result,) = (each for each in run["results"] if each["ruleId"] == "immutable-field")
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("GalleryApplicationVersion frozen: blocked\n    blocked: ")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "manifests/agent.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 21},
    }
    (warning,) = (each for each in run["results"] if each["ruleId"] == "secret-in-manifest")
    assert warning["locations"][0]["physicalLocation"]["region"] == {"startLine": 7, "startColumn": 1}


def test_what_has_no_place_is_a_notification() -> None:
    """Code scanning refuses a result without a file, and nothing may be left out."""
    told = [
        each["message"]["text"]
        for each in run_of(REPORTS["drift-none"])["invocations"][0]["toolExecutionNotifications"]
    ]
    assert [each.partition(": ")[0] for each in told] == ["prod, public cloud", "GalleryApplicationVersion 0.9.0"]
    assert told[1].endswith("(/subscriptions/s/versions/0.9.0)")


@pytest.mark.parametrize(
    ("file", "base", "uri"),
    [
        ("a b/ü%25.yaml", "", "a%20b/%C3%BC%2525.yaml"),
        ("a.yaml", "infra", "infra/a.yaml"),
        ("x:y.yaml", "", "x%3Ay.yaml"),
        ("?q#f.yaml", "", "%3Fq%23f.yaml"),
        ("//host/a.yaml", "", "file:////host/a.yaml"),
        ("/abs/a b.yaml", "infra", "file:///abs/a%20b.yaml"),
    ],
)
def test_a_file_is_a_uri(file: str, base: str, uri: str) -> None:
    """Relative to the root of the repository, percent-encoded, and never a link to elsewhere."""
    run = run_of(report("plan", errors=(Problem(file, 1, 1, "", "x", "y"),)), base=base)
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == uri
    assert ("uriBaseId" in location) is not file.startswith("/")


def test_fingerprints_outlive_lines_and_values() -> None:
    """The same finding is the same after a line was added above it; another resource's is another."""
    problem = Problem("a.yaml", 3, 1, "spec.x", "type", "1 is a number")
    moved = replace(problem, line=9, message="2 is a number")
    other = replace(problem, path="spec.y")
    prints = [
        run_of(report("plan", errors=(each,)))["results"][0]["partialFingerprints"] for each in (problem, moved, other)
    ]
    assert prints[0] == prints[1] != prints[2]


def test_every_rule_is_described() -> None:
    """Each reason and each ending that an apply may fail with has words of its own; advice is given of what exists."""
    assert {ending.replace(" ", "-") for ending in BAD} - {"blocked", "unknown"} <= set(_ENDINGS)
    assert set(_HELP) <= set(Reason)
    for name in REPORTS:
        for rule in run_of(REPORTS[name])["tool"]["driver"]["rules"]:
            assert rule["shortDescription"]["text"].endswith(".")
            assert rule["help"]["text"].endswith(".")


@given(PIECES)
@example(["[x](http://x)"] * 8)
@example(["]("] * 8)
@example(["{0}"] * 8)
@example(["\ud800"] * 8)
@example(["::error::##vso[x]"] * 8)
def test_nothing_from_outside_has_a_meaning(texts: list[str]) -> None:
    """No message has a link or a placeholder, no URI leads away, and every name comes back."""
    made = replace(made_of(texts), errors=(Problem(texts[1], 1, 1, texts[2], texts[3], texts[4], texts[5]),))
    text = render(made, "sarif")
    assert not COMMAND.search(text)
    assert text.isascii()
    run = run_of(made)
    for message in re.findall(r'"text": (".*")', text):
        assert not re.search(r"\]\(|\{\d", json.loads(message))
    for result in run["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        parts = urlsplit(uri)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) in {("", "", "", ""), ("file", "", "", "")}
        assert re.fullmatch(r"[\w.~/%:()-]*", uri, re.ASCII)
    name = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert masked(unquote(name)) == unquote(name)
