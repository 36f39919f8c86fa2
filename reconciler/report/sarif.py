"""
The report for code scanning: SARIF 2.1.0, one run, one result for each remark that has a place.

Section numbers are those of the standard (docs.oasis-open.org/sarif/sarif/v2.1.0). Code scanning refuses a result
without a file, so a resource that no manifest declares is a notification of the run.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from reconciler.report.json import written
from reconciler.report.remarks import remarks
from reconciler.report.words import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.report.remarks import Remark
    from reconciler.report.resource_view import Resource
    from reconciler.report.view import View

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT: Final = "%SRCROOT%"
_LINK: Final = re.compile(r"\]\(")
_PLACEHOLDER: Final = re.compile(r"\{(?=\d)")

_ENDINGS: Final[Mapping[str, str]] = {
    "created": "was created",
    "updated": "was updated",
    "in-sync": "was in sync when its turn came",
    "failed": "could not be written: the PUT, or the operation that it started, failed",
    "skipped": "was skipped: a resource that it depends on, or of an earlier wave, failed",
    "refused": "has changed since the saved plan was made",
    "still-running": "has an operation that continues in Azure",
    "not-started": "was not written: the run ended before its turn",
    "unverified": "has a write-only value that is not recorded",
    "out-of-sync": "differs, and was left unchanged",
}
"""The ends of the sentences for rules that are named for the end of an apply."""

_HELP: Final[Mapping[str, str]] = {
    "immutable-field": "Restore the live value in the manifest, or publish under a new name or version.",
    "removal-refused": "Set the property that allows the removal, or declare the element again.",
    "cannot-unset": "Delete the null from the manifest, or declare a value.",
    "latest-lost": "Declare a version there that is not excluded from latest, or pass --allow-latest-lost.",
    "parent-missing": "Declare the parent in a manifest, or select it too.",
    "group-missing": "Create the resource group; the reconciler creates none.",
    "owned-elsewhere": "Remove the other project's tag from the resource, or pass --take-over.",
    "did-not-stick": "Find the other writer, or change the manifest to what Azure keeps.",
    "read-failed": "Read the answer of Azure in the result; grant the missing permission, or run again.",
    "operation-running": "An apply waits for the operation and decides again.",
    "paused": "Remove the annotation, so that the resource is written again.",
}
"""The fix in general; each result has its own."""


def render(view: View, *, base: str = "", **_: object) -> str:
    """Return *view* as SARIF in ASCII."""
    return written(as_sarif(view, base))


def as_sarif(view: View, base: str) -> dict[str, Any]:
    """Return *view* as plain values, in the order in which they are written."""
    found = remarks(view, base)
    rules = sorted({_rule_id(remark.rule) for remark in found})
    driver = {"name": "reconciler", "version": view.reconciler_version, "rules": [_rule(rule) for rule in rules]}
    run = {
        "tool": {"driver": driver},
        "invocations": [
            {
                "executionSuccessful": view.words.code != 1,
                "startTimeUtc": view.started_at,
                "endTimeUtc": view.finished_at,
                "toolExecutionNotifications": [
                    {"level": "note", "message": _message(text)} for text in _notifications(view)
                ],
            }
        ],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(remark, rules) for remark in found],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _notifications(view: View) -> Iterable[str]:
    return (view.words.verdict, *map(_unmanaged, view.unmanaged))


def _unmanaged(resource: Resource) -> str:
    return f"{resource.kind} {resource.name}: {resource.words.why} ({resource.id})"


def _rule(rule: str) -> dict[str, Any]:
    fix = _HELP.get(rule, "The result names the fix.")
    return {
        "id": rule,
        "shortDescription": {"text": _said_by(rule)},
        "help": {"text": f"{fix} docs/report.md lists all actions, reasons and outcomes."},
    }


def _said_by(rule: str) -> str:
    if rule in _ENDINGS:
        return f"The resource {_ENDINGS[rule]}."
    if words := reason_of(rule):
        return f"The resource: {words}."
    return f"A manifest or the project file has a problem: {rule}."


def _result(remark: Remark, rules: Sequence[str]) -> dict[str, Any]:
    rule = _rule_id(remark.rule)
    identity = f"{rule}\0{remark.file}\0{remark.subject}".encode(errors="surrogatepass")
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": remark.level,
        "message": _message(f"{remark.title}: {remark.text}"),
        "locations": [{"physicalLocation": _location(remark)}],
        "partialFingerprints": {"reconcilerSubject/v1": sha256(identity).hexdigest()},
    }


def _rule_id(rule: str) -> str:
    return _plain(rule) or "unnamed"


def _location(remark: Remark) -> dict[str, Any]:
    region = {"startLine": remark.line, "startColumn": remark.column} if remark.line else {}
    stated = {key: value for key, value in region.items() if value}
    return {"artifactLocation": _artifact(remark.file), **({"region": stated} if stated else {})}


def _artifact(file: str) -> dict[str, str]:
    uri = quote(file, errors="surrogatepass")
    return {"uri": f"file://{uri}"} if file.startswith("/") else {"uri": uri, "uriBaseId": _ROOT}


def _message(text: str) -> dict[str, str]:
    return {"text": "\n".join(map(_plain, text.split("\n")))}


def _plain(text: str) -> str:
    r"""Return one line in which no reader of messages finds a link (3.11.6) or a placeholder (3.11.5)."""
    return _PLACEHOLDER.sub(r"\\x7b", _LINK.sub(r"]\\x28", text))
