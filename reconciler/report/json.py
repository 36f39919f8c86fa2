"""The report for programs: one JSON object, described by ``schemas/report.schema.json``. A contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from reconciler import __version__
from reconciler.model.change import Action, Reason, Sync
from reconciler.plan.states import error_of, items, place_of
from reconciler.plan.summary import summarize
from reconciler.problems import Layer
from reconciler.report.declared import declared_values
from reconciler.report.escape import inert_json
from reconciler.report.replicated import as_json as replication_json
from reconciler.secret.text import Secret
from reconciler.values import MISSING

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.errors import ErrorInfo
    from reconciler.model.change import FieldChange, Modified
    from reconciler.model.live import Unmanaged
    from reconciler.model.outcome import Report
    from reconciler.plan.states import Item
    from reconciler.problems import Problem, Source

SCHEMA_VERSION: Final = 1


def render(report: Report, **_: object) -> str:
    """Return *report* as JSON in ASCII; a reader of JSON sees every text as it was."""
    return inert_json(json.dumps(as_json(report), indent=2, default=_shown)) + "\n"


def as_json(report: Report) -> dict[str, Any]:
    """Return *report* as plain values, in the order in which they are written."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "command": report.command,
        "reconcilerVersion": __version__,
        "startedAt": _instant(report.started_at),
        "finishedAt": _instant(report.finished_at),
        **asdict(report.about),
        "summary": summarize(report).as_json(),
        "resources": [*map(_resource, items(report)), *map(_unmanaged, report.plan.unmanaged)],
        "errors": [_problem(problem) for problem in report.errors],
        "warnings": [_problem(problem) for problem in report.warnings],
    }


def _resource(item: Item) -> dict[str, Any]:
    change = item.change
    error = error_of(item)
    return {
        "kind": change.desired.kind.name,
        "name": change.desired.name,
        "id": change.desired.id,
        "source": _source(change.desired.source),
        "action": change.action,
        "reason": change.reason,
        "sync": change.sync,
        "health": change.health,
        "replication": replication_json(change.replication),
        "changes": [_field(field) for field in change.fields],
        "outcome": item.outcome.result if item.outcome else None,
        "error": _error(error, item) if error else None,
        "fix": change.fix,
        **({"owner": change.owner} if change.owner is not None else {}),
        **({"declared": values} if (values := declared_values(change)) else {}),
        **({"cause": change.cause} if change.cause else {}),
        **({"modified": _modified(change.modified)} if change.modified else {}),
        **({"signatures": [asdict(each) for each in change.signatures]} if change.signatures else {}),
    }


def _modified(modified: Modified) -> dict[str, Any]:
    return {"by": modified.by, "byType": modified.by_type, "at": modified.at}


def _unmanaged(unmanaged: Unmanaged) -> dict[str, Any]:
    return {
        "kind": unmanaged.kind.name,
        "name": unmanaged.name,
        "id": unmanaged.id,
        "source": None,
        "action": Action.NONE,
        "reason": Reason.UNMANAGED if unmanaged.owner is None else Reason.OWNED_ELSEWHERE,
        "sync": Sync.UNMANAGED,
        "health": unmanaged.live.health,
        "replication": replication_json(unmanaged.live.replication),
        "changes": [],
        "outcome": None,
        "error": None,
        "fix": None,
        **({"owner": unmanaged.owner} if unmanaged.owner is not None else {}),
    }


def _field(field: FieldChange) -> dict[str, Any]:
    sides = {"observed": field.observed, "desired": field.desired}
    return {
        "path": field.path,
        "finding": field.finding,
        "op": field.op,
        **{side: value for side, value in sides.items() if value is not MISSING},
        "line": field.line,
        **({"cause": field.cause} if field.cause else {}),
    }


def _source(source: Source) -> dict[str, Any]:
    return {"file": source.file, "line": source.line, "document": source.document}


def _error(error: ErrorInfo, item: Item) -> dict[str, Any]:
    path, origin = place_of(item) or (None, None)
    return {
        "code": error.code,
        "message": error.message,
        "status": error.status,
        "requestId": error.request_id,
        "fix": error.fix,
        "path": path,
        "line": origin.line if origin and origin.layer is Layer.MANIFEST else None,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "code": problem.code,
        "message": problem.message,
        "fix": problem.fix,
    }


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(value: object) -> object:
    """Return what may be seen of a secret; nothing else but JSON belongs into a report."""
    if isinstance(value, Secret):
        return value.shown
    if isinstance(value, Mapping):
        return dict(value)
    message = f"{type(value).__name__} is no JSON"
    raise TypeError(message)
