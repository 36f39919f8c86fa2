"""The way out of what is blocked, in words, with Microsoft's page where there is one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.model import Desired, Reason
from reconciler.rules import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def way_out(reason: Reason, desired: Desired) -> str | None:
    """Give what somebody can do about a resource that is blocked for *reason*; None where nothing is to be said."""
    words = _WORDS.get(reason)
    return words(desired) if words else None


def _page(desired: Desired) -> str:
    return f" ({desired.kind.docs})" if desired.kind.docs else ""


def _immutable(desired: Desired) -> str:
    out = "restore the live value, or publish under a new name or version"
    return f"Azure cannot change this after create: {out}{_page(desired)}"


def _removal(desired: Desired) -> str:
    guards = {".".join(rule.removal_guard): None for _, rule in walk(desired.kind.rules) if rule.removal_guard}
    out = "set it in the manifest, or state the element again"
    return f"Azure refuses to drop an element unless {' and '.join(guards)} is true: {out}{_page(desired)}"


def _unset(desired: Desired) -> str:
    return f"Azure cannot clear this once it is set: delete the null, or state a value{_page(desired)}"


_WORDS: Final[Mapping[Reason, Callable[[Desired], str]]] = {
    Reason.IMMUTABLE_FIELD: _immutable,
    Reason.REMOVAL_REFUSED: _removal,
    Reason.CANNOT_UNSET: _unset,
    Reason.DID_NOT_STICK: lambda _: (
        "another writer may be at work, or Azure does not honor the value: change the manifest, or restart the loop"
    ),
    Reason.OWNED_ELSEWHERE: lambda desired: (
        f"another project's tag is on it: let that project go of it, or pass --take-over"
        f" (and --republish {desired.address} to write this project's tag at once)"
    ),
}
