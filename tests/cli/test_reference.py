"""``schema -o markdown``: the reference page of a kind, for those who have no clone of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.cli import USAGE
from reconciler.kinds import load_kinds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command


@pytest.mark.parametrize("kind", load_kinds())
def test_the_page_of_a_kind(run: Command, root: Path, kind: str) -> None:
    """It is the page of the documentation, to the byte."""
    done = run("schema", kind, "--output", "markdown")
    assert done.code == 0
    assert done.out == (root / "docs" / "reference" / f"{kind}.md").read_text(encoding="utf-8")


def test_the_schema_is_what_is_printed_by_default(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the environment chooses the format of reports: those who read the schema expect JSON."""
    monkeypatch.setenv("RECONCILER_OUTPUT", "markdown")
    assert run("schema", "Gallery").out == run("schema", "Gallery", "-o", "json").out
    assert run("schema", "Gallery").out.startswith("{")


@pytest.mark.parametrize("arguments", [("Project", "-o", "markdown"), ("Gallery", "-o", "text"), ("Nothing",)])
def test_what_has_no_page_is_wrong_usage(run: Command, arguments: tuple[str, ...]) -> None:
    """A project file is no kind, and there are two formats."""
    done = run("schema", *arguments)
    assert (done.code, done.out) == (USAGE, "")
