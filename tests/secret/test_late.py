"""Patterns are compiled when a text needs them, and not before."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from reconciler.secret.late import late
from reconciler.secret.text import HIDDEN, scrub


def test_a_late_pattern_is_a_pattern() -> None:
    """Each method, by itself and after another one; flags count."""
    for _ in range(2):
        pattern = late(r"a(?P<b>b+)", re.IGNORECASE)
        assert pattern.sub("x", "ABB-ab") == "x-x"
        assert [found["b"] for found in pattern.finditer("ABB-ab")] == ["BB", "b"]
        assert pattern.search("-ab") is not None
        assert pattern.match("-ab", 1) is not None
        assert pattern.fullmatch("-ab") is None
        assert pattern.findall("ab") == ["b"]
    with pytest.raises(AttributeError):
        _ = late("a").groupindex


def test_an_ordinary_manifest_compiles_no_shape_of_a_credential() -> None:
    """Importing compiles nothing; links, regions, versions, ids and names need no pattern."""
    code = """
import re
compiled = []
compile = re.compile
re.compile = lambda source, flags=0: compiled.append(source) or compile(source, flags)
import reconciler.secret.text
assert not any("PRIVATE KEY" in str(source) for source in compiled)
before = len(compiled)
for text in ("Southeast Asia", "agent-1.0.0", "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11", "2035-06-30T00:00:00Z",
             "https://larkspurpackages.blob.core.windows.net/agent/agent-1.0.0.tar.gz", "4 manifests are valid.",
             "Sends metrics and logs of a virtual machine to Larkspur"):
    assert reconciler.secret.text.scrub(text) == text
print(compiled[before:])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("blank", ["\t", "  "])
def test_blanks_do_not_hide_a_command(blank: str) -> None:
    """The words of a command may be apart by any white space."""
    assert HIDDEN in scrub("net use Z: \\\\srv\\share /user:corp\\me Hunter2a".replace(" ", blank))
