"""
Reads the resources that exist below a subscription, by lists, parents first. Sends GETs only, and decides nothing.

Unlike :mod:`reconciler.azure.observe` it stops at the first read that fails, as an incomplete inventory is of no use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.azure.versions import is_version_unknown
from reconciler.errors import ErrorCode, ErrorInfo, RequestError, UnusableAnswerError, UsageError
from reconciler.export.found import Found
from reconciler.http.concurrency import run_all
from reconciler.kinds.kind import folded_id
from reconciler.kinds.patterns import is_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.azure.client import ArmReader
    from reconciler.kinds.kind import Kind
    from reconciler.kinds.live import Live
    from reconciler.values import JsonObject


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    The resources to read.

    Attributes:
        group: One resource group; None for all of the subscription.
        names: Patterns by URI parameter: only resources that have all of these parameters, and match.
        concurrency: Reads at the same time.
    """

    subscription: str
    group: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 16

    @property
    def scope(self) -> str:
        """The subscription, or the resource group in it, as a folded id."""
        group = f"/resourceGroups/{self.group}" if self.group else ""
        return folded_id(f"/subscriptions/{self.subscription}{group}")

    def fits(self, kind: Kind, params: Mapping[str, str]) -> bool:
        """Return whether a resource matches every pattern for a parameter of its *kind*."""
        known = ((params[name], pattern) for name, pattern in self.names.items() if name in kind.parameters)
        return all(is_match(pattern.casefold(), value.casefold()) for value, pattern in known)

    def includes(self, kind: Kind) -> bool:
        """Return whether resources of *kind* are wanted themselves, and not only resources below them."""
        return set(self.names) <= set(kind.parameters)


async def take_inventory(wanted: Wanted, kinds: Mapping[str, Kind], arm: ArmReader) -> tuple[Found, ...]:
    """
    Return every resource of a known kind that is wanted.

    Raises:
        RequestError: A list, or a resource in it, cannot be read.
        UsageError: No kind has all of the parameters that patterns are given for.
    """
    if not any(wanted.includes(kind) for kind in kinds.values()):
        message = f"no kind has all of {', '.join(wanted.names)}: export them one after the other"
        raise UsageError(message)
    found: list[Found] = []
    scope = "resourceGroup" if wanted.group else "subscription"
    top = {"subscriptionId": wanted.subscription, "resourceGroupName": wanted.group or ""}
    level = await _read(
        ((kind, kind.list_under(scope, top), {}) for kind in kinds.values() if not kind.parent), wanted, kinds, arm
    )
    level = _in_one_spelling(level, top if wanted.group else {"subscriptionId": wanted.subscription})
    while level:
        found += (item for item in level if wanted.includes(item.kind))
        level = await _read(
            (
                (kind, kind.list_under("parent", item.params), item.params)
                for item in level
                for kind in kinds.values()
                if kind.parent == item.kind.name
            ),
            wanted,
            kinds,
            arm,
        )
    return tuple(found)


async def _read(
    lists: Iterable[tuple[Kind, str | None, Mapping[str, str]]],
    wanted: Wanted,
    kinds: Mapping[str, Kind],
    arm: ArmReader,
) -> list[Found]:
    """Read lists, each given with its kind and the URI parameters of its parent, and return the matching resources."""
    found: list[Found] = []

    async def read(kind: Kind, path: str, above: Mapping[str, str]) -> None:
        try:
            bodies = await arm.list_newest(kind, path)
        except RequestError as error:
            if kind.parent is None or not is_version_unknown(error.info):
                raise
            return  # a cloud that lags lacks the type: it has no such resource
        for body in bodies:
            params = {**_params(kind, body), **above}
            if wanted.fits(kind, params):
                found.append(Found(kind, params, await _whole(kind, params, body, arm)))

    useful = ((kind, path, above) for kind, path, above in lists if path and _leads_on(kind, wanted, kinds))
    await run_all((read(kind, path, above) for kind, path, above in useful), wanted.concurrency)
    return sorted(found, key=lambda item: item.key)


def _leads_on(kind: Kind, wanted: Wanted, kinds: Mapping[str, Kind]) -> bool:
    """Whether *kind*, or one below it, is wanted."""
    below = (child for child in kinds.values() if child.parent == kind.name)
    return wanted.includes(kind) or any(_leads_on(child, wanted, kinds) for child in below)


def _params(kind: Kind, body: JsonObject) -> dict[str, str]:
    params = kind.parse_id(str(body["id"]))
    if params is None:
        raise UnusableAnswerError(ErrorInfo(ErrorCode.UNUSABLE_ANSWER, f"a list of {kind.name} has another resource"))
    return params


async def _whole(kind: Kind, params: Mapping[str, str], body: JsonObject, arm: ArmReader) -> Live:
    """Return a resource; read by itself where the list only names it."""
    if not isinstance(body.get("properties"), dict):
        body = await arm.get_newest(kind, kind.resource_id(params))
    return kind.live(body)


def _in_one_spelling(found: list[Found], typed: Mapping[str, str]) -> list[Found]:
    """Return resources with subscription and group spelled as typed, or as first answered: ARM varies their case."""
    known = {(name, value.casefold()): value for name, value in typed.items()}
    for index, item in enumerate(found):
        *above, own = item.kind.parameters
        params = {name: known.setdefault((name, item.params[name].casefold()), item.params[name]) for name in above}
        found[index] = Found(item.kind, {**params, own: item.params[own]}, item.live)
    return found
