"""Elements of an HTML page, whose texts can be anything: they are made harmless here, and escaped with all else."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from reconciler.report.escape import harmless, masked

_LINES: Final = frozenset(
    (
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "script",
            "body",
            "header",
            "main",
            "footer",
            "section",
            "h1",
            "h2",
        ),
        *("form", "fieldset", "legend", "label", "output", "ul", "li", "details", "summary", "div", "p"),
        *("dl", "dt", "dd", "del", "ins"),
    )
)
"""Elements after which a line ends in the file."""


def e(tag: str, *children: ET.Element | str | None, **attributes: str) -> ET.Element:
    """
    Return an element.

    Args:
        tag: Its name.
        children: Elements and texts in their order; None is left out.
        attributes: Of our own words; ``class_`` is ``class``, ``data_state`` is ``data-state``.
    """
    element = ET.Element(tag, {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()})
    for child in children:
        if isinstance(child, str):
            _append(element, _clean(child))
        elif child is not None:
            element.append(child)
    element.tail = "\n" if tag in _LINES else None
    return element


def raw(tag: str, text: str) -> ET.Element:
    """Return an element with a text of our own, as it is: style or script."""
    element = e(tag)
    element.text = text
    return element


def written(page: ET.Element) -> str:
    """Return the text of a whole page."""
    return f"<!doctype html>\n{ET.tostring(page, encoding='unicode', method='html').rstrip()}\n"


def _append(element: ET.Element, text: str) -> None:
    if len(element):
        element[-1].tail = f"{element[-1].tail or ''}{text}"
    else:
        element.text = f"{element.text or ''}{text}"


def _clean(text: str) -> str:
    return harmless(masked(text))
