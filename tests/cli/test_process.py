"""
The program as a process: signals, kills, streams closed by their reader, full disks, limits, a hostile working folder.

Its ARM is the embedded one as a server, or a server that answers as the test wants.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.server import serve_in_thread
from tests.kit.cli import (
    PROGRAM,
    Azure,
    Done,
    Manifest,
    Workspace,
    application,
    checked,
    definition,
    estate,
    gallery,
    resource,
    start,
    until,
    version,
)
from tests.kit.forked import program
from tests.kit.raw import Raw, asked, http, says, silent

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.cli.conftest import Reporting

QUIET: Final = ("--log-level", "error")  # else an apply without a terminal writes of each PUT
SIGNALS: Final = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
NOT_FOUND: Final = b'{"error":{"code":"ResourceNotFound","message":"no"}}'


class Server:
    """The embedded ARM in a process of its own."""

    def __init__(self, folder: Path, state: Path, seconds: str, port: int = 0) -> None:
        """Start it."""
        arguments = ("emulator", "--port", str(port), "--state", str(state))
        self.process = start(*arguments, folder=folder, RECONCILER_EMULATOR_OPERATION_SECONDS=seconds)
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """Let it die without a word."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def serving(azure: Azure, seconds: float = 0) -> Iterator[str]:
    """Serve the world of a test over HTTP, and give its URL."""
    app = create_app(EmulatorSettings(state=azure.state, operation_seconds=seconds), SystemClock())
    with serve_in_thread(app) as url:
        yield url


def run(work: Workspace, url: str, *arguments: str, **options: Any) -> Done:
    """Run one command against *url* to its end; options as of :func:`launched`."""
    with launched(work, url, *arguments, **options) as process:
        return ended(process)


