"""
Looks at the HTML report and the page of a loop in Chromium: ``make pages``. It needs a browser and axe-core.

Each page is opened light, dark and on a phone. What counts: axe-core finds nothing, the content security policy refuses
nothing, nothing is asked of any server, nothing is wider than the screen, and the filter works by keyboard alone. The
screenshots are kept for the reader.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.model.change import Action, Op, Reason
from reconciler.problems import Problem
from reconciler.report import render
from tests.kit.reports import REPORTS, change, field, report
from tests.pages import loop
from tests.pages.browser import browser
from tests.report.test_hostile import made_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pages.browser import Page

_LOOKS: Final = {
    "light": (1200, 900, "light", False),
    "dark": (1200, 900, "dark", False),
    "phone": (360, 740, "light", True),
    "phone-dark": (360, 740, "dark", True),
}
_LONG: Final = "x" * 300
_PAGES: Final = {
    **REPORTS,
    "apply-hostile": made_of(["<img src=//x.example onerror=alert(1)>", "</style><script>alert(1)</script>"] * 4),
    "plan-long": report(
        "plan",
        change(_LONG, Action.UPDATE, Reason.FIELDS_DIFFER, field(_LONG, Op.REPLACE, _LONG, f"{_LONG}\n{_LONG}")),
        warnings=(Problem(f"{_LONG}.yaml", 1, 1, _LONG, "character", f"{'A long message. ' * 20}{_LONG}", _LONG),),
    ),
}
_RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def main(program: str, axe: Path, folder: Path) -> int:
    """Write the pages and their screenshots into *folder*; give 1 and say why if anything is wrong with one."""
    if (path := shutil.which(program)) is None:
        print(f"there is no {program}: install Chromium, or name a browser by `make pages CHROMIUM=PATH`")  # noqa: T201
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    with browser(path) as page:
        for name, made in _PAGES.items():
            file = folder / f"{name}.html"
            file.write_text(render(made, "html"), encoding="utf-8")
            for look, (width, height, scheme, is_phone) in _LOOKS.items():
                page.look(width, height, scheme, is_phone=is_phone)
                page.open(file.resolve().as_uri())
                page.shot(folder / f"{name}-{look}.png", whole=True)
                found = (*_accessible(page, axe), *_fitting(page), *_secluded(page, file.resolve().as_uri()))
                wrong.extend(f"{name}, {look}: {what}" for what in found)
        page.look(1200, 900, "light")
        page.open((folder / "plan-everything.html").resolve().as_uri())
        wrong.extend(_filtering(page, folder))
        wrong.extend(_refusing(page, folder))
        wrong.extend(_live(page, axe, folder))
    print("\n".join(wrong) or f"{len(_PAGES)} reports and the page of a loop looked at, nothing wrong; see {folder}")  # noqa: T201
    return int(bool(wrong))


def _live(page: Page, axe: Path, folder: Path) -> Iterator[str]:
    """Look at the page of a loop, at each of its addresses in every look."""
    numbers = count(1)

    def check(address: str) -> Iterator[str]:
        number, origin = next(numbers), "/".join(address.split("/")[:3])
        for look, (width, height, scheme, is_phone) in _LOOKS.items():
            page.look(width, height, scheme, is_phone=is_phone)
            page.open(address)
            page.shows("#connection", "live")
            page.shot(folder / f"loop-{number}-{look}.png", whole=True)
            for what in (*_accessible(page, axe), *_fitting(page), *_secluded(page, f"{origin}/")):
                yield f"{address}, {look}: {what}"

    with tempfile.TemporaryDirectory() as work:
        yield from loop.look(page, check, Path(work))


def _accessible(page: Page, axe: Path) -> Iterator[str]:
    page.evaluate(axe.read_text(encoding="utf-8"))
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    run = f"axe.run({{runOnly: {json.dumps(_RULES)}}}).then(found => JSON.stringify(found.violations))"
    for violation in json.loads(page.evaluate(run)):
        yield f"{violation['id']}: {violation['help']}: {[node['html'][:120] for node in violation['nodes'][:3]]}"


def _fitting(page: Page) -> Iterator[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        yield f"{wide} pixels wider than the screen"


def _secluded(page: Page, allowed: str) -> Iterator[str]:
    """Report every refusal of the policy, every error of the script, and every request but those that are allowed."""
    yield from page.complaints
    yield from (f"asked for {url}" for url in page.asked if not url.startswith(allowed))


def _filtering(page: Page, folder: Path) -> Iterator[str]:
    """Filter with keys alone: by an action, by a text, and not any more."""
    shown = (
        "[...document.querySelectorAll('li[data-state]')].filter(each => !each.hidden).map(each => each.dataset.state)"
    )
    everything = page.evaluate(shown)
    if not page.tab_to("document.activeElement.value === 'blocked'"):
        yield "no key leads to the filter"
        return
    page.press("Space")
    if set(page.evaluate(shown)) != {"blocked"}:
        yield "the filter by action shows something else"
    page.shot(folder / "filtered.png")
    page.tab_to("document.activeElement.type === 'search'")
    page.insert("FROZEN mediaLink")
    if page.evaluate(shown) != ["blocked"]:
        yield "the filter by text shows something else"
    said = page.evaluate("document.querySelector('output').value")
    if said != f"1 of {len(everything)} shown":
        yield f"the filter says {said}"
    if not page.tab_to("document.activeElement.tagName === 'SUMMARY'"):
        yield "no key leads to a resource"
    before = page.evaluate("document.activeElement.parentElement.open")
    page.press("Enter")
    if page.evaluate("document.activeElement.parentElement.open") == before:
        yield "no key unfolds a resource"
    page.shot(folder / "focus.png")


def _refusing(page: Page, folder: Path) -> Iterator[str]:
    """Show that the policy is obeyed here: a page with something smuggled in gets it refused."""
    text = (folder / "plan-everything.html").read_text(encoding="utf-8")
    hostile = folder / "smuggled.html"
    smuggled = (
        "<script>window.smuggled = 1</script><img src=x onerror='window.smuggled = 1'><p style='color: red'>x</p>"
    )
    hostile.write_text(text.replace("</footer>", f"</footer>{smuggled}"), encoding="utf-8")
    page.open(hostile.resolve().as_uri())
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    if page.evaluate("window.smuggled") is not None:
        yield "the policy lets a foreign script run"
    if not any("Content Security Policy" in each for each in page.complaints):
        yield "a refusal of the policy is not seen here, so that none elsewhere says nothing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
