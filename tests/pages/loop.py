"""
Looks at the page of a loop in Chromium, over the command line, with the embedded ARM changed from outside.

The daemon's case and cron's: drift is read from the page, from ``/metrics``, the receiver and ``history``; it heals on
the page without a reload. Then an estate of a thousand resources.
"""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from reconciler.service.round import round_of
from tests.cli.test_seen_from_outside import samples
from tests.kit.cli import (
    Azure,
    Workspace,
    application,
    changed,
    definition,
    finish,
    gallery,
    id_of,
    manifest,
    start,
    until,
    version,
)
from tests.kit.hooks import receiving
from tests.kit.page_loop import Loop as PageLoop
from tests.kit.page_loop import served
from tests.kit.rounds import seen
from tests.report.test_hostile import made_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.kit.cli import Done, Manifest
    from tests.pages.browser import Page

    Check = Callable[[str], Iterator[str]]

_NOTIFY: Final = [{"type": "cloudevents", "url": {"$env": "RECONCILER_SECRET_HOOK"}, "minSeverity": "delivery"}]
_WEST, _NORTH, _EAST = "West Europe", "North Europe", "East US"
_SUITE: Final = definition()
_MANY: Final = 1000
_MOST_MS: Final = 500
"""For the filter over a thousand resources, after each key."""
_TIMED: Final = (
    "(() => { const began = performance.now();"
    " document.getElementById('text').dispatchEvent(new Event('input', {bubbles: true}));"
    " return performance.now() - began; })()"
)


class Site:
    """A folder of manifests, the embedded ARM, and the command line."""

    def __init__(self, folder: Path) -> None:
        """Work in *folder*."""
        (folder / "work").mkdir(parents=True)
        self.work, self.azure = Workspace(folder / "work"), Azure(folder / "arm.sqlite")
        self.environment = {
            "RECONCILER_CLOUD": "emulator",
            "RECONCILER_EMULATOR_STATE": str(folder / "arm.sqlite"),
            "RECONCILER_EMULATOR_OPERATION_SECONDS": "0",
            "RECONCILER_POLL_INTERVAL": "0.01",
        }

    def run(self, *arguments: str) -> Done:
        """Run one command and return what it left behind."""
        return finish(start(*arguments, folder=self.work.folder, **self.environment), timeout=300)

    @contextmanager
    def loop(self, *arguments: str) -> Iterator[str]:
        """Keep a loop, and yield its address once a round has ended."""
        given = ("run", "--interval", "1", "--episode-after", "1", "--listen", "127.0.0.1:0", *arguments)
        process = start(*given, folder=self.work.folder, **self.environment)
        try:
            assert process.stderr is not None
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found
            until(lambda: _is_ready(found[0]))
            yield found[0]
        finally:
            os.kill(process.pid, signal.SIGTERM)
            finish(process, timeout=10)


def _is_ready(url: str) -> bool:
    try:
        return bool(_ask(f"{url}/readyz"))
    except urllib.error.HTTPError:
        return False


