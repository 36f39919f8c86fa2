"""An apply without a terminal can be watched: on standard error, beside the report on standard output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.kit.cli import Workspace, application, estate, gallery, id_of, inline, version

if TYPE_CHECKING:
    import pytest

    from tests.cli.conftest import Command
    from tests.kit.proxy import Proxy


def test_each_put_has_two_lines(work: Workspace, run: Command) -> None:
    """One when it starts and one when it ends, with the time it took and its number; a second apply is quiet."""
    work.state(*estate())
    done = run("apply", "-o", "json")
    lines = done.err.splitlines()
    assert len(lines) == 8
    for made in estate():
        address = f"{made['kind']}/{made['metadata']['name']}"
        started = next(place for place, line in enumerate(lines) if line == f"{address}: creating")
        ended = next(place for place, line in enumerate(lines) if line.startswith(f"{address}: created after "))
        assert started < ended
    assert sorted(line.partition(" (")[2] for line in lines if " of 4)" in line) == [f"{n} of 4)" for n in (1, 2, 3, 4)]
    assert done.report["summary"]["succeeded"] == 4
    assert run("apply").err == ""
    assert run("plan").err == ""


def test_what_fails_and_what_is_skipped(work: Workspace, run: Command, proxy: Proxy) -> None:
    """Both have their line, with the code."""
    work.state(gallery(), application(), version())
    proxy.refuse("PUT", id_of(gallery()).rpartition("/")[2], 403, "ScopeLocked", "locked\nGallery/x: created")
    lines = run("apply").err.splitlines()
    assert lines[0] == "Gallery/tools: creating"
    assert lines[1].startswith("Gallery/tools: failed after ")
    assert lines[1].endswith(", ScopeLocked (1 of 3)")
    assert lines[2:] == [
        "GalleryApplication/agent: skipped, DependencyFailed (2 of 3)",
        "GalleryApplicationVersion/agent-1.0.0: skipped, DependencyFailed (3 of 3)",
    ]


def test_lines_as_json(work: Workspace, run: Command) -> None:
    """With a log in JSON, progress is JSON too; with errors alone there is none."""
    work.state(inline())
    done = run("apply", "--log-format", "json")
    messages = [json.loads(line)["message"] for line in done.err.splitlines()]
    assert messages[0] == "ApplicationDefinition/suite: creating"
    assert messages[1].endswith(" (1 of 1)")
    work.state(inline(displayName="Other"))
    assert run("apply", "--log-level", "error").err == ""


def test_a_sign_of_life(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each minute of a long operation the run says how much is done, and how much is to go."""
    monkeypatch.setattr("reconciler.runtime.progress._LIFE_S", 0.05)
    monkeypatch.setenv("RECONCILER_EMULATOR_OPERATION_SECONDS", "0.4")
    work.state(gallery(), application())
    lines = run("apply").err.splitlines()
    assert "0 done, 1 running, 1 to go" in lines
