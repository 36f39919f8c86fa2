"""
The page about schedules works by copy and paste, from a fresh clone: all its ``sh`` blocks are run in one shell.

The programs that change a machine or a cluster are stand-ins: ``sudo`` writes below a folder of the test, ``crontab``
keeps its lines there, and ``systemctl``, ``docker`` and ``kubectl`` are noted. What they have left is then looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from tests.kit.forked import program
from tests.kit.pages import is_shown, lines_of, steps
from tests.kit.repository import ROOT

PAGE: Final = ROOT / "docs" / "on-schedule.md"
END: Final = "\x1e\n"
FILES: Final = ("deploy", "docs", "manifests", "Dockerfile")
OTHER_LINE: Final = "@daily /usr/local/bin/backup\n"
KUBECTL: Final = shutil.which("kubectl")
STAND_INS: Final = {
    "sudo": """
for each; do
  case $each in /dev/*) ;; /*) mkdir -p "$(dirname "$MACHINE$each")"; each=$MACHINE$each ;; esac
  words+=("$each")
done
case "${words[*]}" in
"bash deploy/install.sh "*) mkdir -p "${words[2]}/bin"; ln -s "$PROGRAM" "${words[2]}/bin/reconciler" ;;
*) exec "${words[@]}" ;;
esac
""",
    "crontab": """
case $1 in
-l) cat "$MACHINE/crontab" ;;
-) cat > "$MACHINE/crontab.new"; mv "$MACHINE/crontab.new" "$MACHINE/crontab" ;;
esac
""",
    "kubectl": """
echo "kubectl $*" >> "$MACHINE/noted"
if [ "$1 $2" = "apply -k" ] && [ -n "$KUBECTL" ]; then "$KUBECTL" kustomize "$3" > "$MACHINE/applied.yaml"; fi
""",
    "systemctl": 'echo "systemctl $*" >> "$MACHINE/noted"',
    "docker": 'echo "docker $*" >> "$MACHINE/noted"',
}

if shutil.which("curl") is None:
    STAND_INS["curl"] = (
        'exec python -c "import sys, urllib.request as u; print(u.urlopen(sys.argv[-1]).read().decode())" "$@"'
    )


@dataclass(frozen=True)
class Machine:
    """
    A machine on which all blocks were run.

    Attributes:
        root: Holds the files that ``sudo`` has written, by their paths.
        home: Of the user.
        environment: Of the shell.
    """

    root: Path
    home: Path
    environment: dict[str, str]

    def noted(self, name: str) -> list[str]:
        """Return the calls of a program."""
        lines = (self.root / "noted").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.startswith(f"{name} ")]


def made(folder: Path) -> Machine:
    """Return a machine with a clone and the stand-ins."""
    root, home, programs = folder / "machine", folder / "home", folder / "programs"
    for each in (root / "etc" / "systemd" / "system", home, programs):
        each.mkdir(parents=True)
    (root / "crontab").write_text(OTHER_LINE, encoding="utf-8")
    for name in FILES:
        source = ROOT / name
        shutil.copytree(source, home / name) if source.is_dir() else shutil.copy(source, home)
    for name, text in STAND_INS.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}", encoding="utf-8")
        (programs / name).chmod(0o755)
    path = [str(programs), str(program().parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    who = {f"GIT_{who}_{what}": "me@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    settings = {
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "MACHINE": str(root),
        "PROGRAM": str(program()),
        "KUBECTL": KUBECTL or "",
        "RECONCILER_LOG_LEVEL": "error",  # as on a terminal, where progress leaves nothing behind
        "RECONCILER_EMULATOR_OPERATION_SECONDS": "0.05",
        "RECONCILER_POLL_INTERVAL": "0.05",
    }
    return Machine(root, home, {**settings, **who})


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Return a machine on which all blocks were run, each with the output that the page shows."""
    machine = made(tmp_path_factory.mktemp("on-schedule"))
    wanted = list(steps(PAGE))
    clone = f"cd {machine.home}\n"  # the sections of the deployment start in the clone
    script = "set -e -o pipefail\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n" + "".join(
        f"{clone if 'Deployment' in block.section else ''}{block.text}printf '\\036\\n'\n" for block, _ in wanted
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=machine.home,
        env=machine.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=90,
        check=False,
    )
    printed = done.stdout.decode().split(END)
    for (block, shown), text in zip(wanted, printed, strict=False):
        place = f"{PAGE.name}:{block.line}\n{block.text}prints\n{text}"
        assert not shown or is_shown(shown, lines_of(text)), place
    assert len(printed) == len(wanted) + 1, printed[-1]
    return machine


@pytest.mark.slow
def test_from_nothing_to_an_alert(machine: Machine) -> None:
    """Each block does what the page shows, and the chat has both messages: the drift, and its end."""
    chat = (machine.home / "larkspur" / "chat.log").read_text(encoding="utf-8")
    assert re.findall(r"^(\w[\w ]+): GalleryApplicationVersion agent-2.0.0", chat, re.MULTILINE) == [
        "Drift",
        "Drift ended",
        "Applied",
    ]


@pytest.mark.slow
def test_the_line_of_cron(machine: Machine, tmp_path: Path) -> None:
    """It does a round, in the environment that cron has, with the file of secrets, and keeps history and metrics."""
    other, line = (machine.root / "crontab").read_text(encoding="utf-8").splitlines(keepends=True)
    assert other == OTHER_LINE
    *times, command = line.split(maxsplit=5)
    assert len(times) == 5
    repository = str(machine.home / "larkspur")
    command = command.replace("https://git.example.net/estate.git", repository)
    settings = machine.home / "reconciler" / "environment"
    assert settings.parent.stat().st_mode & 0o077 == 0
    assert "RECONCILER_SECRET_CHAT=https://" in settings.read_text(encoding="utf-8")
    own = f"export RECONCILER_CLOUD=emulator RECONCILER_EMULATOR_STATE={tmp_path}/arm.sqlite\n"
    own += "export RECONCILER_POLL_INTERVAL=0.05 RECONCILER_EMULATOR_OPERATION_SECONDS=0\n"
    settings.write_text(own, encoding="utf-8")
    small = {"HOME": str(machine.home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    subprocess.run(["sh", "-c", command], env=small, check=True, cwd=machine.home)
    folder = machine.home / "reconciler"
    assert "Applied: 6 created" in (folder / "log").read_text(encoding="utf-8")
    assert 'reconciler_puts_total{outcome="succeeded"} 6.0' in (folder / "metrics.prom").read_text(encoding="utf-8")
    assert (folder / ".reconciler" / "history.sqlite").exists()


@pytest.mark.slow
def test_the_units_are_installed(machine: Machine) -> None:
    """With the program, its settings and its state where the units expect them, and then started."""
    units = machine.root / "etc" / "systemd" / "system"
    assert {path.name for path in units.iterdir()} == {path.name for path in (ROOT / "deploy" / "systemd").iterdir()}
    secrets = machine.root / "etc" / "reconciler" / "secrets"
    assert secrets.stat().st_mode & 0o077 == 0
    assert "RECONCILER_SECRET_CHAT=" in secrets.read_text(encoding="utf-8")
    for unit in units.glob("*.service"):
        text = unit.read_text(encoding="utf-8")
        (command,) = re.findall(r"^ExecStart=(\S+)", text, re.MULTILINE)
        assert (machine.root / command[1:]).exists()
        assert "EnvironmentFile=-/etc/reconciler/secrets\n" in text
        (file,) = re.findall(r"^EnvironmentFile=(/\S+)", text, re.MULTILINE)
        given = (machine.root / file[1:]).read_text(encoding="utf-8")
        assert set(re.findall(r"\$\{(\w+)\}", text)) <= set(re.findall(r"^(\w+)=", given, re.MULTILINE))
    assert [line.split(maxsplit=1)[1] for line in machine.noted("systemctl")] == [
        "daemon-reload",
        "enable --now reconciler.service",
        "disable --now reconciler.service",
        "daemon-reload",
        "enable --now reconciler-round.timer",
    ]


@pytest.mark.slow
def test_the_overlay_is_applied(machine: Machine) -> None:
    """The image that was pushed, the repository, the identity and the secret are in what the cluster gets."""
    (pushed,) = (line.split()[-1] for line in machine.noted("docker") if " push " in line)
    calls = machine.noted("kubectl")
    assert calls[0] == "kubectl apply -k overlay"
    assert any("create secret generic reconciler --from-literal=RECONCILER_SECRET_CHAT=" in call for call in calls)
    overlay = yaml.safe_load((machine.home / "overlay" / "kustomization.yaml").read_text(encoding="utf-8"))
    values = [each["value"] for each in yaml.safe_load(overlay["patches"][0]["patch"])]
    if KUBECTL is None:
        assert overlay["resources"] == ["../deploy/kubernetes/loop"]
        return
    applied = {each["kind"]: each for each in _applied(machine)}
    for each in applied.values():
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
    (container,) = applied["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == pushed
    assert list(applied["ServiceAccount"]["metadata"]["annotations"].values()) == values
    (name,) = (each["configMapRef"]["name"] for each in container["envFrom"] if "configMapRef" in each)
    (given,) = (each["data"] for each in _applied(machine) if each["metadata"]["name"] == name)
    assert overlay["configMapGenerator"][0]["literals"][0] == f"GIT_REPO={given['GIT_REPO']}"


def _applied(machine: Machine) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((machine.root / "applied.yaml").read_text(encoding="utf-8")))
