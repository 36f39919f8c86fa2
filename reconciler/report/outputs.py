"""
The outputs of a run for later steps of a pipeline, under the names of the JSON report's summary. Pure.

``drift`` alone counts otherwise: only what is known to be drift, so that the first plan of a manifest is none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reconciler.plan.states import is_known_drift, items
from reconciler.plan.summary import summarize
from reconciler.report.escape import masked
from reconciler.report.verdict import verdict

if TYPE_CHECKING:
    from reconciler.model.outcome import Report


def outputs(report: Report, code: int) -> dict[str, str]:
    """
    Return every output as one line of text.

    Args:
        report: Of one pass.
        code: With which the command exits.
    """
    summary = summarize(report)
    drift = sum(is_known_drift(item.change, report.command) for item in items(report))
    counts = {name: value for name, value in summary.as_json().items() if isinstance(value, int)} | {"drift": drift}
    return {
        "hasChanges": json.dumps(summary.puts > 0),
        "hasDrift": json.dumps(drift > 0),
        "exitCode": str(code),
        "verdict": masked(verdict(report)),
        "counts": json.dumps(counts),
        **{name: str(value) for name, value in counts.items()},
    }
