"""The estate of a loop: parsed again exactly when something that it follows from has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from reconciler.errors import ManifestError
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, read_estate
from reconciler.manifests.unchanged import Unchanged
from tests.kit.cli import Workspace, application, as_yaml, gallery
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
