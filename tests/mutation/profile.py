"""The Hypothesis profile of the mutation check: few examples, and the same ones in every run."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutation",
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # one that fails is enough; the smallest is not needed
    suppress_health_check=[HealthCheck.too_slow],
)
