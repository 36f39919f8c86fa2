"""The only way from the facts to ARM: the product's own client, with every answer kept, inside one resource group."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

from reconciler.azure.polling import has_failed, has_succeeded
from reconciler.errors import AuthError, RequestError
from reconciler.http.transport import Transport
from tests.live.fact import Seen
from tests.live.stage import is_read, is_written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.azure.client import ArmWriter
    from reconciler.clock import Clock
    from reconciler.http.answer import Answer
    from reconciler.values import JsonObject
    from tests.live.fact import Step
    from tests.live.stage import Stage

OPERATION_S: Final = 3600.0


class OutsideError(Exception):
    """A request that leads outside of the resource group; it was not sent."""


@dataclass(slots=True)
class Keeping(Transport):
    """
    A transport that keeps the last answer, errors included.

    Attributes:
        last: None where the last request had none.
    """

    last: Answer | None = None

    @classmethod
    def around(cls, transport: Transport) -> Self:
        """Return a transport with the connections of another one."""
        return cls(**{each.name: getattr(transport, each.name) for each in fields(Transport)})

    async def send(
        self,
        method: str,
        path_or_link: str,
        content: bytes | None = None,
        realm: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Answer:
        """Send one request, and keep its answer."""
        self.last = None
        answer = await Transport.send(self, method, path_or_link, content, realm, headers=headers, check=check)
        self.last = answer
        return answer


@dataclass(slots=True)
class Door:
    """
    Sends steps.

    Attributes:
        interval_s: Seconds between two polls, unless ARM asks for others.
        touched: Resources that may exist because of this run, in the order of their first PUT.
    """

    arm: ArmWriter
    stage: Stage
    clock: Clock
    interval_s: float
    touched: dict[str, None] = field(default_factory=dict)
    _kept: Keeping = field(init=False)

    def __post_init__(self) -> None:
        """Keep the answers that the client gets."""
        self._kept = Keeping.around(self.arm.transport)
        self.arm = replace(self.arm, transport=self._kept)

    async def send(self, step: Step) -> tuple[Seen | str, str | None]:
        """
        Send a step, and return its answer, or the reason why there is none, and the operation that a PUT has started.

        Raises:
            AuthError: The sign-in failed.
            OutsideError: It leads outside of the run's resource group.
        """
        self._check(step)
        is_new = step.method == "PUT" and step.path not in self.touched
        try:
            match step.method:
                case "GET":
                    await self.arm.get(step.path, step.version, step.query)
                case "LIST":
                    elements = await self.arm.list(step.path, step.version)
                    return self._seen({"value": elements}), None
                case "PUT":
                    self.touched[step.path] = None
                    accepted = await self.arm.put(step.path, step.version, step.body)
                    return self._seen(), accepted.operation
        except AuthError:
            raise
        except RequestError as error:
            if self._kept.last is None:
                return f"there was no answer: {error.info.code}", None
            if is_new and HTTPStatus.BAD_REQUEST <= self._kept.last.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                del self.touched[step.path]
        return self._seen(), None

    def _check(self, step: Step) -> None:
        is_inside = is_written if step.method == "PUT" else is_read
        if not is_inside(self.stage, step.path):
            raise OutsideError(step.path)

    def _seen(self, body: JsonObject | None = None) -> Seen:
        answer = self._kept.last
        assert answer is not None
        return Seen(answer.status, answer.headers, _object(answer) if body is None else body)

    async def follow(self, operation: str, seen: Seen) -> None:
        """Poll an operation to its end, for an hour at most, and add each answer to what was seen."""
        deadline = self.clock.monotonic() + OPERATION_S
        wait = self.interval_s
        while self.clock.monotonic() < deadline:
            polled = await self.arm.poll(operation)
            seen.polls.append(polled.body)
            if has_succeeded(polled) or has_failed(polled):
                return
            wait = polled.retry_after_s or self.interval_s
            await self.clock.sleep(wait)


def _object(answer: Answer) -> JsonObject:
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}
