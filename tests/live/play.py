"""Plays facts: sends their steps through the door, and has each fact judged as soon as its answers are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.errors import AuthError, RequestError
from tests.live.fact import missing_step, verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.live.door import Door
    from tests.live.fact import Fact, Need, Seen, Step, Verdict


@dataclass(slots=True)
class Play:
    """
    One run.

    Attributes:
        available: The things that steps may need.
        answers: By the names of the steps; a text is the reason why there is none.
    """

    door: Door
    available: frozenset[Need]
    answers: dict[str, Seen | str] = field(default_factory=dict)
    _running: list[tuple[str, Seen]] = field(default_factory=list)

    async def judge(self, facts: Sequence[Fact]) -> AsyncIterator[tuple[Fact, Verdict]]:
        """
        Yield each fact with its verdict, in order.

        Raises:
            AuthError: The sign-in failed.
        """
        for fact in facts:
            for step in fact.steps:
                await self._play(step)
            await self._end_operations()
            yield fact, verdict(fact, [self.answers[step.name] for step in fact.steps])

    async def _play(self, step: Step) -> None:
        if step.name in self.answers:
            return
        for earlier in step.after:
            await self._play(earlier)
        reason = missing_step(step, self.available, self.answers)
        if reason is not None:
            self.answers[step.name] = reason
            return
        answer, operation = await self.door.send(step)
        self.answers[step.name] = answer
        if operation is not None and not isinstance(answer, str):
            self._running.append((operation, answer))
            if step.waits:
                await self._end_operations()

    async def _end_operations(self) -> None:
        while self._running:
            operation, seen = self._running.pop(0)
            try:
                await self.door.follow(operation, seen)
            except AuthError:
                raise
            except RequestError as error:
                seen.polls.append({"status": "unknown", "error": {"code": error.info.code}})
