"""Plays rounds of the loop for as long as is wanted, with one trouble after another, and holds what must hold."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from reconciler.emulator import EmulatorSettings, create_app
from reconciler.http.transport import Transport
from reconciler.manifests.estate import Options
from reconciler.manifests.permits import Permits
from reconciler.model.change import Sync
from reconciler.runtime import loop
from reconciler.runtime.lock import LockPlace
from reconciler.runtime.loop import Service
from reconciler.runtime.recording import Keeping, recording
from reconciler.runtime.repository import Watched
from reconciler.runtime.run import Run
from reconciler.secret.text import Secret
from reconciler.service.round import RoundOutcome
from reconciler.service.source import Terms
from reconciler.service.store import FILE_NAME
from reconciler.settings import Connection, Environment
from tests.kit.loops import run
from tests.soak.world import APPLICATION_IDS, HOOK, Arm, Commits, Hook, Wall

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reconciler.clock import Clock
    from reconciler.service.round import Round

INTERVAL_S: Final = 300.0
DAYS: Final = 1.0
REST: Final = 3
"""Rounds without a trouble before each."""
MOST: Final = 30
"""Rounds until the estate must have converged."""


MEMORY: Final = 8 * 2**20
"""Bytes by which a process may grow: allocators keep what they have."""
HISTORY: Final = 12 * 2**20
"""Bytes of the history of a day and its log."""


class Violation(AssertionError):  # noqa: N818 (a finding, not an error of the program)
    """Something did not hold."""


@dataclass(frozen=True, slots=True)
class Size:
    """The process and its files, after so many rounds."""

    rounds: int
    memory: int
    descriptors: int
    history: int

    def __str__(self) -> str:
        return (
            f"{self.rounds:,} rounds: {self.memory / 2**20:.1f} MB, {self.descriptors} descriptors, "
            f"history {self.history / 1024:.0f} KB"
        )


@dataclass(slots=True)
class Trouble:
    """
    What happened, and what must follow.

    Attributes:
        began: The round after which it happened.
        written: Resources that must be written, each once.
        drifted: Those of them that differ by another client's doing.
        lasts: Rounds before which it does not end.
        ending: Ends it; None where the loop does.
    """

    name: str
    began: int
    written: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()
    lasts: int = 0
    ending: Callable[[], None] | None = None


@dataclass
class Soak:
    """
    One soak.

    Attributes:
        sizes: Of the process, now and then.
        counts: How often each trouble came.
    """

    folder: Path
    rounds: int
    seed: int = 0
    every: int = 500
    sizes: list[Size] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    done: int = 0
    violation: Violation | None = None

    def __post_init__(self) -> None:
        """Make everything around the loop."""
        self.chance = Random(self.seed)
        self.clock = Wall()
        self.app = create_app(EmulatorSettings(operation_seconds=20), self.clock)
        self.world = self.app.state.world
        self.arm = Arm(self.app)
        self.hook = Hook(Random(self.seed))
        self.commits = Commits(self.folder / "trees")
        self.commits.commit(on=None)
        self.trouble: Trouble | None = Trouble("the first rounds", 0)
        self.calm = 0
        self.known_episodes = 0
        self.second: asyncio.Task[None] | None = None
        self.second_stop = asyncio.Event()
        self.stop = asyncio.Event()

    # ------------------------------------------------------------------------------------------------- the processes

    async def play(self) -> None:
        """Play all rounds; Violation where something does not hold."""
        try:
            with ExitStack() as doors:
                doors.enter_context(patch("reconciler.emulator.create_app", lambda *_: self.arm))
                doors.enter_context(patch("reconciler.runtime.repository.in_daemon_thread", _inline))
                doors.enter_context(patch("reconciler.service.delivery.Transport", _Receiving(self.hook)))
                while self.done < self.rounds and self.violation is None:
                    self.stop = asyncio.Event()
                    await self._process("first", self.told, self.stop)
                await self._end_second()
        finally:
            self.world.close()
        if self.violation is not None:
            raise self.violation

    async def _process(self, name: str, told: Callable[[Round], None], stop: asyncio.Event) -> None:
        """Run the loop as ``run`` does, until *stop*."""
        state = self.folder / name
        options = Options(
            paths=("manifests",), permits=Permits(secrets={HOOK: Secret(f"http://127.0.0.1:9/{name}")}), signs=True
        )
        connection = Connection("emulator", "http://localhost", "none")
        given = Run("run", options, connection, Environment({"PWD": str(self.folder)}), self.clock)
        mirror: Any = self.commits
        lock = LockPlace(self.folder / "lock")
        watched = Watched(mirror, Terms(), "manifests") if name == "first" else None
        service = Service(INTERVAL_S, watched=watched, lock=lock, chance=self.chance)
        kept = recording(given, Keeping(state, days=DAYS, source="soak"))

        def emit(ended: Round) -> None:
            told(kept.take(ended))

        async with kept.sending(INTERVAL_S):
            await loop.rounds(given, service, emit, stop)

    def begin_second(self) -> None:
        """Start another loop on the same lock, which reads the same files from the working folder."""
        link = self.folder / "manifests"
        link.unlink(missing_ok=True)
        link.symlink_to(self.commits.tree(self.commits.good) / "manifests")
        self.second_stop = asyncio.Event()
        self.second = asyncio.ensure_future(self._process("second", self._told_by_second, self.second_stop))

    async def _end_second(self) -> None:
        if self.second is not None:
            self.second_stop.set()
            await self.second

    def _told_by_second(self, ended: Round) -> None:
        if ended.held is None or ended.report.puts or ended.report.outcomes:
            self.fail(f"the second loop wrote: {ended.outcome}, {ended.report.errors}")

    # ---------------------------------------------------------------------------------------------------- the checks

    def told(self, ended: Round) -> None:
        """Hear of a round: check what holds after it, and let the next trouble happen."""
        self.done += 1
        if self.done >= self.rounds:
            self.stop.set()
        if self.done % self.every == 0:
            self.sizes.append(self._size())
        if self.trouble is None:
            self._rested(ended)
        else:
            self._went_on(ended, self.trouble)

    def fail(self, message: str) -> None:
        """Note the first thing that did not hold, and end."""
        name = self.trouble.name if self.trouble else "no trouble"
        self.violation = self.violation or Violation(f"round {self.done}, seed {self.seed}, {name}: {message[:2000]}")
        self.stop.set()

    def _rested(self, ended: Round) -> None:
        if not _is_calm(ended):
            self.fail(f"{ended.outcome}, {len(ended.report.outcomes)} PUTs, {ended.report.errors}")
        self.calm += 1
        if self.calm >= REST:
            self.calm = 0
            self.known_episodes = self._rows("SELECT coalesce(max(number), 0) FROM episodes")[0][0]
            self.arm.puts.clear()
            self.hook.told.clear()
            self.hook.accepted.clear()
            name = self.chance.choice([*TROUBLES])
            self.counts[name] = self.counts.get(name, 0) + 1
            self.trouble = TROUBLES[name](self, name)

    def _went_on(self, ended: Round, trouble: Trouble) -> None:
        since = self.done - trouble.began
        if since > MOST:
            self.fail(f"has not converged: {ended.outcome}, {ended.report.errors}, {ended.report.warnings}")
        if since == trouble.lasts and trouble.ending is not None:
            trouble.ending()
            return
        if since > trouble.lasts and _is_calm(ended) and since > REST and not self._waiting():
            self._converged(trouble)
            self.trouble = None

    def _waiting(self) -> int:
        """Return how many notices are on their way."""
        return int(self._rows("SELECT count(*) FROM outbox")[0][0])

    def _converged(self, trouble: Trouble) -> None:
        """Check what a trouble left: PUTs, episodes and notices."""
        if trouble.began == 0:
            return
        wanted = dict.fromkeys(trouble.written, 1)
        if dict(self.arm.puts) != wanted:
            self.fail(f"PUTs {dict(self.arm.puts)}, not {wanted}")
        texts = self.commits.texts
        for each in (*trouble.written, *trouble.drifted):
            found = (self.world.answer(each) or {}).get("properties", {}).get("description")
            if found != texts.get(each, "as declared"):
                self.fail(f"{each} has {found!r}")
        if twice := [key for key, times in self.hook.accepted.items() if times != 1]:
            self.fail(f"notices {twice} were accepted more than once")
        self._recorded(trouble)

    def _recorded(self, trouble: Trouble) -> None:
        began = self._rows("SELECT resource, how, ended_at FROM episodes WHERE number > ?", self.known_episodes)
        episodes = sorted(resource.lower() for resource, _, _ in began)
        if episodes != sorted(each.lower() for each in trouble.written):
            self.fail(f"episodes {began}, not of {trouble.written}")
        if any(ended is None or how != "applied" for _, how, ended in began):
            self.fail(f"episodes have not ended: {began}")
        applied = {subject.lower(): n for (event, subject), n in self.hook.told.items() if event == "applied"}
        if applied != {each.lower(): 1 for each in trouble.written}:
            self.fail(f"notices {dict(self.hook.told)}")

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "first" / FILE_NAME)) as db:
            return db.execute(query, values).fetchall()

    def _size(self) -> Size:
        memory = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        history = sum(each.stat().st_size for each in (self.folder / "first").glob(f"{FILE_NAME}*"))
        return Size(self.done, memory, len([*Path("/proc/self/fd").iterdir()]), history)

    # -------------------------------------------------------------------------------------------------- the troubles

    def some(self) -> tuple[str, ...]:
        """Return some applications."""
        return tuple(self.chance.sample(APPLICATION_IDS, self.chance.randint(1, 3)))

    def edit(self, ids: tuple[str, ...]) -> None:
        """Let another client change descriptions."""
        for each in ids:
            self.world.edit(each, lambda body: body["properties"].update(description=f"drift {self.done}"))

    def drift(self, name: str) -> Trouble:
        """Another client edits."""
        ids = self.some()
        self.edit(ids)
        return Trouble(name, self.done, written=ids, drifted=ids)

    def commit(self, name: str) -> Trouble:
        """A commit edits."""
        ids = self.some()
        self.commits.texts.update(dict.fromkeys(ids, f"of round {self.done}"))
        self.commits.commit(on=self.commits.head)
        return Trouble(name, self.done, written=ids)

    def rejected(self, name: str, *, is_wrong: bool) -> Trouble:
        """A commit that may not be taken, while another client edits; the next commit may."""
        ids, good = self.some(), self.commits.good
        self.edit(ids)
        self.commits.commit(on=good if is_wrong else None, is_wrong=is_wrong)
        ending = partial(self.commits.commit, on=good)
        return Trouble(name, self.done, written=ids, drifted=ids, lasts=3, ending=ending)

    def faults(self, name: str) -> Trouble:
        """ARM fails, throttles and drops connections, while another client edits."""
        trouble = self.drift(name)
        self.arm.faults["GET"] = [self.chance.choice((0, 429, 500, 503)) for _ in range(self.chance.randint(1, 40))]
        self.arm.faults["PUT"] = [self.chance.choice((429, 503)) for _ in range(self.chance.randint(0, 3))]
        return trouble

    def restart(self, name: str) -> Trouble:
        """The process is stopped and started, while another client edits."""
        trouble = self.drift(name)
        self.stop.set()
        return trouble

    def jump(self, name: str, *, seconds: float, sleeps: bool) -> Trouble:
        """The machine sleeps, or its time of day is set."""
        if sleeps:
            self.clock.elapsed += seconds
        else:
            self.clock.set_by += seconds
        return self.drift(name)

    def two(self, name: str) -> Trouble:
        """A second loop runs beside this one."""
        trouble = self.drift(name)
        self.begin_second()
        trouble.lasts, trouble.ending = 3, self.second_stop.set
        return trouble


async def _inline(work: Callable[[], Any], limit_s: float) -> Any:
    """Do the work of a thread here: virtual time does not wait for threads."""
    return work()


class _Receiving:
    """Opens transports that end at the receiver."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    def open(self, endpoint: str, service: Any, tokens: Any, clock: Clock, *, environ: Any) -> Transport:
        """Open one."""
        return Transport.open(endpoint, service, tokens, clock, environ=environ, app=self._hook)


