"""The way out of what is blocked or paused, in words, with Microsoft's page where there is one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.model.change import Reason, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from reconciler.model.desired import Desired


def way_out(
    reason: Reason, desired: Desired, refusals: Collection[Refusal] = (), owner: str | None = None
) -> str | None:
    """
    Return the fix for a resource that is not written; None where there is none.

    Args:
        reason: Why it is not.
        desired: The declared resource.
        refusals: Of all its differences, so that all are fixed at once.
        owner: The project that owns the live resource.
    """
    if reason in _REFUSED:
        ways = [words(desired) for refused, words in _REFUSED.items() if refused == reason or refused in refusals]
        page = f" ({desired.kind.docs})" if desired.kind.docs else ""
        return f"{'; '.join(ways)}{page}"
    if reason is Reason.PAUSED:
        return "to let it be written, delete the annotation reconciler.dev/paused"
    if reason is Reason.OWNED_ELSEWHERE:
        return (
            f"owned by project `{owner}`: remove the tag with that name, or pass --take-over"
            f" (and --republish {desired.address} to write this project's tag at once)"
        )
    if reason is Reason.DID_NOT_STICK:
        return (
            "another writer may be at work, or Azure does not honor the value: change the manifest, or restart the loop"
        )
    return None


def _immutable(_: Desired) -> str:
    return "Azure cannot change this after create: restore the live value, or publish under a new name or version"


def _removal(desired: Desired) -> str:
    guards = {".".join(rule.removal_guard): None for _, rule in desired.kind.rules.every() if rule.removal_guard}
    out = "set it in the manifest, or state the element again"
    return f"Azure refuses to drop an element unless {' and '.join(guards)} is true: {out}"


def _unset(_: Desired) -> str:
    return "Azure cannot clear this once it is set: delete the null, or state a value"


_REFUSED: Final[Mapping[str, Callable[[Desired], str]]] = {
    Reason.IMMUTABLE_FIELD: _immutable,
    Reason.REMOVAL_REFUSED: _removal,
    Reason.CANNOT_UNSET: _unset,
}
