"""The view of an explanation: the published fields of ``explain -o json``, and the words for people. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler import __version__
from reconciler.compare.diff import WRITE_ONLY
from reconciler.compare.rows import Verdict
from reconciler.problems import Layer
from reconciler.report.clean import for_people, for_programs
from reconciler.report.resource_view import Rollout, Source
from reconciler.report.rollout import rollout_of, words_of
from reconciler.report.values import first_difference, literal
from reconciler.report.verdict import count
from reconciler.report.view import SCHEMA_VERSION
from reconciler.report.words import MARKS, REASONS
from reconciler.secret.text import HIDDEN, scrub
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler import errors
    from reconciler.compare.rows import Explanation, Row

_WHOLE: Final = 1 << 30
"""More characters than any value has."""
_LAYERS: Final = {
    Layer.MANIFEST: "",
    Layer.OVERLAY: "overlay",
    Layer.ENVIRONMENT: "defaults of the environment",
    Layer.PROJECT: "defaults of the project",
}


@dataclass(frozen=True, slots=True)
class Error:
    """
    The reason why a resource could not be read.

    Attributes:
        lines: Of the message, for people.
    """

    code: str
    message: str
    status: int | None
    request_id: str | None
    fix: str | None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """The place that declares a value."""

    layer: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides in the form in which they are compared; MISSING where nothing is."""

    desired: Any = MISSING
    observed: Any = MISSING


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """An ignore rule of the project file that hides a difference."""

    path: str
    reason: str
    expires: str | None


@dataclass(frozen=True, slots=True)
class Value:
    """
    A value under its label.

    Attributes:
        text: On one line; the number of lines where it has several.
        place: File and line of what declares it; empty where nothing does.
        layer: The layer of the project file that declares it; empty for the manifest itself.
        lines: Of a text of several lines.
    """

    label: str
    text: str
    place: str = ""
    layer: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldWords:
    """
    A field for people.

    Attributes:
        values: The declared value or the default, and the live one.
        compared: The values that are compared, where they are others; empty otherwise.
        first: The first line in which two texts of several lines differ; empty otherwise.
    """

    values: tuple[Value, ...] = ()
    compared: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """
    One leaf of the resource.

    Attributes:
        class_: Such as ``immutable`` or ``write-only``.
        stated: The declared value; MISSING where there is none.
        default: The value that absence means; MISSING where it means none.
        observed: The live value; MISSING where there is none.
    """

    path: str
    verdict: str
    why: str
    class_: str
    rules: tuple[str, ...]
    stated: Any = MISSING
    default: Any = MISSING
    observed: Any = MISSING
    origin: Origin | None
    compared: Compared
    ignored_by: tuple[IgnoreRule, ...]
    words: FieldWords = FieldWords()


@dataclass(frozen=True, slots=True)
class Words:
    """
    An explanation for people.

    Attributes:
        verdict: The resource and the reason in one sentence, after environment and cloud.
        mark: One character for the action.
        reason: The action and the reason.
        counts: The number of fields, and of each verdict.
        rollout: Lines about where its rollout stands.
    """

    verdict: str = ""
    mark: str = ""
    reason: str = ""
    counts: str = ""
    rollout: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """An explanation of one resource, field by field."""

    schema_version: int
    command: str
    reconciler_version: str
    environment: str | None
    project: str | None
    cloud: str | None
    endpoint: str | None
    commit: str | None
    kind: str
    name: str
    id: str
    source: Source
    action: str
    reason: str
    sync: str
    health: str
    fields: tuple[Field, ...]
    error: Error | None
    fix: str | None
    rollout: Rollout | None = None
    words: Words = Words()


