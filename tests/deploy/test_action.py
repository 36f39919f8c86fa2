"""What others build on: the GitHub Action as its runner runs it, the hook of pre-commit, the image and its lock."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

import pytest
import yaml

from reconciler import __version__
from reconciler.manifests.yaml12 import read_documents
from reconciler.report.comment import mark
from tests.kit.forked import program
from tests.kit.repository import ROOT
from tests.kit.review import TOKEN, GitHub
from tests.kit.runner import Runner, plain_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
PACKAGE = re.compile(r"^([a-z0-9-]+)==([^\s\\]+)", re.MULTILINE)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a workspace with the manifests of this repository, which exist as they say."""
    folder = tmp_path / "work"
    copytree(ROOT / "manifests", folder / "manifests")
    return folder


@pytest.fixture
def runner(work: Path, tmp_path: Path) -> Runner:
    """Return a runner on which the reconciler is installed, as the first step of the action would have it."""
    temp = tmp_path / "runner temp"
    (temp / "reconciler").mkdir(parents=True)
    (temp / "reconciler" / "bin").symlink_to(program().parent)
    settings = {
        "RECONCILER_CLOUD": "emulator",
        "RECONCILER_EMULATOR_STATE": str(tmp_path / "arm.sqlite"),
        "RECONCILER_EMULATOR_OPERATION_SECONDS": "0",
        "RECONCILER_POLL_INTERVAL": "0.01",
    }
    return Runner(ROOT, work, temp, plain_environment(tmp_path) | settings, frozenset({"Install"}), TOKEN)


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    """Yield GitHub, with a pull request."""
    with GitHub() as host:
        yield host


def _on_pull_request(runner: Runner, github: GitHub, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": "0" * 40}}}), encoding="utf-8")
    variables = {name: value for name, value in github.variables().items() if name != "GITHUB_TOKEN"}
    runner.environment = {**runner.environment, **variables, "GITHUB_EVENT_PATH": str(event)}


def _edit(work: Path) -> None:
    file = work / "manifests" / "agent" / "1.1.0.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Count: 2", "Count: 3"), encoding="utf-8")


def test_plan_then_apply_of_that_plan(runner: Runner, work: Path) -> None:
    """Every output of a plan; its file is applied; then nothing is left to do."""
    plan = runner.use(plan_file="reviewed.plan")
    assert plan.ended == {"Run": 0}
    assert (plan.outputs["has-changes"], plan.outputs["has-drift"]) == ("true", "false")
    assert (plan.outputs["exit-code"], plan.outputs["plan-file"]) == ("0", "reviewed.plan")
    assert json.loads(plan.outputs["counts"])["create"] == 6
    assert json.loads(Path(plan.outputs["report"]).read_text(encoding="utf-8"))["summary"]["create"] == 6
    assert Path(plan.outputs["markdown"]).read_text(encoding="utf-8").startswith("### embedded ARM: 6 to create.")
    assert plan.outputs["verdict"] == "embedded ARM: 6 to create."
    assert "### embedded ARM: 6 to create." in plan.summary
    assert "::notice" in plan.log
    applied = runner.use(command="apply", plan_file="reviewed.plan")
    assert (applied.ended, json.loads(applied.outputs["counts"])["succeeded"]) == ({"Run": 0}, 6)
    again = runner.use(args="--detailed-exitcode\n--target=Gallery/*\n")
    assert (again.ended, again.outputs["has-changes"], again.outputs["plan-file"]) == ({"Run": 0}, "false", "")
    assert json.loads(again.outputs["counts"])["resources"] == 1


def test_drift_makes_the_step_red(runner: Runner, work: Path) -> None:
    """The exit code of the command is that of the step, and an output."""
    runner.use(command="apply")
    _edit(work)
    drift = runner.use(command="drift", paths="manifests/agent\nmanifests/gallery.yaml\n")
    assert (drift.ended, drift.outputs["exit-code"], drift.outputs["has-drift"]) == ({"Run": 2}, "2", "true")


def test_a_comment_also_when_the_plan_is_red(runner: Runner, work: Path, github: GitHub, tmp_path: Path) -> None:
    """Reviewers see why, in one comment for the environment, which the next run writes over."""
    _on_pull_request(runner, github, tmp_path)
    bad = work / "manifests" / "bad.yaml"
    bad.write_text("kind: Nothing\n", encoding="utf-8")
    red = runner.use(comment="true")
    assert red.ended == {"Run": 1, "Comment": 0}
    bad.unlink()
    assert runner.use(comment="true").ended == {"Run": 0, "Comment": 0}
    ((_, text),) = github.bodies.values()
    assert text.startswith(mark(None))
    assert "### embedded ARM: 6 to create." in text


