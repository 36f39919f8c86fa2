"""
Checks of a manifest that no schema can express: repeated keys, values that depend on each other, dates, signatures.

Every check follows an annotation; none knows a kind. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from reconciler.json.template import TemplateError, strict_json
from reconciler.kinds.annotations import Annotation, dotted
from reconciler.kinds.kind import VARIABLE, variable_in
from reconciler.kinds.normal_forms import canonical, json_text, normalize, parse_instant
from reconciler.kinds.paths import get, keyed
from reconciler.kinds.rules import OPAQUE, Rule, Shape
from reconciler.kinds.trees import has_name, walk
from reconciler.manifests.misspelt_regions import geographies, known_regions, nearest_region, suggestion
from reconciler.manifests.schema_errors import MOST, place, problem
from reconciler.manifests.template_fit import misfits
from reconciler.manifests.yaml12 import format_document_path
from reconciler.problems import UNREAD, Problem
from reconciler.secret.credential_shapes import credentials
from reconciler.secret.text import scrub_and_cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.kinds.kind import Kind
    from reconciler.kinds.tracking import Tracking
    from reconciler.problems import Document
    from reconciler.values import FieldPath

PLACEHOLDER: Final = "<fill in>"
"""Placeholder in a manifest for values that an export could not read or must not write: content and secrets."""

TAKEN_OUT: Final = "<fill in: secret>"
"""Placeholder in any text of a manifest for a credential that an export found there; refused everywhere."""

_TAKE_OUT: Final = "remove and revoke it, as git keeps its history; fetch it on the machine, such as from a key vault"
_SIGNATURE: Final = re.compile(r"[?&]sig=[\w%+/]", re.IGNORECASE)
_LONGEST_SHOWN: Final = 80
_PATH: Final = re.compile(r"(?:\$file[: ] *)?[\w./-]+\.json")
_TYPOGRAPHIC: Final = re.compile("[\u2018\u201a\u201c\u201e\u00ab].*[\u2018\u2019\u201c\u201d\u00bb]", re.DOTALL)
_REFERENCE_AS_TEXT: Final = re.compile(r"\{? *\$(?:file|env)[: ] *[^\s;&|]+")
_MOST_TAGS: Final = 50  # of one resource ("Use tags to organize your Azure resources", learn.microsoft.com)


@dataclass(slots=True)
class Found:
    """Errors and warnings from the checks of one manifest."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Check:
    document: Document
    spec: Mapping[str, Any]
    found: Found
    rules: Rule

    def error(self, path: FieldPath, code: str, message: str, fix: str) -> None:
        self.add(problem(self.document, ("spec", *path), code, message, fix))

    def add(self, found: Problem) -> None:
        if len(self.found.problems) < MOST:
            self.found.problems.append(found)

    def warn(self, path: FieldPath, code: str, message: str, fix: str) -> None:
        if len(self.found.warnings) < MOST:
            self.found.warnings.append(problem(self.document, ("spec", *path), code, message, fix))


def check_spec(document: Document, kind: Kind, tracking: Tracking) -> Found:
    """
    Check the spec of a document. Values without the shape that the schema requires are skipped.

    Args:
        document: The document.
        kind: Its kind.
        tracking: The tags that a manifest must not declare.
    """
    spec = document.value.get("spec")
    check = _Check(document, spec if isinstance(spec, Mapping) else {}, Found(), kind.rules)
    _check_values(check)
    _check_variables(check)
    _check_tags(check, kind, tracking)
    _check_credentials(check)
    _check_fit(check, kind)
    return check.found


def _check_credentials(check: _Check) -> None:
    """Warn of values that look like a credential, or are named so, anywhere in the document."""
    told = {warning.path for warning in check.found.warnings}
    for path, what in islice(credentials(check.document.value), MOST):
        found = problem(check.document, path, "secret-in-manifest", f"the manifest contains {what}", _TAKE_OUT)
        if found.path not in told and len(check.found.warnings) < MOST:
            told.add(found.path)
            check.found.warnings.append(found)


def _check_values(check: _Check) -> None:
    for path, rule, value in walk(check.rules, check.spec):
        if rule.shape is Shape.LEAF and rule is not OPAQUE:
            _check_leaf(check, rule, value, path)
        elif rule.shape is Shape.LIST and isinstance(value, list):
            _check_twins(check, rule, value, path)
            _check_contains(check, rule, value, path)


