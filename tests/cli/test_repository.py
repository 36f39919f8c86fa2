"""The loop with a repository of its own: which commits it takes, and what a bad one does to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.kit.cli import (
    Azure,
    Workspace,
    as_yaml,
    codes,
    commit,
    definition,
    finish,
    gallery,
    git,
    project,
    resource,
    start,
    until,
)
from tests.kit.disk import no_room

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting

REJECTED: Final = "source-rejected"


class Estate:
    """A repository somewhere else, whose branch main the loop follows."""

    def __init__(self, folder: Path) -> None:
        """Begin without a commit."""
        self.folder = folder
        folder.mkdir()
        git(folder, "init", "--quiet", "--initial-branch=main")

    def commit(
        self, *manifests: dict[str, Any], spec: dict[str, Any] | None = None, settings: tuple[str, ...] = ()
    ) -> str:
        """Let the manifests be these, and return the commit."""
        shutil.rmtree(self.folder / "manifests", ignore_errors=True)
        self.write("manifests/all.yaml", as_yaml(*manifests))
        if spec is not None:
            self.write("reconciler.yaml", as_yaml(project(**spec)))
        return self.record(*settings)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def record(self, *settings: str) -> str:
        """Commit everything, and return the commit."""
        if not settings:
            return commit(self.folder)
        git(self.folder, "add", "--all")
        git(self.folder, *settings, "commit", "--quiet", "--allow-empty", "-S", "-m", "signed")
        return git(self.folder, "rev-parse", "HEAD")


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Return a repository without a commit."""
    return Estate(tmp_path / "estate")


@pytest.fixture
def once(work: Workspace, estate: Estate, report: Reporting) -> Reporting:
    """Return one round over the repository; each is a process of its own."""

    def command(*arguments: str, code: int = 0) -> dict[str, Any]:
        return report("run", "--once", "--git-repo", str(estate.folder), "--git-ref", "main", *arguments, code=code)

    return command


def rejection(report: dict[str, Any]) -> dict[str, Any]:
    """Return the one warning that a commit is not taken."""
    (found,) = [each for each in report["warnings"] if each["code"] == REJECTED]
    assert found["fix"] is not None
    return dict(found)


def test_commits_are_taken(estate: Estate, once: Reporting, azure: Azure, work: Workspace) -> None:
    """The manifests are those of the newest commit, under the names that they have in the repository."""
    first = estate.commit(gallery(), spec={})
    report = once()
    assert report["commit"] == first
    assert report["project"] == "endpoint"
    assert resource(report, gallery())["source"]["file"] == "manifests/all.yaml"
    assert azure.holds(gallery())
    second = estate.commit(gallery(description="new"))
    report = once("--report", "json=report.json")
    assert report["commit"] == second
    assert resource(report, gallery())["outcome"] == "succeeded"
    assert azure.stored(gallery())["tags"]["reconciler-commit"] == second
    assert json.loads((work.folder / "report.json").read_text("utf-8"))["commit"] == second
    assert codes(once(), "warnings") == []
    (mirror,) = (work.folder / ".reconciler").glob("git-*")
    assert [path.name for path in (mirror / "trees").iterdir()] == [second]


def test_causes_are_known(estate: Estate, once: Reporting, azure: Azure) -> None:
    """A report tells drift from pending edits by the copy of the repository."""
    estate.commit(gallery(description="ours"), spec={})
    once()
    azure.edit(gallery(), "properties.description", "theirs")
    drifted = once("--report-only", code=2)
    assert resource(drifted, gallery())["cause"] == "drift"
    azure.edit(gallery(), "properties.description", "ours")
    estate.commit(gallery(description="newer"))
    pending = once("--report-only", code=2)
    assert resource(pending, gallery())["cause"] == "pending"


