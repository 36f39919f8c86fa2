"""
``python -m tests.simulation``: play schedules; find planted bugs; show one schedule step by step.

Exit code 0: all held, or every bug was found. 1: not so.
"""

from __future__ import annotations

import argparse
import os
import sys
from random import Random

from tests.simulation.attempts import play_attempt, play_attempts, remembered
from tests.simulation.bugs import MOST, MOST_OF_ONE, ONE, hunted, write_page
from tests.simulation.crashes import SCENARIOS, crash_points
from tests.simulation.invariants import Violation
from tests.simulation.play import play
from tests.simulation.schedule import PROFILES, RUNGS, Schedule, draw
from tests.simulation.volume import Batch, Failure, batches, made_small, numbered


def main(arguments: list[str]) -> int:
    """Do what was asked for, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Simulates the reconciler.")
    parser.add_argument("--schedules", type=int, default=10_000, metavar="N", help="how many (default: 10,000)")
    parser.add_argument("--seed", type=int, metavar="N", help="of the first one (default: a fresh one)")
    parser.add_argument(
        "--profile", choices=(*PROFILES, RUNGS, ONE), help="of all of them (default: all profiles of days)"
    )
    parser.add_argument("--resources", type=int, metavar="N", help="how many schedules of one resource, and no day")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: one for each core)")
    parser.add_argument("--replay", type=int, metavar="SEED", help="play one schedule and tell its story")
    parser.add_argument("--bugs", action="store_true", help="plant each bug and find it; write docs/simulation.md")
    parser.add_argument("--crashes", action="store_true", help="kill a process at each of its requests")
    given = parser.parse_args(arguments)
    if given.replay is not None:
        return replay(given.replay, given.profile or "mixed")
    if given.resources is not None:
        return resources(given.resources, given.seed)
    if given.bugs:
        return bugs(given.jobs)
    return crashes() if given.crashes else volume(given.schedules, given.seed, given.profile, given.jobs)


def volume(count: int, seed: int | None, profile: str | None, jobs: int | None) -> int:
    """Play many schedules, and tell what failed and how to see it again."""
    first = seed if seed is not None else int.from_bytes(os.urandom(4))
    say(f"{count:,} schedules from seed {first}, each with its script without faults")
    whole = Batch()
    for part in batches(list(numbered(count, first, profile)), jobs):
        for failure in part.failures:
            say(f"\n{failure.profile} {failure.seed}: {failure.violation}\n  {failure.command}")
        whole += part
        sys.stderr.write(f"\r{whole.cost.schedules:,} plays")
        sys.stderr.flush()
    say(f"\n{whole}")
    for failure in whole.failures[:1]:
        smallest, violation = made_small(failure)
        say(f"\nthe smallest that fails as {failure.profile} {failure.seed} does:")
        show(smallest)
        say("\n".join([*violation.story, f"VIOLATION: {violation}"]))
    return int(bool(whole.failures))


def resources(count: int, seed: int | None) -> int:
    """Play one resource many times, on one core, and tell what failed and how to see it again."""
    first = seed if seed is not None else int.from_bytes(os.urandom(4))
    say(f"{count:,} schedules of one resource from seed {first}")
    played = play_attempts(count, first)
    say(f"{played}: {'no violation' if played.failure is None else 'a violation'}")
    if played.failure is not None:
        show_failure(ONE, *played.failure)
    return int(played.failure is not None)


def replay(seed: int, profile: str) -> int:
    """Play one schedule and tell its story."""
    if profile == ONE:
        return replay_resource(seed)
    schedule = draw(seed, profile)
    show(schedule)
    try:
        story, ending = play(schedule).story, "all held"
    except Violation as violation:
        story, ending = list(violation.story), f"VIOLATION: {violation}\n  {Failure(profile, seed, '').command}"
    say("\n".join([*story, ending]))
    return int(ending != "all held")


def replay_resource(seed: int) -> int:
    """Play one schedule of one resource and tell its story."""
    try:
        with remembered():
            story = play_attempt(Random(seed))
    except Violation as violation:
        show_failure(ONE, seed, violation)
        return 1
    say("\n".join([*story, "all held"]))
    return 0


def show_failure(profile: str, seed: int, violation: Violation) -> None:
    """Show the story of a schedule that failed, and the command that plays it again."""
    say("\n".join([*violation.story, f"VIOLATION: {violation}\n  {Failure(profile, seed, '').command}"]))


def show(schedule: Schedule) -> None:
    """Show a schedule."""
    names = [f"{place}={item.name}" for place, item in enumerate(schedule.items)]
    say(f"git: {', '.join(names)}; there: {[schedule.items[place].name for place in sorted(schedule.existing)]}")
    say("\n".join(f"  step   {each}" for each in schedule.steps))
    say("\n".join(f"  fault  {each}" for each in schedule.faults))


def bugs(jobs: int | None) -> int:
    """Plant each bug, find it, and write the page."""
    findings = []
    for finding in hunted(jobs):
        where = f"{' '.join(map(str, finding.schedule))}, after {finding.played}" if finding.schedule else "NOT FOUND"
        say(f"{finding.bug.name}: {where}")
        findings.append(finding)
    write_page(findings)
    found = sum(finding.schedule is not None for finding in findings)
    say(f"{found} of {len(findings)} bugs found, each within {MOST_OF_ONE:,} of one resource or {MOST} days")
    return int(found < len(findings))


def crashes() -> int:
    """Kill a process at each of its requests, in each scenario."""
    code = 0
    for name in SCENARIOS:
        try:
            say(f"{name}: {crash_points(name).points} points, all came right")
        except Violation as violation:
            code = 1
            say("\n".join([*violation.story, f"{name}: {violation}"]))
    return code


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
