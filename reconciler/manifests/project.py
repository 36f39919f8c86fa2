"""
The project file ``reconciler.yaml``: settings for every manifest of a repository. Pure.

Rendering lays the project's defaults and an environment's overlay under and over the documents, before they are
validated, so that everything after this stage sees one document for each resource.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.paths import get
from reconciler.kinds.patterns import is_match
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.tracking import Tracking
from reconciler.kinds.trees import without_nulls
from reconciler.manifests.durations import parse_duration
from reconciler.manifests.rollouts import Rollout, parse_rollout
from reconciler.manifests.windows import Window
from reconciler.model.change import BY_IDENTITY
from reconciler.model.packed import whole_document
from reconciler.model.receiver import Receiver
from reconciler.problems import Document, Layer, Origin, Problem
from reconciler.values import MISSING, FieldPath, JsonObject

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind

FILE_NAME: Final = "reconciler.yaml"


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """
    A difference that reports leave out.

    Attributes:
        path: In the form of a report; ``*`` stands for any characters of one key or element.
        kind: Of the resources; None for all.
        name: Of the manifests, ``*`` allowed; None for all.
        expires: The last day that it holds.
        omit: A PUT does not send the live value back either.
    """

    path: str
    reason: str
    kind: str | None = None
    name: str | None = None
    expires: date | None = None
    omit: bool = False

    def covers(self, kind: str, name: str) -> bool:
        """Whether the rule applies to this manifest."""
        return self.kind in (None, kind) and (self.name is None or is_match(self.name, name))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one run may write; None is no limit."""

    max_puts: int | None = None
    max_puts_percent: float | None = None


@dataclass(frozen=True, slots=True)
class StorageRule:
    """
    How Azure gets access to the blobs below *prefix*.

    Attributes:
        env: The environment variable that holds a signature; None where one is made for each blob (user delegation).
        by_identity: The gallery's managed identity reads the blobs: links are sent without a signature.
    """

    prefix: str
    env: str | None = None
    by_identity: bool = False

    @property
    def source(self) -> str:
        """The name of the variable, ``userDelegation`` or ``galleryIdentity``."""
        return self.env or (BY_IDENTITY if self.by_identity else "userDelegation")


@dataclass(frozen=True, slots=True)
class Environment:
    """
    One named environment.

    Attributes:
        defaults: Laid over those of the project.
        overlay: Folder of documents that are merged onto the manifests.
        paths: Folders with manifests of this environment only.
    """

    defaults: JsonObject = field(default_factory=dict)
    overlay: str | None = None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """
    A project file, or the absence of one.

    Attributes:
        schedule: Windows in which the loop may write, or may not.
        api_versions: The pinned api-version of each kind, by name.
        environment_required: Whether every command must choose one of *environments*.
        rollouts: Of versions, region by region; the first that fits a version governs it.
    """

    name: str | None = None
    defaults: JsonObject = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)
    ignore: tuple[IgnoreRule, ...] = ()
    tracking: Tracking = field(default_factory=Tracking)
    limits: Limits = field(default_factory=Limits)
    storage: tuple[StorageRule, ...] = ()
    schedule: tuple[Window, ...] = ()
    api_versions: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    environment_required: bool = False
    notify: tuple[Receiver, ...] = ()
    rollouts: tuple[Rollout, ...] = ()

    def active_rules(self, today: date) -> tuple[IgnoreRule, ...]:
        """Return the ignore rules that still hold."""
        return tuple(rule for rule in self.ignore if rule.expires is None or rule.expires >= today)


def parse_project(document: Document) -> Project:
    """Return the project that a valid project document describes."""
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
        storage=tuple(_storage_rule(rule) for rule in spec.get("storage") or ()),
        schedule=tuple(_window(each) for each in spec.get("schedule") or ()),
        api_versions=spec.get("apiVersions") or {},
        strict=spec.get("strict", False),
        environment_required=spec.get("environmentRequired", False),
        notify=tuple(_receiver(entry) for entry in spec.get("notify") or ()),
        rollouts=tuple(parse_rollout(entry) for entry in spec.get("rollouts") or ()),
    )


_BOUND_BY_EFFECT: Final = frozenset({"defaults", "environments", "ignore", "tracking", "storage"})
"""Their effect on a request is part of the digests of each item."""
_OF_THE_LOOP: Final = frozenset({"schedule", "notify"})
"""No request follows from them: a window only delays a step of a rollout."""


def other_settings(document: Document | None) -> JsonObject:
    """
    Return the settings of a project file whose effect no single request shows; a key of a later version is among them.

    Args:
        document: The project file; None where there is none.
    """
    spec = get(document.value, ("spec",)) if document is not None else {}
    known = spec if isinstance(spec, Mapping) else {}
    return {name: value for name, value in known.items() if name not in _BOUND_BY_EFFECT | _OF_THE_LOOP}


