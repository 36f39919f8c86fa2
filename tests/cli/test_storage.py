"""Access to package blobs: the signature reaches Azure and nothing else."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.kit.cli import LINK, PACKAGE, application, changed, codes, definition, gallery, id_of, resource, version
from tests.kit.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Manifest, Workspace
    from tests.kit.proxy import Proxy

NAME = "RECONCILER_SECRET_PACKAGES"
MEDIA_LINK = "properties.publishingProfile.source.mediaLink"
SIGNED = "sv=2024-11-04&se=2031-01-01&sr=b&sig="
CANARY = f"{SIGNED}CANARYCANARYCANARY%3D"


def test_a_signature_from_the_environment_reaches_azure_and_no_report(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link in the PUT is signed; standard output, standard error and the report file show none of it."""
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net/agent", "sas": {"env": NAME}}])
    work.state(gallery(), application(), version())
    monkeypatch.setenv(NAME, f"?{CANARY}")
    done = run("apply", "--log-level", "debug", "--report", "json=out/report.json")
    assert done.code == 0
    profile = azure.stored(version())["properties"]["publishingProfile"]
    assert profile["source"]["mediaLink"] == f"{LINK}?{CANARY}"
    written = (work.folder / "out" / "report.json").read_text()
    assert "CANARY" not in done.out + done.err + written
    assert run("plan", "--detailed-exitcode").code == 0


def test_an_update_is_signed_too(work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure reads the blob again at every update; a new signature is no reason for a PUT."""
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net", "sas": {"env": NAME}}])
    work.state(gallery(), application(), version())
    monkeypatch.setenv(NAME, f"{SIGNED}first")
    assert run("apply").code == 0
    monkeypatch.setenv(NAME, f"{SIGNED}second")
    assert run("plan", "--detailed-exitcode").code == 0
    work.state(gallery(), application(), changed(version(), "properties.publishingProfile.replicaCount", 2))
    assert run("apply").code == 0
    profile = azure.stored(version())["properties"]["publishingProfile"]
    assert profile["source"]["mediaLink"] == f"{LINK}?{SIGNED}second"


def test_a_signature_that_is_not_set_stops_an_apply_before_any_request(work: Workspace, run: Command) -> None:
    """It names the variable; a plan needs no signature."""
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net", "sas": {"env": NAME}}])
    work.state(gallery(), application(), version())
    done = run("apply")
    assert done.code == 64
    assert NAME in done.err
    assert run("plan").code == 0


@pytest.fixture
def storage(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Yield blob storage on this machine, and an identity whose tokens it takes."""
    storage = Storage()
    with storage.on_socket() as url:
        monkeypatch.setenv("RECONCILER_CREDENTIAL", "managed-identity")
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "of-no-worth")
        monkeypatch.setenv("RECONCILER_STORAGE_HOSTS", url.partition("://")[2])
        storage.url = f"{url}/acme"
        work.project(storage=[{"prefix": f"{storage.url}/packages/", "sas": "userDelegation"}])
        yield storage


def packaged(storage: Storage, number: str = "1.0.0") -> dict[str, object]:
    """Return a version whose package is in that storage."""
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


def rule(prefix: str, name: str = NAME) -> dict[str, object]:
    """Return a storage rule that takes its signature from a variable."""
    return {"prefix": prefix, "sas": {"env": name}}


@pytest.mark.parametrize(
    "name", ["AZURE_CLIENT_SECRET", "GITHUB_TOKEN", "RECONCILER_ACCESS_TOKEN", "RECONCILER_SECRET"]
)
@pytest.mark.parametrize("command", ["validate", "plan", "drift", "apply"])
def test_a_variable_of_the_ci_system_is_no_signature(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch, name: str, command: str
) -> None:
    """Naming it is an error at its line, in every command, before anything is read."""
    monkeypatch.setenv(name, CANARY)
    work.project(storage=[rule("https://packages.blob.core.windows.net/", name)])
    work.state(gallery(), application(), version())
    done = run(command, "-o", "json")
    assert done.code == 1
    (problem,) = done.report["errors"]
    assert problem["path"] == "spec.storage[0].sas.env"
    assert problem["line"] == 1 + (work.folder / "reconciler.yaml").read_text().splitlines().index(f"      env: {name}")
    assert "CANARY" not in done.out + done.err
    assert azure.holds()


