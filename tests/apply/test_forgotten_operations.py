"""
An operation that ARM does not know, or knows no more: its resource shows how it ended.

An operation may be unknown for a minute after its PUT (Azure/ARO-HCP#6567), and is kept for a limited time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kit.loops import run
from tests.kit.service import GALLERY, Bench, bench, gallery, refuses, told

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATION = "/capsoperations/"


def applied(before: Callable[[Bench], None], timeout_s: float = 3600, known_s: float = 0) -> tuple[str, list[float]]:
    """
    Apply a new gallery whose operation ARM forgets.

    Args:
        before: Called with the bench before the apply.
        timeout_s: Of the operation.
        known_s: Seconds after the start for which ARM knows the operation.

    Returns:
        The result with its code, and when the operation was polled.
    """
    polled: list[float] = []

    async def scenario() -> str:
        async with bench(gallery(), timeout_s=timeout_s) as test:
            azure = test.service.app

            async def forgetful(scope: Any, receive: Any, send: Any) -> None:
                if OPERATION in scope["path"].lower():
                    polled.append(test.clock.elapsed)
                    if test.clock.elapsed > known_s:
                        await refuses(404, "NotFound")(send, lambda: azure(scope, receive, send))
                        return
                await azure(scope, receive, send)

            test.service.app = forgetful
            before(test)
            outcome = (await test.apply())["tools"]
            assert len(test.service.sent("PUT")) == 1
            return told(outcome)

    return run(scenario()), polled


def test_a_resource_that_is_well() -> None:
    """After a minute of 404s the resource is read, and it is as it was sent."""
    result, polled = applied(lambda _: None)
    assert (result, polled) == ("succeeded", [0, 15, 30, 45, 60])


def test_forgotten_on_the_way() -> None:
    """The minute counts from the PUT: an operation that was known before gets no other one."""
    result, polled = applied(lambda _: None, known_s=46)
    assert (result, polled[-1]) == ("succeeded", 60)


def test_a_resource_that_failed() -> None:
    """Its own state says so; the words of the operation are lost."""
    result, _ = applied(lambda test: test.world.fail_next(GALLERY, "QuotaExceeded", "no room"))
    assert result == "failed ProvisioningFailed"


def test_a_time_limit_within_the_minute() -> None:
    """The time limit of the operation ends the polls earlier."""
    result, polled = applied(lambda _: None, timeout_s=50)
    assert (result, polled[-1]) == ("failed Timeout", 50)
