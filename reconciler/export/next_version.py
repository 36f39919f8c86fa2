"""
The manifest of the next version, made from the text of an existing one: its comments and layout stay. Pure.

Only name, number, links and relative paths change. The result is read again, and refused if anything else
did.
"""

from __future__ import annotations

import copy
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import ReconcilerError
from reconciler.export.yaml_text import as_scalar
from reconciler.kinds.paths import get
from reconciler.manifests.yaml12 import read_documents
from reconciler.manifests.yaml12.spans import Span, Written, written
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.kinds.kind import Kind
    from reconciler.values import FieldPath, JsonObject

_NAME: Final = ("metadata", "name")
DIGEST: Final = ("metadata", "annotations", "reconciler.dev/package-sha256")
_FILE: Final = "$file"
_EDITOR: Final = re.compile(r"^(# yaml-language-server: \$schema=)(\S+)", re.MULTILINE)
_COMMENTS: Final = re.compile(r"(?:^[ \t]*(?:#.*)?\n)*\Z", re.MULTILINE)
_DIGIT_BEFORE: Final = re.compile(r"[0-9]\.?\Z")
_DIGIT_AFTER: Final = re.compile(r"\.?[0-9]")
"""A number goes on there: 1.0.0 is not in 11.0.0, nor in 1.0.0.1."""
_PLAIN_IN_BRACKETS: Final = re.compile(r"[A-Za-z0-9.:_/-]+")
_THREE_NUMBERS: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
"""Text to every reader of YAML, unlike fewer numbers."""


class NextVersionError(ReconcilerError):
    """The next manifest cannot be made from the existing one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """
    The next version.

    Attributes:
        number: Of the new version.
        link: Of its package; None to put the new number into the old link.
        folder: The way from the folder of the new file to that of the old one; empty for the same folder.
        digest: SHA-256 of its package, for the annotation of the old manifest; None to leave that as it is.
    """

    number: str
    link: str | None = None
    folder: str = ""
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class NextVersion:
    """
    The manifest of the next version.

    Attributes:
        name: Of the manifest.
        text: Of its file.
        links: Each link with its path: the old one and the new one, which may be equal.
        has_old_digest: Whether it has the digest of the old package.
    """

    name: str
    text: str
    links: tuple[tuple[str, str, str], ...] = ()
    has_old_digest: bool = False


def next_version(text: str, index: int, kind: Kind, old: str, wish: Wish) -> NextVersion:
    """
    Return the manifest of the next version.

    Args:
        text: Of the file of the existing manifest.
        index: Of its document.
        kind: Of the manifest; it has versions.
        old: The number of the existing version, as its manifest spells it.
        wish: The next version.

    Raises:
        NextVersionError: A value is not written in the document, or is written in a way that cannot be replaced.
    """
    try:
        place = list(written(text))[index]
        value = next(each.value for each in read_documents(text.encode(), "")[0] if each.source.document == index)
    except (ValueError, IndexError, StopIteration) as error:
        message = "the file of the manifest cannot be read again"
        raise NextVersionError(message) from error
    number = ("spec", kind.latest.number if kind.latest else "")
    name = _renamed(str(value["metadata"]["name"]), old, wish.number)
    links = tuple(_links(kind, value, old, wish))
    if wish.link is not None and not links:
        message = "the link is not written in the manifest itself, so it cannot be replaced"
        raise NextVersionError(message)
    has_digest = get(value, DIGEST) is not MISSING
    if wish.digest is not None and not has_digest:
        message = f"the manifest has no annotation {DIGEST[-1]}: there is no place for the digest of the package"
        raise NextVersionError(message)
    edits: dict[FieldPath, str] = {_NAME: name, number: wish.number}
    edits |= {} if wish.digest is None else {DIGEST: wish.digest}
    edits |= {("spec", *path): new for path, was, new in links if was != new}
    edits |= dict(_files(value, (), wish.folder)) if wish.folder else {}
    made = _with_schema(_edited(text, place, edits), wish.folder)
    _require_only(made, value, edits)
    told = tuple((".".join(map(str, path)), was, new) for path, was, new in links)
    return NextVersion(name, made, told, has_old_digest=has_digest and wish.digest is None)


def _renamed(name: str, old: str, new: str) -> str:
    return _with_number(name, old, new) or f"{name}-{new}"


def _with_number(text: str, old: str, new: str) -> str | None:
    """Return *text* with the new number in place of the old one; None where the old one is not in it."""
    parts, kept, at = [], 0, text.find(old)
    while at >= 0:
        end = at + len(old)
        if _DIGIT_BEFORE.search(text[max(at - 2, 0) : at]) or _DIGIT_AFTER.match(text, end):
            at = text.find(old, at + 1)
        else:
            parts += [text[kept:at], new]
            kept, at = end, text.find(old, end)
    return "".join([*parts, text[kept:]]) if parts else None


def _links(kind: Kind, value: JsonObject, old: str, wish: Wish) -> Iterator[tuple[FieldPath, str, str]]:
    """Yield path, old and new text of each link; ``--link`` is for the first one, which is the package."""
    is_first = True
    for pattern, _ in kind.links:
        for path, link in _at(value["spec"], pattern, ()):
            if isinstance(link, str):
                base, mark, query = link.partition("?")
                new = (_with_number(base, old, wish.number) or base) + mark + query
                yield path, link, wish.link if is_first and wish.link is not None else new
                is_first = False


def _at(value: Any, pattern: tuple[str, ...], path: FieldPath) -> Iterator[tuple[FieldPath, Any]]:
    """Yield path and value of each part that fits *pattern*, in which ``*`` stands for every element."""
    if not pattern:
        yield path, value
        return
    step, *rest = pattern
    parts: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        parts = value.items() if step == "*" else [(step, value[step])] if step in value else ()
    elif isinstance(value, list) and step == "*":
        parts = enumerate(value)
    for key, item in parts:
        yield from _at(item, tuple(rest), (*path, key))


def _files(value: Any, path: FieldPath, folder: str) -> Iterator[tuple[FieldPath, str]]:
    """Yield each relative path of a ``$file``, as it is named from the folder of the new file."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == _FILE and isinstance(item, str):
                yield (*path, key), posixpath.normpath(posixpath.join(folder, item))
            else:
                yield from _files(item, (*path, key), folder)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _files(item, (*path, place), folder)


