"""Logging commands, as the agent of Azure Pipelines reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hypothesis import example, given

from reconciler.model.change import Action, Reason
from reconciler.problems import Problem
from reconciler.report import render
from reconciler.report.azure_devops import MOST, upload, variables
from tests.kit.reports import REPORTS, change, report
from tests.report.test_hostile import PIECES, UNSEEN, made_of

ESCAPES = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%"))


@dataclass(frozen=True)
class Command:
    """What the agent understood."""

    name: str
    properties: dict[str, str]
    message: str


def understood(line: str) -> Command | None:
    """Read one line as the agent does: its prefix anywhere, then up to the first closing bracket."""
    found = re.search(r"##vso\[([^\]]*)\](.*)", line, re.IGNORECASE)
    if not found:
        return None
    name, _, rest = found[1].partition(" ")
    pairs = (pair.partition("=") for pair in rest.split(";") if pair)
    return Command(name, {key: _unescaped(value) for key, _, value in pairs}, _unescaped(found[2]))


def _unescaped(text: str) -> str:
    for escape, char in ESCAPES:
        text = text.replace(escape, char)
    return text


def commands(text: str) -> list[Command]:
    """Return the commands among the lines of a report."""
    return [command for line in text.splitlines() if (command := understood(line))]


def test_errors_and_warnings_are_issues_and_the_rest_is_told() -> None:
    """The agent knows no third level."""
    text = render(REPORTS["plan-everything"], "azure-devops")
    found = commands(text)
    assert [each.properties["type"] for each in found] == ["error"] * 10 + ["warning"]
    assert found[0].properties == {
        "type": "error",
        "sourcepath": "manifests/agent.yaml",
        "linenumber": "21",
        "code": "immutable-field",
    }
    assert found[0].message.startswith("GalleryApplicationVersion frozen: blocked\n    blocked: ")
    assert found[-1].properties["columnnumber"] == "1"
    assert text.splitlines()[0].startswith("prod, public cloud: 1 to create, 5 to update, 10 blocked")
    assert "\nGalleryApplicationVersion create: to create\n" in text


def test_more_than_the_agent_keeps_is_counted() -> None:
    """Ten of each level; the last one says how many there are besides."""
    problems = tuple(Problem("a.yaml", line, 1, "", "type", "x") for line in range(1, 31))
    found = commands(render(report("plan", errors=problems, warnings=problems), "azure-devops"))
    assert len(found) == 2 * MOST
    assert found[MOST - 1].message == "21 more errors not shown: --report json=FILE writes all of them"
    assert found[-1].properties == {"type": "warning"}


def test_nobody_reads_ten_thousand_lines() -> None:
    """What is no issue is limited as in the text report."""
    many = report("plan", *(change(f"n{number}", Action.CREATE, Reason.NOT_FOUND) for number in range(700)))
    lines = render(many, "azure-devops").splitlines()
    assert sum(line.endswith(": to create") for line in lines) == 499
    assert lines[-1] == "201 more resources not shown: --report json=FILE writes all of them"


@given(PIECES)
@example(["##vso[task.complete]"] * 8)
@example(["]##VSO[task.setvariable variable=PATH]x"] * 8)
@example([";type=error;%3B%AZP25]"] * 8)
@example(["\r\n##[error]x"] * 8)
@example(["#"] * 8)
def test_nothing_from_outside_is_a_command(texts: list[str]) -> None:
    """The agent finds our issues, each with our properties, and no other command."""
    made = replace(made_of(texts), errors=(Problem(texts[1], 1, 1, texts[2], texts[3], texts[4], texts[5]),))
    text = render(made, "azure-devops")
    assert not UNSEEN.search(text)
    assert {each.name for each in commands(text)} == {"task.logissue"}
    known = {"type", "sourcepath", "linenumber", "columnnumber", "code"}
    assert all(set(each.properties) <= known for each in commands(text))
    for line in text.splitlines():
        body = line.removeprefix("##vso[task.logissue ")
        assert not re.search(r"##|::", body)
        assert body == line or body.startswith("type=")


def test_properties_and_message_come_back() -> None:
    """What is escaped for the agent is what it unescapes."""
    problem = Problem("a;b].yaml", 1, 1, "", "odd]", "100% of [x]; %AZP25")
    (found,) = commands(render(report("plan", errors=(problem,)), "azure-devops"))
    assert (found.properties["sourcepath"], found.properties["code"]) == ("a;b].yaml", "odd]")
    assert found.message == "odd]: 100% of [x]; %AZP25"


def test_variables_and_summary() -> None:
    """Later steps read the values; the page of the build shows the file."""
    (first, second) = commands(variables({"hasChanges": "true", "verdict": "a; 100%]"}))
    assert first == Command("task.setvariable", {"variable": "hasChanges", "isOutput": "true"}, "true")
    assert second.message == "a; 100%]"
    assert commands(upload("/tmp/a b].md")) == [Command("task.uploadsummary", {}, "/tmp/a b].md")]
