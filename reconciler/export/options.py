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


def name_options(kinds: Iterable[Kind]) -> tuple[NameOption, ...]:
    """
    Return the options that *kinds* declare, in their order.

    Raises:
        KeyError: A part of an annotation is missing.
    """
    stated = ((kind, kind.schema[Annotation.EXPORT]) for kind in kinds if Annotation.EXPORT in kind.schema)
    return tuple(NameOption(option["option"], kind.parameters[-1], option["help"]) for kind, option in stated)


def patterns(options: Iterable[NameOption], values: Mapping[str, str | None]) -> dict[str, str]:
    """Return the patterns among the *values* of a command line, by the URI parameter that each is for."""
    given = ((option.parameter, values[option.name]) for option in options)
    return {parameter: pattern for parameter, pattern in given if pattern is not None}
