"""``history``: the rounds and drift that cron lines leave behind, on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.service.store import FILE_NAME
from tests.kit.cli import commit, definition, estate, gallery, git, id_of

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Workspace
    from tests.kit.clock import LeapingClock

SUITE = definition()


@pytest.fixture
def history(run: Command) -> Any:
    """Return the history, as JSON."""

    def read(*arguments: str) -> Any:
        done = run("history", "-o", "json", *arguments)
        assert done.code == 0, done.err
        return json.loads(done.out)

    return read


def episodes(found: Any) -> list[tuple[str, str, str, str | None]]:
    """Return name, path, severity and end of each episode, the oldest first."""
    return [(each["name"], each["path"], each["severity"], each["how"]) for each in reversed(found["episodes"])]


def test_a_drift_that_heals(run: Command, work: Workspace, azure: Azure, history: Any) -> None:
    """Two cron lines see it, and two more see it gone: one episode, with who and since when."""
    work.state(*estate())
    assert run("apply").code == 0
    assert not (work.folder / ".reconciler" / FILE_NAME).exists()
    azure.edit(SUITE, "properties.lockLevel", "None")
    azure.edit(gallery(), "tags.team", "x")  # undeclared: no drift
    for _ in range(2):
        assert run("run", "--once", "--report-only").code == 2
    azure.edit(SUITE, "properties.lockLevel", "ReadOnly")
    for _ in range(2):
        assert run("run", "--once", "--report-only").code == 0
    found = history()
    assert found["schemaVersion"] == 1
    (episode,) = found["episodes"]
    assert list(episode) == [
        *("id", "resource", "kind", "name", "path", "cause", "who", "severity"),
        *("firstSeen", "lastSeen", "endedAt", "how"),
    ]
    assert episode["resource"] == id_of(SUITE)
    assert (episode["path"], episode["severity"], episode["how"]) == ("properties.lockLevel", "security", "healed")
    assert episode["who"]
    rounds = found["rounds"]
    assert [list(each) for each in rounds] == [["startedAt", "seconds", "commit", "outcome", "summary", "requests"]] * 4
    assert [each["summary"]["drift"] for each in rounds] == [0, 0, 1, 1]
    assert rounds[3]["startedAt"] <= episode["firstSeen"] <= rounds[2]["startedAt"] <= episode["lastSeen"]


def test_counts_are_those_of_the_report(report: Reporting, work: Workspace, history: Any) -> None:
    """The summary of a round is the report's own."""
    work.state(*estate())
    made = report("run", "--once")
    (found,) = history()["rounds"]
    assert found["summary"] == made["summary"]
    assert found["requests"] == made["summary"]["requests"]
    assert found["startedAt"] == made["startedAt"]


def test_all_commands_write_one_history(run: Command, work: Workspace, azure: Azure, history: Any) -> None:
    """``drift`` and ``apply`` with --state-dir, ``run --once`` without."""
    work.state(*estate())
    assert run("apply", "--state-dir", ".reconciler").code == 0
    azure.edit(SUITE, "properties.displayName", "Other")
    for _ in range(2):
        assert run("drift", "--state-dir", ".reconciler").code == 2
    assert run("run", "--once").code == 0
    found = history()
    assert len(found["rounds"]) == 4
    assert episodes(found)[-1] == ("suite", "properties.displayName", "cosmetic", "applied")
    assert [how for *_, how in episodes(found)] == ["applied"] * 5


def test_episode_after(run: Command, work: Workspace, azure: Azure, history: Any) -> None:
    """One round is enough with --episode-after 1; the default is two."""
    work.state(*estate())
    assert run("apply").code == 0
    azure.edit(SUITE, "properties.displayName", "Other")
    assert run("run", "--once", "--report-only").code == 2
    assert history()["episodes"] == []
    assert run("run", "--once", "--report-only", "--state-dir", "other", "--episode-after", "1").code == 2
    assert episodes(history("--state-dir", "other")) == [("suite", "properties.displayName", "cosmetic", None)]


def test_a_resource_and_a_time(run: Command, work: Workspace, leaping: LeapingClock, history: Any) -> None:
    """KIND/NAME chooses episodes, wildcards included; --since chooses by time."""
    work.state(*estate())
    assert run("run", "--once").code == 0
    leaping.ahead_s += 7200
    assert run("run", "--once").code == 0
    assert len(history("Gallery/*")["episodes"]) == 1
    assert history("Gallery/other")["episodes"] == []
    assert len(history("--since", "1h")["rounds"]) == 1
    assert history("--since", "1h")["episodes"] == []
    assert len(history("--since", "2000-01-01")["rounds"]) == 2
    assert run("history", "--since", "tomorrow").code == 64
    assert run("history", "tools").code == 64


def test_no_history(run: Command, work: Workspace) -> None:
    """Exit 1, with the code and a fix."""
    done = run("history")
    assert (done.code, done.out) == (1, "")
    assert "no-history" in done.err
    assert "fix: " in done.err


def test_a_file_that_cannot_be_read(run: Command, work: Workspace) -> None:
    """Exit 1, with a fix; nothing is set aside by a reader."""
    work.file(f".reconciler/{FILE_NAME}", "no database" * 100)
    done = run("history")
    assert (done.code, done.out) == (1, "")
    assert "fix: " in done.err
    assert (work.folder / ".reconciler" / FILE_NAME).exists()


def test_a_history_that_cannot_be_written(run: Command, report: Reporting, work: Workspace) -> None:
    """The round is done, and its report has a warning with a fix."""
    work.state(*estate())
    work.file(f"state/{FILE_NAME}/folder", "a folder where the file should be")
    made = report("run", "--once", "--state-dir", "state")
    assert made["summary"]["succeeded"] == 4
    assert [(each["code"], bool(each["fix"])) for each in made["warnings"]] == [("history-unusable", True)]


def test_causes_and_a_clean_tree(run: Command, work: Workspace, azure: Azure, history: Any) -> None:
    """The cause comes from git, and the file of the history does not make the tree dirty."""
    git(work.folder, "init", "--quiet")
    work.state(*estate())
    head = commit(work.folder)
    for _ in range(2):
        assert run("run", "--once").code == 0
    azure.edit(SUITE, "properties.displayName", "Other")
    assert run("run", "--once").code == 0
    found = history()
    assert [each["commit"] for each in found["rounds"]] == [head] * 3
    assert (found["episodes"][0]["cause"], found["episodes"][0]["how"]) == ("drift", "applied")


def test_text(run: Command, work: Workspace, azure: Azure) -> None:
    """People see what is open first."""
    work.state(*estate())
    assert run("run", "--once").code == 0
    azure.edit(SUITE, "properties.lockLevel", "None")
    for _ in range(2):
        assert run("run", "--once", "--report-only").code == 2
    text = run("history").out
    assert text.index("properties.lockLevel") < text.index("applied") < text.rindex("ok")
