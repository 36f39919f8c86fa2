"""What the steps that follow in a pipeline are told of a run, under the names of the JSON report's summary. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reconciler.report.escape import masked
from reconciler.report.summary import summarize, verdict

if TYPE_CHECKING:
    from reconciler.model import Report


def outputs(report: Report, code: int) -> dict[str, str]:
    """
    Give every output as one line of text.

    Args:
        report: Of one pass.
        code: With which the command exits.
    """
    summary = summarize(report)
    counts = {name: value for name, value in summary.as_json().items() if isinstance(value, int)}
    return {
        "hasChanges": json.dumps(summary.puts > 0),
        "hasDrift": json.dumps(summary.drift > 0),
        "exitCode": str(code),
        "verdict": masked(verdict(report)),
        "counts": json.dumps(counts),
        **{name: str(value) for name, value in counts.items()},
    }
