"""The page: whole in itself, and nothing in it that came from outside has a meaning. ``make pages`` looks at it."""

from __future__ import annotations

import re
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import example, given

from reconciler.model.change import Action, Op, Reason
from reconciler.problems import Problem
from reconciler.report import render
from reconciler.report.escape import inert, masked, visible
from reconciler.report.html import asset, policy
from reconciler.report.values import line_changes
from tests.kit.reports import REPORTS, change, field, report
from tests.kit.repository import ROOT
from tests.report.test_hostile import COMMAND, PIECES, UNSEEN, made_of

VOID = {"meta", "input"}
TAGS = {
    *("html", "head", "meta", "title", "style", "script", "body", "header", "main", "footer", "section", "h1", "h2"),
    *("p", "time", "form", "fieldset", "legend", "label", "input", "output", "ul", "li", "details", "summary", "div"),
    *("span", "code", "dl", "dt", "dd", "del", "ins"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "datetime", "id", "aria-labelledby", "aria-hidden"),
    *("aria-live", "hidden", "role", "type", "value", "autocomplete", "spellcheck", "data-state", "open"),
}


class Page(HTMLParser):
    """What a browser makes of it: elements with their attributes and their whole text, every one of them closed."""

    def __init__(self, text: str) -> None:
        """Read a whole page."""
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.comments = 0
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        assert len(dict(attrs)) == len(attrs)
        self.found.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(self.found[-1])

    def handle_endtag(self, tag: str) -> None:
        """End the innermost element, which must be the one that is ended."""
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        """Add to the text of every element that it is in."""
        for _, _, texts in self._open:
            texts.append(data)

    def handle_comment(self, data: str) -> None:
        """Count what should not be there."""
        self.comments += 1

    def values(self, name: str) -> list[str | None]:
        """Return the values of every attribute of one name."""
        return [attributes[name] for _, attributes, _ in self.found if name in attributes]

    def texts(self, tag: str, class_: str | None = None) -> list[str]:
        """Return the texts of every element of one kind."""
        found = (each for each in self.found if each[0] == tag and (class_ is None or each[1].get("class") == class_))
        return ["".join(texts) for _, _, texts in found]


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_whole_and_closed(name: str) -> None:
    """It begins with what a browser wants, and has one heading: the verdict."""
    text = render(REPORTS[name], "html")
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert text.endswith("</html>\n")
    page = Page(text)
    assert {tag for tag, _, _ in page.found} <= TAGS
    assert len(page.texts("h1")) == 1
    assert page.texts("title")[0].endswith(page.texts("h1")[0])
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    assert set(page.values("aria-labelledby")) == set(ids)


@pytest.mark.parametrize("name", REPORTS)
def test_the_policy_allows_what_is_there_and_nothing_else(name: str) -> None:
    """The digests are those of the style and the script as they stand in the file, before anything else is read."""
    text = render(REPORTS[name], "html")
    page = Page(text)
    metas = [attributes for tag, attributes, _ in page.found if tag == "meta"]
    assert metas[1] == {"http-equiv": "Content-Security-Policy", "content": policy()}
    assert policy().startswith("default-src 'none'; ")
    assert text.index("Content-Security-Policy") < text.index("<style>")
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        for content in page.texts(tag):
            digest = b64encode(sha256(content.encode()).digest()).decode()
            assert f"{directive} 'sha256-{digest}'" in policy()
    names = {name for _, attributes, _ in page.found for name in attributes}
    assert names <= ATTRIBUTES  # none of them runs, loads or leads anywhere
    assert not re.search(r"url\(|@import|expression", asset("style.css"))
    assert not re.search(r"innerHTML|eval|fetch|import|document\.write|insertAdjacent", asset("script.js"))


