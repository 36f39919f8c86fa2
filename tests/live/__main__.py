"""
Holds what is known of Azure against a subscription: ``make live`` (docs/proved.md).

It writes only in one resource group, only resources with the prefix of a run, only by PUT. It deletes nothing and names
at its end the resources that remain.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from typing import TYPE_CHECKING, Final

from reconciler.clock import SystemClock
from reconciler.errors import AuthError, UsageError
from reconciler.runtime.connect import open_writer
from reconciler.settings import process_environment
from tests.live.door import Door
from tests.live.fact import State
from tests.live.facts import all_facts
from tests.live.play import Play
from tests.live.report import line, remains, summary
from tests.live.settings import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.clock import Clock
    from reconciler.settings import Environment
    from tests.live.fact import Verdict
    from tests.live.settings import Live

HOLDS: Final = 0
DIFFERS: Final = 1
USAGE: Final = 64
SIGN_IN: Final = 1
INTERRUPTED: Final = 130


def main(environment: Environment, clock: Clock, say: Callable[[str], None]) -> int:
    """Play every fact, and return 0 if none differs, 1 if one does or the sign-in fails, 64 for wrong settings."""
    try:
        live = read(environment.values, secrets.token_hex(3))
    except UsageError as error:
        say(f"error: {error}")
        return USAGE
    stage = live.stage
    say(f"{live.connection.endpoint}, group {stage.group}, suffix {stage.suffix}, region {stage.location}")
    touched: dict[str, None] = {}
    verdicts: list[Verdict] = []
    try:
        asyncio.run(_play(live, environment, clock, say, touched, verdicts))
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except UsageError as error:
        say(f"error: {error}")
        return USAGE
    except AuthError as error:
        say(f"error: {error.info.message}; fix: {error.info.fix}")
        return SIGN_IN
    finally:
        say("")
        say(summary(verdicts, len(all_facts(stage))))
        for text in remains(touched):
            say(text)
    return DIFFERS if any(verdict.state is State.DIFFERS for verdict in verdicts) else HOLDS


async def _play(
    live: Live,
    environment: Environment,
    clock: Clock,
    say: Callable[[str], None],
    touched: dict[str, None],
    verdicts: list[Verdict],
) -> None:
    async with open_writer(live.connection, environment, clock) as arm:
        door = Door(arm, live.stage, clock, live.connection.default_poll_interval_s, touched)
        async for fact, verdict in Play(door, live.available).judge(all_facts(live.stage)):
            verdicts.append(verdict)
            say(line(fact, verdict, live.secrets))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(process_environment(), SystemClock(), _say))
