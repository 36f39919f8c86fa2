"""A token that cannot be sent, or that a host repeats, and variables and hosts at fault: named, and no bug."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import gallery
from tests.kit.review import AzureDevOps, GitHub, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Workspace

OPAQUE = "CANARYopaque0123456789"


class _Echo(BaseHTTPRequestHandler):
    """An ARM, or a gateway before it, that repeats what it was sent."""

    seen: list[str] = []  # noqa: RUF012 (one server at a time)

    def do_GET(self) -> None:
        """Refuse, and say with which token."""
        given = self.headers.get("authorization", "")
        self.seen.append(given)
        word = given.removeprefix("Bearer ")
        said: dict[str, Any] = {"error": {"code": "Forbidden", "message": f"the key {word} may not, nor {word[:14]}"}}
        body = json.dumps(said).encode()
        self.send_response(403)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-ms-request-id", word)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def echo(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let the commands of the test ask an ARM that repeats tokens, and give what sets their variables."""
    _Echo.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("RECONCILER_CLOUD", "public")
        monkeypatch.setenv("RECONCILER_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("RECONCILER_CREDENTIAL", "token")
        work.state(gallery())
        yield monkeypatch
        server.shutdown()


def test_a_token_that_is_repeated_is_not_shown(echo: pytest.MonkeyPatch, run: Command) -> None:
    """No shape tells it: it is known from the request, as a whole and in part."""
    echo.setenv("RECONCILER_ACCESS_TOKEN", OPAQUE)
    for form in ("text", "json", "html"):
        done = run("plan", "-o", form, "--log-level", "debug")
        assert done.code == 1
        assert "CANARY" not in done.out + done.err
    assert set(_Echo.seen) == {f"Bearer {OPAQUE}"}


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", " {} ", "\t{}"])
def test_a_line_end_after_a_token_is_dropped(echo: pytest.MonkeyPatch, run: Command, around: str) -> None:
    """As it comes out of a file."""
    echo.setenv("RECONCILER_ACCESS_TOKEN", around.format(OPAQUE))
    run("plan")
    assert set(_Echo.seen) == {f"Bearer {OPAQUE}"}


@pytest.mark.parametrize("token", ["CANARY\nx", "CANARY x", "CANARYé", "CANARY\u2028", "CANARY\x7f", "\n", "🔑CANARY"])
def test_a_token_that_no_header_can_hold_is_wrong_usage(echo: pytest.MonkeyPatch, run: Command, token: str) -> None:
    """It names the variable, not the network and no bug, and nothing was sent."""
    echo.setenv("RECONCILER_ACCESS_TOKEN", token)
    done = run("plan")
    assert done.code == 64
    assert "RECONCILER_ACCESS_TOKEN" in done.err
    assert "network" not in done.err
    assert "CANARY" not in done.out + done.err
    assert _Echo.seen == []


@pytest.mark.parametrize(
    ("kind", "option", "name"),
    [(GitHub, "--github", "GITHUB_TOKEN"), (AzureDevOps, "--azure-devops", "SYSTEM_ACCESSTOKEN")],
)
@pytest.mark.parametrize("token", ["CANARY\nx", "CANARYé"])
def test_so_is_one_for_a_review_host(
    kind: type[GitHub | AzureDevOps],
    option: str,
    name: str,
    token: str,
    *,
    run: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The variable of each host."""
    report = tmp_path / "plan.md"
    report.write_text("x")
    with kind() as host:
        for each, value in host.variables().items():
            monkeypatch.setenv(each, value)
        monkeypatch.setenv(name, token)
        done = run("comment", option, str(report), "--pull-request", "7")
        assert (done.code, host.requests) == (64, [])
    assert name in done.err
    assert "CANARY" not in done.err


@pytest.mark.parametrize(
    "body",
    [
        {"value": [5]},
        {"value": 5},
        {"value": {"a": 1}},
        {"value": ["x"]},
        {"value": [None]},
        {"value": [[]]},
        5,
        "x",
        None,
        {"value": [{"comments": 5}]},
        {"value": [{"comments": [5]}]},
        {"value": [{"comments": {"a": 1}}]},
        {"value": [{"id": 1e400, "comments": [{"id": 1, "content": 5, "author": {"id": 1}}]}]},
        {"value": [{"id": 1, "comments": [{"id": 1, "content": 5, "author": {"id": 1}}]}]},
        [5],
        [None],
        [{"id": 1, "user": 5, "body": "x", "html_url": "x"}],
        [{"id": 1, "user": {"login": 5}, "body": "x", "html_url": "x"}],
        [{"id": 1, "user": None, "body": 5, "html_url": 1}],
    ],
)
@pytest.mark.parametrize(("kind", "option"), [(GitHub, "--github"), (AzureDevOps, "--azure-devops")])
def test_comments_of_another_shape_are_the_host_s_fault(
    kind: type[GitHub | AzureDevOps],
    option: str,
    body: Any,
    run: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit 1 with the name of the host, not 70; for all that it may answer to the list."""
    report = tmp_path / "plan.md"
    report.write_text("x")
    with kind() as host:
        for each, value in host.variables().items():
            monkeypatch.setenv(each, value)
        for number in range(4):
            host.faults = [("GET", Reply(200, body))] * (number + 1)
            done = run("comment", option, str(report), "--pull-request", "7")
            assert done.code in {0, 1}, done.err
            assert "internal error" not in done.err


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_at_fault_is_named(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By the variable that it comes from, without its value."""
    work.state(gallery())
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv("RECONCILER_CREDENTIAL", "token")
    monkeypatch.setenv("RECONCILER_ACCESS_TOKEN", "CANARY-token")
    monkeypatch.setenv(name, "ftp://user:CANARY@proxy.example:1")
    done = run("plan")
    assert done.code == 64
    assert name in done.err
    assert "CANARY" not in done.err


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_a_certificate_file_at_fault_is_named(
    work: Workspace, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    """And not the network that could not be trusted for it."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    work.state(gallery())
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv("RECONCILER_CREDENTIAL", "token")
    monkeypatch.setenv("RECONCILER_ACCESS_TOKEN", "CANARY-token")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    done = run("plan")
    assert done.code == 64
    assert "SSL_CERT_FILE" in done.err


def test_a_host_at_fault_is_named(work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing listens, or no name leads."""
    work.state(gallery())
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv("RECONCILER_CREDENTIAL", "token")
    monkeypatch.setenv("RECONCILER_ACCESS_TOKEN", "CANARY-token")
    monkeypatch.setenv("RECONCILER_ENDPOINT", "http://127.0.0.1:1")
    error = report("plan", code=1)["resources"][0]["error"]
    assert error["code"] == "Unreachable"
    assert "127.0.0.1" in error["message"]
