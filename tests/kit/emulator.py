"""What the tests of the embedded ARM share: a client, the bodies of plain resources."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import httpx

from reconciler.emulator import EmulatorSettings, create_app
from tests.kit.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from reconciler.emulator.world import World

SUBSCRIPTION: Final = "01523d7c-60da-455e-adef-521b547922c4"
GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
GALLERIES: Final = f"{GROUP}/providers/Microsoft.Compute/galleries"
GALLERY: Final = f"{GALLERIES}/tools"
APPLICATION: Final = f"{GALLERY}/applications/agent"
VERSION: Final = f"{APPLICATION}/versions/1.0.0"
DEFINITIONS: Final = f"{GROUP}/providers/Microsoft.Solutions/applicationDefinitions"
DEFINITION: Final = f"{DEFINITIONS}/suite"
LINK: Final = "https://packages.blob.core.windows.net/agent/agent.zip?sv=2022&sig=one"
BASE: Final = "http://arm.test"


class Arm:
    """A client of one embedded ARM, and what is behind it."""

    def __init__(self, client: httpx.AsyncClient, world: World, clock: ManualClock) -> None:
        """Talk to it through *client*."""
        self.client = client
        self.world = world
        self.clock = clock

    async def send(self, method: str, url: str, body: Any = None, **query: str) -> httpx.Response:
        """Send a request, with the api-version of the resource type unless it is in the URL already."""
        version = "2019-07-01" if "Microsoft.Solutions" in url else "2022-03-03"
        params = None if "?" in url else {"api-version": version, **query}
        return await self.client.request(method, url, params=params, json=body)

    async def get(self, url: str, **query: str) -> httpx.Response:
        """GET."""
        return await self.send("GET", url, **query)

    async def put(self, url: str, body: Any) -> httpx.Response:
        """PUT, and let the operation end."""
        answer = await self.send("PUT", url, body)
        self.clock.seconds += 1
        return answer

    async def prepare(self) -> None:
        """Create a gallery and an application in it."""
        assert (await self.put(GALLERY, {"location": "westus"})).status_code == 201
        assert (await self.put(APPLICATION, application())).status_code == 201


def application(**properties: Any) -> dict[str, Any]:
    """Return the body of an application."""
    return {"location": "westus", "properties": {"supportedOSType": "Linux", **properties}}


def version(link: str = LINK, **profile: Any) -> dict[str, Any]:
    """Return the body of a version."""
    source = {"source": {"mediaLink": link}, "manageActions": {"install": "sh install", "remove": "sh remove"}}
    return {"location": "eastus2", "properties": {"publishingProfile": {**source, **profile}}}


def definition(**properties: Any) -> dict[str, Any]:
    """Return the body of a definition."""
    package = {"packageFileUri": "https://packages.blob.core.windows.net/suite/app.zip?sig=one"}
    fixed = {"lockLevel": "None", "displayName": "Suite", "description": "A suite", "authorizations": []}
    return {"location": "East US", "properties": {**fixed, **package, **properties}}


@asynccontextmanager
async def arm(settings: EmulatorSettings | None = None, clock: ManualClock | None = None) -> AsyncIterator[Arm]:
    """Yield a client of a fresh embedded ARM."""
    clock = clock or ManualClock()
    app = create_app(settings or EmulatorSettings(), clock)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Arm(client, cast("World", app.state.world), clock)
    app.state.world.close()


def with_arm(
    scenario: Callable[[Arm], Coroutine[Any, Any, None]], settings: EmulatorSettings | None = None
) -> ManualClock:
    """Run *scenario* against a fresh embedded ARM."""
    clock = ManualClock()

    async def run() -> None:
        async with arm(settings, clock) as service:
            await scenario(service)

    asyncio.run(run())
    return clock


def error(answer: httpx.Response) -> tuple[int, str]:
    """Return status and ARM's code."""
    return answer.status_code, answer.json()["error"]["code"]


def profile(answer: httpx.Response) -> dict[str, Any]:
    """Return the publishing profile in an answer."""
    return cast("dict[str, Any]", answer.json()["properties"]["publishingProfile"])
