"""Sets up the log on standard error. Secrets are hidden in every line."""

from __future__ import annotations

import logging
from typing import Final

from reconciler.report.escape import inert, inert_json, masked, visible
from reconciler.runtime.streams import log_stream
from reconciler.secret.text import scrub

PROGRESS: Final = "reconciler.progress"
"""The logger of an apply's progress, which writes at every level except error."""


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return inert(masked(visible(scrub(super().format(record)))))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        import orjson  # noqa: PLC0415

        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(visible(scrub(record.getMessage()))),
        }
        return inert_json(orjson.dumps(line).decode())


def set_up(level: str, style: str) -> None:
    """
    Send the reconciler's log to standard error, and the progress of an apply too unless the level is error.

    Args:
        level: The name of a level of ``logging``.
        style: ``text`` or ``json``.
    """
    handler = logging.StreamHandler(log_stream())
    handler.setFormatter(_Json() if style == "json" else _Text("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("reconciler")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
    lines = logging.StreamHandler(log_stream())
    lines.setFormatter(_Json() if style == "json" else _Text("%(message)s"))
    progress = logging.getLogger(PROGRESS)
    progress.handlers = [lines]
    progress.setLevel(logging.INFO if logger.level <= logging.WARNING else logger.level)
    progress.propagate = False
