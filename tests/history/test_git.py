"""Which commit the manifests are of; git is asked and never obeyed."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from reconciler.errors import UsageError
from reconciler.history.commit import commit_read
from reconciler.history.git import Repository
from reconciler.history.tree_paths import is_writable
from reconciler.manifests.load import load
from tests.kit.cli import commit, git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with one commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "a.yaml").write_text("a: 1\n", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    return tmp_path


def head_commit(*paths: Path) -> str | None:
    """Return the commit of what is loaded from *paths*."""
    return commit_read(load([str(path) for path in paths]).sources)


def test_a_clean_tree(repository: Path) -> None:
    """The commit is HEAD for every part of the tree, untracked files beside it or not."""
    head = git(repository, "rev-parse", "HEAD")
    assert len(head) == 40
    (repository / "notes.txt").write_text("", encoding="utf-8")
    manifests = repository / "manifests"
    assert head_commit(repository) == head_commit(manifests) == head_commit(manifests / "a.yaml") == head


def test_files_that_differ(repository: Path) -> None:
    """Manifests that are new, edited or deleted since HEAD belong to no commit."""
    (repository / "manifests" / "b.yaml").write_text("b: 1\n", encoding="utf-8")
    assert head_commit(repository / "manifests") is None
    commit(repository)
    assert head_commit(repository) is not None
    (repository / "manifests" / "b.yaml").write_text("b: 2\n", encoding="utf-8")
    assert head_commit(repository) is None
    assert head_commit(repository / "manifests" / "a.yaml") is not None
    (repository / "manifests" / "b.yaml").unlink()
    assert head_commit(repository) is None
    assert head_commit(repository / "manifests" / "a.yaml") is not None


def test_the_texts_that_are_named(repository: Path) -> None:
    """A script belongs to what was read."""
    script = repository / "scripts" / "x.sh"
    script.parent.mkdir()
    script.write_text("one\n", encoding="utf-8")
    (repository / "manifests" / "a.yaml").write_text("spec: {a: {$file: ../scripts/x.sh}}\n", encoding="utf-8")
    head = commit(repository)

    def found() -> str | None:
        return commit_read(load([str(repository / "manifests")], repository).sources)

    assert found() == head
    script.write_text("two\n", encoding="utf-8")
    assert found() is None


def test_line_ends_of_windows(repository: Path) -> None:
    """Git for Windows writes text with CR LF; what is read is the same."""
    (repository / "manifests" / "a.yaml").write_bytes(b"a: 1\r\n")
    assert head_commit(repository) == git(repository, "rev-parse", "HEAD")


def test_a_repository_with_longer_ids(tmp_path: Path) -> None:
    """It knows its objects by SHA-256."""
    git(tmp_path, "init", "--quiet", "--object-format=sha256")
    (tmp_path / "a.yaml").write_text("a: 1\n", encoding="utf-8")
    head = commit(tmp_path)
    assert len(head) == 64
    assert head_commit(tmp_path) == head


def test_standard_input_is_of_no_commit(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest on standard input has no commit, whichever program wrote it."""
    monkeypatch.chdir(repository)
    assert commit_read(load(["manifests", "-"], None, lambda _: b"").sources) is None
    assert commit_read(load(["manifests"]).sources) is not None


