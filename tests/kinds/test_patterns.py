"""Patterns from outside: they mean what they say, and cost no more than their lengths allow."""

from __future__ import annotations

import ast
import sys
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.packaged import packaged
from reconciler.kinds.paths import matches, reaches_below
from reconciler.kinds.patterns import is_match, path_tokens
from reconciler.manifests.project import IgnoreRule
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

PACKAGE: Final = ROOT / "reconciler"
STEPS_A_CHARACTER: Final = 60
RULE: Final = packaged().documents["Project"]["properties"]["spec"]["properties"]["ignore"]["items"]["properties"]
LONGEST_PATH: Final = RULE["path"]["maxLength"]
LONGEST_NAME: Final = RULE["name"]["maxLength"]


def by_definition(pattern: str, text: str) -> bool:
    """Return what a pattern covers, by what its first character means."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(by_definition(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and by_definition(pattern[1:], text[1:])


@given(st.text("ab*?", max_size=7), st.text("ab*?", max_size=7))
def test_a_pattern_covers_what_its_wildcards_stand_for(pattern: str, text: str) -> None:
    """The quick way and the definition agree."""
    assert is_match(pattern, text) is by_definition(pattern, text)


@given(st.text('[]".\\a b', max_size=24))
def test_tokens_of_any_text_are_parts_of_it(text: str) -> None:
    """In their order, and with nothing left out but what stands between them."""
    at = 0
    for token in path_tokens(text):
        at = text.index(token, at) + len(token)


@contextmanager
def counted(most: int) -> Iterator[None]:
    """Fail when more than so many lines run inside: they are counted, so no clock and no machine has a say."""
    left = most

    def count(_: FrameType, event: str, __: Any) -> Any:
        nonlocal left
        left -= event == "line"
        if left < 0:
            message = f"more than {most} steps"
            raise AssertionError(message)
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)


def longest(unit: str, most: int) -> str:
    """Return *unit* again and again, up to a length."""
    return (unit * most)[:most]


HOSTILE: Final = ("*a", "a*", "*a*b", "**", "?*", "*?", "[", '["', "[a", "]", '["\\"', "[a]b", "[*", ".", "a.", "*.")


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_path_pattern_ends_at_the_longest_that_the_schema_admits(unit: str) -> None:
    """Against a live path that is as long: a tag's name, a key of a list."""
    for end, body in product(("", "b", "]", '"]', "*"), ("a", "[", '["', "[a", "a.", '["\\"')):
        pattern, path = longest(unit, LONGEST_PATH - len(end)) + end, f"tags.{longest(body, LONGEST_PATH)}"
        path_tokens.cache_clear()
        with counted(STEPS_A_CHARACTER * (len(pattern) + len(path))):
            matches(pattern, path)
            reaches_below(pattern, path)


@pytest.mark.parametrize("unit", [unit for unit in HOSTILE if "?" not in unit])
def test_a_name_pattern_ends_at_the_longest_that_the_schema_admits(unit: str) -> None:
    """Against the longest name; with a mark for one character, in no more steps than the product of both lengths."""
    name = longest("a", LONGEST_NAME)
    for pattern in (longest(unit, LONGEST_NAME), f"{longest(unit, LONGEST_NAME - 1)}b"):
        with counted(STEPS_A_CHARACTER * (len(pattern) + len(name))):
            IgnoreRule("x", "y", name=pattern).covers("Gallery", name)
        with counted(3 * len(pattern) * len(name)):
            IgnoreRule("x", "y", name=pattern.replace("a*", "a?*")).covers("Gallery", name)


@pytest.mark.parametrize("pattern", [".", "[", "]", "[]" * 3, "[" * LONGEST_PATH, "." * LONGEST_PATH, ".[.].", ""])
def test_a_pattern_that_names_no_key_covers_nothing(pattern: str) -> None:
    """It would else hide every difference of every resource."""
    for path in ("tags.team", "properties", "[0]", "location"):
        assert not matches(pattern, path)


