"""Checks the api-versions that the project file pins, and the manifests against them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.kinds.versions import leaves_after
from reconciler.manifests.schema_errors import nearest, problem
from reconciler.manifests.yaml12.document_path import format_document_path
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.manifests.project import Project
    from reconciler.model.desired import Desired
    from reconciler.problems import Document

_AT: Final = ("spec", "apiVersions")


def stray_pins(project: Project, document: Document | None, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    """Yield an error for each pin of a kind that does not exist, or to an api-version that the kind does not have."""
    for name, version in project.api_versions.items() if document is not None else ():
        kind = kinds.get(name)
        if document is not None and kind is None:
            near = nearest(name, kinds)
            fix = f"did you mean `{near}`?" if near else f"known kinds: {', '.join(kinds)}"
            yield problem(document, (*_AT, name), "unknown-kind", "unknown kind, so this pin has no effect", fix)
        elif document is not None and kind is not None and version not in kind.api_versions:
            message = f"`{version}` is not a known api-version of {name}"
            fix = f"known are {', '.join(kind.api_versions)}"
            yield problem(document, (*_AT, name), "unknown-api-version", message, fix)


def newer_than_pins(project: Project, desired: Sequence[Desired]) -> Iterator[Problem]:
    """Yield an error for each declared value that the pinned api-version of its kind does not have."""
    for item in desired if project.api_versions else ():
        pin = project.api_versions.get(item.kind.name)
        if pin not in item.kind.api_versions:
            continue
        for leaf in leaves_after(item.kind, item.body, pin):
            origin = item.origin(leaf.path)
            message = f"api-version {pin}, which the project file pins, does not have this value: {leaf.since} does"
            fix = f"delete it, or pin {item.kind.name} to {leaf.since} in `spec.apiVersions` of the project file"
            path = format_document_path(("spec", *leaf.path))
            yield Problem(origin.file, origin.line, origin.column, path, "newer-than-api-version", message, fix)
