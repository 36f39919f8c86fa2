"""The report for a pull request fits into one comment."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reconciler.model.change import Action, Op, Reason
from reconciler.problems import Problem
from reconciler.report import render
from reconciler.report.markdown import LIMIT
from tests.kit.reports import CREATE, REPORTS, change, field, report

FENCE = "`" * 3


def _many(number: int, size: int) -> list[str]:
    return [f"n{index:05}-{'x' * size}" for index in range(number)]


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 100, 400, 5000])
def test_a_comment_is_never_too_long(number: int) -> None:
    """Details go first, then rows; what is left is whole."""
    changes = [
        change(name, Action.UPDATE, Reason.FIELDS_DIFFER, field("tags.a", Op.REPLACE, "x", "y"))
        for name in _many(number, 20)
    ]
    text = render(report("plan", *changes), "markdown")
    assert len(text.encode()) <= LIMIT
    assert text.count("<details>") == text.count("</details>")
    assert re.search(r"\n4 reads, 0 writes(; an apply adds at least \d+ reads?, \d+ writes?)?\n\Z", text)


def test_details_are_dropped_before_rows() -> None:
    """The table says everything; the note says how many details it cost."""
    changes = [
        change(name, Action.UPDATE, Reason.FIELDS_DIFFER, field("tags.a", Op.REPLACE, "x", "y" * 190))
        for name in _many(200, 20)
    ]
    text = render(report("plan", *changes), "markdown")
    rows, shown = text.count("| `~` update |"), text.count("<details>")
    assert rows == 200
    assert 0 < shown < 200
    assert f"{200 - shown} more details left out: no room." in text
    assert "n00000" in text.partition("<details>")[2]


def test_rows_are_dropped_from_the_end() -> None:
    """Even the table may be too long."""
    changes = [change(name, Action.CREATE, Reason.NOT_FOUND) for name in _many(2000, 20)]
    text = render(report("plan", *changes), "markdown")
    shown = text.count("| `+` create |")
    assert f"{2000 - shown} more resources left out: no room." in text
    assert "n00000" in text
    assert "n01999" not in text


def test_errors_come_first_and_are_counted_too() -> None:
    """A thousand mistakes are a comment as well."""
    problems = tuple(Problem("a.yaml", line, 1, "spec", "type", "é" * 50, "quote it") for line in range(1, 1001))
    text = render(report("plan", errors=problems, warnings=problems[:1]), "markdown")
    assert len(text.encode()) <= LIMIT
    assert "more errors left out: no room." in text
    assert text.startswith("### 1000 errors, 1 warning in 1 file. Nothing was sent.\n")


def test_one_block_that_is_too_long_leaves_a_note() -> None:
    """A resource with endless differences has a row and no details."""
    fields = [field(f"tags.t{index}", Op.ADD, wanted="x" * 40) for index in range(2000)]
    text = render(report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, *fields)), "markdown")
    assert "1 more detail left out: no room." in text
    assert "| `~` update |" in text


def test_the_length_of_what_is_masked_counts() -> None:
    """A mask may be longer than what it hides."""
    changes = [change(f"?sig={index}", Action.CREATE, Reason.NOT_FOUND) for index in range(3000)]
    assert len(render(report("plan", *changes), "markdown").encode()) <= LIMIT


def test_a_fence_is_longer_than_any_run_inside() -> None:
    """A value cannot end the block that it stands in."""
    script = field("a", Op.REPLACE, "one\ntwo", f"one\n{FENCE}``")
    made = report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, script))
    assert f"\n  {FENCE}```diff\n" in render(made, "markdown")


def test_only_what_has_more_to_say_has_details() -> None:
    """A create without a value to show is one row."""
    made = replace(REPORTS["plan-everything"], plan=replace(REPORTS["plan-everything"].plan, changes=()), warnings=())
    assert "<details>" not in render(made, "markdown")
    text = render(report("plan", change("x", Action.CREATE, Reason.NOT_FOUND)), "markdown")
    assert "<details>" not in text


def test_a_blocked_resource_comes_before_any_number_of_warnings() -> None:
    """A comment is cut from the bottom, where the warnings are; equal ones are one line with their number."""
    equal = [Problem(f"m/{index}.yaml", 3, 5, "spec", "deployment-policy", "states none") for index in range(260)]
    others = [Problem(f"m/{index}.yaml", 4, 5, "spec", "character", f"odd {'x' * 200} {index}") for index in range(400)]
    blocked = change("stuck", Action.BLOCKED, Reason.IMMUTABLE_FIELD, fix="publish a new version number")
    text = render(report("plan", CREATE, blocked, warnings=(*equal, *others)), "markdown")
    places = [text.index(part) for part in ("- **blocked** ", "| resource |", "<details>", "deployment-policy")]
    assert places == sorted(places)
    assert text.count("deployment-policy") == 1
    assert "(in 260 places)" in text
    assert "more warnings left out: no room." in text
    assert "more resource" not in text
    assert len(text.encode()) <= LIMIT


def test_what_does_not_fit_is_cut_from_the_bottom() -> None:
    """Where the table has no room, nothing below it has: no small part is shown instead of a large one above it."""
    changes = [change(name, Action.CREATE, Reason.NOT_FOUND) for name in _many(2000, 20)]
    warnings = (Problem("a.yaml", 3, 5, "spec", "character", "odd"),)
    text = render(report("plan", *changes, warnings=warnings), "markdown")
    assert "more resources left out: no room." in text
    assert "1 more warning left out: no room." in text


def test_a_comment_holds_nothing_that_a_browser_cannot_break() -> None:
    """Names and files of any length are divided in the table, and scripts in their fence."""
    long = "a-manifest-with-a-very-long-name/" * 7
    script = field("install", Op.REPLACE, f"one\n{'x' * 500}", f"one\n{'y' * 500}")
    made = change(long, Action.UPDATE, Reason.FIELDS_DIFFER, script)
    text = render(report("plan", made), "markdown")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert max(len(span) for row in rows for span in re.findall("`([^`]*)`", row)) <= 40
    fence = text.partition("```diff\n")[2].partition("```")[0]
    assert max(map(len, fence.splitlines())) <= 100
    assert all(line.strip()[:1] in {"+", "-", "o", ""} for line in fence.splitlines())


def test_a_created_resource_is_not_said_to_be_missing() -> None:
    """After the apply a row says what was created."""
    text = render(REPORTS["apply-good"], "markdown")
    assert "not exist" not in text
    assert "agent-package-1.0.0.zip" in text
