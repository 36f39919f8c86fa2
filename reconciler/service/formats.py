"""
Notices as the bodies of requests: CloudEvents, Slack's blocks, adaptive cards of Teams. Pure.

Texts of manifests and of Azure go into parts in which no markup is read, so that no name mentions a channel or hides a
link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from reconciler.service.conditions import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reconciler.service.notices import Notice

_SOURCE: Final = "/reconciler"
_TITLES: Final = {
    Event.DRIFT_BEGAN: "Drift",
    Event.DRIFT_ENDED: "Drift ended",
    Event.BLOCKED: "Blocked",
    Event.FAILED: "Failed",
    Event.APPLIED: "Applied",
    Event.ROLLOUT_WAITING: "Rollout waits",
    Event.ROLLOUT_FAILED: "Rollout failed",
    Event.SOURCE_REJECTED: "Commit rejected",
    Event.STALLED: "The loop has stalled",
}
_SHOWN_PATHS: Final = 10
_HEADER: Final = 150
"""Characters of a header block ("Reference: blocks", docs.slack.dev); a section takes 3,000."""
_SECTION: Final = 3000


def _cloudevent(notice: Notice) -> bytes:
    """Return a CloudEvent 1.0 in structured mode."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": notice.id,
        "source": _SOURCE,
        "type": f"dev.reconciler.{notice.event}",
        "time": notice.at,
        "datacontenttype": "application/json",
    }
    if notice.resource is not None:
        attributes["subject"] = notice.resource
    data = {"severity": notice.severity, "kind": notice.kind, "name": notice.name, "paths": [*notice.paths]}
    more = {
        "cause": notice.cause,
        "who": notice.who,
        "how": notice.how,
        "message": notice.message or None,
        "fix": notice.fix,
    }
    data.update({name: value for name, value in more.items() if value is not None})
    return JSONFormat().write(CloudEvent(attributes, data))


def _slack(notice: Notice) -> bytes:
    """Return a message of blocks for an incoming webhook."""
    title, lines = title_of(notice), [*_lines(notice)]
    blocks = [{"type": "header", "text": _plain(title[:_HEADER])}]
    blocks += [{"type": "section", "text": _plain(line[:_SECTION])} for line in lines]
    fallback = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return orjson.dumps({"text": fallback, "blocks": blocks})


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _teams(notice: Notice) -> bytes:
    """Return a message with an adaptive card; its runs of text take no Markdown, as its text blocks would."""
    body = [_run(title_of(notice), size="Large", weight="Bolder"), *map(_run, _lines(notice))]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return orjson.dumps({"type": "message", "attachments": [attachment]})


def _run(text: str, **look: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **look}]}


def title_of(notice: Notice) -> str:
    """Return a notice in one line."""
    about = f": {notice.kind} {notice.name}" if notice.name is not None else ""
    return f"{_TITLES[notice.event]}{about}{f' ({notice.severity})' if notice.severity else ''}"


def _lines(notice: Notice) -> Iterator[str]:
    """Yield the other lines of a notice."""
    if notice.message:
        yield notice.message
    if notice.fix:
        yield f"fix: {notice.fix}"
    paths = [path or "the resource as a whole" for path in notice.paths]
    if paths:
        more = f"\nand {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
        yield "\n".join(paths[:_SHOWN_PATHS]) + more
    about = (("cause", notice.cause), ("last modified by", notice.who), ("ended", notice.how))
    if known := [f"{label}: {value}" for label, value in about if value]:
        yield ", ".join(known)
    if notice.resource:
        yield notice.resource


FORMATS: Final[Mapping[str, Callable[[Notice], bytes]]] = {
    "cloudevents": _cloudevent,
    "slack": _slack,
    "teams": _teams,
}
CONTENT_TYPES: Final = {
    "cloudevents": JSONFormat.CONTENT_TYPE,
    "slack": "application/json",
    "teams": "application/json",
}