@contextmanager
def launched(
    work: Workspace, url: str, *arguments: str, shell: str | None = None, home: str | None = None, **streams: Any
) -> Iterator[subprocess.Popen[str]]:
    """Start one command against *url*; *shell* sets limits or redirects before the program starts. Nothing remains."""
    environment = {**os.environ, "RECONCILER_CLOUD": "public", "RECONCILER_ENDPOINT": url}
    process = subprocess.Popen(
        ["/bin/sh", "-c", shell, PROGRAM, *arguments] if shell else [program(), *arguments],
        cwd=work.folder,
        env={**environment, "HOME": home} if home else environment,
        text=True,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> Done:
    """Return what a process left behind where it was piped, which is never a traceback."""
    out, err = process.communicate(timeout=30)
    done = Done(process.returncode, out or "", err or "")
    assert "Traceback" not in done.out + done.err
    return done


def report_in(work: Workspace) -> dict[str, Any]:
    """Return the report that a run wrote."""
    return checked(json.loads((work.folder / "report.json").read_text(encoding="utf-8")))


# Signals


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_an_apply_is_stopped(number: signal.Signals, code: int, work: Workspace, azure: Azure) -> None:
    """No PUT is started any more; what runs is told with its operation, in every report."""
    work.state(gallery(), application())
    with serving(azure, 60) as url, launched(work, url, "apply", *QUIET, "--report", "json=report.json") as process:
        until(lambda: azure.holds(gallery()))
        began = time.monotonic()
        process.send_signal(number)
        done = ended(process)
    assert time.monotonic() - began < 5
    assert (done.code, done.err) == (code, "")
    assert ": Stopped: 1 skipped, 1 still running.\n" in done.out
    error = resource(report_in(work), gallery())["error"]
    assert error["code"] == "Interrupted"
    assert "/capsOperations/" in error["message"]
    assert "?" not in error["message"]
    assert error["requestId"]
    assert resource(report_in(work), application())["error"]["code"] == "Interrupted"
    assert azure.holds(gallery())


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_reading_is_stopped(command: str, work: Workspace) -> None:
    """It has nothing to finish: it ends at once, and says so."""
    work.state(gallery())
    with Raw([silent]) as server, launched(work, server.url, command, "--report", "json=report.json") as process:
        until(lambda: bool(server.heard))
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        done = ended(process)
    assert time.monotonic() - began < 3.5
    assert (done.code, done.err) == (143, "")
    assert ": Stopped while reading. Nothing was written.\n" in done.out
    assert [error["code"] for error in report_in(work)["errors"]] == ["stopped"]


@pytest.mark.parametrize(
    "arguments", [("explain", "Gallery/tools"), ("export", "--subscription", "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11")]
)
def test_what_has_no_report_is_stopped(arguments: tuple[str, ...], work: Workspace) -> None:
    """It ends at once too, with the exit code alone."""
    work.state(gallery())
    with Raw([silent]) as server, launched(work, server.url, *arguments) as process:
        until(lambda: bool(server.heard))
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        done = ended(process)
    assert time.monotonic() - began < 3.5
    assert (done.code, done.out, done.err) == (130, "", "")


def test_the_second_signal(work: Workspace) -> None:
    """It ends at once what waits for the answer to a PUT."""
    work.state(gallery())
    puts: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        head = asked(connection)
        if head.startswith(b"PUT"):
            puts.append(head)
            silent(connection)
        connection.sendall(http(NOT_FOUND, "404 Not Found"))

    with Raw([talk]) as server, launched(work, server.url, "apply", *QUIET) as process:
        until(lambda: bool(puts))
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        done = ended(process)
    assert time.monotonic() - began < 3
    assert (done.code, done.err) == (143, "")


# Kills


@pytest.mark.parametrize("reached", [1, 2, 3])
def test_a_run_is_killed(reached: int, work: Workspace, azure: Azure, report: Reporting) -> None:
    """The next one sends what is left to send, waits for what runs, and no PUT is needless."""
    everything = [gallery(), application(), version()]
    work.state(*everything)
    with serving(azure, 0.3) as url, launched(work, url, "apply") as process:
        until(lambda: len(azure.ids()) >= reached)
        process.kill()
        process.communicate()
    there = len(azure.ids())
    assert report("apply")["summary"]["puts"] == len(everything) - there
    assert azure.holds(*everything)
    report("plan", "--detailed-exitcode")


def test_arm_is_killed(work: Workspace, azure: Azure) -> None:
    """Its state survives, operations included; the apply that was speaking to it finds it again, and goes on."""
    work.state(gallery(), application())
    server = Server(work.folder, azure.state, "0.4")
    try:
        with launched(work, server.url, "apply", "-o", "json") as process:
            until(lambda: azure.holds(gallery()))
            server.kill()
            server = Server(work.folder, azure.state, "0.4", server.port)
            done = ended(process)
    finally:
        server.kill()
    assert done.code == 0, done.out
    assert done.report["summary"]["puts"] == 2
    assert azure.holds(gallery(), application())


# Streams


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_before_the_start(closed: str, work: Workspace, azure: Azure) -> None:
    """An apply goes on to its end, and its exit code and report files say how."""
    work.state(*estate())
    with serving(azure) as url:
        shell = f'exec "$0" "$@" {closed}'
        done = run(work, url, "apply", "--report", "json=report.json", "--log-level", "debug", shell=shell)
    assert done.code == 0
    assert azure.holds(*estate())
    assert report_in(work)["summary"]["succeeded"] == len(estate())


@pytest.mark.parametrize("streams", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_the_reader_goes(streams: tuple[str, ...], work: Workspace, azure: Azure) -> None:
    """An apply succeeds although the reader of its output stops, as ``head`` does."""
    read, write = os.pipe()
    os.close(read)
    work.state(*estate())
    options: dict[str, Any] = dict.fromkeys(streams, write)
    with serving(azure) as url:
        done = run(work, url, "apply", "--log-level", "debug", **options)
    os.close(write)
    assert done.code == 0
    assert azure.holds(*estate())
    assert "BrokenPipe" not in done.err
    assert "Broken pipe" not in done.err


def test_an_error_that_nobody_hears(work: Workspace) -> None:
    """The exit code stays what it is."""
    work.state(gallery())
    read, write = os.pipe()
    os.close(read)
    for arguments in (("plan", "--target", "Nothing/*"), ("plan", "--nonsense")):
        assert run(work, "https://127.0.0.1", *arguments, stderr=write).code == 64
    os.close(write)


# Disks


def test_a_full_standard_output(work: Workspace, azure: Azure) -> None:
    """What was done is told on standard error and in the report, and the exit code says that something is wrong."""
    work.state(gallery())
    with serving(azure) as url, Path("/dev/full").open("w", encoding="utf-8") as full:
        done = run(work, url, "apply", "--report", "json=report.json", stdout=full)
    assert done.code == 1
    assert "Applied: 1 created." in done.err
    assert "standard output cannot be written: No space left on device" in done.err
    assert "Exception ignored" not in done.err
    assert report_in(work)["summary"]["succeeded"] == 1


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("plan", "--help"), ("schema",), ("validate",)])
def test_a_full_standard_output_of_what_only_tells(arguments: tuple[str, ...], work: Workspace) -> None:
    """It is the disk's fault, whichever command it is, and no bug."""
    work.state(gallery())
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = run(work, "https://127.0.0.1", *arguments, stdout=full)
    assert done.code == 1
    assert "No space left on device" in done.err
    assert "bug" not in done.err


