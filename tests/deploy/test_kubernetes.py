"""The manifests of ``deploy/kubernetes``: against the schemas of Kubernetes, and started as a pod would start them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from tests.kit.cli import Workspace, commit, estate, finish, git, start, until
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER: Final = ROOT / "deploy" / "kubernetes"
KUBECTL: Final = shutil.which("kubectl")
VARIANTS: Final = ("loop", "cron", "shards")
OLDEST: Final = "1.29"
"""The first version of Kubernetes whose stable features are all that these manifests use."""
GENERATED: Final = re.compile(r"-[0-9a-z]{10}\Z")

Resource = dict[str, Any]


@cache
def built(variant: str) -> list[Resource]:
    """Return the output of ``kubectl kustomize``; without kubectl, the files that it reads, as they are."""
    if KUBECTL is None:
        return list(read(FOLDER / variant))
    command = [KUBECTL, "kustomize", str(FOLDER / variant)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


def read(folder: Path) -> Iterator[Resource]:
    """Yield the resources of a folder and of those that it names, with the config maps that it generates."""
    settings = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    patches = [yaml.safe_load(each["patch"]) for each in settings.get("patches", ())]
    assert all(each.pop("$patch") == "delete" for each in patches)
    for name in settings["resources"]:
        path = folder / name
        found = read(path) if path.is_dir() else yaml.safe_load_all(path.read_text(encoding="utf-8"))
        yield from (each for each in found if not any(_is_meant(patch, each) for patch in patches))
    for each in settings.get("configMapGenerator", ()):
        data = dict(literal.split("=", 1) for literal in each.get("literals", ()))
        data |= {name: (folder / name).read_text(encoding="utf-8") for name in each.get("files", ())}
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": each["name"]}, "data": data}


def _is_meant(patch: Resource, resource: Resource) -> bool:
    return (patch["kind"], patch["metadata"]["name"]) == (resource["kind"], resource["metadata"]["name"])


def named(resources: list[Resource], kind: str) -> dict[str, Resource]:
    """Return the resources of a kind, by their names as they are written."""
    return {GENERATED.sub("", each["metadata"]["name"]): each for each in resources if each["kind"] == kind}


def template(resources: list[Resource]) -> Resource:
    """Return the template of the pod."""
    (workload,) = (each for each in resources if each["kind"] in {"Deployment", "CronJob"})
    spec = workload["spec"]
    found: Resource = (spec.get("jobTemplate", {}).get("spec") or spec)["template"]
    return found


def container(resources: list[Resource]) -> Resource:
    """Return the container of the pod."""
    (found,) = template(resources)["spec"]["containers"]
    return dict(found)


@pytest.fixture(scope="module", params=VARIANTS)
def resources(request: pytest.FixtureRequest) -> list[Resource]:
    """Return the resources of a variant."""
    return built(request.param)


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_the_schemas_of_kubernetes_accept_them(resources: list[Resource], version: str) -> None:
    """Each resource, strictly: an unknown field is an error too."""
    assert len(resources) > 5
    for each in resources:
        kubernetes_validate.validate(each, version, strict=True)


def test_a_wrong_field_would_be_seen(resources: list[Resource]) -> None:
    """The check is not lax."""
    (policy,) = named(resources, "NetworkPolicy").values()
    wrong = {**policy, "spec": {**policy["spec"], "egres": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, OLDEST, strict=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_files_are_as_kustomize_reads_them(variant: str) -> None:
    """The reading of this test, for machines without kubectl, finds the same resources."""

    def kinds(found: list[Resource]) -> list[tuple[str, str]]:
        return sorted((each["kind"], GENERATED.sub("", each["metadata"]["name"])) for each in found)

    assert kinds(list(read(FOLDER / variant))) == kinds(built(variant))


def test_the_pod_has_no_rights(resources: list[Resource]) -> None:
    """As the profile ``restricted`` of the pod security standards asks, with a root file system that is read-only."""
    pod = template(resources)["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(resources)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    labels = named(resources, "Namespace")["reconciler"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_pod_is_the_user_of_the_image(resources: list[Resource]) -> None:
    """Its number, so that the state belongs to it; the volume is writable by its group."""
    (user,) = re.findall(r"^USER (\d+):\d+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    security = template(resources)["spec"]["securityContext"]
    assert {security[name] for name in ("runAsUser", "runAsGroup", "fsGroup")} == {int(user)}


def test_workload_identity(resources: list[Resource]) -> None:
    """The label of the pod, the annotation of its account, and the credential that uses them."""
    assert template(resources)["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    account = named(resources, "ServiceAccount")[template(resources)["spec"]["serviceAccountName"]]
    assert "azure.workload.identity/client-id" in account["metadata"]["annotations"]
    assert named(resources, "ConfigMap")["reconciler"]["data"]["RECONCILER_CREDENTIAL"] == "workload-identity"


def test_every_name_leads_somewhere(resources: list[Resource]) -> None:
    """Config maps, claims and volumes exist; the secrets, which an operator makes, are optional."""
    pod, made = template(resources)["spec"], container(resources)
    maps, claims = named(resources, "ConfigMap"), named(resources, "PersistentVolumeClaim")
    for source in made["envFrom"]:
        reference = source.get("configMapRef") or source["secretRef"]
        assert reference.get("optional") or GENERATED.sub("", reference["name"]) in maps
    for volume in pod["volumes"]:
        assert "emptyDir" in volume or _is_known(volume, maps, claims), volume
    assert {each["name"] for each in made["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    for policy in named(resources, "NetworkPolicy").values():
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= template(resources)["metadata"]["labels"].items()


def _is_known(volume: Resource, maps: dict[str, Resource], claims: dict[str, Resource]) -> bool:
    if "persistentVolumeClaim" in volume:
        return volume["persistentVolumeClaim"]["claimName"] in claims
    if "configMap" in volume:
        return GENERATED.sub("", volume["configMap"]["name"]) in maps
    return bool(volume["secret"]["optional"])


def test_only_one_pod_has_the_state() -> None:
    """A new pod waits for the end of the old one."""
    loop, cron = built("loop"), built("cron")
    deployment = named(loop, "Deployment")["reconciler"]["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert deployment["selector"]["matchLabels"].items() <= template(loop)["metadata"]["labels"].items()
    assert named(cron, "CronJob")["reconciler"]["spec"]["concurrencyPolicy"] == "Forbid"
    (claim,) = named(loop, "PersistentVolumeClaim").values()
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]


def test_scrapes_are_let_in() -> None:
    """The port of the service, of the policy and of the container is the one that the loop listens on."""
    loop = built("loop")
    (port,) = container(loop)["ports"]
    assert f"--listen=0.0.0.0:{port['containerPort']}" in container(loop)["args"]
    service = named(loop, "Service")["reconciler"]["spec"]
    assert service["ports"][0]["targetPort"] == port["name"]
    assert service["selector"].items() <= template(loop)["metadata"]["labels"].items()
    (rule,) = named(loop, "NetworkPolicy")["reconciler"]["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [port["containerPort"]]


def command(variant: str, folder: Path) -> list[str]:
    """Return the arguments of the container, with a repository, a folder and an address of this machine."""
    here = {"--git-repo": str(folder), "--git-ref": "main", "--state-dir": "state", "--listen": "127.0.0.1:0"}
    here["--report"] = "json=report.json"
    made = []
    for argument in container(built(variant))["args"]:
        name, _, value = argument.partition("=")
        made.append(f"{name}={here[name]}" if value else argument)
    return made


@pytest.fixture
def repository(work: Workspace) -> Path:
    """Return a repository with an estate."""
    work.state(*estate())
    git(work.folder, "init", "--quiet", "--initial-branch=main")
    commit(work.folder)
    return work.folder


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """Return the working folder of a user."""
    (tmp_path / "repository").mkdir()
    return Workspace(tmp_path / "repository")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of the pod, with the embedded ARM in place of Azure."""
    data = named(built("loop"), "ConfigMap")["reconciler"]["data"]
    own = {
        "RECONCILER_CLOUD": "emulator",
        "RECONCILER_EMULATOR_STATE": str(tmp_path / "arm.sqlite"),
        "RECONCILER_EMULATOR_OPERATION_SECONDS": "0",
        "RECONCILER_POLL_INTERVAL": "0.01",
    }
    return {name: value for name, value in data.items() if name != "RECONCILER_CREDENTIAL"} | own


