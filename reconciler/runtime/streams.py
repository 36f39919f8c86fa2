"""
The only writer of standard output and standard error: no text is a command to a CI runner or a terminal.

Reports and messages are inert before they are written; this module escapes them again, and alone escapes the texts of
libraries, of the interpreter and of click. No other module of the package may name ``sys.stdout`` or ``sys.stderr``.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, cast

from reconciler.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO


class Form(Enum):
    """The format of a text, which decides how a character is escaped."""

    TEXT = "text"
    JSON = "json"
    MARKUP = "markup"
    COMMANDS = "commands"


_FORMS: Final = {
    **dict.fromkeys(("json", "sarif"), Form.JSON),
    **dict.fromkeys(("html", "junit"), Form.MARKUP),
    **dict.fromkeys(("github", "azure-devops"), Form.COMMANDS),
}

_CODES: Final = r"(?:\x1b\[[0-9;]*m)*"
_HASHES: Final = re.compile(rf"(?<=#)({_CODES})#(?={_CODES}\w*{_CODES}\[)")
"""The second hash of ``##[`` and ``##vso[``, which runners obey anywhere in a line."""
_OPEN_HASHES: Final = re.compile(rf"(?<=#)({_CODES})#(?={_CODES}\w*\Z)")
_COLONS: Final = re.compile(rf"^((?:\s|{_CODES})*:{_CODES}):")
"""The second colon of ``::``, which a runner obeys at the start of a line."""
_HEAD: Final = re.compile(
    r"::(?:notice|warning|error)(?= |::)|##vso\[task\.(?:logissue|setvariable|uploadsummary)(?=[ \]])"
)
"""The beginning of the commands in a report in a runner's format."""
_COLOR: Final = re.compile(r"(\x1b\[[0-9;]*m|\t)")
_ODD: Final = re.compile(r"[^\x20-\x7e\n]|##|::")
_UNSEEN: Final = re.compile(r"[^\x20-\x7e\n\t]")


def form_of(output: str) -> Form:
    """Return the form of the output format that is called *output*."""
    return _FORMS.get(output, Form.TEXT)


def safe(text: str, form: Form = Form.TEXT, *, color: bool = False) -> str:
    """
    Return *text* without commands that a CI runner or a terminal obeys; JSON keeps its values.

    Args:
        text: Of any number of lines.
        form: Its format.
        color: Whether color codes stay; every other control sequence is escaped.
    """
    if not _ODD.search(text):
        return text
    if form is Form.JSON:
        text = _UNSEEN.sub(_json_escape, text)
    return "\n".join([_safe_line(line, form, color=color) for line in text.split("\n")])


def _safe_line(line: str, form: Form, *, color: bool) -> str:
    if not _ODD.search(line):
        return line
    if form is Form.COMMANDS and (head := _HEAD.match(line)):
        return head[0] + _safe_line(line[head.end() :], Form.TEXT, color=False)
    if not line.isprintable() or not line.isascii():
        from reconciler.report.escape import visible  # noqa: PLC0415 (help and version need none of it)

        parts = _COLOR.split(line)
        line = "".join(
            part if number % 2 and (color or part == "\t") else visible(part) for number, part in enumerate(parts)
        )
    hash_, colon = _ESCAPED[form]
    return _COLONS.sub(rf"\g<1>{colon}", _HASHES.sub(rf"\g<1>{hash_}", line))


_ESCAPED: Final = {
    Form.TEXT: (r"\\x23", r"\\x3a"),
    Form.COMMANDS: (r"\\x23", r"\\x3a"),
    Form.JSON: (r"\\u0023", r"\\u003a"),
    Form.MARKUP: ("&#35;", "&#58;"),
}


def _json_escape(found: re.Match[str]) -> str:
    """Return the JSON escape of an invisible character; a visible one is returned as it is."""
    from reconciler.report.escape import visible  # noqa: PLC0415

    char = found[0]
    if visible(char) == char or char == "\r":
        return "" if char == "\r" else char
    return "".join(f"\\u{unit:04x}" for unit in _units(char))


def _units(char: str) -> tuple[int, ...]:
    code = ord(char)
    if code <= 0xFFFF:  # noqa: PLR2004 (the last character of one UTF-16 unit)
        return (code,)
    return 0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF)


def _unended(text: str) -> str:
    """Escape the end of *text* if its last line, which continues, could become a command of two hashes."""
    return _OPEN_HASHES.sub(r"\g<1>\\x23", text)


class _Guard(io.TextIOBase):
    """A standard stream for code that writes to it directly."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream
        self._line = ""  # the written part of the unfinished line

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self.stream.errors

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    def write(self, text: str | bytes) -> int:
        """
        Write *text*, escaped together with the beginning of its line: two harmless pieces can make a command.

        Raises:
            TypeError: *text* is empty bytes, with which click tests whether the stream takes bytes only.
        """
        if isinstance(text, bytes):  # of click's completion, which finds no binary stream to write to
            if not text:
                raise TypeError
            text = text.decode("utf-8", "replace")
        color = self.isatty()
        before, whole = (_unended(safe(piece, color=color)) for piece in (self._line, self._line + text))
        written = whole[len(before) :] if whole.startswith(before) else _unended(safe(text, color=color))
        try:
            _write(self.stream, written)
        except BrokenPipeError:
            raise
        except OSError as error:
            message = f"a standard stream cannot be written: {error.strerror}"
            raise OutputError(message) from error
        self._line = (self._line + text).rpartition("\n")[2][-_LONGEST_START:]
        return len(text)

    def flush(self) -> None:
        if not self.stream.closed:  # Python 3.13 reports a flush of a closed stream when it drops this object
            self.stream.flush()


_LONGEST_START: Final = 200


@contextmanager
def guarded() -> Iterator[None]:
    """Route every write to a standard stream through this module while the context lasts."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        cast("Any", stream if stream is None or isinstance(stream, _Guard) else _Guard(stream)) for stream in before
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _raw(stream: Any) -> TextIO | None:
    return cast("TextIO | None", stream.stream if isinstance(stream, _Guard) else stream)


def terminal() -> TextIO | None:
    """Return standard error itself if it is a terminal, for a display that moves the cursor; else None."""
    stream = _raw(sys.stderr)
    return stream if stream is not None and stream.isatty() else None


def log_stream() -> TextIO | None:
    """Return the stream of the log."""
    return cast("TextIO | None", sys.stderr)


def is_terminal() -> bool:
    """Whether standard output is a terminal; closed before the start, there is none."""
    return sys.stdout is not None and sys.stdout.isatty()


def write_stdout(text: str | Iterable[str], form: Form = Form.TEXT) -> None:
    """
    Write to standard output; a missing reader (``| head``, ``>&-``) is no error.

    Args:
        text: Whole, or in pieces of which none ends within a pair of colons or hashes.
        form: Its format.

    Raises:
        OSError: It cannot be written.
    """
    stream = _raw(sys.stdout)
    if stream is None:
        return
    try:
        for piece in (text,) if isinstance(text, str) else text:
            _write(stream, safe(piece, form, color=stream.isatty()))
    except BrokenPipeError:
        # The buffered rest would raise again when the interpreter exits.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def write_stderr(text: str) -> None:
    """Write to standard error; a failure is ignored, as no other stream could report it."""
    stream = _raw(sys.stderr)
    with contextlib.suppress(OSError, ValueError):
        if stream is not None:
            _write(stream, safe(text, color=stream.isatty()))


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:  # of a locale that is not UTF-8; nothing was written
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))
    stream.flush()
