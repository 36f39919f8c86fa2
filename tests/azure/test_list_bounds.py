"""What one list, or one answer, may take of memory, however little of the network it takes."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import replace
from typing import Any

import httpx
import pytest

from reconciler.azure.answers import ARM
from reconciler.errors import UnusableAnswerError
from reconciler.http.bounds import Bounds
from reconciler.http.tokens import StaticToken
from reconciler.json.size import MOST, values_in
from reconciler.secret.text import Secret
from tests.kit.arm import ENDPOINT, RESOURCE, VERSION, Wire, client
from tests.kit.clock import FakeClock
from tests.kit.loops import run

LIST = f"{RESOURCE}/applications"


class Endless(Wire):
    """A list that never ends, page after page."""

    def __init__(self, items: int, padding: str = "") -> None:
        """Return pages of so many items, each with *padding* in it."""
        super().__init__(FakeClock())
        self.pages = 0
        self._items = items
        self._padding = padding

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Return the next page."""
        self.pages += 1
        value = [{"id": f"{LIST}/a{self.pages}-{n}", "properties": {"a": self._padding}} for n in range(self._items)]
        return httpx.Response(200, json={"value": value, "nextLink": f"{ENDPOINT}{LIST}?page={self.pages}"})


def _read(wire: Endless, bounds: Bounds | None = None) -> UnusableAnswerError:
    arm = client(wire, StaticToken(Secret("CANARY")))
    if bounds is not None:
        arm.transport.service = replace(ARM, bounds=bounds)
    with pytest.raises(UnusableAnswerError) as caught:
        run(arm.list(LIST, VERSION))
    return caught.value


@pytest.mark.slow
def test_a_list_has_at_most_a_hundred_thousand_items() -> None:
    """The page that goes beyond it is the last one that is read."""
    wire = Endless(20_000)
    assert _read(wire).info.code == "UnusableAnswer"
    assert wire.pages == 6


@pytest.mark.parametrize(
    ("bounds", "pages"),
    [(replace(Bounds(), list_bytes=1_000_000), 10), (replace(Bounds(), list_values=1_000), 84)],
)
def test_a_list_is_bounded_as_a_whole(bounds: Bounds, pages: int) -> None:
    """In bytes and in values, each page being small."""
    padding = "x" * 100_000 if bounds.list_bytes < Bounds().list_bytes else ""
    wire = Endless(1 if padding else 2, padding)
    assert _read(wire, bounds).info.code == "UnusableAnswer"
    assert wire.pages == pytest.approx(pages, rel=0.2)


def test_the_bounds_are_those_of_the_contract() -> None:
    """A hundred thousand items, 256 MB."""
    assert (Bounds().list_items, Bounds().list_bytes) == (100_000, 256 * 1024 * 1024)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["[]", "{}", "1", '""', "[[]]", '{"a":{}}'])
def test_values_are_counted_before_they_are_parsed(unit: str) -> None:
    """A list with more values than allowed is refused, with values of every type."""
    content = f'{{"value": [{",".join([unit] * (MOST + 1))}]}}'.encode()
    wire = Wire(FakeClock(), httpx.Response(200, content=content))
    with pytest.raises(UnusableAnswerError, match="values"):
        run(client(wire).list(LIST, VERSION))


@pytest.mark.parametrize("text", [",[{:" * 400_000, '\\",[' * 400_000, "\\\\"])
def test_what_a_text_holds_is_not_counted(text: str) -> None:
    """Commas and brackets of a script are no values."""
    content = json.dumps({"id": RESOURCE, "properties": {"script": text}}).encode()
    assert values_in(content) < MOST
    wire = Wire(FakeClock(), httpx.Response(200, content=content))
    found: Any = run(client(wire).get(RESOURCE, VERSION))
    assert found["properties"]["script"] == text


_PROGRAM = textwrap.dedent("""
    import resource
    from reconciler.azure.answers import ARM, json_object
    from reconciler.http.answer import Answer
    from reconciler.plan.checksum import opened
    from reconciler.errors import ReconcilerError
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content = b'{"value": [' + b"[]," * 10_000_000 + b"[]]}"
    for read in (lambda: json_object(Answer(200, {}, content, ARM)), lambda: opened(content, "snapshot", {}, {})):
        try:
            read()
        except (ReconcilerError, ValueError):
            pass
        else:
            raise SystemExit("was read")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
""")


def test_thirty_megabytes_of_lists_take_no_more_than_a_few_times_that() -> None:
    """They took thirty times as much."""
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 150 * 1024  # kilobytes
