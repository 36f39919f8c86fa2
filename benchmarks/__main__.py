"""
Measures what users wait for, and fails where a budget is exceeded: ``make bench``.

Every figure is CPU time (user and system) and peak memory of a real ``reconciler`` process; the embedded ARM it speaks
to runs in another one and is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ratios
from benchmarks.estate import seed, seed_documents, spread, write_documents, write_machines, write_manifests

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = (str(Path(sys.executable).with_name("reconciler")),)
MEBIBYTE = 1024 * 1024
NOISE = 1.3  # CPU time on two shared cores comes out up to 30 % apart
EXACT = 1.0
# Compiled modules are kept, as where a user runs it; without them every run would pay for compiling.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Resources that one process used."""

    cpu_s: float
    peak_mib: float
    stdout: str


def measure(arguments: list[str], *, code: int = 0) -> Cost:
    """
    Run one process to its end.

    Args:
        arguments: The program and its arguments.
        code: The exit code it must have.
    """
    # Peak memory of children is a running maximum, so each is measured by a process of its own.
    script = (
        "import json, resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss, done.stdout]))\n"
    )
    outer = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(outer, stdout=subprocess.PIPE, text=True, check=True, env=ENVIRONMENT)
    returncode, cpu_s, peak, stdout = json.loads(done.stdout)
    if returncode != code:
        message = f"{' '.join(arguments)}: exit code {returncode}\n{stdout[-2000:]}"
        raise SystemExit(message)
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes on macOS, kibibytes on Linux
    return Cost(cpu_s, peak * unit / MEBIBYTE, stdout)


def best_of(times: int, arguments: list[str], *, code: int = 0) -> Cost:
    """Run several times, and give the one with the least CPU time."""
    return min((measure(arguments, code=code) for _ in range(times)), key=lambda cost: cost.cpu_s)


def start_up(root: Path) -> list[bool]:
    """Measure what every call costs before it does anything."""
    bare = best_of(7, [sys.executable, "-c", "pass"])
    help_ = best_of(7, [*PROGRAM, "--help"])
    version = best_of(7, [*PROGRAM, "--version"])
    one = next((root / "Gallery").glob("*.yaml"))
    validate = best_of(7, [*PROGRAM, "validate", str(one)])
    return [
        check("--help against bare python", help_.cpu_s / bare.cpu_s, 4.0, "x"),
        check("--version against bare python", version.cpu_s / bare.cpu_s, 4.0, "x"),
        check("validate of one file", validate.cpu_s * 1000, 110, "ms CPU"),
    ]


