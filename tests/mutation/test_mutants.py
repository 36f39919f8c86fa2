"""The mutation check is kept up with the code; running it is ``make mutants``."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.mutation.check import PAGE, Copy, Verdict, last_seen, page, read_mutants
from tests.planting.mutant import Mutant, stale

if TYPE_CHECKING:
    from pathlib import Path


MUTANTS, TESTS = read_mutants()
LEAST = 30


@pytest.mark.slow
def test_every_mutant_still_applies() -> None:
    """Its function holds exactly one node of its sort: where the code moved on, the mutant has to move with it."""
    assert stale(MUTANTS) == []


def test_there_are_enough_and_each_is_itself() -> None:
    """No two share a name or do the same."""
    assert len(MUTANTS) >= LEAST
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({repr(replace(mutant, name="", breaks="")) for mutant in MUTANTS}) == len(MUTANTS)


def test_the_page_has_every_mutant_and_each_was_seen(root: Path) -> None:
    """By a test that is still there; after a change of the list: ``make mutants``."""
    seen = last_seen()
    assert list(seen) == [mutant.name for mutant in MUTANTS]
    for place in set(seen.values()):
        file, _, name = place.partition("::")
        assert file in TESTS
        tree = ast.parse((root / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, place


def test_a_survivor_stands_out() -> None:
    """The page says that no test detected it, and the record does not hold it as detected."""
    text = page([Verdict(MUTANTS[0], None), Verdict(MUTANTS[1], ("tests/test_x.py", "test_it"))])
    assert "\n1 of 2 are detected" in text
    assert re.findall(r"\*\*none\*\*", text) == ["**none**"]


def test_what_was_broken_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mutant is alone, and the first test that fails is named."""
    (tmp_path / "x.py").write_text("VALUE = 1\n", encoding="utf-8")
    asked: list[tuple[str, ...]] = []

    def first_failure(self: Copy, *tests: str, keep_compiled: bool = False) -> tuple[str, str] | None:
        asked.append(tests)
        broken = (self.folder / "x.py").read_text(encoding="utf-8") == "VALUE = 2"
        return ("tests/test_all.py", "test_it") if broken and len(tests) > 1 else None

    monkeypatch.setattr(Copy, "first_failure", first_failure)
    verdict = Copy(tmp_path, ("tests/test_all.py", "tests/test_more.py"), {}).judge(
        Mutant("m", "it", "x.py:VALUE", "replace", "constant 1", to="2")
    )
    assert verdict.seen_by == ("tests/test_all.py", "test_it")
    assert asked == [("tests/test_x.py",), ("tests/test_all.py", "tests/test_more.py")]
    assert (tmp_path / "x.py").read_text(encoding="utf-8") == "VALUE = 1\n"
    assert PAGE.name == "mutation.md"
