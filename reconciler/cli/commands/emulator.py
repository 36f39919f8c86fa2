"""``emulator``: serves the embedded ARM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.options import FilePath, Given, file_option, option
from reconciler.clock import SystemClock
from reconciler.emulator import create_app
from reconciler.emulator.server import serve
from reconciler.plan.exit_codes import of_signal
from reconciler.runtime.connect import emulator_settings
from reconciler.runtime.output import write_stdout

if TYPE_CHECKING:
    from pathlib import Path


@options.command("emulator")
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8010,
    show_default=True,
    metavar="N",
    help="Port on 127.0.0.1; 0 lets the system choose.",
)
@file_option("--state", help="State file (SQLite).  [default: .reconciler/emulator.sqlite]")
@file_option("--seed", help="Machines and scale sets that Resource Graph knows (JSON).")
@option("--tls-cert", type=FilePath(exists=True, dir_okay=False), metavar="FILE", help="Serve https with this PEM.")
@option(
    "--tls-key",
    type=FilePath(exists=True, dir_okay=False),
    metavar="FILE",
    help="Private key (PEM).  [default: in the file of --tls-cert]",
)
def command(
    given: Given, port: int, state: Path | None, seed: Path | None, tls_cert: Path | None, tls_key: Path | None
) -> int:
    """Serve the embedded ARM over HTTP, on loopback."""
    settings = emulator_settings(given.process)
    if state is not None:
        settings = replace(settings, state=state)
    if seed is not None:
        settings = replace(settings, seed=seed)
    scheme = "https" if tls_cert else "http"

    def ready(bound: int) -> None:
        write_stdout(f"{scheme}://127.0.0.1:{bound}\n")

    stopped_by = serve(create_app(settings, SystemClock()), "127.0.0.1", port, tls_cert, tls_key, ready=ready)
    return of_signal(stopped_by) if stopped_by else 0
