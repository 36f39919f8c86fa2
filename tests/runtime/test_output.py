"""Files that are whole or not there, and a standard output that its reader may close."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.errors import OutputError
from reconciler.runtime.output import deliver, write_file, write_stdout


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file(tmp_path: Path) -> None:
    """Folders are made, text is UTF-8 with plain line ends."""
    file = tmp_path / "new" / "folder" / "report.json"
    write_file(file, "é\n")
    assert file.read_bytes() == b"\xc3\xa9\n"
    write_file(file, "two")
    assert file.read_text(encoding="utf-8") == "two"
    assert names(file.parent) == ["report.json"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_a_file(tmp_path: Path, umask: int, mode: int) -> None:
    """A report is read by whom the umask lets, a plan by its owner alone; the umask stays as it was."""
    before = os.umask(umask)
    try:
        write_file(tmp_path / "report", "text")
        write_file(tmp_path / "plan", "text", private=True)
    finally:
        assert os.umask(before) == umask
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("report", "plan")]
    assert modes == [mode, 0o600]


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (os, "replace")])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    """After a failure at any step the old file stays and no other file is left."""
    file = tmp_path / "report.json"
    write_file(file, "old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, name, fail)
    with pytest.raises(OutputError, match=r"report\.json cannot be written: No space left on device"):
        write_file(file, "new")
    assert file.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["report.json"]


def test_an_interrupt_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even Ctrl-C does, and it is still Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "report.json", "new")
    assert names(tmp_path) == []


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A folder in its place, or a file where a folder should be, is said."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (tmp_path / "folder", tmp_path / "file" / "report.json"):
        with pytest.raises(OutputError, match="cannot be written"):
            write_file(path, "text")
    assert names(tmp_path) == ["file", "folder"]


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """It is written as it is."""
    write_stdout("é\n")
    assert capsys.readouterr().out == "é\n"


def test_a_narrow_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character that the locale lacks is escaped."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    write_stdout("a é →\n")
    assert raw.getvalue() == b"a \\xe9 \\u2192\n"


def test_no_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed before the start, it is not there at all."""
    monkeypatch.setattr(sys, "stdout", None)
    write_stdout("text")


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_reader_that_has_gone(size: int) -> None:
    """``| head -1`` ends no run with a traceback, then or when the interpreter exits."""
    program = f"""
import sys
from reconciler.runtime.output import write_stdout
sys.stdin.read()
write_stdout("x" * {size})
write_stdout("y" * {size})
sys.stderr.write("went on")
"""
    read, write = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=write, stderr=subprocess.PIPE
    ) as process:
        os.close(write)
        os.close(read)
        _, errors = process.communicate(b"")
    assert (process.returncode, errors) == (0, b"went on")


def test_a_reader_that_has_gone_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is still buffered goes nowhere, and so does what comes after it."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        write_stdout("text")
        write_stdout("more")


def test_everything_that_can_be_written_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file that cannot be written, or a full standard output, keeps nothing else from being written."""
    (tmp_path / "folder").mkdir()
    files = [(tmp_path / "folder", "x"), (tmp_path / "report", "y")]
    with pytest.raises(OutputError, match="folder cannot be written"):
        deliver("text\n", files)
    assert capsys.readouterr() == ("text\n", "")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OutputError, match=r"standard output cannot be written: No space left on device; .*folder"):
            deliver("text\n", files)
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            full.close()
    assert capsys.readouterr() == ("", "text\n")
    assert (tmp_path / "report").read_text() == "y"


def test_what_is_no_file_is_written_and_not_replaced(tmp_path: Path) -> None:
    """A pipe stays a pipe, so ``--report json=/dev/stdout`` harms nothing; of a link the target is written."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(pipe, "text")
        assert os.read(reader, 100) == b"text"
        assert pipe.is_fifo()
    finally:
        os.close(reader)
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_file(link, "new")
    assert (target.read_text(), link.is_symlink()) == ("new", True)
