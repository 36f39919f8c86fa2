"""Which commit the manifests are of; git is asked and never obeyed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from reconciler.shell.git import head_commit

if TYPE_CHECKING:
    from pathlib import Path

ME = ("-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    """Run git."""
    done = subprocess.run(["git", *ME, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository with one commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "a.yaml").write_text("a: 1\n", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    return tmp_path


def test_a_clean_tree(repository: Path) -> None:
    """HEAD, asked from any folder in it."""
    head = git(repository, "rev-parse", "HEAD")
    assert len(head) == 40
    assert head_commit(repository) == head_commit(repository / "manifests") == head


def test_files_that_differ(repository: Path) -> None:
    """What is not committed is not of that commit, new files included."""
    (repository / "new.yaml").write_text("", encoding="utf-8")
    assert head_commit(repository) is None
    (repository / "new.yaml").unlink()
    (repository / "manifests" / "a.yaml").write_text("a: 2\n", encoding="utf-8")
    assert head_commit(repository) is None


def test_no_repository(tmp_path: Path) -> None:
    """No repository, no commit; nor one without commits, or a folder that is not there."""
    (tmp_path / ".git").write_text("gitdir: /nowhere\n", encoding="utf-8")
    assert head_commit(tmp_path) is None
    (tmp_path / ".git").unlink()
    git(tmp_path, "init", "--quiet")
    assert head_commit(tmp_path) is None
    assert head_commit(tmp_path / "missing") is None


def test_nothing_of_the_repository_is_run(repository: Path) -> None:
    """A repository's own configuration can name programs: none is started."""
    ran = repository.parent / "ran"
    script = repository / ".git" / "evil"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n", encoding="utf-8")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "core.hooksPath"):
        git(repository, "config", name, str(script))
    head_commit(repository)
    assert not ran.exists()


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 20), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no")],
)
def test_git_that_does_not_answer(repository: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """A commit is worth having, and no reason to fail."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert head_commit(repository) is None


def test_git_sees_no_secret_of_the_process(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that git is told to start by its user's configuration finds what git needs, and nothing else."""
    git(repository, "config", "filter.spy.clean", f"env > '{repository}/.git/seen'; cat")
    (repository / ".gitattributes").write_text("*.yaml filter=spy\n", encoding="utf-8")
    (repository / "manifests" / "a.yaml").write_text("a: 3\n", encoding="utf-8")
    for name in ("AZURE_CLIENT_SECRET", "PACKAGES_SAS", "RECONCILER_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "CANARY")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/nowhere")
    head_commit(repository)
    seen = (repository / ".git" / "seen").read_text()
    assert "CANARY" not in seen
    assert "GIT_CEILING_DIRECTORIES=/nowhere\n" in seen