def test_no_repository(tmp_path: Path) -> None:
    """No repository, no commit; nor one without commits, or files of two."""
    (tmp_path / "a.yaml").write_text("a: 1\n", encoding="utf-8")
    assert head_commit(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: /nowhere\n", encoding="utf-8")
    assert head_commit(tmp_path) is None
    (tmp_path / ".git").unlink()
    git(tmp_path, "init", "--quiet")
    assert head_commit(tmp_path) is None
    commit(tmp_path)
    assert head_commit(tmp_path) is not None
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.yaml").write_text("b: 1\n", encoding="utf-8")
    git(other, "init", "--quiet")
    commit(other)
    assert head_commit(tmp_path) is None
    assert head_commit(other) is not None


@pytest.mark.parametrize("program", ["sleep 60", "kill -9 $$", "exit 1", "echo", "rm -rf /nonexistent; echo x; exit 3"])
def test_git_that_does_not_answer(repository: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A commit is worth having, and no reason to fail."""
    script = repository / "bin" / "git"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("reconciler.history.git.TIMEOUT_S", 0.2)
    assert head_commit(repository) is None


def test_git_sees_no_secret_of_the_process(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds what it needs in its environment, and nothing else."""
    script, seen = repository / "bin" / "git", repository / "seen"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\nenv >> '{seen}'\n", encoding="utf-8")
    script.chmod(0o755)
    for name in ("AZURE_CLIENT_SECRET", "PACKAGES_SAS", "RECONCILER_ACCESS_TOKEN", "GIT_DIR", "GIT_CONFIG_VALUE_0"):
        monkeypatch.setenv(name, "CANARY")
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    head_commit(repository)
    assert "CANARY" not in seen.read_text(encoding="utf-8")
    assert "GIT_ALLOW_PROTOCOL=\n" in seen.read_text(encoding="utf-8")


def unpacked(repository: Path, *below: str) -> dict[str, bytes]:
    """Unpack HEAD and give what is in the folder."""
    into = repository / ".git" / "into" / "-".join((*below, "all"))
    into.mkdir(parents=True)
    Repository.around(repository).unpack(git(repository, "rev-parse", "HEAD"), below, into)
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
    """A later write would follow the link out of the folder."""
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
    """Make a tree object with any entries, also such as git would refuse to add."""
    done = subprocess.run(["git", "mktree"], cwd=repository, input=entries, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_objects_that_are_not_here(repository: Path) -> None:
    """A clone that lacks them says so; nothing is fetched."""
    blob = git(repository, "rev-parse", "HEAD:manifests/a.yaml")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(UsageError, match="fetch more of its history"):
        unpacked(repository)
    with pytest.raises(UsageError, match="fetch more of its history"):
        Repository.around(repository).unpack("0" * 40, (), repository)


REPOSITORY_NAMES = (
    ".git",
    ".GIT",
    ".Git",
    ".git.",
    ".git ",
    ".git. .",
    ".git::$INDEX_ALLOCATION",
    "git~1",
    "GIT~1",
    ".g\u200cit",
)
NOT_ON_WINDOWS = (
    *("C:", "C:x", "c:/x", "a:b", "a.yaml:stream", "a.yaml::$DATA"),
    *("con", "CON.yaml", "aux", "nul.tar.gz", "COM1", "lpt9.yaml", "com\u00b9", "CONIN$", "prn .txt"),
    *("a.", "a ", "a\\b", "..\\b", "\\\\host\\share", "a?b", "a*", "a<b", 'a"b', "a|b", "a\x01b"),
)


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize("name", ["..", ".", "", *REPOSITORY_NAMES])
def test_names_that_no_tree_may_have(name: str, *, windows: bool) -> None:
    """Names that lead out of the folder or into a repository, in every spelling that a file system accepts."""
    for path in (name, f"manifests/{name}", f"{name}/config", f"/{name}"):
        assert not is_writable(path, windows=windows), path


@pytest.mark.parametrize("name", NOT_ON_WINDOWS)
def test_names_that_mean_something_else_on_windows(name: str) -> None:
    """Drives, streams, devices; elsewhere they are names as any."""
    for path in (name, f"manifests/{name}", f"{name}/x.yaml"):
        assert not is_writable(path, windows=True), path
        assert is_writable(path, windows=False) == (".." not in path.split("/")), path


@pytest.mark.parametrize(
    "path", ["a.yaml", "manifests/.gitignore", "console/x.yaml", "com/x", "é b/c.yaml", "nul-1", "a.git"]
)
def test_names_that_a_tree_may_have(path: str) -> None:
    """On every system."""
    assert is_writable(path, windows=True)
    assert is_writable(path, windows=False)


def test_a_tree_with_names_of_other_systems(repository: Path) -> None:
    """They are unpacked where they are names, and nothing of a repository is."""
    blob = git(repository, "rev-parse", "HEAD:manifests/a.yaml")
    inner = tree(repository, f"100644 blob {blob}\tconfig\n")
    names = "".join(f"040000 tree {inner}\t{name}\n" for name in (".GIT", "C:", "git~1"))
    made = git(repository, "commit-tree", tree(repository, names), "-m", "evil")
    git(repository, "reset", "--quiet", "--soft", made)
    assert list(unpacked(repository)) == ["C:/config"]
