"""What is live of the declared resources: ``list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.runtime import connect
from tests.kit.cli import application, definition, gallery, id_of, version

if TYPE_CHECKING:
    from tests.cli.conftest import Command
    from tests.kit.cli import Azure, Manifest, Workspace
    from tests.kit.proxy import Proxy

BOTH = [{"name": "West Europe"}, {"name": "North Europe"}]
ONLY_WEST = [{"name": "West Europe"}, {"name": "North Europe", "excludeFromLatest": True}]


def listed(run: Command, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Return what ``list -o json`` prints."""
    done = run("list", *arguments, "-o", "json")
    assert done.code == code, done
    made: dict[str, Any] = done.report_of_any_kind
    return made


def entry(made: dict[str, Any], of: Manifest) -> dict[str, Any]:
    """Return the entry of one manifest."""
    (found,) = (item for item in made["resources"] if item["id"] == id_of(of))
    return dict(found)


def test_versions_are_listed_with_their_regions_and_where_they_are_latest(work: Workspace, run: Command) -> None:
    """Exclusion counts by region; a kind without versions has its location alone."""
    old, new = version("1.9.0", targetRegions=BOTH), version("1.10.0", targetRegions=ONLY_WEST)
    work.state(gallery(), application(), old, new, definition())
    run("apply")
    made = listed(run)
    assert [item["name"] for item in made["resources"] if item["version"]] == ["agent-1.10.0", "agent-1.9.0"]
    assert entry(made, old)["regions"] == ["West Europe", "North Europe"]
    assert (entry(made, old)["latestIn"], entry(made, new)["latestIn"]) == (["North Europe"], ["West Europe"])
    assert (entry(made, gallery())["version"], entry(made, gallery())["regions"]) == (None, ["West Europe"])
    assert {item["replication"] for item in made["resources"]} == {None}
    for item in made["resources"]:
        assert item["modified"]["by"]
        assert item["modified"]["at"].endswith("Z")


def test_versions_that_no_manifest_declares_take_part_in_latest(work: Workspace, run: Command, azure: Azure) -> None:
    """They are not listed, and may be the latest one all the same; so may declared ones that are not selected."""
    work.state(gallery(), application(), version("1.0.0"), version("1.1.0"))
    run("apply")
    assert entry(listed(run), version("1.1.0"))["latestIn"] == ["West Europe"]
    chosen = listed(run, "GalleryApplicationVersion/agent-1.0.0")
    assert [item["latestIn"] for item in chosen["resources"]] == [[]]
    azure.seed(version("2.0.0"))
    made = listed(run)
    assert len(made["resources"]) == 4
    assert all(item["latestIn"] == [] for item in made["resources"])


def test_health_adds_replication(work: Workspace, run: Command) -> None:
    """One more read of each version, and a state for each region."""
    work.state(gallery(), application(), version(targetRegions=BOTH))
    run("apply")
    states = {"westeurope": "Completed", "northeurope": "Completed"}
    assert entry(listed(run, "--health"), version())["replication"] == {"state": "Completed", "regions": states}
    assert "West Europe (latest, Completed)" in run("list", "--health").out


def test_the_owner_is_the_project_in_the_tag(work: Workspace, run: Command, azure: Azure) -> None:
    """Without a project there is none."""
    work.state(gallery())
    run("apply")
    assert entry(listed(run), gallery())["owner"] is None
    work.project("endpoint")
    azure.edit(gallery(), "tags", {"reconciler-project": "other"})
    made = listed(run)
    assert entry(made, gallery())["owner"] == "other"
    assert made["project"] == "endpoint"


