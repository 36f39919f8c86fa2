"""Lines folded to the width of a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.report import render
from reconciler.report.wrap import folded
from tests.kit.reports import REPORTS

CODE = re.compile(r"\x1b\[[0-9;]*m")
WORDS = st.lists(st.text("ab/.-:é", min_size=1, max_size=12), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("line", "width", "expected"),
    [
        ("short", 20, ["short"]),
        ("short", None, ["short"]),
        ("one two three", 9, ["one two", "three"]),
        ("    label: one two three", 60, ["    label: one two three"]),
        ("    label: value of many words", 29, ["    label: value of many", "        words"]),
        ("a/bbbbbbbbbb/cccccccccc/dddddddddd", 24, ["a/bbbbbbbbbb/cccccccccc/", "    dddddddddd"]),
        ("x" * 40, 24, ["x" * 40]),
    ],
)
def test_a_line_is_folded_at_blanks(line: str, width: int | None, expected: list[str]) -> None:
    """Continuations hang; a long word is divided after a slash, and otherwise stays whole."""
    assert list(folded(line, width)) == expected


def test_a_word_stays_whole_where_it_is_asked_for() -> None:
    """As for values that a reader copies."""
    link = "https://packages.blob.core.windows.net/agent/agent-1.0.0.zip"
    assert list(folded(f"    live: {link}", 40, divide=False)) == ["    live:", f"        {link}"]


@given(WORDS, st.integers(30, 90), st.integers(0, 8))
def test_nothing_is_lost_and_no_word_that_fits_is_broken(words: list[str], width: int, indent: int) -> None:
    """The same text in the same order, within the width."""
    lines = list(folded(" " * indent + " ".join(words), width))
    assert "".join(lines).replace(" ", "") == "".join(words)
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == " ".join(words)


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("name", REPORTS)
def test_a_report_fits_the_terminal(name: str, width: int) -> None:
    """Colored or not, each line does; each colored line ends without a color."""
    plain = render(REPORTS[name], "text", width=width)
    assert max(map(len, plain.splitlines())) <= width
    colored = render(REPORTS[name], "text", width=width, color=True)
    assert CODE.sub("", colored) == plain
    for line in colored.splitlines():
        codes = CODE.findall(line)
        assert not codes or codes[-1] == "\x1b[0m"


@pytest.mark.parametrize("name", REPORTS)
def test_folding_changes_blanks_alone(name: str) -> None:
    """Values apart, which are cut to the width: without a terminal every line is as long as it is."""
    unfolded, wide = render(REPORTS[name], "text"), render(REPORTS[name], "text", width=100)
    assert "".join(unfolded.split()) == "".join(wide.split())
