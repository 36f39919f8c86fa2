"""Regular expressions that are compiled when they are first used: most runs need few of them. Pure."""

from __future__ import annotations

import re
from typing import Final, cast

_METHODS: Final = ("search", "match", "fullmatch", "finditer", "findall", "sub")


def late(source: str, flags: int = 0) -> re.Pattern[str]:
    """Return the pattern of *source*, which is compiled at the first use of a method."""
    return cast("re.Pattern[str]", _Late(source, flags))


class _Late:
    """Has the methods of a pattern from its first use on, so that each later call costs what the pattern's own does."""

    def __init__(self, source: str, flags: int) -> None:
        self._source = source
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(self._source, self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)
