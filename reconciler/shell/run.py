"""What one command was given, and what can be done with it without asking Azure."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import ManifestError
from reconciler.estate import failed_report, read_estate
from reconciler.model import Report

if TYPE_CHECKING:
    from reconciler.clock import Clock
    from reconciler.estate import Estate, Options
    from reconciler.settings import Connection, Environment


@dataclass(frozen=True, slots=True)
class Run:
    """
    Everything that one command was given.

    Attributes:
        poll_interval_s: Between two looks at an operation.
        timeout_s: For one operation.
        stdin: What standard input held, where a path names it: read once, before anything waits for it.
        out: Where a plan is saved.
        plan_file: The plan to apply.
    """

    command: str
    options: Options
    connection: Connection
    environment: Environment
    clock: Clock
    poll_interval_s: float = 15.0
    timeout_s: float = 3600.0
    stdin: bytes = b""
    out: Path | None = None
    plan_file: Path | None = None

    def estate(self) -> Estate:
        """Read the manifests."""
        return read_estate(self.options, self.clock.now(), io.BytesIO(self.stdin).read)

    def commit(self) -> str | None:
        """Give the commit of the manifests, for the tags of a PUT."""
        from reconciler.shell import git  # noqa: PLC0415 (only a run that writes asks git)

        first = next((Path(path) for path in self.options.paths if path != "-"), Path())
        return self.environment.commit() or git.head_commit(first if first.is_dir() else first.parent)


def validate(run: Run) -> Report:
    """Validate the manifests; nothing is read from Azure."""
    started = run.clock.now()
    try:
        estate = run.estate()
    except ManifestError as error:
        return failed_report(run.command, started, run.clock, error)
    finished = run.clock.now()
    return Report(run.command, started, finished, warnings=estate.warnings, manifests=len(estate.desired))
