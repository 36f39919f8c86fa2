"""The simulation finds bugs: each of those that ``make simulation-bugs`` plants, by the schedule that found it then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.kinds.normal_forms import blob_url
from tests.planting.errors import StaleError
from tests.planting.mutant import Mutant, stale
from tests.simulation import bugs as module
from tests.simulation.bugs import Finding, hunt, is_found, known, planted, read_bugs

if TYPE_CHECKING:
    from pathlib import Path

BUGS = read_bugs()
LEAST = 15


def test_there_are_enough_and_each_still_applies() -> None:
    """Its function holds exactly one node of its sort: where the code moved on, the bug has to move with it."""
    assert stale(BUGS) == []
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= LEAST


def test_the_page_has_every_bug_and_each_was_found() -> None:
    """After a change of the list: ``make simulation-bugs``."""
    assert list(known()) == [bug.name for bug in BUGS]


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Mutant) -> None:
    """By the schedule on the page, else, where the code has moved on since, by another of the first few hundred."""
    profile, seed = known()[bug.name]
    assert is_found(bug, profile, seed) or hunt(bug).schedule


def test_a_bug_is_there_while_it_is_planted_and_then_gone() -> None:
    """Modules that imported the function have the bug too; a bug that is in no function is an error."""
    bug = Mutant(
        "all-is-one", "all blobs are one", "reconciler.kinds.normal_forms:blob_url", "replace", "assign base", to="''"
    )
    assert blob_url("https://a/b?c") == "https://a/b"
    with planted(bug):
        assert blob_url("https://a/b?c") == ""
    assert blob_url("https://a/b?c") == "https://a/b"
    for place in ("nothing", "_DEFAULT_PORT"):
        with (
            pytest.raises(StaleError, match="is no function"),
            planted(replace(bug, at=f"reconciler.kinds.normal_forms:{place}")),
        ):
            pass


def test_the_table_is_written_into_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands around it stays, however often it is written."""
    page = tmp_path / "simulation.md"
    page.write_text(module.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(module, "PAGE", page)
    before = page.read_text(encoding="utf-8")
    for _ in range(2):
        module.write_page([Finding(BUGS[0], ("stale", 3), 11), Finding(BUGS[1], None, 300)])
    assert known() == {BUGS[0].name: ("stale", 3)}
    around = [
        [line for line in text.splitlines() if "`reconciler." not in line]
        for text in (before, page.read_text(encoding="utf-8"))
    ]
    assert around[0] == around[1]
