"""Schedules of faults with ``--reader graph``: rows may tell what is in sync, and nothing is written on their word."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.simulation.invariants import Watch
from tests.simulation.play import play
from tests.simulation.process import OPTIONS, Process
from tests.simulation.schedule import draw
from tests.simulation.volume import numbered

if TYPE_CHECKING:
    from tests.simulation.faults import Reply, Request

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("first", [0, 40])
def test_the_schedules_of_ever_by_graph(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    """Every one safe and right in the end; what only a row has shown is not held against reads."""
    shown, answered, asked = Watch._is_in_sync, Process._answered, Counter[str]()

    def counted(self: Process, request: Request, reply: Reply | None, how: str) -> None:
        asked[f"{request.method} {how}"] += 1
        answered(self, request, reply, how)

    monkeypatch.setattr("tests.simulation.play.OPTIONS", replace(OPTIONS, reader="graph"))
    monkeypatch.setattr(Watch, "_is_in_sync", lambda self, key: key not in self.reads or shown(self, key))
    monkeypatch.setattr(Process, "_answered", counted)
    for profile, seed in numbered(40, first):
        play(draw(seed, profile))
    assert asked["POST 200"] > 40
