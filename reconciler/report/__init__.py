"""Reports: one module per format, each a pure function from a report to text, found here by its name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from reconciler.errors import UsageError
from reconciler.report.escape import masked, masked_json

if TYPE_CHECKING:
    from reconciler.model.outcome import Report

__all__ = ["FORMATS", "check_formats", "render"]


class Renderer(Protocol):
    """Turns a report into text; a format takes no notice of what it does not know, such as colors."""

    def __call__(self, report: Report, *, color: bool, width: int | None, base: str, verbose: bool) -> str:
        """Return the text, which ends with a line end."""


_JSON: Final = frozenset({"json", "sarif"})
FORMATS: Final = ("text", "json", "markdown", "github", "azure-devops", "sarif", "junit", "html")


def render(
    report: Report,
    format: str,  # noqa: A002
    *,
    color: bool = False,
    width: int | None = None,
    base: str = "",
    verbose: bool = False,
) -> str:
    """
    Return *report* in one of *FORMATS*.

    Args:
        report: The report to render.
        format: The name of the format.
        color: Whether a format for terminals may color its text.
        width: Columns of the terminal, for such a format; None where there is none.
        base: The working folder from the root of the repository, for a format that names files from there.
        verbose: Whether a format for terminals shows the id of each resource.

    Raises:
        UsageError: There is no such format.
    """
    check_formats(format)
    renderer: Renderer = import_module(f"reconciler.report.{format.replace('-', '_')}").render
    text = renderer(report, color=color, width=width, base=base, verbose=verbose)
    return masked_json(text) if format in _JSON else masked(text)


def check_formats(*formats: str) -> None:
    """
    Refuse a format that does not exist, before any work is done for it.

    Raises:
        UsageError: There is no such format.
    """
    for name in formats:
        if name not in FORMATS:
            message = f"there is no report format {name}; the formats are {', '.join(FORMATS)}"
            raise UsageError(message)