def test_jinja_is_imported_when_a_page_is_rendered() -> None:
    """It costs more than every other format together."""
    program = (
        "import sys; from reconciler.report import FORMATS, html, render; from tests.kit.reports import REPORTS as all;"
        "[render(all['plan-empty'], name) for name in FORMATS if name != 'html']; assert 'jinja2' not in sys.modules;"
        "render(all['plan-empty'], 'html'); assert 'jinja2' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_style_and_script_are_no_commands() -> None:
    """The page may end up in a log of CI."""
    assert not COMMAND.search(asset("style.css") + asset("script.js") + policy())


def test_what_is_shown_of_a_resource() -> None:
    """Mark, name, state and place, then why, what differs, and the way out."""
    page = Page(render(REPORTS["plan-everything"], "html"))
    states = page.values("data-state")
    assert len(states) == 28
    assert set(states) == set(page.values("value"))
    (frozen,) = (text for text in page.texts("details") if text.startswith("!GalleryApplicationVersion frozen"))
    assert "blockedmanifests/agent.yaml:2" in frozen
    assert "blocked: an immutable field has changed" in frozen
    assert "https://a.blob.core.windows.net/c/1.zip\nhttps://a.blob.core.windows.net/c/2.zip" in frozen
    assert "fix: publish a new version number" in frozen
    opened = sum(tag == "details" and "open" in attributes for tag, attributes, _ in page.found)
    assert opened == 11  # those for which the command exits 1; of a dozen, all of them
    assert "10 blocked" in page.texts("label", "chip tone-bad")


def test_texts_of_several_lines_are_compared_line_by_line() -> None:
    """A script that differs in one line shows that line between its neighbors."""
    page = Page(render(REPORTS["drift-some"], "html"))
    assert "set -eu" in page.texts("del")
    assert "set -eux" in page.texts("ins")
    assert " tar -xf package.tar" in page.texts("div", "value")


def test_a_long_difference_is_cut() -> None:
    """What is left out is told of, between and behind."""
    old, new = ("\n".join(f"{word} {number}" for number in range(60)) for word in ("old", "new"))
    assert line_changes(old, new, 10) == (*(("-", f"old {number}") for number in range(10)), ("…", ""))
    assert len(line_changes(old, new, 120)) == 120
    far = "\n".join(str(number) for number in range(30))
    signs = "".join(sign for sign, _ in line_changes(far, f"x{far}x", 100))
    assert signs == "-+  …  -+"
    assert line_changes("a", "b", 9) == line_changes(1, "a\nb", 9) == ()


def test_a_line_of_a_difference_is_masked() -> None:
    """A script may hold a signature; where only that differs, no line does."""
    script = "#!/bin/sh\ncurl 'https://h/b?sig=CANARY-{}'\n"
    stated = field("a", Op.REPLACE, script.format(1), script.format(2) + "x\n")
    text = render(report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, stated)), "html")
    assert "CANARY" not in text
    assert line_changes(script.format(1), script.format(2), 9) == ()


def test_a_report_of_nothing_needs_no_script() -> None:
    """All in sync is one sentence."""
    page = Page(render(REPORTS["plan-empty"], "html"))
    assert page.texts("script") == []
    assert page.texts("h1") == ["prod, public cloud: No changes. 1 resource in sync."]


@given(PIECES)
@example(["</style><script>x</script>"] * 8)
@example(['" onclick="x'] * 8)
@example(["<!--"] * 8)
@example(["&#64;&lt;"] * 8)
@example(["##vso[x]::error::"] * 8)
@example([":"] * 8)
@example(["#"] * 8)
def test_nothing_from_outside_is_an_element(texts: list[str]) -> None:
    """A page with hostile texts has the elements of one with harmless texts, and shows the texts as they are."""
    made = replace(made_of(texts), errors=(Problem(texts[1], 1, 1, texts[2], texts[3], texts[4], texts[5]),))
    text = render(made, "html")
    assert not UNSEEN.search(text)
    assert not COMMAND.search(text)
    page = Page(text)
    assert page.comments == 0
    assert {tag for tag, _, _ in page.found} <= TAGS
    assert {name for _, attributes, _ in page.found for name in attributes} <= ATTRIBUTES
    assert page.texts("style") == [asset("style.css")]
    assert page.texts("script") == [asset("script.js")]
    assert page.texts("span", "name")[-3] == inert(masked(visible(texts[1])))
