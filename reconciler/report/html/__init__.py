"""
The report as one HTML page that needs nothing but itself, for people who were sent a link to it.

The template escapes every text. The page's own style and script are all that its content security policy lets a browser
use; neither holds two colons or two hashes in a row, which a CI runner might take for a command in a log. Without the
script everything is shown. Jinja2 is imported when a page is rendered: it costs more than all other formats together.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from reconciler.report.escape import inert, inert_html
from reconciler.report.lines import answer_of, place_of
from reconciler.report.problems import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment, Template

    from reconciler.report.resource_view import Resource
    from reconciler.report.view import View

_TONES: Final = {"+": "good", "~": "warn", "!": "bad", "?": "bad", "…": "calm", "=": "quiet", "*": "quiet"}
_TONE_OF_CODE: Final = {0: "good", 1: "bad", 2: "warn", 3: "calm"}
_FEW: Final = 12
"""Number of resources that are shown with all details; beyond it, only failed ones are."""


def render(view: View, **_: object) -> str:
    """Return *view* as a page."""
    resources = (*view.noteworthy, *view.unmanaged)
    page = template("page.html.j2").render(
        view=view,
        policy=policy(),
        style=asset("style.css"),
        script=asset("script.js"),
        tone=_TONE_OF_CODE[view.words.code],
        warnings=counted(view.warnings),
        resources=resources,
        chips=_chips(resources),
        unfolded=len(resources) <= _FEW,
        tone_of=tone_of,
        place_of=place_of,
        answer_of=answer_of,
    )
    return inert_html(page)  # two harmless texts side by side may make a pair


@cache
def asset(name: str) -> str:
    """Return the text of a file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def policy() -> str:
    """Return the ``Content-Security-Policy``: nothing is loaded, sent or embedded, and nothing else runs."""
    style, script = _source(asset("style.css")), _source(asset("script.js"))
    return f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"


def _source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def template(name: str) -> Template:
    """Return a template of this package."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=FunctionLoader(asset),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finished,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _finished(value: Any) -> Any:
    """Return what the template writes of a value: a text in which no CI runner finds a command."""
    return inert(value) if type(value) is str else value


class _Chip(NamedTuple):
    """One state that the page can be filtered by."""

    state: str
    number: int
    tone: str


def _chips(resources: Sequence[Resource]) -> list[_Chip]:
    numbers = Counter(each.words.state for each in resources)
    tones = {each.words.state: tone_of(each) for each in reversed(resources)}
    return [_Chip(state, number, tones[state]) for state, number in numbers.items()]


def tone_of(resource: Resource) -> str:
    """Return the tone in which a resource is shown."""
    if resource.words.level == "error":
        return "bad"
    return "good" if resource.outcome == "succeeded" else _TONES[resource.words.mark]
