"""The text of a report that is too long to be read."""

from __future__ import annotations

import json

import pytest

from reconciler.errors import ErrorInfo
from reconciler.model.change import Action, Reason
from reconciler.model.outcome import Outcome, Result
from reconciler.report import MOST, render
from tests.kit.reports import applied, change, report, unmanaged

BROKEN = ErrorInfo("Http503", "the server is busy")


def outcome(number: int, *, fails: bool) -> Outcome:
    """Return how the PUT of one of many resources ended."""
    made = change(f"n{number:05}", Action.UPDATE, Reason.FIELDS_DIFFER)
    return Outcome(made, Result.FAILED, BROKEN) if fails else Outcome(made, Result.SUCCEEDED)


@pytest.mark.parametrize(("failing", "shown"), [(100, 100), (1000, MOST)])
def test_failures_are_shown_before_what_went_well(failing: int, shown: int) -> None:
    """Of two thousand resources the text holds five hundred, the failed ones first, and says that the JSON has all."""
    made = applied(*(outcome(number, fails=number >= 2_000 - failing) for number in range(2_000)))
    lines = render(made, "text").splitlines()
    heads = [line for line in lines if line.startswith("~ ")]
    assert lines[0] == f"Failed: {failing} resources failed; {2_000 - failing} updated."
    assert len(heads) == MOST
    assert sum("  failed  " in head for head in heads) == shown
    assert heads == sorted(heads)
    assert "1500 more resources not shown: --report json=FILE writes all of them" in lines
    assert len(json.loads(render(made, "json"))["resources"]) == 2_000


def test_as_many_as_there_is_room_for() -> None:
    """Nothing is said of a rest that there is not."""
    full = report("plan", *(change(f"n{number}", Action.CREATE, Reason.NOT_FOUND) for number in range(MOST)))
    assert "not shown" not in render(full, "text")


def test_blocked_ones_stay_and_unmanaged_ones_go_first() -> None:
    """Blocked resources are always shown; unmanaged ones are the first to be left out."""
    good = [change(f"n{number}", Action.CREATE, Reason.NOT_FOUND) for number in range(MOST)]
    bad = change("frozen", Action.BLOCKED, Reason.IMMUTABLE_FIELD)
    text = render(report("plan", *good, bad, unmanaged=(unmanaged("0.9.0"),)), "text")
    assert "! GalleryApplicationVersion frozen" in text
    assert "not declared by any manifest" not in text
    assert "2 more resources not shown" in text


def test_a_long_error_is_told_once() -> None:
    """An error that stopped all resources alike, such as a sign-in, would hide the rest; JSON has it for each."""
    long, short = (ErrorInfo("AuthFailed", "no token " * times, fix="sign in") for times in (50, 1))
    errors = (long, short, long, short)
    unread = [
        change(f"n{number}", Action.UNKNOWN, Reason.READ_FAILED, error=error) for number, error in enumerate(errors)
    ]
    text = render(report("plan", *unread), "text")
    assert text.count(long.message) == 1
    assert text.count(f": {short.message}\n") == 2
    assert "error[AuthFailed]: the same as for GalleryApplicationVersion/n0" in text
    assert render(report("plan", *unread), "json").count(long.message) == 2
