"""
Paths that lead nowhere, or to an unexpected place: every command that takes one names it, and ends with 1 or 64.

No such path is a bug of the reconciler, so no command ends with 70 or waits for ever.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from reconciler import filesystem
from reconciler.cli.front import main
from tests.kit.cli import Workspace, application, as_yaml, checked, codes, commit, gallery, git, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.service.rounds import Pace
    from tests.cli.conftest import Command
    from tests.kit.cli import Azure

INTERVAL_S: Final = 3600
SUBSCRIPTION: Final = "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11"
TAKES_A_PATH: Final[dict[str, tuple[str, ...]]] = {
    "PATH": ("validate", "{}"),
    "PATH of plan": ("plan", "{}"),
    "PATH of apply": ("apply", "{}"),
    "PATH and a revision": ("validate", "{}", "--against", "HEAD"),
    "PATH of explain": ("explain", "Gallery/tools", "-f", "{}"),
    "a second PATH": ("validate", "manifests", "{}"),
    "--config": ("validate", "--config", "{}"),
    "--out": ("plan", "--out", "{}"),
    "--check": ("plan", "--check", "{}"),
    "--plan": ("apply", "--plan", "{}"),
    "--against-snapshot": ("plan", "--against-snapshot", "{}"),
    "--out of snapshot": ("snapshot", "--out", "{}"),
    "--report": ("validate", "--report", "json={}"),
    "--out-dir": ("export", "--subscription", SUBSCRIPTION, "--out-dir", "{}"),
    "comment": ("comment", "{}", "--github", "--repository", "a/b", "--pull-request", "1"),
    "--tls-cert": ("emulator", "--port", "0", "--tls-cert", "{}"),
}


def circle(folder: Path) -> str:
    """Make a link that leads to itself."""
    (folder / "circle").symlink_to("circle")
    return "circle"


def within_a_circle(folder: Path) -> str:
    """Name a file behind one."""
    return f"{circle(folder)}/a.yaml"


def long_name(_: Path) -> str:
    """Name what no file system has room for."""
    return "n" * 300


def long_path(_: Path) -> str:
    """Name what is deeper than the system looks."""
    return "/".join(["deep"] * 1500)


def below_a_file(folder: Path) -> str:
    """Take a file for a folder."""
    (folder / "file").write_text("", encoding="utf-8")
    return "file/a.yaml"


def pipe(folder: Path) -> str:
    """Make a pipe that nothing writes to, or reads from."""
    os.mkfifo(folder / "pipe")
    return "pipe"


def listening(folder: Path) -> str:
    """Make a socket."""
    with contextlib.chdir(folder), socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    return "socket"


def nul(_: Path) -> str:
    """Name what no system has a name for."""
    return "a\0b"


def half_a_character(_: Path) -> str:
    """Name what no system can be given."""
    return "a\ud800b"


ODD: Final[dict[str, Callable[[Path], str]]] = {
    made.__name__: made
    for made in (circle, within_a_circle, long_name, long_path, below_a_file, pipe, listening, nul, half_a_character)
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a working folder with a commit of one gallery."""
    work = Workspace(tmp_path_factory.mktemp("repository"))
    work.state(gallery())
    git(work.folder, "init", "--quiet")
    commit(work.folder)
    return work.folder


@pytest.fixture
def committed(work: Workspace, repository: Path) -> Workspace:
    """Return the working folder of the test with a commit of one gallery."""
    work.state(gallery())
    shutil.copytree(repository / ".git", work.folder / ".git")
    return work


