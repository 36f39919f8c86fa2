"""
Delivers notices, beside the rounds: a receiver that fails, is slow or never answers holds up neither rounds nor others.

Addresses and keys are secrets: a message names the variable that holds them, and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from reconciler.errors import ErrorInfo, HistoryError, RequestError, UsageError
from reconciler.http.answer import Service
from reconciler.http.bounds import Bounds
from reconciler.http.origin import origin_of
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.service import outbox
from reconciler.service.formats import CONTENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from random import Random

    from reconciler.clock import Clock
    from reconciler.http.answer import Answer
    from reconciler.model.receiver import Receiver
    from reconciler.secret.text import Secret
    from reconciler.service.history import History
    from reconciler.service.outbox import Letter
    from reconciler.service.store import Store

_LOG: Final = logging.getLogger("reconciler.notices")
BOUNDS: Final = Bounds(connect_s=5, silence_s=10, whole_s=10, answer_bytes=1024 * 1024)
_LONGEST_WAIT_S: Final = 3600.0
"""Of ``Retry-After``."""
_SHORTEST_S: Final = 0.5
_JUMP_S: Final = 60.0
"""By how much the time of day runs ahead of the clock that never jumps before it counts as a jump."""
_KEY_PREFIX: Final = "whsec_"


def _words(answer: Answer) -> ErrorInfo:
    return ErrorInfo(f"Http{answer.status}", f"the receiver answered {answer.status}", answer.status)


@dataclass(slots=True)
class Delivery:
    """
    Sends what waits in the outbox of a history.

    Attributes:
        secrets: The variables that may hold addresses and keys.
        environ: The environment, which names proxies and certificates.
        bounds: Of one request.
        wake: Set when there may be something to send.
    """

    history: History
    secrets: Mapping[str, Secret]
    environ: Mapping[str, str]
    clock: Clock
    chance: Random
    bounds: Bounds = BOUNDS
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: set[str] = field(default_factory=set)
    _complained: set[str] = field(default_factory=set)
    _offset_s: float | None = None

    async def run(self, interval_s: float) -> None:
        """Send whenever something is due, and look whether the loop has stalled, until it is canceled."""
        turns: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                self.wake.clear()
                self.history.look(interval_s)
                turns = {key: task for key, task in turns.items() if not task.done()}
                for receiver in self._due():
                    if receiver.key not in turns:  # one that hangs holds up its own letters only
                        turns[receiver.key] = asyncio.ensure_future(self._turn(receiver))
                        turns[receiver.key].add_done_callback(lambda _: self.wake.set())
                await self._rest(self._pause(interval_s, turns))
        finally:
            for task in turns.values():
                task.cancel()
            await asyncio.gather(*turns.values(), return_exceptions=True)

    async def send(self) -> None:
        """Try everything that is due once, each receiver by itself."""
        await asyncio.gather(*map(self._turn, self._due()))

    async def _rest(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(each) for each in (self.clock.sleep(seconds), self.wake.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()

    def _due(self) -> tuple[Receiver, ...]:
        """Return the receivers for whom a letter is due, once those that are too old are dropped."""
        now = self.clock.now().timestamp()
        try:
            store = self.history.store()
            self._follow_jumps(store)
            if lost := outbox.expire(store, now):
                _LOG.warning("notices that no receiver took for a day were dropped: %d", lost)
            return tuple(each for each in self._receivers() if outbox.is_due(store, each.key, now))
        except HistoryError:
            return ()  # the next round reports it

    def _follow_jumps(self, store: Store) -> None:
        """Keep the age of letters where the time of day has jumped ahead since the last look: no day has passed."""
        now = self.clock.now().timestamp()
        offset_s = now - self.clock.monotonic()
        ahead_s = offset_s - self._offset_s if self._offset_s is not None else 0.0
        if ahead_s > _JUMP_S:
            outbox.rejuvenate(store, now, ahead_s)
        self._offset_s = offset_s

    def _receivers(self) -> tuple[Receiver, ...]:
        """Return the receivers that still get notices, each once."""
        found = {each.key: each for each in self.history.receivers if each.key not in self._ended}
        return tuple(found.values())

    def _pause(self, interval_s: float, busy: Collection[str]) -> float:
        """Return the seconds until the next letter is due, an interval at most."""
        keys = [each.key for each in self._receivers() if each.key not in busy]
        try:
            turn = outbox.next_turn(self.history.store(), keys) if keys else None
        except HistoryError:
            turn = None
        return interval_s if turn is None else min(interval_s, max(_SHORTEST_S, turn - self.clock.now().timestamp()))

    async def _turn(self, receiver: Receiver) -> None:
        """Send the letters to one receiver in their order, to the first that fails."""
        try:
            store = self.history.store()
            letters = outbox.claim(store, receiver.key, self.clock.now().timestamp())
            if not letters:
                return
            address = self._address(receiver)
            key = self._key(receiver)
            if address is None or (receiver.secret and key is None):
                outbox.postponed(store, letters, self.clock.now().timestamp() + outbox.delay_s(1, self.chance))
                return
            await self._exchange(receiver, address, key, letters)
        except HistoryError:
            return  # the letters are sent again: at least once
        except Exception as error:  # noqa: BLE001 (a loop outlives any error of a receiver)
            _LOG.warning("notices for the receiver of %s were not sent: %s", receiver.url, type(error).__name__)

    async def _exchange(self, receiver: Receiver, address: str, key: Webhook | None, letters: Sequence[Letter]) -> None:
        parts = urlsplit(address)
        service = Service(
            f"the receiver of {receiver.url}", _words, receiver.url, bounds=self.bounds, has_secret_address=True
        )
        try:
            transport = Transport.open(
                f"{parts.scheme}://{parts.netloc}", service, NoToken(), self.clock, environ=self.environ
            )
        except UsageError as error:
            self._complain(receiver.type, receiver.url, str(error))
            outbox.postponed(self.history.store(), letters, self.clock.now().timestamp() + outbox.CLAIM_S)
            return
        try:
            for number, letter in enumerate(letters):
                failed = await self._one(transport, receiver, key, letter)
                if failed is not None:
                    outbox.postponed(self.history.store(), letters[number:], self.clock.now().timestamp() + failed)
                    return
                outbox.sent(self.history.store(), letter)
        finally:
            await transport.close()

    async def _one(self, transport: Transport, receiver: Receiver, key: Webhook | None, letter: Letter) -> float | None:
        """Send one letter; return None if it has arrived, else the seconds until the next attempt."""
        address = urlsplit(self.secrets[receiver.url].reveal())
        path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        headers = {"content-type": CONTENT_TYPES[receiver.type], **self._signed(key, letter)}
        pause = outbox.delay_s(letter.attempts + 1, self.chance)
        try:
            answer = await transport.send("POST", path, letter.body.encode(), headers=headers)
        except RequestError as error:
            _LOG.warning(
                "a notice for the receiver of %s was not sent (%s); next attempt in %.0f s",
                receiver.url,
                error.info.code,
                pause,
            )
            return pause
        if answer.is_success:
            return None
        if answer.status == HTTPStatus.GONE:
            self._ended.add(receiver.key)
            _LOG.warning("the receiver of %s answered 410: it gets no notice until the next start", receiver.url)
            return pause
        asked = min(answer.retry_after(self.clock.now()) or 0.0, _LONGEST_WAIT_S)
        pause = max(pause, asked)
        _LOG.warning("the receiver of %s answered %d; next attempt in %.0f s", receiver.url, answer.status, pause)
        return pause

    def _signed(self, key: Webhook | None, letter: Letter) -> dict[str, str]:
        """Return the headers of Standard Webhooks; without a key, the id alone."""
        if key is None:
            return {"webhook-id": letter.id}
        at = datetime.fromtimestamp(int(self.clock.now().timestamp()), UTC)
        return {
            "webhook-id": letter.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": key.sign(letter.id, at, letter.body),
        }

    def _address(self, receiver: Receiver) -> str | None:
        """Return the address of a receiver; None, and a warning once, if there is none that may be used."""
        secret = self.secrets.get(receiver.url)
        origin = origin_of(secret.reveal()) if secret is not None else None
        if secret is not None and origin is not None and origin.is_safe:
            return secret.reveal()
        problem = "is not set" if secret is None else "holds no https URL, nor http to loopback"
        self._complain(receiver.type, receiver.url, problem)
        return None

    def _key(self, receiver: Receiver) -> Webhook | None:
        """Return what signs notices for a receiver; None, and a warning once, if the key cannot be used."""
        if receiver.secret is None:
            return None
        secret = self.secrets.get(receiver.secret)
        text = secret.reveal() if secret is not None else ""
        try:
            encoded = text.removeprefix(_KEY_PREFIX)
            if text.startswith(_KEY_PREFIX) and b64decode(f"{encoded}{'=' * (-len(encoded) % 4)}", validate=True):
                return Webhook(text)
        except ValueError:  # binascii.Error is one
            pass
        self._complain(receiver.type, receiver.secret, f"must hold {_KEY_PREFIX} and Base64" if text else "is not set")
        return None

    def _complain(self, type_: str, variable: str, problem: str) -> None:
        """Warn once of what keeps notices from being sent."""
        if variable not in self._complained:
            self._complained.add(variable)
            _LOG.warning("notices of type %s are not sent: %s %s", type_, variable, problem)
