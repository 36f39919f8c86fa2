"""An embedded ARM in this process, and runs of the pipeline against it that never sleep on the wall clock."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from reconciler import pipeline
from reconciler.azure.answers import ARM
from reconciler.azure.client import ArmWriter
from reconciler.azure.polling import Patience
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.http.retry import Retrier
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.kinds.packaged import packaged
from reconciler.manifests.estate import Options, read_estate
from reconciler.pipeline import Reading, Task
from reconciler.runtime.progress import Silent
from tests.kit.clock import START, ManualClock
from tests.kit.loops import run
from tests.kit.strategies import as_yaml, manifest, parameter_names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from reconciler.emulator.world import World
    from reconciler.kinds.kind import Kind
    from reconciler.model.desired import Desired
    from reconciler.model.outcome import Outcome

ENDPOINT = "http://localhost"
MediaLink = Literal["whole", "stripped"]
T = TypeVar("T")


@dataclass
class Bench:
    """
    An embedded ARM and what a run needs.

    Attributes:
        app: The ARM, for clients of other makes.
        pins: Api-versions of the project file, by kind.
    """

    app: Any
    arm: ArmWriter
    clock: ManualClock
    options: Options = field(default_factory=lambda: Options(paths=("-",), allow_latest_lost=True))
    pins: Mapping[str, str] = field(default_factory=dict)

    @property
    def world(self) -> World:
        """What is behind the ARM."""
        return cast("World", self.app.state.world)

    @property
    def puts(self) -> int:
        """How many PUTs were sent so far."""
        return self.arm.transport.requests["PUT"]

    async def plan(self, documents: Sequence[Mapping[str, Any]], *paths: str) -> Reading:
        """Plan documents given on standard input, or those in files."""
        options = Options(paths=paths, allow_latest_lost=True) if paths else self.options
        estate = read_estate(options, packaged(), self.clock.now(), lambda _: as_yaml(documents))
        estate = replace(estate, project=replace(estate.project, api_versions=self.pins))
        return await pipeline.read(Task(options, estate, packaged()), self.arm)

    async def apply(self, documents: Sequence[Mapping[str, Any]]) -> Mapping[str, Outcome]:
        """Plan and apply."""
        return await self.carry_out(await self.plan(documents))

    async def carry_out(self, reading: Reading) -> Mapping[str, Outcome]:
        """Apply a plan."""
        patience = Patience(self.clock, 1.0, 60.0, asyncio.Event())
        task = Task(self.options, reading.estate, packaged())
        return (await pipeline.carry_out(task, reading, self.arm, patience, Silent())).outcomes


@asynccontextmanager
async def open_bench(settings: EmulatorSettings) -> AsyncIterator[Bench]:
    """Yield a bench with a fresh ARM."""
    clock = ManualClock()
    app = create_app(settings, clock)
    transport = Transport.open(ENDPOINT, ARM, NoToken(), clock, environ={}, app=app)
    try:
        yield Bench(app, ArmWriter(transport, Retrier(clock)), clock)
    finally:
        await transport.close()
        app.state.world.close()


def on_bench(scenario: Callable[[Bench], Awaitable[T]], media_link: MediaLink = "whole", **choices: Any) -> T:
    """Run *scenario* on a fresh bench whose operations end at once; a stripped one answers in other known forms."""
    settings = EmulatorSettings(operation_seconds=0, media_link=media_link, **choices)
    if media_link == "stripped":
        settings = replace(settings, server_fields="all", empty_text="dropped")

    async def on_it() -> T:
        async with open_bench(settings) as bench:
            return await scenario(bench)

    return run(on_it())


def desired_of(kind: Kind, body: Mapping[str, Any]) -> Desired:
    """Return what a manifest of *kind* with *body* desires."""
    params = {name: parameter_names(kind, name)[0] for name in kind.parameters}
    text = as_yaml([manifest(kind, "it", params, body)])
    (desired,) = read_estate(Options(paths=("-",)), packaged(), START, lambda _: text).desired
    return desired
