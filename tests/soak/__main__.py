"""``python -m tests.soak ROUNDS``: play so many rounds of the loop. Exit code 0: all held. 1: something did not."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.play import Violation, flat, soak


def main(arguments: list[str]) -> int:
    """Play, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Plays rounds of the loop.")
    parser.add_argument("rounds", type=int, help="how many")
    parser.add_argument("--seed", type=int, help="of the troubles (default: a fresh one)")
    given = parser.parse_args(arguments)
    seed = given.seed if given.seed is not None else int.from_bytes(os.urandom(4))
    say(f"{given.rounds:,} rounds from seed {seed}")
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            played = soak(Path(folder), given.rounds, seed, max(1, given.rounds // 10))
        flat(played.sizes)
    except Violation as violation:
        say(f"VIOLATION: {violation}")
        return 1
    say("\n".join(map(str, played.sizes)))
    say(", ".join(f"{name}: {times:,}" for name, times in sorted(played.counts.items())))
    say(f"{time.monotonic() - began:.0f} s")
    return 0


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
