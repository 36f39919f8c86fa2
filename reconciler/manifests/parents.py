"""
Warns of a resource whose parent no manifest declares, where one declares a parent of nearly the same name. Pure.

A parent without a manifest is ordinary: it may be live and have another owner. So only a typing error is reported: one
letter more, less or other, or two letters swapped. Numbers that differ are two names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reconciler.problems import Layer, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.manifests.identity import Identity
    from reconciler.model.desired import Desired

_DIGITS: Final = re.compile(r"[0-9]+")
_MOST: Final = 500
"""Parents of one kind among which a near name is looked for, and unknown parents for which one is."""


def misspelt_parents(
    desired: Sequence[Desired], others: Sequence[Identity], kinds: Mapping[str, Kind]
) -> Iterator[Problem]:
    """
    Yield a warning for each resource whose parent is misspelt.

    Args:
        desired: Of every valid manifest.
        others: Resources of invalid manifests, which may be parents too.
        kinds: By name.
    """
    known = {item.key for item in desired} | {item.key for item in others}
    parents: dict[str, list[Desired]] = {}
    for item in desired:
        parents.setdefault(item.kind.name, []).append(item)
    slips: dict[str, tuple[str, str] | None] = {}
    for item in desired:
        kind = kinds.get(item.kind.parent or "")
        if kind is None or item.parent is None or item.parent in known:
            continue
        if item.parent not in slips and len(slips) < _MOST:
            near = (_slip(item, each, kind) for each in parents.get(kind.name, ())[:_MOST])
            slips[item.parent] = next(filter(None, near), None)
        found = slips.get(item.parent)
        if found is not None:
            name, meant = found
            message = f"no manifest declares this {kind.name}"
            yield Problem(*_place(item, name), f"spec.{name}", "unknown-parent", message, f"did you mean `{meant}`?")


def _slip(item: Desired, parent: Desired, kind: Kind) -> tuple[str, str] | None:
    """Return the parameter in which *item* names *parent* with a slip, and what is meant; None if it does not."""
    other = [name for name in kind.parameters if item.params[name].casefold() != parent.params[name].casefold()]
    if len(other) != 1 or not is_slip(item.params[other[0]], parent.params[other[0]]):
        return None
    return other[0], parent.params[other[0]]


def is_slip(written: str, meant: str) -> bool:
    """Whether two names differ by one slip of the pen."""
    one, two = written.casefold(), meant.casefold()
    if one == two or abs(len(one) - len(two)) > 1 or _DIGITS.sub("", one) == _DIGITS.sub("", two):
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    one, two = one[start:], two[start:]
    return (
        one[1:] == two[1:]  # another letter
        or one[1:] == two  # one too many
        or one == two[1:]  # one too few
        or (one[:2] == two[1::-1] and one[2:] == two[2:])  # two exchanged
    )


def _place(item: Desired, name: str) -> tuple[str, int, int | None]:
    path = ("spec", name)
    origin = item.trace(path) if item.trace is not None else None
    if origin is not None and origin.layer is not Layer.MANIFEST:
        return origin.file, origin.line, origin.column
    return (item.source.file, *item.locate(path))
