"""
A JSON report read back as a report, for the other formats and for the exit code. Pure.

It has what JSON has: the remarks that only a run knows, such as why Azure refuses one leaf, are lost on the way.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import ErrorInfo
from reconciler.kinds.live import Health, Live, Replication
from reconciler.model.about import About
from reconciler.model.change import (
    Action,
    Cause,
    Change,
    FieldChange,
    Finding,
    LatestMove,
    Modified,
    Op,
    Plan,
    Reason,
    Signing,
    Sync,
    Version,
)
from reconciler.model.desired import Desired
from reconciler.model.impact import Followers, Impact, Pinned
from reconciler.model.live import Unmanaged
from reconciler.model.outcome import Held, Outcome, Report, Result
from reconciler.problems import Problem, Source
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.kinds.registry import Registry
    from reconciler.kinds.summary import Shown
    from reconciler.values import FieldPath, JsonObject

_STATES: Final = {Health.DEGRADED: "Failed", Health.PROGRESSING: "Updating"}


def report_of(document: JsonObject, registry: Registry) -> Report:
    """
    Return the report that a JSON report, valid by its schema, was made of.

    Raises:
        UnknownKindError: It is about a kind that has no schema here.
    """
    summary, resources = document["summary"], document["resources"]
    declared = [each for each in resources if each["source"] is not None]
    changes = [_change(each, registry.of(each["kind"])) for each in declared]
    unmanaged = tuple(_unmanaged(each, registry.of(each["kind"])) for each in resources if each["source"] is None)
    outcomes = {
        change.desired.key: Outcome(change, Result(each["outcome"]), _error(each["error"]))
        for change, each in zip(changes, declared, strict=True)
        if each["outcome"] is not None
    }
    moves = {_move(each): each.get("impact") for each in document["latest"]}
    return Report(
        document["command"],
        datetime.fromisoformat(document["startedAt"]),
        datetime.fromisoformat(document["finishedAt"]),
        Plan(_with_ignored(changes, summary["ignored"]), unmanaged, tuple(moves)),
        outcomes,
        tuple(map(problem_of, document["errors"])),
        tuple(map(problem_of, document["warnings"])),
        requests=summary["requests"],
        puts=summary["puts"],
        checked=len(outcomes) if outcomes and document["command"] == "plan" else None,
        about=About(*(document[name] for name in ("environment", "project", "cloud", "endpoint", "commit", "shard"))),
        held=_held(document.get("held")),
        impact=_impact(moves, declared),
    )


def problem_of(found: JsonObject) -> Problem:
    """Return a problem of a JSON report."""
    return Problem(**found)


def _with_ignored(changes: Sequence[Change], number: int) -> tuple[Change, ...]:
    """Return changes whose ignored differences are *number* together: JSON does not say of which resource they are."""
    return (replace(changes[0], ignored=number), *changes[1:]) if changes else ()


def _change(found: JsonObject, kind: Kind) -> Change:
    modified, version = found.get("modified"), found.get("apiVersion")
    return Change(
        _desired(found, kind),
        Action(found["action"]),
        Reason(found["reason"]),
        Sync(found["sync"]),
        Health(found["health"]),
        tuple(map(_field, found["changes"])),
        error=_error(found["error"]) if found["outcome"] is None else None,
        fix=found["fix"],
        cause=_cause(found),
        modified=Modified(modified["by"], modified["byType"], modified["at"]) if modified else None,
        signatures=tuple(Signing(each["path"], each["host"], each["source"]) for each in found.get("signatures", ())),
        replication=_replication(found["replication"]),
        owner=found.get("owner"),
        version=Version(version) if version else None,
    )


def _desired(found: JsonObject, kind: Kind) -> Desired:
    source, error = Source(**found["source"]), found["error"]
    return Desired(
        kind,
        found["name"],
        found["id"],
        found["id"].lower(),
        None,
        {},
        _body(found.get("declared", {}), kind.summary),
        {},
        source,
        _at((error["line"] if error else None) or source.line),
        "",
    )


def _at(line: int) -> Callable[[FieldPath], tuple[int, int]]:
    return lambda _: (line, 1)


def _body(declared: JsonObject, summary: Sequence[Shown]) -> JsonObject:
    """Return a body whose summary has the values that a report has of it."""
    body: dict[str, Any] = {}
    for shown in summary:
        value = declared.get(".".join(shown.path))
        if value is None:
            continue
        is_keyed = bool(shown.name) and isinstance(value, list)
        _put(body, shown.path, [_element(each, shown) for each in value] if is_keyed else value)
    return body


def _element(found: Any, shown: Shown) -> dict[str, Any]:
    element: dict[str, Any] = {}
    known = found if isinstance(found, dict) else {}
    for label, path in (("name", shown.name), *shown.parts):
        if label in known:
            _put(element, path, known[label])
    return element


def _put(body: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *parents, last = path
    for step in parents:
        body = body.setdefault(step, {})
    body[last] = value


def _field(found: JsonObject) -> FieldChange:
    return FieldChange(
        (),
        found["path"],
        Finding(found["finding"]),
        Op(found["op"]),
        found.get("observed", MISSING),
        found.get("desired", MISSING),
        line=found["line"],
        cause=_cause(found),
    )


def _cause(found: JsonObject) -> Cause | None:
    return Cause(found["cause"]) if "cause" in found else None


def _error(found: JsonObject | None) -> ErrorInfo | None:
    if found is None:
        return None
    names = ("code", "message", "status", "fix", "path")
    return ErrorInfo(request_id=found["requestId"], **{name: found[name] for name in names})


def _replication(found: JsonObject | None) -> Replication | None:
    return Replication(found["state"], tuple(found["regions"].items())) if found is not None else None


def _unmanaged(found: JsonObject, kind: Kind) -> Unmanaged:
    state = _STATES.get(Health(found["health"]), "Succeeded")
    live = Live({"properties": {"provisioningState": state}}, _replication(found["replication"]))
    return Unmanaged(kind, found["name"], found["id"], live, found.get("owner"), found.get("apiVersion"))


def _move(found: JsonObject) -> LatestMove:
    return LatestMove(found["parent"], found["region"], found["before"], found["after"])


def _held(found: JsonObject | None) -> Held | None:
    if found is None:
        return None
    until = found["until"]
    return Held(found["by"], found["holder"], datetime.fromisoformat(until) if until else None)


def _impact(moves: Mapping[LatestMove, Any], declared: Sequence[JsonObject]) -> Impact | None:
    """Return who is affected; None for a run that did not ask."""
    retired = {each["id"].lower(): each["impact"] for each in declared if "impact" in each}
    if not retired and all(each is None for each in moves.values()):
        return None
    return Impact(
        {move: _followers(each) for move, each in moves.items()}, {key: _pinned(each) for key, each in retired.items()}
    )


def _followers(found: Any) -> Followers | None:
    if not isinstance(found, dict):
        return None
    return Followers(found["machines"], found["scaleSets"], found["automatic"], found["pinned"])


def _pinned(found: Any) -> Pinned | None:
    return Pinned(found["machines"], found["scaleSets"]) if isinstance(found, dict) else None
