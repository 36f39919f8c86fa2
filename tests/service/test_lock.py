"""One writer: every interleaving of three loops on one lease, with pauses, clocks that are wrong, and lost answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import pytest

from reconciler.service import lock
from reconciler.service.lock import FOREVER, Instant, Lock, Pause, Request, Terms

if TYPE_CHECKING:
    from collections.abc import Iterator

# The lease in ticks of a clock: it lasts four, is renewed after one, and a PUT needs more than one.
TERMS: Final = Terms(lease_s=4, renew_s=1, margin_s=1, again_s=1)
LOOPS: Final = 3
DEPTH: Final = 12


@dataclass(frozen=True, order=True)
class Loop:
    """
    One process. Moments count back from now, in ticks, by each of its clocks.

    Attributes:
        asked: Of its lock: when it sent the request that was granted; None without the lock.
        tried: When it sent the last one.
        has_failed: Whether that brought nothing.
        sent: When it sent the request that it waits for; None while it waits for none.
        answer: The service's answer to it, before it is delivered; None while it is on its way.
        is_odd: Whether one of its clocks has jumped, or stood still.
        put: Since when a PUT is on its way that has passed the last check; None without one.
    """

    asked: Ages | None = None
    tried: Ages | None = None
    has_failed: bool = False
    sent: Ages | None = None
    answer: bool | None = None
    is_odd: bool = False
    put: int | None = None

    @property
    def lock(self) -> Lock:
        """What it knows of its lock."""
        return Lock(_moment(self.asked), tried=_moment(self.tried), has_failed=self.has_failed)

    def told(self, known: Lock) -> Loop:
        """Return the loop with an answer, or without one that it has given up."""
        asked, tried = _ages(known.asked), _ages(known.tried)
        return replace(self, asked=asked, tried=tried, has_failed=known.has_failed, sent=None, answer=None)

    def later(self, monotonic: int, wall: int, time: int) -> Loop:
        """Return the loop after its clocks have moved by so many ticks, and true time."""
        put = None if self.put is None or self.put + time > TERMS.margin_s else self.put + time
        asked, tried, sent = (_aged(each, monotonic, wall) for each in (self.asked, self.tried, self.sent))
        return replace(self, asked=asked, tried=tried, sent=sent, put=put)


Ages: TypeAlias = tuple[int, int]
NOW: Final = Instant(0, 0)
OLD: Final = 5
"""Ticks after which a moment is as good as any earlier one."""


def _moment(ages: Ages | None) -> Instant | None:
    return None if ages is None else Instant(-ages[0], -ages[1])


def _ages(moment: Instant | None) -> Ages | None:
    return None if moment is None else (int(-moment.monotonic), int(-moment.wall))


def _aged(ages: Ages | None, monotonic: int, wall: int) -> Ages | None:
    if ages is None:
        return None
    return max(-OLD, min(ages[0] + monotonic, OLD)), max(-OLD, min(ages[1] + wall, OLD))


World: TypeAlias = tuple[int | None, int, tuple[int, ...]]
"""The loop that has the lease, the true ticks until it ends, and the processes, by their numbers in a catalogue."""


@dataclass
class Catalogue:
    """
    Every state of a process that was met, by number, and what it may do next, which is found out once.

    Attributes:
        broken: Whether a lease counts from the answer, which is wrong.
    """

    broken: bool = False
    loops: list[Loop] = field(default_factory=list)
    numbers: dict[Loop, int] = field(default_factory=dict)
    _alone: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _later: dict[tuple[int, int, int, int], int] = field(default_factory=dict)

    def number(self, loop: Loop) -> int:
        """Return the number of a state."""
        if loop not in self.numbers:
            self.numbers[loop] = len(self.loops)
            self.loops.append(loop)
        return self.numbers[loop]

    def later(self, number: int, monotonic: int, wall: int, time: int) -> int:
        """Return the state after its clocks have moved by so many ticks, and true time; an odd clock is marked."""
        key = number, monotonic, wall, time
        if key not in self._later:
            moved = self.loops[number].later(monotonic, wall, time)
            self._later[key] = self.number(moved if monotonic == wall else replace(moved, is_odd=True))
        return self._later[key]

    def alone(self, number: int) -> tuple[int, ...]:
        """Return the states that a process may come to by itself: by its decisions, by an answer or the lack of one."""
        if number not in self._alone:
            self._alone[number] = tuple(self.number(each) for each in self._decided(self.loops[number]))
        return self._alone[number]

    def _decided(self, loop: Loop) -> Iterator[Loop]:
        sent = _moment(loop.sent) or NOW
        if loop.sent is None:
            if not isinstance(lock.next_request(loop.lock, NOW, TERMS), Pause):
                yield replace(loop, sent=(0, 0))
        else:
            yield loop.told(lock.unanswered(loop.lock, sent, "lost"))
        if loop.answer is True:
            yield loop.told(lock.acquire(loop.lock, NOW if self.broken else sent))
        if loop.answer is False:
            yield loop.told(lock.lose(loop.lock, sent, None))
        if loop.put is None and lock.may_write(loop.lock, NOW, TERMS):
            yield replace(loop, put=0)

    def moves(self, world: World) -> Iterator[World]:
        """Yield every world that may come next."""
        holder, left, loops = world
        yield holder, max(left - 1, 0), tuple(self.later(each, 1, 1, 1) for each in loops)
        states = [self.loops[each] for each in loops]
        is_odd = any(each.is_odd for each in states)
        for place, number in enumerate(loops):
            for new in self.alone(number):
                yield holder, left, _with(loops, place, new)
            if states[place].sent is not None and states[place].answer is None:
                granted = holder in {None, place} or left == 0
                new = self.number(replace(states[place], answer=granted))
                yield place if granted else holder, int(TERMS.lease_s) if granted else left, _with(loops, place, new)
            if not is_odd:
                asleep = tuple(self.later(each, 0 if at == place else 5, 5, 5) for at, each in enumerate(loops))
                yield holder, max(left - 5, 0), asleep
                yield holder, left, _with(loops, place, self.later(number, 0, -9, 0))
                yield holder, left, _with(loops, place, self.later(number, 0, 9, 0))

    def is_wrong(self, world: World) -> bool:
        """Return whether a PUT is on its way of a loop whose lease another loop has, or may have at once."""
        holder, left, loops = world
        return any(
            self.loops[each].put is not None and (holder != place or left == 0) for place, each in enumerate(loops)
        )


def _with(loops: tuple[int, ...], place: int, new: int) -> tuple[int, ...]:
    return (*loops[:place], new, *loops[place + 1 :])


def _ordered(world: World) -> World:
    """Return the same world with its loops, which are alike, in one order."""
    holder, left, loops = world
    if holder is None:
        return None, left, tuple(sorted(loops))
    mine = loops[holder]
    others = sorted(loops)
    return others.index(mine), left, tuple(others)


def explored(depth: int, *, broken: bool = False) -> tuple[int, list[World]]:
    """Return how many worlds there are within so many moves, and those in which two loops may write."""
    book = Catalogue(broken)
    seen: set[World] = {(None, 0, (book.number(Loop()),) * LOOPS)}
    front, wrong = [*seen], []
    for _ in range(depth):
        following = {_ordered(each) for world in front for each in book.moves(world)} - seen
        wrong += [world for world in following if book.is_wrong(world)]
        seen |= following
        front = [*following]
    return len(seen), wrong


def test_one_writer() -> None:
    """No PUT begins whose lease another loop may have before it has surely arrived."""
    number, wrong = explored(9)
    assert number > 50_000
    assert wrong == []


@pytest.mark.slow
def test_one_writer_in_depth() -> None:
    """Twelve moves: enough for a lease that is lost, taken over, and lost again."""
    number, wrong = explored(12)
    assert number > 1_000_000
    assert wrong == []


def test_a_lease_that_counts_from_its_answer_is_seen() -> None:
    """The answer may come when the lease is over."""
    assert explored(6, broken=True)[1]


@pytest.mark.slow
@pytest.mark.parametrize("clock", ["monotonic", "wall"])
def test_one_clock_is_not_enough(monkeypatch: pytest.MonkeyPatch, clock: str) -> None:
    """One of them stands still while a machine sleeps, the other may be set back."""
    monkeypatch.setattr(Instant, "since", lambda now, then: getattr(now, clock) - getattr(then, clock))
    assert explored(9)[1]


def test_a_lock_that_ends_with_its_process() -> None:
    """It is never renewed, and lasts at every time of either clock."""
    ours = lock.acquire(Lock(), Instant(10, 10))
    later = Instant(10_000_000, 5)
    assert lock.may_write(ours, later, FOREVER)
    assert lock.held(ours, later, FOREVER) is None
    assert lock.expire(ours, later, FOREVER) == ours
    assert isinstance(lock.next_request(ours, later, FOREVER), Pause)
    theirs = lock.lose(Lock(), Instant(10, 10), "host:7")
    assert lock.next_request(theirs, Instant(15, 15), FOREVER) is Request.ACQUIRE
    held = lock.held(theirs, later, FOREVER)
    assert held is not None
    assert (held.by, held.holder, held.until) == ("lock", "host:7", None)


def test_a_lease() -> None:
    """It is renewed in time, tried again sooner after a failure, and acquired anew after its end."""
    terms = Terms()
    assert lock.next_request(Lock(), Instant(0, 0), terms) is Request.ACQUIRE
    ours = lock.acquire(Lock(), Instant(0, 0))
    assert lock.next_request(ours, Instant(14, 14), terms) == Pause(1)
    assert lock.next_request(ours, Instant(15, 15), terms) is Request.RENEW
    lost = lock.unanswered(ours, Instant(15, 15), "no answer")
    assert lock.next_request(lost, Instant(19, 19), terms) == Pause(1)
    assert lock.next_request(lost, Instant(20, 20), terms) is Request.RENEW
    assert lock.may_write(lost, Instant(34, 34), terms)
    assert not lock.may_write(lost, Instant(35, 35), terms)
    assert lock.next_request(lost, Instant(60, 60), terms) is Request.ACQUIRE
    assert lock.expire(lost, Instant(60, 60), terms).asked is None
    assert lock.renew(lost, Instant(20, 20)) == lock.acquire(Lock(), Instant(20, 20))
    assert not lock.may_write(lock.release(ours), Instant(1, 1), terms)
