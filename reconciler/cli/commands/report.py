"""``report merge``: puts the reports of all shards together. Reads files only."""

from __future__ import annotations

import click

from reconciler import filesystem
from reconciler.cli import completion, options
from reconciler.cli.complaint import complain
from reconciler.cli.delivery import finish
from reconciler.cli.options import Given, option
from reconciler.errors import PathError, ReportFileError, UnknownKindError, UsageError
from reconciler.kinds.packaged import packaged
from reconciler.plan.exit_codes import ExitCode
from reconciler.report import render_merged
from reconciler.report.merge import MOST_BYTES, merged, part_of
from reconciler.report.reread import report_of


@options.command("report")
@click.argument("action", type=click.Choice(["merge"]), metavar="merge")
@click.argument("files", nargs=-1, required=True, type=str, metavar="FILE...", shell_complete=completion.files)
@option("--detailed-exitcode", is_flag=True, help="Exit as the commands with this option do.")
@options.json_output
def command(given: Given, action: str, files: tuple[str, ...], *, detailed_exitcode: bool) -> int:  # noqa: ARG001 (the only one)
    """Merge the reports of all shards of an estate into the report of one run. Sends nothing."""
    registry = packaged()
    try:
        document = merged([part_of(file, _content(file), registry) for file in files], registry)
        report = report_of(document, registry)
    except ReportFileError as error:
        return complain(f"not-merged: {error}", ExitCode.FAILURE, (f"fix: {error.fix}",))
    except UnknownKindError as error:
        fix = "merge them with the version of the reconciler that wrote them"
        return complain(f"not-merged: {error}", ExitCode.FAILURE, (f"fix: {fix}",))
    return finish(report, given, detailed_exitcode=detailed_exitcode, as_json=render_merged(document))


def _content(file: str) -> bytes:
    """
    Return the bytes of a file.

    Raises:
        UsageError: There is none.
    """
    try:
        return filesystem.read(file, MOST_BYTES, pipes=True)
    except PathError as error:
        raise UsageError(str(error)) from None
