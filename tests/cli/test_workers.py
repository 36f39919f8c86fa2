"""``--executor dask``: subscriptions shared among workers; one that dies loses nothing and doubles nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from tests.cli.test_shards import alike, in_subscription
from tests.kit.cli import Azure, Workspace, application, gallery, until, version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Command

DASK = Path(sys.executable).parent / "dask"
QUIET = ("--no-dashboard",)


def estate() -> list[dict[str, Any]]:
    """Return one gallery with an application and two versions in each of four subscriptions."""
    documents = (gallery(), application(), version(), version("1.1.0"))
    return [each for number in range(4) for each in in_subscription(number, *documents)]


@contextmanager
def started(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a part of a cluster in a process of its own."""
    with subprocess.Popen(
        [str(DASK), *arguments, *QUIET], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a scheduler and workers; yield the executor's name, and the workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with started("scheduler", "--host", "127.0.0.1", "--port", str(port), folder=folder):
        arguments = ("worker", f"tcp://127.0.0.1:{port}", "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")
        parts = [started(*arguments, folder=folder) for _ in range(workers)]
        opened = [part.__enter__() for part in parts]
        try:
            yield f"dask://127.0.0.1:{port}", opened
        finally:
            for part in parts:
                part.__exit__(None, None, None)


@contextmanager
def arm(state: Path, on_put: Callable[[int], None]) -> Iterator[tuple[str, Counter[str]]]:
    """Serve an embedded ARM; yield its address and its PUTs, counted by path; *on_put* hears of each that is done."""
    app = create_app(EmulatorSettings(state=state, operation_seconds=0.2), SystemClock())
    puts: Counter[str] = Counter()

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "PUT":
            puts[scope["path"].lower()] += 1
            on_put(puts.total())

    server = uvicorn.Server(uvicorn.Config(counted, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", puts
    finally:
        server.should_exit = True
        thread.join(10)
        app.state.world.close()


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing_and_doubles_no_put(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two workers, one killed in the middle of its writes: all is written once, and the next plan is the whole."""
    work.state(*estate())
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    doomed: list[int] = []

    def kill(number: int) -> None:
        if number == 5 and doomed:
            os.kill(doomed.pop(), signal.SIGKILL)

    with arm(tmp_path / "served.sqlite", kill) as (address, puts):
        monkeypatch.setenv("RECONCILER_ENDPOINT", address)
        with cluster(work.folder, 2) as (executor, workers):
            doomed.append(workers[0].pid)
            done = run("apply", "--executor", executor, "-o", "json")
            assert workers[0].wait(10) == -signal.SIGKILL
            assert done.code == 0, (done.out[-2000:], done.err)
            outcomes = Counter(each["outcome"] for each in done.report["resources"])
            assert outcomes.total() == len(estate())
            assert set(outcomes) <= {"succeeded", "unchanged", None}
            assert puts.total() == len(puts) == len(estate())
            planned = run("plan", "--executor", executor, "-o", "json")
        assert alike(planned.report) == alike(run("plan", "-o", "json").report)
        assert planned.report["summary"]["inSync"] == len(estate())


@pytest.mark.slow
def test_a_cluster_of_this_machine(work: Workspace, azure: Azure, run: Command) -> None:
    """Without an address; what it reports is what one process does."""
    work.state(*estate())
    whole = run("plan", "-o", "json")
    shared = run("plan", "--executor", "dask", "-o", "json")
    assert alike(shared.report) == alike(whole.report)
    assert shared.code == whole.code == 0
    drift = run("drift", "--executor", "dask", "-o", "json")
    assert alike(drift.report) == alike(run("drift", "-o", "json").report)
    assert drift.code == 2


@pytest.mark.slow
def test_no_worker_is_left(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while without any, resources are unknown."""
    monkeypatch.setattr("reconciler.cli.workers._PATIENCE_S", 2.0)
    work.state(*estate())
    with cluster(work.folder, 0) as (executor, _):
        done = run("plan", "--executor", executor, "-o", "json")
    assert done.code == 1
    assert done.report["summary"]["unknown"] == len(estate())
    assert {each["error"]["code"] for each in done.report["resources"]} == {"Unreachable"}


@pytest.mark.parametrize(
    "executor", ["dusk", "dask://", "dask://host", "dask://host:x", "tcp://127.0.0.1:1", "DASK", ""]
)
def test_what_is_no_executor(work: Workspace, run: Command, executor: str) -> None:
    """Is wrong usage."""
    work.state(gallery())
    assert run("plan", "--executor", executor).code == 64


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "--shard", "1/2"),
        ("plan", "--out", "plan.json"),
        ("plan", "-"),
        ("drift", "--against-snapshot", "x"),
        ("drift", "--state-dir", "x"),
    ],
)
def test_what_does_not_go_with_workers(work: Workspace, run: Command, arguments: tuple[str, ...]) -> None:
    """Is wrong usage, before anything is read."""
    work.state(gallery())
    done = run(*arguments, "--executor", "dask")
    assert (done.code, "cannot be combined with" in done.err) == (64, True)


def test_dask_is_imported_only_when_asked_for(work: Workspace, run: Command) -> None:
    """No other run waits for it, or needs it to be installed."""
    work.state(gallery())
    code = "import sys; from reconciler.cli import main; main(['plan']); print('distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=work.folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_without_the_extra(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names it."""
    work.state(gallery())
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = run("plan", "--executor", "dask")
    assert (done.code, "reconciler[dask]" in done.err) == (64, True)


def test_wrong_manifests_are_told_before_any_worker(work: Workspace, run: Command) -> None:
    """By the process that was started."""
    work.add({**gallery(), "kind": "Galery"})
    done = run("plan", "--executor", "dask", "-o", "json")
    assert done.code == 1
    assert json.loads(done.out)["errors"]
