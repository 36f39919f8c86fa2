"""Access to package blobs: the signature reaches Azure and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.support import LINK, application, changed, gallery, version

if TYPE_CHECKING:
    import pytest

    from tests.cli.conftest import Command
    from tests.cli.support import Azure, Workspace

CANARY = "sv=2024-11-04&sr=b&sig=CANARYCANARYCANARY%3D"


def test_a_signature_from_the_environment_reaches_azure_and_no_report(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link in the PUT is signed; standard output, standard error and the report file show none of it."""
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net/agent", "sas": {"env": "PACKAGES_SAS"}}])
    work.state(gallery(), application(), version())
    monkeypatch.setenv("PACKAGES_SAS", f"?{CANARY}")
    done = run("apply", "--log-level", "debug", "--report", "json=out/report.json")
    assert done.code == 0
    profile = azure.stored(version())["properties"]["publishingProfile"]
    assert profile["source"]["mediaLink"] == f"{LINK}?{CANARY}"
    written = (work.folder / "out" / "report.json").read_text()
    assert "CANARY" not in done.out + done.err + written
    assert run("plan", "--detailed-exitcode").code == 0


def test_an_update_is_signed_too(work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure reads the blob again whatever changes; a signature alone is never a reason for a PUT."""
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net", "sas": {"env": "PACKAGES_SAS"}}])
    work.state(gallery(), application(), version())
    monkeypatch.setenv("PACKAGES_SAS", "sig=first")
    assert run("apply").code == 0
    monkeypatch.setenv("PACKAGES_SAS", "sig=second")
    assert run("plan", "--detailed-exitcode").code == 0
    work.state(
        gallery(), application(), changed(version(), "properties.publishingProfile.excludeFromLatest", value=True)
    )
    assert run("apply").code == 0
    profile = azure.stored(version())["properties"]["publishingProfile"]
    assert profile["source"]["mediaLink"] == f"{LINK}?sig=second"


def test_a_signature_that_is_not_set_stops_an_apply_before_any_request(work: Workspace, run: Command) -> None:
    """It names the variable; a plan needs no signature."""
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net", "sas": {"env": "PACKAGES_SAS"}}])
    work.state(gallery(), application(), version())
    done = run("apply")
    assert done.code == 64
    assert "PACKAGES_SAS" in done.err
    assert run("plan").code == 0