@contextmanager
def served(state: Path, *more: str) -> Iterator[str]:
    """Serve an embedded ARM in another process during the block, and give its endpoint."""
    server = subprocess.Popen(
        [*PROGRAM, "emulator", "--port", "0", "--state", str(state), *more], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait()


def big_plan(root: Path, state: Path, resources: int, applications: int) -> list[bool]:
    """Measure the plan of a big estate that is in sync, over HTTP."""
    with served(state) as endpoint:
        cost = measure([*PROGRAM, "plan", str(root), "--endpoint", endpoint])
    verdict, _, footer = cost.stdout.splitlines()
    in_sync = re.fullmatch(r"(?:.*: )?No changes\. ([0-9]+) resources in sync\.", verdict)
    requests = re.fullmatch(r"([0-9]+) reads, ([0-9]+) writes", footer)
    assert in_sync, verdict
    assert requests, footer
    pages = -(-applications // 100)
    lists = 1 + pages + applications * -(-((resources - applications - 1) // applications) // 100)
    return [
        check(f"plan of {resources} resources in sync", cost.cpu_s, 5.0, "s CPU"),
        check("peak memory", cost.peak_mib, 250, "MiB"),
        check("requests", int(requests[1]), lists, "GET", noise=EXACT),
        check("PUTs", int(requests[2]), 0, "PUT", noise=EXACT),
        check("resources not in sync", resources - int(in_sync[1]), 0, "", noise=EXACT),
    ]


def memory(folder: Path, few: int) -> list[bool]:
    """Measure the peak of a plan of an estate in sync, with 200 resources a subscription, and of four times as many."""
    peaks = []
    for resources in (few, 4 * few):
        root, state = folder / str(resources), folder / f"state-{resources}" / "emulator.sqlite"
        write_documents(root, spread(resources))
        seed_documents(state, spread(resources))
        with served(state) as endpoint:
            peaks.append(measure([*PROGRAM, "plan", str(root), "--endpoint", endpoint, "-o", "json"]).peak_mib)
    return [
        check(f"plan of {few} resources, peak memory", peaks[0], 180, "MiB", noise=EXACT),
        check(f"the same at {4 * few}", peaks[1] / peaks[0], 1.5, "x", noise=EXACT),
    ]


def impact(folder: Path, machines: int) -> list[bool]:
    """Measure what ``--impact`` adds to a plan that moves ``latest`` under many machines, over HTTP."""
    root, state, seeded = folder / "manifests", folder / "state" / "emulator.sqlite", folder / "machines.json"
    write_manifests(root, 2, 1)
    seed(state, 1, 1)
    write_machines(seeded, machines)
    with served(state, "--seed", str(seeded)) as endpoint:
        arguments = [*PROGRAM, "plan", str(root), "--endpoint", endpoint, "-o", "json"]
        plain, counted = best_of(3, arguments), best_of(3, [*arguments, "--impact"])
    report = json.loads(counted.stdout)
    assert sum(each["impact"]["machines"] for each in report["latest"]) == machines, report["latest"]
    return [
        check(f"--impact over {machines} machines", counted.cpu_s - plain.cpu_s, 1.0, "s CPU"),
        check("requests of Resource Graph", report["summary"]["requests"]["POST"], 11, "POST", noise=EXACT),
    ]


def idle_rounds(folder: Path, rounds: int) -> list[bool]:
    """Measure rounds of the loop over 1,000 resources in sync, over HTTP."""
    root, state, applications = folder / "manifests", folder / "state" / "emulator.sqlite", 20
    resources = write_manifests(root, 979, applications)
    seed(state, 979, applications)
    with served(state) as endpoint:
        plan = measure([*PROGRAM, "plan", str(root), "--endpoint", endpoint])
        found = json.loads(measure([sys.executable, "-m", "benchmarks.loop", str(root), endpoint, str(rounds)]).stdout)
    more, grown = found["round_s"] - found["reads_s"], (found["late"] - found["early"]) / MEBIBYTE
    return [
        check(f"idle round of {resources}, beyond its reads", more, 0.15, "s CPU"),
        check("unchanged round against a fresh plan", found["round_s"] / plan.cpu_s, 0.15, "x"),
        check(f"memory of the loop, round 10 to {rounds}", grown, 2, "MiB", noise=EXACT),
    ]


def history(folder: Path, resources: int, page: Path | None) -> list[bool]:
    """Measure what history, warnings and changes cost, against the same run without them."""
    rows = ratios.measured(ratios.make(folder, resources), partial(best_of, 3), served, PROGRAM)
    if page is not None:
        page.write_text(ratios.page(rows, resources), encoding="utf-8")
    return [check(what, found, most, unit) for what, found, most, unit in rows]


def check(what: str, measured: float, budget: float, unit: str, *, noise: float = NOISE) -> bool:
    """Print one line, and tell whether the budget holds, give or take the noise of a shared machine."""
    word = "ok" if measured <= budget else "near" if measured <= budget * noise else "OVER"
    print(f"{word:<4}  {what:<42} {measured:>10.2f}  of {budget:>8.2f} {unit}")
    return word != "OVER"


def main() -> int:
    """Measure everything; exit 1 if a budget is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--versions", type=int, default=9_599, help="versions in the big estate (default: %(default)s)")
    parser.add_argument("--applications", type=int, default=400, help="applications (default: %(default)s)")
    parser.add_argument("--ratios", type=int, default=2_000, help="resources for the ratios (default: %(default)s)")
    parser.add_argument("--only-ratios", action="store_true", help="measure no more than the ratios")
    parser.add_argument("--memory", type=int, default=10_000, help="resources for memory (default: %(default)s)")
    parser.add_argument("--only-memory", action="store_true", help="measure no more than memory")
    parser.add_argument("--page", type=Path, help="write the ratios to this file, as docs/performance.md has them")
    parser.add_argument("--rounds", type=int, default=1_000, help="rounds of the loop (default: %(default)s)")
    parser.add_argument("--machines", type=int, default=10_000, help="machines of --impact (default: %(default)s)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if chosen.only_memory:
            return 0 if all(memory(Path(folder) / "memory", chosen.memory)) else 1
        results = history(Path(folder) / "ratios", chosen.ratios, chosen.page)
        if chosen.only_ratios:
            return 0 if all(results) else 1
        root, state = Path(folder) / "manifests", Path(folder) / "state" / "emulator.sqlite"
        resources = write_manifests(root, chosen.versions, chosen.applications)
        seed(state, chosen.versions, chosen.applications)
        results += [*start_up(root), *big_plan(root, state, resources, chosen.applications)]
        results += memory(Path(folder) / "memory", chosen.memory)
        results += impact(Path(folder) / "impact", chosen.machines)
        results += idle_rounds(Path(folder) / "loop", chosen.rounds)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
