"""Annotations, as the runner of GitHub Actions reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given

from reconciler.errors import ErrorInfo
from reconciler.model.change import Action, Finding, Op, Reason, Refusal
from reconciler.plan.exit_codes import of_report
from reconciler.problems import Layer, Origin, Problem
from reconciler.report import render
from reconciler.report.escape import inert, visible
from reconciler.report.github import MOST, assignments
from reconciler.report.outputs import outputs
from tests.kit.canary import traces
from tests.kit.reports import REPORTS, change, field, report
from tests.report.test_hostile import PIECES, UNSEEN, made_of

LEVELS = {"error": 1, "warning": 0, "notice": 0}
UNESCAPED = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))


@dataclass(frozen=True)
class Command:
    """What the runner understood."""

    name: str
    properties: dict[str, str]
    message: str


def understood(line: str) -> Command | None:
    """Read one line as ActionCommand.cs of actions/runner does: the newer notation, else the older one."""
    if line.lstrip().startswith("::"):
        stated, found, message = line.lstrip()[2:].partition("::")
        if found:
            name, _, rest = stated.partition(" ")
            pairs = (pair.partition("=") for pair in rest.split(",") if pair)
            properties = {key.strip(): _unescaped(value) for key, _, value in pairs}
            return Command(name, properties, _unescaped(message, ("%0D", "%0A", "%25")))
    older = re.search(r"##\[([^\]]*)\](.*)", line)
    return Command(f"older {older[1]}", {}, older[2]) if older else None


def _unescaped(text: str, only: tuple[str, ...] = tuple(dict(UNESCAPED))) -> str:
    for escape, char in UNESCAPED:
        text = text.replace(escape, char) if escape in only else text
    return text


def commands(text: str) -> list[Command]:
    """Return the commands of a whole report, which has nothing but commands."""
    found = [understood(line) for line in text.splitlines()]
    assert None not in found
    return [command for command in found if command is not None]


def test_a_difference_is_told_of_on_its_line() -> None:
    """File, line and name, then what the text report says."""
    _, found = commands(
        render(
            report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, field("a.b", Op.REPLACE, 1, 2))), "github"
        )
    )
    assert found.name == "notice"
    assert found.properties == {
        "file": "manifests/agent.yaml",
        "line": "21",
        "title": "GalleryApplicationVersion x",
    }
    assert found.message == "to update\n      a.b: 1 → 2  manifests/agent.yaml:21"


def test_what_is_refused_has_its_line_before_what_merely_differs() -> None:
    """A resource has one annotation: on the line that blocks it."""
    fields = (
        field("a", Op.REPLACE, 1, 2, line=5),
        field("b", Op.REPLACE, 1, 2, line=7, finding=Finding.IMMUTABLE, refusal=Refusal.IMMUTABLE),
    )
    found = commands(render(report("plan", change("x", Action.BLOCKED, Reason.IMMUTABLE_FIELD, *fields)), "github"))[1]
    assert (found.name, found.properties["line"]) == ("error", "7")


def test_an_overlay_that_states_a_value_is_its_place() -> None:
    """The line to look at may be in another file."""
    stated = field("a", Op.REPLACE, 1, 2, line=None, where=Origin(Layer.OVERLAY, "overlays/prod.yaml", 4))
    found = commands(render(report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, stated)), "github"))[1]
    assert (found.properties["file"], found.properties["line"]) == ("overlays/prod.yaml", "4")


def test_files_are_named_from_the_root_of_the_repository() -> None:
    """A step may work in a folder of it."""
    made = report(
        "plan", warnings=(Problem("./manifests/../a.yaml", 3, 5, "", "x", "y"), Problem("/b.yaml", 1, 1, "", "x", "y"))
    )
    found = commands(render(made, "github", base="infra/azure"))[1:]
    assert [each.properties["file"] for each in found] == ["infra/azure/a.yaml", "/b.yaml"]
    assert (found[0].properties["line"], found[0].properties["col"]) == ("3", "5")


@pytest.mark.parametrize("name", REPORTS)
def test_an_error_is_what_the_command_exits_1_for(name: str) -> None:
    """The marks in a pull request and the exit code say the same."""
    made = REPORTS[name]
    has_error = any(found.name == "error" for found in commands(render(made, "github")))
    assert has_error == (of_report(made) == 1)


def test_more_than_github_keeps_is_counted() -> None:
    """Ten of each level; the last one says how many there are besides."""
    problems = tuple(Problem("a.yaml", line, 1, "", "type", "x") for line in range(1, 31))
    changes = (change(f"n{number}", Action.CREATE, Reason.NOT_FOUND) for number in range(30))
    made = report("plan", *changes, errors=problems, warnings=problems[:11])
    found = commands(render(made, "github"))
    last = {each.name: each.message for each in found}
    assert [each.name for each in found].count("error") == MOST
    assert [each.name for each in found].count("warning") == MOST
    assert [each.name for each in found].count("notice") == MOST
    assert last["error"] == "21 more errors not shown: --report json=FILE writes all of them"
    assert last["warning"] == "2 more warnings not shown: --report json=FILE writes all of them"
    assert last["notice"] == "22 more notices not shown: --report json=FILE writes all of them"
    exact = commands(render(report("plan", errors=problems[:MOST]), "github"))
    assert not any("not shown" in each.message for each in exact)


def test_a_message_is_cut_before_the_runner_cuts_it() -> None:
    """Nothing is lost without a word, and no secret comes to light by a cut."""
    fields = [field(f"tags.t{index}", Op.ADD, wanted="x" * 60) for index in range(200)]
    found = commands(render(report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, *fields)), "github"))[1]
    assert len(found.message) <= 4096
    assert found.message.endswith("…")


def test_a_cut_and_an_escape_bring_no_secret_to_light() -> None:
    """Half a token is not told from a word, nor a link whose colon is escaped from any other text."""
    for number in range(3890, 3960):
        error = ErrorInfo("Failed", f"{'x' * number} Bearer CANARY{'0' * 30}")
        unread = replace(change("https://h/b?v=CANARY", Action.UNKNOWN, Reason.READ_FAILED), error=error)
        assert not traces(render(report("plan", unread), "github")), number


@given(PIECES)
@example(["::error::"] * 8)
@example([":"] * 8)
@example(["%0A::error::x"] * 8)
@example(["a,b=c%2C:%3A"] * 8)
@example(["\n##[error]"] * 8)
@example(["\r\n::stop-commands::x"] * 8)
def test_nothing_from_outside_is_a_command(texts: list[str]) -> None:
    """The runner finds our commands, each with our properties, and gives every text back as it is shown."""
    made = replace(made_of(texts), errors=(Problem(texts[1], 1, 1, texts[2], texts[3], texts[4], texts[5]),))
    text = render(made, "github")
    assert not UNSEEN.search(text)
    found = commands(text)
    assert len(found) == 6
    assert {each.name for each in found} <= set(LEVELS)
    assert all(set(each.properties) <= {"file", "line", "col", "title"} for each in found)
    assert not any("##[" in line or "##vso[" in line for line in text.splitlines())
    for line in text.splitlines():
        assert "::" not in line[2:].partition("::")[2]
    assert all(inert(line) == line for each in found for line in each.message.split("\n"))


def test_properties_and_message_come_back() -> None:
    """What is escaped for the runner is what it unescapes."""
    problem = Problem("a,b:c%25.yaml", 1, 1, "", "odd:code,", "100%: a, b")
    found = commands(render(report("plan", errors=(problem,)), "github"))[1]
    assert found.properties == {"file": "a,b:c%25.yaml", "line": "1", "col": "1", "title": "odd:code,"}
    assert found.message == "100%: a, b"


def test_outputs() -> None:
    """What later steps may ask for."""
    given_back = outputs(REPORTS["plan-everything"], 1)
    text = assignments(given_back, "end")
    found = dict(re.findall(r"^([a-z-]+)<<end\n(.*)\nend\n", text, re.MULTILINE))
    assert len(found) == len(given_back)
    assert (found["has-changes"], found["has-drift"], found["exit-code"]) == ("true", "true", "1")
    assert (found["create"], found["update"], found["blocked"], found["in-sync"]) == ("1", "5", "10", "4")
    assert '"inSync": 4' in found["counts"]
    quiet = outputs(REPORTS["plan-empty"], 0)
    assert (quiet["hasChanges"], quiet["hasDrift"], quiet["exitCode"]) == ("false", "false", "0")


def test_no_output_has_two_lines() -> None:
    """A message of the program may quote a path with line breaks, from a user or a repository."""
    problem = Problem("a", None, None, "", "x", "rule\nend\nPATH<<end\n/tmp\x1b https://h/b?sig=CANARY")
    made = replace(REPORTS["apply-refused"], errors=(problem,))
    values = outputs(made, 1)
    assert all("\n" not in value for value in values.values())
    assert not traces(assignments(values, "end"))
    assert values["verdict"] == visible(values["verdict"]) == inert(values["verdict"]).replace(r":\x3a", "::")
