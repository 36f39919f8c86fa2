"""Values as a reader writes them: short, on one line, and never mistaken for something else."""

from __future__ import annotations

import json
import re
from difflib import unified_diff
from itertools import islice, zip_longest
from typing import Any, Final

from reconciler.report.escape import visible
from reconciler.secret.text import HIDDEN, HIDDEN_CHANGED, Secret, scrub
from reconciler.values import MISSING

_SCRIPT_LINES: Final = 3
"""A live text of so many lines is shown by its lines, where the manifest has one line."""
ABSENT: Final = "(absent)"
_LEAD: Final = 8
"""How many equal characters are kept before the first that differs."""

_AMBIGUOUS: Final = re.compile(
    r"""^$ | ^\s | \s$ | \s\s            # blanks that would be lost beside ours
    | ^["'{\[(] | …$ | [ ]→[ ]           # what we ourselves write
    | ^(?:null|true|false|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$   # another type's spelling
    """,
    re.VERBOSE,
)


def literal(value: Any, limit: int, skip: int = 0) -> str:
    """
    Return *value* in about *limit* characters.

    A text is quoted only where it could be taken for something else; inside quotes, backslashes are doubled. Likely
    secrets are hidden before anything is cut: half a signature cannot be distinguished from a word.

    Args:
        value: JSON, a secret, or MISSING.
        limit: Where to cut; an ellipsis marks the omitted rest.
        skip: How much of a text to leave out at its beginning.
    """
    if value is MISSING:
        return ABSENT
    if isinstance(value, Secret):
        value = value.shown
    if type(value) is int:
        return str(value)
    if not isinstance(value, str):
        return visible(_cut(scrub(json.dumps(value, ensure_ascii=False, default=str)), limit))
    text = scrub(value)
    return text if text in {HIDDEN, HIDDEN_CHANGED} else _text(text, limit, skip)


def pair(observed: Any, desired: Any, limit: int) -> tuple[str, str]:
    """Return both sides, cut so that the place where two long texts part is seen; a secret is shown as changed."""
    skip = 0
    differ = observed != desired
    observed, desired = _scrubbed(observed), _scrubbed(desired)
    if differ and observed == desired:
        desired = HIDDEN_CHANGED
    if isinstance(observed, str) and isinstance(desired, str) and max(len(observed), len(desired)) > limit:
        common = _common(observed, desired)
        spare = max(len(observed), len(desired)) - limit + 1
        skip = min(common - _LEAD, spare) if common > limit - _LEAD else 0
    return literal(observed, limit, skip), literal(desired, limit, skip)


def _scrubbed(value: Any) -> Any:
    return scrub(value) if isinstance(value, str) else value


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, sides in pairs if sides[0] != sides[1]), min(len(one), len(other)))


def first_difference(observed: Any, desired: Any, limit: int) -> str:
    """Return the first line, from 1, in which two texts of several lines differ; empty if they are not such texts."""
    if not isinstance(observed, str) or not isinstance(desired, str) or "\n" not in observed + desired:
        return ""
    lines = zip_longest(scrub(observed).split("\n"), scrub(desired).split("\n"), fillvalue=MISSING)
    for number, (old, new) in enumerate(lines, 1):
        if old != new:
            return f"line {number}: {' → '.join(pair(old, new, limit))}"
    return ""


def line_changes(observed: Any, desired: Any, most: int) -> tuple[tuple[str, str], ...]:
    """
    Return the lines in which two texts of several lines differ, with two around them; empty if they are not such texts.

    Args:
        observed: The live value.
        desired: The value that is to be.
        most: How many lines to give.

    Returns:
        Pairs of a sign (``+``, ``-``, a blank, or ``…`` where lines are left out) and a line.
    """
    if not isinstance(observed, str) or not isinstance(desired, str):
        return ()
    if "\n" not in desired and observed.count("\n") < _SCRIPT_LINES - 1:
        return ()
    live, wanted = scrub(observed).split("\n"), scrub(desired).split("\n")
    changes = list(islice(unified_diff(live, wanted, n=2, lineterm=""), 2, most + 4))
    shown = [("…", "") if line.startswith("@@") else (line[0], visible(line[1:])) for line in changes[1 : most + 1]]
    return (*shown, *((("…", ""),) if len(changes) > most + 1 else ()))


def _text(text: str, limit: int, skip: int) -> str:
    first, *more = text.split("\n")
    if more:
        return f"{_quoted(f'{first[:limit]}…')} ({len(more) + 1} lines)"
    short = _cut(f"…{text[skip:]}" if skip else text, limit)
    return _quoted(short) if _AMBIGUOUS.search(text) or visible(text) != text else short


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{visible(escaped)}"'


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: max(limit - 1, 1)]}…"
