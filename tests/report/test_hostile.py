"""Text from outside may hold anything, and means nothing in any format."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

from reconciler.errors import ErrorInfo
from reconciler.kinds.live import Live
from reconciler.model.change import Action, Finding, Op, Reason
from reconciler.model.live import Unmanaged
from reconciler.model.outcome import Outcome, Report, Result
from reconciler.problems import Problem, Source
from reconciler.report import FORMATS, render
from reconciler.report.escape import inert, masked, visible
from reconciler.report.markup import cell, code, narrow, prose
from reconciler.report.values import literal, pair
from tests.kit.canary import traces
from tests.kit.reports import CREATE, change, desired, field, kind, report
from tests.kit.repository import ROOT

SCHEMA = ROOT / "schemas" / "report.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
COMMAND = re.compile(r"::|##\[|##vso\[", re.IGNORECASE)
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
COLUMNS = 3
MOST_LINES = 25
"""Of the text report below, when no text is empty, the fixes differ, and the two sides have several lines."""

TOKENS = (
    *(
        "::",
        ":",
        "##[",
        "#",
        "##vso[",
        "##VSO[x]",
        "::error::",
        "%0A",
        "\x1b[31m",
        "\x1b]8;;http://x\x07",
        "\x9b2J",
        "\u202e",
    ),
    *(
        "\u200b",
        "\u2028",
        "\x85",
        "\r",
        "\n",
        "\r\n::stop-commands::x\n",
        "\ud800",
        "\u3164",
        "|",
        "\\",
        "\\|",
        "`",
        "``",
        "```",
    ),
    *(
        "~~~",
        "@octocat",
        "<script>",
        "</details>",
        "</code>",
        "-->",
        "[x](http://x)",
        "http://x.example",
        "www.x.example",
    ),
    *(
        "![",
        "&#64;",
        "&lt;",
        "#1",
        "**",
        "# ",
        "- ",
        "> ",
        " ",
        "  ",
        "\t",
        "{}",
        "%s",
        "[bold]",
        '"',
        "'",
        "é",
        "🙂",
        "a",
    ),
)
HOSTILE = st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), max_size=8).map("".join)
PIECES = st.lists(HOSTILE, min_size=8, max_size=8)


def made_of(texts: list[str]) -> Report:
    """Return a report with these eight texts wherever a text from outside can be."""
    a, b, c, d, e, f, g, h = texts
    error = ErrorInfo(c, a + d, 400, b, h)
    fields = (
        field(d, Op.REPLACE, e, f),
        field(a, Op.ADD, wanted={b: [c, None, 1.5]}),
        field(b, Op.REMOVE, [h]),
        field(h, Op.REMOVE, g, finding=Finding.UNDECLARED),
        field(g, Op.REPLACE, finding=Finding.UNVERIFIED),
    )
    resource = replace(desired(b, of=a), id=c, key="1", source=Source(d, 1, 0))
    blocked = replace(change("x", Action.BLOCKED, Reason.IMMUTABLE_FIELD, *fields, fix=e), desired=resource)
    created = replace(change("y", Action.CREATE, Reason.NOT_FOUND), desired=replace(resource, key="2", name=f))
    problems = (Problem(a, 1, 1, b, c, d, e), Problem(f, None, None, "", g, h))
    made = report("apply", blocked, created, warnings=problems, unmanaged=(Unmanaged(kind(f), g, h, Live({})),))
    return replace(
        made, outcomes={"1": Outcome(blocked, Result.FAILED, error), "2": Outcome(created, Result.SUCCEEDED)}
    )


@given(PIECES)
@example(["::error::"] * 8)
@example([":"] * 8)
@example(["##["] * 8)
@example(["#"] * 8)
@example(["\r\n::error::x"] * 8)
@example(["\r\n::stop-commands::x\n", "::", "", "", "\n", "", "", "::"])
def test_text_holds_no_control_character_and_no_command(texts: list[str]) -> None:
    """For any text in a name or a value, a terminal and a CI runner get plain lines."""
    made = made_of(texts)
    plain = render(made, "text")
    assert not UNSEEN.search(plain)
    assert not COMMAND.search(plain)
    assert re.sub(r"\x1b\[[0-9]+m", "", render(made, "text", color=True)) == plain
    assert all(line.isprintable() for line in plain.split("\n"))
    assert plain.count("\n") <= MOST_LINES + (texts[0] + texts[3]).count("\n")  # the lines of Azure's message


@given(PIECES)
@example(["::error::"] * 8)
@example(["|`\\|"] * 8)
def test_json_parses_validates_and_loses_nothing(texts: list[str]) -> None:
    """For any text in the report, JSON stays valid and returns the text."""
    text = render(made_of(texts), "json")
    given_back = json.loads(text)
    VALIDATOR.validate(given_back)
    assert not COMMAND.search(text)
    assert text.isascii()
    assert given_back["resources"][0]["name"] == masked(texts[1])
    assert given_back["resources"][0]["changes"][0]["observed"] == masked(texts[4])


@given(PIECES)
@example(["\\|"] * 8)
@example(["`|`"] * 8)
@example(["</code></summary></details>@octocat"] * 8)
@example(["::"] * 8)
@example(["a::"] * 8)
@example(["`a`::"] * 8)
@example(["`a`.::"] * 8)
@example(["?::"] * 8)
def test_markdown_keeps_its_shape(texts: list[str]) -> None:
    """Every text stays in its cell, span or fence; no link, image, HTML or mention comes from outside."""
    text = render(made_of(texts), "markdown")
    assert not UNSEEN.search(text)
    assert not COMMAND.search(text)
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    rows = "".join({"tr_open": "/", "td_open": "c", "th_open": "c"}.get(token.type, "") for token in tokens)
    assert rows == ("/" + "c" * COLUMNS) * 4
    assert [token.info for token in tokens if token.type == "fence"] in ([], ["diff"])
    assert [token.content for token in tokens if token.type == "html_block"] == []
    for token in tokens:
        for child in token.children or ():
            assert child.type in {"text", "code_inline", "strong_open", "strong_close", "html_inline", "softbreak"}
            if child.type == "html_inline":
                assert child.content in {"<br>", "<wbr>"}
            if child.type == "text":
                assert "@" not in child.content


@given(HOSTILE)
@example("[x](http://x) <b> @octocat #1 **b** `c` http://x.example www.x.example")
def test_a_verdict_that_quotes_somebody_means_nothing(text: str) -> None:
    """The reason of a refusal may quote a path of a user or a repository; it stays one line of plain text."""
    refused = report("apply", CREATE, errors=(Problem("reconciler.yaml", 1, 1, "", "ignore", text),))
    assert render(refused, "text").split("\n")[0] == masked(inert(f"Refused: {visible(text)}. Nothing was written."))
    first = render(refused, "markdown").split("\n")[0]
    _, inline, *_ = MarkdownIt("commonmark").parse(first)
    parts = [(child.type, child.content) for child in inline.children or ()]
    assert len(parts) == 1
    assert parts[0][0] == "code_inline" or not re.search(r"[^\w .,;:()%-]|www\.", parts[0][1], re.IGNORECASE)


@given(HOSTILE)
def test_a_cell_gives_the_text_back(text: str) -> None:
    """A reader of the rendered table sees the text, with its escapes."""
    tokens = (
        MarkdownIt("commonmark").enable("table").parse(f"| a | b |\n| --- | --- |\n| {cell(visible(text))} | x |\n")
    )
    row = [token for token in tokens if token.type == "inline"][2:]
    expected = inert(visible(text).replace("\\|", r"\x5c|"))
    assert len(row) == 2
    assert [child.content for child in row[0].children or ()] == [expected or "(empty)"]


@given(HOSTILE)
@example("manifests/a-folder-with-a-long-name/and-another-one/a|file\\|.yaml")
def test_a_narrow_cell_gives_the_text_back_in_short_pieces(text: str) -> None:
    """No piece of a table is wider than a comment has room for."""
    long = f"{text}{'x' * 40}/{text}"
    tokens = (
        MarkdownIt("commonmark")
        .enable("table")
        .parse(f"| a | b |\n| --- | --- |\n| {narrow(visible(masked(long)))} | x |\n")
    )
    row = [token for token in tokens if token.type == "inline"][2:]
    assert len(row) == 2
    pieces = [child.content for child in row[0].children or () if child.type == "code_inline"]
    assert all(len(piece.replace(r"\x5c", "\\")) <= 30 for piece in pieces)
    assert {child.type for child in row[0].children or ()} <= {"code_inline", "html_inline"}
    assert "".join(pieces).replace(r"\x5c", "\\") == inert(masked(visible(long))).replace(r"\x5c", "\\")


@given(HOSTILE)
@example("GH-12 deadbeef :smile: @octocat www.x.example fix - it")
@example("change `a.b` (`c`), `d e`; `f` project's `` `@g` `")
def test_prose_means_nothing(text: str) -> None:
    """Outside of code spans stand words alone."""
    _, inline, *_ = MarkdownIt("commonmark").parse(f"fix: {prose(visible(masked(text)))}")
    for child in inline.children or ():
        assert child.type in {"text", "code_inline"}
        if child.type == "text":
            assert re.fullmatch(r"[A-Za-z .,;:()'-]*", child.content)
            assert not re.search(r"www\.|[0-9]|:\w+:", child.content)


def test_prose_keeps_the_code_spans_of_a_sentence() -> None:
    """Backticks of ours are Markdown's own, and a word with an apostrophe is a word."""
    sentence = "run `az login`, write `a.b` in this project's folder"
    assert prose(sentence) == sentence
    assert prose("Gallery agent-1.0.0: Completed") == "Gallery `agent-1.0.0`: Completed"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain é 🙂", "plain é 🙂"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b", r"\x9b"),
        ("\u202eevil\u200b", r"\u202eevil\u200b"),
        ("\U000e0041", r"\U000e0041"),
        ("\u3164\ufe0f", r"\u3164\ufe0f"),
        ("a\u00a0b", r"a\xa0b"),
        ("C:\\x1b", "C:\\x1b"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, seen: str) -> None:
    """Every character that a reader could miss has an escape."""
    assert visible(text) == seen


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("::error::x", r":\x3aerror:\x3ax"),
        ("a ##[group]b", r"a #\x23[group]b"),
        ("##vso[task.complete]", r"#\x23vso[task.complete]"),
        (":::", r":\x3a\x3a"),
        ("a: b # c", "a: b # c"),
        (":\x1b[0m:", ":\x1b[0m\\x3a"),
        ("#\x1b[1m\x1b[31m#", "#\x1b[1m\x1b[31m\\x23"),
    ],
)
def test_a_command_is_broken_where_it_begins(line: str, expected: str) -> None:
    """The break is visible and can be undone in the head."""
    assert inert(line) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a/b?sv=1&sig=abc%2B/=&x=1", "https://a/b?(secret)"),
        ("b?sv=1&sig=abc%2B/=&x=1", "b?sv=1&sig=(secret)&x=1"),
        ("client_secret=abc password=abc", "client_secret=(secret) password=(secret)"),
        ("Bearer 0123456789abcdef", "Bearer (secret)"),
        ("SIG=abc", "SIG=(secret)"),
        ("q%3Fsig%3Dabc", "q%3Fsig%3D(secret)"),
        ("q%253Fsig%253Dabc", "q%253Fsig%253D(secret)"),
        (r"line\nsig=abc", r"line\nsig=(secret)"),
        (r"\u202esig=abc \x1bsig=abc", r"\u202esig=(secret) \x1bsig=(secret)"),
        ("\x1b[33msig=abc", "\x1b[33msig=(secret)"),
        ("design=blue", "design=blue"),
        ("Bearer eyJhbGciOiJSUzI1.eyJhdWQiOiJodHRw.c2ln-_", "Bearer (secret)"),
        ("eyJ", "eyJ"),
    ],
)
def test_signatures_and_tokens_are_masked(text: str, expected: str) -> None:
    """The second net under secrets knows their shapes."""
    assert masked(text) == expected


