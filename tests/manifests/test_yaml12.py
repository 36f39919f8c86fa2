"""What the YAML reader makes of bytes: values by the 1.2 core schema, or problems with a position, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifests import yaml12
from reconciler.manifests.yaml12 import careful, format_document_path, quick
from reconciler.manifests.yaml12 import parser as parser_module
from reconciler.manifests.yaml12.characters import decode
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reconciler.problems import Document, Problem

CANARY = "CANARY2secret"


@pytest.fixture(params=["libyaml", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with each of PyYAML's two parsers."""
    if request.param == "pure":
        monkeypatch.setattr(parser_module, "PARSER", yaml.SafeLoader)
    return str(request.param)


def read_documents(data: bytes, file: str) -> tuple[list[Document], list[Problem]]:
    """Read, and hold the quick reader to what the careful one gives."""
    text, problems = decode(data, file)
    quickly = None if problems else quick.read(text, file)
    if quickly is not None:
        documents, problems = careful.read(text, file)
        assert problems == []
        assert list(map(told, quickly)) == list(map(told, documents))
    return yaml12.read_documents(data, file)


def told(document: Document) -> tuple[Any, ...]:
    """Return what a document says of itself; as JSON, as True equals 1."""
    places = [document.locate((key,)) for key in document.value]
    return json.dumps(document.value), document.source, document.locate(()), places


def value_of(text: str | bytes) -> Any:
    """Return the value of the only document, which has no problem."""
    data = text.encode() if isinstance(text, str) else text
    documents, problems = read_documents(data, "a.yaml")
    assert problems == []
    return documents[0].value


def problems_of(text: str | bytes) -> list[Problem]:
    """Return the problems, where no document is without one, and none tells the secret."""
    data = text.encode() if isinstance(text, str) else text
    documents, problems = read_documents(data, "a.yaml")
    assert documents == []
    assert problems
    assert CANARY not in str(problems)
    return problems


def only_problem(text: str | bytes) -> Problem:
    """Return the only problem."""
    (problem,) = problems_of(text)
    return problem


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[(text, None) for text in ("", "~", "null", "Null", "NULL")],
        *[(text, True) for text in ("true", "True", "TRUE")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[(text, text) for text in ("no", "NO", "on", "yes", "y", "off", "nULL", "tRUE", "=", "NaN", "Infinity")],
        *[(text, text) for text in ("1:30", "2024-01-02", "2024-01-02T03:04:05Z", "1.0.0", "1_000", "0b1", "0o9", "+")],
        *[(text, text) for text in ("1e", "e1", ".", "--", "+0x1", "0xg", ".infinity", "12a", "٣")],
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0" * 5000 + "7", 7),
        ("1.10", 1.1),
        ("-1e3", -1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("'true'", "true"),
        ('"12"', "12"),
        ("|\n  12\n", "12\n"),
        (">-\n  a\n  b\n", "a b"),
        (r'"\u0041\n\t\r\\"', "A\n\t\r\\"),
    ],
)
def test_scalars_follow_the_core_schema(written: str, value: Any) -> None:
    """Only what YAML 1.2's core schema calls null, boolean or number is one; the rest is text."""
    read = value_of(f"a: {written}\n")["a"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "written",
    [
        *(".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1e999", "-1e999", "9223372036854775808", "-9223372036854775809"),
        *("9" * 5000, "0x" + "f" * 4000, "1" * 400 + ".0"),
    ],
)
def test_number_that_json_or_azure_cannot_hold_is_refused(written: str) -> None:
    """Infinities, not-a-number and integers beyond 64 bits are problems that say how to mean text."""
    problem = only_problem(f"spec:\n  n: [1, {written}]\n")
    assert (problem.line, problem.column, problem.path, problem.code) == (2, 10, "spec.n[1]", "number")
    assert problem.fix


@pytest.mark.usefixtures("parser")
def test_keys_are_text() -> None:
    """A key is its text, also where that text as a value would be of another type."""
    assert value_of("1: a\ntrue: b\n~: c\n'<<': d\n1.0: e\n") == {
        "1": "a",
        "true": "b",
        "~": "c",
        "<<": "d",
        "1.0": "e",
    }


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("text", ["? [a]\n: b\n", "{{a: b}: c}\n", "a: &x y\n*x : z\n", "? {}\n"])
def test_keys_that_are_no_text_are_refused(text: str) -> None:
    """Lists, mappings and aliases cannot be keys."""
    assert only_problem(text).code == "key"


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1\nb: 2\na: 3\n", (1, 3)),
        ('mediaLink: 1\n\n"media\\u004cink": CANARY2secret\n', (1, 3)),
        ('{"a": 1,\n "a": 2}', (1, 2)),
        ("1: x\n'1': y\n", (1, 2)),
    ],
)
def test_duplicate_keys_name_both_lines(text: str, lines: tuple[int, int]) -> None:
    """A key that is written twice is a problem at the second place, also in JSON and when spelled with escapes."""
    problem = only_problem(text)
    assert problem.code == "duplicate-key"
    assert f"lines {lines[0]} and {lines[1]}" in problem.message
    assert problem.line == lines[1]


