"""Equal warnings as one, with their number. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.report.view import Problem


@dataclass(frozen=True, slots=True)
class Counted:
    """
    A warning, and how many places have it.

    Attributes:
        problem: The first of them.
    """

    problem: Problem
    number: int = 1

    @property
    def places(self) -> str:
        """The number of places, in words; empty where it is one, which its line names."""
        return f"in {self.number} places" if self.number > 1 else ""


def counted(problems: Iterable[Problem]) -> tuple[Counted, ...]:
    """Return *problems* without repetitions, in the order of their first places: equal are code, message and fix."""
    first: dict[tuple[str, str, str | None], Problem] = {}
    numbers: dict[tuple[str, str, str | None], int] = {}
    for problem in problems:
        key = (problem.code, problem.message, problem.fix)
        first.setdefault(key, problem)
        numbers[key] = numbers.get(key, 0) + 1
    return tuple(Counted(problem, numbers[key]) for key, problem in first.items())
