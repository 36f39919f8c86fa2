"""
The outputs of a run for later steps of a pipeline, under the names of the JSON report's summary. Pure.

Only ``drift`` counts otherwise: only resources that are known to have drifted, so that the first plan of a manifest
has none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reconciler.plan.states import is_known_drift, items
from reconciler.report.bounds import Bounds
from reconciler.report.build import view_of
from reconciler.report.json import plain

if TYPE_CHECKING:
    from reconciler.model.outcome import Report


def outputs(report: Report, code: int) -> dict[str, str]:
    """
    Return every output as one line of text.

    Args:
        report: Of one pass.
        code: With which the command exits.
    """
    view = view_of(report, Bounds(resources=0))
    drift = sum(is_known_drift(item.change, report.command) for item in items(report))
    counts = {name: value for name, value in plain(view.summary).items() if isinstance(value, int)} | {"drift": drift}
    return {
        "hasChanges": json.dumps(view.summary.puts > 0),
        "hasDrift": json.dumps(drift > 0),
        "exitCode": str(code),
        "verdict": view.words.verdict,
        "counts": json.dumps(counts),
        **{name: str(value) for name, value in counts.items()},
    }