LONG = "?sv=1&sig=" + "start-of-it." * 20


@pytest.mark.parametrize(
    ("observed", "wanted"),
    [
        (f"b{LONG}live-CANARY", f"b{LONG}new-CANARY"),
        (f"https://h/b{LONG}live-CANARY&se=1", f"https://h/b{LONG}live-CANARY&se=2"),
        (f"one\ntwo b{LONG}live-CANARY", f"one\ntwo b{LONG}new-CANARY"),
        ([f"b{LONG}live-CANARY"], [f"b{LONG}new-CANARY"]),
        ("plain", f"b{LONG}new-CANARY"),
    ],
)
def test_a_value_is_masked_before_it_is_cut(observed: object, wanted: object) -> None:
    """Where two long signatures part is in the middle of them: no net finds the name before it any more."""
    made = report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, field("a", Op.REPLACE, observed, wanted)))
    for text in (render(made, "text", width=100), render(made, "markdown")):
        assert "CANARY" not in text
        assert "start-of-it" not in text


def test_a_masked_value_that_changed_says_so() -> None:
    """Two sides that look alike would read as no difference."""
    assert pair("https://h/b?v=1", "https://h/b?v=2", 60) == ("https://h/b?(secret)", "(secret, changed)")
    assert pair("a", "a", 60) == ("a", "a")


