"""
Hypothesis profiles beyond the one that every run has: ``make properties``.

A property of tests/pipeline/test_properties.py runs for each of four kinds with 60 % of a profile's examples: ``ci``
comes to 500 examples of each property, the same ones for the same code, and ``thorough`` to 20,000 new ones.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

for name, examples in {"ci": 210, "thorough": 8_400}.items():
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        print_blob=True,
        derandomize=name == "ci",
        suppress_health_check=[HealthCheck.too_slow],
    )
