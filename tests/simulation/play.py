"""Plays a schedule to its end, and a while beyond: once faults and edits stop, all must come right."""

from __future__ import annotations

import asyncio
import logging
import re
import warnings
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Final

from reconciler.kinds.packaged import packaged
from reconciler.plan import saved as saved_plan
from reconciler.service.rounds import Pace, run_rounds
from tests.kit.clock import Middling
from tests.simulation import resources
from tests.simulation.azure import Azure
from tests.simulation.clock import VirtualClock, run
from tests.simulation.invariants import Violation
from tests.simulation.process import OPTIONS, TIMEOUT_S, Process
from tests.simulation.resources import CANARY, FROZEN, Facts
from tests.simulation.schedule import Drift, Edit, Run, Schedule, Step, Wait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from reconciler.model.outcome import Report
    from reconciler.service.round import Round
    from reconciler.service.rounds import Retries

RUNS: Final = 3
SETTLED_S: Final = 7200.0
ROUNDS: Final = 3
_STOP_GRACE_S: Final = 4.0
_OPERATION: Final = re.compile(r"(?<=capsOperations/)[0-9a-f-]{36}")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a simulation came to; seconds are virtual."""

    schedules: int = 0
    processes: int = 0
    requests: int = 0
    faults: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Return both together."""
        return Cost(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


class Play:
    """
    One schedule as it is played.

    Attributes:
        stated: What git says, by folded id.
        story: What happened.
        blocked: Folded ids of what Azure will not let be as git has it.
        end: What was there at the end, of what git has a say in, by folded id.
    """

    def __init__(self, schedule: Schedule) -> None:
        """Make the world."""
        self.schedule = schedule
        self.clock = VirtualClock()
        self.story: list[str] = []
        self.azure = Azure(schedule, self.clock, self.tell)
        self.stated: dict[str, Facts] = {item.key: dict(item.facts) for item in schedule.items}
        self.processes: list[Process] = []
        self.blocked: set[str] = set()
        self.end: dict[str, Facts] = {}
        self._log: list[str] = []

    def tell(self, text: str) -> None:
        """Go on with the story; operations have another name in each play."""
        self.story.append(f"{self.clock.elapsed:9.1f} s  {_OPERATION.sub('…', text)}")

    @property
    def cost(self) -> Cost:
        """What it came to."""
        requests = sum(process.requests for process in self.processes)
        return Cost(1, len(self.processes), requests, self.azure.met, self.clock.elapsed)

    async def run(self) -> None:
        """
        Play every step, then let everything settle.

        Raises:
            Violation: Something did not hold.
        """
        try:
            for step in self.schedule.steps:
                await self._step(step)
                self._check()
                self._nothing_is_lost()
            await self._settle()
            self._nothing_is_lost()
            self.end = self._facts()
        finally:
            self.azure.world.close()

    def _check(self) -> None:
        found = [*self._log, *(text for process in self.processes for text in process.watch.found)]
        if found:
            raise Violation(found[0])

    def _nothing_is_lost(self) -> None:
        if lost := self.azure.lost():
            raise Violation(lost[0])

    async def _step(self, step: Step) -> None:
        if isinstance(step, Wait):
            await self.clock.sleep(step.seconds)
        elif isinstance(step, Edit):
            item = self.schedule.items[step.item]
            self.tell(f"git: {item.name} {step.fact} = {str(step.value).partition('?')[0]}")
            self.stated[item.key] = {**self.stated[item.key], step.fact: step.value}
        elif isinstance(step, Drift):
            await self.azure.drift(step)
        else:
            await _HOWS[step.how](self, step)

    # ------------------------------------------------------------------------------------------------------- runs

    async def _plan(self, step: Run) -> None:
        process = self._born(step)
        await self._live(process, step, process.plan())

    async def _apply(self, step: Run) -> int | None:
        process = self._born(step)
        return await self._live(process, step, process.apply())

    async def _two(self, step: Run) -> None:
        """Let two run at once, one of which lives; another client may do something meanwhile."""

        async def later() -> None:
            await self.clock.sleep(step.apart_s)
            if step.drift is not None:
                await self.azure.drift(step.drift)
            await self._apply(Run(concurrency=step.concurrency))

        second = asyncio.ensure_future(later())
        await self._apply(step)
        await second

    async def _saved(self, step: Run) -> None:
        """Save a plan, let another client do something, and apply the plan."""
        first = self._born(step)
        texts: list[str] = []

        async def plan() -> None:
            texts.append(await first.plan())

        await self._live(first, Run("plan"), plan())
        if not texts:
            return
        if step.drift is not None:
            await self.azure.drift(step.drift)
        await self.clock.sleep(step.apart_s)
        second = self._born(step)
        second.watch.planned = first.watch.snapshot()
        saved = saved_plan.read(texts[0].encode(), packaged().documents["plan"], None, self.clock.now())
        await self._live(second, step, second.apply(saved))

    async def _rounds(self, step: Run) -> None:
        """Let the loop run for some rounds; its process is the one of the first round, each round has a client."""
        loop = self._born(step)
        heard: list[Report] = []

        async def one_round(retries: Retries) -> Report:
            if heard and step.drift is not None:
                await self.azure.drift(step.drift)
            process = self._born(replace(step, crash=step.crash if not heard else None))
            process.stop, process.died = loop.stop, loop.died
            process.windows, process.watch.windows = retries.windows, loop.watch.windows
            process.versions = retries.versions
            return await process.apply(retries=retries)

        def emit(ended: Round) -> None:
            heard.append(ended.report)
            if len(heard) == ROUNDS:
                loop.stop.set()

        pace = Pace(self.clock, step.apart_s or 60.0, loop.stop, asyncio.Event(), Middling())
        work = run_rounds(one_round, emit, pace)
        await self._live(loop, step, work)

    def _born(self, step: Run) -> Process:
        process = Process(len(self.processes) + 1, self.azure, self.schedule.items, self.stated, self.schedule.chance)
        process.crash = step.crash
        process.options = replace(
            OPTIONS, concurrency=step.concurrency, health=step.replicated, wait_replicated=step.replicated
        )
        self.processes.append(process)
        return process

    async def _live(self, process: Process, step: Run, work: Awaitable[object]) -> bool:
        """Let a process live to its end, its crash, or the signal that stops it; tell whether it came to its end."""
        self.tell(f"process {process.watch.number}: {step.how}")
        task = asyncio.ensure_future(work)
        limit = (2 + 2 * len(self.schedule.items)) * TIMEOUT_S * (ROUNDS if step.how == "rounds" else 1)
        crash_s = step.crash.seconds if step.crash else 0.0
        others = [asyncio.ensure_future(process.died.wait()), asyncio.ensure_future(self.clock.sleep(crash_s or limit))]
        if step.stop_s is not None:
            others.append(asyncio.ensure_future(self._stop(process, step.stop_s, task)))
        await asyncio.wait([task, *others[:2]], return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and not process.died.is_set() and not crash_s:
            process.watch.violated(f"it did not end within {limit:g} s")
        has_ended = task.done()
        for each in (task, *others):
            each.cancel()
        result, *_ = await asyncio.gather(task, *others, return_exceptions=True)
        if isinstance(result, Exception):
            process.watch.violated(f"it ended with {result!r}")
        self.tell(f"process {process.watch.number} {'ends' if has_ended else 'is killed'}")
        return has_ended

    async def _stop(self, process: Process, seconds: float, task: asyncio.Future[object]) -> None:
        """Tell a process to stop as its shell does: by its event, and by cancelling it some seconds later."""
        await self.clock.sleep(seconds)
        self.tell(f"process {process.watch.number} is told to stop")
        process.stop.set()
        for each in self.processes:
            if each.stop is process.stop:
                each.watch.stopped_at = self.clock.elapsed
        await self.clock.sleep(_STOP_GRACE_S)
        task.cancel()

    # ---------------------------------------------------------------------------------------------------- liveness

    async def _settle(self) -> None:
        """Let faults and edits stop: within some runs all is as git has it, and then nothing is sent any more."""
        self.tell("faults and edits stop")
        self.azure.calm_down()
        since = self.clock.elapsed
        for _ in range(RUNS):
            await self._apply(Run())
            self._check()
            if not (wrong := self._unsettled()):
                break
        if wrong:
            self._fail(f"after {RUNS} runs without faults: {'; '.join(wrong)}")
        if self.clock.elapsed - since > SETTLED_S:
            self._fail(f"without faults it took {self.clock.elapsed - since:g} s")
        await self._apply(Run())
        last = self.processes[-1].watch
        self._check()
        if last.puts.total() or last.code != int(bool(self.blocked)):
            self._fail(f"with nothing to do {last.puts.total()} PUTs were sent, and the exit code is {last.code}")

    def _fail(self, text: str) -> None:
        raise Violation(text)

    def _unsettled(self) -> list[str]:
        """Return what is not as git has it, though Azure would let it be."""
        found: list[str] = []
        self.blocked = set()
        for item in self.schedule.items:
            stored = self.azure.world.stored(item.id)
            if stored is None:
                found.append(f"{item.name} is not there")
                continue
            wrong = resources.differences(item.kind, self.stated[item.key], stored, is_stored=True)
            if FROZEN.get(item.kind, frozenset()) & set(wrong):
                self.blocked.add(item.key)
                continue
            state = resources.state(self.azure.world.answer(item.id))
            found += [f"{item.name} differs in {wrong}"] if wrong else []
            found += [f"{item.name} is {state}"] if state != "succeeded" else []
        return found

    def _facts(self) -> dict[str, Facts]:
        """Return what git has a say in, as it is now."""
        items = self.schedule.items
        return {item.key: resources.facts(item.kind, self.azure.world.stored(item.id) or {}) for item in items}

    # -------------------------------------------------------------------------------------------------------- log

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear every log record of every level, and every warning."""
        handler = _Listener(self._log)
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                yield
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
        self._log += [f"a warning shows a secret: {each.category}" for each in caught if CANARY in str(each.message)]


class _Listener(logging.Handler):
    """Looks into log records."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.NOTSET)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.getMessage()} {record.exc_info or ''}"
        if CANARY in text:
            self._found.append(f"a log record of {record.name} shows a secret: {text[: text.index(CANARY)]}…")


_HOWS: Final[dict[str, Callable[[Play, Run], Awaitable[object]]]] = {
    "plan": Play._plan,
    "apply": Play._apply,
    "two": Play._two,
    "saved": Play._saved,
    "rounds": Play._rounds,
}


def play(schedule: Schedule) -> Play:
    """
    Play a schedule.

    Raises:
        Violation: Something did not hold; the story so far is in its notes.
    """
    it = Play(schedule)
    try:
        with it.listening():
            run(it.clock, it.run())
        it._check()
    except Violation as violation:
        violation.story = it.story
        raise
    return it