def test_another_folder(estate: Estate, once: Reporting, azure: Azure) -> None:
    """Of the repository, with the project file in it or above."""
    estate.write("prod/azure/all.yaml", as_yaml(gallery()))
    estate.write("prod/reconciler.yaml", as_yaml(project("prod")))
    estate.write("prod/azure/.hidden.yaml", "kind: [")
    estate.write("other/wrong.yaml", "kind: [")
    estate.record()
    report = once("--git-path", "prod/azure/")
    assert report["project"] == "prod"
    assert resource(report, gallery())["source"]["file"] == "prod/azure/all.yaml"
    assert azure.holds(gallery())


def test_wrong_manifests(estate: Estate, once: Reporting, azure: Azure) -> None:
    """The last good commit stays in force, and goes on to correct drift; the next good one is taken."""
    wrong = estate.commit({**gallery(), "spec": {}}, spec={})
    none_yet = once(code=1)
    assert codes(none_yet)[0] == REJECTED
    assert len(codes(none_yet)) > 1
    assert none_yet["commit"] is None
    good = estate.commit(gallery(description="ours"))
    assert once()["commit"] == good
    wrong = estate.commit({**gallery(), "spec": {}})
    azure.edit(gallery(), "properties.description", "theirs")
    report = once()
    assert report["commit"] == good
    assert wrong[:12] in rejection(report)["message"]
    assert azure.stored(gallery())["properties"]["description"] == "ours"
    better = estate.commit(gallery(description="better"))
    report = once()
    assert (report["commit"], codes(report, "warnings")) == (better, [])


def test_a_rewind(estate: Estate, once: Reporting, azure: Azure) -> None:
    """Only descendants of the commit in force are taken, also by another process, unless the operator allows more."""
    estate.commit(gallery(description="first"), spec={})
    second = estate.commit(gallery(description="second"))
    once()
    git(estate.folder, "reset", "--quiet", "--hard", "HEAD~1")
    for _ in range(2):
        report = once()
        assert report["commit"] == second
        assert rejection(report)
    other = estate.commit(gallery(description="other"))
    assert once()["commit"] == second
    assert azure.stored(gallery())["properties"]["description"] == "second"
    assert once("--allow-rewind")["commit"] == other
    assert codes(once(), "warnings") == []


def test_a_rewind_after_the_copy_was_lost(estate: Estate, once: Reporting, work: Workspace) -> None:
    """The record of the commit in force is not in the copy; a copy that git cannot read is made again."""
    estate.commit(gallery(description="first"), spec={})
    second = estate.commit(gallery(description="second"))
    once()
    (mirror,) = (work.folder / ".reconciler").glob("git-*/mirror.git")
    (mirror / "HEAD").unlink()
    assert once()["commit"] == second
    shutil.rmtree(mirror)
    git(estate.folder, "reset", "--quiet", "--hard", "HEAD~1")
    report = once()
    assert report["commit"] == second
    assert rejection(report)


def test_a_repository_that_is_gone(estate: Estate, once: Reporting, azure: Azure) -> None:
    """The commit in force stays, and corrects drift."""
    good = estate.commit(gallery(description="ours"), spec={})
    once()
    estate.folder.rename(estate.folder.with_name("moved"))
    azure.edit(gallery(), "properties.description", "theirs")
    report = once()
    assert report["commit"] == good
    assert rejection(report)
    assert azure.stored(gallery())["properties"]["description"] == "ours"


def test_a_repository_that_never_was(once: Reporting) -> None:
    """Is an error: there is nothing to report on."""
    report = once(code=1)
    assert (codes(report), report["resources"]) == ([REJECTED], [])


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("manifests/more.yaml", "all.yaml"),
        ("manifests/more", "../elsewhere"),
        ("manifests/more", "/etc"),
        ("manifests/more", "../.."),
        ("reconciler.yaml", "elsewhere/b.yaml"),
    ],
)
def test_links(estate: Estate, once: Reporting, link: str, target: str) -> None:
    """One through which a manifest or the project file would be read rejects the commit; others are left out."""
    estate.write("elsewhere/b.yaml", as_yaml(definition()))
    (estate.folder / "manifests").mkdir()
    (estate.folder / "manifests" / "README").symlink_to("../elsewhere/b.yaml")
    (estate.folder / "current").symlink_to("elsewhere")
    estate.write("manifests/all.yaml", as_yaml(gallery()))
    good = estate.record()
    assert once()["commit"] == good
    (estate.folder / link).symlink_to(target)
    estate.record()
    report = once()
    assert report["commit"] == good
    assert link in rejection(report)["message"]


