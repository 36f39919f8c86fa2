"""
The locks install on any day and with any pip: a release that came out after the lock changes nothing.

A local index plays the package index. It holds a stand-in for each locked package, with the requirements of the real
one, and a newer release of every package that another one requires with an extra: a pip before 23.3 resolves such a
requirement anew, and then refuses the release that the lock does not name. The pip that comes with Python is always
tried; the wheels of others are found in ``build/pips`` (``make installs``).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from packaging.requirements import Requirement

from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LOCKS: Final = ("requirements.lock", "deploy/requirements.txt")
# Where an install of a lock stands, to be copied or to be run.
PLACES: Final = (
    "Makefile",
    "README.md",
    "Dockerfile",
    "deploy/install.sh",
)
# Python 3.12 and newer bring a newer pip than 22.3, which does not run there.
PIPS: Final = (
    "bundled",
    *sorted(
        path.name
        for path in (ROOT / "build" / "pips").glob("pip-*.whl")
        if sys.version_info < (3, 12) or not path.name.startswith("pip-22.")
    ),
)
# A newer release that every upper bound still allows.
NEWER: Final = ".post1"


class _Locked(NamedTuple):
    name: str
    version: str
    marker: str


def _packages(lock: str) -> list[_Locked]:
    pattern = re.compile(r"^([a-z0-9._-]+)==([^\s;\\]+)( ; [^\\\n]+?)? \\$", re.MULTILINE)
    return [_Locked(*found) for found in pattern.findall((ROOT / lock).read_text(encoding="utf-8"))]


def _needs(name: str) -> list[str]:
    """Return what the installed package requires; one that is locked for another system only requires nothing here."""
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _put_into(index: Path, name: str, version: str) -> str:
    """Build a stand-in wheel without code and list it; return its hash."""
    needs, stem = _needs(name), f"{name.replace('-', '_')}-{version}"
    extras = sorted({extra for need in needs for extra in re.findall(r"extra == ['\"]([\w.-]+)['\"]", need)})
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [*(f"Provides-Extra: {extra}" for extra in extras), *(f"Requires-Dist: {need}" for need in needs)]
    page = index / name
    page.mkdir(parents=True, exist_ok=True)
    wheel = page / f"{stem}-py3-none-any.whl"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    links = "".join(f'<a href="{path.name}">{path.name}</a>' for path in sorted(page.glob("*.whl")))
    (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>", encoding="utf-8")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def _wanted_with_extras(packages: list[_Locked]) -> set[str]:
    needs = [Requirement(need) for package in packages for need in _needs(package.name)]
    return {need.name.lower().replace("_", "-") for need in needs if need.extras}


def _command(pip: str, folder: Path) -> list[str]:
    if pip != "bundled":
        return [sys.executable, "-I", str(ROOT / "build" / "pips" / pip / "pip")]
    subprocess.run([sys.executable, "-I", "-m", "venv", str(folder)], check=True)
    return [str(folder / "bin" / "python"), "-I", "-m", "pip"]


def _flags(place: str) -> list[list[str]]:
    """Return the arguments of each install of a lock that stands in a file."""
    text = (ROOT / place).read_text(encoding="utf-8").replace("\\\n", " ")
    return [found.split() for found in re.findall(r"(?:pip\"? install|take) ((?:--?[\w:-]+(?: :all:)? +)+)-r", text)]


@pytest.mark.parametrize("pip", PIPS)
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_installs_after_newer_releases_came_out(lock: str, pip: str, tmp_path: Path) -> None:
    """The flags of the Makefile install exactly the locked versions, with any pip, after any later release."""
    packages = _packages(lock)
    index, copy = tmp_path / "index", tmp_path / "lock.txt"
    lines = []
    for name, version, marker in packages:
        lines.append(f"{name}=={version}{marker} --hash=sha256:{_put_into(index, name, version)}")
    newer = _wanted_with_extras(packages) & {package.name for package in packages}
    assert newer, "no package is wanted with an extra, so this proves nothing"
    for name, version, _ in packages:
        if name in newer:
            _put_into(index, name, version + NEWER)
    copy.write_text("\n".join(lines) + "\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.as_uri(), "HOME": str(tmp_path)}
    command = [
        *_command(pip, tmp_path / "venv"),
        "install",
        *_flags("Makefile")[0],
        "--target",
        str(tmp_path / "there"),
    ]
    done = subprocess.run(
        [*command, "-r", str(copy)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    there = {path.name for path in (tmp_path / "there").glob("*.dist-info")}
    assert there
    assert there <= {f"{name.replace('-', '_')}-{version}.dist-info" for name, version, _ in packages}


@pytest.mark.parametrize("place", PLACES)
def test_a_lock_is_taken_as_complete(place: str) -> None:
    """Every install of a lock checks hashes, and lets pip resolve nothing beside it."""
    installs = _flags(place) + [re.findall(r"--[\w-]+", found) for found in _prose(place)]
    assert installs
    for flags in installs:
        assert {"--no-deps", "--require-hashes"} <= set(flags), place


def _prose(place: str) -> list[str]:
    return re.findall(r"`pip install ([^`]+ -r [^`]+)`", (ROOT / place).read_text(encoding="utf-8"))