def test_a_secret_in_any_text_is_masked_in_every_format() -> None:
    """ARM may quote the link that it refuses."""
    made = made_of(["x\n?sig=CANARY0123&y"] * 8)
    for format_ in FORMATS:
        assert not traces(render(made, format_))
    assert not traces(render(made, "text", color=True))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        ("", '""'),
        (" x", '" x"'),
        ("1", '"1"'),
        ("-1.5e3", '"-1.5e3"'),
        ("1.0.0", "1.0.0"),
        ("true", '"true"'),
        ("null", '"null"'),
        ("(absent)", '"(absent)"'),
        ("(secret)", "(secret)"),
        ("a → b", '"a → b"'),
        ("cut…", '"cut…"'),
        ('"quoted"', r'"\"quoted\""'),
        (1, "1"),
        (1.0, "1.0"),
        (None, "null"),
        (True, "true"),
        (["a", {"b": "\x1b"}], r'["a", {"b": "\u001b"}]'),
        ("a" * 31, "a" * 29 + "…"),
        ("first\nsecond", '"first…" (2 lines)'),
    ],
)
def test_values_cannot_be_mistaken(value: object, shown: str) -> None:
    """A text is quoted where it would read as something else, and only there."""
    assert literal(value, 30) == shown


@pytest.mark.parametrize(
    ("text", "span"),
    [("a", "`a`"), ("`", "`` ` ``"), ("a``b", "```a``b```"), (" a ", "`  a  `"), ("", "(empty)"), (" a", "` a`")],
)
def test_a_code_span_cannot_be_closed_from_inside(text: str, span: str) -> None:
    """The fence is longer than any run of backticks in it."""
    assert code(text) == span
