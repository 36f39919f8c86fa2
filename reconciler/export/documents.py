"""
Turns live resources into manifests: live bodies to documents, documents to texts. Pure.

A manifest holds the values that a plan needs to find no difference, and no secret. Content that Azure never returns is
left to a person: a placeholder stands there, and ``validate`` refuses it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain, combinations, count
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import jsonschema_rs

from reconciler.compare.normalize import is_same, meant
from reconciler.export.yaml_text import write_document
from reconciler.kinds.blank import is_blank
from reconciler.kinds.paths import Steps, format_steps, label
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.spelling import normalize, without_mark
from reconciler.kinds.trees import transform
from reconciler.manifests.checks import PLACEHOLDER, TAKEN_OUT
from reconciler.manifests.files import PASSED_OVER
from reconciler.manifests.load import MAX_REFERENCED, REFERENCE
from reconciler.manifests.resolve import depth_of
from reconciler.manifests.validate import validate
from reconciler.manifests.yaml12 import is_readable, read_documents
from reconciler.secret.text import HIDDEN, Secret, SecretUrl, without_credentials
from reconciler.values import MISSING, FieldPath, JsonObject

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind
    from reconciler.kinds.live import Live
    from reconciler.kinds.tracking import Tracking
    from reconciler.problems import Document, Problem

_Way: TypeAlias = tuple[tuple[str, ...], ...]
"""Paths of write-only properties that are stated together."""
_API_VERSION: Final = "reconciler.dev/v1"
_LONGEST_NAME: Final = 253
_LONGEST_LABEL: Final = 100
_UNUSUAL: Final = re.compile(r"[^\w.()-]+")
_SHELL: Final = re.compile(r"#![^\n]*\b(?:ba|da|k|z)?sh\b")
_WORTH_SAYING: Final = "secret-in-manifest"


@dataclass(frozen=True, slots=True)
class Found:
    """
    A resource that exists.

    Attributes:
        params: The URI parameters.
        live: The answer, secrets sealed.
    """

    kind: Kind
    params: Mapping[str, str]
    live: Live

    @property
    def key(self) -> str:
        """The folded id."""
        return self.kind.resource_id(self.params).lower()


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where the manifests will be.

    Attributes:
        folder: As the user names it.
        schemas: The folder of the schemas, by its path from there; None points editors at the ids of the schemas.
        taken: ``KIND/NAME`` of manifests that are beside them, in lower case.
    """

    folder: str
    schemas: str | None = None
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Exported:
    """
    Everything that is to be written.

    Attributes:
        files: Texts by their paths below the folder, manifests and what they refer to.
        manifests: How many of them are manifests.
        problems: Errors that ``validate`` will report: placeholders to fill, and values that only Azure accepts.
        warnings: Secrets that it will see.
        notes: Facts that no manifest holds, one sentence each.
    """

    files: Mapping[str, str]
    manifests: int
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[str, ...]


def export(found: Sequence[Found], kinds: Mapping[str, Kind], tracking: Tracking, place: Place) -> Exported:
    """
    Return the manifests of what exists, each in a file of its own.

    Args:
        found: In any order.
        kinds: By name.
        tracking: Which tags are the reconciler's, and not stated.
        place: Where they will be.
    """
    ordered = sorted(found, key=lambda item: item.key)
    names, paths = _names(ordered, kinds, place.taken), _Paths()
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


# ------------------------------------------------------------------------------------------ live body -> request body


def stated(item: Found, tracking: Tracking, content: frozenset[Steps] = frozenset()) -> tuple[JsonObject, list[str]]:
    """
    Return the request body that states a resource as it is, and the paths that no manifest can state.

    Left out are what is the server's, what it picks by itself, defaults, nulls, and the reconciler's own tags.

    Args:
        item: The resource.
        tracking: Knows the tags.
        content: Paths of write-only properties that get a placeholder.
    """
    live = tracking.without_tags(item.live.body)
    stating = _Stating(item.kind.rules, live, content)
    return stating.object(item.kind.rules, live, ()), stating.unsaid


