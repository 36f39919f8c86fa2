"""Takes each document through the stages by itself, so that of a large estate only the resources are kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.manifests.variable_values import unusual_values
from reconciler.model.packed import PackedDocument, packed_desired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.manifests.identity import Identity
    from reconciler.manifests.validate import Judged
    from reconciler.model.desired import Desired
    from reconciler.problems import Document, Manifest, Problem


@dataclass(frozen=True, slots=True)
class Taken:
    """
    Everything that the documents declare, each by itself.

    Attributes:
        desired: Of the valid ones; packed where the document was.
        problems: Every error.
        warnings: Findings that stop nothing.
        odd: Warnings about values of variables.
        others: Resources of invalid documents, as far as known; they count where resources are compared.
    """

    desired: tuple[Desired, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    odd: tuple[Problem, ...]
    others: tuple[Identity, ...]


def taken(
    documents: Iterable[Document],
    render: Callable[[Document], Document],
    judge: Callable[[Document], Judged],
    resolve: Callable[[Manifest], Desired],
) -> Taken:
    """Render, validate and resolve document after document."""
    desired: list[Desired] = []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    odd: list[Problem] = []
    others: list[Identity] = []
    for document in documents:
        found = judge(render(document))
        problems += found.problems
        warnings += found.warnings
        others += (found.other,) if found.other is not None else ()
        if found.manifest is not None:
            made = resolve(found.manifest)
            odd += unusual_values(made)
            desired.append(packed_desired(made) if isinstance(document, PackedDocument) else made)
    return Taken(tuple(desired), tuple(problems), tuple(warnings), tuple(odd), tuple(others))