def test_no_comment_unless_asked_for(runner: Runner, github: GitHub, tmp_path: Path) -> None:
    """Nothing is written to the pull request, and the token is not used."""
    _on_pull_request(runner, github, tmp_path)
    assert runner.use().ended == {"Run": 0}
    assert github.requests == []


def test_an_environment_has_its_own_comment(runner: Runner, work: Path, github: GitHub, tmp_path: Path) -> None:
    """The input goes to both commands."""
    _on_pull_request(runner, github, tmp_path)
    project = (
        "apiVersion: reconciler.dev/v1\nkind: Project\nmetadata: {name: estate}\nspec: {environments: {prod: {}}}\n"
    )
    (work / "reconciler.yaml").write_text(project, encoding="utf-8")
    assert runner.use(environment="prod", comment="true").ended == {"Run": 0, "Comment": 0}
    assert github.bodies[101][1].startswith(mark("prod"))


@pytest.mark.parametrize(
    "inputs",
    [
        {"command": "run"},
        {"command": "emulator"},
        {"command": "plan; touch gone"},
        {"command": "validate", "plan_file": "x.plan"},
        {"args": "--no-such-option"},
        {"environment": "$(touch gone)"},
    ],
)
def test_wrong_inputs(runner: Runner, work: Path, inputs: dict[str, str]) -> None:
    """They end the step, and what stands in them is never run; there is no report, and nothing is posted."""
    done = runner.use(**inputs, comment="true")
    assert done.ended["Run"] in {1, 64}
    assert not (work / "gone").exists()
    assert done.outputs["report"] == "" or done.ended["Run"] == 1


def test_hostile_inputs_stay_values(runner: Runner, work: Path) -> None:
    """Paths that look like options, and names that look like outputs, are names of files that are not there."""
    done = runner.use(paths="--cloud=public\n'; touch gone; '\nreport<<x\n")
    assert done.ended == {"Run": done.ended["Run"]} != {"Run": 0}
    assert not (work / "gone").exists()


def test_the_action_gives_nobody_else_the_token() -> None:
    """It is in the environment of the one step that comments, and no script holds an expression."""
    (document,), _ = read_documents((ROOT / "action.yml").read_bytes(), "action.yml")
    steps = document.value["runs"]["steps"]
    assert [step["name"] for step in steps if "GITHUB_TOKEN" in step.get("env", {})] == ["Comment"]
    assert all("${{" not in step["run"] for step in steps)


def test_the_version_that_was_asked_for(runner: Runner, tmp_path: Path) -> None:
    """The action says which version it brings, and refuses to pass for another one."""
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    # Stands for making the venv, which would be filled from the package index.
    (fakes / "python3").write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    python = tmp_path / "tool" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@" >>"$RUNNER_TEMP/python.log"\n', encoding="utf-8")
    (python.parent / "reconciler").symlink_to(program())
    for file in (fakes / "python3", python):
        file.chmod(0o755)
    (runner.temp / "reconciler" / "bin").unlink()
    (runner.temp / "reconciler").rmdir()
    (runner.temp / "reconciler").symlink_to(tmp_path / "tool")
    runner.skipped = frozenset()
    runner.environment = {**runner.environment, "PATH": f"{fakes}{os.pathsep}{runner.environment['PATH']}"}
    assert runner.use(version=__version__).ended == {"Install": 0, "Run": 0}
    assert runner.use(version="9.9.9").ended == {"Install": 64}
    first, second, *_ = (runner.temp / "python.log").read_text(encoding="utf-8").splitlines()
    assert "-I -m pip" in first
    assert "--no-deps --require-hashes" in first
    assert "--no-deps --no-build-isolation" in second


