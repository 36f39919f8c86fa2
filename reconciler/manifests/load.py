"""
Stage 1: reads files, folders and standard input into documents, with the texts that they name put in their place.

Knows no kind: a document is any mapping, and later stages check its content.
"""

from __future__ import annotations

import codecs
import posixpath
import re
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from reconciler.json import template as template_json
from reconciler.manifests.files import RefusedError, Root, refuse
from reconciler.manifests.memo import Memo
from reconciler.manifests.sources import Sources, blob_ids
from reconciler.manifests.yaml12 import MAX_BYTES, STREAM, format_document_path, read_file
from reconciler.model.packed import packed_document
from reconciler.problems import SHORTER, UNREAD, Document, Problem
from reconciler.secret.text import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from reconciler.manifests.yaml12 import Reading
    from reconciler.values import FieldPath

MAX_FILES: Final = 100_000
"""Read in one run."""
MAX_PROBLEMS: Final = 1_000
"""Problems reported in one run; the others are counted."""
MAX_REFERENCED: Final = template_json.MAX_BYTES
"""Bytes of a file that ``$file`` names."""
MAX_REFERENCES: Final = 1_000
"""Uses of ``$file`` in one document."""
ROOM: Final = 2 * 1024 * 1024
"""Bytes of manifests whose documents, resources and live states are all held as they are; those of others, packed."""
MAX_SHOWN: Final = 200
"""Characters of a ``$file`` path that a message quotes."""
MAX_NEAR: Final = 20
"""Files of one document that are not there, for which one of nearly the same name is looked for."""
REFERENCE: Final = "$file"
_FIX: Final = "name a file below the root folder, by its path from the manifest's folder"
_ELSEWHERE: Final = re.compile(r"/|~|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    Everything that was read.

    Attributes:
        documents: Those without a problem, in the order of paths and files.
        problems: Of all files; at most *MAX_PROBLEMS*, and one with the number of the others.
        flawed: Documents with problems, the rest of which can be checked: *reported* has the paths of the problems, and
            ``UNREAD`` stands for each text that was not read.
        sources: Files and folders.
    """

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]
    flawed: tuple[Document, ...] = ()
    sources: Sources = field(default_factory=Sources, compare=False)


def load(
    paths: Sequence[str],
    root: Path | None = None,
    stdin: Callable[[int], bytes] | None = None,
    memo: Memo | None = None,
) -> Loaded:
    """
    Return every document of *paths*, and every problem.

    Args:
        paths: Files, folders, or ``-`` for standard input. A file that several of them reach is read once.
        root: Nothing outside it is opened. None makes each path its own root: a folder itself, a file's folder, the
            working folder for standard input.
        stdin: Gives at most so many bytes of standard input, as ``sys.stdin.buffer.read`` does.
        memo: Of the files that were read before; None for none.
    """
    loading = _Loading(stdin, memo or Memo(keeps=False))
    if root is None:
        for path in paths:
            loading.path(path, None)
        return loading.result()
    try:
        with Root(root) as opened:
            for path in paths:
                loading.path(path, opened)
    except RefusedError as refused:
        loading.refused(str(root), refused)
    return loading.result()


@dataclass(frozen=True, slots=True)
class _File:
    """
    One source of documents.

    Attributes:
        name: As the user would name it.
        path: From the root; None for standard input.
        folder: From the root; None if it is outside.
    """

    root: Root
    name: str
    path: str | None
    folder: str | None


class _Loading:
    """The documents and problems read so far."""

    def __init__(self, stdin: Callable[[int], bytes] | None, memo: Memo) -> None:
        self._stdin = stdin
        self._memo = memo
        self._documents: list[Document] = []
        self._flawed: list[Document] = []
        self._problems: list[Problem] = []
        self._unsaid = 0
        self._seen: set[str] = set()
        self._texts: dict[tuple[str, str], str] = {}
        self._contents: dict[str, bytes] = {}
        self._folders: set[str] = set()
        self._named: dict[str, frozenset[str]] = {}
        self._size = 0

    def result(self) -> Loaded:
        if self._unsaid:
            message = f"{self._unsaid:,} more problems are not shown"
            fix = "correct the others first"
            last = Problem(self._problems[-1].file, None, None, "", "more-problems", message, fix)
            return Loaded(tuple(self._documents), (*self._problems, last), tuple(self._flawed))
        folders, has_stdin = frozenset(self._folders), "-" in self._seen
        sources = Sources(self._contents, folders, stdin=has_stdin, texts=self._named)
        return Loaded(tuple(self._documents), tuple(self._problems), tuple(self._flawed), sources)

    def path(self, path: str, root: Root | None) -> None:
        """Read one path that the user gave."""
        try:
            if root is not None:
                self._below(path, root)
                return
            with Root.around(path if path != "-" else ".") as own:
                self._below(path, own)
        except RefusedError as refused:
            self.refused(path, refused)

    def refused(self, name: str, refused: RefusedError) -> None:
        """Note that something is not read."""
        self._note(Problem(_printable(name), None, None, "", refused.code, str(refused), refused.fix))

    def _below(self, path: str, root: Root) -> None:
        if path == "-":
            self._standard_input(root)
            return
        start = root.relative(path)
        if not root.is_folder(start):
            self._file(root, start, PurePath(path).as_posix())
            return
        self._folders.add(_whole(root, start))
        given, above = PurePath(path).as_posix(), 0 if start in {"", "."} else len(start) + 1
        given = {".": "", "/": "/"}.get(given, f"{given}/")
        for entry in root.walk(start):
            name = f"{given}{entry.path[above:]}"
            if entry.refused is None:
                self._file(root, entry.path, name)
            else:
                self.refused(name, entry.refused)

    def _standard_input(self, root: Root) -> None:
        if "-" in self._seen:
            return
        self._seen.add("-")
        if self._stdin is None:
            refuse("not-found", "standard input is not available", "name a file or a folder")
        try:
            folder = root.relative(".")
        except RefusedError:
            folder = None
        data = self._stdin(STREAM.size + 1)
        self._take(_File(root, "-", None, folder), data, read_file(data, "-", STREAM))

    def _file(self, root: Root, path: str, name: str) -> None:
        if (seen := _whole(root, path)) in self._seen:
            return
        self._seen.add(seen)
        try:
            if len(self._seen) > MAX_FILES:
                refuse("limit", f"more than {MAX_FILES:,} files", "load fewer files at once")
            if not name.isprintable():
                message = "the path contains characters that cannot be displayed"
                refuse("file-name", message, "rename the file or its folder")
            data = root.read(path, MAX_BYTES)
        except RefusedError as refused:
            self.refused(name, refused)
        else:
            ids = self._contents[seen] = blob_ids(data)
            reading = self._memo.of_content((name, ids), lambda: read_file(data, name))
            self._take(_File(root, name, path, path.rpartition("/")[0]), data, reading)

    def _take(self, file: _File, data: bytes, reading: Reading) -> None:
        problems = list(reading.problems)
        self._size += len(data)
        # The key is written as it is, or with an escape.
        if b"$file" in data or b"\\" in data:
            for document in (*reading.documents, *reading.flawed):
                self._put_texts(file, document, problems)
        else:
            self._documents.extend(map(self._kept, reading.documents))
            self._flawed.extend(reading.flawed)
        for problem in sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)):
            self._note(problem)

    def _put_texts(self, file: _File, document: Document, problems: list[Problem]) -> None:
        """Keep *document* with the texts of files in place of their names; a placeholder for those not read."""
        if "spec" in document.value:
            texts = _Texts(file, document, self._texts, self._contents)
            value = {**document.value, "spec": texts.children(document.value["spec"], ("spec",))}
            problems.extend(texts.problems)
            if file.path is not None and texts.named:
                manifest = _whole(file.root, file.path)
                self._named[manifest] = self._named.get(manifest, frozenset()) | texts.named
            reported = document.reported | {problem.path for problem in texts.problems}
            document = replace(document, value=value, reported=reported, files=texts.files)
        if document.reported:
            self._flawed.append(document)
        else:
            self._documents.append(self._kept(document))

    def _kept(self, document: Document) -> Document:
        """Return a document as it is kept: packed, unless there are few, or a loop is to know it again."""
        return document if self._size <= ROOM or self._memo.keeps else packed_document(document)

    def _note(self, problem: Problem) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(problem)
        else:
            self._unsaid += 1


class _Texts:
    """Puts the texts of files into one document. Its recursion is as deep as the document, which is bounded."""

    def __init__(
        self,
        file: _File,
        document: Document,
        known: dict[tuple[str, str], str],
        contents: dict[str, bytes],
    ) -> None:
        self.problems: list[Problem] = []
        self.files: dict[tuple[str | int, str], str] = {}
        self.named: set[str] = set()
        self._file = file
        self._document = document
        self._known = known
        self._contents = contents
        self._uses = 0
        self._length = 0

    def children(self, value: Any, path: FieldPath) -> Any:
        if isinstance(value, dict):
            return {key: self._value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _value(self, value: Any, path: FieldPath) -> Any:
        if not isinstance(value, dict) or value.keys() != {REFERENCE} or not isinstance(value[REFERENCE], str):
            return self.children(value, path)
        self._uses += 1
        if self._uses > MAX_REFERENCES + 1:
            return UNREAD
        try:
            text = self._text(value[REFERENCE])
        except RefusedError as refused:
            line, column = self._document.locate((*path, REFERENCE))
            where = format_document_path(path)
            message = f"`{REFERENCE}: {scrub(value[REFERENCE])[:MAX_SHOWN]}` could not be read: {refused}"
            problem = Problem(self._file.name, line, column, where, "file-reference", message, refused.fix)
            self.problems.append(problem)
            return UNREAD
        self.files.setdefault((path[-1], text), self._shown(value[REFERENCE]))
        return text

    def _shown(self, reference: str) -> str:
        """Return the file that *reference* means, as the user would name it."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(self._file.name), reference))

    def _text(self, reference: str) -> str:
        if self._uses > MAX_REFERENCES:
            message = f"more than {MAX_REFERENCES:,} references in one document"
            refuse("limit", message, "split the document")
        target = _target(reference, self._file.folder)
        if target == self._file.path:
            refuse("self", "the path is that of the manifest itself", "name another file")
        key = (self._file.root.path, target)
        self.named.add(_whole(self._file.root, target))
        if key not in self._known:
            self._known[key] = _decoded(self._bytes(target, reference))
        self._length += len(self._known[key])
        if self._length > MAX_BYTES:
            message = f"the texts of one document exceed {MAX_BYTES:,} characters in total"
            refuse("limit", message, "split the document")
        return self._known[key]

    def _bytes(self, target: str, reference: str) -> bytes:
        try:
            data = self._file.root.read(target, MAX_REFERENCED)
        except RefusedError as refused:
            near = (
                self._near(target, reference) if refused.code == "not-found" and len(self.problems) < MAX_NEAR else None
            )
            fix = SHORTER if refused.code == "limit" else near or refused.fix
            raise RefusedError(refused.code, str(refused), fix) from None
        self._contents[_whole(self._file.root, target)] = blob_ids(data)
        return data

    def _near(self, target: str, reference: str) -> str | None:
        """Return the fix for a file that is not there: the one beside it whose name is most like its own."""
        from difflib import get_close_matches  # noqa: PLC0415 (for mistakes only)

        folder, _, name = target.rpartition("/")
        near = get_close_matches(name, self._file.root.names(folder), n=1, cutoff=0.8)
        if not near:
            return None
        path = posixpath.join(posixpath.dirname(reference), near[0])
        return f"did you mean `{scrub(path)[:MAX_SHOWN]}`?"


def _whole(root: Root, path: str) -> str:
    """Return *path*, from a root, from the root of the file system, without links."""
    return root.path if path in {"", "."} else f"{root.path.rstrip('/')}/{path}"


def _target(reference: str, folder: str | None) -> str:
    """Return the path from the root that *reference* means in *folder*; RefusedError if it leads elsewhere."""
    if reference.isprintable() and "\\" in reference and not _ELSEWHERE.match(reference):
        forward = reference.replace("\\", "/")
        refuse("path", "expected a path with forward slashes", f"write `{scrub(forward)[:MAX_SHOWN]}`")
    if not reference or not reference.isprintable() or "\\" in reference:
        refuse("path", "expected a path with forward slashes", _FIX)
    if _ELSEWHERE.match(reference):
        refuse("path", "expected a relative path, found a URL, an absolute path or a home folder", _FIX)
    if folder is None:
        refuse("path", "the working folder is outside the root folder", "run in the root folder")
    parts = folder.split("/") if folder else []
    for part in reference.split("/"):
        if part == ".." and not parts:
            refuse("path", "the path is outside the root folder", _FIX)
        if part == "..":
            parts.pop()
        elif part.startswith(".") and part != ".":
            # Such as .git/config, where CI systems leave a token, and .env: a plan would show their content.
            refuse("path", "the file is hidden, or in a hidden folder", _FIX)
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _decoded(data: bytes) -> str:
    fix = "save the file as UTF-8 text"
    text: str | None
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        text = None  # and the error, which holds the bytes, is forgotten
    if text is None:
        refuse("encoding", "the file is not UTF-8", fix)
    if "\0" in text:
        refuse("character", "the file contains a NUL character", fix)
    return text.replace("\r\n", "\n").removesuffix("\n")


def _printable(name: str) -> str:
    return name if name.isprintable() else name.encode("unicode_escape").decode()
