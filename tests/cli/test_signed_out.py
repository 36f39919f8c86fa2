"""A sign-in that fails: one statement and one next step for the whole run, in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.azure.credentials import Credentials
from reconciler.report import FORMATS
from tests.kit.cli import Workspace, codes, estate, gallery, version

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.proxy import Proxy

CHAIN = "DefaultAzureCredential failed to retrieve a token from the included credentials. " + " ".join(
    f"Credential{number}: it is not available here, see https://aka.ms/azsdk/{number}." for number in range(12)
)


@pytest.fixture(autouse=True)
def _signed_out(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be there to sign in with, and azure-identity say so at length."""

    class Chain:
        def get_token(self, *_: object, **__: object) -> None:
            message = CHAIN
            raise RuntimeError(message)

    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setattr(Credentials, "create", lambda *_: Chain())
    work.state(*estate(), version("1.1.0"))


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
@pytest.mark.parametrize("style", sorted(FORMATS))
def test_it_is_said_once_in_every_format(run: Command, command: str, style: str) -> None:
    """However many resources there are; azure-identity's text stays out of the report."""
    done = run(command, "-o", style)
    assert done.code == 1
    assert done.out.count("could not sign in") == 1
    assert "nothing was read" in done.out
    assert done.out.count("az login") == 1
    assert "Credential3" not in done.out + done.err


def test_the_report_for_programs(report: Reporting) -> None:
    """The error of the run has the statement and the next step; each resource is unknown, without them."""
    found = report("apply", code=1)
    assert codes(found) == ["sign-in-failed"]
    assert found["errors"][0]["fix"] is not None
    assert {each["action"] for each in found["resources"]} == {"unknown"}
    assert {each["error"]["code"] for each in found["resources"]} == {"AuthFailed"}
    assert found["summary"]["unknown"] == found["summary"]["resources"] == 5
    assert found["summary"]["requests"] == {"GET": 0, "PUT": 0}


def test_a_saved_plan_that_cannot_be_checked(
    run: Command, report: Reporting, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read for a check either where Azure refuses the identity, and no item says why again."""
    monkeypatch.setenv("RECONCILER_CLOUD", "emulator")
    assert run("plan", "--out", "saved.json").code == 0
    proxy.refuse("GET", ".*", 401, "InvalidAuthenticationToken", "The token is no good.")
    found = report("plan", "--check", "saved.json", code=1)
    assert codes(found) == ["sign-in-failed"]
    assert {each["error"]["message"] for each in found["resources"]} == {"not read: not signed in"}


def test_a_proxy_that_signs_for_microsoft(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next step is the one for its certificate."""

    def fails(*_: object) -> None:
        message = "HTTPSConnectionPool: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"
        raise RuntimeError(message)

    monkeypatch.setattr(Credentials, "create", fails)
    assert "SSL_CERT_FILE" in run("plan").flat


def test_the_text_begins_with_it(run: Command) -> None:
    """No resource is listed, nor called unknown."""
    done = run("plan")
    assert "unknown" not in done.out
    assert "the same as" not in done.out
    assert gallery()["metadata"]["name"] not in done.out


def test_the_log_has_the_long_text(run: Command) -> None:
    """At level info, once."""
    done = run("plan", "--log-level", "info")
    assert done.err.count("Credential11") == 1
    assert "Credential11" not in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("snapshot", "--out", "snapshot.json"),
        ("export", "--subscription", "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11", "--out-dir", "out"),
        ("explain", "Gallery/tools"),
        ("run", "--once"),
    ],
)
def test_every_command_that_reads(run: Command, arguments: tuple[str, ...]) -> None:
    """The statement and the next step stand once in what they print."""
    done = run(*arguments)
    assert done.code == 1
    assert (done.out + done.err).count("could not sign in") == 1
    assert (done.out + done.err).count("az login") == 1
    assert "Credential3" not in done.out + done.err


def test_one_tenant_of_two(
    work: Workspace, run: Command, report: Reporting, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the identity was refused for a part of the estate, the rest is judged, and a warning counts that part."""
    monkeypatch.setenv("RECONCILER_CLOUD", "emulator")
    work.state(*estate())
    proxy.refuse("GET", "/applicationDefinitions", 401, "InvalidAuthenticationToken", "The token is no good.")
    found = report("plan", code=1)
    assert (codes(found), codes(found, "warnings")) == ([], ["sign-in-failed"])
    assert "1 of 4 resources not read" in found["warnings"][0]["message"]
    assert (found["summary"]["create"], found["summary"]["unknown"]) == (3, 1)
    assert run("plan").flat.count("The token is no good.") == 1


def test_a_list_of_what_is_live(run: Command) -> None:
    """The statement is the one error of the list, in text and in JSON; no resource repeats it."""
    done = run("list", "-o", "json")
    assert (done.code, codes(done.report_of_any_kind)) == (1, ["sign-in-failed"])
    assert (done.report_of_any_kind["resources"], done.report_of_any_kind["missing"]) == ([], [])
    text = run("list").flat
    assert (text.count("could not sign in"), text.count("az login"), text.count("the same as")) == (1, 1, 0)


def test_no_snapshot_is_written(run: Command, work: Workspace) -> None:
    """A file that holds nothing would answer a plan with "unknown" until it is taken anew."""
    assert run("snapshot", "--out", "snapshot.json").code == 1
    assert not (work.folder / "snapshot.json").exists()
