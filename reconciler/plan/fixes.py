"""Fixes for resources that are blocked or paused, with Microsoft's page where there is one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.model.change import Reason, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from reconciler.model.change import Version
    from reconciler.model.desired import Desired
    from reconciler.model.rollout import RolloutState


LATER: Final = (
    "correct the manifest, which is then written at once: its last PUT failed, and the loop repeats it ever more"
    " rarely, an hour apart at most"
)
"""The fix for a resource whose PUT is not to be repeated yet."""


def way_out(
    reason: Reason,
    desired: Desired,
    refusals: Collection[Refusal] = (),
    owner: str | None = None,
    tag: str = "reconciler-project",
) -> str | None:
    """
    Return the fix for a resource that is not written; None where there is none.

    Args:
        reason: Why it is not written.
        desired: The declared resource.
        refusals: Of all its differences, so that all are fixed at once.
        owner: The project that owns the live resource.
        tag: The name of the tag that records the owner.
    """
    if reason in _REFUSED:
        ways = [words(desired) for refused, words in _REFUSED.items() if refused == reason or refused in refusals]
        page = f" ({desired.kind.docs})" if desired.kind.docs else ""
        return f"{'; '.join(ways)}{page}"
    if reason is Reason.PAUSED:
        return "remove the annotation `reconciler.dev/paused` to have the resource written"
    if reason is Reason.OWNED_ELSEWHERE:
        return (
            f"owned by project `{owner}`: remove its `{tag}` tag, or pass --take-over"
            f" (with --republish {desired.address} to record this project at once)"
        )
    if reason is Reason.LATEST_LOST:
        return (
            "declare a version there that is not excluded from latest, or pass --allow-latest-lost:"
            " machines there that request the latest version would find none"
        )
    if reason is Reason.DID_NOT_STICK:
        return (
            "change the manifest, or restart the loop: Azure did not keep the value, or another client changes it back"
        )
    return None


def rollout_fix(desired: Desired, state: RolloutState) -> str:
    """Return the fix for a version whose rollout is stopped."""
    return (
        f"{state.stopped}: correct that, then pass --resume {desired.address}, which sends step {state.step} again and"
        " waits from its start; latest stays where it is until then"
    )


def version_fix(desired: Desired, version: Version, pin: str | None) -> str:
    """
    Return the fix for a resource that no PUT can carry.

    Args:
        desired: The declared resource.
        version: That its PUT needs, with the leaf that needs it.
        pin: The version that the project pins its kind to; None without a pin.
    """
    kind, leaf = desired.kind.name, f"`{version.path}`"
    if version.steps:
        origin = desired.origin(version.steps)
        leaf += f" ({origin.file}:{origin.line})"
        return (
            f"remove {leaf} from the manifest until Azure knows api-version {version.name} of {kind} there:"
            f" it knows {version.most}"
        )
    if version.most == pin:
        return (
            f"raise `spec.apiVersions.{kind}` of the project file from {pin} to {version.name}, or remove it:"
            f" {leaf} is live, and a PUT of an older version may delete it"
        )
    return (
        f"write the resource where Azure knows api-version {version.name} of {kind}: {leaf} is live, Azure knows"
        f" {version.most} here, and a PUT of an older version may delete it"
    )


def _immutable(desired: Desired) -> str:
    ways = "publish under a new name or version"
    if desired.kind.latest is not None:
        ways = f"publish a new version (`reconciler new-version {desired.address} NUMBER`)"
    return f"restore the live value, or {ways}: this field is immutable after creation"


def _removal(desired: Desired) -> str:
    guards = {".".join(rule.removal_guard): None for _, rule in desired.kind.rules.every() if rule.removal_guard}
    return f"declare the element again, or set {' and '.join(guards)} to true: Azure keeps the element otherwise"


def _unset(_: Desired) -> str:
    return "delete the null, or declare a value: Azure cannot clear this field once it is set"


_REFUSED: Final[Mapping[str, Callable[[Desired], str]]] = {
    Reason.IMMUTABLE_FIELD: _immutable,
    Reason.REMOVAL_REFUSED: _removal,
    Reason.CANNOT_UNSET: _unset,
}
