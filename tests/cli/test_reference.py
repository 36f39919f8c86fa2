"""``schema``: reference pages and schemas, for those who have no clone of the repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from reconciler.kinds.packaged import packaged
from reconciler.plan.exit_codes import ExitCode
from tests.kit.cli import application, definition, gallery, version

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command
    from tests.kit.cli import Manifest, Workspace


@pytest.mark.parametrize("kind", packaged().kinds)
def test_the_page_of_a_kind(run: Command, root: Path, kind: str) -> None:
    """It is the page of the documentation, to the byte."""
    done = run("schema", kind, "--output", "markdown")
    assert done.code == 0
    assert done.out == (root / "docs" / "reference" / f"{kind}.md").read_text(encoding="utf-8")


def test_the_schema_is_what_is_printed_by_default(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the environment chooses the format of reports: those who read the schema expect JSON."""
    monkeypatch.setenv("RECONCILER_OUTPUT", "markdown")
    assert run("schema", "Gallery").out == run("schema", "Gallery", "-o", "json").out
    assert run("schema", "Gallery").out.startswith("{")


@pytest.mark.parametrize("arguments", [("Project", "-o", "markdown"), ("Gallery", "-o", "text"), ("Nothing",)])
def test_what_has_no_page_is_wrong_usage(run: Command, arguments: tuple[str, ...]) -> None:
    """A project file is no kind, and there are two formats."""
    done = run("schema", *arguments)
    assert (done.code, done.out) == (ExitCode.USAGE, "")


def test_project_is_listed_with_the_kinds(run: Command) -> None:
    """Its schema is printed like that of a kind."""
    assert run("schema").out.split() == [
        "ApplicationDefinition",
        "Gallery",
        "GalleryApplication",
        "GalleryApplicationVersion",
        "GalleryScript",
        "GalleryScriptVersion",
        "Project",
    ]
    assert json.loads(run("schema", "Project").out)["title"]


def test_all_schemas_are_written_for_editors(run: Command, work: Workspace) -> None:
    """One file for each kind and the project file, those of overlays with --partial."""
    assert run("schema", "--all", "--out-dir", "a/b").code == 0
    names = {path.name for path in (work.folder / "a" / "b").iterdir()}
    kinds = set(run("schema").out.split())
    assert names == {f"{name}.schema.json" for name in kinds}
    assert (work.folder / "a" / "b" / "Gallery.schema.json").read_text() == run("schema", "Gallery").out
    assert run("schema", "--all", "--partial", "--out-dir", "c").code == 0
    assert {path.name for path in (work.folder / "c").iterdir()} == {
        f"{name}.partial.schema.json" for name in kinds - {"Project"}
    }


@pytest.mark.parametrize(
    "arguments",
    [("--all",), ("--out-dir", "x"), ("--all", "Gallery", "--out-dir", "x"), ("--partial",), ("--partial", "Project")],
)
def test_options_of_schema_that_do_not_go_together(run: Command, arguments: tuple[str, ...]) -> None:
    """Nothing is written, and the exit code is that of wrong usage."""
    done = run("schema", *arguments)
    assert (done.code, done.out) == (ExitCode.USAGE, "")


@pytest.mark.parametrize("made", [gallery(), application(), version(), definition()])
def test_partial_schema_describes_overlays(run: Command, made: Manifest) -> None:
    """An overlay names as little as it changes, with null for what it removes; unknown keys are refused."""
    schema = json.loads(run("schema", made["kind"], "--partial").out)
    validator = Draft202012Validator(schema)
    head = {name: made[name] for name in ("apiVersion", "kind", "metadata")}
    assert validator.is_valid(head)
    assert validator.is_valid({**head, "spec": {"tags": {"ring": None}, "location": None, "properties": {}}})
    assert validator.is_valid(made)
    assert not validator.is_valid({**head, "spec": {"propertys": {}}})
    assert not validator.is_valid({**head, "spec": {"location": 1}})
    assert not validator.is_valid({**head, "kind": "Other"})
    assert not validator.is_valid({"spec": {}})
