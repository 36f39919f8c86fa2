"""What a shell is answered about the files of the working folder, by click's protocol."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.kit.canary import MARK
from tests.kit.cli import application, as_yaml, gallery, named, version
from tests.kit.forked import program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kit.cli import Workspace

NAMES = ["Gallery/tools", "GalleryApplication/agent", "GalleryApplicationVersion/agent-1.0.0"]


def answers(folder: Path, line: str, **environment: str) -> list[str]:
    """Return the answers about the end of a command line; no message comes with them."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_RECONCILER_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [program()], cwd=folder, env={**os.environ, **asked, **environment}, capture_output=True, check=True, text=True
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def plain(*values: str) -> list[str]:
    """Return answers that a shell takes as they are."""
    return [f"plain,{value}" for value in values]


@pytest.fixture
def folder(work: Workspace) -> Path:
    """Return a working folder with a project and three manifests."""
    work.project(environments={"prod": {}, "preprod": {}, "test": {}})
    work.state(gallery(), application(), version())
    return work.folder


@pytest.mark.parametrize("line", ["plan --target", "explain", "list", "apply --republish", "snapshot --target"])
def test_names_of_manifests(folder: Path, line: str) -> None:
    """Every option and argument that takes KIND/NAME completes it."""
    assert answers(folder, f"reconciler {line} ") == plain(*NAMES)
    assert answers(folder, f"reconciler {line} GalleryApplicationV") == plain(NAMES[2])
    assert answers(folder, f"reconciler {line} GalleryApplication/") == plain(NAMES[1])


def test_names_below_other_paths(folder: Path) -> None:
    """The paths of the command line count, in place of the default one."""
    (folder / "other").mkdir()
    (folder / "other" / "one.yaml").write_text(as_yaml(named(gallery(), "other")))
    assert answers(folder, "reconciler plan other --target Gallery/") == plain("Gallery/other")
    assert answers(folder, "reconciler plan other/one.yaml --target Gallery/") == plain("Gallery/other")
    assert answers(folder, "reconciler explain -f other Gallery/") == plain("Gallery/other")
    assert answers(folder, "reconciler plan nowhere --target Gallery/") == []


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "drift", "run", "list", "explain", "snapshot"])
def test_environments(folder: Path, command: str) -> None:
    """Every command that takes an environment completes those of the project file."""
    assert answers(folder, f"reconciler {command} -e p") == plain("preprod", "prod")
    assert answers(folder, f"reconciler {command} --environment t") == plain("test")


def test_environments_of_a_named_project_file(folder: Path) -> None:
    """A project file that the user names is the one that is read."""
    (folder / "reconciler.yaml").rename(folder / "project.yaml")
    assert answers(folder, "reconciler plan -e ") == []
    assert answers(folder, "reconciler plan --config project.yaml -e ") == plain("preprod", "prod", "test")
    assert answers(folder, "reconciler plan -e t", RECONCILER_CONFIG="project.yaml") == plain("test")


def test_kinds_formats_and_clouds(folder: Path) -> None:
    """Values of a known set are completed too."""
    assert answers(folder, "reconciler schema Gallery") == plain(
        "Gallery", "GalleryApplication", "GalleryApplicationVersion", "GalleryScript", "GalleryScriptVersion"
    )
    assert answers(folder, "reconciler plan -o j") == plain("json", "junit")
    assert answers(folder, "reconciler list -o ") == plain("text", "json")
    assert answers(folder, "reconciler plan --report s") == plain("sarif=")
    assert answers(folder, "reconciler plan --cloud u") == plain("usgovernment")
    assert answers(folder, "reconciler plan --credential g") == plain("github")
    assert answers(folder, "reconciler validate man") == ["file,man"]
    assert answers(folder, "reconciler list Gallery/tools man") == ["file,man"]


@pytest.mark.parametrize(
    "text",
    [
        "kind: [",
        "kind: Gallery\nmetadata: none\n",
        "kind: [Gallery]\nmetadata: {name: {a: b}}\n",
        "kind: Nothing\nmetadata: {name: other}\n",
        "[]",
        "\0",
        f"# {'x' * 600_000}\n",
    ],
)
def test_faulty_files_are_left_out(folder: Path, text: str) -> None:
    """What cannot be read, or is too large, completes nothing and disturbs nothing."""
    (folder / "manifests" / "a.yaml").write_text(text)
    (folder / "manifests" / "link.yaml").symlink_to("/etc/hostname")
    assert answers(folder, "reconciler plan --target ") == plain(*NAMES)


@pytest.mark.parametrize(
    "name", ["$(touch x)", "a b", "*", "`id`", "a;b", "ü", "a\\nb", "../x", "-e", f"ghp_{MARK}{'0' * 30}"]
)
def test_only_harmless_names_are_offered(work: Workspace, name: str) -> None:
    """A shell may expand what it is answered, and a name may be a secret by mistake."""
    work.project(environments={name: {}, "prod": {}})
    work.add(named(gallery(), name), file="odd.yaml")
    work.add(gallery())
    assert answers(work.folder, "reconciler plan --target ") == plain(NAMES[0])
    assert answers(work.folder, "reconciler plan -e ") in (plain("prod"), [])
    assert not (work.folder / "x").exists()


def test_no_program_of_the_repository_runs(folder: Path) -> None:
    """Completion asks no git, whose settings a repository brings with it."""
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("[core]\n\tfsmonitor = touch ran\n")
    assert answers(folder, "reconciler plan --target G", PATH="/nonexistent") == plain(*NAMES)
    assert not (folder / "ran").exists()


def test_a_large_tree_is_read_in_part(folder: Path) -> None:
    """The first megabytes are read, which keeps the answer quick."""
    for index in range(12):
        made = named(gallery(), f"big-{index:02}")
        (folder / "manifests" / f"big-{index:02}.yaml").write_text(as_yaml(made) + "#" * 500_000)
    found = answers(folder, "reconciler plan --target Gallery/big-")
    assert plain("Gallery/big-00") <= found < plain("Gallery/big-11")
    assert 1 < len(found) < 12


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(folder: Path, shell: str) -> None:
    """Each shell is answered in its own form."""
    asked = {"COMP_WORDS": "reconciler plan -e te", "COMP_CWORD": "3", "_RECONCILER_COMPLETE": f"{shell}_complete"}
    if shell == "fish":
        asked["COMP_CWORD"] = "te"
    done = subprocess.run(
        [program()], cwd=folder, env={**os.environ, **asked}, capture_output=True, check=True, text=True
    )
    assert "test" in done.stdout
    assert "prod" not in done.stdout
    assert done.stderr == ""
