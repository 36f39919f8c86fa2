"""The example workflows: safe to copy, and each does what it says, played on the embedded ARM from plan to drift."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copy, copytree
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from reconciler.manifests.yaml12 import read_documents
from tests.kit.cli import git
from tests.kit.forked import program
from tests.kit.repository import ROOT
from tests.kit.review import TOKEN, AzureDevOps
from tests.kit.runner import Runner, plain_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXAMPLES: Final = ROOT / "docs" / "ci"
GITHUB: Final = [EXAMPLES / f"{name}.yml" for name in ("plan", "apply", "drift", "environments")]
BIN: Final = Path(sys.executable).parent
# Where a reader puts the repository of the reconciler and the commit of it that they read.
ACTION: Final = f"OWNER/RECONCILER@{'0' * 40}"


def _read(path: Path) -> Any:
    (document,), problems = read_documents(path.read_bytes(), path.name)
    assert not problems
    return document.value


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a repository whose last commit merges an edit of a manifest, as CI checks a pull request out."""
    folder = tmp_path / "work"
    copytree(ROOT / "manifests", folder / "manifests")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=first")
    git(folder, "switch", "--quiet", "--create=edit")
    file = folder / "manifests" / "agent" / "1.1.0.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Count: 2", "Count: 3"), encoding="utf-8")
    git(folder, "commit", "--quiet", "--all", "--message=edit")
    git(folder, "switch", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "edit")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a job, with the embedded ARM in place of Azure."""
    plain = plain_environment(tmp_path)
    return {
        **plain,
        "PATH": os.pathsep.join([str(program().parent), str(BIN), plain["PATH"]]),
        "RECONCILER_CLOUD": "emulator",
        "RECONCILER_EMULATOR_STATE": str(tmp_path / "arm.sqlite"),
        "RECONCILER_EMULATOR_OPERATION_SECONDS": "0",
        "RECONCILER_POLL_INTERVAL": "0.01",
    }


def _play(script: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, check=False
    )


def test_zizmor_finds_nothing() -> None:
    """The action and the workflows are held against a linter for what attackers look for."""
    command = [
        str(BIN / "zizmor"),
        "--offline",
        "--quiet",
        "--config",
        "deploy/zizmor.yml",
        "action.yml",
        *map(str, GITHUB),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", GITHUB, ids=lambda path: path.name)
def test_a_workflow_of_github_is_safe_to_copy(path: Path) -> None:
    """No right without a reason, no moving tag, no text of an event in a script, no identity without an environment."""
    workflow, inputs = _read(path), _read(ROOT / "action.yml")["inputs"]
    assert workflow["permissions"] == {}
    assert not {"pull_request_target", "workflow_run"} & set(workflow["on"])
    for job in workflow["jobs"].values():
        assert job["permissions"]["contents"] == "read"
        assert set(job["permissions"]) <= {"contents", "id-token", "pull-requests"}
        assert ("id-token" in job["permissions"]) == ("environment" in job) == ("env" in job)
        commented = [step for step in job["steps"] if "comment" in step.get("with", {})]
        assert ("pull-requests" in job["permissions"]) == bool(commented)
        for step in job["steps"]:
            assert "run" not in step
            assert step["uses"] == ACTION or re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
            if step["uses"] == ACTION:
                assert set(step["with"]) <= set(inputs)
            if step["uses"].startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", ["plan", "environments"])
def test_the_plan_of_a_fork_has_no_identity(name: str) -> None:
    """On a pull request, a job that signs in or may write is for branches of the repository itself."""
    jobs = _read(EXAMPLES / f"{name}.yml")["jobs"]
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    conditions = {
        f"github.event_name == 'merge_group' || {own}",
        f"github.event_name != 'pull_request' || {own}",
        "github.event_name == 'push'",
    }
    may_more = [job for job in jobs.values() if set(job["permissions"]) != {"contents"}]
    assert may_more
    assert all(job["if"] in conditions for job in may_more)


def test_what_is_required_runs_for_every_pull_request() -> None:
    """A check that is filtered away, or that a merge queue does not start, is never reported, and blocks."""
    assert _read(EXAMPLES / "plan.yml")["on"] == {"pull_request": None, "merge_group": None}
    assert _read(EXAMPLES / "environments.yml")["on"].keys() == {"pull_request", "merge_group", "push"}
    pipeline = _read(EXAMPLES / "azure-pipelines.yml")
    assert pipeline["pr"].keys() == pipeline["trigger"].keys() == {"branches"}


def test_an_apply_starts_for_every_file_that_a_manifest_may_name() -> None:
    """A script outside the folder of manifests is part of them."""
    assert _read(EXAMPLES / "apply.yml")["on"] == {"push": {"branches": ["main"]}}


def test_who_writes_waits_for_people() -> None:
    """The writing identity is that of one environment, of one job, which applies a plan that another identity made."""
    jobs = _read(EXAMPLES / "apply.yml")["jobs"]
    environments = {name: job["environment"] for name, job in jobs.items()}
    assert environments == {"plan": "azure-read", "apply": "azure-write"}
    assert jobs["apply"]["needs"] == "plan"
    assert "azure-write" not in (EXAMPLES / "plan.yml").read_text() + (EXAMPLES / "drift.yml").read_text()


def _steps(name: str, job: str) -> Iterator[dict[str, str]]:
    for step in _read(EXAMPLES / f"{name}.yml")["jobs"][job]["steps"]:
        if step["uses"] == ACTION:
            yield {key.replace("-", "_"): _without_comment(value) for key, value in step["with"].items()}


def _without_comment(value: str) -> str:
    """Return an input as it is outside a pull request."""
    return value.replace("${{ github.event_name == 'pull_request' }}", "false")


def test_github_from_pull_request_to_drift(work: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Each job of each workflow does what it is for."""
    temp = tmp_path / "temp"
    (temp / "reconciler").mkdir(parents=True)
    (temp / "reconciler" / "bin").symlink_to(program().parent)
    runner = Runner(ROOT, work, temp, environment, frozenset({"Install", "Comment"}), TOKEN)
    ended = {}
    for name, job in (
        ("plan", "validate"),
        ("plan", "plan"),
        ("apply", "plan"),
        ("apply", "apply"),
        ("drift", "drift"),
    ):
        (inputs,) = _steps(name, job)
        done = runner.use(**inputs)
        ended[name, job] = (done.ended["Run"], done.outputs["verdict"])
    assert ended == {
        ("plan", "validate"): (0, "6 manifests are valid."),
        ("plan", "plan"): (0, "embedded ARM: 6 to create."),
        ("apply", "plan"): (0, "embedded ARM: 6 to create."),
        ("apply", "apply"): (0, "embedded ARM: Applied: 6 created."),
        ("drift", "drift"): (0, "embedded ARM: No drift. 6 resources in sync."),
    }
    (inputs,) = _steps("apply", "plan")
    assert runner.use(**inputs).outputs["has-changes"] == "false", "and so the second apply is not started"