def test_only_what_is_live_is_listed(work: Workspace, run: Command) -> None:
    """The rest is named apart; nothing of it is an error."""
    work.state(gallery())
    run("apply")
    work.state(gallery(), application(), version())
    made = listed(run)
    assert [item["name"] for item in made["resources"]] == ["tools"]
    assert {item["name"] for item in made["missing"]} == {"agent", "agent-1.0.0"}
    text = run("list").out
    assert "1 of 3 declared resources are live." in text.splitlines()[0]
    assert "GalleryApplicationVersion agent-1.0.0" in text


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["Gallery/tools"], ["tools"]),
        (["Gallery*/agent*"], ["agent", "agent-1.0.0"]),
        (["Gallery/*", "manifests"], ["tools"]),
        (["manifests"], ["tools", "agent", "agent-1.0.0"]),
        (["--target", "GalleryApplication/agent"], ["agent"]),
        (["-l", "ring=canary"], []),
    ],
)
def test_a_resource_and_a_path_are_told_apart(
    work: Workspace, run: Command, arguments: list[str], names: list[str]
) -> None:
    """KIND/NAME comes first, with wildcards; everything else is a path."""
    work.state(gallery(), application(), version())
    run("apply")
    assert sorted(item["name"] for item in listed(run, *arguments)["resources"]) == sorted(names)


def test_list_reads_as_a_plan_does_and_writes_nothing(work: Workspace, run: Command) -> None:
    """The writer of each resource stands in the answers that are read anyway."""
    work.state(gallery(), application(), version("1.0.0"), version("1.1.0"), definition())
    run("apply")
    planned = next(line for line in run("plan").out.splitlines() if "reads, " in line)
    assert run("list").out.splitlines()[-1] == planned


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["Gallery/nope"], 64), (["-o", "sarif"], 64), (["nowhere"], 1), (["broken.yaml"], 1)],
)
def test_wrong_use_of_list(work: Workspace, run: Command, arguments: list[str], code: int) -> None:
    """A pattern that matches nothing and a format that list has not are wrong usage; manifests are checked."""
    work.state(gallery())
    work.file("broken.yaml", "kind: Gallery\n")
    assert run("list", *arguments).code == code


def test_what_cannot_be_read_is_an_error(work: Workspace, run: Command, proxy: Proxy) -> None:
    """The command exits 1 and names it; an error that several resources share is shown once."""
    work.state(gallery(), gallery("other"))
    proxy.refuse("GET", r"/galleries/\w+", 403, "AuthorizationFailed")
    made = listed(run, code=1)
    assert made["resources"] == []
    assert [error["file"] for error in made["errors"]] == [
        "manifests/Gallery-other.yaml",
        "manifests/Gallery-tools.yaml",
    ]
    assert {error["code"] for error in made["errors"]} == {"AuthorizationFailed"}
    assert run("list").out.count("AuthorizationFailed") == 2


def test_a_cloud_that_does_not_know_the_newer_api_version_is_read_all_the_same(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is not known who last modified a resource."""
    work.state(gallery(), application(), version())
    run("apply")
    embedded = connect._embedded

    def older(*given: Any) -> Any:
        app = embedded(*given)

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            if b"2022-03-03" in scope["query_string"]:
                await app(scope, receive, send)
                return
            body = b'{"error": {"code": "NoRegisteredProviderFound", "message": "no"}}'
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 400, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        answer.state = app.state  # type: ignore[attr-defined]
        return answer

    monkeypatch.setattr(connect, "_embedded", older)
    made = listed(run)
    assert [item["name"] for item in made["resources"]] == ["tools", "agent", "agent-1.0.0"]
    assert {item["modified"]["by"] for item in made["resources"]} == {None}
    assert entry(made, version())["latestIn"] == ["West Europe"]
    assert [each["code"] for each in made["warnings"]] == ["api-version-lag"] * 3


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_list_fits_the_terminal(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """As a table where there is room, else as blocks."""
    monkeypatch.setenv("COLUMNS", str(columns))
    work.state(gallery(), application(), version(targetRegions=BOTH), definition())
    run("apply")
    lines = run("list", "--health").out.splitlines()
    assert max(map(len, lines)) <= columns
    assert any("West Europe (latest, Completed)" in line for line in lines)


def test_a_misspelt_kind_is_no_path(work: Workspace, run: Command) -> None:
    """It is wrong usage with the nearest name; a folder that is there is a path all the same."""
    work.state(gallery(), application())
    for written in ("galleryapplication/agent", "GaleryApplication/agent"):
        done = run("list", written)
        assert (done.code, "did you mean `GalleryApplication/agent`?" in done.err) == (64, True), written
    assert run("list", "nowhere/agent").code == 1
    (work.folder / "gallery").mkdir()
    assert run("list", "gallery/agent").code == 1