@pytest.mark.parametrize("made", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize("taker", TAKES_A_PATH)
def test_an_odd_path(
    committed: Workspace,
    azure: Azure,
    run: Command,
    monkeypatch: pytest.MonkeyPatch,
    taker: str,
    made: Callable[[Path], str],
) -> None:
    """The path is named, on one stream or the other, and the exit code is not that of a bug."""
    monkeypatch.setattr(filesystem, "PIPE_WAIT_MS", 0)
    monkeypatch.setenv("GITHUB_TOKEN", "none")
    azure.seed(gallery())
    path = made(committed.folder)
    done = run(*(each.replace("{}", path) for each in TAKES_A_PATH[taker]))
    assert done.code in {1, 64}, (done.code, done.out, done.err)
    assert path[:9].partition("\0")[0].partition("\ud800")[0] in done.out + done.err


def test_what_a_device_is_for(work: Workspace, run: Command) -> None:
    """It may be written to; it is no manifest, no project file, no plan."""
    work.state(gallery())
    assert run("validate", "--report", "json=/dev/null").code == 0
    for arguments in (
        ("validate", "/dev/zero"),
        ("plan", "--check", "/dev/zero"),
        ("validate", "--config", "/dev/null"),
    ):
        assert run(*arguments).code in {1, 64}


def test_a_report_in_a_pipe(tmp_path: Path) -> None:
    """As ``comment <(reconciler plan)`` has it: what comes late is waited for."""
    import threading

    name = tmp_path / "pipe"
    os.mkfifo(name)
    writer = threading.Thread(target=lambda: name.write_text("report" * 20_000, encoding="utf-8"))
    writer.start()
    assert filesystem.read(name, 10**6, pipes=True) == b"report" * 20_000
    writer.join()


@pytest.fixture
def private(run: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder of root's alone, to a process that is not root."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user, and back")
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        folder = Path(made, "private")
        (folder / "manifests").mkdir(parents=True)
        (folder / "manifests" / "a.yaml").write_text(as_yaml(gallery()), encoding="utf-8")
        (folder / "reconciler.yaml").write_text(as_yaml(project()), encoding="utf-8")
        (folder / "plan").write_text("{}", encoding="utf-8")
        Path(made).chmod(0o777)
        monkeypatch.chdir(made)
        monkeypatch.setenv("RECONCILER_EMULATOR_STATE", f"{made}/arm.sqlite")
        monkeypatch.setenv("GITHUB_TOKEN", "none")
        folder.chmod(0o700)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("taker", [taker for taker in TAKES_A_PATH if taker != "a second PATH"])
@pytest.mark.parametrize("name", ["manifests", "manifests/a.yaml", "plan", ""])
def test_a_folder_of_another_user(private: Path, run: Command, taker: str, name: str) -> None:
    """The command names the path, to the folder or to anything in it, and ends with 1 or 64."""
    path = str(private / name)
    Path("manifests").mkdir()
    Path("manifests", "a.yaml").write_text(as_yaml(gallery()), encoding="utf-8")
    done = run(*(each.replace("{}", path) for each in TAKES_A_PATH[taker]))
    assert done.code in {1, 64}, (done.code, done.out, done.err)
    assert path in done.out + done.err


def test_the_working_folder_of_another_user(private: Path, run: Command) -> None:
    """As in a container that runs as a user of its own."""
    os.seteuid(0)
    os.chdir(private)
    os.seteuid(65534)
    for arguments in (("validate",), ("plan",), ("apply", "manifests"), ("validate", "--config", "reconciler.yaml")):
        done = run(*arguments)
        assert done.code in {1, 64}, (done.code, done.out, done.err)
    os.chdir("/")


@pytest.mark.parametrize("taker", TAKES_A_PATH)
def test_a_working_folder_that_was_deleted(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, taker: str
) -> None:
    """Nothing can be named from there."""
    monkeypatch.setenv("GITHUB_TOKEN", "none")
    monkeypatch.setenv("GITHUB_WORKSPACE", "/nowhere")
    shutil.rmtree(work.folder)
    done = run(*(each.replace("{}", "x") for each in TAKES_A_PATH[taker]))
    assert done.code in {1, 64}, (done.code, done.out, done.err)
    for code, arguments in ((0, ("schema",)), (0, ("--help",)), (0, ("--version",)), (1, ("run",))):
        assert run(*arguments).code == code, arguments


def test_the_loop_outlives_its_working_folder(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment replaces it: the rounds without it fail and are reported, and the next ones read the new one."""
    work.state(gallery())
    rounds = 0

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    async def wait(pace: Pace) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            shutil.rmtree(work.folder)
        elif rounds == 2:
            work.manifests.mkdir(parents=True)
            work.state(gallery(), application())
        elif rounds == 3:
            monkeypatch.setattr("reconciler.pipeline._judged", broken)
        elif rounds == 4:
            signal.raise_signal(signal.SIGTERM)
            await pace.stop.wait()

    monkeypatch.setattr("reconciler.service.rounds.Pace.wait", wait)
    done = run("run", "-o", "json", "--interval", str(INTERVAL_S))
    first, without, after, bug = (checked(json.loads(line)) for line in done.out.splitlines())
    assert done.code == 143
    assert (codes(first), first["summary"]["puts"]) == ([], 1)
    assert (codes(without), without["summary"]["puts"]) == (["unreadable"], 0)
    assert without["errors"][0]["file"] == str(work.folder)
    assert (codes(after), after["summary"]["puts"]) == ([], 1)
    assert codes(bug) == ["internal-error"]
    assert azure.holds(gallery(), application())


def test_a_round_whose_report_cannot_be_rendered(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said on standard error, and the next one comes."""
    work.state(gallery())
    rounds: list[None] = []

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    async def wait(pace: Pace) -> None:
        rounds.append(None)
        if len(rounds) == 2:
            signal.raise_signal(signal.SIGTERM)
            await pace.stop.wait()

    monkeypatch.setattr("reconciler.service.rounds.Pace.wait", wait)
    monkeypatch.setattr("reconciler.report.render", broken)
    monkeypatch.setattr("reconciler.cli.delivery._rendered", broken)
    done = main(["run", "--interval", str(INTERVAL_S), "--report-only"])
    assert (done, len(rounds)) == (143, 2)
