"""The check of prose finds sentences without a subject, and passes questions and code."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests import prose

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    Lines: TypeAlias = Callable[[str, str], list[str]]


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return a function that checks one file, and returns its mistakes as they are printed."""
    monkeypatch.setattr(prose, "ROOT", tmp_path)

    def check(name: str, text: str) -> list[str]:
        (tmp_path / name).write_text(dedent(text), encoding="utf-8")
        code = prose.main([name])
        printed = capsys.readouterr().out.splitlines()
        assert code == bool(printed)
        return printed

    return check


@pytest.mark.parametrize(
    "sentence",
    [
        "What failed is repeated.",
        "A plan reads. Whatever differs is listed.",
        "- Whoever can push decides.",
        "| a term | Nobody reads it. |",
        "A term: Somebody edits it.",
    ],
)
def test_a_sentence_without_a_subject_is_found_in_a_page(lines: Lines, sentence: str) -> None:
    """At the start of a line, an item or a cell, and after another sentence; with the file and the line."""
    [found] = lines("page.md", f"# A page\n\n{sentence}\n")
    assert found.startswith("page.md:3: ")


def test_a_sentence_without_a_subject_is_found_in_a_docstring(lines: Lines) -> None:
    """Of a module, a class and a function, and of an argument; a comment is none."""
    source = '''\
        """What a module holds."""


        class Thing:
            """Something. What it does."""


        def thing(one):
            """
            Return a thing.

            Args:
                one: What it is.
            """
            # What a comment says is not looked at.
        '''
    assert [found.split(":")[1] for found in lines("module.py", source)] == ["1", "5", "9"]


def test_a_docstring_that_gives_or_tells_is_found(lines: Lines) -> None:
    """Only of a function: a class has a noun."""
    source = '''\
        class Ask:
            """Ask, as a noun."""

            async def ask(self):
                """Ask the service."""


        def give():
            """Gives a thing."""
        '''
    assert sorted(found.split(":")[1] for found in lines("module.py", source)) == ["5", "9"]


@pytest.mark.parametrize(
    "text",
    [
        "What is a plan? A list of changes.",
        "A field says what differs, and nobody else does.",
        "```console\n$ reconciler plan\nWhat is printed is not ours.\n```\n",
        "````md\n```sh\n```\nWhat a nested fence holds.\n````\n",
    ],
)
def test_questions_clauses_and_code_fences_pass(lines: Lines, text: str) -> None:
    """A question may begin so, and other programs may print what they like."""
    assert lines("page.md", text) == []


def test_the_line_after_a_code_fence_is_counted_with_it(lines: Lines) -> None:
    """A fence that is left out keeps its lines."""
    [found] = lines("page.md", "```sh\nmake\n```\n\nWhat follows.\n")
    assert found.startswith("page.md:5: ")


@pytest.mark.parametrize(
    "source",
    [
        'raise UsageError("the file is passed over")',
        'message = f"{path}: a value that nobody set"',
        'Problem("m.yaml", 1, 1, "", "code", message, "see the way out above")',
        'option("--name", help="Field that is frozen after creation.")',
        'message = (\n    "a value of the manifest"\n    " that is stated twice"\n)',
        'print("whatever is found is printed")',
    ],
)
def test_a_sentence_of_the_program_uses_its_words(lines: Lines, source: str) -> None:
    """In messages, fixes, help and prints, with the line; of an f-string, the text around its values."""
    found = lines("module.py", f"\n\n{source}\n")
    assert len(found) >= 1
    assert {line.rpartition(":")[0].split(":")[0] for line in found} == {"module.py"}


@pytest.mark.parametrize(
    "source",
    [
        'word = "frozen"',
        'message = "`what is told` is not a name of a field"',
        'message = "what is the name of it?"',
        'message = "the value is stated by Azure"  # prose: allow',
        '"""The docstring of a module may say that it is told."""',
        "# a comment is told what it likes",
    ],
)
def test_words_quotations_and_allowed_lines_pass(lines: Lines, source: str) -> None:
    """A single word is a code or a key, and text in backticks is a quotation."""
    assert lines("module.py", source) == []


def test_the_sentences_of_a_schema_are_checked(lines: Lines) -> None:
    """Its titles, descriptions and messages, at any depth; its other texts are values."""
    schema = '{"title": "A kind", "allOf": [{"description": "Stated by the user."}], "const": "is stated as this"}'
    [found] = lines("kind.schema.json", schema)
    assert found.startswith("kind.schema.json: `Stated` ")


@pytest.mark.parametrize("folder", ["reconciler", "tests", "docs"])
@pytest.mark.parametrize("word", ["nobody", "Somebody", "no one", "anybody", "everybody", "whoever", "whatever"])
@pytest.mark.parametrize(
    "before", ['"""A value that {}\n\nis set."""', 'VALUE = 1\n"""Of {}."""', "x = 1  # for {} here"]
)
def test_an_indefinite_subject_is_found_anywhere(
    lines: Lines, tmp_path: Path, before: str, word: str, folder: str
) -> None:
    """In a docstring, in that of a constant and in a comment, of the product, the tests and the documentation."""
    (tmp_path / folder).mkdir()
    source = before.format(word)
    [found] = lines(f"{folder}/module.py", source)
    line = next(number for number, text in enumerate(source.splitlines(), 1) if word in text)
    assert found.startswith(f"{folder}/module.py:{line}: `{word}` ")


@pytest.mark.parametrize(
    "source",
    [
        '"""Return the owner. Who is it, if nobody set one?"""',
        '"""A window of ``EVERYBODY``, for EVERYBODY and for `nobody`."""',
        "x = 1  # as whoever wrote the standard says  # prose: allow",
        'x = "nobody"',
    ],
)
def test_questions_code_constants_and_values_name_no_subject(lines: Lines, tmp_path: Path, source: str) -> None:
    """A question may name no subject; a constant in capitals, code in backticks and a value are no words."""
    (tmp_path / "tests").mkdir()
    assert lines("tests/module.py", source) == []


def test_texts_of_tests_are_data(lines: Lines, tmp_path: Path) -> None:
    """Strings of a test may hold wrong sentences."""
    (tmp_path / "tests").mkdir()
    assert lines("tests/module.py", 'message = "a value that nobody set"') == []
