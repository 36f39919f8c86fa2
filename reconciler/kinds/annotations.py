"""
The keywords that the schemas of kinds add to JSON Schema, each spelled here and nowhere else in the package.

Those that begin with ``x-ms`` are Microsoft's, of OpenAPI; those that begin with ``x-kubernetes`` are Kubernetes'.
"""

from __future__ import annotations

from enum import StrEnum
from typing import overload


class Annotation(StrEnum):
    """A keyword of a kind's schema, with the place where it stands and its value."""

    ARM = "x-arm"
    """Of the schema: type, api-version, URLs and habits of the resource type in ARM."""
    HEALTH = "x-health"
    """Of the schema: the query that adds the replication status to an answer, and its paths there."""
    SUMMARY = "x-summary"
    """Of the schema: labels and paths of the values that a report shows of a created resource."""
    EXPORT = "x-export"
    """Of the schema: name and help of the option of ``export`` that chooses resources of the kind by name."""
    TEMPLATE_FIT = "x-template-fit"
    """Of the schema: paths of a template, and of the form that asks for its parameters."""

    MUTABILITY = "x-ms-mutability"
    """Of a property: a list without ``update`` makes it immutable after creation."""
    SECRET = "x-ms-secret"  # noqa: S105 (the name of a keyword)
    """Of a property: true if it holds a secret, wholly or in its query part."""
    UNSETTABLE = "x-unsettable"
    """Of a property: false if Azure cannot clear it once it is set."""
    DEFAULT_FROM = "x-default-from"
    """Of a property: path of the property whose value its absence means."""
    SERVER_POPULATED = "x-server-populated"
    """Of a property: true if its absence accepts any value that Azure chooses."""
    SINCE = "x-since"
    """Of a property: the api-version that brought it, and everything below it."""
    SINCE_VALUES = "x-since-values"
    """Of a property: the api-version that brought a value of it, by value."""
    EXCLUDED_BY = "x-excluded-by"
    """Of a property: path of the property beside which it must not be sent: its absence then accepts any value."""
    IMPLIED = "x-implied"
    """Of a property: the value that its absence in an answer means."""
    COMPLETED_IN = "x-completed-in"
    """Of a property: path of texts that Azure may answer in its place."""
    NORMALIZE = "x-normalize"
    """Of a property, or of the names in a map: the normal form in which it is compared."""
    MAX_BYTES = "x-max-bytes"
    """Of a link: the size of the largest blob that Azure accepts behind it, in bytes."""
    TOO_LARGE = "x-too-large"
    """Of a property: the fix where a file in its place is too large."""
    SEVERITY = "x-severity"
    """Of a property: how grave a difference of it, or of anything below it, is: one of :class:`Severity`."""
    WARN = "x-warn"
    """Of any part: schemas that a value should satisfy, and is reported with a warning if it does not."""

    LIST_TYPE = "x-kubernetes-list-type"
    """Of a list: ``map``, ``set`` or ``atomic``."""
    LIST_KEYS = "x-kubernetes-list-map-keys"
    """Of a list of type ``map``: paths, within an element, of the values that tell elements apart."""
    REMOVAL_GUARD = "x-removal-guard"
    """Of a list: path of the flag that must be true for an element to be removed."""
    MUST_CONTAIN = "x-must-contain"
    """Of a list: path of a value that one of its keys must have."""


@overload
def dotted(path: str) -> tuple[str, ...]: ...
@overload
def dotted(path: None) -> None: ...
def dotted(path: str | None) -> tuple[str, ...] | None:
    """Return the steps of a path as annotations write it, such as ``properties.source``; None for None."""
    return None if path is None else tuple(path.split("."))
