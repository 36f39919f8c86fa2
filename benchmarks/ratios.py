"""Measures what history, warnings and changes cost, each against the same run without it."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.estate import documents, seed_documents, write_documents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

COMMITS = 12
"""Commits after the first one, each of which edits one version."""
_LONG = "x" * 257
"""A tag that is one character longer than Azure keeps: a warning."""


@dataclass(frozen=True, slots=True)
class World:
    """
    One estate in a repository, and what Azure may hold of it.

    Attributes:
        root: The manifests, in a repository with some commits.
        warned: The same manifests, each with a warning.
        near: The same manifests, with a tag as long that is none.
        states: The files of embedded ARMs: in sync, a tenth drifted, all changed.
    """

    root: Path
    warned: Path
    near: Path
    states: dict[str, Path]


def make(folder: Path, resources: int) -> World:
    """Write an estate of so many resources, one in 25 of them an application, with its history."""
    applications = max(1, resources // 25)
    made = list(documents(resources - applications - 1, applications))
    root = folder / "history" / "manifests"
    commits = _committed(root, made)
    states = {name: folder / name / "emulator.sqlite" for name in ("sync", "drifted", "changed")}
    seed_documents(states["sync"], made)
    seed_documents(states["drifted"], [_drifted(each, at, commits) for at, each in enumerate(made)])
    seed_documents(states["changed"], [_with(each, replicas=3, end="2034-01-01T00:00:00Z") for each in made])
    for name, length in (("warned", 257), ("near", 256)):
        write_documents(folder / name, [_tagged(each, team=_LONG[:length]) for each in made])
    return World(root, folder / "warned", folder / "near", states)


def _committed(root: Path, made: list[dict[str, Any]]) -> list[str]:
    """Write *made* as one commit, then edit one version with each further one; *made* is as the last one has it."""
    write_documents(root, made)
    git = shutil.which("git") or "git"

    def run(*arguments: str) -> str:
        settings = (
            "-c",
            "user.name=b",
            "-c",
            "user.email=b@localhost",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "gc.auto=0",
        )
        command = [git, "-C", str(root.parent), *settings, *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    run("init", "--quiet")
    commits = []
    versions = [at for at, each in enumerate(made) if each["kind"] == "GalleryApplicationVersion"]
    for at in (None, *versions[:COMMITS]):
        if at is not None:
            made[at] = _with(made[at], end="2036-06-19T07:00:00Z")
            write_documents(root, [made[at]])
        run("add", ".")
        run("commit", "--quiet", "--message", "edit")
        commits.append(run("rev-parse", "HEAD"))
    return commits


def _with(document: dict[str, Any], *, replicas: int | None = None, end: str | None = None) -> dict[str, Any]:
    profile = document["spec"]["properties"].get("publishingProfile")
    if profile is None:
        return document
    made = deepcopy(document)
    profile = made["spec"]["properties"]["publishingProfile"]
    if replicas is not None:
        profile["targetRegions"][0]["regionalReplicaCount"] = replicas
    if end is not None:
        profile["endOfLifeDate"] = end
    return made


def _tagged(document: dict[str, Any], **tags: str) -> dict[str, Any]:
    return {**document, "spec": {**document["spec"], "tags": {**document["spec"]["tags"], **tags}}}


def _drifted(document: dict[str, Any], at: int, commits: Sequence[str]) -> dict[str, Any]:
    """Return a document as it is live: written from one of the commits, and every tenth one changed since."""
    made = _with(document, replicas=3) if at % 10 == 0 else document
    return _tagged(made, **{"reconciler-commit": commits[at % len(commits)]})


def instructions(arguments: Sequence[str]) -> int | None:
    """Return how many instructions a process executes; None where valgrind is not installed."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    subprocess.run(arguments, stdout=subprocess.DEVNULL, check=True)  # compiles what it imports
    command = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    found = re.search(r"I\s+refs:\s+([0-9,]+)", done.stderr)
    return int(found[1].replace(",", "")) if found else None


def page(rows: Sequence[tuple[str, float, float, str]], resources: int) -> str:
    """Return ``docs/performance.md`` for measured rows: what, how much, at most, and the unit."""
    lines = [
        "# What it costs",
        "",
        f"Measured by `make bench` on {resources:,} resources; run it to write this page for your machine. A ratio",
        "compares two runs on one machine, by CPU time or memory of the process, so it holds on any. Instructions are",
        "counted by cachegrind, where valgrind is installed.",
        "",
        f"Machine: {platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}.",
        "",
        "| what | measured | at most | reached |",
        "| --- | --- | --- | --- |",
        *(_row(*row) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _row(what: str, found: float, most: float, unit: str) -> str:
    return f"| {what} | {found:.2f} {unit} | {most:g} {unit} | {'yes' if found <= most else 'no'} |"


def measured(
    world: World, run: Callable[..., Any], served: Callable[[Path], Any], program: Sequence[str]
) -> list[tuple[str, float, float, str]]:
    """
    Return a row for each budget: what, how much, at most, and the unit.

    Args:
        world: The estate.
        run: Runs a process and returns its cost.
        served: Serves an embedded ARM.
        program: The command.
    """
    root = str(world.root)
    plain = run([*program, "validate", root])
    against = run([*program, "validate", root, "--against", "HEAD~1"])
    near, warned = (run([*program, "validate", str(each)]) for each in (world.near, world.warned))
    with served(world.states["sync"]) as endpoint:
        plan = run([*program, "plan", root, "--endpoint", endpoint])
        since = run([*program, "plan", root, "--endpoint", endpoint, "--changed-since", "HEAD~1"])
    with served(world.states["drifted"]) as endpoint:
        drift = run([*program, "drift", root, "--endpoint", endpoint], code=2)
    with served(world.states["changed"]) as endpoint:
        texts = {form: run([*program, "plan", root, "-o", form, "--endpoint", endpoint]) for form in FORMS}
    rows = [
        (
            "drift of a tenth with causes of 13 commits, against a plan in sync",
            drift.cpu_s / plan.cpu_s,
            2.0,
            "x CPU",
        ),
        ("the same, peak memory", drift.peak_mib / plan.peak_mib, 2.0, "x"),
        ("plan --changed-since HEAD~1, against a plan", since.cpu_s / plan.cpu_s, 0.6, "x CPU"),
        ("validate --against HEAD~1, against validate", against.cpu_s / plain.cpu_s, 1.3, "x CPU"),
        ("validate with a warning on every manifest, against one without", warned.cpu_s / near.cpu_s, 1.2, "x CPU"),
        ("plan with everything changed, against a plan in sync", texts["text"].cpu_s / plan.cpu_s, 2.0, "x CPU"),
    ]
    seconds = {form: texts[form].cpu_s - texts["json"].cpu_s for form in ("html", "sarif")}
    rows += [(f"{form} of all changed, beyond JSON", taken, 2.0, "s CPU") for form, taken in seconds.items()]
    bare, helped = instructions([sys.executable, "-c", "pass"]), instructions([*program, "--help"])
    if bare and helped:
        rows.append(("--help, against bare Python", helped / bare, 4.0, "x instructions"))
    return rows


FORMS = ("text", "json", "html", "sarif")
