"""
The report as one HTML page that needs nothing but itself, for people who were sent a link to it.

A tree of elements is built and written by the standard library, which escapes every text and attribute; the page's own
style and script are all that its content security policy lets a browser use. Without the script all is shown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

from reconciler import __version__
from reconciler.kinds.live import Health
from reconciler.model.change import Op
from reconciler.model.outcome import Result
from reconciler.plan.exit_codes import of_report
from reconciler.plan.states import Item, Level, error_of, level_of, noteworthy
from reconciler.report.elements import e, raw, written
from reconciler.report.escape import visible
from reconciler.report.page import POLICY, SCRIPT, STYLE
from reconciler.report.problems import Counted, counted
from reconciler.report.remarks import words_for
from reconciler.report.replicated import regions_of, replicated, title_of
from reconciler.report.text import Look, blocks, error_lines, footer, place_of_field, problem_lines, sides, why_lines
from reconciler.report.values import line_changes
from reconciler.report.verdict import verdict
from reconciler.report.words import MARKS, UNMANAGED_MARK, note_of, stray_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree import ElementTree as ET

    from reconciler.model.change import Change, FieldChange
    from reconciler.model.live import Unmanaged
    from reconciler.model.outcome import Report
    from reconciler.problems import Problem

_TONES: Final = {"+": "good", "~": "warn", "!": "bad", "?": "bad", "…": "calm", "=": "quiet", "*": "quiet"}
_TONE_OF_CODE: Final = {0: "good", 1: "bad", 2: "warn", 3: "calm"}
_ROOM: Final = 1000
"""Characters of one value: a page wraps what a terminal would cut."""
_MOST_LINES: Final = 400
"""Of the difference between two texts."""
_FEW: Final = 12
"""So many resources are shown with all there is to say of them; of more, those that fail."""
_TAGS: Final = {"+": "ins", "-": "del"}


@dataclass(frozen=True, slots=True)
class _Card:
    """
    One resource, as the page shows it.

    Attributes:
        tone: One of the style's.
        fails: Whether it makes the command exit 1.
        body: The part that unfolds.
    """

    mark: str
    kind: str
    name: str
    state: str
    tone: str
    place: str
    fails: bool
    body: tuple[ET.Element, ...]


def render(report: Report, **_: object) -> str:
    """Return *report* as a page."""
    return written(e("html", _head(report), _body(report), lang="en"))


def _head(report: Report) -> ET.Element:
    return e(
        "head",
        e("meta", charset="utf-8"),
        e("meta", http_equiv="Content-Security-Policy", content=POLICY),
        e("meta", name="viewport", content="width=device-width, initial-scale=1"),
        e("meta", name="color-scheme", content="light dark"),
        e("meta", name="referrer", content="no-referrer"),
        e("title", f"{report.command}: {verdict(report)}"),
        raw("style", STYLE),
    )


def _body(report: Report) -> ET.Element:
    cards = [*_resources(report)]
    return e(
        "body",
        _banner(report),
        e("main", *_problems(report), _listing(cards) if cards else None, *_replication(report)),
        e("footer", f"Written by reconciler {__version__}."),
        raw("script", SCRIPT) if cards else None,
    )


def _banner(report: Report) -> ET.Element:
    finished = report.finished_at.astimezone(UTC)
    when = e("time", finished.strftime("%Y-%m-%d %H:%M:%S UTC"), datetime=finished.strftime("%Y-%m-%dT%H:%M:%SZ"))
    asked = footer(report)
    return e(
        "header",
        e("p", f"reconciler {report.command} · ", when),
        e("h1", verdict(report)),
        e("p", asked) if asked else None,
        class_=f"tone-{_TONE_OF_CODE[of_report(report, detailed=True)]}",
    )


def _problems(report: Report) -> Iterator[ET.Element]:
    found = (("Errors", "error", map(Counted, report.errors)), ("Warnings", "warning", counted(report.warnings)))
    for title, level, problems in found:
        cards = [_problem(each.problem, level, each.places) for each in problems]
        if cards:
            yield e("section", e("h2", title, id=level), e("ul", *cards), aria_labelledby=level)


def _problem(problem: Problem, level: str, places: str) -> ET.Element:
    where = ":".join(str(part) for part in (visible(problem.file), problem.line, problem.column) if part is not None)
    head = e(
        "div",
        e("span", "!", class_="mark", aria_hidden="true"),
        e("span", visible(problem.message), class_="name"),
        e("span", visible(problem.code), class_="state"),
        e("span", f"{where}, {places}" if places else where, class_="place"),
        class_="head",
    )
    _, *more = problem_lines(problem, level, Look(), places)
    body = e("div", *_paragraphs(more), class_="body") if more else None
    return e("li", head, body, class_=f"card tone-{'bad' if level == 'error' else 'warn'}")


def _paragraphs(lines: Sequence[str]) -> Iterator[ET.Element]:
    """Yield lines of the text report as paragraphs; the way out stands out."""
    for line in map(str.strip, lines):
        yield e("p", line, **({"class_": "fix"} if line.startswith("fix: ") else {}))


def _replication(report: Report) -> Iterator[ET.Element]:
    """Yield a list of the resources whose replication was read, and of their regions."""
    cards = []
    for change, copies in replicated(report):
        lines = (title_of(change, copies), *regions_of(copies))
        cards.append(e("li", e("div", *(e("p", line) for line in lines), class_="body"), class_="card"))
    if cards:
        yield e("section", e("h2", "Replication", id="copies"), e("ul", *cards), aria_labelledby="copies")


def _listing(cards: Sequence[_Card]) -> ET.Element:
    listed = (_element(card, is_open=card.fails or len(cards) <= _FEW) for card in cards)
    title = e("h2", "Resources", id="resources")
    return e("section", title, _filter(cards), e("ul", *listed), aria_labelledby="resources")


def _filter(cards: Sequence[_Card]) -> ET.Element:
    """Return the filter, which is hidden until the script that makes it work says otherwise."""
    numbers = Counter(card.state for card in cards)
    tones = {card.state: card.tone for card in reversed(cards)}
    chips = (_chip(state, number, tones[state]) for state, number in numbers.items())
    search = e("input", type="search", name="text", autocomplete="off", spellcheck="false")
    box = e("div", e("label", "Text ", search, class_="search"), e("output", aria_live="polite"), class_="search")
    return e("form", e("fieldset", e("legend", "Show only"), *chips), box, hidden="", role="search")


def _chip(state: str, number: int, tone: str) -> ET.Element:
    box = e("input", type="checkbox", name="state", value=state)
    return e("label", box, f"{number} {state}", class_=f"chip tone-{tone}")


def _resources(report: Report) -> Iterator[_Card]:
    for item in noteworthy(report):
        change = item.change
        source = change.desired.source
        mark, level = MARKS[change.action], level_of(item, report)
        yield _Card(
            mark=mark,
            kind=change.desired.kind.name,
            name=change.desired.name,
            state=words_for(item, report),
            tone=_tone(item, report, mark),
            place=f"{visible(source.file)}:{source.line}",
            fails=level is Level.ERROR,
            body=(*_said(item), *_way_out(item)),
        )
    yield from map(_stray, report.plan.unmanaged)


def _tone(item: Item, report: Report, mark: str) -> str:
    if level_of(item, report) is Level.ERROR:
        return "bad"
    succeeded = item.outcome is not None and item.outcome.result is Result.SUCCEEDED
    return "good" if succeeded else _TONES[mark]


def _stray(unmanaged: Unmanaged) -> _Card:
    health = unmanaged.live.health
    ill = (e("p", f"health: {health}"),) if health is not Health.HEALTHY else ()
    state = "unmanaged" if unmanaged.owner is None else "owned elsewhere"
    said = (e("p", visible(unmanaged.id), class_="id"), e("p", visible(stray_of(unmanaged))), *ill)
    return _Card(UNMANAGED_MARK, unmanaged.kind.name, unmanaged.name, state, "quiet", "", fails=False, body=said)


def _element(card: _Card, *, is_open: bool) -> ET.Element:
    """Return a card that unfolds, if there is something in it."""
    head = (
        e("span", card.mark, class_="mark", aria_hidden="true"),
        e("span", e("span", visible(card.kind), class_="kind"), " ", e("span", visible(card.name), class_="name")),
        e("span", card.state, class_="state"),
        e("span", card.place, class_="place"),
    )
    summary = e("summary", *head, class_="head")
    opened = {"open": ""} if is_open else {}
    content = e("details", summary, e("div", *card.body, class_="body"), **opened)
    return e("li", content, class_=f"card tone-{card.tone}", data_state=card.state)


def _said(item: Item) -> Iterator[ET.Element]:
    """Yield what a resource is and why, then what differs."""
    change = item.change
    lines = [visible(change.desired.id), *(line.strip() for line in why_lines(item))]
    for place, line in enumerate(lines):
        yield e("p", line, **({} if place else {"class_": "id"}))
    if change.fields:
        yield e("dl", *(part for field in change.fields for part in _field(change, field)), class_="fields")


def _way_out(item: Item) -> Iterator[ET.Element]:
    error, fix = error_of(item), item.change.fix
    if error is not None:
        lines = tuple(error_lines(item, error, Look()))
        yield e("div", *_paragraphs(lines), class_="error")
    if fix and (error is None or fix != error.fix):
        yield from _paragraphs((f"fix: {visible(fix)}",))


def _field(change: Change, field: FieldChange) -> Iterator[ET.Element]:
    note, place = note_of(field), place_of_field(change, field)
    yield e(
        "dt",
        e("span", "!", class_="mark tone-bad") if blocks(field) else None,
        e("code", f" {visible(field.path)}" if blocks(field) else visible(field.path)),
        e("span", f" ({note})", class_="note") if note else None,
        e("span", f" {place}", class_="place") if place else None,
    )
    changes = line_changes(field.observed, field.desired, _MOST_LINES) if field.op is Op.REPLACE else ()
    if changes:
        yield e("dd", e("div", *(_line(sign, line) for sign, line in changes), class_="lines"))
    else:
        yield e("dd", *_sides(change, field))


def _line(sign: str, line: str) -> ET.Element:
    return e(_TAGS.get(sign, "div"), *(() if sign in _TAGS else (sign,)), line, class_="value")


def _sides(change: Change, field: FieldChange) -> Iterator[ET.Element]:
    sign, shown = sides(change, field, _ROOM)
    tags = (_TAGS.get(sign, "div"),) if len(shown) == 1 else ("del", "ins")
    for tag, text in zip(tags, shown, strict=True):
        yield e(tag, text, class_="value")
