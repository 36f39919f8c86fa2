"""The version of a build, from the files of a checkout or of an installed package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler import __version__
from reconciler.runtime import build
from reconciler.runtime.build import build_version
from tests.kit.cli import commit, git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that this package seems to lie in."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.setattr(build, "__file__", str(folder / "reconciler" / "runtime" / "build.py"))
    return folder


def test_the_commit_of_a_checkout(checkout: Path) -> None:
    """It is that of HEAD: on a branch, packed or not, and of no branch."""
    git(checkout, "init", "--quiet", "--initial-branch", "one/two")
    assert build_version() == __version__
    made = commit(checkout)
    assert build_version() == f"{__version__}+{made[:7]}"
    git(checkout, "pack-refs", "--all")
    assert build_version() == f"{__version__}+{made[:7]}"
    git(checkout, "checkout", "--quiet", "--detach")
    made = commit(checkout)
    assert build_version() == f"{__version__}+{made[:7]}"


def test_the_commit_of_a_worktree(checkout: Path, tmp_path: Path) -> None:
    """Its refs lie in the repository that it belongs to."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet")
    commit(repository)
    git(repository, "worktree", "add", "--quiet", "-b", "other", str(checkout))
    made = commit(checkout)
    assert build_version() == f"{__version__}+{made[:7]}"


def test_an_installed_package(checkout: Path) -> None:
    """The version of its build stands in the name of a folder."""
    assert build_version() == __version__
    (checkout / "reconciler-9.8.7+c52f407.dist-info").mkdir()
    assert build_version() == "9.8.7+c52f407"


def test_odd_files_of_git(checkout: Path) -> None:
    """Files that are no repository's give no commit."""
    (checkout / ".git").write_text("gitdir: nowhere\n")
    assert build_version() == __version__
    (checkout / ".git").unlink()
    (checkout / ".git").mkdir()
    (checkout / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (checkout / ".git" / "packed-refs").write_text("zzz refs/heads/main\n")
    assert build_version() == __version__
