"""
``python -m tests.mutation [NAME…]``: break every rule of the list, or only those named, one at a time.

Exit code 0: the tests see each. 1: at least one survives. 2: the check itself is broken.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation.check import PAGE, BrokenCheckError, Copy, Verdict, page, read_mutants
from tests.planting.mutant import stale


def main(names: list[str]) -> int:
    """Run the check, write its page if nothing was left out, and give the exit code."""
    mutants, tests = read_mutants()
    wrong = stale(mutants)
    chosen = [mutant for mutant in mutants if not names or mutant.name in names]
    if wrong or not chosen:
        say("\n".join(wrong) or "no mutant has that name")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy.made(Path(folder), tests)
        try:
            failure = copy.baseline()
            if failure is not None:
                say(f"{'::'.join(failure)} fails without a mutant")
                return 2
            verdicts = [judged(copy.judge(mutant)) for mutant in chosen]
        except (BrokenCheckError, subprocess.TimeoutExpired) as error:
            say(str(error))
            return 2
    if not names:
        PAGE.write_text(page(verdicts), encoding="utf-8", newline="\n")
    survived = sum(verdict.seen_by is None for verdict in verdicts)
    say(f"{len(verdicts) - survived} of {len(verdicts)} seen")
    return 1 if survived else 0


def judged(verdict: Verdict) -> Verdict:
    """Return what became of a mutant, and pass it on."""
    seen = f"seen by {'::'.join(verdict.seen_by)}" if verdict.seen_by else "SURVIVED"
    say(f"{verdict.mutant.name}: {seen}")
    return verdict


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
