"""The watch over all tests finds what leaks, in every sink and in every form."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.kit.canary import MARK, traces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PRELUDE = f"""
import asyncio, gc, logging, os, subprocess, sys, warnings
from contextlib import suppress
import pytest
from reconciler.errors import RequestError, ErrorInfo
from reconciler.filesystem import write_below
from reconciler.history import git
from reconciler.runtime.output import write_file

MARK = "{MARK}"


def caught(error, cause=None):
    with pytest.raises(type(error)):
        raise error from cause


def logged(error):
    try:
        raise error
    except Exception:
        logging.getLogger("any").exception("no")


def asked(folder, *arguments, **environment):
    with suppress(git._FailedError), git._started("true", arguments, folder, environment):
        pass


async def forgotten():
    async def breaks():
        raise ValueError(MARK)

    task = asyncio.ensure_future(breaks())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task


@pytest.fixture
def early():
    print(MARK)


@pytest.fixture
def late():
    yield
    print(MARK)


def test_of_no_leak(tmp_path):
    "What a test itself writes, and what it gives to a process that it starts, is its own affair."
    (tmp_path / "manifest.yaml").write_text(MARK)
    subprocess.run(["true", MARK], check=True, env={{"X": MARK}})
    logging.getLogger("any").debug("nothing")
    write_file(tmp_path / "report.json", "nothing")
"""
LEAKS = {
    "stdout()": "print(MARK)",
    "stderr()": "print(MARK, file=sys.stderr)",
    "stdout_of_a_setup(early)": "pass",
    "stdout_of_a_teardown(late)": "pass",
    "stdout_that_was_read(capsys)": "print(MARK); capsys.readouterr()",
    "stdout_of_the_process()": "os.write(1, MARK.encode())",
    "log_of_any_logger()": "logging.getLogger('any').debug('%s', MARK)",
    "log_of_the_product()": "logging.getLogger('reconciler.azure').debug('%s', MARK)",
    "log_of_a_library()": "logging.getLogger('httpx').debug('%s', MARK)",
    "log_of_an_exception()": "logged(ValueError(MARK))",
    "log_of_a_task()": "asyncio.run(forgotten()); gc.collect()",
    "exception()": "caught(ValueError(MARK))",
    "exception_behind_another()": "caught(ValueError('x'), ValueError(MARK))",
    "exception_in_a_group()": "caught(ExceptionGroup('x', [ValueError(MARK)]))",
    "exception_of_the_product()": "RequestError(ErrorInfo('x', MARK))",
    "exception_of_a_warning()": "pytest.raises(UserWarning, warnings.warn, MARK)",
    "file_below_a_folder(tmp_path)": "write_below(tmp_path, 'a/report.json', MARK)",
    "file(tmp_path)": "write_file(tmp_path / 'report.json', MARK)",
    "file_that_was_moved(tmp_path)": "write_file(tmp_path / 'a', MARK); (tmp_path / 'a').rename(tmp_path / 'b')",
    "process_and_its_arguments(tmp_path)": "asked(tmp_path, MARK)",
    "process_and_environment(tmp_path, monkeypatch)": "asked(tmp_path, X=MARK)",
    "process_and_its_output()": "subprocess.run(['echo', MARK], capture_output=True, check=True)",
}


@pytest.mark.slow
def test_every_sink_is_watched(tmp_path: Path, root: Path) -> None:
    """A leak to any sink puts its test in error, and no other test; no finding shows the secret."""
    tests = [f"def test_of_{head}:\n    {body}\n" for head, body in LEAKS.items()]
    file = tmp_path / "test_leaks.py"
    file.write_text("\n\n".join([PRELUDE, *tests]), encoding="utf-8")
    options = ["-p", "tests.kit.canary", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "--show-capture=no"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rAE", "-c", str(root / "pyproject.toml"), *options, str(file)],
        cwd=root,
        env={**os.environ, "PYTEST_ADDOPTS": ""},  # options of the run that this test is part of
        capture_output=True,
        text=True,
        check=False,
    )
    leaked = re.findall(r"^ERROR .*::test_of_(\w+)", done.stdout, re.MULTILINE)
    assert leaked == [head.partition("(")[0] for head in LEAKS], done.stdout
    assert f"{len(LEAKS) + 1} passed, {len(LEAKS)} errors" in done.stdout
    assert "shows a secret as it is: '" in done.stdout


FORMS: Mapping[str, Callable[[str], str]] = {
    "raw": str,
    "percents": quote,
    "percents twice": lambda text: quote(quote(text)),
    "every character in percents": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "JSON": json.dumps,
    "every character in JSON": lambda text: "".join(f"\\u{ord(char):04X}" for char in text),
    "HTML": html.escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found(form: str) -> None:
    """Wherever the mark stands in a longer secret."""
    for before in range(7):
        secret = f"{'sig=&<é'[:before]}{MARK}%/+ "
        assert traces(FORMS[form](secret))
        assert not traces(FORMS[form](secret.replace(MARK, MARK.lower())))
