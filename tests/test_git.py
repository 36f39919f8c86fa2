"""Which commit the manifests are of; git is asked and never obeyed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from reconciler.errors import UsageError
from reconciler.shell.git import head_commit, unpack
from tests.cli.support import git

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 20)])
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


def unpacked(repository: Path, *below: str) -> dict[str, bytes]:
    """Unpack HEAD and give what is in the folder."""
    into = repository / ".git" / "into"
    into.mkdir(exist_ok=True)
    unpack(repository, git(repository, "rev-parse", "HEAD"), below, into)
    return {path.relative_to(into).as_posix(): path.read_bytes() for path in into.rglob("*") if not path.is_dir()}


def test_unpacking(repository: Path) -> None:
    """Files as they were committed, byte for byte, below the paths that are wanted and nowhere else."""
    (repository / "manifests" / "é b.yaml").write_bytes(b"\0\r\n\xff\n\n")
    (repository / "manifests" / "empty.yaml").write_bytes(b"")
    (repository / "other.yaml").write_text("", encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "two")
    (repository / "manifests" / "a.yaml").write_text("uncommitted", encoding="utf-8")
    manifests = {"manifests/a.yaml": b"a: 1\n", "manifests/é b.yaml": b"\0\r\n\xff\n\n", "manifests/empty.yaml": b""}
    assert unpacked(repository, "manifests", "missing") == manifests
    assert unpacked(repository) == {**manifests, "other.yaml": b""}


def test_links_are_not_unpacked(repository: Path) -> None:
    """Whatever is written later would be written where they lead."""
    (repository / "manifests" / "link.yaml").symlink_to("/etc/passwd")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "two")
    assert list(unpacked(repository)) == ["manifests/a.yaml"]


def test_trees_that_git_does_not_make(repository: Path) -> None:
    """A path that leads out of the folder is passed over."""
    blob = git(repository, "rev-parse", "HEAD:manifests/a.yaml")
    evil = tree(repository, f"100644 blob {blob}\tevil.yaml\n")
    outer = tree(repository, f"040000 tree {evil}\t..\n100644 blob {blob}\tgood.yaml\n")
    commit = git(repository, "commit-tree", outer, "-m", "evil")
    git(repository, "reset", "--quiet", "--soft", commit)
    assert list(unpacked(repository)) == ["good.yaml"]
    assert not (repository / ".git" / "evil.yaml").exists()


def tree(repository: Path, entries: str) -> str:
    """Make a tree object, whatever is in it."""
    done = subprocess.run(["git", "mktree"], cwd=repository, input=entries, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_objects_that_are_not_here(repository: Path) -> None:
    """A clone that lacks them says so; nothing is fetched."""
    blob = git(repository, "rev-parse", "HEAD:manifests/a.yaml")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(UsageError, match="fetch more of its history"):
        unpacked(repository)
    with pytest.raises(UsageError, match="fetch more of its history"):
        unpack(repository, "0" * 40, (), repository)
