"""Mistakes in manifests, and where a value is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from reconciler.values import FieldPath, JsonObject

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """
    Where a manifest is written.

    Attributes:
        file: As the user would name it; ``-`` for standard input.
        line: Of the document's first key, from 1.
        document: Index in its file, from 0.
    """

    file: str
    line: int
    document: int


SIGN_IN_FAILED: Final = "sign-in-failed"
"""The code of the one problem of a run whose identity could not sign in."""


STOPPED: Final = "stopped"
"""The code of the one problem of a run that a signal ended before there was a plan."""


SOURCE_REJECTED: Final = "source-rejected"
"""The code of the problem of a commit that the loop does not take."""


LOCK_UNUSABLE: Final = "lock-unusable"
"""The code of the problem of a lock that cannot be used: the loop only reports."""


HISTORY_UNUSABLE: Final = "history-unusable"
"""The code of the problem of a history that cannot be written yet."""


HISTORY_SET_ASIDE: Final = "history-set-aside"
"""The code of the problem of a damaged history, in whose place a new one has begun."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """
    One error or warning about a manifest or the project file.

    Attributes:
        file: As the user would name it.
        line: From 1; None where no line can be named.
        column: From 1.
        path: In the document: keys joined by dots, indexes in brackets; empty for the document itself.
        code: A short, stable name of the rule.
        message: The mistake. Never quotes a value that may be secret.
        fix: The fix, in the imperative.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    code: str
    message: str
    fix: str | None = None


Locate: TypeAlias = Callable[[FieldPath], tuple[int, int]]
"""Returns line and column, from 1, of a path in a document, or of its nearest written ancestor."""


UNREAD: Final = "\0unread"
"""
Replaces a text that could not be read, so that the rest of the document is checked.

No manifest can contain it: NUL is refused everywhere.
"""


SHORTER: Final = "make the file shorter"
"""The fix for a text that is read from a file and is too large, where the schema of the kind names none."""


class Layer(StrEnum):
    """The source of a value: the manifest, or a layer that the project file puts over or under it."""

    MANIFEST = "manifest"
    OVERLAY = "overlay"
    ENVIRONMENT = "environment"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Where a value is written.

    Attributes:
        file: As the user would name it.
        line: From 1; of the nearest written ancestor if the value is in a file that the manifest names.
        column: From 1.
    """

    layer: Layer
    file: str
    line: int
    column: int | None = field(default=None, compare=False)


Trace: TypeAlias = Callable[[FieldPath], Origin]
"""Returns the place of a value of a rendered document, by merging the layers once more."""


@dataclass(frozen=True, slots=True)
class Document:
    """
    One YAML document, read and not yet validated.

    Attributes:
        value: Plain dict, list, str, int, float, bool, None.
        source: Where it is written.
        locate: Finds positions on demand, by reading the kept text again.
        trace: Finds the source of a value; None where no layer was merged into the document.
        reported: Paths of the problems that were found while reading it; later stages add none there.
        ambiguous: Paths of the mappings in which a key is written twice: one of the two may be meant for a missing key.
        files: The file that a text was read from, as the user would name it, by the text's own key and the text.
    """

    value: Any = field(repr=False)  # nothing in it is sealed yet
    source: Source
    locate: Locate
    trace: Trace | None = None
    reported: frozenset[str] = frozenset()
    ambiguous: frozenset[str] = frozenset()
    files: Mapping[tuple[str | int, str], str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    One valid document of a known kind.

    Attributes:
        spec: As declared: URI parameters and request body, project defaults included.
        locate: Positions in the document that it was read from.
        trace: The source of each value; None where that document declares all of them.
    """

    kind: Kind
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: JsonObject = field(repr=False)
    source: Source
    locate: Locate
    trace: Trace | None = None
