"""What the wheel holds: the built thing is looked at, not the settings that build it."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from typing import TYPE_CHECKING

import pytest

import reconciler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Build the wheel with the backend that pip would use, from this folder."""
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (path,) = target.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def _folder(wheel: zipfile.ZipFile) -> str:
    (folder,) = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    return folder


def _text(wheel: zipfile.ZipFile, name: str) -> str:
    return wheel.read(f"{_folder(wheel)}/{name}").decode()


def _commit(root: Path) -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout[:7]


def test_every_schema_is_in_the_wheel_as_it_is_here(wheel: zipfile.ZipFile, root: Path) -> None:
    """An installed reconciler knows the kinds that this folder knows, byte for byte."""
    shipped = {name: wheel.read(name) for name in wheel.namelist() if name.startswith("reconciler/schemas/")}
    assert shipped == {f"reconciler/schemas/{path.name}": path.read_bytes() for path in (root / "schemas").iterdir()}
    assert all(name.endswith(".schema.json") for name in shipped)
    assert all(isinstance(json.loads(text), dict) for text in shipped.values())


def test_the_four_kinds_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """No kind that the README promises is forgotten."""
    kinds = ("Gallery", "GalleryApplication", "GalleryApplicationVersion", "ApplicationDefinition")
    assert {f"reconciler/schemas/{kind}.schema.json" for kind in kinds} <= set(wheel.namelist())


def test_every_module_is_in_the_wheel(wheel: zipfile.ZipFile, root: Path) -> None:
    """Packages within the package come along, and so does the mark that it is typed."""
    here = {path.relative_to(root).as_posix() for path in (root / "reconciler").rglob("*.py")}
    assert here <= set(wheel.namelist())
    assert "reconciler/py.typed" in wheel.namelist()


def test_the_files_of_the_page_are_in_the_wheel(wheel: zipfile.ZipFile, root: Path) -> None:
    """An installed reconciler writes the HTML report that this folder writes."""
    folder = root / "reconciler" / "report" / "html"
    here = {path.relative_to(root).as_posix(): path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert {name.rpartition(".")[2] for name in here} == {"py", "j2", "css", "js", "svg"}
    assert {name: wheel.read(name) for name in here} == here


def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """Tests and manifests stay in the repository: users of the wheel do not need them."""
    assert {name.partition("/")[0] for name in wheel.namelist()} == {"reconciler", _folder(wheel)}


def test_the_command_is_an_entry_point(wheel: zipfile.ZipFile) -> None:
    """Installing gives the command ``reconciler``."""
    assert "[console_scripts]\nreconciler = reconciler.cli:main" in _text(wheel, "entry_points.txt")


def test_the_version_of_a_build_names_its_commit(wheel: zipfile.ZipFile, root: Path) -> None:
    """Two builds of one version are told apart: in the metadata, and by ``--version`` of a checkout."""
    metadata = Parser().parsestr(_text(wheel, "METADATA"))
    assert metadata["Name"] == "reconciler"
    assert metadata["Version"] == f"{reconciler.__version__}+{_commit(root)}"
    done = subprocess.run([sys.executable, "-m", "reconciler", "--version"], check=True, capture_output=True, text=True)
    assert done.stdout.split()[-1] == metadata["Version"]
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_version_of_an_archive_is_the_released_one(root: Path, tmp_path: Path) -> None:
    """Where there is no git, a build says what it can."""
    for name in ("deploy/version.py", "reconciler/__init__.py"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(root / name, tmp_path / name)
    assert runpy.run_path(str(tmp_path / "deploy" / "version.py"))["__version__"] == reconciler.__version__


def test_the_lock_names_no_registry(root: Path) -> None:
    """The machine that installs the packages chooses their index."""
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert "--index" not in lock
    assert "--find-links" not in lock


def test_the_lock_pins_every_package_by_hash(root: Path) -> None:
    """A package that is not the one that was locked is not installed."""
    lock = (root / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", "")
    packages = [line for line in lock.splitlines() if line and not line.startswith("#")]
    assert len(packages) > 1
    assert all("==" in package and "--hash=sha256:" in package for package in packages)
