"""
Wildcards of the command line and of the project file, matched in time that grows with the lengths only. Pure.

A pattern from outside never becomes a regular expression, as some of them make a backtracking engine run for years.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

MOST: Final = 1024
"""Characters of a pattern; the schema of the project file has the same bound."""


def is_match(pattern: str, text: str, *, single: str | None = "?") -> bool:
    """
    Return whether *pattern* covers the whole of *text*: ``*`` is any characters; case counts.

    The parts between the asterisks are searched from left to right, each at its first occurrence: a later one never
    leaves more room for the others.

    Args:
        pattern: With its wildcards.
        text: To be covered.
        single: Stands for any one character; None where no character does.
    """
    first, *parts = pattern.split("*")
    if not parts:
        return len(first) == len(text) and _fits(first, text, 0, single)
    last = parts.pop()
    end = len(text) - len(last)
    if len(first) > end or not _fits(first, text, 0, single) or not _fits(last, text, end, single):
        return False
    at = len(first)
    for part in parts:
        found = _find(part, text, (at, end), single)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _fits(part: str, text: str, at: int, single: str | None) -> bool:
    if single is None or single not in part:
        return text.startswith(part, at)
    return all(want in (single, have) for want, have in zip(part, text[at : at + len(part)], strict=True))


def _find(part: str, text: str, bounds: tuple[int, int], single: str | None) -> int:
    if single is None or single not in part:
        return text.find(part, *bounds)
    start, end = bounds
    return next((at for at in range(start, end - len(part) + 1) if _fits(part, text, at, single)), -1)


@lru_cache(maxsize=1024)
def path_tokens(path: str) -> tuple[str, ...]:
    """
    Return the keys and elements of a path as reports show it: ``a``, ``[west]``, ``["a.b"]``.

    A bracket closes where a step can follow, so an element may hold periods and brackets; of what is no path, the parts
    that are.
    """
    found: list[str] = []
    at, close, size = 0, -1, len(path)
    while at < size:
        if path[at] == "[":
            end = _quoted_end(path, at)
            if end is None:
                if close < size:  # it only moves forward, so the path is passed over once
                    close = _closing(path, max(close, at + 1))
                end = close + 1 if close < size else None
            if end is None:
                at += 1
                continue
        elif path[at] in ".]":
            at += 1
            continue
        else:
            end = at + 1
            while end < size and path[end] not in ".[]":
                end += 1
        found.append(path[at:end])
        at = end
    return tuple(found)


def _quoted_end(path: str, at: int) -> int | None:
    """Return where the element in quotes ends that begins at *at*; None where there is none."""
    if not path.startswith('["', at):
        return None
    at += 2
    while at < len(path) and path[at] != '"':
        at += 2 if path[at] == "\\" else 1
    end = at + 2
    return end if path.startswith('"]', at) and _is_step(path, end) else None


def _closing(path: str, at: int) -> int:
    """Return the first closing bracket at *at* or after it that a step follows; the length where there is none."""
    at = path.find("]", at)
    while at >= 0 and not _is_step(path, at + 1):
        at = path.find("]", at + 1)
    return at if at >= 0 else len(path)


def _is_step(path: str, at: int) -> bool:
    return at == len(path) or path[at] in ".["
