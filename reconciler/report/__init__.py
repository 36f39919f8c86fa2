"""Reports: a view of a report, and one module per format that renders it, found here by its name. Pure."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from reconciler.errors import UsageError
from reconciler.report.bounds import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.compare.rows import Explanation
    from reconciler.model.outcome import Report
    from reconciler.plan.listing import Listing
    from reconciler.plan.usage import Usage
    from reconciler.report.history import HistoryView
    from reconciler.values import JsonObject

__all__ = [
    "FEW_FORMATS",
    "FORMATS",
    "MOST",
    "check_format",
    "render",
    "render_explanation",
    "render_history",
    "render_list",
    "render_merged",
    "render_pieces",
    "render_usage",
]


class Renderer(Protocol):
    """Returns a view as text, which ends with a line end; a format ignores options that it has no use for."""

    def __call__(self, view: Any, /, **options: Any) -> str:
        """Return the text."""


_USUAL: Final = 100
"""Characters of a line where there is no terminal."""
MOST: Final = 500
"""Resources in one text; the JSON report has all of them."""
FORMATS: Final[Mapping[str, Bounds]] = {
    "text": Bounds(line=_USUAL, resources=MOST),
    "json": Bounds(for_people=False, in_sync=True),
    "markdown": Bounds(value=200, lines=60),
    "github": Bounds(line=_USUAL),
    "azure-devops": Bounds(line=_USUAL),
    "sarif": Bounds(line=_USUAL),
    "junit": Bounds(line=_USUAL, in_sync=True),
    "html": Bounds(value=1000, lines=400),
}
FEW_FORMATS: Final = ("text", "json")
"""The formats of a command that writes no report."""
_FORMATS_OF: Final = {"explain": FEW_FORMATS, "list": FEW_FORMATS, "usage": FEW_FORMATS, "history": FEW_FORMATS}


def render(report: Report, format: str, *, width: int | None = None, **options: Any) -> str:  # noqa: A002
    """
    Return *report* in one of *FORMATS*.

    Args:
        report: The report to render.
        format: The name of the format.
        width: Columns of the terminal, for a format for terminals; None where there is none.
        options: ``color`` and ``verbose`` (show ids) for terminals; ``base``, the working folder from the root of the
            repository, for a format that names files from there; ``limit``, in bytes, for Markdown.

    Raises:
        UsageError: There is no such format.
    """
    from reconciler.report.build import view_of  # noqa: PLC0415 (names are checked before anything is known)

    check_format(report.command, format)
    bounds = FORMATS[format]
    view = view_of(report, replace(bounds, line=width) if width and format == "text" else bounds)
    return _rendered(view, format, width=width, **options)


def render_pieces(report: Report, end: str = "") -> Iterable[str]:
    """Return *report* as JSON, with *end* after it, in pieces that are made as they are asked for."""
    from reconciler.report.build import view_of  # noqa: PLC0415
    from reconciler.report.json import Pieces  # noqa: PLC0415

    return Pieces(view_of(report, FORMATS["json"]), end)


def render_explanation(explanation: Explanation, format: str, **options: Any) -> str:  # noqa: A002
    """
    Return the output of ``explain`` in one of its formats; the options are those of :func:`render`.

    Raises:
        UsageError: There is no such format.
    """
    from reconciler.report import explanation as explained  # noqa: PLC0415

    check_format("explain", format)
    view = explained.view_of(explanation, people=format != "json")
    return _rendered(view, "json" if format == "json" else "explanation_text", **options)


def render_list(listing: Listing, format: str, **options: Any) -> str:  # noqa: A002
    """
    Return the output of ``list`` in one of its formats; the options are those of :func:`render`.

    Raises:
        UsageError: There is no such format.
    """
    from reconciler.report import listing as listed  # noqa: PLC0415

    check_format("list", format)
    view = listed.view_of(listing, people=format != "json")
    return _rendered(view, "json" if format == "json" else "listing_text", **options)


def render_usage(usage: Usage, format: str, **options: Any) -> str:  # noqa: A002
    """
    Return the output of ``usage`` in one of its formats; the options are those of :func:`render`.

    Raises:
        UsageError: There is no such format.
    """
    from reconciler.report import usage as used  # noqa: PLC0415

    check_format("usage", format)
    view = used.view_of(usage, people=format != "json")
    return _rendered(view, "json" if format == "json" else "usage_text", **options)


def render_history(view: HistoryView, format: str, **options: Any) -> str:  # noqa: A002
    """
    Return the output of ``history`` in one of its formats; the options are those of :func:`render`.

    Args:
        view: For people, unless the format is JSON.
        format: The name of the format.
        options: Those of :func:`render`.

    Raises:
        UsageError: There is no such format.
    """
    check_format("history", format)
    return _rendered(view, "json" if format == "json" else "history_text", **options)


def render_merged(document: JsonObject) -> str:
    """Return the JSON report that several were merged into."""
    from reconciler.report.clean import for_programs  # noqa: PLC0415
    from reconciler.report.json import render as render_json  # noqa: PLC0415

    return render_json(for_programs(document))


def check_format(command: str, *names: str) -> None:
    """
    Refuse a format that a command does not have, before any work is done for it.

    Raises:
        UsageError: There is no such format.
    """
    known = _FORMATS_OF.get(command, FORMATS)
    for name in names:
        if name not in known:
            message = f"{command} has no format {name}; its formats are {', '.join(known)}"
            raise UsageError(message)


def _rendered(view: Any, module: str, **options: Any) -> str:
    """Return *view* as the module of a format renders it; loaded here, as most runs need one."""
    renderer: Renderer = import_module(f"reconciler.report.{module.replace('-', '_')}").render
    return renderer(view, **options)
