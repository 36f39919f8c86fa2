"""
The names of Azure's regions, and the one that a misspelt name most likely means.

The list is data, ``regions.json``, with its date and source. It serves warnings and suggestions only: Azure
opens regions, and one that is not in the list is never an error by itself.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.kinds.normal_forms import region

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE: Final = Path(__file__).with_name("regions.json")
_WORDS: Final = re.compile(r"[a-z]+|[0-9]+")
_LIKENESS: Final = 0.6


@cache
def known_regions() -> Mapping[str, str]:
    """Return the display name of every region by its short name, such as ``West Europe`` by ``westeurope``."""
    return {region(name): name for name in _data()["regions"]}


@cache
def geographies() -> Mapping[str, str]:
    """Return the display name of every group of regions by its short name: nothing can be placed in one."""
    return {region(name): name for name in _data()["geographies"]}


def nearest_region(name: str) -> str | None:
    """Return the display name of the region that is most like *name*; None if none is."""
    from difflib import get_close_matches  # noqa: PLC0415 (for mistakes only)

    words = sorted(_WORDS.findall(name.lower()))
    swapped = next(
        (known for known in known_regions().values() if sorted(_WORDS.findall(known.lower())) == words), None
    )
    if swapped is not None:
        return swapped
    short = "".join(_WORDS.findall(name.lower()))
    near = get_close_matches(short, known_regions(), n=1, cutoff=_LIKENESS)
    return known_regions()[near[0]] if near else None


def suggestion(name: str) -> str | None:
    """Return the region that is most like *name*, in its way of spelling; None if none is."""
    near = nearest_region(name)
    if near is None or " " in name.strip() or " " not in near:
        return near
    return f"{region(near)} ({near})"


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(_FILE.read_bytes())
    return data
