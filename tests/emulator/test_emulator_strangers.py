"""The embedded ARM towards files, names and bodies that are not meant for it."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.files import connect
from reconciler.emulator.server import serve_in_thread
from reconciler.errors import EmulatorError
from tests.kit.emulator import DEFINITION, GALLERY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Yield the address of an embedded ARM over HTTP."""
    app = create_app(EmulatorSettings(state=tmp_path / "state.sqlite"), SystemClock())
    with serve_in_thread(app) as address:
        yield address


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("mark", ["CREATE TABLE things (a)", "PRAGMA application_id = 7"])
def test_a_database_of_another_program_stays_as_it_is(tmp_path: Path, mode: str, mark: str) -> None:
    """To the byte: it is looked at before anything is set in it."""
    path = tmp_path / "other.sqlite"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(f"PRAGMA journal_mode = {mode}")
    database.execute(mark)
    database.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    for _ in range(2):
        with pytest.raises(EmulatorError, match="another program"):
            connect(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [each.name for each in tmp_path.iterdir()] == ["other.sqlite"]


def test_an_empty_database_is_taken(tmp_path: Path) -> None:
    """As one that was made for it; and opened again, while it is open, too."""
    path = tmp_path / "state.sqlite"
    path.touch()
    first = connect(path)
    connect(path).close()
    first.execute("SELECT * FROM resources")
    first.close()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.2:80", "[::1]", "[::1]:80"])
def test_loopback_names_are_answered(served: str, host: str) -> None:
    """In every spelling, with any port."""
    assert httpx.get(f"{served}/tenants", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "169.254.169.254", "[::2]", "", "a b"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_another_name_is_refused(served: str, host: str, method: str) -> None:
    """A web page may have let its name lead here; nothing of a resource is in the answer."""
    answer = httpx.request(method, f"{served}{GALLERY}?api-version=2022-03-03", headers={"host": host})
    assert answer.status_code == 421
    assert answer.json()["error"]["code"] == "MisdirectedRequest"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost"])
def test_a_web_page_is_refused(served: str, origin: str) -> None:
    """A request with an Origin header is refused with every method."""
    for method in ("GET", "PUT", "OPTIONS"):
        answer = httpx.request(method, f"{served}{GALLERY}?api-version=2022-03-03", headers={"origin": origin})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("levels", [250, 900, 1010])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("path", [f"{GALLERY}?api-version=2022-03-03", f"{DEFINITION}?api-version=2019-07-01"])
def test_a_body_that_is_nested_too_deeply_is_refused(served: str, levels: int, method: str, path: str) -> None:
    """With 400 and ARM's error, wherever the levels are."""
    deep = "".join(('{"a": ' * levels, "1", "}" * levels))
    for body in (deep, f'{{"location": "West Europe", "properties": {deep}}}', f'{{"tags": {deep}}}', "[" * levels):
        answer = httpx.request(method, served + path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400, (answer.status_code, body[:40])
        assert answer.json()["error"]["code"] == "InvalidRequestContent"
