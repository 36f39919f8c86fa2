"""What a commit declares: the same whether the files that it has in common with the run are read again or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reconciler import filesystem
from reconciler.history.carried import Present
from reconciler.history.git import Repository
from reconciler.history.past import History
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, survey
from tests.kit.cli import Workspace, annotated, application, as_yaml, changed, commit, gallery, git, named, version
from tests.kit.clock import START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reconciler.history.past import Past
    from reconciler.manifests.estate import Survey


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a repository with a project, its environments, scripts and a few resources."""
    made = Workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "--quiet")
    made.project(environments={"dev": {"paths": ["only/dev"], "overlay": "over/dev"}, "prod": {"paths": ["only/prod"]}})
    made.file("manifests/gallery.yaml", as_yaml(gallery()))
    made.file("manifests/two.yaml", as_yaml(application(), application("other")))
    made.file("manifests/v.yaml", as_yaml(_with_script(version())))
    made.file("manifests/other.yaml", as_yaml(version(of="other"), version("2.0.0", of="other")))
    made.file("manifests/scripts/install.sh", "one\n")
    made.file("only/dev/v.yaml", as_yaml(version("3.0.0")))
    made.file("only/prod/v.yaml", as_yaml(version("4.0.0")))
    made.file("over/dev/v.yaml", as_yaml(_patch(version(), excludeFromLatest=True)))
    made.file("manifests/README.md", "No manifest.\n")
    commit(tmp_path)
    return made


def _with_script(made: Any) -> Any:
    return changed(made, "properties.publishingProfile.manageActions.install", {"$file": "scripts/install.sh"})


def _patch(made: Any, **profile: Any) -> Any:
    spec = {"properties": {"publishingProfile": profile}}
    return {"apiVersion": made["apiVersion"], "kind": made["kind"], "metadata": made["metadata"], "spec": spec}


def _edit_nothing(work: Workspace) -> None:
    work.file("notes.txt", "Nothing.\n")


def _edit_one(work: Workspace) -> None:
    work.file("manifests/gallery.yaml", as_yaml(gallery(description="New")))


def _edit_the_script(work: Workspace) -> None:
    work.file("manifests/scripts/install.sh", "two\n")


def _name_another_script(work: Workspace) -> None:
    work.file("manifests/scripts/new.sh", "three\n")
    made = changed(version(), "properties.publishingProfile.manageActions.install", {"$file": "scripts/new.sh"})
    work.file("manifests/v.yaml", as_yaml(made))


def _add_beside(work: Workspace) -> None:
    work.file("manifests/deep/er/new.yml", as_yaml(version("5.0.0", of="other")))


def _delete_one(work: Workspace) -> None:
    (work.folder / "manifests" / "other.yaml").unlink()


def _move_one(work: Workspace) -> None:
    (work.folder / "manifests" / "other.yaml").rename(work.folder / "manifests" / "z.yaml")


def _lift_a_wave(work: Workspace) -> None:
    work.file("manifests/gallery.yaml", as_yaml(annotated(gallery(), wave="2")))


def _edit_the_project(work: Workspace) -> None:
    work.project(defaults={"tags": {"team": "endpoint"}}, environments={"dev": {"paths": ["only/dev"]}})


def _put_a_project_nearer(work: Workspace) -> None:
    work.file("manifests/reconciler.yaml", (work.folder / "reconciler.yaml").read_text().replace("endpoint", "nearer"))


def _edit_the_overlay(work: Workspace) -> None:
    work.file("over/dev/v.yaml", as_yaml(_patch(version(), replicaCount=4)))


def _add_to_the_overlay(work: Workspace) -> None:
    work.file("over/dev/more.yaml", as_yaml(_patch(version(of="other"), replicaCount=4)))


def _empty_an_environment(work: Workspace) -> None:
    work.file("only/dev/v.yaml", as_yaml(version("3.1.0")))


def _declare_twice(work: Workspace) -> None:
    work.file("manifests/again.yaml", as_yaml(named(gallery(), "again")))


