"""``explain``: reads one resource, plans it as ``plan`` does, and explains every leaf."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from reconciler import pipeline
from reconciler.azure.stopping import unless_stopped
from reconciler.cli import completion, options
from reconciler.cli.arguments import make_run
from reconciler.cli.delivery import finish, print_result, wants_color, width
from reconciler.cli.options import SELECTION, Given, option
from reconciler.cli.session import supervised
from reconciler.compare.explain import explain
from reconciler.compare.rows import Explanation, at_path
from reconciler.errors import ManifestError, UsageError
from reconciler.manifests.resolve import select
from reconciler.manifests.selection import no_manifest
from reconciler.model.packed import whole_desired
from reconciler.plan.exit_codes import of_explanation
from reconciler.plan.rollout import part_of
from reconciler.report import render_explanation
from reconciler.runtime.connect import open_reader

if TYPE_CHECKING:
    from reconciler.manifests.estate import Estate
    from reconciler.model.desired import Desired
    from reconciler.runtime.run import Run

_MOST_NAMED: Final = 5


@options.command("explain")
@click.argument("address", metavar="KIND/NAME", shell_complete=completion.addresses)
@click.argument("path", required=False, metavar="[PATH_IN_BODY]")
@options.manifests
@option(
    "-f",
    "--manifests",
    "paths",
    multiple=True,
    metavar="PATH",
    heading=SELECTION,
    shell_complete=completion.files,
    help="File or folder of manifests. Repeatable.  [default: manifests]",
)
@options.azure
@options.few_output
def command(given: Given, address: str, path: str | None) -> int:
    """Explain, field by field, why a resource does or does not differ from its manifest. Read-only."""
    run = make_run("explain", given)
    try:
        estate = run.estate()
    except ManifestError as error:  # an invalid manifest has no explanation: the report is validate's
        return finish(run.failed(error), given)
    explanation, signalled = supervised(
        given, lambda stop: unless_stopped(explain_one(run, estate, address, path), stop)
    )
    print_result(render_explanation(explanation, given.output, color=wants_color(given), width=width(given)), given)
    return signalled or of_explanation(explanation.change)


async def explain_one(run: Run, estate: Estate, target: str, path: str | None) -> Explanation:
    """
    Explain one resource, through a client that cannot write.

    Args:
        run: The arguments of the command.
        estate: The declared resources.
        target: ``KIND/NAME``, or a pattern that exactly one resource matches.
        path: Of the leaves, as an ignore rule writes it; None for all.

    Raises:
        UsageError: The target is not one resource, or it has nothing at the path.
    """
    item = whole_desired(_chosen(estate, target))
    options = replace(run.options, targets=(item.address,))
    task = pipeline.Task(options, replace(estate, selected=_with_parents(item, estate)), run.registry)
    async with open_reader(run.connection, run.environment, run.clock) as arm:
        reading = await pipeline.read(task, arm)
    change = next(change for change in reading.plan.changes if change.desired.key == item.key)
    observed, policy = reading.observation.observed[item.key], reading.policy
    part = part_of(item, observed, policy.rollouts, policy.tracking)
    rows = explain(part, observed, policy.tracking, policy.ignore)
    found = at_path(rows, path)
    if not found:
        message = f"neither {item.address} nor its schema has a field {path}: leave it out to see all fields"
        raise UsageError(message)
    return Explanation(change, found, run.about(estate.project.name, estate.sources))


def _with_parents(item: Desired, estate: Estate) -> tuple[Desired, ...]:
    """Return a resource and its declared parents: whether a parent exists decides the action of the resource."""
    stated = {other.key: other for other in estate.desired}
    found = [item]
    while found[0].parent in stated:
        found.insert(0, stated[found[0].parent or ""])
    return tuple(found)


def _chosen(estate: Estate, target: str) -> Desired:
    """Return the resource of that name, else the only one that the pattern matches."""
    exact = [item for item in estate.desired if item.address == target]
    found = exact or select(estate.desired, (target,), {})
    if len(found) == 1:
        return found[0]
    if not found:
        message = f"{target} matches no manifest; {no_manifest(target, estate.desired)}"
        raise UsageError(message)
    named = ", ".join(item.address for item in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    message = f"{target} matches {len(found)} manifests, and explain takes one: {named}{more}"
    raise UsageError(message)
