"""The output of ``explain`` for one resource, leaf by leaf: as text for people, as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from reconciler import __version__
from reconciler.compare.diff import WRITE_ONLY
from reconciler.compare.explain import Verdict
from reconciler.errors import UsageError
from reconciler.problems import Layer
from reconciler.report.escape import inert, inert_json, masked, masked_json, visible
from reconciler.report.text import Look, head_line
from reconciler.report.values import first_difference, literal
from reconciler.report.verdict import count
from reconciler.report.words import REASONS
from reconciler.report.wrap import folded
from reconciler.secret.text import HIDDEN, scrub
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.compare.explain import Explanation, Row
    from reconciler.errors import ErrorInfo
    from reconciler.problems import Origin

FORMATS: Final = ("text", "json")
_SCHEMA_VERSION: Final = 1
_INDENT: Final = " " * 4
_WHOLE: Final = 1 << 30
"""More characters than any value has."""
_STYLES: Final = {
    Verdict.CHANGE: "yellow",
    Verdict.IMMUTABLE: "red",
    Verdict.UNVERIFIED: "yellow",
    Verdict.UNDECLARED: "cyan",
    Verdict.IGNORED: "cyan",
    Verdict.EQUAL: "green",
}
_LAYERS: Final = {
    Layer.MANIFEST: "",
    Layer.OVERLAY: "  (overlay)",
    Layer.ENVIRONMENT: "  (defaults of the environment)",
    Layer.PROJECT: "  (defaults of the project)",
}


def check_format(name: str) -> None:
    """
    Refuse a format that does not exist here.

    Raises:
        UsageError: There is no such format.
    """
    if name not in FORMATS:
        message = f"explain has no format {name}; its formats are {', '.join(FORMATS)}"
        raise UsageError(message)


def render(explanation: Explanation, format: str, *, color: bool = False, width: int | None = None) -> str:  # noqa: A002
    """
    Return *explanation* in one of *FORMATS*.

    Args:
        explanation: The explanation to render.
        format: The name of the format.
        color: Whether text is colored.
        width: Columns of the terminal, to which lines of text are folded; values stay whole.
    """
    check_format(format)
    if format == "json":
        return masked_json(inert_json(json.dumps(as_json(explanation), indent=2)) + "\n")
    lines = (masked(inert(line)) for line in _lines(explanation, Look(color)))
    return masked("".join(f"{part}\n" for line in lines for part in folded(line, width, divide=False)))


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Return *explanation* as plain values, in the order in which they are written."""
    change = explanation.change
    desired, error = change.desired, change.error
    return {
        "schemaVersion": _SCHEMA_VERSION,
        "command": "explain",
        "reconcilerVersion": __version__,
        **asdict(explanation.about),
        "kind": desired.kind.name,
        "name": desired.name,
        "id": desired.id,
        "source": {"file": desired.source.file, "line": desired.source.line, "document": desired.source.document},
        "action": change.action,
        "reason": change.reason,
        "sync": change.sync,
        "health": change.health,
        "fields": [_field(row) for row in explanation.rows],
        "error": _error(error) if error else None,
        "fix": change.fix,
    }


def _error(error: ErrorInfo) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "status": error.status,
        "requestId": error.request_id,
        "fix": error.fix,
    }


def _field(row: Row) -> dict[str, Any]:
    values = {"stated": row.stated, "default": row.default, "observed": row.observed}
    compared = {"desired": row.compared_desired, "observed": row.compared_observed}
    return {
        "path": row.path,
        "verdict": row.verdict,
        "why": row.why,
        "class": row.field_class,
        "rules": row.rules,
        **_present(values),
        "origin": _origin(row.origin) if row.origin else None,
        "compared": _present(compared),
        "ignoredBy": [
            {"path": rule.path, "reason": rule.reason, "expires": rule.expires.isoformat() if rule.expires else None}
            for rule in row.hidden_by
        ],
    }


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not MISSING}


def _origin(origin: Origin) -> dict[str, Any]:
    return {"layer": origin.layer, "file": origin.file, "line": origin.line}


def _lines(explanation: Explanation, look: Look) -> Iterator[str]:
    change = explanation.change
    yield look.paint(_verdict(explanation), "bold")
    yield ""
    yield head_line(change, look)
    yield f"{_INDENT}{visible(change.desired.id)}"
    yield f"{_INDENT}{change.action}: {REASONS[change.reason]}"
    if change.error is not None:
        first, *more = change.error.message.split("\n")
        yield f"{_INDENT}error[{visible(change.error.code)}]: {visible(first)}"
        yield from (f"{_INDENT * 2}{visible(line)}" for line in more)
        yield from (f"{_INDENT}fix: {visible(fix)}" for fix in (change.error.fix,) if fix)
    if change.fix:
        yield f"{_INDENT}fix: {visible(change.fix)}"
    for row in explanation.rows:
        yield ""
        yield from _row_lines(row, look)
    yield ""
    yield _counted(explanation)


def _verdict(explanation: Explanation) -> str:
    change = explanation.change
    about, found = visible(str(explanation.about)), f"{visible(change.desired.address)}: {REASONS[change.reason]}."
    return f"{about}: {found}" if about else found


def _counted(explanation: Explanation) -> str:
    found = Counter(row.verdict for row in explanation.rows)
    words = ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict if found[verdict])
    return f"{count(len(explanation.rows), 'field')}: {words}"


def _row_lines(row: Row, look: Look) -> Iterator[str]:
    verdict = look.paint(str(row.verdict), _STYLES.get(row.verdict, "dim"))
    yield f"{verdict}  {look.paint(visible(row.path), 'bold')}"
    if row.origin is not None:
        place = look.paint(f"{visible(row.origin.file)}:{row.origin.line}", "dim")
        yield from _value("stated", row.stated, f"  {place}{_LAYERS[row.origin.layer]}")
    elif row.default is not MISSING:
        yield from _value("default", row.default)
    if row.observed is not MISSING:
        yield from _value("live", row.observed)
    yield from _compared(row)
    yield f"{_INDENT}class: {'; '.join((str(row.field_class), *map(visible, row.rules)))}"
    yield f"{_INDENT}why: {visible(row.why)}"


def _value(label: str, value: object, after: str = "") -> Iterator[str]:
    """Yield a value, whole: on one line, or below its label where it has several."""
    if not isinstance(value, str) or "\n" not in value:
        yield f"{_INDENT}{label}: {WRITE_ONLY if value == WRITE_ONLY else literal(value, _WHOLE)}{after}"
        return
    lines = scrub(value).split("\n")
    yield f"{_INDENT}{label}: {count(len(lines), 'line')}{after}"
    yield from (f"{_INDENT * 2}| {visible(line)}" for line in lines)


def _compared(row: Row) -> Iterator[str]:
    """Yield what is compared, where that is not what is shown already, and the first line that differs."""
    want, have = row.compared_desired, row.compared_observed
    written = row.default if row.stated is MISSING else row.stated
    as_written = (want, have) == (written, row.observed) or (row.observed is MISSING and want == have == written)
    if want is not MISSING and not as_written and not want == have == HIDDEN:
        other = "" if want == have else f" with {literal(have, _WHOLE)}"
        yield f"{_INDENT}compared: {literal(want, _WHOLE)}{other}"
    differs = first_difference(row.observed, row.stated, _WHOLE)
    if differs:
        yield f"{_INDENT * 2}{differs}"
