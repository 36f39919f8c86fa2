"""Access to package blobs: the signature reaches Azure and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.support import LINK, application, changed, gallery, resource, version
from tests.support.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Command, Reporting
    from tests.cli.support import Azure, Workspace

MEDIA_LINK = "properties.publishingProfile.source.mediaLink"
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


@pytest.fixture
def storage(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Give blob storage on this machine, and an identity whose tokens it takes."""
    storage = Storage()
    with storage.on_socket() as url:
        monkeypatch.setenv("RECONCILER_CREDENTIAL", "managed-identity")
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "of-no-worth")
        storage.url = f"{url}/acme"
        work.project(storage=[{"prefix": f"{storage.url}/packages/", "sas": "userDelegation"}])
        yield storage


def packaged(storage: Storage, number: str = "1.0.0") -> dict[str, object]:
    """Give a version whose package is in that storage."""
    return changed(version(number), MEDIA_LINK, f"{storage.url}/packages/{number}.zip")


def test_a_signature_is_made_for_a_put_and_shown_nowhere(
    work: Workspace, azure: Azure, run: Command, storage: Storage
) -> None:
    """With the identity's token for storage; only an apply asks for it."""
    made = packaged(storage)
    work.state(gallery(), application(), made)
    shown = ""
    for command in (("validate",), ("plan", "--out", "saved.plan"), ("drift",)):
        done = run(*command, "--log-level", "debug")
        shown += done.out + done.err
    assert storage.requests == []
    done = run("apply", "--plan", "saved.plan", "--log-level", "debug", "--report", "json=out/report.json")
    assert done.code == 0
    link = str(azure.stored(made)["properties"]["publishingProfile"]["source"]["mediaLink"])
    query = parse_qs(urlsplit(link).query)
    assert link.startswith(f"{storage.url}/packages/1.0.0.zip?")
    assert (query["sp"], query["sr"]) == (["r"], ["b"])
    assert [request.method for request in storage.requests] == ["POST", "HEAD"]
    assert storage.requests[0].headers["authorization"] == "Bearer CANARY-token"
    assert f"http://h{storage.requests[1].url.raw_path.decode()}" == link.replace(storage.url, "http://h/acme")
    shown += done.out + done.err
    shown += (work.folder / "out" / "report.json").read_text() + (work.folder / "saved.plan").read_text()
    for secret in (query["sig"][0], link.partition("sig=")[2], "CANARY", "skoid"):
        assert secret not in shown
    assert run("plan", "--detailed-exitcode").code == 0


def test_a_package_that_is_not_there_costs_no_put(
    work: Workspace, azure: Azure, report: Reporting, storage: Storage
) -> None:
    """Its version fails with what to do; the others are written."""
    storage.blobs["/acme/packages/2.0.0.zip"] = (404, {"x-ms-error-code": "BlobNotFound"})
    good, missing = packaged(storage), packaged(storage, "2.0.0")
    work.state(gallery(), application(), good, missing)
    found = report("apply", code=1)
    assert azure.holds(gallery(), application(), good)
    assert found["summary"]["puts"] == found["summary"]["requests"]["PUT"] == 3
    item = resource(found, missing)
    assert item["outcome"] == "failed"
    assert item["error"]["code"] == "PackageUnreadable"
    assert item["error"]["status"] == 404
    assert item["error"]["fix"] == "upload the package, or correct the link"


def test_a_firewall_in_between_holds_nothing_back(
    work: Workspace, azure: Azure, run: Command, storage: Storage
) -> None:
    """It refuses this network, and may let Azure through: that is a warning, and the PUT is sent."""
    storage.blobs["/acme/packages/1.0.0.zip"] = (403, {"x-ms-error-code": "AuthorizationFailure"})
    work.state(gallery(), application(), packaged(storage))
    done = run("apply")
    assert done.code == 0
    assert "storage answered 403 AuthorizationFailure" in done.err
    assert azure.holds(gallery(), application(), packaged(storage))


def test_a_signature_that_cannot_be_made_fails_its_package_alone(
    work: Workspace, azure: Azure, report: Reporting, storage: Storage
) -> None:
    """A package elsewhere needs none of that account."""
    storage.blobs["/other/"] = (403, {"x-ms-error-code": "AuthorizationPermissionMismatch"})
    work.project(storage=[{"prefix": storage.url.removesuffix("/acme"), "sas": "userDelegation"}])
    other = changed(version("2.0.0"), MEDIA_LINK, storage.url.replace("/acme", "/other/packages/2.0.0.zip"))
    work.state(gallery(), application(), packaged(storage), other)
    found = report("apply", code=1)
    assert azure.holds(gallery(), application(), packaged(storage))
    error = resource(found, other)["error"]
    assert (error["code"], error["status"]) == ("NoSignature", 403)
    assert "Storage Blob Delegator" in error["fix"]


def test_a_token_for_arm_makes_no_signature(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said before anything is sent; a plan needs none."""
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net", "sas": "userDelegation"}])
    work.state(gallery(), application(), version())
    monkeypatch.setenv("RECONCILER_ACCESS_TOKEN", "CANARY")
    done = run("apply", "--credential", "token")
    assert done.code == 64
    assert "userDelegation" in done.err
    assert run("plan", "--credential", "token").code == 0
    assert run("apply").code == 0
