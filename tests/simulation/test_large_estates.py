"""Schedules of faults in a run that packs all that it holds, and remembers verdicts of earlier runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from reconciler import pipeline
from reconciler.plan.verdicts import Verdicts
from tests.kit.crowded import crowded
from tests.simulation.play import play
from tests.simulation.schedule import draw
from tests.simulation.volume import numbered

if TYPE_CHECKING:
    from reconciler.model.desired import Desired
    from reconciler.model.live import Observed
    from reconciler.plan.decide import Decision, Parent, Policy

pytestmark = pytest.mark.slow


class Counted(Verdicts):
    """Verdicts, and how often one was asked for."""

    asked: int = 0

    def decide(self, desired: Desired, observed: Observed, policy: Policy, parent: Parent) -> Decision:
        """Count."""
        self.asked += 1
        return super().decide(desired, observed, policy, parent)


@pytest.mark.parametrize("first", [0, 40])
def test_the_schedules_of_ever_with_a_cache(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    """Every one safe and right in the end, though what one run found in sync, no later one looks at again."""
    known: dict[str, str] = {}
    verdicts = Counted("test", known, known)
    monkeypatch.setattr(pipeline, "Task", partial(pipeline.Task, verdicts=verdicts))
    with crowded():
        for profile, seed in numbered(40, first):
            play(draw(seed, profile))
    assert known
    assert verdicts.decided < verdicts.asked