@pytest.mark.usefixtures("parser")
def test_merge_key_is_refused() -> None:
    """A merge key is neither followed nor taken for a key, so that it can override nothing."""
    assert [problem.code for problem in problems_of("a: &a {x: 1}\nb:\n  <<: *a\n  x: 2\n")] == ["merge-key"]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("tag", "named"),
    [
        ("!!python/object/apply:os.system", "!!python/object"),
        ("!!binary", "!!binary"),
        ("!!set", "!!set"),
        ("!!str", "!!str"),
        ("!!timestamp", "!!timestamp"),
        ("!<tag:yaml.org,2002:int>", "!!int"),
        ("!env", ""),
        ("!", ""),
        (f"!{CANARY}", ""),
        (f"!!{CANARY}", ""),
    ],
)
def test_tags_are_refused(tag: str, named: str) -> None:
    """No tag is read; a known one is named, and a value that only begins with ! is not told."""
    problem = only_problem(f"a:\n  b: {tag} x\n")
    assert (problem.code, problem.line, problem.column, problem.path) == ("tag", 2, 6, "a.b")
    assert named in problem.message
    assert CANARY not in problem.message


def test_tag_on_a_collection_is_refused() -> None:
    """Tags on mappings, lists and keys are refused as well, each with its place."""
    problems = problems_of("a: !!set {x: 1}\nb: !!omap [1]\n!!str c: 1\n")
    assert [(problem.code, problem.line) for problem in problems] == [("tag", 1), ("tag", 2), ("tag", 3)]


def test_tag_directives_are_refused() -> None:
    """A %TAG line is refused before the parser sees it."""
    problems = problems_of("%TAG !e! tag:example.com,2000:\n---\na: !e!x 1\n")
    assert [(problem.code, problem.line) for problem in problems] == [("tag", 1)]


@pytest.mark.usefixtures("parser")
def test_aliases_stand_for_values() -> None:
    """An alias gives the anchored value, text, list or mapping."""
    assert value_of("a: &a {x: [1, &t two]}\nb: [*a, *t]\n")["b"] == [{"x": [1, "two"]}, "two"]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: &a [*a]\n", "contains it"),
        ("a: &a\n  b: {c: *a}\n", "contains it"),
        ("a: *nowhere\n", "no anchor"),
        ("a: &a 1\nb: &a 2\n", "lines 1 and 2"),
        ("a: &a 1\n---\nb: *a\n", "no anchor"),
    ],
)
def test_aliases_that_mean_nothing_are_refused(text: str, part: str) -> None:
    """An alias of itself, of nothing, or of another document's anchor is a problem; so is an anchor written twice."""
    _, problems = read_documents(text.encode(), "a.yaml")
    assert [problem.code for problem in problems] == ["alias"]
    assert part in problems[0].message


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("a: &a 1\nb: [" + "*a," * 101 + "]", "100 aliases"),
        ("a: &a [" + "1," * 600 + "]\nb: [" + "*a," * 99 + "]", "50,000 keys and values"),
        ("a: [" + "1," * 50_000 + "]", "50,000 keys and values in one document"),
        pytest.param(
            "\n---\n".join(["a: [" + "1," * 40_000 + "]"] * 7),
            "250,000 keys and values in one file",
            marks=pytest.mark.slow,
        ),
        ("a: " + "[" * 64 + "]" * 64, "64 levels"),
        ("a0: &a0 " + "[" * 40 + "]" * 40 + "\na1: " + "[" * 30 + "*a0" + "]" * 30, "64 levels"),
        ("a: &a " + "x" * 1_000_000 + "\nb: [" + "*a," * 9 + "]", "8,388,608 characters"),
        ("a: " + "x" * 1_048_577, "1,048,576 characters"),
        ("---\n" * 1_001, "1,000 documents"),
        ("#" * 8_388_609, "8,388,608 bytes"),
        ("a: [" + "!t x," * 200 + "]", "99 problems"),
    ],
)
def test_limits_are_named(text: str, limit: str) -> None:
    """What exceeds a limit is a problem that names the limit."""
    _, problems = read_documents(text.encode(), "a.yaml")
    assert problems[-1].code == "limit"
    assert limit in problems[-1].message


