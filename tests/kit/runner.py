"""
Runs the steps of a composite action as the runner of GitHub Actions would: all goes through variables and files.

After "Metadata syntax for GitHub Actions" and "Workflow commands" (docs.github.com). Of expressions it knows what the
action uses: inputs, outputs of steps, the token, and one kind of condition.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reconciler.manifests.yaml12 import read_documents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_EXPRESSION: Final = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_CONDITION: Final = re.compile(r"\$\{\{ !cancelled\(\) && inputs\.(\w+) == '(\w+)' \}\}")
_ASSIGNMENT: Final = re.compile(r"([\w-]+)<<(.+)\n((?:.*\n)*?)\2\n|([\w-]+)=(.*)\n")


@dataclass
class Done:
    """
    What became of a run of the action.

    Attributes:
        outputs: Of the action.
        ended: The exit code of every step that ran.
        log: What the steps printed.
        summary: What stands in the summary of the job.
    """

    outputs: dict[str, str]
    ended: dict[str, int]
    log: str
    summary: str


@dataclass
class Runner:
    """
    A runner for one job.

    Attributes:
        action: The folder of the action.
        work: The workspace of the job.
        temp: What the runner empties after it.
        environment: Of every step.
        skipped: Steps that are not run here.
    """

    action: Path
    work: Path
    temp: Path
    environment: Mapping[str, str]
    skipped: frozenset[str] = frozenset()
    token: str = ""
    _steps: dict[str, dict[str, str]] = field(default_factory=dict)

    def use(self, **inputs: str) -> Done:
        """Run every step whose condition holds; one that fails keeps back those that do not ask to run all the same."""
        (document,), problems = read_documents((self.action / "action.yml").read_bytes(), "action.yml")
        assert not problems
        action = document.value
        given = {name: self._text(stated.get("default", ""), {}) for name, stated in action["inputs"].items()}
        unknown = {name.replace("_", "-") for name in inputs} - given.keys()
        assert not unknown, unknown
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        self._steps.clear()
        ended: dict[str, int] = {}
        log = ""
        for step in action["runs"]["steps"]:
            if step["name"] in self.skipped or not self._runs(step.get("if"), given, failed=any(ended.values())):
                continue
            code, printed = self._run(step, given)
            ended[step["name"]] = code
            log += printed
        outputs = {name: self._text(stated["value"], given) for name, stated in action["outputs"].items()}
        return Done(outputs, ended, log, self._file("summary").read_text(encoding="utf-8"))

    def _runs(self, condition: str | None, inputs: Mapping[str, str], *, failed: bool) -> bool:
        if condition is None:
            return not failed
        found = _CONDITION.fullmatch(condition)
        assert found, condition
        return inputs[found[1]] == found[2]

    def _run(self, step: Mapping[str, Any], inputs: Mapping[str, str]) -> tuple[int, str]:
        assert step["shell"] == "bash"
        assert not _EXPRESSION.search(step["run"]), "an expression in a script is code injection"
        output = self._file("output")
        output.write_text("", encoding="utf-8")
        environment = {
            **self.environment,
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_WORKSPACE": str(self.work),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self._file("summary")),
            **{name: self._text(value, inputs) for name, value in step.get("env", {}).items()},
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.work,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=120,
        )
        if "id" in step:
            self._steps[step["id"]] = assignments(output.read_text(encoding="utf-8"))
        return done.returncode, (done.stdout + done.stderr).decode()

    def _text(self, template: str, inputs: Mapping[str, str]) -> str:
        return _EXPRESSION.sub(lambda found: self._value(found[1], inputs), template)

    def _value(self, expression: str, inputs: Mapping[str, str]) -> str:
        match expression.split("."):
            case ["inputs", name]:
                return inputs[name]
            case ["steps", step, "outputs", name]:
                return self._steps.get(step, {}).get(name, "")
            case ["github", "token"]:
                return self.token
            case _:
                raise AssertionError(expression)

    def _file(self, name: str) -> Path:
        path = self.temp / f"{name}.txt"
        path.touch()
        return path


def assignments(text: str) -> dict[str, str]:
    """Return what a file of outputs says; the last word counts, and nothing stands in it that is no assignment."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        one = _ASSIGNMENT.match(text, place)
        assert one, text[place:]
        found |= {one[1]: one[3].removesuffix("\n")} if one[1] else {one[4]: one[5]}
        place = one.end()
    return found


def plain_environment(home: Path) -> dict[str, str]:
    """Return what a runner has before any setting."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "PYTHONUTF8": "1", "CI": "true"}