def _ask(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def numbered(number: str, *regions: str, of: str = "agent") -> Manifest:
    """Return a version in *regions*; one with an exclamation mark excludes it from latest."""
    listed = [
        {"name": name.rstrip("!"), "regionalReplicaCount": 1, "excludeFromLatest": name.endswith("!")}
        for name in regions
    ]
    return version(number, of=of, targetRegions=listed)


def estate() -> list[Manifest]:
    """Return an estate of two applications and two definitions."""
    return [
        gallery(),
        application(),
        numbered("1.0.0", _WEST),
        numbered("1.1.0", _WEST, _NORTH),
        numbered("2.0.0", _WEST, _NORTH, f"{_EAST}!"),
        application("monitor"),
        numbered("3.4.0", _WEST, _EAST, of="monitor"),
        _SUITE,
        definition("portal", displayName="Portal"),
    ]


def look(page: Page, check: Check, folder: Path) -> Iterator[str]:
    """Report every fault of the page of a loop; *check* looks at one address in every look."""
    yield from _daemon(page, check, Site(folder / "daemon"))
    yield from _held(page, check, Site(folder / "held"))
    yield from _many(page, Site(folder / "many"))
    yield from _restarted(page, folder / "restarted")
    yield from _hostile(page, check, folder / "hostile")


def _daemon(page: Page, check: Check, site: Site) -> Iterator[str]:
    """Play the story of one drift, from its begin to its end, and cron's round before it."""
    site.work.state(*estate())
    site.work.project("endpoint", notify=_NOTIFY)
    with receiving() as (receiver, address, _):
        site.environment["RECONCILER_SECRET_HOOK"] = address
        yield from _cron(site)
        sent = len(estate())
        if receiver.types != ["dev.reconciler.applied"] * sent:
            yield f"cron's receiver has {receiver.types}"
        with site.loop("--report-only", "--health") as url:
            page.look(1200, 900, "light")
            page.open(f"{url}/")
            yield from _began(page, site, url)
            if not page.waits(lambda: receiver.types[sent:] == ["dev.reconciler.drift-began"]):
                yield f"the receiver has {receiver.types[sent:]}"
            yield from check(f"{url}/")
            page.open(f"{url}/")
            yield from _filtered(page)
            yield from _opened(page)
            yield from check(page.evaluate("location.href"))
            yield from _healed(page, site)
            if not page.waits(lambda: receiver.types[sent + 1 :] == ["dev.reconciler.drift-ended"]):
                yield f"the receiver has {receiver.types[sent:]}"
            yield from check(f"{url}/history")
            yield from _elsewhere(page, check, url)
    told: Any = json.loads(site.run("history", "-o", "json").out)
    ends = [(each["path"], each["how"]) for each in told["episodes"] if each["how"] != "applied"]
    if ends != [("properties.lockLevel", "healed")]:
        yield f"history tells of {ends}"


def _cron(site: Site) -> Iterator[str]:
    """Do one round, and read its metrics."""
    if (code := site.run("run", "--once", "--metrics-file", "m.prom").code) != 0:
        yield f"cron's round ends with {code}"
    found = samples((site.work.folder / "m.prom").read_text())
    if found["reconciler_puts_total", "succeeded"] != len(estate()):
        yield "cron's metrics tell of another number of PUTs"


def _began(page: Page, site: Site, url: str) -> Iterator[str]:
    """Change Azure from outside, and see it on a page that stays open."""
    page.evaluate("window.stays = true")
    if not page.shows("#open ~ p", "Nothing differs."):
        yield "an estate in sync has something that needs attention"
    site.azure.edit(_SUITE, "properties.lockLevel", "None")
    if not page.shows("#open ~ ul", "properties.lockLevel"):
        yield "drift does not appear on the page"
    if not page.shows("#open ~ ul", "security"):
        yield "the severity of drift does not appear on the page"
    if json.loads(_ask(f"{url}/api/report"))["summary"]["drift"] != 1:
        yield "the report tells of another number of drifts"
    if samples(_ask(f"{url}/metrics"))["reconciler_resources", "Healthy OutOfSync"] != 1:
        yield "the metrics tell of another number of drifts"
    if not page.evaluate("window.stays === true"):
        yield "the page was loaded again"


def _filtered(page: Page) -> Iterator[str]:
    """Filter the drift with keys alone, and find the same filter at its address, also after a round."""
    if not page.tab_to("document.activeElement.value === 'to update'"):
        yield "no key leads to the filter"
        return
    page.press("Space")
    page.tab_to("document.activeElement.type === 'search'")
    page.insert("SUITE")
    sent = page.evaluate("location.href")
    if not sent.endswith("/?text=SUITE&state=to+update"):
        yield f"the address of the filter is {sent}"
    round_ = page.evaluate("document.getElementById('live').dataset.round")
    if not page.shows(f"#live:not([data-round={json.dumps(round_)}])"):
        yield "no further round appears"
    if page.evaluate("document.activeElement.id") != "text":
        yield "a round takes the focus away"
    page.open(sent)
    if page.evaluate(_VISIBLE) != ["to update"] or page.evaluate("document.getElementById('text').value") != "SUITE":
        yield "the address of the filter shows something else"


def _opened(page: Page) -> Iterator[str]:
    """Open the drift with keys alone, and find everything about it."""
    if not page.tab_to("document.activeElement.matches('#open ~ ul a')"):
        yield "no key leads to a resource"
    page.press("Enter")
    if not page.shows("h1", "suite: to update"):
        yield "no key opens a resource"
    if not page.evaluate(f"location.pathname.toLowerCase() === '/resources{id_of(_SUITE)}'.toLowerCase()"):
        yield "a resource has another address"
    for place, text in {"#differences ~ dl": "None", "#history ~ ul": "still open", "#fields ~ dl": "ReadOnly"}.items():
        if not page.shows(place, text):
            yield f"a resource does not show {text} at {place}"


_VISIBLE: Final = (
    "[...document.querySelectorAll('li[data-state]')].filter(each => !each.hidden).map(each => each.dataset.state)"
)


def _healed(page: Page, site: Site) -> Iterator[str]:
    """Change Azure back, and see it on the open page of the resource, and then on that of the estate."""
    page.evaluate("window.stays = true")
    site.azure.edit(_SUITE, "properties.lockLevel", "ReadOnly")
    if not page.shows("h1", "suite: in sync") or not page.shows("#history ~ ul", "healed"):
        yield "a healed drift does not appear as one on the page of its resource"
    if not page.evaluate("window.stays === true"):
        yield "the page of a resource was loaded again"


def _elsewhere(page: Page, check: Check, url: str) -> Iterator[str]:
    """Follow the links to a round and to an application."""
    for selector, place in (("#copies ~ .wide a", "#copies ~ .wide"), ("#rounds ~ ol a", "#counts ~ dl")):
        page.open(f"{url}/")
        page.open(page.evaluate(f"document.querySelector({json.dumps(selector)}).href"))
        if not page.evaluate(f"Boolean(document.querySelector({json.dumps(place)}))"):
            yield f"{selector} leads to something else"
        yield from check(page.evaluate("location.href"))


def _held(page: Page, check: Check, site: Site) -> Iterator[str]:
    """Show everything that may be wrong at once, while a window forbids writing."""
    made = estate()
    site.work.state(*made)
    site.run("apply")
    window = {"name": "office-hours", "kind": "allow", "cron": "0 6 29 2 *", "duration": "1h", "timeZone": "Etc/UTC"}
    steps = [{"regions": [_WEST], "soak": "2h"}, {"regions": [_NORTH], "soak": "1d"}]
    match = {"kind": "GalleryApplicationVersion", "name": "agent-2.1.0"}
    site.work.project("endpoint", schedule=[window], rollouts=[{"match": match, "steps": steps}])
    site.azure.edit(_SUITE, "properties.lockLevel", "None")
    site.azure.edit(made[2], "properties.publishingProfile.manageActions.install", "set -e\nsh other.sh\nexit 0\n")
    site.azure.seed(definition("stray"))
    site.work.state(*made[:-1], changed(made[-1], "location", _NORTH), numbered("2.1.0", _WEST, _NORTH))
    with site.loop("--health") as url:
        page.look(1200, 900, "light")
        page.open(f"{url}/")
        if not page.shows("header", "Held by the schedule"):
            yield "a held round does not say why"
        if not page.shows("#rollouts ~ ul", "2 to come North Europe, soak 1d"):
            yield "a rollout does not show its steps"
        yield from check(f"{url}/")
        yield from check(f"{url}/resources{id_of(made[2])}")
    if "Held by the schedule" not in site.run("history").out:
        yield "history does not say why rounds are held"


def _many(page: Page, site: Site) -> Iterator[str]:
    """Open an estate of a thousand resources, filter it, and see a drift in it."""
    made = [manifest("Gallery", f"g{each}", {"galleryName": f"g{each}", "location": _WEST}) for each in range(_MANY)]
    site.work.add(*made, file="all.yaml")
    site.azure.seed(*made)
    with site.loop("--report-only", "--interval", "5") as url:
        page.look(1200, 900, "light")
        page.open(f"{url}/")
        if not page.shows("#shown", f"{_MANY} of {_MANY} shown"):
            yield f"the page of {_MANY} resources has others"
        page.tab_to("document.activeElement.type === 'search'")
        page.insert("g777")
        if len(page.evaluate(_VISIBLE)) != 1:
            yield f"the filter over {_MANY} resources shows something else"
        if (taken_ms := page.evaluate(_TIMED)) > _MOST_MS:
            yield f"the filter over {_MANY} resources takes {taken_ms:.0f} ms"
        site.azure.edit(made[777], "location", _NORTH)
        if not page.shows("#open ~ ul", "g777"):
            yield f"drift does not appear among {_MANY} resources"


def _restarted(page: Page, folder: Path) -> Iterator[str]:
    """End the loop behind an open page, and start another at the same address: the page says so, and goes on."""
    first, second = PageLoop(folder / "first"), PageLoop(folder / "second")
    page.look(1200, 900, "light")
    with served(first) as (url, do):
        do(seen("tags.team"))
        page.open(f"{url}/")
        if not page.shows("#open ~ ul", "tags.team"):
            yield "drift does not appear on the page before a restart"
    if not page.shows("#connection", "connection lost"):
        yield "the page does not say that the loop has ended"
    second.clock.elapsed += 60
    with served(second, int(url.rpartition(":")[2])) as (_, do):
        do(seen())
        if not page.shows("#open ~ p", "Nothing differs.") or not page.shows("#connection", "live"):
            yield "the page does not go on with the next loop"


def _hostile(page: Page, check: Check, folder: Path) -> Iterator[str]:
    """Look at texts that would be scripts, had they not been escaped."""
    made = PageLoop(folder)
    texts = ["<img src=//x.example onerror=alert(1)>", "</title><script>alert(1)</script>"] * 4
    made.status.take(round_of(made_of(texts), 1.0))
    with served(made) as (url, _):
        yield from check(f"{url}/")
        page.open(f"{url}/")
        yield from check(page.evaluate("document.querySelector('#live li a').href"))