def test_github_with_two_environments(work: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Each environment is planned by itself, with a saved plan of its own, and dev is applied before prod."""
    project = {
        "apiVersion": "reconciler.dev/v1",
        "kind": "Project",
        "metadata": {"name": "estate"},
        "spec": {
            "environments": {
                name: {"defaults": {"resourceGroupName": f"rg-{name}", "tags": {"environment": name}}}
                for name in ("dev", "prod")
            }
        },
    }
    (work / "reconciler.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
    for file in (work / "manifests").rglob("*.yaml"):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(line for line in lines if "resourceGroupName:" not in line), encoding="utf-8")
    temp = tmp_path / "temp"
    (temp / "reconciler").mkdir(parents=True)
    (temp / "reconciler" / "bin").symlink_to(program().parent)
    runner = Runner(ROOT, work, temp, environment, frozenset({"Install", "Comment"}), TOKEN)
    jobs = _read(EXAMPLES / "environments.yml")["jobs"]
    assert jobs["apply"]["strategy"]["max-parallel"] == 1
    ended = []
    for job in ("plan", "apply"):
        for name in jobs[job]["strategy"]["matrix"]["environment"]:
            (inputs,) = _steps("environments", job)
            given = {key: value.replace("${{ matrix.environment }}", name) for key, value in inputs.items()}
            done = runner.use(**given)
            ended.append((job, name, done.ended["Run"], json.loads(done.outputs["counts"])["puts"]))
    assert ended == [("plan", "dev", 0, 6), ("plan", "prod", 0, 6), ("apply", "dev", 0, 6), ("apply", "prod", 0, 6)]


def _tasks(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the steps of a pipeline of Azure DevOps, or of a part of it."""
    if isinstance(node, dict):
        if {"script", "task"} & node.keys():
            yield node
        for value in node.values():
            yield from _tasks(value)
    elif isinstance(node, list):
        for value in node:
            yield from _tasks(value)


def _script(step: Mapping[str, Any]) -> str:
    text = step["script"] if "script" in step else step["inputs"]["inlineScript"]
    assert isinstance(text, str)
    return text


def test_azure_pipelines_from_pull_request_to_drift(work: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Each step of each stage does what it is for, the comment included."""
    with AzureDevOps() as host:
        environment |= {
            **host.variables(),
            **{f"AZURESUBSCRIPTION_{name}": "x" for name in ("TENANT_ID", "CLIENT_ID", "SERVICE_CONNECTION_ID")},
            "RECONCILER_CREDENTIAL": "azure-pipelines",
            "PIPELINE_WORKSPACE": str(tmp_path),
            "AGENT_TEMPDIRECTORY": str(tmp_path),
        }
        said = {}
        for step in _tasks(_read(EXAMPLES / "azure-pipelines.yml")):
            if step["displayName"] == "Install":
                continue
            if step["displayName"] == "Apply":
                (tmp_path / "reviewed-plan").mkdir()
                copy(work / "reviewed.plan", tmp_path / "reviewed-plan")
            done = _play(_script(step), work, environment)
            assert done.returncode == 0, done.stdout + done.stderr
            said[step["displayName"]] = done.stdout.decode().splitlines()[0].partition(" http")[0]
        assert "### embedded ARM: 6 to create." in host.threads[0]["comments"][0]["content"]
    assert said == {
        "Validate": "6 manifests are valid.",
        "Plan": "embedded ARM: 6 to create.",
        "Comment": "Comment created:",
        "Apply": "embedded ARM: Applied: 6 created.",
        "Drift": "embedded ARM: No drift. 6 resources in sync.",
    }


def test_azure_pipelines_are_safe_to_copy() -> None:
    """Forks get no connection, the token is given where it is used, and what writes is one deployment on main."""
    stages = {stage["stage"]: stage for stage in _read(EXAMPLES / "azure-pipelines.yml")["stages"]}
    assert [step["displayName"] for step in _tasks(stages["validate"]) if "env" in step or "task" in step] == []
    assert "ne(variables['System.PullRequest.IsFork'], 'True')" in stages["plan"]["condition"]
    assert "eq(variables['Build.SourceBranch'], 'refs/heads/main')" in stages["apply"]["condition"]
    (deployment,) = stages["apply"]["jobs"]
    assert deployment["environment"] == "azure-write"
    for name, stage in stages.items():
        for step in _tasks(stage):
            connection = step.get("inputs", {}).get("azureSubscription")
            assert connection in {None, "reconciler-write" if name == "apply" else "reconciler-read"}
            uses_token = "task" in step or "reconciler comment" in step.get("script", "")
            assert uses_token == ("SYSTEM_ACCESSTOKEN" in step.get("env", {}))
            assert "$(" not in _script(step), "a macro in a script is code injection"
    checkouts = re.findall(
        r"- checkout: self\n\s+persistCredentials: false", (EXAMPLES / "azure-pipelines.yml").read_text()
    )
    assert len(checkouts) == len(stages)


def _gitlab() -> dict[str, Any]:
    # What anchors and merge keys make of it, as GitLab reads it.
    text = (EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8")
    jobs: dict[str, Any] = yaml.safe_load(text)
    return {name: job for name, job in jobs.items() if isinstance(job, dict) and "script" in job}


def test_gitlab_from_merge_request_to_drift(work: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Each job does what it is for, and the token that it signs in with is in a file of its own."""
    said = {}
    for name, job in _gitlab().items():
        token = tmp_path / f"token-{name}"
        given = {**environment, **job.get("variables", {}), "AZURE_FEDERATED_TOKEN_FILE": str(token)}
        given["AZURE_ID_TOKEN"] = TOKEN
        _, *more = job["before_script"]
        done = _play("\n".join((*(line for lines in more for line in lines), *job["script"])), work, given)
        assert done.returncode == 0, done.stdout + done.stderr
        said[name] = done.stdout.decode().splitlines()[0]
        if "id_tokens" in job:
            assert (token.read_text(encoding="utf-8"), token.stat().st_mode & 0o777) == (TOKEN, 0o600)
        kept = job.get("artifacts", {})
        for file in (*kept.get("paths", ()), *kept.get("reports", {}).values()):
            assert (work / file).is_file()
    assert said == {
        "validate": "6 manifests are valid.",
        "plan": "embedded ARM: 6 to create.",
        "apply": "embedded ARM: Applied: 6 created.",
        "drift": "embedded ARM: No drift. 6 resources in sync.",
    }


def test_what_a_branch_brings_is_no_report(work: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """A plan that got to no report leaves nothing to post, or to keep, that looks like one."""
    for name in ("plan.md", "reviewed.plan"):
        (work / name).write_text("### No changes.\n", encoding="utf-8")
    environment["RECONCILER_CONCURRENCY"] = "none"
    with AzureDevOps() as host:
        given = {**environment, **host.variables(), "AGENT_TEMPDIRECTORY": str(tmp_path)}
        steps = {step["displayName"]: step for step in _tasks(_read(EXAMPLES / "azure-pipelines.yml"))}
        assert _play(_script(steps["Plan"]), work, given).returncode == 64
        assert _play(_script(steps["Comment"]), work, given).returncode == 64
        assert host.threads == []
    assert _play("\n".join(_gitlab()["plan"]["script"]), work, environment).returncode == 64
    assert not {"plan.md", "reviewed.plan"} & {path.name for path in work.iterdir()}


def test_gitlab_is_safe_to_copy() -> None:
    """Forks get no identity, what writes is one job on main in a protected environment, and the image does not move."""
    jobs = _gitlab()
    text = (EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8")
    assert re.search(r"^  image: python:\S+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    with_identity = {name for name, job in jobs.items() if "id_tokens" in job}
    assert with_identity == {"plan", "apply", "drift"}
    own = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID"
    for name in with_identity:
        asked = [rule["if"] for rule in jobs[name]["rules"]]
        assert all(own in rule for rule in asked if "merge_request_event" in rule)
    assert jobs["apply"]["environment"] == "azure-write"
    assert jobs["apply"]["resource_group"]
    assert [rule["if"] for rule in jobs["apply"]["rules"]] == [
        '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == "main"'
    ]
    writers = {name for name, job in jobs.items() if "$AZURE_WRITE_CLIENT_ID" in job.get("variables", {}).values()}
    assert writers == {"apply"}


def test_no_example_signs_in_as_any_pull_request() -> None:
    """The subject that every pull request has stands nowhere as one to trust."""
    for path in (*EXAMPLES.glob("*.yml"), ROOT / "docs" / "before-merge.md", ROOT / "docs" / "on-push.md"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert ":pull_request" not in line or "repo:OWNER/REPO:pull_request" in line, line
    page = (ROOT / "docs" / "before-merge.md").read_text(encoding="utf-8")
    before, named, _ = page.partition("repo:OWNER/REPO:pull_request")
    assert not named or "Never" in before[-120:]


INSTALLS: Final = {
    "azure": next(
        _script(step)
        for step in _tasks(_read(EXAMPLES / "azure-pipelines.yml"))
        if step.get("displayName") == "Install"
    ),
    "gitlab": "\n".join(line for line in _gitlab()["plan"]["before_script"][0] if "apt-get" not in line),
}


@pytest.mark.parametrize("name", INSTALLS)
def test_an_example_installs_in_a_repository_of_manifests_alone(
    name: str, work: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """The reconciler comes from its own repository, at a commit that was read; nothing is built from the workspace."""
    temp, tool = tmp_path / "temp", tmp_path / "tool"
    temp.mkdir()
    (tool / "deploy").mkdir(parents=True)
    (tool / "deploy" / "install.sh").write_text('echo "into $1 from $PWD" >"$HOME/installed"\n', encoding="utf-8")
    git(tool, "init", "--quiet")
    git(tool, "add", ".")
    git(tool, "commit", "--quiet", "--message=read")
    read = git(tool, "rev-parse", "HEAD")
    git(tool, "commit", "--quiet", "--allow-empty", "--message=newer")
    given = {"TOOL_REPOSITORY": str(tool), "TOOL_COMMIT": read, "AGENT_TEMPDIRECTORY": str(temp)}
    given |= {**environment, "TMPDIR": str(temp)}
    done = _play(INSTALLS[name], work, given)
    assert done.returncode == 0, done.stderr
    into, _, started = (Path(given["HOME"]) / "installed").read_text(encoding="utf-8").strip().partition(" from ")
    assert Path(into.removeprefix("into ")).is_relative_to(temp)
    assert not Path(started).is_relative_to(work)


def test_every_example_is_tested() -> None:
    """A new one has to be played too."""
    names = {path.name for path in EXAMPLES.iterdir()}
    assert names == {*(path.name for path in GITHUB), "azure-pipelines.yml", "gitlab-ci.yml"}
    assert os.access(ROOT / "deploy" / "action.sh", os.X_OK)
