"""Exit codes, and wrong usage of the command line."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reconciler.cli.front import main
from reconciler.clock import SystemClock
from reconciler.emulator.server import serve_in_thread
from tests.kit.cli import (
    Azure,
    Workspace,
    annotated,
    changed,
    definition,
    estate,
    gallery,
    resource,
    verdict,
    version,
)

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from tests.cli.conftest import Command, Reporting

_WRONG: list[tuple[str, ...]] = [
    ("nonsense",),
    ("plan", "--nonsense"),
    ("plan", "--cloud", "mars"),
    ("plan", "--cloud", "custom"),
    ("plan", "--cloud", "custom", "--endpoint", "https://arm.example"),
    ("plan", "--authority", "https://login.example"),
    ("export", "--subscription", "0", "--blob-suffix", "core.example"),
    ("plan", "--credential", "password"),
    ("plan", "--concurrency", "0"),
    ("plan", "--concurrency", "-1"),
    ("plan", "--concurrency", "many"),
    ("plan", "--max-puts", "-1"),
    ("plan", "-o", "yaml"),
    ("plan", "--report", "json"),
    ("plan", "--report", "yaml=x"),
    ("plan", "--target", "Gallery/nothing"),
    ("plan", "--selector", "ring"),
    ("plan", "--environment", "nowhere"),
    ("plan", "--config", "nowhere.yaml"),
    ("plan", "--log-level", "loud"),
    ("plan", "--log-format", "xml"),
    ("plan", "--wait", "for-ever"),
    ("apply", "--poll-interval", "0"),
    ("apply", "--poll-interval", "-1"),
    ("apply", "--timeout", "-5"),
    ("apply", "--timeout", "soon"),
    ("apply", "--republish", "Gallery/nothing"),
    ("apply", "--plan", "nowhere.json"),
    ("apply", "--cloud", "public", "--endpoint", "http://management.azure.com"),
    ("apply", "--cloud", "public", "--endpoint", "management.azure.com"),
    ("apply", "--cloud", "public", "--endpoint", "https://user:password@management.azure.com"),
    ("run", "--interval", "0"),
    ("schema", "Nothing"),
    ("emulator", "--port", "70000"),
    ("emulator", "--tls-cert", "nowhere.pem"),
]


@pytest.mark.parametrize("arguments", _WRONG, ids=" ".join)
def test_wrong_usage(work: Workspace, azure: Azure, run: Command, arguments: tuple[str, ...]) -> None:
    """Wrong usage exits 64 with one word of what is wrong, prints no result, and sends no request."""
    work.state(*estate())
    done = run(*arguments)
    assert done.code == 64
    assert done.out == ""
    assert done.err
    assert azure.holds()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RECONCILER_CLOUD", "mars"),
        ("RECONCILER_ENDPOINT", "http://arm.example"),
        ("RECONCILER_AUTHORITY", "login.example"),
        ("RECONCILER_CREDENTIAL", "password"),
        ("RECONCILER_CONFIG", "nowhere.yaml"),
        ("RECONCILER_ENVIRONMENT", "nowhere"),
        ("RECONCILER_CONCURRENCY", "many"),
        ("RECONCILER_ALLOWED_SCOPES", "/nothing/x"),
        ("RECONCILER_STORAGE_HOSTS", "https://a.example/b"),
        ("RECONCILER_MAX_PUTS", "-1"),
        ("RECONCILER_OUTPUT", "yaml"),
        ("RECONCILER_POLL_INTERVAL", "0"),
        ("RECONCILER_TIMEOUT", "soon"),
        ("RECONCILER_LOG_LEVEL", "loud"),
        ("RECONCILER_LOG_FORMAT", "xml"),
        ("RECONCILER_EMULATOR_LATENCY_MS", "slow"),
        ("RECONCILER_EMULATOR_MEDIA_LINK", "other"),
        ("RECONCILER_SECRET_HOOK", "two\nlines"),
    ],
)
def test_a_wrong_variable_is_named(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """A value from the environment is nowhere to be seen on the command line, so the error names its variable."""
    work.state(gallery())
    work.project(environments={"prod": {}})
    if variable == "RECONCILER_ENDPOINT":
        monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv(variable, value)
    done = run("plan")
    assert (done.code, done.out) == (64, "")
    assert variable in done.err
    flag = run("plan", "--max-puts", "none")
    assert "RECONCILER_MAX_PUTS" not in flag.err


@pytest.mark.parametrize("command", ["", "validate", "plan", "apply", "drift", "run", "schema", "emulator"])
def test_help(run: Command, command: str) -> None:
    """Every command explains itself on standard output, and that is no error."""
    done = run(*command.split(), "--help")
    assert done.code == 0
    assert "Usage:" in done.out


def test_version(run: Command) -> None:
    """The version is told."""
    done = run("--version")
    assert done.code == 0
    assert "reconciler" in done.out


_SHARED = [
    ("--cloud", "emulator"),
    ("--credential", "token"),
    ("--concurrency", "2"),
    ("--max-puts", "9"),
    ("--no-adopt",),
    ("--take-over",),
    ("--health",),
    ("--wait", "replicated"),
    ("--poll-interval", "0.01"),
    ("--timeout", "60"),
    ("--log-level", "error"),
    ("--log-format", "json"),
    ("--no-color",),
    ("--target", "*/*"),
    ("-o", "text"),
    ("--report", "json=report.json"),
]


@pytest.mark.parametrize("option", _SHARED, ids=" ".join)
@pytest.mark.parametrize("command", [("plan",), ("apply",), ("drift",), ("run", "--once")], ids=" ".join)
def test_shared_options(work: Workspace, run: Command, command: tuple[str, ...], option: tuple[str, ...]) -> None:
    """Every command that reads Azure takes every option of those that do."""
    work.state(gallery())
    assert run(*command, *option).code in {0, 2}


def test_plan_codes(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Plan exits 0 with changes, 2 with them and a detailed exit code, and 1 wins where an item is blocked."""
    work.state(*estate())
    report("plan")
    report("plan", "--detailed-exitcode", code=2)
    report("apply")
    frozen = changed(version(), "properties.publishingProfile.manageActions.install", "other")
    work.add(frozen)
    work.add(definition(displayName="Other"))
    for arguments in (("plan",), ("plan", "--detailed-exitcode")):
        plan = report(*arguments, code=1)
        assert (plan["summary"]["blocked"], plan["summary"]["puts"]) == (1, 1)


