"""
Asks the gates of rollouts: one GET without a token, or one query of Resource Graph. Decides nothing.

A gate's address comes from the project file, so no credential, no signature and no cookie is sent there, redirects are
not followed, and nothing of the answer but one number is used or shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from reconciler.azure.resource_graph import FAILED_INSTALLS
from reconciler.errors import ErrorInfo, RequestError
from reconciler.http.answer import Service
from reconciler.http.bounds import Bounds
from reconciler.http.origin import origin_of
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.kinds.normal_forms import region
from reconciler.manifests.gates import MOST_BYTES, measured, share_failed
from reconciler.plan.gate import Row, counted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from reconciler.azure.resource_graph import GraphReader
    from reconciler.clock import Clock
    from reconciler.http.answer import Answer
    from reconciler.manifests.gates import GateRule
    from reconciler.model.rollout import RolloutState

_BOUNDS: Final = Bounds(connect_s=10, silence_s=10, whole_s=10, answer_bytes=MOST_BYTES + 1)


def _words(answer: Answer) -> ErrorInfo:
    return ErrorInfo(f"Http{answer.status}", f"the gate answered {answer.status}", answer.status)


@dataclass(slots=True)
class Gates:
    """
    The gates of one run, or of all rounds of a loop.

    Attributes:
        environ: The environment, which names proxies and certificates.
        graph: Opens a client of Resource Graph.
        app: An ASGI application that answers instead of the network.
        is_patient: Whether a run waits for the next sample; a round of a loop leaves it to a later round.
        rows: The samples so far, by version and mark.
    """

    clock: Clock
    environ: Mapping[str, str]
    graph: Callable[[], AbstractAsyncContextManager[GraphReader]]
    app: Callable[..., Awaitable[Any]] | None = None
    bounds: Bounds = _BOUNDS
    is_patient: bool = True
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    async def sample(self, key: str, rule: GateRule, state: RolloutState) -> Row:
        """Return the row of a version at a step with one more sample, or as it is where that is not due yet."""
        now, known = self.clock.monotonic(), self.rows.get((key, state.mark), Row())
        if known.verdict is None and known.pause_s(rule, now) > 0:
            return known
        number, why = await self.answer(rule, frozenset(map(region, state.so_far)))
        row = counted(known, rule, number, why, self.clock.monotonic())
        for at in [each for each in self.rows if each[0] == key]:
            del self.rows[at]
        self.rows[key, state.mark] = row
        return row

    async def answer(self, rule: GateRule, regions: frozenset[str]) -> tuple[float | None, str]:
        """Return the number that a gate answers now, and why there is none."""
        if rule.url is None:
            return await self._failed_installs(regions)
        origin = origin_of(rule.url)
        if origin is None:
            return None, "its address is no https URL"
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        service = Service("the gate", _words, "spec.rollouts", bounds=self.bounds)
        endpoint = f"{origin.scheme}://{host}:{origin.port}"
        transport = Transport.open(endpoint, service, NoToken(), self.clock, environ=self.environ, app=self.app)
        try:
            answer = await transport.send("GET", rule.url)
        except RequestError as error:
            return None, f"{host}: {error.info.code}"
        finally:
            await transport.close()
        if answer.status != HTTPStatus.OK:
            return None, f"{host} answered {answer.status}"
        number = measured(answer.content, rule.pick)
        return number, "" if number is not None else f"the answer of {host} is no number"

    async def _failed_installs(self, regions: frozenset[str]) -> tuple[float | None, str]:
        try:
            async with self.graph() as graph:
                share = share_failed(await graph.rows(FAILED_INSTALLS), regions)
        except RequestError as error:
            return None, f"Resource Graph: {error.info.code}"
        return share, "" if share is not None else "no machine has installed an application there"