def test_limits_can_be_reached() -> None:
    """What is just within the limits is read."""
    assert value_of("a: " + "[" * 63 + "]" * 63)
    assert len(value_of("a: &a x\nb: [" + "*a," * 100 + "]")["b"]) == 100
    assert len(value_of("a: " + "x" * 1_048_576)["a"]) == 1_048_576
    documents, problems = read_documents(b"---\na: 1\n" * 1_000, "a.yaml")
    assert (len(documents), problems) == (1_000, [])


@pytest.mark.slow
@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("depth", [65, 600, 2_000, 100_000])
@pytest.mark.parametrize("style", ["flow", "json", "block", "mappings"])
def test_deep_nesting_is_a_problem_with_a_position(depth: int, style: str) -> None:
    """Nesting of any depth ends as a problem with line and column, in every style."""
    text = {
        "flow": "[" * depth,
        "json": '{"a":' * depth + "1" + "}" * depth,
        "block": "- " * depth + "x",
        "mappings": "\n".join(" " * level + "a:" for level in range(min(depth, 600))),
    }[style]
    problem = only_problem(text)
    assert (problem.code, "64" in problem.message) == ("limit", True)
    assert problem.line is not None
    assert problem.column is not None


@pytest.mark.parametrize(
    ("char", "shown"),
    [
        ("\x85", "U+0085"),
        ("\u2028", "U+2028"),
        ("\u2029", "U+2029"),
        ("\ufeff", "U+FEFF"),
        ("\0", "U+0000"),
        ("\x1b", "U+001B"),
        ("\x7f", "U+007F"),
        ("\x9b", "U+009B"),
        ("\u200b", "U+200B"),
        ("\u00ad", "U+00AD"),
        ("\u202e", "U+202E"),
        ("\u2066", "U+2066"),
        ("\U000e0041", "U+E0041"),
        ("\uffff", "U+FFFF"),
    ],
)
def test_hidden_characters_are_refused_anywhere(char: str, shown: str) -> None:
    """A character that hides or turns text is refused in a comment, a value and an escape; shown by its number."""
    for text, place in ((f"a: 1\nb: ok # x{char}  c: evil\n", (2, 10)), (f"a: 1\nb: é{char}\n", (2, 5))):
        problem = only_problem(text)
        assert (problem.code, (problem.line, problem.column)) == ("character", place)
        assert shown in problem.message
        assert char not in problem.message
    escaped = only_problem(f'a: 1\nb: "CANARY2secret\\U{ord(char):08x}"\n')
    assert (escaped.code, escaped.line, escaped.path, shown in escaped.message) == ("character", 2, "b", True)


def test_every_hidden_character_is_told() -> None:
    """All hidden characters of a file are told at once, in order."""
    assert [problem.line for problem in problems_of("a: \u200b\nb: \rc: 1\nd: \u200b\n")] == [1, 2, 3]


def test_lone_carriage_return_is_refused() -> None:
    """A carriage return alone ends a line for YAML and for no review page: it could smuggle a key out of a comment."""
    problem = only_problem("a: ok # note\rb: evil\n")
    assert (problem.code, problem.line, problem.column) == ("character", 1, 13)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("escape", [r"\ud800", r"\udfff", r"\ud83d\ude00", r"\0", r"\x1b", r"\N", r"\L", r"\P", r"\e"])
def test_escapes_of_hidden_characters_are_refused(escape: str) -> None:
    """An escape can make neither half a character nor one that is refused as such."""
    problem = only_problem(f'a: "{escape}"\n')
    assert problem.code in {"character", "syntax"}
    assert problem.line == 1


@pytest.mark.parametrize(
    ("data", "byte", "place"),
    [
        (b"a: b\nc: caf\xe9\n", 11, (2, 7)),
        (b"a: \xc0\xaf\n", 3, (1, 4)),
        (b"\xef\xbb\xbfa: \xe2\x82", 6, (1, 4)),
        ("é: ".encode() + b"\xed\xa0\x80", 4, (1, 4)),
        (b"\xff\xfea\0:\0", 0, (1, 1)),
    ],
)
def test_only_utf8_is_read(data: bytes, byte: int, place: tuple[int, int]) -> None:
    """Latin-1, overlong and cut sequences, surrogates and UTF-16 are refused with the byte's position."""
    problem = only_problem(data)
    assert (problem.code, (problem.line, problem.column)) == ("encoding", place)
    assert f"byte {byte} " in problem.message


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "form",
    [
        b"\xef\xbb\xbfa: 2024-01-02\nb:\n  - |\n    x\n    y\n",
        b"a: 2024-01-02\r\nb:\r\n  - |\r\n    x\r\n    y\r\n",
        b"\xef\xbb\xbfa: 2024-01-02\r\nb:\r\n  - |\r\n    x\r\n    y\r\n",
        b'{\n "a": "2024-01-02",\n "b":["x\\ny\\n"]\n}\n',
        b"%YAML 1.2\n---\na: '2024-01-02'\nb: [\"x\\ny\\n\"]\n...\n",
    ],
)
def test_spellings_of_one_value_are_one(form: bytes) -> None:
    """Byte order mark, CRLF, JSON with tabs and an unquoted date give the same value as the plain form."""
    assert value_of(form) == {"a": "2024-01-02", "b": ["x\ny\n"]}