def _make_a_mistake(work: Workspace) -> None:
    work.file("manifests/gallery.yaml", as_yaml(changed(gallery(), "location", 3)))


def _break_a_name(work: Workspace) -> None:
    work.file("manifests/odd.YAML", "a: 1\n")
    work.file("manifests/folder.yaml/x.txt", "a: 1\n")


def _be_strict_about_a_slip(work: Workspace) -> None:
    work.file("manifests/new.yaml", as_yaml(version(of="agnet")))


EDITS = [
    _edit_nothing,
    _edit_one,
    _edit_the_script,
    _name_another_script,
    _add_beside,
    _delete_one,
    _move_one,
    _lift_a_wave,
    _edit_the_project,
    _put_a_project_nearer,
    _edit_the_overlay,
    _add_to_the_overlay,
    _empty_an_environment,
    _declare_twice,
    _make_a_mistake,
    _break_a_name,
    _be_strict_about_a_slip,
]
PATHS: list[tuple[str, ...]] = [
    ("manifests",),
    (".",),
    ("manifests/v.yaml", "manifests/two.yaml"),
    ("only", "manifests"),
]


def _surveyed(options: Options) -> Survey:
    return survey(options, packaged(), START)


def _at(options: Options, commit_id: str, found: Survey | None) -> Past:
    present = Present(found.desired, found.sources, found.project, options.environment) if found else None
    return History(options, packaged(), START, present).at(commit_id)


def _facts(past: Past) -> Any:
    """Return everything that a commit declares, without what finds a line again."""
    plain = {
        key: (replace(item, locate=_nowhere, trace=None), item.unset, item.digest) for key, item in past.desired.items()
    }
    return plain, past.problems, past.new


def _nowhere(_: object) -> tuple[int, int]:
    return 1, 1


@pytest.mark.parametrize("paths", [PATHS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in PATHS[1:])])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__.strip("_"))
def test_a_commit_declares_the_same(work: Workspace, edit: Callable[[Workspace], None], paths: tuple[str, ...]) -> None:
    """Before the edit, seen from after it; and after it, seen from before; with an environment and without one."""
    every = [Options(paths=paths, environment=environment) for environment in (None, "dev")]
    first, before = git(work.folder, "rev-parse", "HEAD"), [_surveyed(options) for options in every]
    edit(work)
    second, after = commit(work.folder), [_surveyed(options) for options in every]
    for founds, other in ((before, second), (after, first)):
        for options, found in zip(every, founds, strict=True):
            if not found.problems:
                assert _facts(_at(options, other, found)) == _facts(_at(options, other, None))


def test_what_did_not_change_is_not_read(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the edited manifest, and the file that it names, are asked of git; the other resources are the run's own."""
    found = _surveyed(Options(paths=("manifests",)))
    first = git(work.folder, "rev-parse", "HEAD")
    work.file("manifests/v.yaml", as_yaml(_with_script(version(replicaCount=2))))
    commit(work.folder)
    now = _surveyed(Options(paths=("manifests",)))
    asked: list[str] = []
    contents = Repository.contents

    def watched(self: Repository, commit_id: str, blobs: Any) -> Iterator[Any]:
        asked.extend(blob.path for blob in blobs)
        yield from contents(self, commit_id, blobs)

    monkeypatch.setattr(Repository, "contents", watched)
    past = _at(Options(paths=("manifests",)), first, now)
    assert set(asked) - {"reconciler.yaml"} == {
        "manifests/v.yaml",
        "manifests/scripts/install.sh",
        "only/dev/v.yaml",
        "only/prod/v.yaml",
        "over/dev/v.yaml",
    }
    mine = {item.key: item for item in now.desired}
    edited = [key for key, item in past.desired.items() if mine[key] is not item]
    assert [past.desired[key].body for key in edited] == [
        item.body for item in found.desired if item.address == "GalleryApplicationVersion/agent-1.0.0"
    ]
    assert filesystem.is_there(work.folder / "manifests")
