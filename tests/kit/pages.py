"""Pages of the documentation: their fenced blocks, and whether an output is what a page shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(slots=True)
class Block:
    """
    A fenced block of a page.

    Attributes:
        before: The last line of text before it.
        section: The headings that it stands below, the topmost first.
    """

    language: str
    line: int
    before: str
    section: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return what stands in it."""
        return "".join(f"{line}\n" for line in self.lines)


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, each with the last line of text before it."""
    found: list[Block] = []
    fence, before, above = "", "", list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        opening = re.match(r"(`{3,})(\w*)$", line)
        if not fence and opening:
            fence = opening[1]
            found.append(Block(opening[2], number, before, " / ".join(above)))
        elif fence and line == fence:
            fence = ""
        elif fence:
            found[-1].lines.append(line)
        elif heading := re.match(r"(##+) (.+)", line):
            above = [*above[: len(heading[1]) - 2], heading[2]]
        elif line:
            before = line
    return found


def is_shown(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Return whether *shown* is what was *printed*, shortened where it says so."""
    if not shown:
        return not printed
    if shown[0] == "…":
        return any(is_shown(shown[1:], printed[start:]) for start in range(len(printed) + 1))
    if not printed:
        return False
    pattern = ".*".join(map(re.escape, shown[0].split("…")))
    return re.fullmatch(pattern, printed[0]) is not None and is_shown(shown[1:], printed[1:])


def lines_of(text: str) -> list[str]:
    """Return the lines of an output."""
    return text.rstrip("\n").split("\n") if text.strip("\n") else []


def steps(page: Path) -> Iterator[tuple[Block, list[str]]]:
    """Yield each ``sh`` block of a page with the ``text`` block after it: the commands to copy, and their output."""
    found = blocks(page)
    for block, following in zip(found, [*found[1:], None], strict=True):
        if block.language == "sh":
            output = following.lines if following is not None and following.language == "text" else []
            yield block, output