@dataclass(slots=True)
class _Stating:
    rules: Rule
    live: JsonObject
    content: frozenset[Steps]
    unsaid: list[str] = field(default_factory=list)

    def value(self, rule: Rule, live: Any, steps: Steps) -> Any:
        """Return what is stated of a value; MISSING if nothing is."""
        if rule.write_only:
            return PLACEHOLDER if steps in self.content else MISSING
        if live is None or live is MISSING or rule.read_only or _is_picked(rule):
            return MISSING
        if rule.shape is Shape.LEAF:
            return self.leaf(rule, live, steps)
        if not isinstance(live, list if rule.shape is Shape.LIST else Mapping):
            return _plain(live, steps)  # of a shape that the schema does not know: for validate to refuse
        made = _MAKERS[rule.shape](self, rule, live, steps)
        return made if made or rule.required else MISSING

    def leaf(self, rule: Rule, live: Any, steps: Steps) -> Any:
        if is_blank(rule, live):
            return MISSING
        if is_same(rule, live, meant(self.rules, rule, self.live)) and not rule.required:
            return MISSING
        if isinstance(live, str):
            live = without_mark(live)
            if not _can_be_written(live):
                self.unsaid.append(format_steps(self.rules, steps, self.live))
                return MISSING
        return _without_secret(rule, live) if isinstance(live, Secret) else _plain(live, steps)

    def list(self, rule: Rule, live: list[Any], steps: Steps) -> list[Any]:
        return [self.element(rule.element, item, (*steps, index)) for index, item in enumerate(live)]

    def element(self, items: Rule, live: Any, steps: Steps) -> Any:
        if items.shape is Shape.OBJECT and isinstance(live, Mapping):
            return self.object(items, live, steps)
        value = self.value(items, live, steps)
        return None if value is MISSING else value

    def object(self, rule: Rule, live: JsonObject, steps: Steps) -> dict[str, Any]:
        children = rule.properties.items()
        made = {name: self.value(child, live.get(name, MISSING), (*steps, name)) for name, child in children}
        self.unsaid += (
            format_steps(self.rules, (*steps, name), self.live)
            for name in live
            if name not in rule.properties and live[name] not in (None, {}, [])
        )
        return {name: value for name, value in made.items() if value is not MISSING}

    def map(self, rule: Rule, live: JsonObject, steps: Steps) -> dict[str, Any]:
        self.unsaid += (format_steps(self.rules, (*steps, name), self.live) for name in live if not is_readable(name))
        made = {name: self.value(rule.element, live[name], (*steps, name)) for name in live if is_readable(name)}
        return {name: value for name, value in made.items() if value is not MISSING}


_MAKERS: Final[Mapping[Shape, Any]] = {
    Shape.OBJECT: _Stating.object,
    Shape.MAP: _Stating.map,
    Shape.LIST: _Stating.list,
}


def _is_picked(rule: Rule) -> bool:
    """Whether a value is the server's choice: not what freezes, nor a list whose elements somebody answers for."""
    return rule.server_populated and not (rule.frozen or rule.must_contain or rule.removal_guard)


def _plain(value: Any, steps: Steps) -> Any:
    """Return JSON with placeholders for its secrets, sealed or not."""
    return without_credentials(_unsealed(value), steps, TAKEN_OUT)


def _unsealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return PLACEHOLDER
    if isinstance(value, Mapping):
        return {name: _unsealed(item) for name, item in value.items()}
    return [_unsealed(item) for item in value] if isinstance(value, list) else value


def _without_secret(rule: Rule, value: Secret) -> str:
    """Return a link without its query, which is compared nowhere or has to be filled in; of other secrets nothing."""
    text = value.reveal()
    if not text:
        return text
    if not isinstance(value, SecretUrl) or value.base == HIDDEN:
        return PLACEHOLDER
    return value.base if rule.normalize == "blob-url" or text == value.base else f"{value.base}?{PLACEHOLDER}"


# ------------------------------------------------------------------------------------------------ body -> manifest


@dataclass(frozen=True, slots=True)
class _Written:
    documents: Sequence[Document]
    problems: Sequence[Problem]
    notes: Sequence[str]


def _write(item: Found, name: str, paths: _Paths, tracking: Tracking, place: Place) -> _Written:
    document, unsaid, ways = _document(item, name, tracking)
    path = paths.manifest(item)
    spec = {**document["spec"], **_with_files(item.kind.rules, _body(item, document), path, paths)}
    text = "".join(_head(item.kind, path, place, ways)) + write_document({**document, "spec": spec})
    paths.texts[path] = text
    read, problems = read_documents(text.encode(), f"{place.folder}/{path}")
    about = f"{item.kind.name} {name}"
    notes = [f"{about}: {each} is not stated, for no manifest can" for each in unsaid]
    return _Written([replace(each, value=document) for each in read], problems, [*notes, *_odd(item, about, tracking)])


def _odd(item: Found, about: str, tracking: Tracking) -> Iterator[str]:
    if not item.live.is_settled or item.live.has_failed:
        yield f"{about}: its provisioning state is {item.live.provisioning_state}, so a plan will not call it in sync"
    if tracking.is_foreign(item.live.body):
        yield f"{about}: it belongs to the project {tracking.owner_of(item.live.body)}, so a plan will not touch it"


def _document(item: Found, name: str, tracking: Tracking) -> tuple[dict[str, Any], list[str], list[_Way]]:
    """Return the manifest, what it does not say, and the ways to state its write-only content: the first is in it."""

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
        yield f"# Azure never returns {first}: state what was sent last{instead}.\n"


# ------------------------------------------------------------------------------------------------- texts in files