def test_the_folder_itself_is_a_link(estate: Estate, once: Reporting) -> None:
    """Or a folder above it."""
    estate.write("elsewhere/manifests/all.yaml", as_yaml(gallery()))
    (estate.folder / "manifests").symlink_to("elsewhere/manifests")
    estate.record()
    assert codes(once(code=1)) == [REJECTED]
    assert codes(once("--git-path", "manifests/below", code=1)) == [REJECTED]


def test_nothing_of_the_repository_is_run(estate: Estate, once: Reporting, azure: Azure, tmp_path: Path) -> None:
    """No hook, filter, fsmonitor, submodule, replacement or helper of it; nor of the user's settings."""
    witness = tmp_path / "witness"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 $* >> {witness}\ncat\n", encoding="utf-8")
    program.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    settings = (
        f'[core]\n fsmonitor = "{program}"\n hooksPath = "{tmp_path}/hooks"\n[filter "x"]\n smudge = {program}\n'
        f" clean = cat\n required = true\n[credential]\n helper = {program}\n[alias]\n fetch = !{program}\n"
        f'[uploadpack]\n packObjectsHook = {program}\n[url "{tmp_path}/other"]\n insteadOf = {estate.folder}\n'
    )
    (home / ".gitconfig").write_text(settings, encoding="utf-8")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-merge", "pre-auto-gc"):
        shutil.copy(program, hooks / name)
    first = estate.commit(gallery(description="first"), spec={})
    estate.write(".gitattributes", "*.yaml filter=x\n")
    estate.write(".gitmodules", f'[submodule "s"]\n path = s\n url = "ext::{program}"\n')
    git(estate.folder, "update-index", "--add", "--cacheinfo", f"160000,{first},s")
    second = estate.commit(gallery(description="second"))
    git(estate.folder, "replace", second, first)
    for key, value in (("core.fsmonitor", program), ("core.hooksPath", hooks), ("filter.x.smudge", program)):
        git(estate.folder, "config", key, str(value))
    patched = pytest.MonkeyPatch()
    with patched.context() as patch:
        patch.setenv("HOME", str(home))
        report = once()
    assert report["commit"] == second
    assert azure.stored(gallery())["properties"]["description"] == "second"
    assert not witness.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--git-repo", "http://example.net/estate.git", "--git-ref", "main"),
        ("--git-repo", "git://example.net/estate.git", "--git-ref", "main"),
        ("--git-repo", "ext::sh -c id", "--git-ref", "main"),
        ("--git-repo", "git@example.net:estate.git", "--git-ref", "main"),
        ("--git-repo", "file://elsewhere/estate", "--git-ref", "main"),
        ("--git-repo", "ssh://-oProxyCommand=id/estate", "--git-ref", "main"),
        ("--git-repo", "https://user:CANARY@example.net/estate.git", "--git-ref", "main"),
        ("--git-repo", "estate", "--git-ref", "main"),
        ("--git-repo", "--upload-pack=id", "--git-ref", "main"),
        ("--git-repo", "/srv/estate"),
        ("--git-repo", "/srv/estate", "--git-ref", "--upload-pack=id"),
        ("--git-repo", "/srv/estate", "--git-ref", "a..b"),
        ("--git-repo", "/srv/estate", "--git-ref", "main", "manifests"),
        ("--git-repo", "/srv/estate", "--git-ref", "main", "--git-path", "../x"),
        ("--git-repo", "/srv/estate", "--git-ref", "main", "--config", "/x/reconciler.yaml"),
        ("--git-repo", "/srv/estate", "--git-ref", "main", "--require-signed", "head"),
        ("--git-repo", "/srv/estate", "--git-ref", "main", "--require-signed", "head", "--allowed-signers", "no"),
        ("--git-repo", "/srv/estate", "--git-ref", "main", "--allowed-signers", "no"),
        ("--git-ref", "main"),
        ("--git-path", "x"),
        ("--allow-rewind",),
        ("--require-signed", "range"),
    ],
)
def test_wrong_usage(work: Workspace, run: Command, arguments: tuple[str, ...]) -> None:
    """Before anything is fetched; no password is repeated."""
    done = run("run", "--once", *arguments)
    assert done.code == 64
    assert "CANARY" not in done.out + done.err
    assert not (work.folder / ".reconciler").exists()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a folder with two SSH keys, of which one is allowed."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("ours", "theirs"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    public = (folder / "ours.pub").read_text("utf-8").split()
    (folder / "allowed").write_text(f'me@example.com namespaces="git" {public[0]} {public[1]}\n', encoding="utf-8")
    return folder


