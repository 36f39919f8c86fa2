"""
Output for a CI runner beside a report in its format: a summary, and values for later steps.

Formats are imported where they are needed: most runs have no runner to hand anything to.
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
"""Bytes; in less, not even the table's head and the notes about what is left out have a place."""


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
    Return what goes to the runner for which the report on standard output is; nothing elsewhere.

    Args:
        report: Of one pass.
        output: The format of standard output.
        code: With which the command exits.
        ci: The facts of the job.
    """
    if output == "github":
        return _to_github(report, code, ci)
    if output == "azure-devops":
        return _to_azure_devops(report, code, ci)
    return Handover()


def folder_in_repository(ci: Ci) -> str:
    """Return the working folder from the root of what CI checked out; empty if that is not known, or is the root."""
    try:
        workspace = ci.workspace
        root, here = filesystem.real(workspace) if workspace else None, filesystem.real(".")
    except PathError:  # the working folder was deleted, say: then a report names files as they were named to it
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