def _environment(value: Mapping[str, Any]) -> Environment:
    return Environment(value.get("defaults") or {}, value.get("overlay"), tuple(value.get("paths") or ()))


def _window(entry: Mapping[str, Any]) -> Window:
    duration = parse_duration(entry["duration"]) or timedelta()
    return Window(entry["name"], entry["kind"] == "allow", entry["cron"], duration, entry.get("timeZone", "UTC"))


def _storage_rule(rule: Mapping[str, Any]) -> StorageRule:
    sas = rule.get("sas")
    return StorageRule(rule["prefix"], sas["env"] if isinstance(sas, Mapping) else None, by_identity="access" in rule)


def _receiver(entry: Mapping[str, Any]) -> Receiver:
    secret = entry.get("secret")
    return Receiver(
        type=entry["type"],
        url=entry["url"]["$env"],
        secret=secret["$env"] if secret else None,
        on=tuple(entry.get("on") or ()),
        min_severity=entry.get("minSeverity"),
    )


def _ignore_rule(rule: Mapping[str, Any]) -> IgnoreRule:
    expires = rule.get("expires")
    return IgnoreRule(
        path=rule["path"],
        reason=rule["reason"],
        kind=rule.get("kind"),
        name=rule.get("name"),
        expires=date.fromisoformat(expires) if expires else None,
        omit=rule.get("omit", False),
    )


@dataclass(frozen=True, slots=True)
class Writing:
    """
    Spec fields, and where they are written.

    Attributes:
        stated: The fields; None for those of the ``spec`` of the document.
        document: That holds them.
        at: Where in the document.
    """

    layer: Layer
    stated: Any
    document: Document
    at: FieldPath = ("spec",)

    @property
    def fields(self) -> Any:
        """The fields; MISSING where the document has no ``spec``."""
        return spec_of(self.document) if self.stated is None else self.stated

    def origin(self, path: FieldPath) -> Origin:
        """Return the place of the value at *path* of the fields."""
        return Origin(self.layer, self.document.source.file, *self.document.locate((*self.at, *path)))


def renderer(
    overlay: Sequence[Document],
    defaults: JsonObject,
    kinds: Mapping[str, Kind],
    written: Sequence[Writing] = (),
) -> Callable[[Document], Document]:
    """
    Return what renders a document of the base: merges an overlay onto it, and lays defaults under it.

    Args:
        overlay: Documents of the environment; each is merged (RFC 7386) onto the base document of its kind and name.
        defaults: Spec fields; each goes under the documents whose kind has that field.
        kinds: By name, for their fields.
        written: The layers merged into *defaults*, the strongest last; only for naming the source of a value.
    """
    patches: dict[tuple[str, str], Document] = {}
    for document in overlay:
        patches.setdefault(identity(document), document)

    def render(document: Document) -> Document:
        whole = whole_document(document)
        patch = patches.get(identity(whole)) if patches else None
        return _rendered(whole, document, patch, defaults, kinds, written)

    return render


def stray_overlays(
    documents: Sequence[Document], overlay: Sequence[Document], settled: Collection[tuple[str, str]] = ()
) -> tuple[Problem, ...]:
    """
    Return a problem for each document of an overlay that changes nothing, or what another one changes.

    Args:
        documents: The base.
        overlay: Documents of the environment.
        settled: Kind and name of each base document that is rendered already.
    """
    if not overlay:
        return ()
    known = {*settled, *map(identity, documents)}
    patches: dict[tuple[str, str], Document] = {}
    problems = []
    for document in overlay:
        first = patches.setdefault(identity(document), document)
        if first is not document:
            problems.append(_twice(document, first))
        elif identity(document) not in known:
            problems.append(_unmatched(document))
    return tuple(problems)


def identity(document: Document) -> tuple[str, str]:
    """Return kind and name; empty where the document declares none."""
    kind, name = (get(document.value, path) for path in (("kind",), ("metadata", "name")))
    return kind if isinstance(kind, str) else "", name if isinstance(name, str) else ""


def _twice(document: Document, first: Document) -> Problem:
    source, other = document.source, first.source
    message = f"two overlay documents change the same manifest: the other is at {other.file}:{other.line}"
    return Problem(source.file, source.line, 1, "metadata.name", "duplicate", message, "merge them into one")


def _unmatched(document: Document) -> Problem:
    kind, name = (part or "(none)" for part in identity(document))
    return Problem(
        document.source.file,
        document.source.line,
        1,
        "metadata.name",
        "overlay-without-base",
        f"the overlay changes `{kind}/{name}`, which no base manifest declares",
        "declare the resource in the base folder, or correct `kind` and `metadata.name`",
    )


