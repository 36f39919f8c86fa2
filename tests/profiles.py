"""
Hypothesis profiles beyond the one that every run has.

    pytest -p tests.profiles --hypothesis-profile thorough -n 0 tests/test_properties.py
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "thorough", max_examples=20_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