def ssh(keys: Path, name: str) -> tuple[str, ...]:
    """Return the settings with which git signs by an SSH key."""
    return ("-c", "gpg.format=ssh", "-c", f"user.signingkey={keys / name}")


@pytest.mark.slow
def test_signed_heads(estate: Estate, once: Reporting, keys: Path) -> None:
    """A head that is unsigned, or signed by another key, is rejected; what came before it does not matter."""
    options = ("--require-signed", "head", "--allowed-signers", str(keys / "allowed"))
    estate.commit(gallery(), spec={})
    assert codes(once(*options, code=1)) == [REJECTED]
    good = estate.commit(gallery(description="a"), settings=ssh(keys, "ours"))
    assert once(*options)["commit"] == good
    estate.commit(gallery(description="b"), settings=ssh(keys, "theirs"))
    assert once(*options)["commit"] == good
    assert rejection(once(*options))
    estate.commit(gallery(description="c"))
    assert once(*options)["commit"] == good
    better = estate.commit(gallery(description="d"), settings=ssh(keys, "ours"))
    assert once(*options)["commit"] == better


def test_signed_ranges(estate: Estate, once: Reporting, keys: Path) -> None:
    """Every commit since the one in force must be signed; of the first one, only itself."""
    options = ("--require-signed", "range", "--allowed-signers", str(keys / "allowed"))
    estate.commit(gallery(), spec={})
    good = estate.commit(gallery(description="a"), settings=ssh(keys, "ours"))
    assert once(*options)["commit"] == good
    unsigned = estate.commit(gallery(description="b"))
    estate.commit(gallery(description="c"), settings=ssh(keys, "ours"))
    report = once(*options)
    assert report["commit"] == good
    assert unsigned[:12] in rejection(report)["message"]
    git(estate.folder, "reset", "--quiet", "--hard", good)
    estate.commit(gallery(description="d"), settings=ssh(keys, "ours"))
    better = estate.commit(gallery(description="e"), settings=ssh(keys, "ours"))
    assert once(*options)["commit"] == better


def test_openpgp(estate: Estate, once: Reporting, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of the keyring in GNUPGHOME are trusted; without it none is, not even those of the user's own keyring."""
    ring = Path("/tmp") / f"ring-{os.getpid()}"  # a socket's path is short
    ring.mkdir(mode=0o700)
    try:
        monkeypatch.setenv("GNUPGHOME", str(ring))
        subprocess.run(
            ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "me@example.com", "ed25519", "sign"],
            check=True,
            capture_output=True,
        )
        signed = ("-c", "gpg.format=openpgp", "-c", "user.signingkey=me@example.com")
        good = estate.commit(gallery(), spec={}, settings=signed)
        assert once("--require-signed", "head")["commit"] == good
        monkeypatch.delenv("GNUPGHOME")
        monkeypatch.setenv("HOME", str(tmp_path))
        ring.rename(tmp_path / ".gnupg")
        other = estate.commit(gallery(description="b"), settings=ssh(keys, "ours"))
        allowed = ("--require-signed", "head", "--allowed-signers", str(keys / "allowed"))
        assert once(*allowed)["commit"] == other
        git(estate.folder, "reset", "--quiet", "--hard", good)
        report = once(*allowed, "--allow-rewind")
        assert report["commit"] == other
        assert rejection(report)
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], check=False, env={**os.environ, "GNUPGHOME": str(ring)})
        shutil.rmtree(ring, ignore_errors=True)


