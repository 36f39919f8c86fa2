"""The plan of a loop: made again exactly when something that it follows from has changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

from reconciler.kinds.live import Live
from reconciler.model.live import Observation
from reconciler.plan.decide import Memory, Policy, make_plan
from reconciler.plan.remembered import Remembered
from tests.kit.rounds import gallery

if TYPE_CHECKING:
    from collections.abc import Callable

KEY: Final = gallery().key
Inputs: TypeAlias = "tuple[Any, Observation, Policy, dict[str, Any]]"


def inputs(team: str = "a", **tags: Any) -> Inputs:
    """Return the arguments of a plan about a gallery that is live with these tags."""
    body = {"location": "westus", "tags": {"team": team, **tags}, "properties": {"description": "a"}}
    desired = gallery()
    return (desired,), Observation({KEY: Live(body)}), Policy(), {KEY: desired}


CHANGES: Final[dict[str, Callable[[Inputs], Inputs]]] = {
    "a value": lambda _: inputs("b"),
    "the type of a value": lambda _: inputs(more=True),
    "api-versions": lambda old: (old[0], replace(old[1], versions={("Gallery", "s"): "2022-03-03"}), *old[2:]),
    "a manifest": lambda old: ((replace(old[0][0]),), *old[1:]),
    "memory": lambda old: (*old[:2], Policy(memory=Memory(frozenset({KEY}))), old[3]),
    "what is declared": lambda old: (*old[:3], {}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_changes_is_decided_again(change: Callable[[Inputs], Inputs]) -> None:
    """Every plan is the one that a new process would make."""
    remembered = Remembered()
    first = remembered.plan(*inputs(more=1))
    assert remembered.plan(*inputs(more=1)) is first
    assert remembered.decided == 1
    changed = change(inputs(more=1))
    assert remembered.plan(*changed) == make_plan(*changed)
    assert remembered.decided == 2
