"""
One of several runs that share an estate: a rendezvous hash gives each subscription to one of them. Pure.

A subscription is never cut: its lists are read once, and its limits of requests belong to one run. Where a run is added
or taken away, only the subscriptions of that run move.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from reconciler.errors import UsageError
from reconciler.kinds.kind import subscription_in
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.model.desired import Desired

MOST: Final = 1000
"""Shards of one estate."""
_NUMBERS: Final = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """
    The share of one run.

    Attributes:
        number: From 1.
        count: Of all runs.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, subscription: str) -> bool:
        """Return whether a subscription, folded, belongs to this share."""
        return shard_of(subscription, self.count) == self.number


@dataclass(frozen=True, slots=True)
class Portion(Shard):
    """The share of one task of a cluster: some subscriptions, folded."""

    subscriptions: frozenset[str] = frozenset()

    def holds(self, subscription: str) -> bool:
        """Return whether a subscription, folded, belongs to this share."""
        return subscription in self.subscriptions

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def parse_shard(text: str, name: str = "--shard") -> Shard:
    """
    Return the shard that *text* names.

    Args:
        text: As ``K/N``.
        name: The option or variables that it is from.

    Raises:
        UsageError: It is no such text.
    """
    match = _NUMBERS.fullmatch(text)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count <= MOST:
        message = f"{name} {text} is no shard: write K/N, with K from 1 to N, and N at most {MOST}"
        raise UsageError(message)
    return Shard(number, count)


def shard_of(subscription: str, count: int) -> int:
    """Return the number of the shard, out of *count*, that a subscription belongs to: the one of the largest digest."""
    return max(range(1, count + 1), key=lambda number: sha256(f"{number}/{subscription}".encode()).digest())


def within(items: Iterable[Desired], shard: Shard | None) -> tuple[Desired, ...]:
    """Return the resources of one shard; all of them without one."""
    if shard is None:
        return tuple(items)
    known: dict[str, bool] = {}
    chosen = []
    for item in items:
        subscription = subscription_in(item.key)
        if subscription not in known:
            known[subscription] = shard.holds(subscription)
        if known[subscription]:
            chosen.append(item)
    return tuple(chosen)


def waves_apart(desired: Sequence[Desired], shard: Shard | None) -> Problem | None:
    """
    Return a warning for a shard that writes a wave without waiting for an earlier one in another shard; None else.

    Args:
        desired: The resources of all shards.
        shard: The share of the run.
    """
    mine = within(desired, shard)
    last, keys = max((item.wave for item in mine), default=0), {item.key for item in mine}
    if not any(item.wave < last for item in desired if item.key not in keys):
        return None
    message = f"wave {last} of shard {shard} does not wait for the earlier waves of other shards"
    fix = "apply without --shard, or wave by wave: one job after the other, each with a --selector of its own"
    return Problem("--shard", None, None, "", "waves-across-shards", message, fix)
