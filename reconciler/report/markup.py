"""
Texts of a view as GitHub's Markdown, in which no Markdown, HTML, link or @mention of theirs has a meaning. Pure.

They stand in code spans and fences; only words that are plainly words stand outside of them.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from reconciler.report.escape import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PLAIN: Final = re.compile(r"(?!.*(?:www\.|::))[a-z0-9 .,;:()%-]*", re.IGNORECASE | re.ASCII)
"""Characters of our own sentences that begin no markup, link, mention or reference of GitHub's, and no command."""
_WORD: Final = re.compile(
    r"(?!www\.|[a-f0-9]{7}|.*::)(?:\(?[a-z]+(?:['-][a-z]+)*[.,;:)]*|[0-9]{1,3}(?:,[0-9]{3})*[,;:]?)",
    re.IGNORECASE | re.ASCII,
)
"""A word or a count in which GitHub finds no link, mention, emoji, commit, issue or number of a list."""
_ENCLOSED: Final = re.compile(r"(?<![^ ])`([^`]+)`(?!.?::)([.,;:)]*)(?![^ ])")
"""A code span as sentences write it, and the punctuation after it; between blanks, so that no two run together."""
_BACKTICKS: Final = re.compile("`+")
_WIDEST: Final = 30
"""Characters of a cell that a reader's browser cannot break."""
_PIECE: Final = re.compile(rf"[^/._\-]{{0,{_WIDEST - 1}}}[/._\-]|[^/._\-]{{1,{_WIDEST}}}", re.DOTALL)
_LINE: Final = 88
"""Characters of a line in a fence, which no browser breaks: as many as fit into a comment."""


def sentence(text: str) -> str:
    """Return a sentence of ours as it is, and as a code span where it quotes text that may have a meaning."""
    return text if _PLAIN.fullmatch(text) else code(text)


def prose(text: str) -> str:
    """Return *text* as running text: words as they are, everything else, and what backticks enclose, in code spans."""
    before, *spans = _ENCLOSED.split(text)
    shown = [_words(before)]
    for enclosed, punctuation, after in zip(spans[::3], spans[1::3], spans[2::3], strict=True):
        shown += [code(enclosed), punctuation, _words(after)]
    return "".join(shown)


def _words(text: str) -> str:
    bare = text.strip(" ")
    before, _, after = text.partition(bare) if bare else (text, "", "")
    groups = groupby(bare.split(" "), key=lambda word: bool(_WORD.fullmatch(word)))
    shown = ((is_plain, " ".join(words)) for is_plain, words in groups)
    words = " ".join(words if is_plain or not words.strip() else _quoted(words) for is_plain, words in shown)
    return f"{before}{words}{after}"


def _quoted(words: str) -> str:
    """Return *words* as a code span, and the punctuation that ends them behind it."""
    bare = words.rstrip(".,;:")
    after = words[len(bare) :]
    return f"{code(bare)}{after}" if bare.strip() and inert(after) == after else code(words)


def code(text: str) -> str:
    """Return *text* as a code span that nothing in it can close."""
    body = inert(text)
    if not body:
        return "(empty)"
    fence = "`" * (longest_run(body) + 1)
    blank = body.startswith(" ") and body.endswith(" ") and not body.isspace()
    if blank or body.startswith("`") or body.endswith("`"):
        body = f" {body} "  # a reader of Markdown takes one blank away from each side again
    return f"{fence}{body}{fence}"


def cell(text: str) -> str:
    r"""
    Return *text* as a code span for a table.

    There a pipe ends the cell even in a code span, unless there is a backslash before it. Whether that backslash may
    itself be escaped is read in two ways by two parsers, so one of the text's own before a pipe becomes ``\x5c``.
    """
    return code(text.replace("\\|", r"\x5c|")).replace("|", r"\|")


def narrow(text: str) -> str:
    """Return *text* for a table as code spans between which a browser may break the line: no table grows wide."""
    if len(text) <= _WIDEST:
        return cell(text)
    return "<wbr>".join(map(cell, _packed(inert(text))))


def _packed(text: str) -> Iterator[str]:
    """Yield *text* in parts of at most *_WIDEST* characters, divided after a slash, dot or hyphen if possible."""
    part = ""
    for piece in _PIECE.findall(text):
        if part and len(part) + len(piece) > _WIDEST:
            yield part
            part = ""
        part += piece
    if part:
        yield part


def fence(kind: str, lines: Iterable[tuple[str, str]], indent: str) -> str:
    """
    Return a fence of *lines*.

    Args:
        kind: Its language, such as ``diff``.
        lines: Each a sign and a text; what does not fit on a line continues on the next, under the same sign.
        indent: Before each line, so that it stays in its list.
    """
    shown = [inert(f"{sign}{part}") for sign, line in lines for part in _parts(line)]
    mark = "`" * max(3, max(map(longest_run, shown), default=0) + 1)
    body = "".join(f"{indent}{line}\n" for line in shown)
    return f"\n{indent}{mark}{kind}\n{body}{indent}{mark}\n"


def _parts(line: str) -> Iterator[str]:
    yield line[:_LINE]
    for start in range(_LINE, len(line), _LINE - 2):
        yield f"↳ {line[start : start + _LINE - 2]}"


def longest_run(text: str) -> int:
    """Return the length of the longest run of backticks in *text*."""
    return max(map(len, _BACKTICKS.findall(text)), default=0)
