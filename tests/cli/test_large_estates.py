"""Every command writes the same about an estate that is too large to be held as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.kit.cli import application, as_yaml, definition, gallery, version
from tests.kit.crowded import crowded

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Done, Workspace

SIGNED: Final = version(
    source={"mediaLink": "https://packages.blob.core.windows.net/agent/1.tar.gz?sv=2022-11-02&sig=Q0FOQVJZQ0FOQVJZQ0E"}
)
PROD: Final = ("--environment", "prod")
COMMANDS: Final = (
    ("plan", "-o", "json", *PROD),
    ("plan", "--verbose", *PROD),
    ("drift", "-o", "json", *PROD),
    ("drift", "-o", "html", *PROD),
    ("list", "-o", "json", *PROD),
    ("explain", "GalleryApplication/agent", *PROD),
    ("explain", "GalleryApplicationVersion/agent-2.0.0", *PROD),
    ("usage", "-o", "json", *PROD),
    ("validate", "-o", "json"),
)


def facts(done: Done) -> tuple[int, list[str]]:
    """Return the exit code and the lines of a command, without its times."""
    return done.code, [line for line in done.out.splitlines() if "edAt" not in line and " UTC" not in line]


def test_every_command(work: Workspace, run: Command, report: Reporting, azure: Azure) -> None:
    """Defaults, an overlay, the text of a file, a signed link and drift."""
    file = work.file("manifests/install.sh", "set -eu\nsh install\n")
    filed = version("2.0.0", manageActions={"install": {"$file": file.name}, "remove": "sh remove"})
    work.project(defaults={"tags": {"cost": "1"}}, environments={"prod": {"overlay": "overlays/prod"}})
    overlay = {**application(), "spec": {"properties": {"description": "of prod"}}}
    work.file("overlays/prod/agent.yaml", as_yaml(overlay))
    work.state(gallery(), application(), SIGNED, filed, definition())
    run("apply", *PROD)
    azure.edit(application(), "properties.description", "drift")
    azure.edit(SIGNED, "tags.cost", "2")
    for command in COMMANDS:
        expected = facts(run(*command))
        with crowded():
            assert facts(run(*command)) == expected
    with crowded():
        assert report("apply", *PROD)["summary"]["succeeded"] == 2
        assert report("plan", *PROD)["summary"]["inSync"] == 5
    assert azure.stored(SIGNED)["tags"]["cost"] == "1"


def test_every_mistake(work: Workspace, run: Command) -> None:
    """Two manifests of one resource, a misspelt parent and an unknown field, at their lines."""
    again = {**application(), "metadata": {"name": "again"}}
    lost = {**version("3.0.0", of="agnet"), "metadata": {"name": "lost"}}
    odd = {**definition(), "spec": {**definition()["spec"], "colour": "red"}}
    work.state(gallery(), application(), again, lost, odd)
    expected = facts(run("validate", "-o", "json"))
    with crowded():
        assert facts(run("validate", "-o", "json")) == expected
    assert {each for each in ("duplicate", "unknown-parent") if each in "".join(expected[1])} == {
        "duplicate",
        "unknown-parent",
    }
