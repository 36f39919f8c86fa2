"""The state file: killed writers, several processes, files that are not ours."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from reconciler.emulator import EmulatorSettings
from reconciler.emulator.files import SCHEMA_VERSION, connect
from reconciler.emulator.store import Store
from reconciler.errors import EmulatorError
from tests.kit.emulator import GALLERIES, GALLERY, VERSION, Arm, arm, error, version, with_arm
from tests.kit.repository import ROOT

_WRITER = """
    import asyncio, sys
    from pathlib import Path
    import httpx
    from reconciler.clock import SystemClock
    from reconciler.emulator import EmulatorSettings, create_app

    async def main(state, start, count):
        settings = EmulatorSettings(state=Path(state), operation_seconds=0)
        transport = httpx.ASGITransport(create_app(settings, SystemClock()))
        async with httpx.AsyncClient(transport=transport, base_url="http://arm.test") as client:
            for number in range(start, start + count):
                url = f"{GALLERIES}/g{number}?api-version=2022-03-03"
                answer = await client.put(url, json={"location": "westus"})
                assert answer.status_code == 201, answer.text
                print(number, flush=True)

    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def _writer(state: Path, start: int, count: int) -> subprocess.Popen[str]:
    program = textwrap.dedent(_WRITER).replace("{GALLERIES}", GALLERIES)
    arguments = [sys.executable, "-c", program, str(state), str(start), str(count)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment)


async def _numbers(state: Path) -> set[int]:
    async with arm(EmulatorSettings(state=state, page_size=10_000)) as service:
        return {int(item["name"][1:]) for item in (await service.get(GALLERIES)).json()["value"]}


def test_a_killed_writer_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Kill -9 in the middle of writing; the file opens, is sound, and holds every answered PUT."""
    state = tmp_path / "state.sqlite"
    with _writer(state, 0, 100_000) as writer:
        assert writer.stdout
        answered = {int(writer.stdout.readline()) for _ in range(50)}
        writer.send_signal(signal.SIGKILL)
    assert answered <= asyncio.run(_numbers(state))
    database = sqlite3.connect(state)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


@pytest.mark.slow
def test_processes_share_a_file(tmp_path: Path) -> None:
    """Two of them make the file and write at once; each sees the work of both."""
    state = tmp_path / "deep" / "state.sqlite"
    writers = [_writer(state, start, 100) for start in (0, 1000)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    for writer in writers:
        assert writer.stdout
        writer.stdout.close()
    assert asyncio.run(_numbers(state)) == {*range(100), *range(1000, 1100)}


def test_operations_end_without_their_process(tmp_path: Path) -> None:
    """A second program finds the operation of the first one over, by time alone."""

    async def scenario() -> None:
        settings = EmulatorSettings(state=tmp_path / "state.sqlite")
        async with arm(settings) as first:
            await first.prepare()
            address = (await first.send("PUT", VERSION, version())).headers["azure-asyncoperation"]
            clock = first.clock
        async with arm(settings, clock) as second:
            assert (await second.get(address)).json()["status"] == "InProgress"
            assert error(await second.send("PUT", VERSION, version())) == (409, "Conflict")
            clock.seconds += 1
            assert (await second.get(address)).json()["status"] == "Succeeded"
            assert (await second.get(VERSION)).json()["properties"]["provisioningState"] == "Succeeded"

    asyncio.run(scenario())


def test_the_file_is_private(tmp_path: Path) -> None:
    """Bodies hold signed links."""
    state = tmp_path / ".reconciler" / "state.sqlite"
    connect(state).close()
    assert state.parent.stat().st_mode & 0o777 == 0o700
    assert state.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in state.parent.iterdir()) == [".gitignore", "state.sqlite"]


def test_a_folder_of_the_users_is_left_as_it_is(tmp_path: Path) -> None:
    """Only one that was made for the file tells git to pass it over."""
    connect(tmp_path / "state.sqlite").close()
    assert [path.name for path in tmp_path.iterdir()] == ["state.sqlite"]


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    """It knew of no writers; nothing in it is lost."""
    path = tmp_path / "state.sqlite"
    connect(path).close()
    database = sqlite3.connect(path)
    for column in ("creator", "writer"):
        database.execute(f"ALTER TABLE resources DROP COLUMN {column}")
    database.execute("INSERT INTO resources VALUES ('/k', '/K', 'Gallery', '{}', '{}', '{}', 1, 2, 3, 4)")
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()
    for _ in range(2):
        store = Store(path)
        row = store.find("/k")
        store.close()
        assert row is not None
        assert (row.id, row.changed, row.creator, row.writer) == ("/K", 4, "emulator", "emulator")


def _other_program(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE things (a)")
    database.close()


def _newer(path: Path) -> None:
    connect(path).close()
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()


def _text(path: Path) -> None:
    path.write_text("no database at all, but long enough to have a header " * 50)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_other_program, "another program"),
        (_newer, "version"),
        (_text, "not a database"),
        (Path.mkdir, "not a file"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, spoil: object, said: str) -> None:
    """The error names the file and what to do."""
    path = tmp_path / "state.sqlite"
    assert callable(spoil)
    spoil(path)
    with pytest.raises(EmulatorError, match=said) as raised:
        connect(path)
    assert str(path) in str(raised.value)
    assert "--state" in str(raised.value)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(EmulatorError, match="--state"):
        connect(tmp_path / "file" / "state.sqlite")


def test_an_empty_file_is_taken(tmp_path: Path) -> None:
    """Such as mktemp makes."""
    path = tmp_path / "empty"
    path.touch()
    connect(path).close()
    connect(path).close()


def test_a_broken_database_is_a_server_error() -> None:
    """And not a traceback."""

    async def scenario(service: Arm) -> None:
        service.world.close()
        assert error(await service.get(GALLERY)) == (500, "InternalServerError")

    with_arm(scenario)
