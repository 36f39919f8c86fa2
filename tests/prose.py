"""
Checks how the project writes: how docstrings begin, and how sentences do. Part of ``make lint``.

A docstring of a function says what the function does (*Return, Yield, Send, …*), never that it gives or tells. No
sentence begins with *what, whatever, whoever, nobody* or *somebody*, unless it is a question: its subject is a thing
that has a name.
"""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING, Final

from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PAGES: Final = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**/*.md")
CODE: Final = ("reconciler/**/*.py", "benchmarks/**/*.py", "deploy/*.py")
OPENINGS: Final = frozenset({"Give", "Gives", "Tell", "Tells", "Say", "Says", "Ask", "Asks", "Hear", "Believe"})
# After the end of a sentence or at the start of a paragraph, a list item or a table cell; up to its own end.
_BEGINNING: Final = re.compile(
    r"(?:^|(?<=[.:;!?] )|(?<=\| )|(?<=- ))(?:What|Whatever|Whoever|Nobody|Somebody)\b(?P<rest>[^.!?|]*[.!?|]?)",
    re.MULTILINE,
)
_FENCE: Final = re.compile(r"^(`{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence that begins with an indefinite word and is no question, with its line from 1."""
    plain = _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    for found in _BEGINNING.finditer(plain):
        if not found["rest"].endswith("?"):
            yield plain.count("\n", 0, found.start()) + 1, found[0].split("\n")[0]


def docstrings(source: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each docstring with its line, and whether it is a function's."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text, isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def found_in(path: Path) -> Iterator[str]:
    """Yield each mistake of a file, with its place."""
    name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from (f"{name}:{line}: a sentence without a subject: {words}" for line, words in sentences(text))
        return
    for line, docstring, is_function in docstrings(text):
        first = docstring.split(maxsplit=1)[0]
        if is_function and first in OPENINGS:
            yield f"{name}:{line}: a docstring begins with {first}: write what the function does"
        for _, words in sentences(docstring):
            yield f"{name}:{line}: a sentence without a subject: {words}"


def main(patterns: Sequence[str] = (*PAGES, *CODE)) -> int:
    """Print every mistake; return 1 if there is one."""
    mistakes = [found for pattern in patterns for path in sorted(ROOT.glob(pattern)) for found in found_in(path)]
    for mistake in mistakes:
        print(mistake)  # noqa: T201 (a command)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
