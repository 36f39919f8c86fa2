"""The environments of a project, where a command looks at more than the one that was chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.manifests.estate import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from reconciler.kinds.registry import Registry
    from reconciler.manifests.estate import Options
    from reconciler.manifests.project import Project


def in_environments(options: Options, names: Iterable[str]) -> tuple[Options, ...]:
    """Return *options* once for each environment of *names*."""
    return tuple(replace(options, environment=name) for name in names)


def declared_elsewhere(
    options: Options, project: Project, registry: Registry, now: datetime, stdin: Callable[[int], bytes] | None = None
) -> frozenset[str]:
    """Return the folded ids of all resources that other environments of a project declare in folders of their own."""
    environments = project.environments
    if not any(environment.paths for environment in environments.values()):
        return frozenset()
    names = (name for name in environments if name != options.environment)
    surveys = (survey(each, registry, now, stdin) for each in in_environments(options, names))
    return frozenset(item.key for found in surveys for item in found.desired)