@pytest.mark.parametrize(
    "prefix",
    [
        "https://host-of-my-choice.example/",
        "https://packages.blob.core.windows.net.evil.example/",
        "https://packages.blob.core.chinacloudapi.cn/",
        "http://127.0.0.1:9/acme/",
        "http://127.0.0.2:9/acme/",
        "http://[::1]:9/acme/",
        "https://localhost:9/acme/",
    ],
)
@pytest.mark.parametrize("sas", [{"env": NAME}, "userDelegation"])
def test_a_host_of_the_project_files_choice_gets_no_signature(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch, prefix: str, sas: object
) -> None:
    """It is an error at its line in a plan and in an apply, which send nothing; `validate` warns."""
    monkeypatch.setenv(NAME, CANARY)
    work.project(storage=[{"prefix": prefix, "sas": sas}])
    work.state(gallery(), application(), changed(version(), MEDIA_LINK, f"{prefix}packages/x.zip"))
    for command in ("plan", "apply"):
        found = report(command, code=1)
        (problem,) = found["errors"]
        assert (problem["code"], problem["path"]) == ("storage-host", "spec.storage[0].prefix")
        assert problem["file"] == "reconciler.yaml"
        assert not any(found["summary"]["requests"].values())
    assert azure.holds()
    warned = codes(report("validate"), "warnings")
    assert ("storage-host" in warned) is ("chinacloudapi" not in prefix)


