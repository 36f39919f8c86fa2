"""
The project file ``reconciler.yaml``: what holds for every manifest of a repository. Pure.

Rendering lays the project's defaults and an environment's overlay under and over the documents, before they are
validated, so that everything after this stage sees one document for each resource.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from reconciler.model import Document, JsonObject, Problem
from reconciler.paths import get
from reconciler.rules import Rule, Shape
from reconciler.tracking import Tracking

if TYPE_CHECKING:
    from reconciler.kinds import Kind

FILE_NAME: Final = "reconciler.yaml"


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """
    A difference that nobody wants to hear of.

    Attributes:
        path: In the form of a report; ``*`` stands for any characters of one key or element.
        kind: Of the resources; None for all.
        name: Of the manifests, ``*`` allowed; None for all.
        expires: The last day that it holds.
    """

    path: str
    reason: str
    kind: str | None = None
    name: str | None = None
    expires: date | None = None

    def covers(self, kind: str, name: str) -> bool:
        """Whether the rule speaks of this manifest."""
        from fnmatch import fnmatchcase  # noqa: PLC0415 (needed only where there are rules)

        return self.kind in (None, kind) and (self.name is None or fnmatchcase(name, self.name))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one run may write; None is no limit."""

    max_puts: int | None = None
    max_puts_percent: float | None = None


@dataclass(frozen=True, slots=True)
class StorageRule:
    """Blobs below *prefix* are read with the signature in the environment variable *env*."""

    prefix: str
    env: str


@dataclass(frozen=True, slots=True)
class Environment:
    """One named environment: its own defaults, and a folder of documents merged over the base."""

    defaults: JsonObject = field(default_factory=dict)
    overlay: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A project file, or the absence of one."""

    name: str | None = None
    defaults: JsonObject = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)
    ignore: tuple[IgnoreRule, ...] = ()
    tracking: Tracking = field(default_factory=Tracking)
    limits: Limits = field(default_factory=Limits)
    storage: tuple[StorageRule, ...] = ()
    strict: bool = False

    def active_rules(self, today: date) -> tuple[IgnoreRule, ...]:
        """Give the ignore rules that still hold."""
        return tuple(rule for rule in self.ignore if rule.expires is None or rule.expires >= today)


def parse_project(document: Document) -> Project:
    """Give the project that a valid project document describes."""
    spec = document.value.get("spec") or {}
    name = document.value["metadata"]["name"]
    tracking = spec.get("tracking") or {}
    limits = spec.get("limits") or {}
    environments = spec.get("environments") or {}
    return Project(
        name=name,
        defaults=spec.get("defaults") or {},
        environments={key: _environment(value or {}) for key, value in environments.items()},
        ignore=tuple(_ignore_rule(rule) for rule in spec.get("ignore") or ()),
        tracking=Tracking(tags=tracking.get("tags", True), prefix=tracking.get("prefix", "reconciler"), project=name),
        limits=Limits(limits.get("maxPuts"), limits.get("maxPutsPercent")),
        storage=tuple(StorageRule(rule["prefix"], rule["sas"]["env"]) for rule in spec.get("storage") or ()),
        strict=spec.get("strict", False),
    )


def _environment(value: Mapping[str, Any]) -> Environment:
    return Environment(value.get("defaults") or {}, value.get("overlay"))


def _ignore_rule(rule: Mapping[str, Any]) -> IgnoreRule:
    expires = rule.get("expires")
    return IgnoreRule(
        path=rule["path"],
        reason=rule["reason"],
        kind=rule.get("kind"),
        name=rule.get("name"),
        expires=date.fromisoformat(expires) if expires else None,
    )


def render(
    documents: Sequence[Document], overlay: Sequence[Document], defaults: JsonObject, kinds: Mapping[str, Kind]
) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """
    Give the documents with an overlay merged onto them and defaults laid under them.

    Args:
        documents: The base.
        overlay: Documents of the environment; each is merged (RFC 7386) onto the base document of its kind and name.
        defaults: Spec fields; each goes under the documents whose kind has that field.
        kinds: By name; say which fields they have.
    """
    known = {identity(document) for document in documents}
    patches: dict[tuple[str, str], Document] = {}
    problems = []
    for document in overlay:
        first = patches.setdefault(identity(document), document)
        if first is not document:
            problems.append(_twice(document, first))
        elif identity(document) not in known:
            problems.append(_unmatched(document))
    rendered = [_patched(document, patches.get(identity(document))) for document in documents]
    return tuple(_with_defaults(document, defaults, kinds) for document in rendered), tuple(problems)


def identity(document: Document) -> tuple[str, str]:
    """Give kind and name; empty where the document states none."""
    kind, name = (get(document.value, path) for path in (("kind",), ("metadata", "name")))
    return kind if isinstance(kind, str) else "", name if isinstance(name, str) else ""


def _twice(document: Document, first: Document) -> Problem:
    source, other = document.source, first.source
    message = f"two overlay documents change one manifest: the other is at {other.file}:{other.line}"
    return Problem(source.file, source.line, 1, "metadata.name", "duplicate", message, "merge them into one")


def _unmatched(document: Document) -> Problem:
    kind, name = (part or "(none)" for part in identity(document))
    return Problem(
        document.source.file,
        document.source.line,
        1,
        "metadata.name",
        "overlay-without-base",
        f"the overlay changes {kind}/{name}, which no base manifest states",
        "state the resource in the base folder, or correct kind and metadata.name",
    )


def _patched(document: Document, patch: Document | None) -> Document:
    if patch is None:
        return document
    return replace(document, value=merge_patch(document.value, patch.value))


def _with_defaults(document: Document, defaults: JsonObject, kinds: Mapping[str, Kind]) -> Document:
    spec = get(document.value, ("spec",))
    kind = kinds.get(str(get(document.value, ("kind",))))
    if not defaults or kind is None or not isinstance(spec, Mapping):
        return document
    own = {key: value for key, value in defaults.items() if key in kind.parameters}
    under = {**own, **_fitting(kind.rules, defaults)}
    return replace(document, value={**document.value, "spec": lay_under(under, spec)})


def _fitting(rule: Rule, defaults: JsonObject) -> dict[str, Any]:
    """Give the part of *defaults* that a kind has."""
    fitting: dict[str, Any] = {}
    for key, value in defaults.items():
        child = rule.child(key)
        if child is None or child.read_only:
            continue
        inner = child.shape is Shape.OBJECT and isinstance(value, Mapping)
        kept = _fitting(child, value) if inner else value
        if kept or not inner:
            fitting[key] = kept
    return fitting


def lay_under(defaults: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Merge *defaults* under *stated*: objects deeply, lists whole; what is stated wins, and null drops the default."""
    merged = dict(defaults)
    for key, value in stated.items():
        default = merged.get(key)
        if value is None and key in merged:
            del merged[key]
        elif isinstance(value, Mapping) and isinstance(default, Mapping):
            merged[key] = lay_under(default, value)
        else:
            merged[key] = value
    return merged


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON Merge Patch (RFC 7386). Neither argument is touched."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