@pytest.mark.slow
def test_a_repository_that_is_too_large(
    estate: Estate, once: Reporting, work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetching it ends early, leaves nothing behind, and the commit in force stays."""
    good = estate.commit(gallery(), spec={})
    once()
    (estate.folder / "noise").write_bytes(os.urandom(60_000_000))
    estate.record()
    monkeypatch.setattr("reconciler.cli.loop_arguments.MOST_BYTES", 1_000_000)
    report = once()
    assert report["commit"] == good
    assert rejection(report)
    left = sum(path.stat().st_size for path in (work.folder / ".reconciler").rglob("*") if path.is_file())
    assert left < 2_000_000


@pytest.mark.slow
def test_a_slow_repository(
    estate: Estate, report: Reporting, azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetch ends after its time, no git goes on after it, and the commit in force corrects drift."""
    pid = tmp_path / "pid"
    ssh = tmp_path / "ssh"
    serve = f'[ -e {tmp_path}/slow ] && echo $$ > {pid} && exec sleep 600\nfor last; do :; done\neval "exec $last"\n'
    ssh.write_text(f"#!/bin/sh\n{serve}", encoding="utf-8")
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
    options = ("run", "--once", "--git-repo", f"ssh://example.invalid{estate.folder}", "--git-ref", "main")
    good = estate.commit(gallery(description="ours"), spec={})
    report(*options)
    estate.commit(gallery(description="newer"))
    (tmp_path / "slow").touch()
    monkeypatch.setattr("reconciler.history.mirror.FETCH_S", 0.5)
    azure.edit(gallery(), "properties.description", "theirs")
    done = report(*options)
    assert done["commit"] == good
    assert rejection(done)
    assert azure.stored(gallery())["properties"]["description"] == "ours"
    until(lambda: not Path(f"/proc/{pid.read_text('utf-8').strip()}").exists())
    (tmp_path / "slow").unlink()
    monkeypatch.setattr("reconciler.history.mirror.FETCH_S", 60)
    assert codes(report(*options), "warnings") == []
    assert azure.stored(gallery())["properties"]["description"] == "newer"


@pytest.mark.slow
def test_a_full_disk(
    estate: Estate, once: Reporting, azure: Azure, run: Command, work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest commit is not taken, nothing is half written, and the commit in force corrects drift."""
    server = start("emulator", "--port", "0", folder=work.folder)
    assert server.stdout is not None
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv("RECONCILER_ENDPOINT", server.stdout.readline().strip())
    good = estate.commit(gallery(description="ours"), spec={})
    once()
    estate.commit(gallery(description="newer"))
    azure.edit(gallery(), "properties.description", "theirs")
    with no_room():
        report = once()
    assert report["commit"] == good
    assert rejection(report)
    assert set(codes(report, "warnings")) == {REJECTED, "history-unusable"}
    assert azure.stored(gallery())["properties"]["description"] == "ours"
    assert codes(once(), "warnings") == []
    assert azure.stored(gallery())["properties"]["description"] == "newer"
    assert [each["outcome"] for each in run("history", "-o", "json").report_of_any_kind["rounds"]] == ["ok", "ok"]
    server.terminate()
    finish(server)


def test_a_slow_repository_and_a_signal(work: Workspace, tmp_path: Path) -> None:
    """A fetch that hangs keeps no signal waiting, and no git goes on after it."""
    pid = tmp_path / "pid"
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ > {pid}.new\nmv {pid}.new {pid}\nexec sleep 600\n", encoding="utf-8")
    slow.chmod(0o755)
    options = ("--git-repo", "ssh://example.invalid/estate", "--git-ref", "main")
    process = start("run", *options, folder=work.folder, GIT_SSH_COMMAND=str(slow))
    until(pid.exists)
    process.send_signal(signal.SIGTERM)
    assert finish(process, 5).code == 143
    until(lambda: not Path(f"/proc/{pid.read_text('utf-8').strip()}").exists())
