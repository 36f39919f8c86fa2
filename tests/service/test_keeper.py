"""A lock that is kept on a virtual clock: a lease on a blob, and what happens where storage does not answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from reconciler.azure.lease import BlobLease, lease_transport
from reconciler.http.tokens import NoToken
from reconciler.service.keeper import Keeper
from reconciler.service.lock import Terms
from tests.kit.clock import FakeClock
from tests.kit.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.model.outcome import Held

URL = "https://acme.blob.core.windows.net/locks/estate"


def keeper(service: Leases, clock: FakeClock, name: str) -> Keeper:
    """Return the keeper of a process of that name."""
    transport = lease_transport("https://acme.blob.core.windows.net", NoToken(), clock, {})
    transport.http = httpx.AsyncClient(transport=httpx.MockTransport(service))
    lease = BlobLease(transport, URL, f"00000000-0000-4000-8000-0000000000{name:>02}", name)
    return Keeper(lease, Terms(), clock, URL)


def play(scenario: Callable[[Leases, FakeClock], Awaitable[None]]) -> None:
    """Run a scenario on a blob that is not there yet."""
    clock = FakeClock()
    asyncio.run(asyncio.wait_for(_play(scenario, Leases(lambda: clock.elapsed), clock), 30))


async def _play(scenario: Callable[[Leases, FakeClock], Awaitable[None]], service: Leases, clock: FakeClock) -> None:
    await scenario(service, clock)


def holder(held: Held | None) -> str | None:
    """Return who has the lock instead."""
    assert held is not None
    assert held.by == "lock"
    return held.holder


def test_a_lease_is_made_kept_and_released() -> None:
    """The blob is made, the lease renewed every 15 s, and given up at the end; the holder's name stands beside it."""

    async def scenario(service: Leases, clock: FakeClock) -> None:
        ours = keeper(service, clock, "11")
        async with ours.kept(asyncio.Event()):
            assert ours.held() is None
            assert service.holder == "11"
            await clock.sleep(100)
            assert ours.held() is None
            assert service.actions[:4] == ["acquire", "put", "acquire", "metadata"]
            assert service.actions[4:] == ["renew"] * 6
        assert service.actions[-1] == "release"
        assert service.lease is None

    play(scenario)


def test_one_of_two() -> None:
    """The other knows the holder, writes nothing, and takes over when the lease was released."""

    async def scenario(service: Leases, clock: FakeClock) -> None:
        ours, theirs = keeper(service, clock, "11"), keeper(service, clock, "22")
        async with ours.kept(asyncio.Event()), theirs.kept(asyncio.Event()):
            await clock.sleep(200)
            assert ours.held() is None
            assert holder(theirs.held()) == "11"
            assert theirs.trouble() is None
        third = keeper(service, clock, "33")
        async with third.kept(asyncio.Event()):
            assert third.held() is None

    play(scenario)


def test_storage_that_does_not_answer() -> None:
    """The lease counts from the last request that was granted, less the margin; the report says what is wrong."""

    async def scenario(service: Leases, clock: FakeClock) -> None:
        ours = keeper(service, clock, "11")
        async with ours.kept(asyncio.Event()):
            service.faults = [httpx.Response(503)] * 100
            await clock.sleep(34)
            assert ours.held() is None
            await clock.sleep(2)
            assert holder(ours.held()) is None
            trouble = ours.trouble()
            assert trouble is not None
            assert trouble.code == "lock-unusable"
            service.faults = []
            await clock.sleep(6)
            assert ours.held() is None
            assert ours.trouble() is None

    play(scenario)


def test_a_lease_that_another_process_has_taken() -> None:
    """A renewal that is refused ends it at once, long before its time."""

    async def scenario(service: Leases, clock: FakeClock) -> None:
        ours = keeper(service, clock, "11")
        async with ours.kept(asyncio.Event()):
            service.lease, service.holder = ("another", 1e9), "22"
            await clock.sleep(16)
            assert holder(ours.held()) == "22"

    play(scenario)


def test_no_right_to_the_container() -> None:
    """Nothing is written, and the fix names the role."""

    async def scenario(service: Leases, clock: FakeClock) -> None:
        service.faults = [httpx.Response(403, headers={"x-ms-error-code": "AuthorizationPermissionMismatch"})] * 9
        ours = keeper(service, clock, "11")
        async with ours.kept(asyncio.Event()):
            assert holder(ours.held()) is None
            trouble = ours.trouble()
            assert trouble is not None
            assert "AuthorizationPermissionMismatch" in trouble.message

    play(scenario)