def test_tabs_of_json_are_blanks() -> None:
    """JSON may be indented by tabs, which libyaml takes."""
    assert value_of('{\n\t"a":\t[1,\t2]\n}') == {"a": [1, 2]}


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "text",
    [
        *(
            "a: [1, CANARY2secret",
            "a: 'CANARY2secret",
            "a: b: CANARY2secret",
            "\ta: CANARY2secret",
            "a: @CANARY2secret",
        ),
        *("a: %CANARY2secret", "- a\nCANARY2secret", '"\\CANARY2secret": 1', "a: &\nb: 1", "!e!CANARY2secret a: 1"),
    ],
)
def test_syntax_errors_quote_nothing(text: str) -> None:
    """Broken syntax is a problem with a position and a reason, which tells no character of the file."""
    problem = problems_of(text)[-1]
    assert problem.code == "syntax"
    assert problem.line is not None
    assert not set("'\"@%") & set(problem.message)
    assert "CANARY" not in f"{problem.message} {problem.fix}"


def test_documents_before_broken_syntax_are_given() -> None:
    """What was whole before the syntax broke is kept."""
    documents, problems = read_documents(b"a: 1\n---\nb: [\n", "a.yaml")
    assert ([document.value for document in documents], [problem.code for problem in problems]) == (
        [{"a": 1}],
        ["syntax"],
    )


def test_problems_of_all_documents_come_at_once() -> None:
    """A problem in one document does not hide those of the others, nor the documents without any."""
    documents, problems = read_documents(b"a: !x 1\n---\nb: 1\n---\nc: .nan\nc: 2\n---\n- 1\n", "a.yaml")
    assert [document.value for document in documents] == [{"b": 1}]
    assert [(problem.line, problem.code) for problem in problems] == [
        (1, "tag"),
        (5, "number"),
        (6, "duplicate-key"),
        (8, "not-a-mapping"),
    ]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "text", ["", "\n", "# only\n# comments\n", "---\n", "---\n---\n# x\n---\n", "---\n...\n", "\ufeff"]
)
def test_empty_documents_are_passed_over(text: str) -> None:
    """Files of comments and separators hold no document, and no problem."""
    assert read_documents(text.encode(), "a.yaml") == ([], [])


@pytest.mark.parametrize("text", ["- a\n", "text\n", "12\n", "~\n", "--- ''\n", "[]\n", "&a\n"])
def test_document_that_is_no_mapping_is_a_problem(text: str) -> None:
    """A list, a text or an explicit null is no document."""
    assert only_problem(text).code == "not-a-mapping"


@pytest.mark.usefixtures("parser")
def test_source_names_the_first_key_and_counts_empty_documents() -> None:
    """The line is that of the first key, and the index that of the document among all of the file."""
    text = "# x\n---\n# y\n---\n\na: 1\n---\n{\n  b: 2}\n--- # z\n{}\n"
    documents, problems = read_documents(text.encode(), "dir/a.yaml")
    assert problems == []
    sources = [(d.source.file, d.source.line, d.source.document) for d in documents]
    assert sources == [("dir/a.yaml", 6, 1), ("dir/a.yaml", 9, 2), ("dir/a.yaml", 11, 3)]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_positions_are_those_of_keys_and_elements(newline: str) -> None:
    """A path has the place of its key or list element; one that is not written, that of its nearest ancestor."""
    text = newline.join(
        [
            "# é",
            "x: 1",
            "---  # 😀",
            "  é: &a {b: 1}",
            "  l:",
            "    - m: {'n': 2, \"o\": [3, *a]}",
            "    - *a",
            "  k: *a",
            "",
        ]
    )
    documents, problems = read_documents(text.encode(), "a.yaml")
    assert problems == []
    places = {
        (): (4, 3),
        ("é",): (4, 3),
        ("é", "b"): (4, 10),
        ("l",): (5, 3),
        ("l", 0): (6, 7),
        ("l", 0, "m"): (6, 7),
        ("l", 0, "m", "n"): (6, 11),
        ("l", 0, "m", "o", 0): (6, 25),
        ("l", 0, "m", "o", 1): (6, 28),
        ("l", 0, "m", "o", 1, "b"): (6, 28),
        ("l", 1, "b"): (7, 7),
        ("k", "b"): (8, 3),
        ("l", 7): (5, 3),
        ("not", "written"): (4, 3),
        ("l", 0, "m", "missing", 3): (6, 7),
    }
    assert {path: documents[1].locate(path) for path in places} == places
    assert documents[0].locate(("x", 3)) == (2, 1)


