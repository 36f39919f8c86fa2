"""``--cache``: the same reports with less work, also where its files are damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from reconciler.plan.decide import decide
from tests.kit.canary import MARK
from tests.kit.cli import application, changed, gallery, inline, version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Report, Workspace

ESTATE: Final = (gallery(), application(description="declared"), version())
TIMES: Final = ("startedAt", "finishedAt", "requests")


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the resources that are decided in full."""
    names: list[str] = []

    def noted(desired: Any, *rest: Any) -> Any:
        names.append(desired.name)
        return decide(desired, *rest)

    monkeypatch.setattr("reconciler.plan.verdicts.decide", noted)
    return names


def facts(report: Report) -> Report:
    """Return a report without its times."""
    return {key: value for key, value in report.items() if key not in TIMES}


def only_file(folder: Path) -> Path:
    """Return the one file of a cache."""
    (file,) = folder.iterdir()
    return file


def test_a_second_run_decides_what_differs(
    work: Workspace, run: Command, report: Reporting, azure: Azure, decided: list[str]
) -> None:
    """Drift and edits are found as without a cache; what is in sync is taken from it."""
    work.state(*ESTATE)
    run("apply")
    assert facts(report("plan", "--cache", "c")) == facts(report("plan"))
    assert sorted(decided) == ["agent", "agent-1.0.0", "tools"]
    decided.clear()
    assert facts(report("plan", "--cache", "c")) == facts(report("plan"))
    assert decided == []
    azure.edit(ESTATE[1], "properties.description", "drift")
    assert facts(report("drift", "--cache", "c", code=2)) == facts(report("drift", code=2))
    assert decided == ["agent"]
    work.state(changed(ESTATE[0], "properties.description", "edited"), *ESTATE[1:])
    assert facts(report("plan", "--cache", "c")) == facts(report("plan"))
    assert run("apply", "--cache", "c").code == 0
    assert report("plan", "--cache", "c")["summary"]["puts"] == 0


DAMAGES: Final[dict[str, Callable[[Path], object]]] = {
    "another digit": lambda file: file.write_bytes(file.read_bytes().replace(b'"2', b'"3')),
    "half-written": lambda file: file.write_bytes(file.read_bytes()[:-9]),
    "foreign": lambda file: file.write_bytes(b"\x80\x04K\x01."),
    "empty": lambda file: file.write_bytes(b""),
    "deleted": lambda file: file.unlink(),
    "a folder": lambda file: file.rename(file.with_suffix(".old")).parent.joinpath(file.name).mkdir(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_counts_as_absent(
    work: Workspace, run: Command, report: Reporting, decided: list[str], damage: Callable[[Path], object]
) -> None:
    """Everything is decided in full, and reported as without a cache."""
    work.state(*ESTATE)
    run("apply")
    report("plan", "--cache", "c")
    damage(only_file(work.folder / "c"))
    decided.clear()
    found = report("plan", "--cache", "c")
    assert len(decided) == 3
    assert {**facts(found), "warnings": []} == {**facts(report("plan")), "warnings": []}


def test_another_release_begins_anew(
    work: Workspace, run: Command, report: Reporting, decided: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict is of the release that made it."""
    work.state(*ESTATE)
    run("apply")
    report("plan", "--cache", "c")
    decided.clear()
    monkeypatch.setattr("reconciler.runtime.cache.__version__", "9")
    report("plan", "--cache", "c")
    assert len(decided) == 3


def test_a_cache_that_cannot_be_written_is_a_warning(work: Workspace, run: Command, report: Reporting) -> None:
    """The report and its exit code are the same."""
    work.state(*ESTATE)
    run("apply")
    work.file("f", "")
    found = report("plan", "--cache", "f/c")
    assert [each["code"] for each in found["warnings"]] == ["cache-unusable"]
    assert found["summary"]["inSync"] == 3


def test_environments_do_not_share_a_file(work: Workspace, report: Reporting) -> None:
    """Each keeps its own."""
    work.state(gallery())
    work.project(environments={"dev": {}, "prod": {}})
    for name in ("dev", "prod"):
        report("plan", "-e", name, "--cache", "c")
    assert len([*(work.folder / "c").iterdir()]) == 2
    assert {each.stat().st_mode & 0o777 for each in (work.folder / "c").iterdir()} == {0o600}


def test_no_secret_is_kept(
    work: Workspace, run: Command, report: Reporting, azure: Azure, decided: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a resource with a variable nor one whose live state holds a signature is remembered at all."""
    monkeypatch.setenv("RECONCILER_SECRET_HOOK", f"https://hooks.example/{MARK}?sig={MARK}")
    endpoint = {"uri": {"$env": "RECONCILER_SECRET_HOOK"}}
    hooked = inline(notificationPolicy={"notificationEndpoints": [endpoint]})
    work.state(gallery(), application(), hooked)
    assert run("apply").code == 0
    azure.edit(application(), "properties.releaseNoteUri", f"https://x.example/?sig={MARK}")
    for _ in range(2):
        decided.clear()
        report("plan", "--cache", "c")
    assert sorted(decided) == ["agent", "suite"]
    assert MARK not in only_file(work.folder / "c").read_text()
