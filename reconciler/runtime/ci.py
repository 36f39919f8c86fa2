"""
Builds the output for a CI runner besides a report in its format: a summary, and values for later steps.

Formats are imported when needed: most runs have no runner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler import filesystem
from reconciler.errors import PathError

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.model.outcome import Report
    from reconciler.settings import Ci

_ROOM_FOR_NOTHING: Final = 4096
"""Bytes; less has no room for the head of the table and the notes about omitted parts."""


@dataclass(frozen=True, slots=True)
class Handover:
    """
    The output for the runner.

    Attributes:
        text: For standard output, after the report.
        files: To write whole.
        appended: To add to the runner's own files.
    """

    text: str = ""
    files: tuple[tuple[Path, str], ...] = ()
    appended: tuple[tuple[Path, str], ...] = ()


def handover(report: Report, output: str, code: int, ci: Ci) -> Handover:
    """
    Return the output for the runner whose format standard output has; empty for other formats.

    Args:
        report: The result.
        output: The format of standard output.
        code: The exit code of the command.
        ci: The facts of the job.
    """
    if output == "github":
        return _to_github(report, code, ci)
    if output == "azure-devops":
        return _to_azure_devops(report, code, ci)
    return Handover()


def folder_in_repository(ci: Ci) -> str:
    """Return the working folder from the root of the checkout in CI; empty if that root is unknown, or the same."""
    try:
        workspace = ci.workspace
        root, here = filesystem.real(workspace) if workspace else None, filesystem.real(".")
    except PathError:  # such as a deleted working folder: a report then names files as the command line does
        return ""
    if root is None or not here.is_relative_to(root):
        return ""
    return here.relative_to(root).as_posix().removeprefix(".")


def _to_github(report: Report, code: int, ci: Ci) -> Handover:
    from secrets import token_hex  # noqa: PLC0415

    from reconciler.report import github, render  # noqa: PLC0415
    from reconciler.report.outputs import outputs  # noqa: PLC0415

    summary, chosen = ci.step_summary, ci.step_outputs
    appended: list[tuple[Path, str]] = []
    if summary is not None:
        room = github.SUMMARY_LIMIT - filesystem.size(summary)
        if room >= _ROOM_FOR_NOTHING:
            appended.append((summary, render(report, "markdown", limit=room)))
    if chosen is not None:
        appended.append((chosen, github.assignments(outputs(report, code), f"end_{token_hex(16)}")))
    return Handover(appended=tuple(appended))


def _to_azure_devops(report: Report, code: int, ci: Ci) -> Handover:
    from secrets import token_hex  # noqa: PLC0415

    from reconciler.report import azure_devops, render  # noqa: PLC0415
    from reconciler.report.outputs import outputs  # noqa: PLC0415

    folder = ci.agent_folder
    if folder is None:
        return Handover()
    summary = folder / f"reconciler-{token_hex(8)}.md"
    text = f"{azure_devops.upload(str(summary))}{azure_devops.variables(outputs(report, code))}"
    return Handover(text, files=((summary, render(report, "markdown")),))
