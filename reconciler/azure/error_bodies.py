"""
Reads the body of an error answer: code, message, nested details, inner errors, violated policies. Pure.

Compute nests ``details`` and ``innererror``, ARM adds ``additionalInfo`` ("Common deployment errors", "Troubleshoot
errors with using Azure Policy", learn.microsoft.com); gateways answer ``{"code", "message"}`` or
``{"Code", "Message"}`` without the ``error`` around them. Every text comes from outside: it is scrubbed, then bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import orjson

from reconciler.azure.policy_violations import Violation, violations
from reconciler.errors import ErrorInfo
from reconciler.plan import remedies
from reconciler.secret.text import scrub

_SHOWN_OF_A_WORD: Final = 200
_SHOWN_OF_A_LINE: Final = 2000
_SHOWN_CHARACTERS: Final = 6000
_READ_CHARACTERS: Final = 65_536
"""Of one text: far more than is shown, so that no secret is cut in two before it is scrubbed."""
_MOST_LINES: Final = 25
_MOST_NODES: Final = 200
_DEEPEST: Final = 12
_MOST_NAMES: Final = 20


@dataclass(slots=True)
class _Found:
    """The contents of all nodes of one error, in the order of the body."""

    lines: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    policies: list[Violation] = field(default_factory=list)


def error_info(body: Any, fallback: str, status: int | None = None, request_id: str | None = None) -> ErrorInfo:
    """
    Return the error that a body holds.

    Args:
        body: The parsed body of an answer, or of an operation that has ended; of any shape.
        fallback: The message where the body has none.
        status: The HTTP status; None for an operation.
        request_id: Of the answer.
    """
    error = _error_in(body)
    said = _text(error, "code") or ("" if status is None else f"Http{status}")
    code = said or "OperationFailed"
    own, inner = _split(_text(error, "message") or _text(error, "error_description") or fallback)
    found = _Found(lines=[own], codes=[code])
    _collect(error, found, (code, own), inner)
    violated = found.policies[0] if found.policies else None
    return ErrorInfo(
        code=_shown(code, _SHOWN_OF_A_WORD),
        message=_bounded(found.lines),
        status=status,
        request_id=request_id,
        fix=_shown(violated.fix, _SHOWN_OF_A_LINE) if violated else remedies.by_code(found.codes),
        targets=_names(found),
        is_bare=not _is_enveloped(body),
    )


def _error_in(body: Any) -> Mapping[str, Any]:
    """Return the object that holds code and message; an empty one where the body has none."""
    if not isinstance(body, Mapping):
        return {}
    for name in ("error", "odata.error"):
        error = _get(body, name)
        if isinstance(error, Mapping):
            return error
        if isinstance(error, str) and error:  # the form of the sign-in service
            return {"code": error, "message": _text(body, "error_description")}
    if any(_text(body, name) for name in ("code", "message", "detail", "title")):
        return {
            **body,
            "code": _text(body, "code"),
            "message": _text(body, "message") or _text(body, "detail") or _text(body, "title"),
        }
    listed = _get(body, "errors")
    first = listed[0] if isinstance(listed, list) and listed else None
    if isinstance(first, Mapping):
        return {**first, "details": listed[1:]}
    return {}


def _is_enveloped(body: Any) -> bool:
    error = body.get("error") if isinstance(body, Mapping) else None
    return isinstance(error, Mapping) and isinstance(error.get("code"), str)


def _collect(node: Mapping[str, Any], found: _Found, above: tuple[str, str], inner: Any) -> None:
    """Add the target of *node*, and everything below it: details, inner errors, policies."""
    waiting: list[tuple[Mapping[str, Any], tuple[str, str], Any, int]] = [(node, above, inner, 0)]
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        here, own, quoted, depth = waiting.pop()
        target = _text(here, "target")
        if target:
            found.targets.append(target)
        if depth:
            line = _line(here, own, target)
            own = (_text(here, "code") or own[0], _split(_message(here))[0] or own[1])
            found.codes += [code] if (code := _text(here, "code")) else []
            found.lines += [line] if line and line not in found.lines else []
        found.policies += violations(_get(here, "additionalInfo"))
        found.lines += [each.line for each in violations(_get(here, "additionalInfo"))]
        if depth < _DEEPEST:
            below = [(each, own, _split(_message(each))[1], depth + 1) for each in _below(here, quoted)]
            waiting += reversed(below)


def _below(node: Mapping[str, Any], quoted: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the errors inside one; first those that its message quotes as JSON."""
    if quoted is not None:
        yield _error_in(quoted)
    details = _get(node, "details")
    details = [details] if isinstance(details, Mapping) else details
    if isinstance(details, list):
        yield from (each for each in details if isinstance(each, Mapping))
    for name in ("innererror", "internalexception"):
        inner = _get(node, name)
        if isinstance(inner, Mapping):
            yield inner


def _message(node: Mapping[str, Any]) -> str:
    return _text(node, "message") or _text(node, "errordetail")


def _line(node: Mapping[str, Any], above: tuple[str, str], target: str) -> str:
    """Return ``code: message (target)``, without missing parts; empty where *above* says the same."""
    code = _text(node, "code") or _text(node, "exceptiontype")
    message = _split(_message(node))[0]
    if code in {"", above[0]} and message in {"", above[1]} and not target:
        return ""
    text = f"{code}: {message}" if code and message else code or message
    return f"{text} ({target})" if target and text else text or target


def _split(message: str) -> tuple[str, Any]:
    """Return a message, and the JSON object that it quotes if there is one: ARM passes some errors on as text."""
    start = message.find("{")
    if start < 0 or not message.rstrip().endswith("}"):
        return message, None
    try:
        inner = orjson.loads(message[start:])
    except ValueError:
        return message, None
    if not isinstance(inner, dict) or not _error_in(inner):
        return message, None
    return message[:start].strip() or _text(_error_in(inner), "message") or message, inner


def _get(node: Mapping[str, Any], name: str) -> Any:
    """Return the value of a key, which is case-insensitive: gateways differ."""
    if name in node:
        return node[name]
    return next((value for key, value in node.items() if isinstance(key, str) and key.lower() == name.lower()), None)


def _text(node: Mapping[str, Any], name: str) -> str:
    value = _get(node, name)
    value = _get(value, "value") if isinstance(value, Mapping) else value  # OData's messages name a language
    return value.strip()[:_READ_CHARACTERS] if isinstance(value, str) else ""


def _names(found: _Found) -> tuple[str, ...]:
    """Return the properties that the error names, then those that its codes imply."""
    named = [*found.targets, *(path for policy in found.policies for path in policy.paths)]
    implied = [path for code in found.codes if (path := remedies.path_of(code))]
    unique = dict.fromkeys(_shown(name, _SHOWN_OF_A_WORD) for name in (*named, *implied))
    return tuple(islice(unique, _MOST_NAMES))


def _bounded(lines: Sequence[str]) -> str:
    """Return the lines in the room there is, each scrubbed as a whole before it is cut."""
    shown = [_shown(line, _SHOWN_OF_A_LINE) for line in lines[:_MOST_LINES]]
    while sum(map(len, shown)) > _SHOWN_CHARACTERS:
        shown.pop()
    left_out = len(lines) - len(shown)
    return "\n".join([*shown, *([f"{left_out} more not shown"] if left_out else [])])


def _shown(text: str, most: int) -> str:
    """Return a text on one line, scrubbed and bounded."""
    line = " ".join(scrub(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
