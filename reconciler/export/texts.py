"""Moves long texts of a manifest into files beside it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.kinds.paths import label
from reconciler.kinds.trees import transform
from reconciler.manifests.load import MAX_REFERENCED, REFERENCE
from reconciler.manifests.yaml12 import is_readable

if TYPE_CHECKING:
    from reconciler.export.naming import Paths
    from reconciler.kinds.rules import Rule
    from reconciler.values import FieldPath, JsonObject


def with_files(rules: Rule, body: JsonObject, path: str, paths: Paths) -> dict[str, Any]:
    """Return *body* with references in place of the texts that move into files."""

    def moved(rule: Rule, value: Any, at: FieldPath) -> Any:
        if isinstance(value, str) and _goes_into_file(rule, value):
            return {REFERENCE: paths.text(path, _labels(rules, body, at), value)}
        return value

    found: dict[str, Any] = transform(rules, body, moved)
    return found


def _labels(rules: Rule, body: Any, path: FieldPath) -> list[str]:
    """Return the labels of the elements that hold the value at *path*, and the last key."""
    labels, name = [], ""
    for step in path:
        if isinstance(step, int):
            labels.append(label(rules, body[step], step).strip("[]"))
        else:
            name = step
        rules, body = rules.child(step), body[step]
    return [*labels, name]


def _goes_into_file(rule: Rule, text: str) -> bool:
    """Return whether a text moves into a file: it has several lines, or characters that no manifest may hold."""
    wanted = not is_readable(text) or (rule.takes_file and "\n" in text.strip("\n"))
    return wanted and _is_kept_by_file(text) and len(text.encode("utf-8", "replace")) < MAX_REFERENCED


def _is_kept_by_file(text: str) -> bool:
    """Return whether a file gives back the same text when it is read."""
    return "\0" not in text and "\r\n" not in text


def can_be_written(text: str) -> bool:
    """Return whether a manifest or a file beside it can hold a text; invisible characters need a file."""
    return is_readable(text) or _is_kept_by_file(text)
