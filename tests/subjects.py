"""
Finds indefinite subjects: words that stand for an unnamed resource, client or user. Part of ``tests/prose.py``.

``nobody``, ``somebody``, ``whoever``, ``whatever`` and their like are refused in docstrings and comments, anywhere in a
sentence. They pass in a question, as code in backticks, as a constant in capitals, and in a comment that ends in
``prose: allow``.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODE: Final = re.compile(r"(`+).+?\1", re.DOTALL)
_ALLOW: Final = "prose: allow"
# A constant such as EVERYBODY is in capitals, and no word.
_INDEFINITE: Final = re.compile(
    r"\b(?P<word>[Nn]obody|[Nn]o\s+one|(?:[Ss]ome|[Aa]ny|[Ee]very)body|[Ww]hoever|[Ww]hatever)\b(?=(?P<rest>[^.!?]*[.!?]?))"
)


def indefinite(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each indefinite subject in the docstrings and comments of a module, and the word."""
    for line, text in (*_docstrings(source), *_comments(source)):
        plain = _CODE.sub(lambda code: "\n" * code[0].count("\n"), text)
        for found in _INDEFINITE.finditer(plain):
            if not found["rest"].endswith("?"):
                yield line + plain.count("\n", 0, found.start()), " ".join(found["word"].split())


def _docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Yield each text that stands by itself, with its first line: docstrings, those of constants included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not token.string.endswith(_ALLOW):
            yield token.start[0], token.string
