"""Counts the samples of a gate: so many numbers in a row below the bound open it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.manifests.gates import GateRule


class Verdict(Enum):
    """The end of a row."""

    PASSED = auto()
    FAILED = auto()
    INCONCLUSIVE = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """
    Samples in a row.

    Attributes:
        passed: How many of them were below the bound.
        at: Monotonic seconds of the last one.
        verdict: None while samples are missing.
        why: Why it failed, or is inconclusive.
    """

    passed: int = 0
    at: float = float("-inf")
    verdict: Verdict | None = None
    why: str = ""

    @property
    def so_far(self) -> int:
        """How many samples of an open row were below the bound."""
        return self.passed if self.verdict is None else 0

    def pause_s(self, rule: GateRule, now: float) -> float:
        """Return the seconds until the next sample."""
        return max(0.0, self.at + rule.every.total_seconds() - now)


def counted(row: Row, rule: GateRule, number: float | None, why: str, now: float) -> Row:
    """
    Return a row with one more sample.

    Args:
        row: The samples before; one that has ended counts as none.
        rule: The gate.
        number: The sample; None where the gate gave no number.
        why: Why it gave none.
        now: Monotonic seconds.
    """
    if number is None:
        return Row(0, now, Verdict.INCONCLUSIVE, why)
    if number >= rule.below:
        return Row(0, now, Verdict.FAILED, f"its gate answered {number:g}, which is not below {rule.below:g}")
    passed = row.so_far + 1
    return Row(passed, now, Verdict.PASSED if passed >= rule.samples else None)
