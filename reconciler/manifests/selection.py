"""Explains a selection without a result: the requested and the existing names and labels. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.manifests.schema_errors import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.model.desired import Desired

_MOST_NAMED: Final = 10
"""Labels that a message names; of the others, their number."""


def nothing_with(labels: Mapping[str, str], desired: Sequence[Desired], *, targeted: bool = False) -> str:
    """
    Return, as a clause, why *labels* choose none of *desired*, and the labels that there are.

    Args:
        labels: Asked for by ``--selector``.
        desired: Chosen from: all manifests, or those that ``--target`` names.
        targeted: Whether they are those that ``--target`` names.
    """
    asked = " and ".join(f"{key}={value}" for key, value in labels.items())
    present = sorted({(key, value) for item in desired for key, value in item.labels.items()})
    which = "manifest that --target names" if targeted else "manifest"
    return f"no {which} has the label {asked}; {_near(labels, present)}{_there(labels, present, which)}"


def no_manifest(address: str, desired: Sequence[Desired]) -> str:
    """
    Return, as a clause, that *address* names no manifest, with the nearest one and those that there are.

    Args:
        address: ``KIND/NAME`` as the user wrote it.
        desired: Of every manifest.
    """
    names = sorted({item.address for item in desired})
    if not names:
        return "there are no manifests"
    near = nearest(address, names)
    kind = address.partition("/")[0].casefold()
    ordered = sorted(names, key=lambda name: (name != near, name.partition("/")[0].casefold() != kind, name))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    hint = f"did you mean `{near}`? " if near else ""
    return f"{hint}manifests: {', '.join(ordered[:_MOST_NAMED])}{more}"


def _near(labels: Mapping[str, str], present: Sequence[tuple[str, str]]) -> str:
    keys = {key for key, _ in present}
    found = {key: nearest(key, keys) for key in labels if key not in keys}
    near = ", ".join(f"{name} for {key}" for key, name in found.items() if name)
    return f"did you mean {near}? " if near else ""


def _there(labels: Mapping[str, str], present: Sequence[tuple[str, str]], which: str) -> str:
    """Return the existing labels, those with a requested key first."""
    if not present:
        return f"no {which} has any label"
    ordered = sorted(present, key=lambda label: label[0] not in labels)
    more = f" and {len(ordered) - _MOST_NAMED} more" if len(ordered) > _MOST_NAMED else ""
    named = ", ".join(f"{key}={value}" for key, value in ordered[:_MOST_NAMED])
    return f"labels of the {which.replace('manifest', 'manifests')}: {named}{more}"
