"""The stages of manifests, for tests that begin with documents or manifests of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.manifests import resolve as resolving
from reconciler.manifests.project import renderer, stray_overlays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.manifests.identity import Identity
    from reconciler.model.desired import Desired
    from reconciler.problems import Document, Manifest, Problem
    from reconciler.secret.text import Secret
    from reconciler.values import JsonObject


def render(
    documents: Sequence[Document],
    overlay: Sequence[Document],
    defaults: JsonObject,
    kinds: Mapping[str, Kind],
    *written: Any,
) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """Return documents as rendered, and the problems of the overlay."""
    return tuple(map(renderer(overlay, defaults, kinds, *written), documents)), stray_overlays(documents, overlay)


def resolve(
    manifests: Iterable[Manifest],
    kinds: Mapping[str, Kind],
    others: Sequence[Identity] = (),
    secrets: Mapping[str, Secret] | None = None,
) -> tuple[tuple[Desired, ...], tuple[Problem, ...]]:
    """Return the resources of manifests in their order, and the problems that only all of them show."""
    return resolving.resolve([resolving.desired_of(each, kinds, secrets or {}) for each in manifests], others)