def test_places_in_a_long_text_of_several_documents(parser: str) -> None:
    """A long text is kept packed: every place in it is found as in a short one, in any order."""
    text = "".join(f"---\na{number}: 1\n# \u00e4{'x' * 3000}\nb: [\u00fc, 2]\n" for number in range(4))
    documents, problems = yaml12.read_documents(text.encode(), "f")
    assert problems == []
    for number in (3, 0, 2, 1, 3):
        assert documents[number].locate((f"a{number}",)) == (4 * number + 2, 1)
        assert documents[number].locate(("b", 1)) == (4 * number + 4, 8)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("spec", "items", 0, "name"), "spec.items[0].name"),
        ((0, "a"), "[0].a"),
        (("metadata", "annotations", "reconciler.dev/wave"), 'metadata.annotations["reconciler.dev/wave"]'),
        (("a\nb",), r'["a\nb"]'),
        (("é",), '["é"]'),
        (("x" * 200,), '["' + "x" * 80 + '…"]'),
    ],
)
def test_paths_are_written_for_readers(path: tuple[str | int, ...], text: str) -> None:
    """Keys are joined by dots, indexes are in brackets, and odd keys are quoted on one line."""
    assert format_document_path(path) == text


@given(st.binary(max_size=200) | st.text("ab:- \n\t[]{},&*!|>'\"%#?<~\\01.é\r").map(str.encode))
def test_any_bytes_give_values_or_problems(data: bytes) -> None:
    """Nothing that a file can hold raises an exception, and every problem fits on one printable line."""
    documents, problems = read_documents(data, "a.yaml")
    for document in documents:
        assert isinstance(document.value, dict)
        assert document.locate(())[0] == document.source.line
        json.dumps(document.value, allow_nan=False)
    for problem in problems:
        assert (problem.message + problem.path).isprintable()


VISIBLE = st.text(
    st.characters(
        codec="utf-8",
        max_codepoint=0x1FAFF,
        exclude_categories=["Cc", "Cf", "Cs", "Cn", "Zl", "Zp"],
        exclude_characters="\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0",
    )
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | VISIBLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(VISIBLE, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(VISIBLE, JSON_VALUES, max_size=4), st.sampled_from([None, 2, "\t"]))
def test_json_reads_back_equal(value: dict[str, Any], indent: int | str | None) -> None:
    """JSON is YAML: what json writes is read as the same value, and every part of it has a place."""
    data = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    documents, problems = read_documents(data, "a.json")
    assert (problems, documents[0].value) == ([], value)
    assert json.dumps(documents[0].value) == json.dumps(value)
    assert all(documents[0].locate((key,)) for key in value)


@given(st.dictionaries(VISIBLE, JSON_VALUES, max_size=4), st.sampled_from([None, 2]), st.integers(0, 999))
def test_one_place_is_that_of_all_places(value: dict[str, Any], indent: int | None, chosen: int) -> None:
    """Where the first places are looked for one by one, each is the one that reading the whole document finds."""
    data = ("# é\n---\n" + json.dumps(value, ensure_ascii=False, indent=indent)).encode()
    (one,), (all_of_them,) = read_documents(data, "a.json")[0], read_documents(data, "a.json")[0]
    paths = [*_paths(value), ("not", "there"), (0,)]
    path = paths[chosen % len(paths)]
    expected = [all_of_them.locate(each) for each in (*[()] * 9, path)][-1]
    assert one.locate(path) == expected


def _paths(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield above
    yield (*above, "missing")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from _paths(item, (*above, step))


@pytest.mark.parametrize("file", sorted(ROOT.glob("manifests/**/*.yaml")), ids=lambda file: file.name)
def test_ordinary_manifests_are_read_quickly(file: Path) -> None:
    """The quick reader would be no good if it left these to the careful one."""
    assert quick.read(file.read_text(), file.name)
