"""The pages of ``run --listen``: the estate, a resource, the history, a round. They share the HTML report's style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reconciler.report.escape import inert_html
from reconciler.report.estate import path_of, steps_of
from reconciler.report.html import asset, template, tone_of
from reconciler.report.lines import answer_of, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.report.estate import About, Estate
    from reconciler.report.history import EpisodeView, HistoryView, RoundView

_TONES: Final = {  # of a round's outcome, of a severity, and of a rollout's step
    "ok": "good",
    "failed": "bad",
    "held": "calm",
    "rejected": "warn",
    "security": "bad",
    "delivery": "warn",
    "cosmetic": "calm",
    "done": "good",
    "due": "warn",
    "waits": "calm",
    "stopped": "bad",
    "to come": "quiet",
}
_COUNTED: Final = (
    ("resources", "resources"),
    ("inSync", "in sync"),
    ("drift", "differ"),
    ("blocked", "blocked"),
    ("wait", "waiting"),
    ("unknown", "unknown"),
    ("unmanaged", "unmanaged"),
    ("puts", "PUTs"),
    ("succeeded", "written"),
    ("failed", "failed"),
)
"""The counts of a round that are shown, with their words."""


def estate_page(estate: Estate | None, label: str) -> str:
    """Return the page of the estate after the round of a *label*; *estate* is None before the first."""
    tone = _tone(estate) if estate is not None else ""
    return _rendered("estate.html.j2", estate=estate, tone=tone, label=label)


def resource_page(about: About, label: str) -> str:
    """Return the page of one resource."""
    return _rendered("resource.html.j2", about=about, label=label)


def history_page(history: HistoryView | None, label: str) -> str:
    """Return the page of all drift and rounds; *history* is None where none can be read."""
    return _rendered("history.html.j2", history=history, label=label)


def round_page(made: RoundView, episodes: Sequence[EpisodeView], label: str) -> str:
    """Return the page of one round, with the episodes that were open then."""
    return _rendered("round.html.j2", made=made, episodes=episodes, counted=_COUNTED, label=label)


def missing_page(label: str) -> str:
    """Return the page of a resource that the last round does not have."""
    return _rendered("missing.html.j2", label=label)


def style() -> str:
    """Return the style of the pages: that of the HTML report, and their own."""
    return asset("style.css") + asset("estate.css")


def script() -> str:
    """Return the script of the pages."""
    return asset("estate.js")


def icon() -> str:
    """Return the icon of the pages."""
    return asset("icon.svg")


def _tone(estate: Estate) -> str:
    """Return the tone of a round: that of its outcome, unless it ended well and there is drift all the same."""
    if estate.outcome == "ok" and estate.open:
        return "warn"
    return _TONES[estate.outcome]


def _tone_of_round(made: RoundView) -> str:
    return "warn" if made.outcome == "ok" and made.summary.get("drift") else _TONES[made.outcome]


def _when(instant: str) -> str:
    """Return an instant for people: 2026-12-02T06:00:00Z is 2026-12-02 06:00:00 UTC."""
    return f"{instant[:10]} {instant[11:19]} UTC"


def _rendered(name: str, **values: Any) -> str:
    own = {
        "tone_of": tone_of,
        "place_of": place_of,
        "answer_of": answer_of,
        "path_of": path_of,
        "steps_of": steps_of,
        "when": _when,
        "tones": _TONES,
        "tone_of_round": _tone_of_round,
    }
    return inert_html(template(name).render(**own, **values))
