"""Azure as a schedule has it: the embedded ARM, the faults around it, and every other client that writes to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson

from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.versions import LATEST
from reconciler.kinds.packaged import packaged
from tests.simulation import resources
from tests.simulation.faults import BEHAVIORS, Meeting, Reply, Request
from tests.simulation.invariants import ORIGIN
from tests.simulation.resources import NEWER, PATHS, Item

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.clock import VirtualClock
    from tests.simulation.schedule import Drift, Fault, Schedule

STALE_S: Final = 300.0
VERSIONS: Final = 3


@dataclass(slots=True)
class _Planned:
    """A fault that waits for its requests: how many it lets pass yet, and how many it meets then."""

    fault: Fault
    skip: int
    times: int

    def meets(self, request: Request, keys: list[str]) -> bool:
        """Count a request; tell whether it is met."""
        if not self.times or self.fault.on not in {"any", request.kind}:
            return False
        if self.fault.item is not None and not _is_about(request, keys[self.fault.item]):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


def _is_about(request: Request, key: str) -> bool:
    """Whether a request is about a resource; whose an operation is, its address does not tell."""
    return request.kind == "poll" or request.key == (key.rpartition("/")[0] if request.kind == "list" else key)


class Azure:
    """
    The embedded ARM and what happens around it.

    Attributes:
        tell: Goes on with the story.
        written: How many PUTs ARM acted on, by folded id.
        met: How many faults met a request.
        interfered: How often another client did something.
    """

    def __init__(self, schedule: Schedule, clock: VirtualClock, tell: Callable[[str], None]) -> None:
        """Make the world that a schedule begins with."""
        settings = EmulatorSettings(
            operation_seconds=schedule.operation_s,
            page_size=schedule.page_size,
            media_link="stripped" if schedule.stripped else "whole",
            newest={"": schedule.newest} if schedule.newest else {},
            newer_fields=schedule.newer_fields,
        )
        self.app = create_app(settings, clock)
        self.world = self.app.state.world
        self.clock = clock
        self.tell = tell
        self.items = schedule.items
        self.latency_s = schedule.latency_s / 2
        self.written: dict[str, int] = {item.key: 0 for item in schedule.items}
        self.met = 0
        self.interfered = 0
        self._keys = [item.key for item in schedule.items]
        self._faults = [_Planned(fault, fault.skip, fault.times) for fault in schedule.faults]
        self._versions: dict[str, list[tuple[float, bytes | None]]] = {}
        self._undo: list[tuple[Item, str, Any]] = []
        self._newest = schedule.newest or LATEST
        self._newer: dict[tuple[str, resources.Path], Any] = {}
        there = [*schedule.unstated, *(schedule.items[place] for place in sorted(schedule.existing))]
        self.world.seed((item.id, resources.body(item.kind, dict(item.facts))) for item in there)

    def calm_down(self) -> None:
        """Let every fault be over, and all that runs end."""
        self._faults = []
        for key in self._keys:
            self.world._store.take_fault(key)
        self.world.finish_operations()

    # -------------------------------------------------------------------------------------------------- requests

    async def answer(self, request: Request, scope: Any) -> Reply:
        """
        Answer a request, or do what a fault does.

        Raises:
            httpx.HTTPError: The connection breaks.
        """

        async def forward() -> Reply:
            reply = await self._forward(request, scope)
            await self.clock.sleep(self.latency_s)
            return reply

        await self.clock.sleep(self.latency_s)
        planned = next((each for each in self._faults if each.meets(request, self._keys)), None)
        if planned is None:
            return await forward()
        self.met += 1
        self.tell(f"  fault: {planned.fault.kind} {_short(planned.fault.value)}")
        met = Meeting(planned.fault, request, forward, self.clock, self.earlier, self.drift)
        return await BEHAVIORS[planned.fault.kind](met)

    async def _forward(self, request: Request, scope: Any) -> Reply:
        """Let the embedded ARM answer."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.content}

        async def send(message: Any) -> None:
            sent.append(message)

        before = self._text(request.key) if request.method == "PUT" else None
        await self.app(scope, receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        reply = Reply(sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]), headers)
        if request.method == "PUT" and reply.status < 300:
            self._remember(request.key, before)
            self.written[request.key] = self.written.get(request.key, 0) + 1
        return reply

    # ----------------------------------------------------------------------------------------------- stale answers

    def _text(self, key: str) -> bytes | None:
        answer = self.world.answer(key)
        return orjson.dumps(answer) if answer else None

    def _remember(self, key: str, before: bytes | None) -> None:
        """Keep what a resource was before a write that happened just now."""
        self._versions.setdefault(key, []).append((self.clock.elapsed, before))

    def earlier(self, key: str, age: int) -> bytes | None:
        """
        Return what a resource was some writes ago; with 0, that it was not there yet.

        Raises:
            LookupError: Its last write is longer ago than a stale answer lives.
        """
        versions = self._versions.get(key, [])
        if not versions or self.clock.elapsed - versions[-1][0] > STALE_S:
            raise LookupError(key)
        return versions[-min(age, VERSIONS, len(versions))][1] if age else None

    # ----------------------------------------------------------------------------------------------------- others

    async def drift(self, drift: Drift) -> None:
        """Act as another client; an impossible act is left out."""
        item = self.items[drift.item]
        body = self.world.stored(item.id)
        self.interfered += 1
        if drift.how == "finish":
            self.tell("all that runs in Azure ends")
            self.world.finish_operations()
        elif drift.how == "learn":
            self.tell("the cloud knows every api-version")
            self._newest = LATEST
            self.world.learn({})
        elif drift.how == "undo" and self._undo:
            self._set(*self._undo.pop())
        elif drift.how == "fail":
            self.tell(f"the next write to {item.name} will end badly")
            self.world.fail_next(item.id, "InternalExecutionError", f"cannot read {resources.link('agent', 0)}")
        elif drift.how in {"put", "remove"} and body is not None:
            await self._by_another_client(item, drift, body)
        elif body is not None and drift.how == "newer":
            self._set_newer(item, drift.value)
        elif body is not None and drift.how != "undo":
            self._behind_the_back(item, drift, body)

    def _behind_the_back(self, item: Item, drift: Drift, body: dict[str, Any]) -> None:
        if drift.how == "fact":
            self._undo.append((item, drift.fact, resources.read(body, PATHS[item.kind][drift.fact])))
            self._set(item, drift.fact, drift.value)
            return
        tags = dict(body.get("tags") or {})
        tags |= {"owner": "somebody"} if drift.how == "owner" else {}
        kept = {name: value for name, value in tags.items() if drift.how == "owner" or name != "reconciler-digest"}
        self.tell(f"somebody else: the tags of {item.name} are {sorted(kept)}")
        self._remember(item.key, self._text(item.key))
        self.world.edit(item.id, lambda stored: {**stored, "tags": kept})

    def _set(self, item: Item, fact: str, value: Any) -> None:
        """Set one fact, as if it had been set long ago."""
        if self.world.stored(item.id) is None:
            return
        self.tell(f"somebody else: {item.name} {fact} = {value}")
        self._remember(item.key, self._text(item.key))

        def change(body: dict[str, Any]) -> None:
            resources.write(body, PATHS[item.kind][fact], value)

        self.world.edit(item.id, change)

    def _set_newer(self, item: Item, which: int) -> None:
        """Set a property that git says nothing of, if the cloud knows its api-version."""
        if resources.state(self.world.answer(item.id)) == "deleting":
            return
        for since, path, value, looked_at in NEWER.get(item.kind, ())[which : which + 1]:
            if since <= self._newest:
                self.tell(f"somebody else: {item.name} {path[-1]}, of {since}")
                self._remember(item.key, self._text(item.key))
                self.world.edit(item.id, lambda body: resources.write(body, path, value))  # noqa: B023 (called at once)
                self._newer[item.id, looked_at or path] = resources.read(self.world.stored(item.id), looked_at or path)

    def lost(self) -> list[str]:
        """Return the newer properties that were lost although no other client removed them."""
        there = {key: self.world.stored(key[0]) for key in self._newer}
        return [
            f"{path[-1]} of {resource_id} was lost"
            for (resource_id, path), value in self._newer.items()
            if resources.read(there[resource_id, path], path) != value
        ]

    async def _by_another_client(self, item: Item, drift: Drift, body: dict[str, Any]) -> None:
        """PUT or DELETE as a client does, so that it takes its time, or is refused. Parents are not deleted."""
        if drift.how == "remove" and not item.is_leaf:
            return
        before = self._text(item.key)
        version = packaged().kinds[item.kind].api_version
        resources.write(body, PATHS[item.kind][drift.fact], drift.value)
        sent: dict[str, Any] = {"method": "DELETE"} if drift.how == "remove" else {"method": "PUT", "json": body}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ORIGIN) as client:
            answer = await client.request(url=f"{item.id}?api-version={version}", **sent)
        self.tell(f"somebody else: {sent['method']} {item.name} -> {answer.status_code}")
        self._remember(item.key, before)
        if drift.how == "remove" and answer.is_success:
            self._newer = {key: value for key, value in self._newer.items() if key[0] != item.id}


def _short(value: Any) -> str:
    return str(value).partition("?")[0][:60] if value is not None else ""
