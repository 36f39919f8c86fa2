"""
Windows in which the loop may write, and in which it may not. Pure: the time is an argument.

A window opens at each firing of its cron line, in its time zone, and stays open for its duration, in elapsed time.
cronsim finds the firings in local time; what summer time makes of them is decided here, as in Debian's cron
(``cron(8)``): a line with a fixed hour fires once on each day, at the end of a gap where its time does not exist and
the first time where it exists twice; a line whose minute or hour begins with ``*`` fires whenever the clock shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from reconciler.manifests.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

_MOST_SHIFT: Final = timedelta(hours=3)
"""More than any time zone's clocks are moved at once today; days that a country has skipped are long past."""
_MINUTE: Final = timedelta(minutes=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_HORIZON: Final = timedelta(days=400)
_LONGEST: Final = timedelta(days=366)
_MOST_JUMPS: Final = 500


@dataclass(frozen=True, slots=True)
class Window:
    """
    One entry of ``spec.schedule``.

    Attributes:
        allows: Whether writing is allowed while it is open, or denied.
        cron: Five fields.
        duration: How long it stays open.
        time_zone: An IANA name.
    """

    name: str
    allows: bool
    cron: str
    duration: timedelta
    time_zone: str = "UTC"

    def last_opening(self, now: datetime) -> datetime | None:
        """Return the last firing until *now*, in UTC; None if there was none in decades."""
        zone, is_fixed, best = _zone(self.time_zone), _is_fixed(self.cron), datetime.min.replace(tzinfo=UTC)
        here, slack = _wall(now, zone), _slack(now, zone)
        for wall in _fired(self.cron, here + slack + _MINUTE, reverse=True):
            best = max([best, *(each for each in _moments(wall, zone, fixed=is_fixed) if each <= now)])
            if best.year > 1 and here - wall >= slack:
                return best
        return best if best.year > 1 else None

    def next_opening(self, now: datetime) -> datetime | None:
        """Return the first firing after *now*, in UTC; None if there is none in decades."""
        zone, is_fixed, best = _zone(self.time_zone), _is_fixed(self.cron), _NEVER
        here, slack = _wall(now, zone), _slack(now, zone)
        for wall in _fired(self.cron, here - slack):
            best = min([best, *(each for each in _moments(wall, zone, fixed=is_fixed) if each > now)])
            if best < _NEVER and wall - here >= slack:
                return best
        return best if best < _NEVER else None

    def closing(self, now: datetime) -> datetime | None:
        """Return the end of the window that is open *now*, unless it fires again before; None if it is closed."""
        opened = self.last_opening(now)
        return opened + self.duration if opened is not None and now < opened + self.duration else None

    def is_open(self, now: datetime) -> bool:
        """Return whether the window is open *now*."""
        return self.closing(now) is not None


@dataclass(frozen=True, slots=True)
class Closed:
    """
    Writing is forbidden by windows.

    Attributes:
        window: The one that denies, or the one that allows next; None if none of them ever does.
        until: When writing is allowed again; None where that is more than a year away.
    """

    window: Window | None
    until: datetime | None


def closed(windows: Sequence[Window], now: datetime) -> Closed | None:
    """
    Return why *windows* forbid writing *now*; None where they allow it.

    An open window that denies wins. Where any window allows, writing is allowed only while one of those is open.
    """
    if _blocking(windows, now) is None:
        return None
    until = _until(windows, now)
    denies = next((each for each in windows if not each.allows and each.is_open(now)), None)
    return Closed(denies or _opened_at(windows, until), until)


def _opened_at(windows: Sequence[Window], moment: datetime | None) -> Window | None:
    """Return the first window that allows writing at a moment."""
    if moment is None:
        return None
    return next((each for each in windows if each.allows and each.is_open(moment)), None)


def _blocking(windows: Sequence[Window], now: datetime) -> datetime | None:
    """Return a moment until which writing is surely forbidden; None if it is allowed *now*."""
    ends = [end for each in windows if not each.allows and (end := each.closing(now)) is not None]
    allowing = [each for each in windows if each.allows]
    if allowing and not any(each.is_open(now) for each in allowing):
        ends.append(min(each.next_opening(now) or _NEVER for each in allowing))
    return max(ends, default=None)


def _until(windows: Sequence[Window], now: datetime) -> datetime | None:
    moment = now
    for _ in range(_MOST_JUMPS):
        later = _blocking(windows, moment)
        if later is None:
            return moment
        if later - now > _HORIZON:
            return None
        moment = later
    return None


def mistakes(cron: str, duration: str, time_zone: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the mistakes in the texts of a window: the key, a code, a message and a fix."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 (few projects have windows)

    from cronsim import CronSimError  # noqa: PLC0415

    try:
        ZoneInfo(time_zone)
    except (ValueError, OSError, LookupError):
        fix = "write a name of the IANA list, such as `Europe/Berlin`"
        yield "timeZone", "time-zone", "this is not a time zone", fix
    if (parse_duration(duration) or _LONGEST) > _LONGEST:
        yield "duration", "duration", "a window is open for 366 days at most", "leave it out, or shorten it"
    try:
        first = next(_fired(cron, datetime(2024, 1, 1)), None)  # noqa: DTZ001 (local time)
    except CronSimError as error:
        field = str(error).removeprefix("Bad ").lower()
        yield "cron", "cron", f"this is not a cron line: {field}", "correct the field that is named"
        return
    if first is None:
        yield "cron", "cron", "no date fits this cron line", "correct day and month"


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return ZoneInfo(name)


def _slack(now: datetime, zone: tzinfo) -> timedelta:
    """Return how far the local time of a firing may be from its place in order: not at all unless clocks are moved."""
    offsets = {(now + shift).astimezone(zone).utcoffset() for shift in (-2 * _MOST_SHIFT, 2 * _MOST_SHIFT)}
    return _MOST_SHIFT if len(offsets) > 1 else timedelta()


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    """Return the local time without its zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _fired(cron: str, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    """Yield the firings after *start*, or before it, in local time: without a zone, cronsim knows no summer time."""
    from cronsim import CronSim  # noqa: PLC0415

    yield from CronSim(cron, start, reverse=reverse)


def _is_fixed(cron: str) -> bool:
    """Return whether a line names its hour: neither minute nor hour begins with a star."""
    return not any(field.startswith("*") for field in cron.split()[:2])


def _moments(wall: datetime, zone: tzinfo, *, fixed: bool) -> list[datetime]:
    """Return the moments, in UTC, at which a line fires for a local time."""
    found = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    if _wall(found[0], zone) != wall:  # in a gap: fold 1 is read with the offset after it, fold 0 with the one before
        return [_end_of_gap(found[1], found[0], zone)] if fixed else []
    return found[:1] if fixed or found[0] == found[1] else found


def _end_of_gap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the moment between two at which the clocks are moved, to the minute."""
    offset = before.astimezone(zone).utcoffset()
    minutes = (after - before) // _MINUTE
    low, high = 0, minutes
    while high - low > 1:
        middle = (low + high) // 2
        is_moved = (before + middle * _MINUTE).astimezone(zone).utcoffset() != offset
        low, high = (low, middle) if is_moved else (middle, high)
    return before + high * _MINUTE