FULL: Final = 'ulimit -f 0; exec "$0" "$@"'


def test_a_full_disk(work: Workspace, azure: Azure) -> None:
    """An apply is told on standard output all the same, and no half of a report is left."""
    work.state(gallery())
    with serving(azure) as url:
        done = run(work, url, "apply", "--report", "json=report.json", "--report", "markdown=report.md", shell=FULL)
        planned = run(work, url, "plan", "--out", "plan", shell=FULL)
    assert done.code == 1
    assert ": Applied: 1 created.\n" in done.out
    assert "report.json cannot be written: File too large" in done.err
    assert "report.md cannot be written: File too large" in done.err
    assert planned.code == 1
    assert "plan cannot be written: File too large" in planned.err
    assert sorted(path.name for path in work.folder.iterdir()) == ["manifests"]


def test_who_may_read_what_was_written(work: Workspace, report: Reporting) -> None:
    """A plan is its owner's alone; a report is for whom the umask lets."""
    work.state(gallery())
    before = os.umask(0o022)
    try:
        report("plan", "--out", "plan", "--report", "markdown=report.md")
    finally:
        os.umask(before)
    modes = [(work.folder / name).stat().st_mode & 0o777 for name in ("plan", "report.md")]
    assert modes == [0o600, 0o644]


def test_a_signal_and_a_full_disk(work: Workspace) -> None:
    """The exit code is the signal's."""
    work.state(gallery())
    arguments = ("plan", "--report", "json=report.json")
    with Raw([silent]) as server, launched(work, server.url, *arguments, shell=FULL) as process:
        until(lambda: bool(server.heard))
        process.send_signal(signal.SIGINT)
        done = ended(process)
    assert done.code == 130
    assert "report.json cannot be written" in done.err


# Limits


def many() -> list[Manifest]:
    """Return more resources than a process may have connections."""
    return [definition(f"suite-{number}") for number in range(40)]


def test_few_descriptors(work: Workspace, azure: Azure) -> None:
    """No more connections are opened than the process may have, at any concurrency."""
    work.state(*many())
    with serving(azure) as url:
        done = run(work, url, "apply", *QUIET, "--concurrency", "256", shell='ulimit -n 64; exec "$0" "$@"')
    assert (done.code, done.err) == (0, "")
    assert azure.holds(*many())


def test_too_few_descriptors(work: Workspace, azure: Azure) -> None:
    """It fails, and says so; it does not hang."""
    work.state(gallery())
    with serving(azure) as url:
        done = run(work, url, "apply", shell='ulimit -n 8; exec "$0" "$@"')
    assert done.code in {1, 70}
    assert done.out + done.err


# Folders that others write to


def test_a_hostile_folder(work: Workspace, azure: Azure, tmp_path: Path) -> None:
    """Nothing in the working folder or among the manifests is imported, or read as a setting."""
    work.state(*estate())
    with serving(azure) as url, Raw([says(http(b""))]) as evil:
        mark = tmp_path / "ran"
        for folder in (work.folder, work.manifests):
            for module in ("yaml", "httpx", "click", "orjson", "reconciler", "sitecustomize", "usercustomize", "json"):
                (folder / f"{module}.py").write_text(f"open({str(mark)!r}, 'a').write(__name__)\n", encoding="utf-8")
            settings = "".join(
                f"{name}={evil.url}\n" for name in ("RECONCILER_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
            )
            (folder / ".env").write_text(settings, encoding="utf-8")
            (folder / ".netrc").write_text("default login CANARY password CANARY\n", encoding="utf-8")
        done = run(work, url, "apply", "-o", "json", shell='exec "$0" "$@"', home=str(work.folder))
    assert done.code == 0, done.err
    assert done.report["summary"]["succeeded"] == len(estate())
    assert not mark.exists()
    assert evil.connections == 0


def test_a_netrc_is_not_read(work: Workspace) -> None:
    """No password of the user's goes to ARM."""
    work.state(gallery())
    (work.folder / ".netrc").write_text("default login CANARY password CANARY\n", encoding="utf-8")
    with Raw([says(http(b"{}"))]) as server:
        run(work, server.url, "plan", home=str(work.folder))
    assert b"GET" in server.heard[0]
    assert b"authorization" not in server.heard[0].lower()
