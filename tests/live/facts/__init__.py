"""The facts, in the order in which a run plays them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.live.facts import applications, definitions, galleries, requests, scripts, versions

if TYPE_CHECKING:
    from tests.live.fact import Fact
    from tests.live.stage import Stage


def all_facts(stage: Stage) -> tuple[Fact, ...]:
    """Return every fact. Those of versions come last, because their operations take minutes."""
    return (
        *requests.facts(stage),
        *galleries.facts(stage),
        *applications.facts(stage),
        *definitions.facts(stage),
        *requests.header_facts(stage),
        *scripts.facts(stage),
        *versions.facts(stage),
    )