def _is_calm(ended: Round) -> bool:
    """Return whether a round found everything as it is declared, and wrote nothing."""
    report = ended.report
    is_in_sync = all(change.sync is Sync.IN_SYNC for change in report.plan.changes)
    return ended.outcome is RoundOutcome.OK and is_in_sync and not report.outcomes and not report.puts


TROUBLES: Final[dict[str, Callable[[Soak, str], Trouble]]] = {
    "drift": Soak.drift,
    "commit": Soak.commit,
    "force-push": partial(Soak.rejected, is_wrong=False),
    "wrong commit": partial(Soak.rejected, is_wrong=True),
    "faults": Soak.faults,
    "restart": Soak.restart,
    "sleep": partial(Soak.jump, seconds=7200.0, sleeps=True),
    "clock set back": partial(Soak.jump, seconds=-1800.0, sleeps=False),
    "clock set ahead": partial(Soak.jump, seconds=1800.0, sleeps=False),
    "second loop": Soak.two,
}


def flat(sizes: Sequence[Size]) -> None:
    """Raise Violation if the process or its history has grown since a fifth of the soak."""
    early, last = sizes[len(sizes) // 5], sizes[-1]
    if last.memory > early.memory + MEMORY or last.descriptors > early.descriptors + 8 or last.history > HISTORY:
        message = f"it has grown: {early}; {last}"
        raise Violation(message)


def soak(folder: Path, rounds: int, seed: int = 0, every: int = 500) -> Soak:
    """Play a soak in *folder*, and return it; the working folder is the same afterwards."""

    async def play() -> Soak:
        made = Soak(folder, rounds, seed, every)
        await made.play()
        return made

    here = Path.cwd()
    os.chdir(folder)
    logging.disable(logging.CRITICAL)  # the loop warns of each fault
    try:
        return run(play())
    finally:
        logging.disable(logging.NOTSET)
        os.chdir(here)
