"""Checks the values of environment variables by the warnings of the schema, and shows nothing of them. Pure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from reconciler.kinds.annotations import Annotation
from reconciler.manifests.yaml12.document_path import format_document_path
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.kinds.kind import Kind
    from reconciler.model.desired import Desired


def unusual_values(item: Desired) -> Iterator[Problem]:
    """Yield a warning for each value of a variable that would be one if the manifest declared it."""
    for path, steps, value in item.kind.placed_variables(item.body):
        if not value.is_set:
            continue
        for validator, words in _checks(item.kind, path):
            if not validator.is_valid(value.reveal()):
                origin = item.origin(steps)
                message = f"the value of the variable {value.variable}: {words}"
                fix = "correct the variable, or keep it if Azure accepts it"
                where = format_document_path(("spec", *steps))
                yield Problem(origin.file, origin.line, origin.column, where, "unusual-variable", message, fix)
                break


@cache
def _checks(kind: Kind, path: tuple[str, ...]) -> tuple[tuple[jsonschema_rs.Validator, str], ...]:
    """Return the warnings that the schema of a kind has for one property, each with its words."""
    node: Any = kind.schema["properties"]["spec"]
    for step in path:
        node = node.get("items") or node.get("additionalProperties") if step == "*" else node["properties"][step]
    warn = node.get(Annotation.WARN, [])
    rules = warn if isinstance(warn, list) else [warn]
    return tuple((jsonschema_rs.validator_for(rule), str(rule["errorMessage"])) for rule in rules)
