"""``history``: prints rounds and drift episodes, also while the loop runs. Reads its file only."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli import completion, options
from reconciler.cli.complaint import complain
from reconciler.cli.delivery import print_result, wants_color, width
from reconciler.cli.options import Given, option
from reconciler.clock import SystemClock
from reconciler.errors import HistoryError, UsageError
from reconciler.kinds.patterns import is_match
from reconciler.plan.exit_codes import ExitCode
from reconciler.report import render_history
from reconciler.service.reading import read_history
from reconciler.service.store import open_reader

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOST_DIGITS: Final = 9


class Since(click.ParamType[float]):
    """A moment, as a date, an instant, or a duration before now; in seconds since 1970."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the moment, or refuse the text."""
        if isinstance(value, float):
            return value
        text = str(value)
        number, unit = text[:-1], text[-1:]
        if unit in _UNITS and number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS:
            return SystemClock().now().timestamp() - int(number) * _UNITS[unit]
        try:
            found = datetime.fromisoformat(text)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is no time: write 7d, 12h, 2026-11-30 or 2026-11-30T08:00:00Z", param, ctx)


@options.command("history")
@click.argument("address", metavar="[KIND/NAME]", required=False, shell_complete=completion.addresses)
@option(
    "--since",
    type=Since(),
    default=None,
    metavar="TIME",
    help="Only what was seen since: 7d, 12h, 2026-11-30 or 2026-11-30T08:00:00Z, in UTC.  [default: all]",
)
@options.state_dir(options.STATE_DIR)
@options.few_output
def command(given: Given, address: str | None, since: float | None) -> int:
    """Print the rounds and drift episodes of run. Reads the history file only."""
    is_wanted = _wanted(address)
    folder = given.state_dir or Path(options.STATE_DIR)
    try:
        store = open_reader(folder)
        if store is None:
            message = f"no-history: there is no history in {folder}"
            return complain(message, ExitCode.FAILURE, ("fix: start reconciler run, or name its --state-dir",))
        with contextlib.closing(store):
            view = read_history(store, since or 0.0, is_wanted, people=given.output != "json")
    except HistoryError as error:
        return complain(f"history-unusable: {error}", ExitCode.FAILURE, (f"fix: {error.fix}",))
    print_result(render_history(view, given.output, color=wants_color(given), width=width(given)), given)
    return ExitCode.SUCCESS


def _wanted(address: str | None) -> Callable[[str, str], bool] | None:
    """
    Return whether the episodes of a kind and name are wanted, by ``KIND/NAME`` with wildcards; None for all.

    Raises:
        UsageError: It is no such address.
    """
    if address is None:
        return None
    kind, slash, name = address.partition("/")
    if not slash or not kind or not name:
        message = f"{address!r} is not KIND/NAME"
        raise UsageError(message)
    return lambda a, b: is_match(kind, a) and is_match(name, b)