def _check_leaf(check: _Check, rule: Rule, value: Any, path: FieldPath) -> None:
    if value == UNREAD:
        return
    is_secret = rule.write_only or rule.secret
    if isinstance(value, str) and (TAKEN_OUT in value or (is_secret and PLACEHOLDER in value)):
        why = "Azure never returns this field" if rule.write_only else "this field is secret"
        check.error(path, "placeholder", f"`{PLACEHOLDER}` is a placeholder: {why}", "write the value to send")
        return
    if rule.integer and isinstance(value, float):
        check.error(path, "type", f"expected a whole number, found `{value!r}`", "write it without a decimal point")
    text = value if isinstance(value, str) else canonical(value)
    if "=" in text and _SIGNATURE.search(text):
        ways = [*(["use a storage rule of the project file"] if rule.normalize == "blob-url" else [])]
        ways += ["write `{$env: RECONCILER_SECRET_NAME}` instead of the text"] if rule.secret else []
        fix = f"{', or '.join(ways) or 'remove it'}, and revoke this one: git keeps it in its history"
        check.warn(path, "secret-in-manifest", "the manifest contains a signature", fix)
    if isinstance(value, str):
        _check_spelling(check, value, path)
    special = _LEAF_CHECKS.get(rule.normalize or "")
    if special is not None and isinstance(value, str):
        special(check, value, path)


def _check_variables(check: _Check) -> None:
    """Refuse ``{$env: NAME}`` where no secret belongs: its value would be shown. As deep as documents are."""
    if not has_name(check.document.value, VARIABLE):
        return
    found = check.found.problems
    left: list[tuple[Any, FieldPath, Rule]] = [(check.document.value, (), OPAQUE)]
    while left and len(found) < MOST:
        value, path, rule = left.pop()
        if variable_in(value) is not None and not rule.secret:
            message = "`{$env: NAME}` is allowed in secret fields only; this field is shown in reports"
            fix = "write the value itself; use `{$env: NAME}` for webhooks and signed links"
            found.append(problem(check.document, path, "env-reference", message, fix))
            continue
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for step, item in items:
            if isinstance(item, (dict, list)):
                below = check.rules if (*path, step) == ("spec",) else rule.child(step)
                left.append((item, (*path, step), below))


def _check_spelling(check: _Check, value: str, path: FieldPath) -> None:
    """Warn of texts that are valid YAML but probably not meant."""
    if _TYPOGRAPHIC.fullmatch(value):
        fix = 'write `"` instead'
        check.warn(path, "typographic-quotes", "typographic quotation marks are part of this text", fix)
    if _REFERENCE_AS_TEXT.fullmatch(value):
        fix = "write it as `{$file: path}`, with braces and a space after the colon"
        check.warn(path, "reference-as-text", "this text looks like a reference, but is not one", fix)


def _check_instant(check: _Check, value: str, path: FieldPath) -> None:
    if parse_instant(value) is None:
        fix = 'write it as `"2030-01-31T00:00:00Z"`'
        check.error(path, "date-time", "expected a date and time with an offset (RFC 3339)", fix)


def _check_json(check: _Check, value: str, path: FieldPath) -> None:
    try:
        is_object = strict_json(value).startswith("{")
    except TemplateError as error:
        check.add(_template_problem(check.document, value, path, error))
    else:
        if not is_object:
            fault = TemplateError(1, 1, "expected `{`", "write a JSON object: `{…}`")
            check.add(_template_problem(check.document, value, path, fault))


def _template_problem(document: Document, value: str, path: FieldPath, error: TemplateError) -> Problem:
    """Return the problem of a template's text: at its place in the file that holds it, else at the manifest's key."""
    file = document.files.get((path[-1], value))
    where = ("spec", *path)
    if file is None:
        message = (
            f"this text is not a JSON object: {error.cause} (line {error.line}, column {error.column} of the text)"
        )
        is_path = _PATH.fullmatch(value) is not None
        return problem(document, where, "json", message, "write it as `{$file: path}`" if is_path else error.fix)
    return Problem(file, error.line, error.column, format_document_path(where), "json", error.cause, error.fix)


