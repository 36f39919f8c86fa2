"""The seam between reports and formats: a renderer knows a view, and its texts need nothing but the format's own."""

from __future__ import annotations

import ast
import json
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given

from reconciler.compare.rows import Explanation, Row, Verdict
from reconciler.errors import ErrorInfo
from reconciler.kinds.leaves import FieldClass
from reconciler.kinds.live import Live
from reconciler.model.about import About
from reconciler.model.change import Action, Modified
from reconciler.model.offers import Region
from reconciler.plan.listing import Listed, Listing
from reconciler.report import FORMATS, render_explanation, render_list
from reconciler.report import explanation as explained
from reconciler.report import listing as listed
from reconciler.report.build import view_of
from reconciler.report.escape import masked
from reconciler.report.json import plain
from reconciler.report.view import View
from tests.kit.reports import REPORTS
from tests.kit.repository import ROOT
from tests.report.test_hostile import COMMAND, PIECES, UNSEEN, made_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPORT = ROOT / "reconciler" / "report"
RENDERERS = sorted(
    (
        *(REPORT / f"{name}.py" for name in ("text", "json", "markdown", "github", "azure_devops", "sarif", "junit")),
        *(REPORT / f"{name}.py" for name in ("lines", "remarks", "markup", "problems", "wrap")),
        *(REPORT / f"{name}.py" for name in ("explanation_text", "listing_text")),
        REPORT / "html" / "__init__.py",
    )
)
BEFORE = ("reconciler.model", "reconciler.plan", "reconciler.kinds", "reconciler.compare", "reconciler.secret")
"""The packages whose values a view is built from."""
BUILDERS = frozenset({"build", "changes", "clean", "declared", "resources", "values"})
ONCE = frozenset({"masked", "visible", "scrub", "shown", "for_people", "for_programs"})
"""What is done with each text once, when a view is built."""


def imported(source: str) -> Iterator[tuple[str, str]]:
    """Yield module and name of everything that a module imports, for its types only or not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def faults(source: str) -> list[str]:
    """Return the imports that a renderer must not have."""
    found = []
    for module, name in imported(source):
        is_builder = module.removeprefix("reconciler.report.") in BUILDERS
        if module.startswith(BEFORE) or module == "reconciler.problems" or is_builder or name in ONCE:
            found.append(f"{module}:{name}")
    return found


@pytest.mark.parametrize("path", RENDERERS, ids=lambda path: path.relative_to(REPORT).as_posix())
def test_a_renderer_knows_neither_the_model_nor_what_was_done_with_a_text(path: Path) -> None:
    """Masking, visibility and bounds are the view's: a renderer that did one of them could forget another."""
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from reconciler.model.outcome import Report",
        "if TYPE_CHECKING:\n    from reconciler.model.change import Change",
        "def render():\n    from reconciler.secret.text import scrub",
        "from reconciler.report.escape import inert, masked",
        "from reconciler.report.build import view_of",
        "import reconciler.plan.states",
        "from reconciler.problems import Problem",
    ],
)
def test_such_an_import_is_seen(source: str) -> None:
    """The rule finds what it is for."""
    assert faults(source)


def test_every_renderer_is_looked_at() -> None:
    """A format that is added later is held to the same rule."""
    names = {name.replace("-", "_") for name in FORMATS}
    assert names <= {path.parent.name if path.name == "__init__.py" else path.stem for path in RENDERERS}


def test_no_format_reads_the_text_of_another() -> None:
    """What two formats share is a part of the view, or the lines of plain text that both are made of."""
    for path in RENDERERS:
        modules = {module for module, name in imported(path.read_text(encoding="utf-8")) if name == "render"}
        assert modules == set(), path.name


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a view."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (key, *texts(each))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)
    elif is_dataclass(value):
        for each in fields(value):
            yield from texts(getattr(value, each.name))


@pytest.mark.parametrize("format_", sorted(set(FORMATS) - {"json"}))
@given(PIECES)
@example(["\r\n::error::x\u202e"] * 8)
@example(["x\n?sig=CANARY0123&y"] * 8)
def test_every_text_of_a_view_for_people_is_visible_and_masked(format_: str, pieces: list[str]) -> None:
    """No field of the view is left out, whichever format it is for."""
    found = [*texts(view_of(made_of(pieces), FORMATS[format_]))]
    assert len(found) > 20
    for text in found:
        assert not UNSEEN.search(text)
        assert "\n" not in text
        assert "CANARY" not in text


@given(PIECES)
@example(["\r\n::error::x\u202e"] * 8)
@example(["x\n?sig=CANARY0123&y"] * 8)
def test_explanations_and_lists_are_views_too(pieces: list[str]) -> None:
    """Their texts are as visible and masked as those of a report, and their JSON is as exact."""
    made = made_of(pieces)
    planned = made.plan.changes[0]
    error = ErrorInfo(pieces[0], "\n".join(pieces), 400, pieces[1], pieces[2])
    row = Row(
        pieces[0], Verdict.CHANGE, pieces[1], FieldClass.UPDATABLE, (pieces[2],), stated=pieces[3], observed=pieces
    )
    explanation = Explanation(replace(planned, action=Action.UNKNOWN, error=error), (row,), About(pieces[4]))
    region = Region(pieces[5], is_latest=True, state=pieces[6])
    live = Listed(planned.desired, Live({}), pieces[7], (region,), Modified(*pieces[:3]), pieces[3])
    listing = Listing(About(pieces[4]), (live,), (planned.desired,), ((planned.desired, error),), (), made.warnings)
    for view in (explained.view_of(explanation, people=True), listed.view_of(listing, people=True)):
        for text in texts(view):
            assert not UNSEEN.search(text)
            assert "\n" not in text
            assert "CANARY" not in text
    for text in (render_explanation(explanation, "text"), render_list(listing, "text")):
        assert not UNSEEN.search(text)
        assert not COMMAND.search(text)
    given_back = json.loads(render_explanation(explanation, "json"))
    assert given_back["fields"][0]["path"] == masked(pieces[0])
    assert json.loads(render_list(listing, "json"))["resources"][0]["owner"] == masked(pieces[3])


@pytest.mark.slow
def test_texts_of_a_view_for_people_are_bounded() -> None:
    """A text that goes on for ever is no page."""
    long = "x" * 1_000_000
    assert max(map(len, texts(view_of(made_of([long] * 8), FORMATS["html"])))) < 25_000


@pytest.mark.parametrize("name", REPORTS)
def test_a_view_is_plain_data(name: str) -> None:
    """Nothing but dataclasses, tuples, texts, numbers and nothing: it can be written as it is, and compared."""
    for format_ in FORMATS:
        view = view_of(REPORTS[name], FORMATS[format_])
        assert isinstance(view, View)
        assert view == view_of(REPORTS[name], FORMATS[format_])
        assert json.loads(json.dumps(plain(view))) == plain(view)


def test_a_view_for_programs_has_no_words() -> None:
    """The JSON report is its published fields: sentences may change, keys may not."""
    view = view_of(REPORTS["plan-everything"], FORMATS["json"])
    assert "words" not in json.dumps(plain(view))
    assert "words" in plain(view_of(REPORTS["plan-everything"], FORMATS["text"]))