def view_of(explanation: Explanation, *, people: bool) -> ExplanationView:
    """Return the view of *explanation*: exact for programs; for people with words, in which values stay whole."""
    change, about = explanation.change, explanation.about
    desired = change.desired
    view = ExplanationView(
        schema_version=SCHEMA_VERSION,
        command="explain",
        reconciler_version=__version__,
        environment=about.environment,
        project=about.project,
        cloud=about.cloud,
        endpoint=about.endpoint,
        commit=about.commit,
        kind=desired.kind.name,
        name=desired.name,
        id=desired.id,
        source=Source(desired.source.file, desired.source.line, desired.source.document),
        action=change.action.value,
        reason=change.reason.value,
        sync=change.sync.value,
        health=change.health.value,
        fields=tuple(_field(row, people=people) for row in explanation.rows),
        error=_error(change.error, people=people) if change.error else None,
        fix=change.fix,
        rollout=rollout_of(change.rollout),
        words=_words(explanation) if people else Words(),
    )
    return for_people(view, longest=_WHOLE) if people else for_programs(view)


def _words(explanation: Explanation) -> Words:
    change, about = explanation.change, str(explanation.about)
    result = f"{change.desired.address}: {REASONS[change.reason]}."
    found = Counter(row.verdict for row in explanation.rows)
    counts = ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict if found[verdict])
    return Words(
        verdict=f"{about}: {result}" if about else result,
        mark=MARKS[change.action],
        reason=f"{change.action}: {REASONS[change.reason]}",
        rollout=tuple(words_of(change.rollout)) if change.rollout is not None else (),
        counts=f"{count(len(explanation.rows), 'field')}: {counts}",
    )


def _error(error: errors.ErrorInfo, *, people: bool) -> Error:
    lines = tuple(scrub(error.message).split("\n")) if people else ()
    return Error(str(error.code), error.message, error.status, error.request_id, error.fix, lines)


def _field(row: Row, *, people: bool) -> Field:
    origin = row.origin
    return Field(
        path=row.path,
        verdict=row.verdict.value,
        why=row.why,
        class_=row.field_class.value,
        rules=row.rules,
        stated=MISSING if people else row.stated,
        default=MISSING if people else row.default,
        observed=MISSING if people else row.observed,
        origin=Origin(origin.layer.value, origin.file, origin.line) if origin else None,
        compared=Compared() if people else Compared(row.compared_desired, row.compared_observed),
        ignored_by=tuple(
            IgnoreRule(rule.path, rule.reason, rule.expires.isoformat() if rule.expires else None)
            for rule in row.hidden_by
        ),
        words=FieldWords(tuple(_values(row)), _compared(row), _first(row)) if people else FieldWords(),
    )


def _values(row: Row) -> Iterator[Value]:
    if row.origin is not None:
        place = f"{row.origin.file}:{row.origin.line}"
        yield _value("stated", row.stated, place, _LAYERS[row.origin.layer])
    elif row.default is not MISSING:
        yield _value("default", row.default)
    if row.observed is not MISSING:
        yield _value("live", row.observed)


def _value(label: str, value: object, place: str = "", layer: str = "") -> Value:
    """Return a value, whole: on one line, or by its lines where it has several."""
    if not isinstance(value, str) or "\n" not in value:
        text = WRITE_ONLY if value == WRITE_ONLY else literal(value, _WHOLE)
        return Value(label, text, place, layer)
    lines = tuple(scrub(value).split("\n"))
    return Value(label, count(len(lines), "line"), place, layer, lines)


def _compared(row: Row) -> str:
    """Return what is compared, where that is not what is shown already."""
    want, have = row.compared_desired, row.compared_observed
    written = row.default if row.stated is MISSING else row.stated
    as_written = (want, have) == (written, row.observed) or (row.observed is MISSING and want == have == written)
    if want is MISSING or as_written or want == have == HIDDEN:
        return ""
    other = "" if want == have else f" with {literal(have, _WHOLE)}"
    return f"{literal(want, _WHOLE)}{other}"


def _first(row: Row) -> str:
    return first_difference(row.observed, row.stated, _WHOLE)
