"""
Plants a bug in the client and asks the simulation to find it: schedules of one resource first, then whole days.

The bugs are data, ``bugs.toml``. The code of the function that a bug changes is exchanged in place, so a module that
imported it has the bug too.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from random import Random
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final

from tests.kit.repository import ROOT
from tests.planting.errors import StaleError
from tests.planting.mutant import Mutant, read
from tests.simulation.attempts import play_attempt, play_attempts
from tests.simulation.invariants import Violation
from tests.simulation.play import play
from tests.simulation.schedule import PROFILES, draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BUGS: Final = Path(__file__).with_name("bugs.toml")
PAGE: Final = ROOT / "docs" / "simulation.md"
MOST: Final = 300
"""Schedules of whole days within which each bug must be found that schedules of one resource do not find."""
MOST_OF_ONE: Final = 3000
"""Schedules of one resource that are tried first: a day costs as much as hundreds of them."""
ONE: Final = "resource"
"""In the place of a profile, for a schedule of one resource."""
_HEAD: Final = """\
| bug | effect | planted in | found by | schedules until then |
| --- | --- | --- | --- | --- |
"""
_ROW: Final = re.compile(r"^\| `([\w-]+)` \| .* \| `(\w+)` (\d+) \| \d+ \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What became of one bug.

    Attributes:
        schedule: Profile and seed of the first schedule that found it; None if none did.
        played: How many were played for it.
        violation: What did not hold.
    """

    bug: Mutant
    schedule: tuple[str, int] | None
    played: int
    violation: str = ""


def read_bugs() -> tuple[Mutant, ...]:
    """Return the bugs."""
    return read(BUGS.read_text(encoding="utf-8"))


def known() -> dict[str, tuple[str, int]]:
    """Return the schedule that found each bug when the page was last written."""
    return {name: (profile, int(seed)) for name, profile, seed in _ROW.findall(PAGE.read_text(encoding="utf-8"))}


@contextmanager
def planted(bug: Mutant) -> Iterator[None]:
    """
    Have a bug in the client.

    Raises:
        StaleError: The function is not there, or the bug changes nothing in it.
    """
    function = _function(bug)
    path = ROOT / bug.file
    broken = _codes(compile(bug.applied(path.read_text(encoding="utf-8")), path, "exec"))
    code = function.__code__
    function.__code__ = broken[function.__qualname__].replace(co_freevars=code.co_freevars)
    try:
        yield
    finally:
        function.__code__ = code


def _function(bug: Mutant) -> FunctionType:
    """Return the function or method that a bug changes."""
    found: Any = importlib.import_module(bug.module)
    for name in bug.name_in_file.split("."):
        found = inspect.getattr_static(found, name, None)
        found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    if not isinstance(found, FunctionType):
        message = f"{bug.name}: {bug.at} is no function: move the bug with the code"
        raise StaleError(message)
    return found


def _codes(code: CodeType) -> dict[str, CodeType]:
    found = {}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found[each.co_qualname] = each
            found |= _codes(each)
    return found


def is_found(bug: Mutant, profile: str, seed: int) -> str | None:
    """Return what does not hold with a bug in a schedule; None if all does."""
    with planted(bug):
        try:
            if profile == ONE:
                play_attempt(Random(seed))
            else:
                play(draw(seed, profile))
        except Violation as violation:
            return str(violation)
    return None


def hunt(bug: Mutant) -> Finding:
    """Play schedules of one resource, then days of all profiles in turn, until one finds a bug."""
    with planted(bug):
        played = play_attempts(MOST_OF_ONE, 0)
    if played.failure is not None:
        seed, found = played.failure
        return Finding(bug, (ONE, seed), played.schedules, str(found))
    for number in range(MOST):
        profile, seed = PROFILES[number % len(PROFILES)], number // len(PROFILES)
        violation = is_found(bug, profile, seed)
        if violation is not None:
            return Finding(bug, (profile, seed), number + 1, violation)
    return Finding(bug, None, MOST)


def hunted(jobs: int | None = None) -> Iterator[Finding]:
    """Hunt for every bug, on several cores; each hunt has a process of its own."""
    with ProcessPoolExecutor(jobs or os.cpu_count(), max_tasks_per_child=1) as pool:
        yield from pool.map(hunt, read_bugs())


def write_page(findings: Iterable[Finding]) -> None:
    """Write the table of the page anew."""
    rows = [
        f"| `{each.bug.name}` | {each.bug.breaks} | `{each.bug.at}` | {_where(each)} | {each.played} |"
        for each in findings
    ]
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_HEAD)
    after = dropwhile(lambda line: line.startswith("|"), rest.splitlines())
    PAGE.write_text(before + _HEAD + "\n".join([*rows, *after, ""]), encoding="utf-8", newline="\n")


def _where(finding: Finding) -> str:
    return f"`{finding.schedule[0]}` {finding.schedule[1]}" if finding.schedule else "**nowhere**"