def _check_region(check: _Check, value: str, path: FieldPath) -> None:
    short = normalize("region", value)
    if not short or short in known_regions():
        return
    near = suggestion(value)
    fix = f"did you mean `{near}`?" if near else "use a name that `az account list-locations -o table` prints"
    what = "is a geography, not a region" if short in geographies() else "is not a known region"
    check.warn(path, "unknown-region", f"`{scrub_and_cut(value, _LONGEST_SHOWN)}` {what}", fix)


_LEAF_CHECKS: Final[Mapping[str, Callable[[_Check, str, FieldPath], None]]] = {
    "instant": _check_instant,
    "json": _check_json,
    "region": _check_region,
}


def _check_twins(check: _Check, rule: Rule, value: list[Any], path: FieldPath) -> None:
    if rule.list_type == "atomic":
        return
    seen: dict[str | int, int] = {}
    for index, item in enumerate(value):
        first = seen.setdefault(next(iter(keyed(rule, [item]))), index)
        if first != index:
            message = f"this element is declared twice: element {first} of the list is the same"
            check.error((*path, index), "duplicate-element", message, "keep one of them")


def _check_contains(check: _Check, rule: Rule, value: list[Any], path: FieldPath) -> None:
    if rule.must_contain is None or not rule.keys:
        return
    wanted = get(check.spec, rule.must_contain)
    if not isinstance(wanted, str) or wanted == UNREAD:
        return
    leaf = rule.element.at(rule.keys[0])
    held = [normalize(leaf.normalize, get(item, rule.keys[0])) for item in value]
    if normalize(leaf.normalize, wanted) in held or normalize(leaf.normalize, UNREAD) in held:
        return
    name = ".".join(rule.must_contain)
    fix: str | None = f"add an element for `{wanted}`"
    if leaf.normalize == "region":
        fix = _fix_of_missing_region(name, wanted, held)
    if fix is not None:
        check.error(path, "must-contain", f"the list must contain `{wanted}`, the value of `{name}`", fix)


def _fix_of_missing_region(name: str, wanted: str, held: list[Any]) -> str | None:
    """Return the fix where no element is for the region *wanted*; None if only its spelling is wrong."""
    if normalize("region", wanted) in known_regions():
        known = known_regions()
        unknown = (item for item in held if isinstance(item, str) and item not in known)
        meant = known[normalize("region", wanted)]
        slip = next((item for item in unknown if nearest_region(item) == meant), None)
        return f"write `{wanted}` instead of `{slip}`" if slip else f"add an element for `{wanted}`"
    near = nearest_region(wanted)
    if near is None:
        return f"correct `{name}`, which is not a known region, or its element in this list"
    if normalize("region", near) in held:
        return None
    return f"set `{name}` to `{near}`, and add an element for `{near}`"


def _check_tags(check: _Check, kind: Kind, tracking: Tracking) -> None:
    tags = check.spec.get("tags")
    if not isinstance(tags, Mapping):
        return
    for name in tags:
        if tracking.is_own_name(name):
            message = f"tags that begin with `{tracking.prefix}-` are reserved for the reconciler"
            check.error(("tags", name), "reserved-tag", message, "rename the tag")
    for first, name in _twins(tags):
        file, line, _ = place(check.document, ("spec", "tags", first))
        message = f"tag names are case-insensitive, and this one differs from `{first}` at {file}:{line} by case only"
        check.error(("tags", name), "duplicate-element", message, "keep one of them, or use the same spelling for both")
    own = (bool(kind.write_only_paths) + (tracking.project is not None) + 1) if tracking.tags else 0
    stated = sum(value is not None for value in tags.values())
    if stated + own > _MOST_TAGS:
        message = f"{stated} declared tags and {own} of the reconciler exceed Azure's limit of {_MOST_TAGS}"
        check.error(("tags",), "too-many-tags", message, "declare fewer tags")


def _check_fit(check: _Check, kind: Kind) -> None:
    """Check that a template and its portal form fit each other."""
    pair = kind.schema.get(Annotation.TEMPLATE_FIT)
    if pair is None:
        return
    paths = {part: dotted(pair[part]) for part in ("template", "form")}
    meant = {part: json_text(get(check.spec, path)) for part, path in paths.items()}
    if all(isinstance(value, dict) for value in meant.values()):
        for misfit in islice(misfits(meant["template"], meant["form"], pair["own"]), MOST):
            check.warn(paths[misfit.part], "template-fit", misfit.message, misfit.fix)


def _twins(names: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for name in names:
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            yield first, name