def _edited(text: str, place: Written, edits: Mapping[FieldPath, str]) -> str:
    """Return the text of one document with its edits, and the comments above it."""
    changes = []
    for path, new in edits.items():
        span = place.spans.get(path)
        if span is None or text[span.start : span.end].startswith(("{", "[", "|", ">")):
            message = f"{'.'.join(map(str, path))} is not written in the manifest itself, on one line"
            raise NextVersionError(message)
        changes.append((span.start, span.end, _scalar(new, span)))
    start, end = _extent(text, place)
    parts = [text[start : place.start].rpartition("---")[0] if place.start > start else ""]
    here = place.start + text.startswith("\n", place.start)
    for first, last, new in sorted(changes):
        parts += [text[here:first], new]
        here = last
    parts.append(text[here:end])
    return "".join(parts).strip("\n") + "\n"


def _extent(text: str, place: Written) -> tuple[int, int]:
    """Return the part of the text that is about one document: comments above the line that begins it are its own."""
    line = text.rfind("\n", 0, max(place.start - 1, 0)) + 1 if place.start else 0
    start = line - len(_comments_before(text[:line]))
    return start, place.end - (len(_comments_before(text[: place.end])) if text[place.end :].startswith("---") else 0)


def _comments_before(text: str) -> str:
    found = _COMMENTS.search(text)
    return found.group() if found else ""


def _scalar(new: str, span: Span) -> str:
    if span.quote == "'" and "'" not in new:
        return f"'{new}'"
    quoted = as_scalar(new)
    is_plain = quoted == new or _THREE_NUMBERS.fullmatch(new) is not None
    if not span.quote and is_plain and _PLAIN_IN_BRACKETS.fullmatch(new):
        return new
    return quoted if quoted != new else f'"{new}"'


def _with_schema(text: str, folder: str) -> str:
    """Return a text whose comment for editors names the same schema from another folder."""
    if not folder:
        return text

    def moved(found: re.Match[str]) -> str:
        is_url = ":" in found[2]
        return found[0] if is_url else found[1] + posixpath.normpath(posixpath.join(folder, found[2]))

    return _EDITOR.sub(moved, text, count=1)


def _require_only(text: str, value: JsonObject, edits: Mapping[FieldPath, str]) -> None:
    """Read the new text, and raise NextVersionError where it holds more changes than it should."""
    expected = copy.deepcopy(value)
    for path, new in edits.items():
        node: Any = expected
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = new
    documents, problems = read_documents(text.encode(), "")
    if problems or [document.value for document in documents] != [expected]:
        message = "the manifest is written in a way that cannot be changed as text, such as by an anchor"
        raise NextVersionError(message)