@pytest.mark.slow
def test_no_step_imports_a_module_of_the_workspace(runner: Runner, work: Path, tmp_path: Path) -> None:
    """A pull request that brings ``venv.py``, or another module that Python or pip imports, runs nothing."""
    mark = tmp_path / "it-ran"
    planted = {*sys.stdlib_module_names, "pip", "hatchling", "click", "httpx", "azure", "reconciler", "sitecustomize"}
    for name in planted:
        for file in (work / f"{name}.py", work / name / "__init__.py"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"open({str(mark)!r}, 'a').write({name!r})\n", encoding="utf-8")
    fakes = tmp_path / "python"
    fakes.mkdir()
    (fakes / "python3").symlink_to(sys.executable)
    (runner.temp / "reconciler" / "bin").unlink()
    runner.skipped = frozenset()
    # Python makes the environment and starts pip, which then has no index to ask.
    runner.environment = {
        **{name: value for name, value in runner.environment.items() if not name.startswith("PIP_")},
        "PATH": f"{fakes}{os.pathsep}{runner.environment['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = runner.use()
    assert (done.ended, "No matching distribution" in done.log) == ({"Install": 1}, True)
    assert not mark.exists(), mark.read_text(encoding="utf-8")
    shutil.rmtree(runner.temp / "reconciler")
    (runner.temp / "reconciler").mkdir()
    (runner.temp / "reconciler" / "bin").symlink_to(BIN)
    runner.skipped = frozenset({"Install"})
    assert runner.use().ended == {"Run": 0}
    assert not mark.exists(), mark.read_text(encoding="utf-8")


def test_the_hook_checks_what_is_staged(work: Path) -> None:
    """pre-commit installs the program and runs it without names of files: it validates, and says what is wrong."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (hook["id"], hook["language"], hook["pass_filenames"]) == ("reconciler-validate", "python", False)
    # Any staged file may matter: an overlay, or a file that a manifest names, may be anywhere.
    assert hook["always_run"] is True
    assert "files" not in hook
    command = [str(BIN / hook["entry"].split()[0]), *hook["entry"].split()[1:], *hook["args"]]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(work)}
    assert subprocess.run(command, cwd=work, env=environment, capture_output=True, check=False).returncode == 0
    (work / "manifests" / "bad.yaml").write_text("kind: Nothing\n", encoding="utf-8")
    failed = subprocess.run(command, cwd=work, env=environment, capture_output=True, check=False)
    assert failed.returncode == 1
    assert b"manifests/bad.yaml" in failed.stdout


def test_the_image_is_small_and_has_no_rights() -> None:
    """One base by its digest, nothing built as another user than it runs, no secret, no shell in what it starts."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    bases = {line.split()[1] for line in lines if line.startswith("FROM ")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", bases.pop())
    last = "\n".join(lines).rpartition("FROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["reconciler"]' in last
    assert last.index("USER ") > last.rindex("RUN "), "nothing is installed as the user of the program"
    assert "COPY . " not in "\n".join(lines)


def test_the_image_has_every_program_that_is_started() -> None:
    """Git, and the programs that git starts for an ssh URL and for a signature of either sort."""
    last = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("FROM ")[2]
    (packages,) = re.findall(r"apt-get install --yes --no-install-recommends ([a-z -]+?) \\", last)
    started = (ROOT / "reconciler" / "history" / "mirror.py").read_text(encoding="utf-8")
    programs = {*re.findall(r'filesystem\.program\("(\w+)"', started), *re.findall(r"\bprogram=([\w-]+)", started)}
    found_in = {"git": "git", "gpg": "gpg", "ssh-keygen": "openssh-client"}
    assert {found_in[each] for each in programs} == set(packages.split())


def test_the_image_keeps_its_state_in_a_volume() -> None:
    """The user of the image may write there, and the command of its first lines names the folder."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (volume,) = re.findall(r"^VOLUME (\S+)$", text, re.MULTILINE)
    (user,) = re.findall(r"^USER (\d+):\d+$", text, re.MULTILINE)
    assert f"install --directory --owner {user} --group {user} --mode 0700 {volume}" in text
    assert text.count(f"--volume reconciler:{volume} ") == text.count(f"--state-dir {volume} ") == 1


def test_the_image_gets_what_it_copies_and_no_more() -> None:
    """What the build copies is let through to it; what a checkout has besides is not."""
    rules = [
        line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line and line[0] != "#"
    ]
    let_through = {rule[1:] for rule in rules if rule.startswith("!")}
    assert rules[0] == "*"
    copied = {
        source
        for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)
    assert not any(fnmatch(".git", rule) for rule in let_through)


def test_the_lock_for_use_is_part_of_the_lock_for_work() -> None:
    """What is installed to use the reconciler is what it was tested with: same versions, same hashes, no tools."""
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    used = (ROOT / "deploy" / "requirements.txt").read_text(encoding="utf-8")
    versions, needed = dict(PACKAGE.findall(locked)), dict(PACKAGE.findall(used))
    assert needed.items() <= versions.items()
    assert set(re.findall(r"--hash=\S+", used)) <= set(re.findall(r"--hash=\S+", locked))
    assert {"azure-identity", "httpx", "orjson", "hatchling"} <= needed.keys()
    assert not {"pytest", "ruff", "mypy", "zizmor"} & needed.keys()
