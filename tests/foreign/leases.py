"""Two loops on one lease of Azurite: one writes, and the other one after its end; one that was asleep sends nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

from tests.kit.cli import PROGRAM, Azure, Workspace, gallery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CAME: Final = "it came"
_SECONDS: Final = 90
"""More than a lease lasts, and the tries after it."""


class Loop:
    """A loop as a process of its own, with a folder of its own."""

    def __init__(self, folder: Path, lock: str, environment: Mapping[str, str]) -> None:
        """Start it on one manifest."""
        folder.mkdir()
        Workspace(folder).state(gallery(description="ours"))
        self.log = folder / "reports.jsonl"
        arguments = ("run", "--interval", "1", "--lock", lock, "--storage-host", lock.split("/")[2], "-o", "json")
        with self.log.open("wb") as out, (folder / "err").open("wb") as err:
            self.process = subprocess.Popen([PROGRAM, *arguments], cwd=folder, env=environment, stdout=out, stderr=err)

    def rounds(self) -> list[dict[str, Any]]:
        """Return the reports of all rounds."""
        lines = self.log.read_text("utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def comes_to(self, wanted: Callable[[dict[str, Any]], bool], after: int = 0) -> str:
        """Wait for a round that is as wanted; return CAME if it came."""
        for _ in range(_SECONDS * 5):
            if any(wanted(each) for each in self.rounds()[after:]):
                return CAME
            time.sleep(0.2)
        return f"no such round within {_SECONDS} s"

    def puts(self, after: int = 0) -> int:
        """Return the PUTs of the rounds after the first so many."""
        return sum(each["summary"]["requests"]["PUT"] for each in self.rounds()[after:])


def _is_held(report: dict[str, Any]) -> bool:
    return "held" in report and report["held"]["by"] == "lock"


def _has_written(report: dict[str, Any]) -> bool:
    return bool(report["summary"]["requests"]["PUT"])


def try_leases(
    check: Callable[[str, object, object], None], endpoint: str, folder: Path, environment: Mapping[str, str]
) -> None:
    """Let two loops write the same resource."""
    azure = Azure(folder / "leases.sqlite")
    own = {**environment, "RECONCILER_EMULATOR_STATE": str(folder / "leases.sqlite")}
    lock = f"{endpoint}/packages/lock"
    first = Loop(folder / "first", lock, own)
    loops = [first]
    try:
        check("the first loop writes", CAME, first.comes_to(_has_written))
        second = Loop(folder / "second", lock, own)
        loops.append(second)
        check("the second one does not", CAME, second.comes_to(_is_held))
        name = str(first.process.pid)
        check("and names the first", name, second.rounds()[-1]["held"]["holder"].rpartition(":")[2])
        azure.edit(gallery(), "properties.description", "theirs")
        check("drift is corrected by the first", CAME, first.comes_to(_has_written, len(first.rounds())))
        check("only", 0, second.puts())

        first.process.send_signal(signal.SIGSTOP)
        before = len(first.rounds())
        azure.edit(gallery(), "properties.description", "theirs")
        check("the second takes over from one that sleeps", CAME, second.comes_to(_has_written))
        azure.edit(gallery(), "properties.description", "theirs again")
        first.process.send_signal(signal.SIGCONT)
        check("the first, woken, knows", CAME, first.comes_to(_is_held, before))
        time.sleep(5)
        check("and sends nothing", 0, first.puts(before))

        second.process.kill()
        second.process.wait()
        azure.edit(gallery(), "properties.description", "theirs once more")
        check("it takes over from one that was killed", CAME, first.comes_to(_has_written, before))
        first.process.send_signal(signal.SIGTERM)
        check("SIGTERM: 143", 143, first.process.wait(5))
    finally:
        for loop in loops:
            loop.process.kill()
            loop.process.wait()
