"""
Stage 2: checks every document against the schema of its kind, and by rules that no schema can express. Pure.

``jsonschema-rs`` checks first: a document that it accepts is valid. The others are judged and explained by
``jsonschema``. All mistakes of all documents are reported at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from reconciler.json.template import strict_json
from reconciler.kinds.annotations import Annotation
from reconciler.kinds.blank import blanks, without_blanks
from reconciler.kinds.kind import mapped
from reconciler.kinds.paths import get
from reconciler.manifests.checks import Found, check_spec
from reconciler.manifests.identity import Identity, identify
from reconciler.manifests.memo import Memo
from reconciler.manifests.rollouts import odd_rollouts
from reconciler.manifests.schema_errors import MOST, explain, nearest, problem
from reconciler.manifests.windows import mistakes
from reconciler.problems import SHORTER, Document, Manifest, Problem
from reconciler.values import MISSING, JsonObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.kinds.kind import Kind
    from reconciler.kinds.rules import Rule
    from reconciler.kinds.tracking import Tracking
    from reconciler.manifests.sound import Sound

_API_VERSION: Final = "reconciler.dev/v1"
_PACKAGE: Final = "reconciler.dev/package-sha256"


@dataclass(frozen=True, slots=True)
class Validated:
    """
    The result of validating.

    Attributes:
        manifests: The valid ones.
        problems: Every error.
        warnings: Findings that stop nothing.
        others: Resources of invalid manifests, as far as known; they count where manifests are compared.
    """

    manifests: tuple[Manifest, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    others: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """One document, validated: a manifest, or as far as it is known the resource of an invalid one."""

    manifest: Manifest | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    other: Identity | None


def validate(documents: Sequence[Document], kinds: Mapping[str, Kind], tracking: Tracking) -> Validated:
    """
    Validate every document.

    Args:
        documents: Rendered: defaults and overlays are in them.
        kinds: By name.
        tracking: The tags that a manifest must not declare.
    """
    judged = [judge(each, kinds, tracking, Memo(keeps=False)) for each in documents]
    return Validated(
        tuple(each.manifest for each in judged if each.manifest is not None),
        tuple(chain.from_iterable(each.problems for each in judged)),
        tuple(chain.from_iterable(each.warnings for each in judged)),
        tuple(each.other for each in judged if each.other is not None),
    )


def judge(document: Document, kinds: Mapping[str, Kind], tracking: Tracking, memo: Memo) -> Judged:
    """Validate one document, as :func:`validate` does each."""
    make = partial(_judged, document, kinds=kinds, tracking=tracking, sound=memo.sound)
    return memo.of_object(document, tracking, make)


def _judged(document: Document, kinds: Mapping[str, Kind], tracking: Tracking, sound: Sound | None) -> Judged:
    kind, errors = _kind_of(document, kinds)
    if kind is None:
        return Judged(None, tuple(errors), (), None)
    digest = sound.digest(document, kind, tracking) if sound is not None and not document.reported else ""
    if sound is not None and digest and sound.has(digest):
        return Judged(_manifest(document, kind), (), (), None)
    document, warnings = _without_blanks(document, kind)  # the rest is the manifest
    found = _check(document, kind, tracking)
    problems, warnings = (*errors, *found.problems), [*warnings, *found.warnings]
    is_valid = not problems and not document.reported
    manifest = _manifest(document, kind) if is_valid else None
    if sound is not None and digest and is_valid and not warnings:
        sound.keep(digest, document, kind)
    other = None if is_valid else identify(document, kind)
    return Judged(manifest, problems, tuple(warnings), other)


def _check(document: Document, kind: Kind, tracking: Tracking) -> Found:
    """Return the problems of a document of a known kind, without places that reading it has reported already."""
    errors = _schema_errors(document, kind.name, kind.schema)
    told = {error.path for error in errors}
    found = check_spec(document, kind, tracking)
    # After so many errors, looking for warnings in a hostile document is expensive.
    unusual = () if len(errors) >= MOST else _schema_warnings(document, kind)
    odd = [*found.warnings, *unusual, *_annotation_warnings(document, kind)]
    errors += (item for item in found.problems if item.path not in told)
    told = {error.path for error in errors}
    return Found(
        [item for item in errors if not _is_reported(document, item)],
        [item for item in odd if item.path not in told and not _is_reported(document, item)],
    )


def _without_blanks(document: Document, kind: Kind) -> tuple[Document, list[Problem]]:
    """Return a document without empty optional text, and a warning for each."""
    spec = document.value.get("spec")
    found = list(islice(blanks(kind.rules, spec, document.files), MOST))
    if not found:
        return document, []
    message = "this text is empty, which is the same as absent"
    fix = "delete the line, or write null if the value must not be set"
    told = [problem(document, ("spec", *path), "empty-text", message, fix) for path in found]
    value = {**document.value, "spec": without_blanks(kind.rules, spec, document.files)}
    return replace(document, value=value), told


def _is_reported(document: Document, problem: Problem) -> bool:
    """Whether reading the document has reported a problem that explains this one."""
    if problem.code == "missing" and problem.path in document.ambiguous:
        return True
    return any(problem.path == path or _is_below(problem.path, path) for path in document.reported)


def _is_below(path: str, above: str) -> bool:
    return bool(above) and path.startswith(above) and path[len(above)] in ".["


def validate_project(document: Document, schema: JsonObject) -> tuple[Problem, ...]:
    """Return every mistake in a project file, except those that reading it has reported."""
    found = _schema_errors(document, "Project", schema)
    told = {error.path for error in found}
    found += (
        item
        for item in (*_impossible_dates(document), *_odd_windows(document), *odd_rollouts(document))
        if item.path not in told
    )
    return tuple(item for item in found if not _is_reported(document, item))


def explain_limits(
    problems: Iterable[Problem], documents: Sequence[Document], kinds: Mapping[str, Kind]
) -> Iterator[Problem]:
    """
    Yield the problems of loading; where a file is too large for its place, with the fix that the schema names.

    Args:
        problems: Found in loading.
        documents: The documents that have the *problems*.
        kinds: By name.
    """
    places = {
        (document.source.file, path): kinds[kind]
        for document in documents
        if document.reported and (kind := str(document.value.get("kind"))) in kinds
        for path in document.reported
    }
    for item in problems:
        kind_of = places.get((item.file, item.path))
        fix = _too_large(kind_of.rules, item.path) if kind_of and item.fix == SHORTER else None
        yield replace(item, fix=fix) if fix else item


def _too_large(rules: Rule, path: str) -> str | None:
    return rules.at(path.split(".")[1:]).too_large


def _impossible_dates(document: Document) -> Iterator[Problem]:
    rules = get(document.value, ("spec", "ignore"))
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        expires = get(rule, ("expires",))
        if isinstance(expires, str) and not _is_date(expires):
            path = ("spec", "ignore", index, "expires")
            yield problem(
                document, path, "date", "this date does not exist", "write the last day of the rule as YYYY-MM-DD"
            )


def _odd_windows(document: Document) -> Iterator[Problem]:
    """Yield the mistakes in windows that a schema cannot express, and names that two windows have."""
    entries = get(document.value, ("spec", "schedule"))
    names: set[str] = set()
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        at = ("spec", "schedule", index)
        texts = [get(entry, (key,)) for key in ("cron", "duration", "timeZone", "name")]
        cron, duration, zone, name = (each if isinstance(each, str) else "" for each in texts)
        for key, code, message, fix in mistakes(cron, duration, zone or "UTC"):
            yield problem(document, (*at, key), code, message, fix)
        if name and name in names:
            message = f"two windows are named `{name}`"
            yield problem(document, (*at, "name"), "duplicate", message, "give each a name of its own")
        names.add(name)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _kind_of(document: Document, kinds: Mapping[str, Kind]) -> tuple[Kind | None, list[Problem]]:
    name = document.value.get("kind")
    if isinstance(name, str) and name in kinds:
        return kinds[name], []
    if name is None:
        message, fix = "`kind` is missing", f"add one of {', '.join(kinds)}"
        return None, [problem(document, (), "missing", message, fix)]
    if name == "Project":
        fix = "name it `reconciler.yaml`, and move it to a folder above the manifests"
        return None, [problem(document, ("kind",), "unknown-kind", "this is a project file, not a manifest", fix)]
    near = nearest(str(name), kinds)
    fix = f"did you mean `{near}`?" if near else f"known kinds: {', '.join(kinds)}"
    if document.value.get("apiVersion") != _API_VERSION:
        fix += f"; manifests of the reconciler have `apiVersion: {_API_VERSION}`"
    return None, [problem(document, ("kind",), "unknown-kind", "unknown kind", fix)]


def _schema_errors(document: Document, name: str, schema: JsonObject) -> list[Problem]:
    if _fast(name, lambda: schema).is_valid(document.value):
        return []
    return list(explain(document, _errors(name, schema, document.value), schema))


def _schema_warnings(document: Document, kind: Kind) -> Iterator[Problem]:
    for item in explain(document, unusual(kind, document.value)):
        fix = item.fix if item.code in {"value", "missing"} else "correct it, or keep it if Azure accepts it"
        yield Problem(item.file, item.line, item.column, item.path, f"unusual-{item.code}", item.message, fix)


def unusual(kind: Kind, value: Any) -> Iterator[Any]:
    """Yield what the warning schema of a kind finds in a document; only the branches with a finding are walked."""
    name = f"{kind.name} warnings"
    fast = _fast(name, lambda: warning_schema(kind.schema))
    if fast.is_valid(value):
        return
    odd = [_names_to(error.instance_path) for error in islice(fast.iter_errors(value), MOST)]
    if len(odd) >= MOST:  # there may be others
        yield from _errors(name, warning_schema(kind.schema), value)
        return
    checked, above = _checked(f"{name} {sorted(set(odd))}", lambda: _narrowed(warning_schema(kind.schema), odd))
    for step in above:
        value = value[step]
    for error in checked.iter_errors(value):
        error.relative_path.extendleft(reversed(above))
        yield error


def _names_to(path: Sequence[str | int]) -> tuple[str, ...]:
    """Return the steps of a path before the first list."""
    return tuple(step for step in takewhile(lambda step: isinstance(step, str), path) if isinstance(step, str))


def _narrowed(schema: JsonObject, paths: Sequence[tuple[str, ...]]) -> tuple[JsonObject, tuple[str, ...]]:
    """
    Return the part of a schema that finds the same mistakes in a document, all of which are at or below *paths*.

    Args:
        schema: Of the whole document.
        paths: Names of properties.

    Returns:
        The part, and the names of the properties that lead to the part of the document that it is for.
    """
    node, above = _pruned(schema, paths), []
    while node.keys() <= {"$schema", "$defs", "properties"} and len(node["properties"]) == 1:
        ((name, node),) = node["properties"].items()
        above.append(name)
    return {"$schema": schema["$schema"], "$defs": schema["$defs"], **node}, tuple(above)


def _pruned(node: JsonObject, paths: Sequence[tuple[str, ...]]) -> JsonObject:
    """Return a schema without the properties that are on the way to none of *paths*."""
    # Where the other keys have a schema, a property that is left out would become one of them.
    if "properties" not in node or "additionalProperties" in node:
        return node
    names = {path[0] for path in paths if path}
    children = {
        name: _pruned(child, [path[1:] for path in paths if path[:1] == (name,)])
        for name, child in node["properties"].items()
        if name in names
    }
    return {**node, "properties": children}


def _annotation_warnings(document: Document, kind: Kind) -> Iterator[Problem]:
    if get(document.value, ("metadata", "annotations", _PACKAGE)) is not MISSING and not kind.write_only_paths:
        path = ("metadata", "annotations", _PACKAGE)
        message = f"a {kind.name} has no write-only content, so this annotation has no effect"
        yield problem(document, path, "no-effect", message, "delete the annotation")


_VALIDATORS: Final[dict[str, Any]] = {}
_EXPLAINERS: Final[dict[str, tuple[Any, tuple[str, ...]]]] = {}
_MOST_KEPT: Final = 1_000
"""Schemas that are kept: a hostile manifest could make a new one each time."""


def _fast(name: str, schema: Callable[[], JsonObject]) -> Any:
    if name not in _VALIDATORS:
        _VALIDATORS[name] = jsonschema_rs.Draft202012Validator(dict(schema()))
    return _VALIDATORS[name]


def _errors(name: str, schema: JsonObject, value: Any) -> Any:
    return _checked(name, lambda: (schema, ()))[0].iter_errors(value)


def _checked(name: str, part: Callable[[], tuple[JsonObject, tuple[str, ...]]]) -> tuple[Any, tuple[str, ...]]:
    """Return the validator of that name, and the names that lead to the part of a document that it is for."""
    if name not in _EXPLAINERS:
        if len(_EXPLAINERS) >= _MOST_KEPT:
            _EXPLAINERS.clear()
        from jsonschema import Draft202012Validator  # noqa: PLC0415 (slow to import; needed only to explain a mistake)

        schema, above = part()
        _EXPLAINERS[name] = Draft202012Validator(schema), above
    return _EXPLAINERS[name]


def warning_schema(schema: JsonObject) -> dict[str, Any]:
    """
    Return the schema that a document without warnings satisfies: the ``x-warn`` rules of *schema* at their places.

    Args:
        schema: Of a manifest.
    """
    definitions = {name: _warning_node(node) for name, node in schema.get("$defs", {}).items()}
    return {"$schema": schema["$schema"], "$defs": definitions, **_warning_node(schema)}


def _warning_node(node: JsonObject) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "$ref" in node:
        found["$ref"] = node["$ref"]
    if isinstance(node.get("properties"), Mapping):
        children = {name: _warning_node(child) for name, child in node["properties"].items()}
        found["properties"] = {name: child for name, child in children.items() if child}
    for keyword in ("items", "additionalProperties"):
        child = _warning_node(node[keyword]) if isinstance(node.get(keyword), Mapping) else None
        if child:
            found[keyword] = child
    rules = node.get(Annotation.WARN, [])
    if rules:
        found["allOf"] = list(rules) if isinstance(rules, list) else [rules]
    return {key: value for key, value in found.items() if value}


def _manifest(document: Document, kind: Kind) -> Manifest:
    metadata = document.value["metadata"]
    return Manifest(
        kind=kind,
        name=metadata["name"],
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        spec=_with_strict_json(document.value["spec"], kind),
        source=document.source,
        locate=document.locate,
        trace=document.trace,
    )


def _with_strict_json(spec: JsonObject, kind: Kind) -> JsonObject:
    """Return *spec* with the texts of templates as strict JSON, which means the same to every reader."""
    for path in kind.json_texts:
        spec = mapped(spec, path, lambda value: strict_json(value) if isinstance(value, str) else value)
    return spec
