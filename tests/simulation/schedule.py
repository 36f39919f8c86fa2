"""
A schedule: a world, what happens in it, and what goes wrong, as data that was drawn before anything ran.

Drawn from one integer, so that a number replays it; of tuples alone, so that parts of it can be left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from tests.simulation.resources import FROZEN, NEWER, PATHS, Item, application, definition, gallery, link, version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Edit:
    """Git states another value."""

    item: int
    fact: str
    value: Any


@dataclass(frozen=True, slots=True)
class Drift:
    """
    Another client changes a resource.

    Attributes:
        how: ``fact`` at once; ``owner`` adds an undeclared tag; ``digest`` takes the record of the content away;
            ``put`` and ``remove`` through the service, as a client does; ``fail`` lets the next write end badly;
            ``undo`` puts back what the last ``fact`` changed; ``finish`` lets all that runs end; ``newer`` sets a
            property that only newer api-versions have; ``learn`` lets the cloud know every api-version from then on.
    """

    item: int
    how: str
    fact: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing happens for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Crash:
    """
    A process dies.

    Attributes:
        request: At which of its requests; 0 if at a time.
        after: Whether the service still acts on that request.
        seconds: When, if at a time.
    """

    request: int = 0
    after: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """
    The reconciler runs.

    Attributes:
        how: ``apply``; ``plan``; ``rounds`` of the loop; ``two`` applies at once; ``saved``: a plan is saved, drift
            happens, the plan is applied.
        stop_s: When it is told to stop; None if never.
        apart_s: Between the starts of two, between two rounds, and between a plan and its apply.
        drift: What happens before the second half.
        replicated: Whether it reads the replication too, and waits for it.
    """

    how: str = "apply"
    concurrency: int = 4
    crash: Crash | None = None
    stop_s: float | None = None
    apart_s: float = 0.0
    drift: Drift | None = None
    replicated: bool = False


Step: TypeAlias = "Edit | Drift | Wait | Run"


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Something that goes wrong with certain requests.

    Attributes:
        kind: Which, of :data:`tests.simulation.faults.BEHAVIORS`.
        on: What it happens to: ``get``, ``list``, ``put``, ``poll`` or ``any``.
        item: Of which resource, by its place; None for whichever.
        skip: How many such requests it lets pass.
        times: How many it then meets.
        value: More of what happens: a number, a word, a link, a drift.
    """

    kind: str
    on: str
    item: int | None = None
    skip: int = 0
    times: int = 1
    value: Any = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    Everything that is to happen.

    Attributes:
        items: What manifests state, parents first.
        unstated: What is there, and no manifest states it: a parent.
        existing: Places of the items that are there from the start, in sync but for what a digest would tell.
        operation_s: How long an operation takes.
        latency_s: How long an answer takes.
        page_size: Of lists.
        stripped: Whether answers lack the query parts of links.
        newest: The newest api-version that the cloud knows at first; empty for all.
        newer_fields: What a PUT of an older version does to newer properties: ``kept`` or ``dropped``.
        chance: Seed of the jitter.
    """

    items: tuple[Item, ...]
    unstated: tuple[Item, ...] = ()
    existing: frozenset[int] = frozenset()
    operation_s: float = 60.0
    latency_s: float = 0.0
    page_size: int = 100
    stripped: bool = False
    newest: str = ""
    newer_fields: Literal["kept", "dropped"] = "kept"
    steps: tuple[Step, ...] = (Run(),)
    faults: tuple[Fault, ...] = ()
    chance: int = 0

    def without_faults(self) -> Schedule:
        """Return the same script on a good day: no faults, no crashes, no run that is interrupted."""
        calm = (replace(step, crash=None, stop_s=None) if isinstance(step, Run) else step for step in self.steps)
        return replace(self, steps=tuple(calm), faults=())


# ------------------------------------------------------------------------------------------------------ the drawing

PROFILES: Final = ("mixed", "stale", "unobserved")
RUNGS: Final = "rungs"
"""The profile of clouds that lag, and of other clients with newer properties."""
_WORLDS: Final[tuple[tuple[tuple[Item, ...], tuple[Item, ...]], ...]] = (
    ((definition("suite"),), ()),
    ((gallery(),), ()),
    ((definition("suite"), definition("portal")), ()),
    ((gallery(), application()), ()),
    ((application(), version("1.0.0")), (gallery(),)),
    ((gallery(), application(), version("1.0.0")), ()),
    ((version("1.0.0"), version("1.1.0")), (gallery(), application())),
    ((gallery(), application(), version("1.0.0"), definition("suite")), ()),
    ((gallery(), application(), version("1.0.0"), version("1.1.0"), definition("suite")), ()),
)
EVIL: Final = (
    "https://evil.example/{path}",
    "https://management.azure.com@evil.example/{path}",
    "https://evil.example\\@management.azure.com/{path}",
    "https://management.azure.com\\@evil.example/{path}",
    "https://user:word@management.azure.com/{path}",
    "https://management.azure.com:8443/{path}",
    "https://management.azure.com.evil.example/{path}",
    "https://management\u3002azure\u3002com.evil.example/{path}",
    "http://management.azure.com/{path}",
    "//evil.example/{path}",
)
"""Links that lead away from ARM, or may be read so."""
_PAUSES: Final = (1, 2, 7, 17, 30, 61, 300)
_JUNK: Final = ("-5", "abc", "", "1e3", "86400", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 2001 00:00:00 GMT", "٣")


def draw(seed: int, profile: str = "mixed") -> Schedule:
    """Draw the schedule of a number."""
    return drawn(Random(f"{profile} {seed}"), profile)


def drawn(chance: Random, profile: str) -> Schedule:
    """Draw a schedule."""
    items, unstated = chance.choice(_WORLDS)
    existing = frozenset(_existing(chance, items)) if chance.random() < 0.5 else frozenset()
    schedule = Schedule(
        items,
        unstated,
        existing,
        operation_s=chance.choice((0.0, 20.0, 60.0, 60.0, 150.0)),
        latency_s=chance.choice((0.0, 0.25, 2.0)),
        page_size=chance.choice((1, 2, 100)),
        stripped=chance.random() < 0.5,
        steps=tuple(_steps(chance, items, profile)),
        chance=chance.randrange(1 << 30),
    )
    if profile == RUNGS:
        return _on_rungs(chance, schedule)
    return replace(schedule, faults=tuple(_FAULTS[profile](chance, items)))


def _on_rungs(chance: Random, schedule: Schedule) -> Schedule:
    """
    Return a schedule whose cloud may lag and learn, and in which other clients set newer properties.

    Never between a read and the PUT that follows it, nor with a read from before a write: what no read shows, and no
    ETag guards, no client can keep.
    """
    steps: list[Step] = []
    for step in schedule.steps:
        steps += [_newer(chance, schedule.items) for _ in range(chance.choice((0, 1, 1)))]
        if isinstance(step, Run) and step.how in {"rounds", "saved"}:
            steps.append(replace(step, drift=_newer(chance, schedule.items)))
        else:
            steps.append(step)
    learn = Drift(0, "learn")
    steps.insert(chance.randrange(len(steps) + 1), learn)
    kinds = sorted(set(_KINDS) - {"stale", "meanwhile"})
    faults = [_fault(chance, schedule.items, chance.choice(kinds)) for _ in range(chance.choice((0, 0, 1, 2)))]
    if chance.random() < 0.5:  # in the midst of a run
        faults.append(Fault("meanwhile", chance.choice(_ANY), skip=chance.choice((0, 1, 2, 3, 6, 10)), value=learn))
    return replace(
        schedule,
        newest=chance.choice(("", "2022-03-03", "2023-07-03", "2024-03-03", "2025-03-03")),
        newer_fields=chance.choice(("kept", "dropped", "dropped")),
        steps=tuple(steps),
        faults=tuple(faults),
    )


def _newer(chance: Random, items: tuple[Item, ...]) -> Drift:
    place = chance.randrange(len(items))
    return Drift(place, "newer", value=chance.randrange(max(1, len(NEWER.get(items[place].kind, ())))))


def _existing(chance: Random, items: tuple[Item, ...]) -> list[int]:
    """Return the first few of the resources below each other, and any others."""
    chain = [place for place, item in enumerate(items) if item.kind != "ApplicationDefinition"]
    others = [place for place in range(len(items)) if place not in chain]
    return chain[: chance.randint(0, len(chain))] + [place for place in others if chance.random() < 0.5]


def _steps(chance: Random, items: tuple[Item, ...], profile: str) -> list[Step]:
    steps: list[Step] = []
    for _ in range(chance.randint(1, 4)):
        steps += [_between(chance, items) for _ in range(chance.randint(0, 2))]
        steps.append(_run(chance, items, profile))
    return steps


def _between(chance: Random, items: tuple[Item, ...]) -> Step:
    dice = chance.random()
    if dice < 0.45:
        return _edit(chance, items)
    return _drift(chance, items) if dice < 0.9 else Wait(chance.choice(_PAUSES))


def _edit(chance: Random, items: tuple[Item, ...]) -> Edit:
    place = chance.randrange(len(items))
    item = items[place]
    fact = chance.choice(sorted(PATHS[item.kind]))
    if fact in FROZEN.get(item.kind, ()) and (fact != "package" or chance.random() < 0.1):
        fact = "install" if chance.random() < 0.2 else "package"
    return Edit(place, fact, _value(chance, item, fact))


def _value(chance: Random, item: Item, fact: str) -> Any:
    if fact == "package":
        is_fixed = item.kind == "GalleryApplicationVersion" or chance.random() < 0.6
        name = item.name if is_fixed else f"{item.name}-{chance.randint(1, 2)}"
        return link(name, chance.randint(0, 9))
    if fact == "hidden":
        return chance.random() < 0.5
    return chance.randint(1, 3) if fact == "replicas" else str(chance.randint(0, 2))


def _drift(chance: Random, items: tuple[Item, ...]) -> Drift:
    place = chance.randrange(len(items))
    item = items[place]
    how = chance.choice(("fact", "fact", "fact", "put", "owner", "digest", "remove", "fail", "undo", "finish"))
    shown = sorted(PATHS[item.kind].keys() - {"install", "package"})
    fact = chance.choice(shown)
    return Drift(place, how, fact, _value(chance, item, fact))


def _run(chance: Random, items: tuple[Item, ...], profile: str) -> Run:
    how = chance.choice(("apply", "apply", "apply", "plan", "rounds", "two", "saved"))
    crash = stop = None
    dice = chance.random()
    if dice < 0.15:
        crash = Crash(chance.randint(1, 12), after=chance.random() < 0.5)
    elif dice < 0.2:
        crash = Crash(seconds=chance.choice(_PAUSES))
    elif dice < 0.27:
        stop = chance.choice(_PAUSES)
    drift = _drift(chance, items) if chance.random() < (0.9 if profile == "unobserved" else 0.5) else None
    apart_s = float(chance.choice((0, 3, 20, 120)))
    return Run(how, chance.choice((1, 2, 4)), crash, stop, apart_s, drift, replicated=chance.random() < 0.2)


def _mixed(chance: Random, items: tuple[Item, ...]) -> list[Fault]:
    return [_fault(chance, items, chance.choice(_KINDS)) for _ in range(chance.randint(0, 7))]


def _stale(chance: Random, items: tuple[Item, ...]) -> list[Fault]:
    return [_fault(chance, items, "stale") for _ in range(chance.randint(1, 5))] + _few(chance, items)


def _unobserved(chance: Random, items: tuple[Item, ...]) -> list[Fault]:
    return [_fault(chance, items, "meanwhile") for _ in range(chance.randint(1, 5))] + _few(chance, items)


def _few(chance: Random, items: tuple[Item, ...]) -> list[Fault]:
    return [_fault(chance, items, chance.choice(_KINDS)) for _ in range(chance.choice((0, 0, 1, 2)))]


def _fault(chance: Random, items: tuple[Item, ...], kind: str) -> Fault:
    on, value = _MAKERS[kind]
    return Fault(
        kind=kind,
        on=chance.choice(on),
        item=chance.randrange(len(items)) if chance.random() < 0.4 else None,
        skip=chance.choice((0, 0, 0, 1, 2, 3, 6, 10)),
        times=chance.choice(_TIMES.get(kind, (1, 1, 1, 2, 3, 6))),
        value=value(chance, items),
    )


Make: TypeAlias = "Callable[[Random, tuple[Item, ...]], Any]"


def _one_of(*values: Any) -> Make:
    return lambda chance, _: chance.choice(values)


_ANY: Final = ("get", "list", "put", "poll", "any", "any")
_READS: Final = ("get", "get", "list")
_TIMES: Final[Mapping[str, tuple[int, ...]]] = {"operation-endless": (400,), "slow": (1,)}
_MAKERS: Final[Mapping[str, tuple[tuple[str, ...], Make]]] = {
    "throttled": (_ANY, _one_of(*_PAUSES)),
    "throttled-ms": (_ANY, _one_of(*_PAUSES)),
    "throttled-date": (_ANY, _one_of(*_PAUSES)),
    "throttled-junk": (_ANY, _one_of(*_JUNK)),
    "unavailable": (_ANY, _one_of(408, 500, 502, 503, 504)),
    "unavailable-after": (("put",), _one_of(500, 503, 504)),
    "unavailable-for": (_ANY, _one_of(*_PAUSES)),
    "refused": (_ANY, _one_of(400, 403, 409)),
    "refused-for": (_ANY, _one_of(400, 403, 409)),
    "unauthorized": (_ANY, _one_of(0)),
    "in-the-way": (("put",), _one_of(0, *_PAUSES)),
    "reset": (_ANY, _one_of(0)),
    "reset-after": (("put", "put", "get", "poll"), _one_of(0)),
    "cut-short": (_ANY, _one_of(0)),
    "unreachable": (_ANY, _one_of(0)),
    "timeout": (_ANY, _one_of(0)),
    "timeout-after": (("put",), _one_of(0)),
    "slow": (_ANY, _one_of(*_PAUSES)),
    "half": (_ANY, _one_of(0)),
    "body": (_ANY, _one_of("", "<html>no</html>", "[]", "null", "7", '{"a": NaN}', '"text"', "[" * 2000, "{}", "é{")),
    "byte-order-mark": (_READS, _one_of(0)),
    "of-another": (("get",), _one_of("name", "subscription")),
    "without-properties": (_READS, _one_of(0)),
    "found-in-state": (
        ("get", "get", "list"),
        _one_of("Updating", "Creating", "Deleting", "Failed", "Migrating", "Odd"),
    ),
    "gateway-404": (_READS, _one_of("", "<html>", "Oops")),
    "redirect": (_ANY, _one_of("https://management.azure.com/elsewhere", *EVIL)),
    "foreign-next": (("list",), _one_of(*EVIL)),
    "loop": (("list",), _one_of(0)),
    "foreign-operation": (("put",), _one_of(*EVIL)),
    "foreign-location": (("put",), _one_of(*EVIL)),
    "no-links": (("put",), _one_of(200, 201, 202)),
    "operation-not-found": (("poll",), _one_of(0)),
    "operation-word": (("poll",), _one_of("Odd", "running", "COMPLETED", "Cancelled", "Canceled", "Failed", "")),
    "operation-endless": (("poll",), _one_of(0)),
    "stale": (("get", "get", "get", "list"), _one_of(1, 2, 3, "absent")),
    "meanwhile": (_ANY, _drift),
}
_KINDS: Final = tuple(_MAKERS)
_FAULTS: Final[Mapping[str, Callable[[Random, tuple[Item, ...]], list[Fault]]]] = {
    "mixed": _mixed,
    "stale": _stale,
    "unobserved": _unobserved,
}