@pytest.mark.slow
def test_the_job_does_one_round(repository: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    """Its arguments are accepted; it writes, keeps its state where it is told to, and ends."""
    done = finish(start(*command("cron", repository), "--output=json", folder=tmp_path, **environment))
    assert done.code == 0, done.err
    assert done.report["summary"]["succeeded"] == 4
    assert (tmp_path / "state" / "history.sqlite").exists()


@pytest.mark.slow
def test_the_shards_are_as_many_as_the_pods(repository: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    """Each pod has one, by its index; a pod that fails ends no other one; the reports of all are those of one run."""
    (job,) = named(built("shards"), "CronJob").values()
    spec = job["spec"]["jobTemplate"]["spec"]
    assert (spec["completionMode"], spec["backoffLimitPerIndex"]) == ("Indexed", 0)
    (count,) = container(built("shards"))["env"]
    assert count == {"name": "RECONCILER_SHARD_COUNT", "value": str(spec["completions"])}
    files, parts = [], []
    for index in range(spec["completions"]):
        own = {**environment, "RECONCILER_SHARD_COUNT": count["value"], "JOB_COMPLETION_INDEX": str(index)}
        done = finish(start(*command("shards", repository), folder=tmp_path, **own))
        assert done.code == 0, done.err
        files.append(str((tmp_path / "report.json").rename(tmp_path / f"{index}.json")))
        parts.append(json.loads((tmp_path / f"{index}.json").read_text(encoding="utf-8"))["summary"]["succeeded"])
    assert sorted(parts) == [0, 0, 4]  # one subscription is never cut
    merged = finish(start("report", "merge", *files, folder=tmp_path))
    assert (merged.code, merged.report["summary"]["succeeded"]) == (0, 4), merged.err


@pytest.mark.slow
def test_the_probes_of_the_loop(repository: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    """Each probe is answered by the loop that the arguments start; SIGTERM ends it in the time that the pod has."""
    loop = built("loop")
    process = start(*command("loop", repository), folder=tmp_path, **environment)
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        port = next(found[1] for line in lines if (found := re.search(r"http://127\.0\.0\.1:(\d+)", line)))
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = container(loop)[name]["httpGet"]["path"]
            until(lambda path=path: status(f"http://127.0.0.1:{port}{path}") == 200)  # type: ignore[misc]
    finally:
        os.kill(process.pid, signal.SIGTERM)
        done = finish(process, timeout=template(loop)["spec"]["terminationGracePeriodSeconds"])
    assert done.code == 143


def status(address: str) -> int:
    """Return the status of an answer."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_token_for_git(tmp_path: Path) -> None:
    """The program of GIT_ASKPASS answers with a user and with the token of the secret."""
    data = named(built("loop"), "ConfigMap")
    made = container(built("loop"))
    mounts = {each["name"]: each["mountPath"] for each in made["volumeMounts"]}
    assert data["reconciler"]["data"]["GIT_ASKPASS"] == f"{mounts['git']}/askpass.sh"
    script = data["reconciler-git"]["data"]["askpass.sh"]
    assert f"{mounts['git-token']}/token" in script
    token = tmp_path / "token"
    token.write_text("of-git\n", encoding="utf-8")

    def answer(question: str) -> str:
        own = {"GIT_TOKEN_FILE": str(token), "PATH": os.environ["PATH"]}
        done = subprocess.run(["sh", "-c", script, "sh", question], env=own, capture_output=True, text=True, check=True)
        return done.stdout

    assert answer("Username for 'https://git.example.net': ") == "reconciler\n"
    assert answer("Password for 'https://reconciler@git.example.net': ") == token.read_text(encoding="utf-8")
