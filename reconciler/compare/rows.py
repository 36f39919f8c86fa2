"""An explanation: a row for every leaf of one resource, ready to be shown. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from reconciler.kinds.paths import matches
from reconciler.model.about import About
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.kinds.leaves import FieldClass
    from reconciler.manifests.project import IgnoreRule
    from reconciler.model.change import Change
    from reconciler.problems import Origin


class Verdict(StrEnum):
    """The verdict on a leaf; the first four and ``unverified`` are those of a plan."""

    IMMUTABLE = "immutable"
    CHANGE = "change"
    UNVERIFIED = "unverified"
    UNDECLARED = "undeclared"
    IGNORED = "ignored"
    EQUAL = "equal"
    DEFAULT = "default"
    SERVER_POPULATED = "server-populated"
    READ_ONLY = "read-only"
    NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Row:
    """
    One leaf, ready to be shown, without secrets.

    Attributes:
        path: As a reader writes it.
        why: The reason for the verdict, in one sentence.
        rules: How it is compared and written, one short text for each rule.
        stated: The manifest's value, defaults of the project included; MISSING if undeclared.
        origin: The source of that value.
        default: The meaning of absence, where no value is declared; MISSING if it has none.
        observed: The live value as sent; MISSING if absent.
        compared_desired: In the form in which it is compared; MISSING where nothing is.
        compared_observed: Likewise.
        hidden_by: The ignore rules that hide a difference.
    """

    path: str
    verdict: Verdict
    why: str
    field_class: FieldClass
    rules: tuple[str, ...] = ()
    stated: Any = MISSING
    origin: Origin | None = None
    default: Any = MISSING
    observed: Any = MISSING
    compared_desired: Any = MISSING
    compared_observed: Any = MISSING
    hidden_by: tuple[IgnoreRule, ...] = ()

    @property
    def is_there(self) -> bool:
        """Return whether it is declared, live or has a default; any other leaf is known from the schema only."""
        return any(value is not MISSING for value in (self.stated, self.observed, self.default))


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    One resource: the change that a plan makes, and the reasons.

    Attributes:
        change: The plan's.
        rows: URI parameters first, then the body by path.
        about: Environment, project, cloud, endpoint and commit.
    """

    change: Change
    rows: tuple[Row, ...]
    about: About = field(default_factory=About)


def at_path(rows: Sequence[Row], pattern: str | None) -> tuple[Row, ...]:
    """
    Return the rows at or below *pattern*, else the row that contains it; without a pattern, the rows with a value.

    Args:
        rows: All rows of a resource.
        pattern: As an ignore rule writes it.
    """
    if pattern is None:
        return tuple(row for row in rows if row.is_there)
    found = [row for row in rows if matches(pattern, row.path)] or [row for row in rows if matches(row.path, pattern)]
    return tuple(row for row in found if row.is_there) or tuple(found)
