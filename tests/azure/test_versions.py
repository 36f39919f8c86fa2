"""The newest api-version that Azure knows: learned from refusals, once for each, and not for ever."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from reconciler.azure.versions import REMEMBERED_S, Versions
from reconciler.errors import ErrorInfo, RejectedError
from tests.kit.loops import run

LADDER: Final = ("2022-03-03", "2024-03-03", "2025-03-03")
KEY: Final = ("Gallery", "s1")


class Cloud:
    """Knows versions up to one, and keeps the versions that it was asked for."""

    def __init__(self, newest: str, error: ErrorInfo | None = None) -> None:
        """Refuse newer versions with *error*."""
        self.newest = newest
        self.error = error or ErrorInfo("NoRegisteredProviderFound", "no", 400)
        self.asked: list[str] = []

    async def read(self, version: str) -> str:
        """Answer with the version."""
        self.asked.append(version)
        await asyncio.sleep(0)
        if version > self.newest:
            raise RejectedError(self.error)
        return version


async def ask(versions: Versions, cloud: Cloud, now: float = 0.0, key: tuple[str, str] = KEY) -> str:
    """Read once."""
    return await versions.read(key, LADDER, now, cloud.read)


def test_what_was_refused_is_not_asked_for_again() -> None:
    """By kind and subscription."""

    async def scenario() -> None:
        cloud, versions = Cloud(LADDER[0]), Versions()
        assert [await ask(versions, cloud) for _ in range(3)] == [LADDER[0]] * 3
        assert cloud.asked == [*reversed(LADDER), LADDER[0], LADDER[0]]
        assert versions.answered() == {KEY: LADDER[0]}
        for key in (("Gallery", "s2"), ("GalleryApplication", "s1")):
            cloud.asked.clear()
            await ask(versions, cloud, key=key)
            assert cloud.asked == [*reversed(LADDER)]

    run(scenario())


def test_reads_at_the_same_time_fall_one_rung_for_one_refusal() -> None:
    """Though each of them is refused."""

    async def scenario() -> None:
        cloud, versions = Cloud(LADDER[1]), Versions()
        assert await asyncio.gather(*(ask(versions, cloud) for _ in range(4))) == [LADDER[1]] * 4
        assert versions.answered() == {KEY: LADDER[1]}

    run(scenario())


def test_the_newest_is_asked_for_again_after_an_hour() -> None:
    """A cloud learns; until then nothing is asked twice."""

    async def scenario() -> None:
        cloud, versions = Cloud(LADDER[0]), Versions()
        await ask(versions, cloud)
        cloud.newest = LADDER[-1]
        assert await ask(versions, cloud, REMEMBERED_S - 1) == LADDER[0]
        assert await ask(versions, cloud, REMEMBERED_S) == LADDER[-1]
        assert versions.answered() == {KEY: LADDER[-1]}

    run(scenario())


@pytest.mark.parametrize(
    "error",
    [
        ErrorInfo("AuthorizationFailed", "no", 403),
        ErrorInfo("ResourceNotFound", "no", 404),
        ErrorInfo("InvalidParameter", "no", 400, targets=("galleryName",)),
    ],
)
def test_another_refusal_is_no_matter_of_versions(error: ErrorInfo) -> None:
    """It is raised as it is."""

    async def scenario() -> None:
        cloud, versions = Cloud(LADDER[0], error), Versions()
        with pytest.raises(RejectedError, match=error.code):
            await ask(versions, cloud)
        assert (cloud.asked, versions.answered()) == ([LADDER[-1]], {KEY: LADDER[-1]})

    run(scenario())


def test_a_parameter_that_is_the_version_is_one() -> None:
    """Compute refuses so while it is rolled out."""

    async def scenario() -> None:
        error = ErrorInfo("InvalidParameter", "no", 400, targets=("api-version",))
        assert await ask(Versions(), Cloud(LADDER[1], error)) == LADDER[1]

    run(scenario())


def test_the_lowest_version_has_the_real_error() -> None:
    """Then the cloud lacks more than a version, and nothing is known of any."""

    async def scenario() -> None:
        cloud, versions = Cloud("2000-01-01"), Versions()
        for _ in range(2):
            with pytest.raises(RejectedError, match="NoRegisteredProviderFound"):
                await ask(versions, cloud)
        assert versions.answered() == {}
        cloud.newest = LADDER[0]
        await ask(versions, cloud)
        assert versions.answered() == {KEY: LADDER[0]}

    run(scenario())


def test_a_refused_put_hides_nothing_from_reads() -> None:
    """They go on at the newest version; PUTs at the next lower one."""

    async def scenario() -> None:
        cloud, versions = Cloud(LADDER[-1]), Versions()
        assert versions.writable(KEY, LADDER, 0) == LADDER[-1]
        assert versions.refuse_write(KEY, LADDER, LADDER[1], 0) == LADDER[0]
        assert versions.refuse_write(KEY, LADDER, LADDER[2], 0) == LADDER[1]
        assert versions.refuse_write(KEY, LADDER, LADDER[0], 0) is None
        assert versions.writable(KEY, LADDER, 0) == LADDER[0]
        assert await ask(versions, cloud) == LADDER[-1]
        assert versions.writable(KEY, LADDER, REMEMBERED_S) == LADDER[-1]

    run(scenario())
