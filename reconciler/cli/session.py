"""Runs work that speaks to a service: with a log on standard error, to its end or to a signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.runtime import logs, signals
from reconciler.runtime.traces import tracing

if TYPE_CHECKING:
    from asyncio import Event
    from collections.abc import Callable, Coroutine

    from reconciler.cli.options import Given

T = TypeVar("T")


def supervised(given: Given, work: Callable[[Event], Coroutine[Any, Any, T]]) -> tuple[T, int | None]:
    """Return the result of *work*, and the exit code of the signal that came meanwhile; None if none came."""
    logs.set_up(given.log_level, given.log_format)
    with tracing(given.process.values):
        return signals.run(work)
