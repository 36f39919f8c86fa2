"""
Watches every test for secrets that leak: a pytest plugin.

Every secret of the tests holds ``MARK``, and no sink may ever hold ``MARK``, in any encoding: standard output
and error, log records of every logger at every level, texts of exceptions, files that the product writes, arguments and
environments of the processes that it starts, and what those print. Requests on the wire are no sink, nor is the
embedded ARM's state, which stands for Azure's.

A test that leaks is in error at its teardown, even if it passed. The findings show no secret either.
"""

from __future__ import annotations

import base64
import logging
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from reconciler.errors import ReconcilerError
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import FrameType

MARK: Final = "CANARY"
"""Letters alone: in a percent-encoded, JSON-escaped or HTML-escaped text it stands as it is."""

_OURS: Final = f"{ROOT}{os.sep}"
_PRODUCT: Final = f"{ROOT / 'reconciler'}{os.sep}"
_AZURE: Final = f"{ROOT / 'reconciler' / 'emulator'}{os.sep}"
_INSTALLED: Final = f"{sys.prefix}{os.sep}"
_LOGGERS: Final = ("reconciler", "azure", "msal", "httpx", "httpcore", "hpack", "urllib3")
"""Whose settings outlive a test: each test finds them as a process does that has just started."""


def _base64(shift: int) -> str:
    """Return the characters that do not depend on what stands before and after *MARK*, *shift* bytes into a group."""
    text = base64.b64encode(bytes(shift) + MARK.encode()).decode()
    return text[-(-8 * shift // 6) : 8 * (shift + len(MARK)) // 6]


FORMS: Final = {
    "as it is": MARK,
    **{
        f"in {name}, {case}": "".join(escape.format(ord(char)) for char in MARK)
        for name, pattern in {"percents": "%{:02_}", "JSON escapes": "\\u{:04_}", "hexadecimal": "{:02_}"}.items()
        for case, escape in {"lower case": pattern.replace("_", "x"), "upper case": pattern.replace("_", "X")}.items()
    },
    **{f"in base64, {shift} bytes in": _base64(shift) for shift in range(3)},
}


def traces(text: str) -> list[str]:
    """Return the forms in which *text* holds the mark."""
    return [name for name, form in FORMS.items() if form in text]


def texts_of(error: BaseException | None) -> Iterator[str]:
    """Yield what a traceback prints of an exception, of those in it and of those that led to it, save lines of code."""
    while error is not None:
        yield f"{type(error).__name__}: {error} {error!r} {getattr(error, '__notes__', '')}"
        for inner in getattr(error, "exceptions", ()):
            yield from texts_of(inner)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


class Watch(logging.Handler):
    """
    Hears of everything that goes into a sink.

    Attributes:
        leaks: Of the test that runs: where, in which form, and what stands around it.
        written: Files that the product opened for writing in this test.
    """

    def __init__(self) -> None:
        """Hear nothing yet."""
        super().__init__(logging.NOTSET)
        self.leaks: list[str] = []
        self.written: set[str] = set()
        self.is_on = False

    def note(self, sink: str, text: str | bytes | None) -> None:
        """Look through what goes into a sink."""
        if not self.is_on or not text:
            return
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        for name in traces(text):
            at = text.index(FORMS[name])
            around = text[max(0, at - 60) : at + 60].replace(FORMS[name], "…")
            self.leaks.append(f"{sink} shows a secret {name}: {around!r}")

    def emit(self, record: logging.LogRecord) -> None:
        """Look through a log record, as any formatter could print it."""
        self.note(f"logger {record.name}", record.getMessage())
        if record.exc_info:
            for text in texts_of(record.exc_info[1]):
                self.note(f"logger {record.name}", text)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Hear what the interpreter is about to do (``sys.addaudithook``)."""
        if not self.is_on:
            return
        if event == "open":
            path, _, flags = args
            if flags & (os.O_WRONLY | os.O_RDWR) and isinstance(path, str) and _is_product(sys._getframe(1)):
                self.written.add(str(Path(path).absolute()))
        elif event == "os.rename":
            self._moved(os.fspath(args[0]), args[2])
        elif event == "subprocess.Popen" and _is_product(sys._getframe(1)):
            _, arguments, _, environment = args
            self.note("arguments of a process", " ".join(map(os.fsdecode, arguments)))
            self.note("environment of a process", str(environment or dict(os.environ)))

    def _moved(self, path: str | bytes, folder: int) -> None:
        """Look into what gets another name: from a folder that is open, it has no path that was seen."""
        if folder >= 0 and _is_product(sys._getframe(2)):
            path = Path(f"/proc/self/fd/{folder}", os.fsdecode(path)).as_posix()
            self.note("a file that was written", Path(path).read_bytes())
        else:
            self._look_into(path)

    def _look_into(self, path: str | bytes) -> None:
        if path in self.written and Path(os.fsdecode(path)).is_file():
            self.note("a file that was written", Path(os.fsdecode(path)).read_bytes())

    def finish(self) -> list[str]:
        """Look through what is left in the files, and give what was found."""
        for path in self.written:
            self._look_into(path)
        return self.leaks

    @contextmanager
    def over_a_test(self) -> Iterator[None]:
        """Hear everything, and leave the loggers as they were."""
        root = logging.getLogger()
        loggers = [root, *map(logging.getLogger, _LOGGERS)]
        before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
        for logger in loggers[1:]:
            logger.handlers, logger.propagate = [], True
            logger.setLevel(logging.NOTSET)
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        self.leaks, self.written, self.is_on = [], set(), True
        try:
            yield
        finally:
            self.is_on = False
            for logger, handlers, level, propagate in before:
                logger.handlers, logger.propagate = handlers, propagate
                logger.setLevel(level)


def _is_product(frame: FrameType | None) -> bool:
    """Whether the innermost code of this repository that is running is the product's."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_OURS) and not file.startswith(_INSTALLED):
            return file.startswith(_PRODUCT) and not file.startswith(_AZURE)
        frame = frame.f_back
    return False


WATCH: Final = Watch()


def _then(function: Callable[..., Any], look: Callable[..., None]) -> Callable[..., Any]:
    """Return *function*, with a look at its arguments and its result."""

    def watched(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        look(result, *args)
        return result

    return watched


def _note_both(result: tuple[Any, Any], *_: Any) -> None:
    WATCH.note("standard output", result[0])
    WATCH.note("standard error", result[1])


def _note_raised(_: None, error: BaseException, *__: Any) -> None:
    for text in texts_of(error):
        WATCH.note("exception", text)


def _note_caught(_: None, caught: pytest.ExceptionInfo[BaseException], *__: Any) -> None:
    _note_raised(None, caught.value)


def pytest_configure(config: pytest.Config) -> None:
    """Stand where everything passes: at the interpreter's events, captured output, and exceptions."""
    sys.addaudithook(WATCH.audit)
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setattr(pytest.CaptureFixture, "readouterr", _then(pytest.CaptureFixture.readouterr, _note_both))
    patch.setattr(subprocess.Popen, "communicate", _then(subprocess.Popen.communicate, _note_both))
    patch.setattr(pytest.ExceptionInfo, "fill_unfilled", _then(pytest.ExceptionInfo.fill_unfilled, _note_caught))
    patch.setattr(ReconcilerError, "__init__", _then(ReconcilerError.__init__, _note_raised))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Watch one test, from the setup of its first fixture to the teardown of its last."""
    with WATCH.over_a_test():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail the teardown of a test that leaked; output that pytest captured is searched here."""
    report = yield
    if report.when == "teardown":
        for name, content in report.sections:
            if "log" not in name:
                WATCH.note(name, content)
        if leaks := WATCH.finish():
            report.outcome = "failed"
            report.longrepr = "\n".join(dict.fromkeys(leaks))
    return report
