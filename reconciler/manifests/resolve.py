"""Stage 3: turns manifests into desired resources: ids, parents, order. Refuses duplicates. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from sys import intern
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from reconciler.kinds.content import content_digest
from reconciler.kinds.patterns import is_match
from reconciler.manifests.memo import Memo
from reconciler.model.desired import Desired
from reconciler.problems import Manifest, Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.manifests.identity import Identity
    from reconciler.secret.text import Secret

_NO_SECRETS: Final[Mapping[str, Secret]] = MappingProxyType({})
_PAUSED: Final = "reconciler.dev/paused"
_WAVE: Final = "reconciler.dev/wave"
_PACKAGE: Final = "reconciler.dev/package-sha256"


def resolve(
    found: Sequence[Desired], others: Sequence[Identity] = ()
) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """
    Return resources in their order, parents before children, and the problems that only all of them together show.

    Args:
        found: The resource of each valid manifest.
        others: Resources of invalid manifests, which may be declared twice as well.
    """
    every: list[Desired | Identity] = [*found, *others]
    problems = [
        *_twice(every, lambda item: item.address, "two manifests of one kind share this name"),
        *_twice(every, lambda item: item.key, "two manifests declare one Azure resource (ids are case-insensitive)"),
    ]
    order = sorted(_in_waves(found).values(), key=lambda item: (item.wave, item.depth, item.key))
    return tuple(order), tuple(problems)


def select(desired: Iterable[Desired], targets: Sequence[str], labels: Mapping[str, str]) -> tuple[Desired, ...]:
    """
    Return the resources that the command line selects.

    Args:
        desired: All of it.
        targets: ``KIND/NAME`` patterns; one that matches is enough, none means all.
        labels: Every one must be on the manifest.
    """
    return tuple(
        item
        for item in desired
        if (not targets or any(is_match(target, item.address) for target in targets))
        and all(item.labels.get(key) == value for key, value in labels.items())
    )


def desired_of(
    manifest: Manifest,
    kinds: Mapping[str, Kind],
    secrets: Mapping[str, Secret] = _NO_SECRETS,
    memo: Memo | None = None,
) -> Desired:
    """
    Return the resource that one manifest declares.

    Args:
        manifest: A valid one.
        kinds: By name, for its depth.
        secrets: Values of environment variables, by their name.
        memo: Of the manifests that were resolved before; None for none.
    """
    known = memo or Memo(keeps=False)
    return known.of_object(manifest, secrets, partial(_desired, manifest, kinds, secrets))


def _desired(manifest: Manifest, kinds: Mapping[str, Kind], secrets: Mapping[str, Secret]) -> Desired:
    kind = manifest.kind
    params = {name: str(manifest.spec[name]) for name in kind.parameters}
    body = {key: value for key, value in manifest.spec.items() if key not in kind.parameters}
    resource_id, parent = kind.resource_id(params), kind.parent_id(params)
    wave = int(manifest.annotations.get(_WAVE, "0"))
    return Desired(
        kind=kind,
        name=manifest.name,
        id=resource_id,
        key=resource_id.lower(),
        parent=intern(parent.lower()) if parent else None,
        params=params,
        body=kind.seal(kind.with_variables(body, secrets)),
        labels=manifest.labels,
        source=manifest.source,
        locate=manifest.locate,
        slot=intern(kind.writer_slot(params)),
        wave=wave,
        depth=depth_of(kind, kinds),
        paused=manifest.annotations.get(_PAUSED) == "true",
        content=content_digest(kind, body, manifest.annotations.get(_PACKAGE)),
        trace=manifest.trace,
        stated_wave=wave,
    )


def depth_of(kind: Kind, kinds: Mapping[str, Kind]) -> int:
    """Return how many kinds are above *kind*."""
    parent = kinds.get(kind.parent or "")
    return 1 + depth_of(parent, kinds) if parent else 0


def _in_waves(desired: Sequence[Desired]) -> dict[str, Desired]:
    """Lift every resource to the wave of its parent: a child can never go first."""
    lifted: dict[str, Desired] = {}
    for item in sorted(desired, key=lambda item: item.depth):
        parent = lifted.get(item.parent or "")
        wave = max(item.stated_wave, parent.wave) if parent else item.stated_wave
        lifted[item.key] = item if item.wave == wave else replace(item, wave=wave)
    return lifted


def _twice(
    found: Sequence[Desired | Identity], key_of: Callable[[Desired | Identity], str | None], message: str
) -> list[Problem]:
    seen: set[str] = set()
    twice: set[str] = set()
    for item in found:
        key = key_of(item)
        if key is not None:
            (twice if key in seen else seen).add(key)
    if not twice:
        return []
    places = sorted((item.source, key) for item in found if (key := key_of(item)) in twice and key is not None)
    first: dict[str, Source] = {}
    problems = []
    for source, key in places:
        earlier = first.setdefault(key, source)
        if earlier is not source:
            problems.append(_duplicate(source, message, f"{earlier.file}:{earlier.line}"))
    return problems


def _duplicate(source: Source, message: str, place: str) -> Problem:
    return Problem(
        source.file, source.line, 1, "", "duplicate", f"{message}: the other is at {place}", "keep one of them"
    )
