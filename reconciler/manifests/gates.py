"""The gate of a rollout: where its numbers come from, the bound, and how many in a row it takes. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.http.origin import origin_of
from reconciler.kinds.normal_forms import region
from reconciler.kinds.paths import get
from reconciler.manifests.durations import parse_duration
from reconciler.manifests.schema_errors import problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.problems import Document, Problem
    from reconciler.values import FieldPath

MOST_BYTES: Final = 64 * 1024
"""Of an answer: one number needs no more."""
_STEP: Final = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]{1,6})\]|\[\"([^\"\\\]]*)\"\]", re.ASCII)
_EVERY: Final = timedelta(minutes=5)
_FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class GateRule:
    """
    The gate of a rollout.

    Attributes:
        below: Every number must be below it.
        every: Between two samples.
        samples: That many numbers in a row open the gate.
        url: That answers with a number; None for the share of failed installs, by Resource Graph.
        pick: Keys and indexes that lead to the number in the answer; empty for an answer that is the number.
    """

    below: float
    every: timedelta = _EVERY
    samples: int = 1
    url: str | None = None
    pick: tuple[str | int, ...] = ()


def parse_gate(entry: Mapping[str, Any]) -> GateRule:
    """Return the gate that a valid entry of the project file describes."""
    every = parse_duration(entry["every"]) if "every" in entry else None
    pick = parse_pick(entry.get("pick", "")) or ()
    return GateRule(float(entry["below"]), every or _EVERY, entry.get("samples", 1), entry.get("url"), pick)


def parse_pick(text: str) -> tuple[str | int, ...] | None:
    """Return the keys and indexes of a path such as ``data.result[0].value[1]``; None for a text that is no path."""
    steps: list[str | int] = []
    place = 0
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None or (text[place] == "." and place == 0):
            return None
        steps.append(int(found[2]) if found[2] is not None else found[1] or found[3] or "")
        place = found.end()
    return tuple(steps)


def measured(content: bytes, pick: Sequence[str | int]) -> float | None:
    """Return the number in an answer; None where there is none: HTML, ``NaN``, a boolean, too many bytes."""
    if len(content) > MOST_BYTES:
        return None
    try:
        value = orjson.loads(content)
        for step in pick:
            value = _below(value, step)
        if isinstance(value, str) and pick:
            value = orjson.loads(value)
    except (ValueError, LookupError, TypeError):
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _below(value: Any, step: str | int) -> Any:
    """Return a part of a value; LookupError or TypeError where it has none."""
    if isinstance(step, int) != isinstance(value, list):
        raise LookupError(step)
    return value[step]


def share_failed(rows: Iterable[Mapping[str, Any]], regions: frozenset[str]) -> float | None:
    """Return the share of failed installs in *regions*, by their folded names; None where there is no install."""
    states = [str(row.get("state")).casefold() for row in rows if region(str(row.get("location"))) in regions]
    return sum(state == _FAILED for state in states) / len(states) if states else None


def odd_gates(document: Document) -> Iterator[Problem]:
    """Yield the mistakes of gates that a schema cannot express."""
    entries = get(document.value, ("spec", "rollouts"))
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        at: FieldPath = ("spec", "rollouts", index, "gate")
        url, pick = get(entry, ("gate", "url")), get(entry, ("gate", "pick"))
        if isinstance(url, str) and ((origin := origin_of(url)) is None or not origin.is_safe):
            message = "this is no https URL of a host without user information (http is for loopback only)"
            yield problem(document, (*at, "url"), "gate-url", message, "write an https URL")
        if isinstance(pick, str) and parse_pick(pick) is None:
            fix = "write keys and indexes, such as `data.result[0].value[1]`"
            yield problem(document, (*at, "pick"), "gate-pick", "this is no path to a value", fix)
