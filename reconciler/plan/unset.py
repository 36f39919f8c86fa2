"""Warns of variables that a resource to be created needs and that are not set: no difference names them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.change import Action
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.model.change import Change


def without_values(changes: Iterable[Change]) -> Iterator[Problem]:
    """Yield a warning for each resource to be created that takes a value from a variable that is not set."""
    for change in sorted(changes, key=lambda each: (each.desired.source.file, each.desired.source.line)):
        item = change.desired
        if change.action is Action.CREATE and (names := dict.fromkeys(item.unset)):
            message = f"not set: `{'`, `'.join(names)}`, from which the resource takes a secret"
            fix = f"set the variable{'s' if len(names) > 1 else ''} where `apply` runs, or it fails the resource"
            yield Problem(item.source.file, item.source.line, None, "", "variable-missing", message, fix)
