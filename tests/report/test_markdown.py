"""The report for a pull request fits into one comment."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reconciler.model import Action, Op, Problem, Reason
from reconciler.report import render
from reconciler.report.markdown import LIMIT
from tests.report.reports import REPORTS, change, field, report

FENCE = "`" * 3


def _many(number: int, size: int) -> list[str]:
    return [f"n{index:05}-{'x' * size}" for index in range(number)]


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
        change(name, Action.UPDATE, Reason.FIELDS_DIFFER, field("tags.a", Op.REPLACE, "x", "y" * 30))
        for name in _many(200, 20)
    ]
    text = render(report("plan", *changes), "markdown")
    rows, shown = text.count("| `~` |"), text.count("<details>")
    assert rows == 200
    assert 0 < shown < 200
    assert f"{200 - shown} more details left out: no room." in text
    assert "n00000" in text.partition("<details>")[2]


def test_rows_are_dropped_from_the_end() -> None:
    """Even the table may be too long."""
    changes = [change(name, Action.CREATE, Reason.NOT_FOUND) for name in _many(2000, 20)]
    text = render(report("plan", *changes), "markdown")
    shown = text.count("| `+` |")
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
    assert "| `~` |" in text


def test_the_length_of_what_is_masked_counts() -> None:
    """A mask may be longer than what it hides."""
    changes = [change(f"?sig={index}", Action.CREATE, Reason.NOT_FOUND) for index in range(3000)]
    assert len(render(report("plan", *changes), "markdown").encode()) <= LIMIT


def test_a_fence_is_longer_than_any_run_inside() -> None:
    """A value cannot end the block that it stands in."""
    made = report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, field("a", Op.ADD, wanted=f"{FENCE}``")))
    assert f"\n{FENCE}```text\n" in render(made, "markdown")


def test_only_what_has_more_to_say_has_details() -> None:
    """A create is one row."""
    made = replace(REPORTS["plan-everything"], plan=replace(REPORTS["plan-everything"].plan, changes=()), warnings=())
    assert "<details>" not in render(made, "markdown")
    text = render(report("plan", change("x", Action.CREATE, Reason.NOT_FOUND)), "markdown")
    assert "<details>" not in text
