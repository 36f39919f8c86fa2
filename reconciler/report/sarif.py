"""
The report for code scanning: SARIF 2.1.0, one run, one result for each place that there is something to say of.

Section numbers are those of the standard (docs.oasis-open.org/sarif/sarif/v2.1.0). Code scanning refuses a result
without a file, so what no manifest states is a notification of the run.
"""

from __future__ import annotations

import json
import re
from datetime import UTC
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from reconciler import __version__
from reconciler.model.change import Reason
from reconciler.plan.exit_codes import ExitCode, of_report
from reconciler.report.escape import inert_json, visible
from reconciler.report.remarks import remarks
from reconciler.report.verdict import verdict
from reconciler.report.words import REASONS, stray_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from reconciler.model.live import Unmanaged
    from reconciler.model.outcome import Report
    from reconciler.report.remarks import Remark

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT: Final = "%SRCROOT%"
_LINK: Final = re.compile(r"\]\(")
_PLACEHOLDER: Final = re.compile(r"\{(?=\d)")

_ENDINGS: Final[Mapping[str, str]] = {
    "created": "was created",
    "updated": "was updated",
    "in-sync": "was in sync by the time of its turn",
    "failed": "the PUT, or the operation that it started, failed",
    "skipped": "what it depends on, or an earlier wave, failed",
    "refused": "moved since the plan that was to be applied",
    "still-running": "its operation had not ended when the run did",
    "not-started": "its turn did not come",
    "unverified": "what cannot be read back is not recorded",
    "out-of-sync": "differs, and was left alone",
}
"""What is said by a rule that is the name of how an apply ended."""

_REASONS: Final = {str(reason): words for reason, words in REASONS.items()}

_HELP: Final[Mapping[str, str]] = {
    Reason.IMMUTABLE_FIELD: "Restore the live value in the manifest, or publish under a new name or version.",
    Reason.REMOVAL_REFUSED: "Set the property that allows the removal, or state the element again.",
    Reason.CANNOT_UNSET: "Delete the null from the manifest, or state a value.",
    Reason.PARENT_MISSING: "State the parent in a manifest, or select it too.",
    Reason.GROUP_MISSING: "Create the resource group; the reconciler creates none.",
    Reason.OWNED_ELSEWHERE: "Let the other project go of the resource, or take it over with --take-over.",
    Reason.DID_NOT_STICK: "Find the other writer, or change the manifest to what Azure keeps.",
    Reason.READ_FAILED: "The error of the result says what Azure answered; grant what is missing, or run again.",
    Reason.OPERATION_RUNNING: "An apply waits for the operation and decides again.",
    Reason.PAUSED: "Take the annotation away to have the resource written again.",
}
"""The way out in general; each result has its own beside it."""


def render(report: Report, *, base: str = "", **_: object) -> str:
    """Return *report* as SARIF in ASCII."""
    return inert_json(json.dumps(as_sarif(report, base), indent=2)) + "\n"


def as_sarif(report: Report, base: str) -> dict[str, Any]:
    """Return *report* as plain values, in the order in which they are written."""
    found = remarks(report, base)
    rules = sorted({_rule_id(remark.rule) for remark in found})
    run = {
        "tool": {"driver": {"name": "reconciler", "version": __version__, "rules": [_rule(rule) for rule in rules]}},
        "invocations": [
            {
                "executionSuccessful": of_report(report) is not ExitCode.FAILURE,
                "startTimeUtc": _instant(report.started_at),
                "endTimeUtc": _instant(report.finished_at),
                "toolExecutionNotifications": [
                    {"level": "note", "message": _message(text)} for text in _notifications(report)
                ],
            }
        ],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(remark, rules) for remark in found],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _notifications(report: Report) -> Iterable[str]:
    return (verdict(report), *map(_stray, report.plan.unmanaged))


def _stray(unmanaged: Unmanaged) -> str:
    return f"{unmanaged.kind.name} {unmanaged.name}: {stray_of(unmanaged)} ({unmanaged.id})"


def _rule(rule: str) -> dict[str, Any]:
    way_out = _HELP.get(rule, "The result says what to do about it.")
    return {
        "id": rule,
        "shortDescription": {"text": _said_by(rule)},
        "help": {"text": f"{way_out} docs/report.md tells of all actions, reasons and outcomes."},
    }


def _said_by(rule: str) -> str:
    if rule in _ENDINGS:
        return f"The resource {_ENDINGS[rule]}."
    if rule in _REASONS:
        return f"The resource: {_REASONS[rule]}."
    return f"A manifest or the project file has a problem: {rule}."


def _result(remark: Remark, rules: Sequence[str]) -> dict[str, Any]:
    rule = _rule_id(remark.rule)
    identity = f"{rule}\0{remark.file}\0{remark.subject}".encode(errors="surrogatepass")
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": str(remark.level),
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
    return _PLACEHOLDER.sub(r"\\x7b", _LINK.sub(r"]\\x28", visible(text)))


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
