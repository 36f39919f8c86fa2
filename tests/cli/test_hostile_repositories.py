"""
Repositories whose authors would run a program where the reconciler asks git, or tell another history than the true one.

Each plants a program that leaves a mark. Every command that touches git runs over each: no mark appears, and edits are
compared with what was committed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.kit.cli import application, changed, codes, commit, definition, estate, gallery, git, resource, version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Workspace

INSTALL: Final = "properties.publishingProfile.manageActions.install"
PROGRAMS: Final = (
    "core.fsmonitor",
    "core.pager",
    "core.editor",
    "core.sshCommand",
    "core.gitProxy",
    "core.askPass",
    "core.alternateRefsCommand",
    "core.attributesFile",
    "credential.helper",
    "diff.external",
    "diff.evil.command",
    "diff.evil.textconv",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "gpg.program",
    "gpg.ssh.program",
    "merge.evil.driver",
    "pager.ls-tree",
    "pager.cat-file",
    "pager.rev-parse",
    "sequence.editor",
    "uploadpack.packObjectsHook",
)
"""Settings that name a program."""
ATTRIBUTES: Final = "* filter=evil diff=evil merge=evil\n"


class Hostile:
    """A repository to be spoiled: its first commit, on main, is published; HEAD edits a script, which Azure refuses."""

    def __init__(self, work: Workspace, mark: Path) -> None:
        """Commit twice, and write the program."""
        self.work, self.top, self.mark = work, work.folder, mark
        self.program = mark.parent / "evil"
        self.program.write_text(f"#!/bin/sh\ntouch '{mark}'\n", encoding="utf-8")
        self.program.chmod(0o755)
        self.search = os.environ["PATH"]
        work.state(*estate())
        git(self.top, "init", "--quiet", "--initial-branch=main")
        self.published = commit(self.top)
        git(self.top, "switch", "--quiet", "--create", "branch")
        work.add(changed(version(), INSTALL, "sh other.sh"))
        self.edited = commit(self.top)

    def configure(self, *settings: tuple[str, str], repository: Path | None = None) -> None:
        """Set what names a program, and other settings."""
        for name, value in (*((name, str(self.program)) for name in PROGRAMS), *settings):
            git(repository or self.top, "config", name, value)

    def hooks(self, folder: Path) -> None:
        """Plant every hook that there may be."""
        folder.mkdir(exist_ok=True)
        for name in ("reference-transaction", "post-index-change", "post-checkout", "fsmonitor-watchman", "pre-commit"):
            shutil.copy(self.program, folder / name)


def bare_repository_in_path(hostile: Hostile) -> None:
    """A pull request may add a folder that looks like a repository; here it holds a history with the script edited."""
    other = hostile.mark.parent / "other"
    shutil.copytree(hostile.top / ".git", other)
    git(other, "update-ref", "refs/heads/main", hostile.edited)
    hostile.configure(("core.bare", "false"), ("core.worktree", "."), repository=other)
    for name in ("HEAD", "config", "objects", "refs", "packed-refs", "index"):
        if (other / name).is_dir():
            shutil.copytree(other / name, hostile.work.manifests / name)
        elif (other / name).exists():
            shutil.copy(other / name, hostile.work.manifests / name)
    (hostile.work.manifests / ".gitattributes").write_text(ATTRIBUTES, encoding="utf-8")
    commit(hostile.top)


def bare_repository_at_the_top(hostile: Hostile) -> None:
    """Beside ``.git``, too."""
    bare_repository_in_path(hostile)
    for name in ("HEAD", "config", "objects", "refs", "index"):
        shutil.move(hostile.work.manifests / name, hostile.top / name)
    commit(hostile.top)


def filters(hostile: Hostile) -> None:
    """Filters, text conversions and drivers that an attribute chooses."""
    (hostile.top / ".gitattributes").write_text(ATTRIBUTES, encoding="utf-8")
    commit(hostile.top)
    hostile.configure(("filter.evil.required", "true"))


def included_settings(hostile: Hostile) -> None:
    """Settings that are part of what is committed, where the clone was told to include them."""
    for name in PROGRAMS:
        git(hostile.top, "config", "--file", ".gitconfig", name, str(hostile.program))
    (hostile.top / ".gitattributes").write_text(ATTRIBUTES, encoding="utf-8")
    commit(hostile.top)
    git(hostile.top, "config", "include.path", "../.gitconfig")


def hooks(hostile: Hostile) -> None:
    """Hooks, in their place and in another that a setting names."""
    hostile.hooks(hostile.top / ".git" / "hooks")
    hostile.hooks(hostile.top / "hooks")
    commit(hostile.top)
    hostile.configure(("core.hooksPath", str(hostile.top / "hooks")))


def alternates(hostile: Hostile) -> None:
    """Objects that are borrowed from a folder of the work tree."""
    borrowed = hostile.top / "borrowed" / "objects"
    shutil.copytree(hostile.top / ".git" / "objects", borrowed)
    commit(hostile.top)
    (hostile.top / ".git" / "objects" / "info" / "alternates").write_text(f"{borrowed}\n", encoding="utf-8")
    hostile.configure()


def replaced_history(hostile: Hostile) -> None:
    """A reference that puts the edited commit in the place of the published one, and a graft."""
    (hostile.top / ".git" / "info").mkdir(exist_ok=True)
    git(hostile.top, "replace", "--force", f"{hostile.published}^{{tree}}", f"{hostile.edited}^{{tree}}")
    (hostile.top / ".git" / "info" / "grafts").write_text(f"{hostile.edited}\n", encoding="utf-8")
    hostile.configure()


def linked_worktree(hostile: Hostile) -> None:
    """The working folder is a worktree of a repository with settings of its own for it."""
    repository = hostile.mark.parent / "repository"
    shutil.move(hostile.top / ".git", repository)
    tree = repository / "worktrees" / "work"
    tree.mkdir(parents=True)
    for name, text in (("HEAD", "ref: refs/heads/branch"), ("commondir", "../.."), ("gitdir", f"{hostile.top}/.git")):
        (tree / name).write_text(f"{text}\n", encoding="utf-8")
    shutil.copy(repository / "index", tree / "index")
    (hostile.top / ".git").write_text(f"gitdir: {tree}\n", encoding="utf-8")
    hostile.configure(("extensions.worktreeConfig", "true"))
    shutil.copy(repository / "config", tree / "config.worktree")


def submodules(hostile: Hostile) -> None:
    """Modules whose updates are programs, and whose address is one."""
    address = f"ext::{hostile.program}"
    text = f'[submodule "x"]\n\tpath = manifests/x\n\turl = {address}\n\tupdate = !{hostile.program}\n'
    (hostile.top / ".gitmodules").write_text(text, encoding="utf-8")
    git(hostile.top, "update-index", "--add", "--cacheinfo", f"160000,{hostile.edited},manifests/x")
    git(hostile.top, "commit", "--quiet", "--message", "module")
    hostile.configure(
        ("submodule.x.update", f"!{hostile.program}"),
        ("submodule.x.url", address),
        ("submodule.recurse", "true"),
        ("fetch.recurseSubmodules", "true"),
    )


def remotes(hostile: Hostile) -> None:
    """Remotes that are programs, allowed by settings."""
    hostile.configure(
        ("remote.origin.url", f"ext::{hostile.program}"),
        ("remote.origin.vcs", "ext"),
        ("protocol.allow", "always"),
        ("protocol.ext.allow", "always"),
    )


def other_environment(hostile: Hostile) -> None:
    """Variables that lead git elsewhere, as a hook that starts the reconciler has them set."""
    other = hostile.mark.parent / "other"
    shutil.copytree(hostile.top / ".git", other)
    git(other, "update-ref", "refs/heads/main", hostile.edited)
    hostile.configure(repository=other)
    os.environ |= {
        "GIT_DIR": str(other),
        "GIT_WORK_TREE": str(hostile.mark.parent),
        "GIT_INDEX_FILE": str(other / "index"),
        "GIT_EXTERNAL_DIFF": str(hostile.program),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": str(hostile.program),
        "GIT_EXEC_PATH": str(hostile.mark.parent),
    }


def program_in_the_working_folder(hostile: Hostile) -> None:
    """A git of the repository's own, where PATH names the working folder, in each possible way."""
    shutil.copy(hostile.program, hostile.top / "git")
    commit(hostile.top)
    hostile.search = os.pathsep.join((".", "", str(hostile.top), "manifests/..", hostile.search))