def _rendered(
    document: Document,
    kept: Document,
    patch: Document | None,
    defaults: JsonObject,
    kinds: Mapping[str, Kind],
    written: Sequence[Writing],
) -> Document:
    """Return a document rendered; the source of its values is found by way of the same one as it is *kept*."""
    value = merge_patch(document.value, patch.value) if patch is not None else document.value
    kind = kinds.get(str(get(value, ("kind",))))
    spec = get(value, ("spec",))
    if defaults and kind is not None and isinstance(spec, Mapping):
        value = {**value, "spec": lay_under(_under(kind, defaults), spec)}
    if value is document.value:
        return document
    layers = [Writing(Layer.MANIFEST, None, kept)]
    if patch is not None:
        layers.append(Writing(Layer.OVERLAY, None, patch))
        document = replace(document, reported=document.reported | patch.reported)
    files = _files([*(writing.document for writing in written), document, *([patch] if patch is not None else [])])
    trace = _Trace(layers, written if kind is not None else (), kind)
    return replace(document, value=value, trace=trace, files=files)


def _files(documents: Sequence[Document]) -> Mapping[tuple[str | int, str], str]:
    """Return the files of all texts, those of later documents first in rank."""
    if not any(document.files for document in documents):
        return {}
    return {key: file for document in documents for key, file in document.files.items()}


def spec_of(document: Document) -> Any:
    """Return the spec; MISSING where the document declares none."""
    return get(document.value, ("spec",))


def _under(kind: Kind, defaults: JsonObject) -> JsonObject:
    """Return the part of *defaults* that goes under the manifests of a kind."""
    own = {key: value for key, value in defaults.items() if key in kind.parameters and value is not None}
    return {**own, **_fitting(kind.rules, defaults)}


class _Mark:
    """Placeholder for a value that is merged whole; it keeps the source of the value."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing


class _Trace:
    """
    Finds the source of a value of a rendered document.

    Merges once more, with marks in place of the values, by the functions that merged the values.
    """

    def __init__(self, layers: Sequence[Writing], defaults: Sequence[Writing], kind: Kind | None) -> None:
        self._layers = layers
        self._defaults = defaults
        self._kind = kind

    def __call__(self, path: FieldPath) -> Origin:
        """Return where the value at *path*, which begins with ``spec``, is written."""
        path = path[1:]
        value = self._merged()
        for step in path:
            if isinstance(value, _Mark) or not isinstance(value, Mapping):
                break
            value = value.get(step)
        return (value.writing if isinstance(value, _Mark) else self._strongest(path)).origin(path)

    def _merged(self) -> Any:
        base, *patches = self._layers
        spec = _marked(base.fields, base)
        for patch in patches:
            spec = merge_patch(spec, _marked(patch.fields, patch)) if patch.fields is not MISSING else spec
        under: JsonObject = {}
        for writing in self._defaults:
            under = lay_under(under, _marked(writing.fields, writing))
        return lay_under(_under(self._kind, under), spec) if self._kind and isinstance(spec, Mapping) else spec

    def _strongest(self, path: FieldPath) -> Writing:
        """Return the strongest source of an object or a null, which may have several."""
        order = (*reversed(self._layers), *reversed(self._defaults))
        return next((writing for writing in order if _states(writing.fields, path)), self._layers[0])


def _marked(value: Any, writing: Writing) -> Any:
    if isinstance(value, Mapping):
        return {key: _marked(item, writing) for key, item in value.items()}
    return None if value is None else _Mark(writing)


def _states(value: Any, path: FieldPath) -> bool:
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return False
        value = value[step]
    return True


def _fitting(rule: Rule, defaults: JsonObject) -> dict[str, Any]:
    """
    Return the part of *defaults* that a kind has.

    A null removes the default below it and is then dropped: only in a manifest does null mean "must not be set".
    """
    fitting: dict[str, Any] = {}
    for key, value in defaults.items():
        child = rule.child(key)
        if child.is_opaque or child.read_only or value is None:
            continue
        inner = child.shape is Shape.OBJECT and isinstance(value, Mapping)
        kept = _fitting(child, value) if inner else without_nulls(child, value)
        if kept != {} or (value == {} and not inner):
            fitting[key] = kept
    return fitting


def unknown_defaults(defaults: JsonObject, kinds: Mapping[str, Kind]) -> Iterator[tuple[str, ...]]:
    """Yield the path of every default that no kind has a field for: it would be laid under nothing, in silence."""
    names = {name for kind in kinds.values() for name in kind.parameters}
    stated = {key: value for key, value in defaults.items() if key not in names}
    yield from _unknown(stated, [kind.rules for kind in kinds.values()], ())


def _unknown(defaults: JsonObject, rules: Sequence[Rule], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in defaults.items():
        children = [child for rule in rules if not ((child := rule.child(key)).is_opaque or child.read_only)]
        inner = [child for child in children if child.shape is Shape.OBJECT]
        if not children:
            yield (*path, key)
        elif inner and isinstance(value, Mapping):
            yield from _unknown(value, inner, (*path, key))


def lay_under(defaults: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Merge *defaults* under *stated*: objects deeply, lists whole; *stated* wins, and its null drops the default."""
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