def _with_files(rules: Rule, body: JsonObject, path: str, paths: _Paths) -> dict[str, Any]:
    """Return *body* with references in place of the texts that go into files of their own."""

    def moved(rule: Rule, value: Any, at: FieldPath) -> Any:
        if isinstance(value, str) and _goes_into_file(rule, value):
            return {REFERENCE: paths.text(path, _labels(rules, body, at), value)}
        return value

    found: dict[str, Any] = transform(rules, body, moved)
    return found


def _labels(rules: Rule, body: Any, path: FieldPath) -> list[str]:
    """Return the labels of the elements that hold the value at *path*, and the last key."""
    labels, name = [], ""
    for step in path:
        if isinstance(step, int):
            labels.append(label(rules, body[step], step).strip("[]"))
        else:
            name = step
        rules, body = rules.child(step), body[step]
    return [*labels, name]


def _goes_into_file(rule: Rule, text: str) -> bool:
    """Whether a text has lines enough for a file, or characters that no manifest may hold, and a file keeps it."""
    wanted = not is_readable(text) or (rule.takes_file and "\n" in text.strip("\n"))
    return wanted and _is_kept_by_file(text) and len(text.encode("utf-8", "replace")) < MAX_REFERENCED


def _is_kept_by_file(text: str) -> bool:
    """Whether reading a file gives back the text that was written into it."""
    return "\0" not in text and "\r\n" not in text


def _can_be_written(text: str) -> bool:
    """Whether a manifest, or a file beside it, can hold a text: characters that cannot be seen go into a file alone."""
    return is_readable(text) or _is_kept_by_file(text)


# ------------------------------------------------------------------------------------------------ names and paths


class _Paths:
    """Gives every file a path of its own, also where case does not count; holds the texts by them."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._taken: set[str] = set()

    def manifest(self, item: Found) -> str:
        """Return the path of a manifest: folders as the resources are below each other."""
        values = [_clean(item.params[name]) for name in item.kind.parameters]
        own = item.kind.resource_type.count("/")  # how many of them are below the resource group
        group = item.kind.resource_type.split("/")[1]
        return self._free("/".join([*values[1:-own], group, *values[-own:]]), ".yaml")

    def text(self, manifest: str, labels: Sequence[str], text: str) -> str:
        """Keep a text in a file, and give its path from the manifest's folder."""
        folder, _, file = manifest.rpartition("/")
        kind, suffix = _sort_of(text)
        stem = _clean("-".join(map(_clean, labels)))[:_LONGEST_LABEL]
        path = self._free(f"{folder}/{kind}/{file.removesuffix('.yaml')}-{stem}", suffix)
        self.texts[path] = f"{text}\n"  # one final line end is dropped in reading
        return path.removeprefix(f"{folder}/")

    def _free(self, stem: str, suffix: str) -> str:
        taken = (f"{stem}{f'-{number}' if number > 1 else ''}{suffix}" for number in count(1))
        path = next(path for path in taken if path.casefold() not in self._taken)
        self._taken.add(path.casefold())
        return path


def _sort_of(text: str) -> tuple[str, str]:
    """Return the folder and the suffix of a text."""
    if _SHELL.match(text):
        return "scripts", ".sh"
    if text.startswith("#!"):
        return "scripts", ""
    return "texts", ".json" if isinstance(normalize("json", text), Mapping) else ".txt"


def _clean(name: str) -> str:
    """Return a name as part of a path that a walk finds: no separator, not hidden, nothing that is passed over."""
    name = _UNUSUAL.sub("-", name)
    return f"_{name}" if name.startswith(".") or f"{name}.yaml" in PASSED_OVER else name


def _names(found: Sequence[Found], kinds: Mapping[str, Kind], addresses: frozenset[str]) -> dict[str, str]:
    """Return ``metadata.name`` by folded id: the resource's own, and as much of what is above it as tells it apart."""
    names: dict[str, str] = {}
    for kind in kinds.values():
        prefix = f"{kind.name}/".casefold()
        taken = {address.removeprefix(prefix) for address in addresses if address.startswith(prefix)}
        waiting = [(item.key, [item.params[name] for name in kind.parameters]) for item in found if item.kind is kind]
        for length in range(max(1, depth_of(kind, kinds)), len(kind.parameters) + 1):
            named = [(key, values, "-".join(values[-length:])) for key, values in waiting]
            often = Counter(name.casefold() for _, _, name in named)
            fitting = {key: name for key, _, name in named if often[name.casefold()] == 1 and _is_free(name, taken)}
            names |= fitting
            taken |= {name.casefold() for name in fitting.values()}
            waiting = [(key, values) for key, values in waiting if key not in fitting]
        for key, values in waiting:
            stem = "-".join(values)[: _LONGEST_NAME - 8]
            names[key] = next(name for number in count(2) if _is_free(name := f"{stem}-{number}", taken))
            taken.add(names[key].casefold())
    return names


def _is_free(name: str, taken: set[str]) -> bool:
    return len(name) <= _LONGEST_NAME and name.casefold() not in taken
