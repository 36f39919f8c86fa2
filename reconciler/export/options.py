"""Options of ``export`` that choose resources by name, each declared by the schema of a kind. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.kinds.annotations import Annotation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.kinds.kind import Kind


@dataclass(frozen=True, slots=True)
class NameOption:
    """
    One option, whose value is a pattern for the name of a kind's resources.

    Attributes:
        name: Without the hyphens before it.
        parameter: The URI parameter that holds the name: the last one of the kind.
        help: For the help text of the command.
    """

    name: str
    parameter: str
    help: str

    @property
    def key(self) -> str:
        """The name as an identifier: by it, the value is among the arguments of the command."""
        return self.name.replace("-", "_")


def name_options(kinds: Iterable[Kind]) -> tuple[NameOption, ...]:
    """
    Return the options that *kinds* declare, by resource type, so that a parent's stands before those of its children.

    Raises:
        KeyError: A part of an annotation is missing.
    """
    ordered = sorted(kinds, key=lambda kind: kind.resource_type)
    declared = ((kind, kind.schema[Annotation.EXPORT]) for kind in ordered if Annotation.EXPORT in kind.schema)
    return tuple(NameOption(each["option"], kind.parameters[-1], each["help"]) for kind, each in declared)


def patterns(options: Iterable[NameOption], values: Mapping[str, str | None]) -> dict[str, str]:
    """Return the patterns among the *values* of a command line, which are by key, by the URI parameter of each."""
    given = ((option.parameter, values[option.key]) for option in options)
    return {parameter: pattern for parameter, pattern in given if pattern is not None}