def test_sixty_thousand_brackets_are_no_path() -> None:
    """A live key may be as long as an answer; its tokens still take a step for each character."""
    for text in ("[" * 60_000, '["' * 30_000, "[]a" * 20_000):
        path_tokens.cache_clear()
        with counted(STEPS_A_CHARACTER * len(text)):
            path_tokens(text)


def texts_in(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of a text below *schema*, with where it is."""
    if isinstance(schema, dict):
        types = schema.get("type", [])
        if "string" in ([types] if isinstance(types, str) else types):
            yield at, schema
        for name, below in schema.items():
            if name != "examples":
                yield from texts_in(below, f"{at}/{name}")


def test_every_text_of_the_project_file_has_a_longest() -> None:
    """No rule can be made of more than one screen of text; names of environments and lists have a bound, too."""
    assert [
        at
        for at, text in texts_in(packaged().documents["Project"]["properties"])
        if not {"maxLength", "const"} & text.keys()
    ] == []
    spec = packaged().documents["Project"]["properties"]["spec"]["properties"]
    assert spec["environments"]["propertyNames"]["maxLength"]
    assert [name for name, schema in spec.items() if schema["type"] == "array" and "maxItems" not in schema] == []


def unbounded_in_unbounded(pattern: str) -> bool:
    """Return whether a part of *pattern* that repeats without end holds another: what takes exponential time."""
    parser: Any = __import__("re")._parser
    endless = parser.MAXREPEAT

    def visit(node: Any, *, inside: bool) -> bool:
        for operator, argument in node:
            repeats = str(operator) in {"MAX_REPEAT", "MIN_REPEAT"}
            if repeats and argument[1] is endless and inside:
                return True
            parts = argument if isinstance(argument, (list, tuple)) else ()
            for part in parts:
                below = part if isinstance(part, list) else [part]
                for each in below:
                    if isinstance(each, parser.SubPattern) and visit(
                        each, inside=inside or (repeats and argument[1] is endless)
                    ):
                        return True
        return False

    return visit(parser.parse(pattern), inside=False)


def patterns_in(schema: Any) -> Iterator[str]:
    """Yield every pattern of a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for below in schema:
            yield from patterns_in(below)


def test_no_pattern_of_a_schema_takes_exponential_time() -> None:
    """No text of a document makes validation slow: no unbounded repeat lies in another."""
    assert unbounded_in_unbounded("(?:a*b)*c")
    schemas = [packaged().documents["Project"], *(kind.schema for kind in packaged().kinds.values())]
    assert [pattern for schema in schemas for pattern in patterns_in(schema) if unbounded_in_unbounded(pattern)] == []


MAKERS: Final = frozenset(
    {"late", "compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
)
OWN_TEMPLATES: Final = {"kinds/kind.py:_pattern", "emulator/routes.py:route"}
"""Make an expression of a URL template of our own schemas, all its text escaped."""
LATE: Final = {"secret/late.py:__getattr__"}
"""Makes an expression of a constant of a module, when it is first used."""


def made_in_functions(path: Path) -> Iterator[str]:
    """Yield the functions of a module that make a regular expression."""
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                match node:
                    case (
                        ast.Call(func=ast.Name(id="late" as name), args=[pattern, *_])
                        | ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name), args=[pattern, *_])
                    ):
                        is_constant = isinstance(pattern, ast.Constant) or getattr(pattern, "id", "").isupper()
                        if name in MAKERS and not is_constant:
                            yield f"{path.relative_to(PACKAGE).as_posix()}:{function.name}"
                    case _:
                        pass


def test_no_regular_expression_is_made_while_a_run_goes_on() -> None:
    """They are constants of their modules, or made of them alone, so no text from outside is ever part of one."""
    made = {name for path in PACKAGE.rglob("*.py") for name in made_in_functions(path)}
    assert made == OWN_TEMPLATES | LATE
