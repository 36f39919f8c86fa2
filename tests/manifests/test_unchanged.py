"""The estate of a loop: parsed again exactly when something that it follows from has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from reconciler.errors import ManifestError
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, read_estate
from reconciler.manifests.permits import Permits
from reconciler.manifests.unchanged import Unchanged
from reconciler.secret.text import Secret
from tests.kit.cli import Workspace, annotated, application, as_yaml, gallery, project, version
from tests.kit.clock import START

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.manifests.estate import Estate

OPTIONS: Final = Options()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with a project file and a gallery whose description is in a file."""
    work = Workspace(tmp_path)
    work.project()
    described = gallery()
    described["spec"]["properties"] = {"description": {"$file": "text.txt"}}
    work.state(described)
    work.file("manifests/text.txt", "one")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def facts(estate: Estate) -> object:
    """Return what can be compared of an estate."""
    desired = [(item.key, item.body, item.source.file) for item in estate.desired]
    return desired, estate.sources, estate.warnings, estate.project


CHANGES: Final[dict[str, Callable[[Path], object]]] = {
    "edited": lambda folder: (folder / "manifests/new.yaml").write_text(as_yaml(application())),
    "of the same size": lambda folder: (folder / "manifests/text.txt").write_text("two"),
    "removed": lambda folder: next((folder / "manifests").glob("*.yaml")).rename(folder / "manifests/g.yaml"),
    "project": lambda folder: (folder / "reconciler.yaml").write_text((folder / "reconciler.yaml").read_text() + "\n"),
    "nearer project": lambda folder: (folder / "manifests/reconciler.yaml").write_bytes(
        (folder / "reconciler.yaml").read_bytes()
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_changes_is_parsed_again(folder: Path, change: Callable[[Path], object]) -> None:
    """Every estate is the one that a new process would read."""
    known = Unchanged()
    first = known.read(OPTIONS, packaged(), START)
    again = known.read(OPTIONS, packaged(), START + timedelta(minutes=5))
    assert known.parsed == 1
    assert again == replace(first, read_at=START + timedelta(minutes=5))  # the same objects
    change(folder)
    assert facts(known.read(OPTIONS, packaged(), START)) == facts(read_estate(OPTIONS, packaged(), START))
    assert known.parsed == 2


def test_another_day_or_other_options(folder: Path) -> None:
    """Rules end on a date, and a run may select."""
    known = Unchanged()
    known.read(OPTIONS, packaged(), START)
    known.read(OPTIONS, packaged(), START + timedelta(days=1))
    known.read(replace(OPTIONS, targets=("Gallery/*",)), packaged(), START + timedelta(days=1))
    assert known.parsed == 3


def test_mistakes_are_told_every_time(folder: Path) -> None:
    """An invalid file is an error in each round, until it is corrected."""
    known = Unchanged()
    known.read(OPTIONS, packaged(), START)
    wrong = folder / "manifests/wrong.yaml"
    wrong.write_text("kind: [")
    for _round in range(2):
        with pytest.raises(ManifestError):
            known.read(OPTIONS, packaged(), START)
    wrong.unlink()
    known.read(OPTIONS, packaged(), START)
    known.read(OPTIONS, packaged(), START)
    assert known.parsed == 4


def test_only_an_edited_file_is_parsed_again(folder: Path) -> None:
    """The resources of the others are the same objects: files, documents and manifests are made once each."""
    (folder / "manifests/a.yaml").write_text(as_yaml(application(name="a")))
    (folder / "manifests/b.yaml").write_text(as_yaml(application(name="b")))
    known = Unchanged()
    first = {item.name: item for item in known.read(OPTIONS, packaged(), START).desired}
    made = known.memo.made
    (folder / "manifests/b.yaml").write_text(as_yaml(application(name="b", description="edited")))
    second = {item.name: item for item in known.read(OPTIONS, packaged(), START).desired}
    assert second["a"] is first["a"]
    assert second["b"].body != first["b"].body
    assert known.memo.made - made == 3 + 2  # and the document with a text of another file, which is put in anew


def test_what_a_document_is_judged_by(folder: Path) -> None:
    """The same file is an error under another project."""
    tagged = application()
    tagged["spec"]["tags"] = {"ours-commit": "x"}
    (folder / "manifests/a.yaml").write_text(as_yaml(tagged))
    known = Unchanged()
    known.read(OPTIONS, packaged(), START)
    (folder / "reconciler.yaml").write_text(as_yaml(project(tracking={"prefix": "ours"})))
    with pytest.raises(ManifestError) as without:
        read_estate(OPTIONS, packaged(), START)
    with pytest.raises(ManifestError) as caught:
        known.read(OPTIONS, packaged(), START)
    assert caught.value.problems == without.value.problems


def test_another_value_of_a_variable(folder: Path) -> None:
    """Manifests are resolved again with it."""
    signed = version()
    signed["spec"]["properties"]["publishingProfile"]["source"]["mediaLink"] = {"$env": "RECONCILER_SECRET_LINK"}
    (folder / "manifests/v.yaml").write_text(as_yaml(application(), signed))
    known = Unchanged()
    for value in ("https://one.blob.core.windows.net/a/b", "https://two.blob.core.windows.net/a/b"):
        options = replace(OPTIONS, permits=Permits(secrets={"RECONCILER_SECRET_LINK": Secret(value)}))
        estate = known.read(options, packaged(), START)
        assert facts(estate) == facts(read_estate(options, packaged(), START))


def test_a_wave_of_a_parent(folder: Path) -> None:
    """A child that has not changed follows a parent that has."""
    (folder / "manifests/a.yaml").write_text(as_yaml(application()))
    known = Unchanged()
    known.read(OPTIONS, packaged(), START)
    for wave in ("2", "1"):
        file = next(each for each in (folder / "manifests").glob("*.yaml") if "kind: Gallery\n" in each.read_text())
        file.write_text(as_yaml(annotated(gallery(), wave=wave)))
        assert {item.wave for item in known.read(OPTIONS, packaged(), START).desired} == {int(wave)}
