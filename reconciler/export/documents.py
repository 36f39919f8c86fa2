"""
Turns live resources into manifests: a live body into a document, a document into the text of a file. Pure.

A manifest holds the values that a plan needs to find no difference, and no secret. In place of content that Azure never
returns it holds a placeholder, which ``validate`` refuses until a person replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import jsonschema_rs

from reconciler.export.naming import Paths, names_of
from reconciler.export.stating import stated
from reconciler.export.texts import with_files
from reconciler.export.yaml_text import write_document
from reconciler.manifests.validate import validate
from reconciler.manifests.yaml12 import read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.export.found import Found
    from reconciler.kinds.kind import Kind
    from reconciler.kinds.tracking import Tracking
    from reconciler.problems import Document, Problem
    from reconciler.values import JsonObject

_Way: TypeAlias = tuple[tuple[str, ...], ...]
"""Paths of write-only properties that are declared together."""
_API_VERSION: Final = "reconciler.dev/v1"
_WORTH_SAYING: Final = "secret-in-manifest"


@dataclass(frozen=True, slots=True)
class Place:
    """
    The folder of the manifests, and the files around it.

    Attributes:
        folder: As the user names it.
        schemas: Path of the schemas' folder from there; None points editors at the ids of the schemas.
        taken: ``KIND/NAME`` of the manifests beside them, in lower case.
    """

    folder: str
    schemas: str | None = None
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Exported:
    """
    The files of an export, and remarks on them.

    Attributes:
        files: Texts of manifests and of the files they refer to, by path below the folder.
        manifests: The number of manifests among them.
        problems: Errors that ``validate`` will report: placeholders to fill, and values that only Azure accepts.
        warnings: Of secrets that ``validate`` will report.
        notes: Facts that no manifest can hold, one sentence each.
    """

    files: Mapping[str, str]
    manifests: int
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[str, ...]


def export(found: Sequence[Found], kinds: Mapping[str, Kind], tracking: Tracking, place: Place) -> Exported:
    """
    Return the manifests of existing resources, each in a file of its own.

    Args:
        found: In any order.
        kinds: By name.
        tracking: Which tags are the reconciler's own, and left out.
        place: Of the manifests.
    """
    ordered = sorted(found, key=lambda item: item.key)
    names, paths = names_of(ordered, kinds, place.taken), Paths()
    documents: list[Document] = []
    problems: list[Problem] = []
    notes: list[str] = []
    for item in ordered:
        written = _write(item, names[item.key], paths, tracking, place)
        documents += written.documents
        problems += written.problems
        notes += written.notes
    validated = validate(documents, kinds, tracking)
    said = tuple(warning for warning in validated.warnings if warning.code == _WORTH_SAYING)
    return Exported(paths.texts, len(ordered), (*problems, *validated.problems), said, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Written:
    documents: Sequence[Document]
    problems: Sequence[Problem]
    notes: Sequence[str]


def _write(item: Found, name: str, paths: Paths, tracking: Tracking, place: Place) -> _Written:
    document, unsaid, ways = _document(item, name, tracking)
    path = paths.manifest(item)
    spec = {**document["spec"], **with_files(item.kind.rules, _body(item, document), path, paths)}
    text = "".join(_head(item.kind, path, place, ways)) + write_document({**document, "spec": spec})
    paths.texts[path] = text
    read, problems = read_documents(text.encode(), f"{place.folder}/{path}")
    about = f"{item.kind.name} {name}"
    notes = [f"{about}: {each} is left out: no manifest can declare it" for each in unsaid]
    return _Written([replace(each, value=document) for each in read], problems, [*notes, *_odd(item, about, tracking)])


def _odd(item: Found, about: str, tracking: Tracking) -> Iterator[str]:
    if not item.live.is_settled or item.live.has_failed:
        yield f"{about}: its provisioning state is {item.live.provisioning_state}, so plans do not report it in sync"
    if tracking.is_foreign(item.live.body):
        yield f"{about}: owned by project `{tracking.owner_of(item.live.body)}`, so plans do not update it"


def _document(item: Found, name: str, tracking: Tracking) -> tuple[dict[str, Any], list[str], list[_Way]]:
    """Return the manifest, the paths it leaves out, and the ways to declare write-only content: it has the first."""

    def made(way: _Way) -> tuple[dict[str, Any], list[str]]:
        body, unsaid = stated(item, tracking, frozenset(way))
        spec = {**item.params, **body}
        return {"apiVersion": _API_VERSION, "kind": item.kind.name, "metadata": {"name": name}, "spec": spec}, unsaid

    paths = item.kind.write_only_paths
    every = list(chain.from_iterable(combinations(paths, size) for size in range(len(paths) + 1)))
    errors = {way: sum(1 for _ in _validator(item.kind).iter_errors(made(way)[0])) for way in every}
    least = [way for way in every if errors[way] == min(errors.values())]
    ways = [way for way in least if not any(set(other) < set(way) for other in least)]
    return (*made(ways[0]), ways)


@cache
def _validator(kind: Kind) -> Any:
    return jsonschema_rs.Draft202012Validator(dict(kind.schema))


def _body(item: Found, document: JsonObject) -> dict[str, Any]:
    return {name: value for name, value in document["spec"].items() if name not in item.kind.parameters}


def _head(kind: Kind, path: str, place: Place, ways: Sequence[_Way]) -> Iterator[str]:
    """Yield the comments above a manifest."""
    near = f"{'../' * path.count('/')}{place.schemas}/{kind.name}.schema.json" if place.schemas else kind.schema["$id"]
    yield f"# yaml-language-server: $schema={near}\n"
    if ways[0]:
        first, *others = (" and ".join(".".join(map(str, steps)) for steps in way) for way in ways)
        instead = "".join(f", or {other} in its place" for other in others)
        yield f"# Azure never returns {first}: declare the content that was sent last{instead}.\n"
