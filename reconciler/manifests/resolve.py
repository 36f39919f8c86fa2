"""Stage 3: turns manifests into desired resources: ids, parents, order. Refuses duplicates. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
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
    manifests: Sequence[Manifest],
    kinds: Mapping[str, Kind],
    others: Sequence[Identity] = (),
    secrets: Mapping[str, Secret] = _NO_SECRETS,
    memo: Memo | None = None,
    settled: Sequence[Desired] = (),
) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """
    Return the desired resources, parents before children, and the problems that only all manifests together show.

    Args:
        manifests: Valid ones.
        kinds: By name, for the depth of each.
        others: Resources of invalid manifests, which may be declared twice as well.
        secrets: Values of environment variables, by their name.
        memo: Of the manifests that were resolved before; None for none.
        settled: Resources that are resolved already.
    """
    known = memo or Memo(keeps=False)
    resolved = (known.of_object(each, secrets, partial(_desired, each, kinds, secrets)) for each in manifests)
    found = [*settled, *resolved]
    every: list[Desired | Identity] = [*found, *others]
    every.sort(key=lambda item: (item.source.file, item.source.line, item.source.document))
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
        parent=parent.lower() if parent else None,
        params=params,
        body=kind.seal(kind.with_variables(body, secrets)),
        labels=manifest.labels,
        source=manifest.source,
        locate=manifest.locate,
        slot=kind.writer_slot(params),
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
    first: dict[str, Source] = {}
    problems = []
    for item in found:
        key = key_of(item)
        earlier = first.setdefault(key, item.source) if key is not None else item.source
        if earlier is not item.source:
            problems.append(_duplicate(item.source, message, f"{earlier.file}:{earlier.line}"))
    return problems


def _duplicate(source: Source, message: str, place: str) -> Problem:
    return Problem(
        source.file, source.line, 1, "", "duplicate", f"{message}: the other is at {place}", "keep one of them"
    )
