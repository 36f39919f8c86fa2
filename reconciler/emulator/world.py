"""
The world of an embedded ARM for tests: the stored resources, the writes of another client, and planned failures.

Everything here bypasses the service: no check, no delay, no throttling.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from reconciler.emulator.answers import SUCCEEDED, render
from reconciler.emulator.calls import NOBODY
from reconciler.emulator.checks import accept
from reconciler.emulator.foreign import new_group
from reconciler.emulator.provider import DEFAULT_LOCATION
from reconciler.emulator.service import Subject, created
from reconciler.emulator.store import Fault, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reconciler.clock import Clock
    from reconciler.emulator.provider import Provider
    from reconciler.emulator.store import Store
    from reconciler.emulator.versions import Lag


class World:
    """Direct access to the state of one embedded ARM."""

    def __init__(self, store: Store, providers: Sequence[Provider], clock: Clock, lag: Lag) -> None:
        """Look at *store*, in a cloud that knows api-versions as *lag* says."""
        self._lag = lag
        self._store = store
        self._providers = providers
        self._clock = clock

    def close(self) -> None:
        """Close the state file. A server does so when it stops; tests with an application in process must call it."""
        self._store.close()

    def ids(self) -> list[str]:
        """Return the ids, in lower case, of all resources that are there."""
        return self._store.keys(self._now())

    def stored(self, resource_id: str) -> dict[str, Any] | None:
        """Return the body as the service knows it, write-only properties included; None if there is no resource."""
        row = self._live(resource_id)
        return orjson.loads(row.state) if row else None

    def answer(self, resource_id: str) -> dict[str, Any] | None:
        """Return the body of a GET at this moment, without regard to settings; None if the resource does not exist."""
        row = self._live(resource_id)
        text = row.answer(self._now()) if row else None
        return orjson.loads(text) if text else None

    def edit(self, resource_id: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        """
        Change a live resource as another client would have left it.

        Args:
            resource_id: Of a resource that is there.
            change: Gets the stored body, and changes it or gives another one.
        """
        with self._store.writing():
            row = self._live(resource_id)
            if row is None:
                raise KeyError(resource_id)
            body = orjson.loads(row.state)
            self._store.save(self._rendered(row, change(body) or body))

    def seed(self, bodies: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """
        Create resources, or write them over, as finished as after their PUT: ids and request bodies, parents first.

        Raises:
            Refused: The service would reject a body.
        """
        with self._store.writing():
            for resource_id, body in bodies:
                provider, params = self._provider(resource_id)
                where = (resource_id, params, self._now(), DEFAULT_LOCATION, provider.settings)
                subject = Subject(provider.kind, provider.facts, *where)
                state = created(subject, accept(provider.kind, provider.facts, body))
                self._store.save(self._rendered(self._blank(resource_id, provider), state))

    def fail_next(self, resource_id: str, code: str, message: str, *, status: int | None = None) -> None:
        """
        Let the next write to a resource, which need not be there, fail.

        Args:
            resource_id: Of the resource.
            code: ARM's error code.
            message: ARM's text.
            status: HTTP status of an immediate refusal; None lets the long operation fail at its end (types without
                long operations refuse with 400).
        """
        self._store.plant(resource_id.lower(), Fault(code, message, status))

    def remove(self, resource_id: str) -> None:
        """Drop a resource, but nothing below it, without a trace."""
        self._store.remove(resource_id.lower(), self._now())

    def finish_operations(self) -> None:
        """Let everything that runs be over now."""
        self._store.end_operations(self._now())

    def create_group(self, subscription: str, name: str, location: str = DEFAULT_LOCATION) -> None:
        """Create a resource group."""
        key, body = new_group(subscription, name, {"location": location})
        self._store.save_group(key, body)

    def unregister(self, subscription: str, namespace: str) -> None:
        """Take the registration of a resource provider away."""
        self._store.register(subscription, namespace, registered=False)

    def learn(self, newest: Mapping[str, str]) -> None:
        """Let the cloud know other api-versions from now on, see ``EmulatorSettings.newest``."""
        self._lag.learn(newest)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _live(self, resource_id: str) -> Row | None:
        row = self._store.find(resource_id.lower())
        return row if row and row.answer(self._now()) is not None else None

    def _provider(self, resource_id: str) -> tuple[Provider, dict[str, str]]:
        for provider in self._providers:
            params = provider.kind.parse_id(resource_id)
            if params is not None:
                return provider, params
        raise KeyError(resource_id)

    def _blank(self, resource_id: str, provider: Provider) -> Row:
        now = self._now()
        return Row(resource_id.lower(), resource_id, provider.kind.name, "{}", "{}", "{}", now, now, now, now)

    def _rendered(self, row: Row, state: dict[str, Any]) -> Row:
        provider, _ = self._provider(row.id)
        now = self._now()
        settled, running = (
            render(provider.kind, provider.facts, row.id, state, _state_of(text)) for text in (row.settled, row.running)
        )
        text = orjson.dumps(state).decode()
        return replace(
            row, state=text, settled=settled if row.settled else None, running=running, changed=now, writer=NOBODY
        )


def _state_of(answer: str | None) -> str:
    body = orjson.loads(answer or "{}")
    return str(body.get("properties", {}).get("provisioningState", SUCCEEDED))
