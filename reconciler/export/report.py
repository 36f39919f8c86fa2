"""The report of an export: the files that it wrote, and the steps that are left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.report.build import problem_of
from reconciler.report.clean import for_people
from reconciler.report.escape import inert, masked, visible
from reconciler.report.lines import problem_lines
from reconciler.report.verdict import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.export.documents import Exported


def render(exported: Exported, folder: str, reads: int) -> str:
    """Return the report of an export that wrote its files."""
    return _lines(_said(exported, folder, reads))


def render_conflicts(folder: str, paths: Iterable[str]) -> str:
    """Return the report of an export that would overwrite files."""
    known = [visible(f"{folder}/{path}") for path in sorted(paths)]
    verb = "file exists" if len(known) == 1 else "files exist"
    verdict = f"Nothing was written: {len(known)} {verb}. Choose another --out-dir, or --force to write over them."
    return _lines([verdict, "", *known])


def _said(exported: Exported, folder: str, reads: int) -> Iterator[str]:
    texts = len(exported.files) - exported.manifests
    more = f" and {count(texts, 'text')}" if texts else ""
    yield f"Exported {count(exported.manifests, 'manifest')}{more}." if exported.manifests else "Nothing to export."
    yield ""
    yield from (visible(f"{folder}/{path}") for path in sorted(exported.files))
    for level, problems in (("error", exported.problems), ("warning", exported.warnings)):
        for problem in problems:
            yield ""
            yield from problem_lines(for_people(problem_of(problem)), level)
    if exported.notes:
        yield ""
        yield from map(visible, exported.notes)
    if exported.files:
        yield ""
    yield f"{count(reads, 'read')}, 0 writes"


def _lines(lines: Iterable[str]) -> str:
    return masked("".join(f"{inert(line)}\n" for line in lines))