def test_drift_codes(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Drift exits 0 without drift, 2 with it, blocked items included."""
    work.state(*estate())
    report("drift", code=2)
    report("apply")
    report("drift")
    azure.edit(version(), "properties.publishingProfile.manageActions.install", "other")
    drift = report("drift", code=2)
    assert (drift["summary"]["blocked"], drift["summary"]["drift"]) == (1, 1)


def test_apply_codes(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Apply exits 1 if an item failed or is blocked; the others are done all the same."""
    work.state(gallery("a"), gallery("b"))
    azure.fail_next(gallery("a"))
    applied = report("apply", code=1)
    assert (applied["summary"]["failed"], applied["summary"]["succeeded"]) == (1, 1)
    azure.edit(gallery("b"), "location", "North Europe")
    applied = report("apply", code=1)
    assert (applied["summary"]["blocked"], applied["summary"]["succeeded"]) == (1, 1)


def test_paused_and_unmanaged_are_zero(work: Workspace, azure: Azure, report: Reporting) -> None:
    """Paused and unmanaged items alone are 0 in a plan, and paused ones that differ are drift."""
    work.state(*estate())
    report("apply")
    azure.seed(definition("other"))
    work.state(*estate()[:3], annotated(definition(displayName="Paused"), paused="true"))
    plan = report("plan", "--detailed-exitcode")
    assert (plan["summary"]["paused"], plan["summary"]["unmanaged"]) == (1, 1)
    assert report("apply")["summary"]["puts"] == 0
    assert report("drift", code=2)["summary"]["drift"] == 1


def test_unknown_is_one(work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Azure cannot be read the items are unknown: exit 1 in a plan, a drift report and an apply."""
    work.state(*estate())
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    with serve_in_thread(_forbid) as endpoint:
        for command in ("plan", "drift", "apply"):
            found = report(command, "--endpoint", endpoint, code=1)
            assert found["summary"]["unknown"] == 4
            assert [verdict(found, made) for made in estate()] == [("unknown", "read-failed", "Unknown")] * 4
            assert found["summary"]["requests"]["PUT"] == found["summary"]["drift"] == 0
            error = resource(found, gallery())["error"]
            assert (error["code"], error["status"], error["requestId"]) == ("AuthorizationFailed", 403, "one-two")


async def _forbid(_scope: Scope, _receive: Receive, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-ms-request-id", b"one-two")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    body = b'{"error": {"code": "AuthorizationFailed", "message": "no access"}}'
    await send({"type": "http.response.body", "body": body})


def test_no_token(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is asked for and not there is named by its variable."""
    work.state(gallery())
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    done = run("plan", "--credential", "token")
    assert done.code in {1, 64}
    assert "RECONCILER_ACCESS_TOKEN" in done.out + done.err


def test_bug(work: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A bug exits 70, says so, and shows no traceback."""
    work.state(gallery())
    monkeypatch.setattr(SystemClock, "now", lambda _: 1 // 0)
    assert main(["plan"]) == 70
    assert "Traceback" not in capsys.readouterr().err


def test_help_of_the_program_imports_no_more_than_it_shows() -> None:
    """The list of commands loads none of them: neither their options nor their work."""
    script = "import sys; from reconciler.cli.front import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stderr.split() if name.startswith(("reconciler", "pathlib", "shutil", "logging"))}
    program = {
        "reconciler",
        "reconciler.cli",
        "reconciler.cli.front",
        "reconciler.cli.program",
        "reconciler.cli.terminal",
    }
    assert loaded == program | {"reconciler.errors", "reconciler.runtime", "reconciler.runtime.streams"}
