"""Lines on standard error: one an event, and nothing in them to hide or to obey."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from reconciler.runtime.logs import set_up

if TYPE_CHECKING:
    from collections.abc import Iterator

SAS = "https://packages.blob.core.windows.net/agent.zip?sv=2022&sig=CANARY"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJDQU5BUlkifQ.c2lnbmF0dXJl"
LOGGER = logging.getLogger("reconciler.azure")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the logger as it was."""
    logger = logging.getLogger("reconciler")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


def lines(capsys: pytest.CaptureFixture[str], style: str, *messages: str, level: str = "debug") -> list[str]:
    """Log messages; give the lines on standard error."""
    set_up(level, style)
    for message in messages:
        LOGGER.info("%s", message)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Level, name and message."""
    assert lines(capsys, "text", "GET /x 200") == ["INFO reconciler.azure: GET /x 200"]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same with a time, one object a line."""
    line = json.loads(lines(capsys, "json", "GET /x 200")[0])
    assert line.pop("time")[:2] == "20"
    assert line == {"level": "info", "logger": "reconciler.azure", "message": "GET /x 200"}


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    """What is below the level is not written; setting up twice does not write twice."""
    assert lines(capsys, "text", "x", level="warning") == []
    assert len(lines(capsys, "text", "x", level="info")) == 1
    assert logging.getLogger("reconciler").propagate is False


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize(
    "secret", [SAS, f"authorization: Bearer {JWT}", f"assertion {JWT}", "sig=CANARY", "%26sig%3DCANARY"]
)
def test_no_secret(capsys: pytest.CaptureFixture[str], style: str, secret: str) -> None:
    """Signatures and tokens are hidden in the log records of every logger."""
    text = "".join(lines(capsys, style, f"cannot read {secret} now"))
    assert "CANARY" not in text
    assert JWT not in text
    assert "cannot read" in text


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize(
    "message",
    [
        "a\nERROR forged",
        "a\r##[error]forged",
        "a ::error::forged",
        "##vso[task.setvariable]x",
        "a\x1b[31mred",
        "a\u202eb",
    ],
)
def test_nothing_to_obey(capsys: pytest.CaptureFixture[str], style: str, message: str) -> None:
    """One event is one line, without a command for a CI service or a terminal."""
    set_up("debug", style)
    LOGGER.info("%s", message)
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert text.removesuffix("\n").isprintable()
    assert "::" not in text
    assert "##" not in text
    if style == "json":
        json.loads(text)
