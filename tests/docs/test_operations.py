"""The page for the night is whole: its tables have what the code has, no more and no less, and alerts lead to it."""

from __future__ import annotations

import ast
import re
import signal
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from reconciler import problems
from reconciler.errors import ErrorCode
from reconciler.kinds.live import Health
from reconciler.kinds.rules import Severity
from reconciler.model.change import Action, Reason, Sync
from reconciler.model.outcome import Result
from reconciler.plan.exit_codes import ExitCode
from reconciler.runtime import loop
from reconciler.service.conditions import Event
from reconciler.service.episodes import How
from reconciler.service.metrics import Metrics
from reconciler.service.round import RoundOutcome, round_of
from tests.kit.clock import START
from tests.kit.repository import ROOT
from tests.kit.rounds import seen, written

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALERTS: Final[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yml").read_text("utf-8"))
MODULES: Final = (
    *sorted((ROOT / "reconciler" / "service").rglob("*.py")),
    *(ROOT / "reconciler" / "runtime" / f"{name}.py" for name in ("loop", "recording", "repository", "run")),
)


def rows(head: str) -> list[list[str]]:
    """Return the rows of the one table with this first heading."""
    (table,) = re.findall(rf"^\| {re.escape(head)} \|.*\n\| ---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def names(head: str) -> list[str]:
    """Return the names in the first cells of a table, in order."""
    return [name for row in rows(head) for name in re.findall(r"`([^`]+)`", row[0])]


def problem_codes() -> Iterator[str]:
    """Yield the code of each problem that the modules of the loop make."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                code = node.args[4]
                if isinstance(code, ast.Constant):
                    yield str(code.value)
                elif code.id in vars(problems):  # type: ignore[attr-defined]
                    yield vars(problems)[code.id]  # type: ignore[attr-defined]
                else:
                    assert (path.name, code.id) == ("loop.py", "code")  # type: ignore[attr-defined]
                    yield from ("round-failed", *loop._CODES.values())


def metric_names() -> set[str]:
    """Return the names of all metrics of a loop that has written, as Prometheus queries them."""
    metrics = Metrics()
    for each in (written("tags.team"), seen("tags.team")):
        metrics.take(round_of(each, 1.0), START, START)
    families = list(text_string_to_metric_families(metrics.text()))
    names = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    return names | {"reconciler_commit_info"}


@pytest.mark.parametrize(
    ("head", "known"),
    [
        ("event", Event),
        ("sync", Sync),
        ("action", Action),
        ("reason", Reason),
        ("health", Health),
        ("how", How),
        ("error.code", ErrorCode),
    ],
    ids=str,
)
def test_every_value_has_a_row(head: str, known: type[Any]) -> None:
    """Each value of an enumeration of the code, and none that was."""
    head = f"`{head}`" if head != "event" else head
    assert sorted(names(head)) == sorted(str(each) for each in known)


def test_the_two_tables_of_outcomes() -> None:
    """Those of rounds, and those of resources."""
    assert sorted(names("outcome")) == sorted(RoundOutcome)
    assert sorted(names("`outcome`")) == sorted(Result)


def test_every_hold_has_a_row() -> None:
    """The values of ``held.by`` are those of the schema of the report."""
    schema = yaml.safe_load((ROOT / "schemas" / "report.schema.json").read_text(encoding="utf-8"))
    assert sorted(names("`held.by`")) == sorted(_enum_of(schema, "by"))


def _enum_of(schema: Any, name: str) -> list[str]:
    found: list[list[str]] = []

    def look(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get(name), dict) and "enum" in node[name]:
                found.append(node[name]["enum"])
            for each in node.values():
                look(each)
        elif isinstance(node, list):
            for each in node:
                look(each)

    look(schema)
    return found[0]


def test_every_severity_is_named() -> None:
    """In the line below the events."""
    line = re.search(r"^Severity of an episode: ((?:.|\n)*?)\.\n", PAGE, re.MULTILINE)
    assert line
    assert set(re.findall(r"`(\w+)`", line[1])) == {str(each) for each in Severity}


def test_every_metric_has_a_row() -> None:
    """As a scrape has them."""
    assert sorted(names("metric")) == sorted(metric_names())


def test_every_code_of_the_loop_has_a_row() -> None:
    """Those of the problems that its modules make, and those that end a run before a plan."""
    assert set(names("code")) == {*problem_codes(), problems.SIGN_IN_FAILED, problems.STOPPED}
    assert len(names("code")) == len(set(names("code")))


def test_every_exit_code_has_a_row() -> None:
    """Success needs no row, and code 3 is of ``drift`` only."""
    shown = {int(code) for row in rows("exit code") for code in row[0].split(",")}
    stopped = {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert shown == {*ExitCode} - {ExitCode.SUCCESS, ExitCode.PENDING} | stopped


def test_every_alert_has_a_heading() -> None:
    """Its link leads there; each heading below that of the alerts is one of them."""
    section = PAGE.partition("## Alerts\n")[2].partition("\n## ")[0]
    headings = re.findall(r"^### (\w+)$", section, re.MULTILINE)
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert headings == [rule["alert"] for rule in rules]
    for rule in rules:
        address, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert address.endswith("/docs/operations.md")
        assert anchor == rule["alert"].lower()


def test_every_row_is_whole() -> None:
    """A name, a meaning, and a word on the night."""
    tables = re.findall(r"^\| .+ \| meaning \| at night \|\n\| ---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert len(tables) > 10
    for line in "".join(tables).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert len(cells) == 3, line
        assert all(cells), line
