"""
How the service spells instants: in the local time of the US west coast.

Sent ``2030-06-19T07:00:00Z``, answered ``2030-06-19T00:00:00-07:00``; the start of an operation in winter carries
``-08:00`` (azure-sdk-for-net, session record ``GalleryApplicationVersion_CRUD_Tests``, api-version 2022-03-03).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from reconciler.kinds.normal_forms import parse_instant

_STANDARD: Final = timedelta(hours=-8)
_DAYLIGHT: Final = timedelta(hours=-7)
_SWITCH_HOUR_UTC: Final = {_STANDARD: 10, _DAYLIGHT: 9}
_SUNDAY: Final = 6


def pacific_offset(moment: datetime) -> timedelta:
    """Return the offset of the US west coast at *moment* (UTC): rules of 2007, without a time zone database."""
    starts = _sunday(moment.year, 3, 2).replace(hour=_SWITCH_HOUR_UTC[_STANDARD])
    ends = _sunday(moment.year, 11, 1).replace(hour=_SWITCH_HOUR_UTC[_DAYLIGHT])
    return _DAYLIGHT if starts <= moment < ends else _STANDARD


def _sunday(year: int, month: int, which: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(_SUNDAY - first.weekday()) % 7 + 7 * (which - 1))


def respell(text: str) -> str:
    """Return the same instant as the service writes it; text that is no instant comes back as sent."""
    parsed = parse_instant(text)
    if parsed is None:
        return text
    moment, fraction = parsed
    return _written(moment, f".{fraction}" if fraction else "")


def stamp(seconds: float) -> str:
    """Return a time of the server's own clock, with seven digits of fraction."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return _written(moment, f".{moment.microsecond:06d}0")


@lru_cache
def utc_stamp(seconds: float) -> str:
    """Return a time as ``systemData`` has it; resources that were written together have one."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"


def _written(moment: datetime, fraction: str) -> str:
    try:
        local = moment.astimezone(timezone(pacific_offset(moment)))
    except OverflowError:  # the first and last hours that a date can hold
        local = moment
    offset = local.strftime("%z")
    seconds = local.replace(tzinfo=None).isoformat(timespec="seconds")  # unlike strftime, pads the years before 1000
    return f"{seconds}{fraction}{offset[:3]}:{offset[3:]}"
