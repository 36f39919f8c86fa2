"""The environments of a project, where a command looks at more than the one that was chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.kinds.kind import folded_id
from reconciler.manifests.estate import survey

if TYPE_CHECKING:
    from reconciler.pipeline import Reading
    from reconciler.runtime.run import Run


def as_environments(run: Run, names: tuple[str, ...]) -> tuple[Run, ...]:
    """Return *run* once for each environment of *names*."""
    return tuple(replace(run, options=replace(run.options, environment=name)) for name in names)


def without_others(run: Run, reading: Reading) -> Reading:
    """Return a reading whose unmanaged resources are none that another environment of the project declares."""
    environments = reading.estate.project.environments
    names = tuple(name for name in environments if name != run.options.environment)
    if not reading.plan.unmanaged or not any(environments[name].paths for name in environments):
        return reading
    now = run.clock.now()
    surveys = (survey(each.options, each.registry, now, each.read_stdin) for each in as_environments(run, names))
    declared = {item.key for found in surveys for item in found.desired}
    kept = tuple(each for each in reading.plan.unmanaged if folded_id(each.id) not in declared)
    return replace(reading, plan=replace(reading.plan, unmanaged=kept))
