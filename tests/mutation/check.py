"""
Breaks one rule at a time in a copy of the repository, and asks the tests.

The mutants are data, ``mutants.toml``. One that no test sees is a rule that could be lost while all tests pass.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.kit.repository import ROOT
from tests.planting.mutant import Mutant, read

if TYPE_CHECKING:
    from collections.abc import Mapping

MUTANTS: Final = Path(__file__).with_name("mutants.toml")
PAGE: Final = ROOT / "docs" / "mutation.md"
PATIENCE_S: Final = 180
_LEFT_OUT: Final = shutil.ignore_patterns(".*", "__pycache__", "docs", "build", "dist")
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) ([^\s:]+)::(\w+)", re.MULTILINE)
_ROW: Final = re.compile(r"^\| `([\w-]+)` .*\| `([^`]+)`: `(\w+)` \|$", re.MULTILINE)
_TESTS_FAILED, _NO_TESTS = 1, (4, 5)


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What became of one mutant.

    Attributes:
        seen_by: File and name of the first test that fails; None if it survived.
    """

    mutant: Mutant
    seen_by: tuple[str, str] | None


class BrokenCheckError(Exception):
    """The check itself says nothing: a stale mutant, or tests that fail without one."""


def read_mutants() -> tuple[tuple[Mutant, ...], tuple[str, ...]]:
    """Return the mutants, and the files of the tests that have to see them."""
    text = MUTANTS.read_text(encoding="utf-8")
    return read(text), tuple(tomllib.loads(text)["tests"])


def last_seen() -> dict[str, str]:
    """Return the test that saw each mutant when the page was last written."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return {name: f"{file}::{test}" for name, file, test in _ROW.findall(text)}


@dataclass(frozen=True, slots=True)
class Copy:
    """
    A copy of the repository to break things in.

    Attributes:
        folder: Its root.
        tests: The files of tests to run, in this order.
        likely: The test to ask first, by the name of a mutant.
    """

    folder: Path
    tests: tuple[str, ...]
    likely: Mapping[str, str]

    @classmethod
    def made(cls, folder: Path, tests: tuple[str, ...]) -> Copy:
        """Copy what the tests need, and no more."""
        target = folder / "repository"
        shutil.copytree(ROOT, target, ignore=_LEFT_OUT)
        return cls(target, tests, last_seen())

    def judge(self, mutant: Mutant) -> Verdict:
        """
        Break one rule, run the tests until one fails, and mend it.

        The test that saw it last time is asked first, alone: most of the time goes into starting all others.

        Raises:
            BrokenCheckError: The tests did not even start.
        """
        path = self.folder / mutant.file
        whole, times = path.read_text(encoding="utf-8"), path.stat()
        path.write_text(mutant.applied(whole), encoding="utf-8")
        try:
            likely = self.likely.get(mutant.name, _own_tests(mutant))
            return Verdict(mutant, self.first_failure(likely) or self.first_failure(*self.tests))
        except BrokenCheckError as error:
            message = f"{mutant.name}: {error}"
            raise BrokenCheckError(message) from error
        finally:
            path.write_text(whole, encoding="utf-8")
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # what was compiled of it stays good

    def baseline(self) -> tuple[str, str] | None:
        """Return the first test that fails though nothing is broken; what this run compiles is kept for all others."""
        return self.first_failure(*self.tests, keep_compiled=True)

    def first_failure(self, *tests: str, keep_compiled: bool = False) -> tuple[str, str] | None:
        """
        Run *tests*, and give file and name of the first that fails.

        Raises:
            BrokenCheckError: They did not run.
        """
        options = ["-x", "-q", "-rfE", "--tb=no", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist"]
        profile = ["-p", "tests.mutation.profile", "--hypothesis-profile", "mutation"]
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        if not keep_compiled:
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *profile, *tests],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        if done.returncode == 0 or (done.returncode in _NO_TESTS and len(tests) == 1):  # the likely one is gone
            return None
        found = _FAILED.search(done.stdout)
        if done.returncode != _TESTS_FAILED or found is None:
            message = f"the tests do not run\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            raise BrokenCheckError(message)
        return found[1], found[2]


def _own_tests(mutant: Mutant) -> str:
    if mutant.is_schema:
        return "tests/kinds/test_rules_hold.py"
    module = Path(mutant.file)
    return Path("tests", *module.parts[1:-1], f"test_{module.name}").as_posix()


def page(verdicts: list[Verdict]) -> str:
    """Return docs/mutation.md."""
    survived = [verdict for verdict in verdicts if verdict.seen_by is None]
    rows = "".join(
        f"| `{verdict.mutant.name}` | {verdict.mutant.breaks} | `{verdict.mutant.at}` | {_seen(verdict)} |\n"
        for verdict in verdicts
    )
    return f"""<!-- Written by `make mutants` from tests/mutation/mutants.toml: change that, not this. -->

# Mutation check

This page measures the tests. `make mutants` breaks {len(verdicts)} rules of the schemas, the comparison, the decision
and the body of a PUT, one at a time, in a copy of the repository, and runs the tests of the behavior against each. A
rule that can be broken without a failing test can be lost: the command then exits 1. It takes some minutes, and CI does
not run it; a test compares the list with the code, so that it cannot become stale.
[CONTRIBUTING](../CONTRIBUTING.md#breaking-a-rule) describes how to write a mutant.

Tests that compare whole texts, such as the pages of [the reference](reference), do not take part: they detect every
change, whether it matters or not.

{len(verdicts) - len(survived)} of {len(verdicts)} are detected, each by the test named first among those that fail.

| mutant | effect | broken in | detected by |
| --- | --- | --- | --- |
{rows}"""


def _seen(verdict: Verdict) -> str:
    return f"`{verdict.seen_by[0]}`: `{verdict.seen_by[1]}`" if verdict.seen_by else "**none**"