CORPUS: Final[dict[str, Callable[[Hostile], None]]] = {
    made.__name__: made
    for made in (
        bare_repository_in_path,
        bare_repository_at_the_top,
        filters,
        included_settings,
        hooks,
        alternates,
        replaced_history,
        linked_worktree,
        submodules,
        remotes,
        other_environment,
        program_in_the_working_folder,
    )
}


@pytest.fixture
def hostile(work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hostile:
    """Return a repository to be spoiled. Only the reconciler sees what is done to the environment; it is undone."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return Hostile(work, tmp_path / "mark")


@pytest.mark.parametrize("spoil", CORPUS.values(), ids=list(CORPUS))
def test_no_program_is_run_and_the_true_history_is_read(
    hostile: Hostile, azure: Azure, report: Reporting, run: Command, spoil: Callable[[Hostile], None]
) -> None:
    """Over every command; the edit of a published script is refused, and HEAD is the commit of what is applied."""
    spoil(hostile)
    head = git(hostile.top, "rev-parse", "HEAD")
    hostile.mark.unlink(missing_ok=True)
    os.environ["PATH"] = hostile.search
    for revision in ("main", hostile.published):
        assert codes(report("validate", "--against", revision, code=1)) == ["immutable-field"]
    azure.seed(gallery(), application(), changed(version(), INSTALL, "sh other.sh"))
    selected = report("plan", "--changed-since", "main")["resources"]
    assert [item["kind"] for item in selected if item["source"]] == ["GalleryApplicationVersion"]
    report("apply")
    assert azure.tags(definition())["reconciler-commit"] == head
    azure.edit(definition(), "properties.displayName", "Elsewhere")
    assert resource(report("drift", "--detailed-exitcode", code=2), definition())["cause"] == "drift"
    for arguments in (
        ("run", "--once", "--report-only"),
        ("snapshot", "--out", "../live"),
        ("apply", "--only", "drift"),
    ):
        run(*arguments)
    assert azure.stored(definition())["properties"]["displayName"] != "Elsewhere"
    assert not hostile.mark.exists()


def test_a_promise_is_not_kept_by_a_program(hostile: Hostile, report: Reporting, run: Command) -> None:
    """What a partial clone left out is not fetched from a remote that is a program, or that starts one."""
    blob = git(hostile.top, "rev-parse", "main:manifests/GalleryApplicationVersion-agent-1.0.0.yaml")
    (hostile.top / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for address in (f"ext::{hostile.program}", f"file://{hostile.top}/.git", f"ssh://{hostile.program}/x"):
        hostile.configure(
            ("core.repositoryFormatVersion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.promisor", "true"),
            ("remote.origin.url", address),
            ("remote.origin.uploadpack", str(hostile.program)),
            ("protocol.ext.allow", "always"),
            ("protocol.file.allow", "always"),
        )
        hostile.mark.unlink(missing_ok=True)
        assert run("validate", "--against", "main").code == 64
        report("plan")
        assert not hostile.mark.exists()


def test_a_repository_that_git_does_not_trust(
    hostile: Hostile, run: Command, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git's own reason is told, its user may lift it, and an apply goes on without a commit."""
    if os.geteuid() != 0:
        pytest.skip("only root makes files of another user")
    for path in (hostile.top, hostile.top / ".git"):
        os.chown(path, 12345, 12345)
    refused = run("validate", "--against", "main")
    assert refused.code == 64
    assert "dubious ownership" in refused.err
    assert str(hostile.top) in refused.err
    azure.seed(gallery(), application(), version())
    assert run("apply", "--target", "ApplicationDefinition/*").code == 0
    assert "reconciler-commit" not in azure.tags(definition())
    settings = hostile.mark.parent / "settings"
    settings.write_text(f"[safe]\n\tdirectory = {hostile.top}\n", encoding="utf-8")
    os.environ["GIT_CONFIG_GLOBAL"] = str(settings)
    assert run("validate", "--against", "main").code == 1
    del os.environ["GIT_CONFIG_GLOBAL"]
    assert run("validate", "--against", "main").code == 64
    for name, value in (("COUNT", "1"), ("KEY_0", "safe.directory"), ("VALUE_0", str(hostile.top))):
        os.environ[f"GIT_CONFIG_{name}"] = value
    assert run("validate", "--against", "main").code == 1


def test_no_git(hostile: Hostile, run: Command) -> None:
    """Where no program is, that is said, and not that there is no repository."""
    os.environ["PATH"] = str(hostile.mark.parent)
    refused = run("validate", "--against", "main")
    assert refused.code == 64
    assert "PATH" in refused.err


def test_a_tree_bomb(hostile: Hostile, run: Command, azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of a few objects that names a million files, or nothing at all a million times over, is refused."""
    monkeypatch.setattr("reconciler.history.git.MAX_LISTING", 2**20)
    blob = git(hostile.top, "rev-parse", "main:manifests/Gallery-tools.yaml")
    empty = made(hostile.top, "")
    for bomb in (made(hostile.top, *(f"100644 blob {blob}\t{number}.yaml" for number in range(30))), empty):
        tree = bomb
        for _ in range(7):
            tree = made(hostile.top, *(f"040000 tree {tree}\t{number}" for number in range(10)))
        root = made(hostile.top, f"040000 tree {tree}\tmanifests")
        parent = git(hostile.top, "commit-tree", root, "-p", "main", "-m", "bomb")
        kept = git(hostile.top, "rev-parse", "branch^{tree}")
        git(hostile.top, "update-ref", "HEAD", git(hostile.top, "commit-tree", kept, "-p", parent, "-m", "edit"))
        refused = run("validate", "--against", parent)
        assert refused.code == 64
        assert parent[:12] in refused.err
        git(hostile.top, "update-ref", "HEAD", parent)
        azure.seed(gallery(), application(), version())
        assert run("plan").code in {0, 1}
        git(hostile.top, "update-ref", "HEAD", hostile.edited)


def made(top: Path, *entries: str) -> str:
    """Make a tree object with any entries, also such as git would refuse to add."""
    text = "".join(f"{entry}\n" for entry in entries if entry)
    done = subprocess.run(["git", "mktree"], cwd=top, input=text, check=True, capture_output=True, text=True)
    return done.stdout.strip()
