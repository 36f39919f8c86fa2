"""``new-version``: the next manifest as a text, made from the last one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.kit.cli import LINK, Azure, Workspace, application, estate, gallery, version

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting

ADDRESS = "GalleryApplicationVersion/agent-1.0.0"
TEXT = """\
# yaml-language-server: $schema=../schemas/GalleryApplicationVersion.schema.json
apiVersion: reconciler.dev/v1
kind: GalleryApplicationVersion
metadata:
  name: 'agent-1.0.0'   # the name
  labels: {ring: canary}
spec:
  subscriptionId: 5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11
  resourceGroupName: rg
  galleryName: tools
  galleryApplicationName: agent
  galleryApplicationVersionName: "1.0.0"
  location: West Europe
  properties:
    publishingProfile:
      source: {mediaLink: "https://packages.blob.core.windows.net/1.0.0/agent-1.0.0.zip"}
      # 1.0.0 was slow to install
      manageActions: {install: {$file: install.sh}, remove: sh remove.sh}
      targetRegions:
        - {name: West Europe}   # the only one
"""


def files(work: Workspace) -> dict[str, str]:
    """Return the manifests by their names."""
    return {
        path.relative_to(work.manifests).as_posix(): path.read_text(encoding="utf-8")
        for path in work.manifests.rglob("*.yaml")
    }


def loaded(path: Path) -> dict[str, Any]:
    """Return the one document of a file."""
    (document,) = [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]
    assert isinstance(document, dict)
    return document


@pytest.fixture
def written(work: Workspace) -> Workspace:
    """Return a folder with the manifest above, written by hand."""
    work.state(gallery(), application())
    work.file("manifests/agent-1.0.0.yaml", TEXT)
    work.file("manifests/install.sh", "sh setup.sh\n")
    return work


def test_only_name_number_and_links_change(written: Workspace, run: Command) -> None:
    """Comments, layout and quotation marks stay; the file stands beside the old one, and is valid."""
    done = run("new-version", ADDRESS, "1.10.0")
    assert (done.code, done.out) == (0, "manifests/agent-1.10.0.yaml\n")
    expected = TEXT.replace("1.0.0", "1.10.0").replace("# 1.10.0 was slow", "# 1.0.0 was slow")
    assert files(written)["agent-1.10.0.yaml"] == expected
    assert files(written)["agent-1.0.0.yaml"] == TEXT
    assert run("validate").code == 0


def test_the_digest_of_the_package(written: Workspace, run: Command) -> None:
    """Of a local file, or as given, in the annotation of the old manifest; one that stays is told."""
    annotated = TEXT.replace("  labels:", f"  annotations: {{reconciler.dev/package-sha256: '{'0' * 64}'}}\n  labels:")
    written.file("manifests/agent-1.0.0.yaml", annotated)
    package = written.file("agent.zip", "zip")
    digest = hashlib.sha256(b"zip").hexdigest()
    assert run("new-version", ADDRESS, "1.1.0", "--file", str(package)).code == 0
    assert files(written)["agent-1.1.0.yaml"] == annotated.replace("0" * 64, digest).replace("1.0.0", "1.1.0").replace(
        "# 1.1.0 was slow", "# 1.0.0 was slow"
    )
    assert run("new-version", ADDRESS, "1.2.0", "--sha256", "A" * 64).code == 0
    assert "A" * 64 in files(written)["agent-1.2.0.yaml"]
    done = run("new-version", ADDRESS, "1.3.0")
    assert (done.code, "package-sha256" in done.err) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--sha256", "12"), 64),
        (("--sha256", "0" * 64, "--file", "manifests/install.sh"), 64),
        (("--file", "nowhere.zip"), 64),
        (("--sha256", "0" * 64), 1),
    ],
)
def test_a_digest_without_a_place(written: Workspace, run: Command, arguments: tuple[str, ...], code: int) -> None:
    """No digest, two of them, no package; and a manifest without the annotation: nothing is written."""
    before = files(written)
    assert run("new-version", ADDRESS, "1.1.0", *arguments).code == code
    assert files(written) == before


def test_link(written: Workspace, run: Command) -> None:
    """A link with characters that mean something in brackets is quoted."""
    link = "https://packages.blob.core.windows.net/new/a,b.zip"
    assert run("new-version", ADDRESS, "2.0.0", "--link", link).code == 0
    made = loaded(written.manifests / "agent-2.0.0.yaml")
    assert made["spec"]["properties"]["publishingProfile"]["source"] == {"mediaLink": link}


def test_a_link_without_the_number_stays_with_a_remark(work: Workspace, run: Command) -> None:
    """Both versions would install the same package."""
    work.state(gallery(), application(), version())
    done = run("new-version", ADDRESS, "1.0.1")
    assert done.code == 0
    assert "properties.publishingProfile.source.mediaLink" in done.err
    made = loaded(work.manifests / "agent-1.0.1.yaml")
    assert made["spec"]["properties"]["publishingProfile"]["source"]["mediaLink"] == LINK


def test_out(written: Workspace, run: Command) -> None:
    """From another folder, files and the schema for editors are named by another way."""
    assert run("new-version", ADDRESS, "1.1.0", "--out", "manifests/next/one.yaml").code == 0
    text = files(written)["next/one.yaml"]
    assert "$schema=../../schemas/GalleryApplicationVersion.schema.json" in text
    actions = loaded(written.manifests / "next" / "one.yaml")["spec"]["properties"]["publishingProfile"][
        "manageActions"
    ]
    assert actions["install"] == {"$file": "../install.sh"}
    assert run("validate").code == 0


def test_one_of_several_documents(work: Workspace, run: Command) -> None:
    """Only that document, with the comments above it and above the line that begins it."""
    work.state(gallery(), application())
    work.file("manifests/install.sh", "sh setup.sh\n")
    other = TEXT.replace("1.0.0", "3.0.0")
    text = f"# of the file\n---\n{other}# above the line\n---\n# below it\n{TEXT}# of the next one\n---\n---\n"
    work.file("manifests/all.yaml", text)
    assert run("new-version", ADDRESS, "3.1.0").code == 0
    expected = TEXT.replace("1.0.0", "3.1.0").replace("# 3.1.0 was slow", "# 1.0.0 was slow")
    assert files(work)["agent-3.1.0.yaml"] == f"# above the line\n# below it\n{expected}"
    assert run("new-version", "GalleryApplicationVersion/agent-3.0.0", "3.2.0").code == 0
    assert files(work)["agent-3.2.0.yaml"].startswith("# of the file\n# yaml-language-server")


def test_a_name_without_the_number(work: Workspace, run: Command) -> None:
    """The number is appended; parts of longer numbers are no number."""
    work.state(gallery(), application())
    work.file("manifests/install.sh", "sh setup.sh\n")
    work.file("manifests/a.yaml", TEXT.replace("'agent-1.0.0'", "agent-11.0.0-or-1.0.0.5"))
    done = run("new-version", "GalleryApplicationVersion/agent-11.0.0-or-1.0.0.5", "1.2.0")
    assert (done.code, done.out) == (0, "manifests/agent-11.0.0-or-1.0.0.5-1.2.0.yaml\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((ADDRESS, "1.0.0"), 1),  # exists
        ((ADDRESS, "01.0.0"), 1),  # another spelling of it
        ((ADDRESS, "0.9.0"), 1),  # not the highest
        (("GalleryApplicationVersion/agent-9.0.0", "9.1.0"), 1),  # no such manifest
        (("Gallery/tools", "1.1.0"), 1),  # a kind without versions
        ((ADDRESS, "1.1.0", "--out", "manifests/agent-1.0.0.yaml"), 1),  # a file that exists
        ((ADDRESS, "1.1"), 64),
        ((ADDRESS, "latest"), 64),
        ((ADDRESS, "1.1.99999999999"), 64),
        ((ADDRESS,), 64),
    ],
)
def test_refusals_write_nothing(written: Workspace, run: Command, arguments: tuple[str, ...], code: int) -> None:
    """What exists, a number that is not the highest, and no number at all."""
    before = files(written)
    assert run("new-version", *arguments).code == code
    assert files(written) == before


def test_any_number(written: Workspace, run: Command) -> None:
    """A lower number is accepted where it is asked for; an existing one never is."""
    assert run("new-version", ADDRESS, "0.9.0", "--any-number").code == 0
    assert run("new-version", ADDRESS, "0.9.0", "--any-number").code == 1
    assert set(files(written)) >= {"agent-0.9.0.yaml"}


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace('"1.0.0"', "*n").replace("'agent-1.0.0'", "agent").replace("apiVersion:", "apiVersion:", 1),
        TEXT.replace("'agent-1.0.0'", "&n agent-1.0.0").replace("{ring: canary}", "{ring: *n}"),
        TEXT.replace("'agent-1.0.0'   # the name", "|-\n    agent-1.0.0"),
    ],
    ids=["unknown alias", "an anchor that is used elsewhere", "a block"],
)
def test_what_cannot_be_changed_as_text_is_refused(written: Workspace, run: Command, text: str) -> None:
    """Rather than written with another meaning."""
    written.file("manifests/agent-1.0.0.yaml", text)
    before = files(written)
    name = "agent" if "name: agent " in text else "agent-1.0.0"
    assert run("new-version", f"GalleryApplicationVersion/{name}", "1.1.0").code == 1
    assert files(written) == before


def test_a_link_from_elsewhere_is_not_replaced(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not in the manifest."""
    monkeypatch.setenv("RECONCILER_SECRET_LINK", LINK)
    source = {"mediaLink": {"$env": "RECONCILER_SECRET_LINK"}}
    work.state(gallery(), application(), version(source=source))
    assert run("new-version", ADDRESS, "1.1.0", "--link", LINK).code == 1
    assert run("new-version", ADDRESS, "1.1.0").code == 0
    made = loaded(work.manifests / "agent-1.1.0.yaml")
    assert made["spec"]["properties"]["publishingProfile"]["source"] == source


def test_the_fix_of_an_immutable_difference_names_the_command(
    work: Workspace, azure: Azure, run: Command, report: Reporting
) -> None:
    """With the manifest's address, and no file of another kind."""
    work.state(*estate())
    report("apply")
    first = version()
    first["spec"]["properties"]["publishingProfile"]["manageActions"]["install"] = "sh other.sh"
    work.state(*(first if made["kind"] == first["kind"] else made for made in estate()))
    found = report("plan", code=1)
    (blocked,) = [each for each in found["resources"] if each["action"] == "blocked"]
    assert f"reconciler new-version {ADDRESS} NUMBER" in blocked["fix"]
    assert azure.ids()
    assert run("new-version", ADDRESS, "1.0.1").code == 0
