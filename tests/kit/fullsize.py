"""Ten thousand PUTs instead of a thousand: ``make scale``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that tests/pipeline/test_scale.py asks for."""
    parser.addoption("--applications", type=int, default=400, help="applications of the estate that is written")
