"""The pages of ``run --listen``: the estate, and one resource. They share style and macros with the HTML report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reconciler.report.escape import inert_html
from reconciler.report.html import asset, template, tone_of
from reconciler.report.lines import answer_of, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.report.estate import Entry, Estate
    from reconciler.report.history import EpisodeView

_TONES: Final = {  # of a round's outcome, and of a severity
    "ok": "good",
    "failed": "bad",
    "held": "calm",
    "rejected": "warn",
    "security": "bad",
    "delivery": "warn",
    "cosmetic": "calm",
}


def estate_page(estate: Estate | None, number: int) -> str:
    """Return the page of the estate after *number* rounds; *estate* is None before the first."""
    return _rendered("estate.html.j2", estate=estate, number=number)


def resource_page(estate: Estate, entry: Entry, episodes: Sequence[EpisodeView] | None, number: int) -> str:
    """Return the page of one resource; *episodes* is None without a history."""
    return _rendered("resource.html.j2", estate=estate, entry=entry, episodes=episodes, number=number)


def missing_page(number: int) -> str:
    """Return the page of a resource that the last round does not have."""
    return _rendered("missing.html.j2", number=number)


def style() -> str:
    """Return the style of the pages: that of the HTML report, and their own."""
    return asset("style.css") + asset("estate.css")


def script() -> str:
    """Return the script of the pages."""
    return asset("estate.js")


def _rendered(name: str, **values: Any) -> str:
    own = {"tone_of": tone_of, "place_of": place_of, "answer_of": answer_of, "tones": _TONES}
    return inert_html(template(name).render(**own, **values))