@pytest.mark.parametrize(
    "value", ["CANARY", "sv=1&sig=CANARY", "sv=1&se=2&sig=", "sv=1&se=2&sig=CANARY#x", "a b&sv&se&sig"]
)
def test_a_variable_that_holds_no_signature_is_sent_nowhere(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """A secret of another kind under the right name is an error at its line, and is not shown."""
    monkeypatch.setenv(NAME, value)
    work.project(storage=[rule("https://packages.blob.core.windows.net/")])
    work.state(gallery(), application(), version())
    for command in ("plan", "apply"):
        done = run(command, "-o", "json")
        assert (done.code, codes(done.report)) == (1, ["signature"])
        assert "CANARY" not in done.out + done.err
    assert azure.holds()


def test_a_plan_names_host_and_source_of_each_signature(
    work: Workspace, azure: Azure, run: Command, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a rule, of the manifest, and of the live link: in JSON and in text, never the signature."""
    own = changed(version("2.0.0"), MEDIA_LINK, f"https://own.blob.core.windows.net/c/x.zip?{CANARY}")
    live = changed(version("3.0.0"), MEDIA_LINK, "https://kept.blob.core.windows.net/c/x.zip")
    azure.seed(
        gallery(), application(), changed(live, MEDIA_LINK, f"https://kept.blob.core.windows.net/c/x.zip?{CANARY}")
    )
    work.project(storage=[rule("https://packages.blob.core.windows.net/")])
    live = changed(live, "properties.publishingProfile.excludeFromLatest", value=True)
    work.state(gallery(), application(), version(), own, live)
    found = {item["name"]: item.get("signatures") for item in report("plan")["resources"]}
    said = {
        "agent-1.0.0": ("packages.blob.core.windows.net", NAME),
        "agent-2.0.0": ("own.blob.core.windows.net", "manifest"),
        "agent-3.0.0": ("kept.blob.core.windows.net", "live"),
    }
    for name, (host, source) in said.items():
        assert found[name] == [{"path": MEDIA_LINK, "host": host, "source": source}]
    assert found["agent"] is found["tools"] is None
    for arguments in ((), ("-o", "markdown")):
        done = run("plan", *arguments)
        assert all(host in done.out for host, _ in said.values())
        assert NAME in done.out
        assert "CANARY" not in done.out


IDENTITY = {"access": "galleryIdentity"}
SCOPE = id_of(gallery()).partition("/providers/")[0]


@pytest.mark.parametrize(
    "after",
    [
        [rule("https://packages.blob.core.windows.net/", "RECONCILER_SECRET_OTHER")],
        [{"prefix": "https://packages.blob.core.windows.net/", **IDENTITY}],
        [],
        None,
    ],
)
def test_a_saved_plan_binds_where_its_signatures_come_from(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch, after: list[object] | None
) -> None:
    """Another variable, no rule any more, or a rule where there was none: the item is refused."""
    monkeypatch.setenv(NAME, CANARY)
    monkeypatch.setenv("RECONCILER_SECRET_OTHER", f"{SIGNED}CANARY")
    rules = [rule("https://packages.blob.core.windows.net/")]
    work.project(storage=rules if after is not None else [])
    work.state(gallery(), application(), version())
    report("plan", "--out", "plan.json")
    work.project(storage=after if after is not None else rules)
    checked = report("plan", "--check", "plan.json", code=1)
    assert resource(checked, version())["outcome"] == "refused"
    applied = report("apply", "--plan", "plan.json", code=1)
    assert resource(applied, version())["outcome"] == "refused"
    assert azure.holds(gallery(), application())


def test_the_operator_names_hosts_by_option_or_variable(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the signature goes there; what is no host is wrong usage."""
    link = "https://mirror.example:8443/c/x.zip"
    monkeypatch.setenv(NAME, CANARY)
    work.project(storage=[rule("https://mirror.example:8443/c")])
    made = changed(version(), MEDIA_LINK, link)
    work.state(gallery(), application(), made)
    assert run("plan", "--storage-host", "other.example", "--storage-host", "mirror.example").code == 0
    assert run("plan", "--storage-host", "mirror.example:8444").code == 1
    assert run("plan", "--storage-host", "https://mirror.example/").code == 64
    monkeypatch.setenv("RECONCILER_STORAGE_HOSTS", "other.example, MIRROR.example.:8443")
    assert run("validate").code == 0
    assert run("apply").code == 0
    assert azure.stored(made)["properties"]["publishingProfile"]["source"]["mediaLink"] == f"{link}?{CANARY}"


def test_a_plan_by_a_snapshot_needs_no_word_of_the_operator(work: Workspace, azure: Azure, run: Command) -> None:
    """A fork has no variables, and sends nothing: the rule for another host is no error there."""
    work.project(storage=[rule("https://mirror.example/")])
    work.state(gallery(), application(), changed(version(), MEDIA_LINK, "https://mirror.example/c/x.zip"))
    assert run("snapshot", "--out", "live.json").code == 0
    assert run("plan", "--against-snapshot", "live.json").code == 0
    assert run("plan").code == 1


def test_an_identity_of_the_gallery_needs_no_signature(
    work: Workspace, azure: Azure, run: Command, storage: Storage
) -> None:
    """The link in the PUT is plain, the live signature is dropped, and the run's own token finds the package."""
    made = packaged(storage)
    azure.seed(gallery(), application(), changed(made, MEDIA_LINK, f"{storage.url}/packages/1.0.0.zip?{CANARY}"))
    work.project(storage=[{"prefix": f"{storage.url}/packages/", **IDENTITY}])
    update = changed(made, "properties.publishingProfile.replicaCount", 2)
    work.state(gallery(), application(), update, packaged(storage, "2.0.0"))
    planned = run("plan", "-o", "json", "--out", "saved.plan")
    expected = [{"path": MEDIA_LINK, "host": "127.0.0.1", "source": "galleryIdentity"}]
    assert [resource(planned.report, each).get("signatures") for each in (update, packaged(storage, "2.0.0"))] == [
        expected,
        expected,
    ]
    assert storage.requests == []
    done = run("apply", "--plan", "saved.plan", "--log-level", "debug", "--report", "json=out/report.json")
    assert done.code == 0
    for number in ("1.0.0", "2.0.0"):
        profile = azure.stored(packaged(storage, number))["properties"]["publishingProfile"]
        assert profile["source"]["mediaLink"] == f"{storage.url}/packages/{number}.zip"
    assert [request.method for request in storage.requests] == ["HEAD", "HEAD"]
    assert {request.headers["authorization"] for request in storage.requests} == {"Bearer CANARY-token"}
    written = (work.folder / "out" / "report.json").read_text() + (work.folder / "saved.plan").read_text()
    assert "CANARY" not in planned.out + planned.err + done.out + done.err + written
    assert run("plan", "--detailed-exitcode").code == 0


def test_a_private_package_is_a_warning_and_a_missing_one_a_failure(
    work: Workspace, azure: Azure, run: Command, storage: Storage
) -> None:
    """Without a role of its own the run cannot tell them apart, so Azure decides; with one it can."""
    refused = (403, {"x-ms-error-code": "AuthorizationPermissionMismatch"})
    for number in ("1.0.0", "2.0.0"):
        storage.anonymous[f"/acme/packages/{number}.zip"] = (404, {"x-ms-error-code": "ResourceNotFound"})
    storage.blobs["/acme/packages/1.0.0.zip"] = refused
    storage.blobs["/acme/packages/2.0.0.zip"] = (404, {"x-ms-error-code": "BlobNotFound"})
    work.project(storage=[{"prefix": f"{storage.url}/packages/", **IDENTITY}])
    work.state(gallery(), application(), packaged(storage), packaged(storage, "2.0.0"))
    done = run("apply", "-o", "json")
    assert done.code == 1
    assert azure.holds(gallery(), application(), packaged(storage))
    assert resource(done.report, packaged(storage, "2.0.0"))["error"]["code"] == "PackageUnreadable"
    assert "404 ResourceNotFound" in done.err


@pytest.mark.parametrize("answer", ["identity", "none", "refused"])
def test_an_undeclared_gallery_is_read_once_for_its_identity(
    work: Workspace, azure: Azure, proxy: Proxy, report: Reporting, storage: Storage, answer: str
) -> None:
    """Two plain links that no rule covers: with an identity a refusal is a warning, without one it is a failure."""
    azure.seed(gallery(), application())
    if answer == "refused":
        proxy.refuse("GET", "/galleries/tools", 403, "AuthorizationFailed")
    else:
        identity = {"identity": {"type": "SystemAssigned"}} if answer == "identity" else {}
        live = {"id": id_of(gallery()), "type": "Microsoft.Compute/galleries", "location": "westeurope", **identity}
        proxy.answer("GET", "/galleries/tools", 200, {**live, "properties": {}})
    made = [packaged(storage), packaged(storage, "2.0.0")]
    for number in ("1.0.0", "2.0.0"):
        storage.blobs[f"/acme/packages/{number}.zip"] = (403, {"x-ms-error-code": "AuthorizationPermissionMismatch"})
        storage.anonymous[f"/acme/packages/{number}.zip"] = (409, {"x-ms-error-code": "PublicAccessNotPermitted"})
    work.project(storage=[{"prefix": f"{storage.url}/other/", **IDENTITY}])
    work.state(*made)
    found = report("apply", code=0 if answer == "identity" else 1)
    outcomes = {item["name"]: item["outcome"] for item in found["resources"]}
    expected = "succeeded" if answer == "identity" else "failed"
    assert outcomes == {"agent-1.0.0": expected, "agent-2.0.0": expected}
    assert [path for _, path in proxy.asked].count(id_of(gallery())) == 1


def test_a_token_for_arm_looks_at_packages_without_one(
    work: Workspace, azure: Azure, run: Command, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not sent to storage, and an identity of the gallery needs none of the run."""
    monkeypatch.setenv("RECONCILER_ACCESS_TOKEN", "CANARY")
    work.project(storage=[{"prefix": f"{storage.url}/packages/", **IDENTITY}])
    work.state(gallery(), application(), packaged(storage))
    assert run("apply", "--credential", "token").code == 0
    assert [request.headers.get("authorization") for request in storage.requests] == [None]


def test_a_rule_for_the_gallerys_identity_covers_no_definition(
    work: Workspace, azure: Azure, report: Reporting
) -> None:
    """A rule that only a definition's package is below has no effect, and is a warning."""
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net/suite/", **IDENTITY}])
    signed = definition(packageFileUri=f"{PACKAGE}?{CANARY}")
    work.state(signed)
    found = report("apply")
    assert "storage-unused" in codes(found, "warnings")
    assert azure.stored(signed)["properties"]["packageFileUri"] == f"{PACKAGE}?{CANARY}"


@pytest.mark.parametrize(
    "wrong", [{}, {"access": "public"}, {"access": "galleryIdentity", "sas": "userDelegation"}, {"access": None}]
)
def test_a_rule_names_one_way_of_access(work: Workspace, report: Reporting, wrong: dict[str, object]) -> None:
    """Neither none, nor two, nor one that is not known."""
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net/", **wrong}])
    work.state(gallery(), application(), version())
    found = report("validate", code=1)
    assert found["errors"]
    assert all(error["path"].startswith("spec.storage[0]") and error["line"] for error in found["errors"])


ASSIGNED = {"type": "UserAssigned", "userAssignedIdentities": {}}


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(("declared", "count"), [(None, 1), ({"type": "None"}, 1), (ASSIGNED, 0)])
def test_a_gallery_without_the_identity_that_a_rule_counts_on_is_a_warning(
    work: Workspace, azure: Azure, report: Reporting, declared: dict[str, object] | None, count: int, *, live: bool
) -> None:
    """Once, for a gallery that is live and for one that the plan creates, unless its manifest declares an identity."""
    if live:
        azure.seed(gallery())
    reader = f"{SCOPE}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader"
    identity = {**declared, "userAssignedIdentities": {reader: {}}} if declared is ASSIGNED else declared
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net/", **IDENTITY}])
    work.state(
        gallery() if identity is None else changed(gallery(), "identity", identity),
        application(),
        version(),
        version("2.0.0"),
    )
    assert codes(report("plan"), "warnings").count("no-gallery-identity") == count


def assigned() -> Manifest:
    """Return a gallery with a user-assigned identity."""
    reader = f"{SCOPE}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader"
    return changed(gallery(), "identity", {**ASSIGNED, "userAssignedIdentities": {reader: {}}})


@pytest.mark.parametrize("with_rule", [True, False])
def test_an_estate_of_private_packages_needs_no_secret(
    work: Workspace,
    azure: Azure,
    proxy: Proxy,
    run: Command,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    *,
    with_rule: bool,
) -> None:
    """
    Storage refuses the anonymous, and Azure a plain link of a gallery without an identity.

    No signature is in any output, file or request of a plan and two applies, and no variable held one.
    """
    monkeypatch.setenv("RECONCILER_EMULATOR_PACKAGES", "private")
    storage.anonymous["/acme/packages/1.0.0.zip"] = (404, {"x-ms-error-code": "ResourceNotFound"})
    prefix = f"{storage.url}/{'packages' if with_rule else 'other'}/"
    work.project(storage=[{"prefix": prefix, **IDENTITY}])
    made = packaged(storage)
    work.state(assigned(), application(), made)
    said = []
    for arguments in (("plan", "--out", "saved.plan"), ("apply", "--plan", "saved.plan"), ("plan",)):
        done = run(*arguments, "--log-level", "debug", "--report", "json=out.json")
        assert done.code == 0, done
        said.append(done.out + done.err)
    update = changed(made, "properties.publishingProfile.replicaCount", 2)
    work.state(assigned(), application(), update)
    assert run("apply").code == 0
    assert azure.stored(assigned())["identity"]["type"] == "UserAssigned"
    assert azure.stored(made)["properties"]["publishingProfile"]["source"] == {
        "mediaLink": f"{storage.url}/packages/1.0.0.zip"
    }
    files = [path.read_bytes().decode(errors="replace") for path in work.folder.parent.rglob("*") if path.is_file()]
    requests = [repr(proxy.written), *(f"{each.url}{each.content!r}" for each in storage.requests)]
    for text in (*said, *files, *requests):
        assert not {"sig=", "skoid", "?sv="} & set(re.findall(r"sig=|skoid|\?sv=", text))
    assert not [name for name in os.environ if name.startswith("RECONCILER_SECRET_")]


def test_private_packages_need_an_identity_of_the_gallery(
    work: Workspace, azure: Azure, report: Reporting, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure refuses the link, and the fix leads to the page about packages."""
    monkeypatch.setenv("RECONCILER_EMULATOR_PACKAGES", "private")
    work.project(storage=[{"prefix": f"{storage.url}/packages/", **IDENTITY}])
    work.state(gallery(), application(), packaged(storage))
    found = report("apply", code=1)
    assert "no-gallery-identity" in codes(found, "warnings")
    assert "docs/packages.md" in resource(found, packaged(storage))["error"]["fix"]


def test_a_gallery_that_was_not_read_is_no_warning(work: Workspace, azure: Azure, report: Reporting) -> None:
    """It may have an identity; and without such a rule, none is expected."""
    azure.seed(gallery(), application())
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net/", **IDENTITY}])
    work.state(version())
    assert "no-gallery-identity" not in codes(report("plan"), "warnings")
    work.project(storage=[{"prefix": "https://packages.blob.core.windows.net/", "sas": "userDelegation"}])
    work.state(gallery(), application(), version())
    assert "no-gallery-identity" not in codes(report("plan"), "warnings")
