"""No text on a standard stream is a command to a CI runner or a terminal, from any part of the program."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from reconciler.runtime.streams import Form, guarded, safe
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMANDS = (
    "##vso[task.setvariable variable=x]y",
    "text ##vso[task.complete]",
    "##[error]x",
    "x ##[add-mask]y",
    "::set-output name=x::y",
    "  ::error::x",
    "\t::stop-commands::x",
    "##teamcity[x]",
    "#\x1b[1m#[error]x",
    ":\x1b[0m:error::x",
    "\r::error::x",
    "a\u2028::error::x",
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x9b2J",
    "\u202egnp.exe",
    "\x08\x08",
)


def _is_live(text: str) -> bool:
    """Whether a runner or a terminal would obey something in *text*."""
    bare = text.replace("\x1b[0m", "").replace("\x1b[1m", "")
    lines = bare.replace("\r", "\n").replace("\u2028", "\n").split("\n")
    return (
        "##[" in bare
        or "##vso[" in bare
        or "##teamcity[" in bare
        or any(line.strip().startswith("::") for line in lines)
        or any(char in bare for char in "\x1b\x9b\x08\x07\r\u202e\u2028")
    )


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("color", [True, False])
def test_no_command_is_left(form: Form, color: bool) -> None:  # noqa: FBT001
    """In no form, with colors or without; doing it twice changes nothing."""
    for command in COMMANDS:
        text = command
        if form is Form.COMMANDS and text == COMMANDS[0]:
            text = f" {text}"  # where a command of a report does not stand
        if form is Form.JSON:
            text = json.dumps({"a": text}, ensure_ascii=False)
        made = safe(f"before\n{text}\nafter\n", form, color=color)
        assert not _is_live(made)
        assert safe(made, form, color=color) == made


@pytest.mark.parametrize("text", COMMANDS)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_stays_json_of_the_same_values(text: str, ascii_only: bool) -> None:  # noqa: FBT001
    """A parser sees every character as it was, those beyond the first plane too."""
    value = {text: [text, "é\U0001f600\U000e0100"]}
    made = safe(json.dumps(value, ensure_ascii=ascii_only, indent=1), Form.JSON)
    assert json.loads(made) == value
    assert not _is_live(made)


@pytest.mark.parametrize(
    "text", ["plain\n", "## A heading\n| a | b |\n", "a::b and C::d\n", "é → ü\n", "\x1b[1mbold\x1b[0m\n", "a\tb\n", ""]
)
def test_what_is_no_command_stays(text: str) -> None:
    """Headings, tables, scopes and colors."""
    assert safe(text, color=True) == text


def test_the_commands_of_a_report_stay_alive() -> None:
    """Those that a report in the runner's format consists of; what they quote, and all others, do not."""
    github = "::error file=a.yaml,line=1::bad ##[x]\n::add-mask::x\n"
    assert safe(github, Form.COMMANDS) == "::error file=a.yaml,line=1::bad #\\x23[x]\n:\\x3aadd-mask::x\n"
    azure = "##vso[task.logissue type=error]bad ##vso[x]\n##vso[task.complete]x\n"
    assert safe(azure, Form.COMMANDS) == "##vso[task.logissue type=error]bad #\\x23vso[x]\n#\\x23vso[task.complete]x\n"


@pytest.mark.parametrize(
    "write",
    [
        click.echo,
        lambda text: click.echo(text.encode()),
        lambda text: click.echo(text, err=True),
        print,
        lambda text: print(text[:3], end="") or print(text[3:]),  # noqa: T201
        lambda text: [sys.stderr.write(char) for char in text],
        lambda text: sys.stdout.writelines([text]),
    ],
)
def test_no_library_writes_past_the_guard(write: Callable[[str], object], capsys: pytest.CaptureFixture[str]) -> None:
    """Neither click nor the interpreter, in one piece or in many."""
    for text in COMMANDS[:8]:
        with guarded():
            write(f"\n{text}")
        out, err = capsys.readouterr()
        assert out + err
        assert not _is_live(out + err)


def test_the_guard_goes_with_its_context(capsys: pytest.CaptureFixture[str]) -> None:
    """The streams are the process's own again; one that is not there stays so."""
    before = sys.stdout, sys.stderr
    with guarded(), guarded():
        assert sys.stdout is not before[0]
        assert not sys.stdout.isatty()
        assert sys.stdout.encoding == before[0].encoding
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("", "")


def test_a_locale_without_the_character(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written as an escape."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    with guarded():
        print("é")  # noqa: T201
    assert raw.getvalue() == b"\\xe9\n"


def test_no_other_module_writes_to_a_stream(tmp_path: Path) -> None:
    """A lint rule holds it: each way to write is refused in any module but one."""
    root = ROOT
    calls = ("click.echo(1)", "click.secho(1)", "sys.stdout.write('')", "sys.stderr.write('')", "print(1)")
    source = "\n".join(("import sys", "", "import click", "", *calls, ""))
    arguments = [sys.executable, "-m", "ruff", "check", "--config", str(root / "pyproject.toml"), "--no-cache"]
    arguments += ["--output-format", "json", "--stdin-filename", str(root / "reconciler" / "other.py"), "-"]
    done = subprocess.run(arguments, input=source, capture_output=True, text=True, check=False, cwd=tmp_path)
    found = [each["code"] for each in json.loads(done.stdout)]
    assert found.count("TID251") == 4
    assert found.count("T201") == 1
