"""
Rounds of the loop over an estate in sync, in one process: ``python -m benchmarks.loop ROOT ENDPOINT ROUNDS``.

Prints one JSON object: CPU seconds of a round and of its reads alone, memory after the tenth round and the last one.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path

from reconciler import pipeline
from reconciler.clock import SystemClock
from reconciler.manifests.estate import Options
from reconciler.pipeline import Task
from reconciler.runtime import loop
from reconciler.runtime.connect import open_reader
from reconciler.runtime.loop import Service
from reconciler.runtime.run import Run
from reconciler.service.round import Round, RoundOutcome
from reconciler.settings import Connection, Environment

EARLY = 10


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def reads(run: Run, times: int) -> float:
    """Return the CPU seconds of the reads of one round."""
    task = Task(run.options, run.estate(), run.registry)
    spent = []
    for _ in range(times):
        async with open_reader(run.connection, run.environment, run.clock) as arm:
            began = time.process_time()
            await pipeline.observed(task, arm)
            spent.append(time.process_time() - began)
    return statistics.median(spent)


async def rounds(run: Run, number: int) -> dict[str, float]:
    """Return the CPU seconds of an unchanged round, and the memory early and at the end."""
    stop, ended, memory = asyncio.Event(), [time.process_time()], []

    def emit(each: Round) -> None:
        assert each.outcome is RoundOutcome.OK, each.report.errors
        assert not each.report.puts, "the estate is not in sync"
        ended.append(time.process_time())
        if len(ended) > EARLY:
            memory.append(resident())
        if len(ended) > number:
            stop.set()

    await loop.rounds(run, Service(interval_s=0.001, report_only=True), emit, stop)
    spent = [after - before for before, after in pairwise(ended)]
    return {"round_s": statistics.median(spent[2:]), "early": memory[0], "late": memory[-1]}


def main(root: str, endpoint: str, number: str) -> None:
    """Measure, and print."""
    connection = Connection("AzurePublicCloud", endpoint, "none")
    run = Run("run", Options((root,)), connection, Environment({"PWD": str(Path.cwd())}), SystemClock())
    found = asyncio.run(rounds(run, int(number)))
    print(json.dumps({"reads_s": asyncio.run(reads(run, 9)), **found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
