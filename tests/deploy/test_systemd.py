"""The units of ``deploy/systemd``: accepted by systemd, little exposed, and commands that work."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.kit.cli import Workspace, commit, estate, finish, git, start
from tests.kit.forked import program
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = ROOT / "deploy" / "systemd"
UNITS: Final = sorted(path.name for path in FOLDER.iterdir())
SERVICES: Final = [name for name in UNITS if name.endswith(".service")]
ANALYZE: Final = shutil.which("systemd-analyze")
INSTALLED: Final = "/opt/reconciler/bin/reconciler"
MOST_EXPOSED: Final = 2.0


def settings(name: str) -> dict[str, list[str]]:
    """Return the settings of a unit, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def analyze(*arguments: str) -> str:
    """Run systemd-analyze, where it is installed, and return its output; it has no complaint."""
    if ANALYZE is None:
        return ""
    done = subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Return a folder with the units, whose program is the one of this machine."""
    folder = tmp_path / "units"
    folder.mkdir()
    for name in UNITS:
        text = (FOLDER / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(INSTALLED, str(program())), encoding="utf-8")
    return folder


def test_systemd_accepts_the_units(units: Path) -> None:
    """No setting is unknown, and no value is wrong."""
    analyze("verify", "--man=no", *(str(units / name) for name in UNITS))


@pytest.mark.parametrize("name", SERVICES)
def test_services_are_little_exposed(units: Path, name: str) -> None:
    """By systemd's own measure, from 0 to 10."""
    most = f"--threshold={MOST_EXPOSED * 10:.0f}"  # of this option, the scale is ten times as long
    shown = analyze("security", "--offline=true", most, str(units / name))
    if shown:
        (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", shown)
        assert float(level) <= MOST_EXPOSED


def test_both_services_have_the_same_rights() -> None:
    """A setting that is added to one is not forgotten in the other."""
    loop, one = (settings(name) for name in ("reconciler.service", "reconciler-round.service"))
    own = {"Type", "Description", "ExecStart", "ExecReload", "TimeoutStartSec", "WantedBy", "SuccessExitStatus"}
    own |= {"Restart", "RestartSec", "RestartPreventExitStatus", "StartLimitIntervalSec"}
    assert {key: value for key, value in loop.items() if key not in own} == {
        key: value for key, value in one.items() if key not in own
    }
    assert one["Type"] == ["oneshot"]
    assert "reconciler-round.timer" in UNITS  # which begins the service of its name


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_the_command_works(name: str, tmp_path: Path) -> None:
    """Its arguments are accepted, and one round writes the estate into the state folder."""
    (tmp_path / "repository").mkdir()
    work = Workspace(tmp_path / "repository")
    work.state(*estate())
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    commit(work.folder)
    unit = settings(name)
    assert unit["WorkingDirectory"] == [f"/var/lib/{unit['StateDirectory'][0]}"]
    state = tmp_path / "state"
    state.mkdir()
    (line,) = unit["ExecStart"]
    for shown, real in (
        ("${GIT_REPO}", str(work.folder)),
        ("${GIT_REF}", "main"),
        (unit["WorkingDirectory"][0], str(state)),
    ):
        assert shown in line
        line = line.replace(shown, real)
    installed, *arguments = shlex.split(line)
    assert installed == INSTALLED
    once = [each for each in arguments if not each.startswith("--listen")]
    done = finish(
        start(
            *(once if "--once" in once else [*once, "--once"]),
            "--output=json",
            folder=state,
            RECONCILER_CLOUD="emulator",
            RECONCILER_EMULATOR_OPERATION_SECONDS="0",
            RECONCILER_POLL_INTERVAL="0.01",
        )
    )
    assert done.code == 0, done.err
    assert done.report["summary"]["succeeded"] == 4
    assert (state / "history.sqlite").exists()
    assert (state / "reconciler.prom").exists() == ("--once" in arguments)


def test_the_end_of_the_loop_is_no_failure() -> None:
    """SIGTERM exits 143; wrong usage is not tried again, and everything else is."""
    loop = settings("reconciler.service")
    assert loop["SuccessExitStatus"] == ["143"]
    assert loop["RestartPreventExitStatus"] == ["64"]
    assert loop["Restart"] == ["always"]
    assert loop["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
