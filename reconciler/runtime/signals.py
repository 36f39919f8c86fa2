"""Runs a coroutine to its end, or to the signal that ends it early."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reconciler.azure.polling import Interrupted
from reconciler.plan.exit_codes import of_signal
from reconciler.runtime.failure import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

T = TypeVar("T")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_GRACE_S: Final = 4.0  # GitHub sends SIGTERM 7.5 s after SIGINT and kills 2.5 s later


def run(main: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> tuple[T, int | None]:
    """
    Run *main*, and return its result with the exit code of the signal that interrupted it; None without a signal.

    The first SIGINT or SIGTERM sets the event that *main* gets, and cancels *main* if it runs some seconds later still.
    The second signal ends the process at once.

    Raises:
        Stopped: A signal interrupted *main* before it had a result.
    """
    return asyncio.run(_supervise(main))


async def _supervise(main: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> tuple[T, int | None]:
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))
    loop = asyncio.get_running_loop()
    codes: list[int] = []

    def on_signal(number: int) -> None:
        if codes:
            os._exit(of_signal(number))
        codes.append(of_signal(number))
        stop.set()
        loop.call_later(_GRACE_S, task.cancel)

    for number in _SIGNALS:
        with contextlib.suppress(NotImplementedError):  # Windows has no handlers; there Ctrl-C raises KeyboardInterrupt
            loop.add_signal_handler(number, on_signal, number)
    try:
        return await task, codes[0] if codes else None
    except (asyncio.CancelledError, Interrupted):
        if codes:
            raise Stopped(codes[0]) from None
        raise


@contextmanager
def on_hangup(act: Callable[[], object]) -> Iterator[None]:
    """Call *act* at each SIGHUP, which ends the process otherwise; a system without that signal sends none."""
    loop = asyncio.get_running_loop()
    number = getattr(signal, "SIGHUP", None)
    if number is None:
        yield
        return
    loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)
