"""``validate``: checks manifests, and reads nothing from Azure."""

from __future__ import annotations

from dataclasses import replace

from reconciler.cli import options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import finish
from reconciler.cli.options import Given, option
from reconciler.runtime.run import validate


@options.command("validate")
@options.paths
@options.manifests
@option(
    "--against",
    metavar="REVISION",
    help="Refuse edits, made since this git revision, that Azure would refuse.",
)
@options.latest
@options.output
def command(given: Given, against: str | None) -> int:
    """Check manifests against their schemas and rules. Works offline; no sign-in needed."""
    return finish(validate(replace(make_run("validate", given), against=against)), given)
