"""What a call costs before it does anything, by instructions: the count hardly depends on the machine."""

from __future__ import annotations

import shutil
import sys

import pytest

from benchmarks.ratios import instructions

RECORDED = 2.35
"""``--help`` against bare Python."""


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("valgrind") is None,
    reason="valgrind is no Python package; imports are held on every machine by tests/cli/test_exit_codes.py",
)
def test_help_costs_what_it_did() -> None:
    """At most 1.15 times the recorded ratio: an import at the wrong place costs more."""
    bare = instructions([sys.executable, "-c", "pass"])
    helped = instructions([sys.executable, "-m", "reconciler", "--help"])
    assert bare is not None
    assert helped is not None
    assert helped / bare <= 1.15 * RECORDED
