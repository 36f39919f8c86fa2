"""Writes the report of a command to standard output, to files and to CI, and returns the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from reconciler.cli.complaint import complain
from reconciler.cli.terminal import columns
from reconciler.errors import OutputError
from reconciler.plan.exit_codes import ExitCode, of_report
from reconciler.report import render, render_pieces
from reconciler.runtime import streams
from reconciler.runtime.ci import folder_in_repository, handover
from reconciler.runtime.output import deliver, write_stdout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.cli.options import Given
    from reconciler.model.outcome import Report
    from reconciler.runtime.ci import Handover


def finish(
    report: Report,
    given: Given,
    signalled: int | None = None,
    *,
    detailed_exitcode: bool = False,
    may_write: bool = False,
    as_json: str | None = None,
) -> int:
    """
    Write the report in every form that was requested, and return the exit code.

    Args:
        report: The result.
        given: With the formats.
        signalled: The exit code of the signal that came, which wins over the report's.
        detailed_exitcode: Whether the exit code distinguishes changes.
        may_write: Whether the command may write, and exits as an apply does where it finds nothing to write too.
        as_json: The report as JSON, where there is more in it than in *report*.
    """
    code = signalled or of_report(report, detailed=detailed_exitcode, may_write=may_write)
    given_over = handover(report, given.output, code, given.process.ci)
    try:
        if as_json is None and given.output == "json":
            text: str | Iterable[str] = render_pieces(report, given_over.text)
        else:
            whole = as_json if as_json is not None and given.output == "json" else _rendered(report, given)
            text = f"{whole}{given_over.text}"
        _deliver(report, given, text, given_over, as_json)
    except OutputError as error:
        failed = complain(str(error), ExitCode.FAILURE)
        return signalled or failed
    return code


def emit_line(report: Report, given: Given) -> None:
    """Write one round of the loop; JSON as one line each, so that a reader can follow."""
    text = _rendered(report, given)
    if given.output == "json":
        text = orjson.dumps(orjson.loads(text)).decode() + "\n"
    _deliver(report, given, text)


def print_result(text: str, given: Given) -> None:
    """Write the result of a command without a report, in the format of standard output."""
    write_stdout(text, streams.form_of(given.output))


def wants_color(given: Given) -> bool:
    """Whether standard output is colored."""
    return streams.is_terminal() and not given.no_color and given.process.terminal.is_colored


def width(given: Given) -> int | None:
    """Return the columns of the terminal, or the value of COLUMNS; None where there is neither."""
    return columns(given.process.terminal.columns)


def _rendered(report: Report, given: Given) -> str:
    """Return the report for standard output."""
    return render(
        report, given.output, color=wants_color(given), width=width(given), base=_base(given), verbose=given.verbose
    )


def _deliver(
    report: Report,
    given: Given,
    text: str | Iterable[str],
    given_over: Handover | None = None,
    as_json: str | None = None,
) -> None:
    requested = (
        (Path(file), as_json if as_json and name == "json" else render(report, name, base=_base(given)))
        for name, file in given.report
    )
    files, appended = (given_over.files, given_over.appended) if given_over else ((), ())
    deliver(text, (*requested, *files), appended, form=streams.form_of(given.output))


def _base(given: Given) -> str:
    return folder_in_repository(given.process.ci)
