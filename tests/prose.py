"""
Checks how the project writes: docstrings, sentences of the program, its schemas and its pages. Part of ``make lint``.

A docstring of a function begins with a verb for what it does (*Return, Yield, Send, …*), never with *Give* or *Tell*.
No sentence begins with ``what``, ``whatever``, ``whoever``, ``nobody`` or ``somebody``, unless it is a question: its
subject is named. Of these words, docstrings and comments hold only ``what``, tests included (``tests/subjects.py``).
Sentences that users read (messages, fixes, help, descriptions of schemas) also use the words of ``WORDS``. A line whose
sentence must break a rule ends in ``# prose: allow``.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.subjects import indefinite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**/*.md")
CODE: Final = ("reconciler/**/*.py", "benchmarks/**/*.py", "deploy/*.py")
TESTS: Final = ("tests/**/*.py", "docs/*.py")
SCHEMAS: Final = ("schemas/*.json",)
OPENINGS: Final = frozenset({"Give", "Gives", "Tell", "Tells", "Say", "Says", "Ask", "Asks", "Hear", "Believe"})
WORDS: Final = {
    r"nobody|somebody|whoever|whatever": "the resource, the user, the request",
    r"stated|stating|(?:that|which|manifests?|file|overlay|template) states": "declared",
    r"(?:what is|which is|is|are|has) gone": "deleted, missing",
    r"frozen": "immutable",
    r"ways? out": "fix",
    r"behind git's back": "changed outside git",
    r"waits? in git": "pending in git",
    r"ha(?:s|ve) no case": "case-insensitive",
    r"did not stick|does not stick": "the value was not kept by Azure",
    r"let(?:s|ting)? go of": "owned by",
    r"said no|say no": "rejected",
    r"told|tells|hears?|believes?|believed|promises?": "report, print, request",
    r"pass(?:ed|es)? over": "skip, ignore",
    r"alone": "only",
    r"towards": "access to",
    r"asks? (?:nobody|no one)": "works offline",
}
"""Words that sentences for users avoid, each with the words to use."""

_ALLOW: Final = "# prose: allow"
# After the end of a sentence or at the start of a paragraph, a list item or a table cell; up to its own end.
_BEGINNING: Final = re.compile(
    r"(?:^|(?<=[.:;!?] )|(?<=\| )|(?<=- ))(?:What|Whatever|Whoever|Nobody|Somebody)\b(?P<rest>[^.!?|]*[.!?|]?)",
    re.MULTILINE,
)
_FENCE: Final = re.compile(r"^(`{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)
_AVOIDED: Final = {re.compile(rf"\b(?:{words})\b", re.IGNORECASE): instead for words, instead in WORDS.items()}
_QUOTED: Final = re.compile(r"`[^`]*`|'[^' ]*'|\"[^\" ]*\"")
_SENTENCE: Final = re.compile(r"[a-z]+ [a-z]+ [a-z]+")
_WRITTEN: Final = frozenset({"title", "description", "errorMessage"})


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence that begins with an indefinite word and is no question, with its line from 1."""
    plain = _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    for found in _BEGINNING.finditer(plain):
        if not found["rest"].endswith("?"):
            yield plain.count("\n", 0, found.start()) + 1, found[0].split("\n")[0]


def wording(text: str) -> Iterator[str]:
    """Yield each mistake in a sentence that users read."""
    for _, words in sentences(text[:1].upper() + text[1:]):
        yield f"a sentence without a subject: {words}"
    for pattern, instead in _AVOIDED.items():
        for found in pattern.finditer(_QUOTED.sub("", text)):
            yield f"`{found[0]}` in a sentence for users: write {instead}"


def docstrings(source: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each docstring with its line, and whether it is a function's."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text, isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence in a string of a program, with its line; of an f-string, the text around its values."""
    tree = ast.parse(source)
    passed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    passed |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    lines = source.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in passed:
            text = _text(node)
            allowed = any(_ALLOW in line for line in lines[node.lineno - 1 : node.end_lineno])
            if _SENTENCE.search(text) and not allowed:
                yield node.lineno, text


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "`…`"


def described(value: Any) -> Iterator[str]:
    """Yield each sentence of a schema."""
    if isinstance(value, list):
        for item in value:
            yield from described(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in _WRITTEN and isinstance(item, str):
                yield item
            else:
                yield from described(item)


def found_in(path: Path) -> Iterator[str]:
    """Yield each mistake of a file, with its place."""
    name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from (f"{name}:{line}: `{word}` names no subject: name it" for line, word in indefinite(text))
        if not name.startswith(("tests/", "docs/")):  # their texts are data
            yield from (f"{name}:{line}: {mistake}" for line, mistake in _in_code(text))
    elif path.suffix == ".json":
        yield from (f"{name}: {mistake}" for each in described(json.loads(text)) for mistake in wording(each))
    else:
        yield from (f"{name}:{line}: a sentence without a subject: {words}" for line, words in sentences(text))


def _in_code(text: str) -> Iterator[tuple[int, str]]:
    for line, docstring, is_function in docstrings(text):
        first = docstring.split(maxsplit=1)[0]
        if is_function and first in OPENINGS:
            yield line, f"a docstring begins with {first}: write what the function does"
        for _, words in sentences(docstring):
            yield line, f"a sentence without a subject: {words}"
    for line, literal in literals(text):
        yield from ((line, mistake) for mistake in wording(literal))


def main(patterns: Sequence[str] = (*PAGES, *CODE, *TESTS, *SCHEMAS)) -> int:
    """Print every mistake; return 1 if there is one."""
    mistakes = [found for pattern in patterns for path in sorted(ROOT.glob(pattern)) for found in found_in(path)]
    for mistake in mistakes:
        print(mistake)  # noqa: T201 (a command)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
