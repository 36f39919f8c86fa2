"""The lines of a run, without a secret. Pure."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from reconciler.secret.text import printable, scrub, scrub_known
from reconciler.values import MISSING
from tests.live.fact import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.secret.text import Secret
    from tests.live.fact import Fact, Verdict

_WIDTH: Final = 9
_LONGEST: Final = 400


def line(fact: Fact, verdict: Verdict, secrets: Iterable[Secret]) -> str:
    """Return the line of one fact; where it differs, with both values on lines of their own."""
    known = tuple(secrets)
    head = f"{verdict.state:<{_WIDTH}}  {fact.id}: {fact.sentence}"
    if verdict.state is State.DIFFERS:
        both = (("expected", verdict.expected), ("answered", verdict.got))
        values = "".join(f"\n{'':<{_WIDTH}}  {name}: {_shown(value, known)}" for name, value in both)
        return f"{head}{values}\n{'':<{_WIDTH}}  source: {fact.source}"
    return f"{head} [{_shown(verdict.words, known)}]" if verdict.words else head


def _shown(value: Any, secrets: tuple[Secret, ...]) -> str:
    text = value if isinstance(value, str) else json.dumps(printable(_plain(value)), ensure_ascii=False, default=str)
    text = scrub(scrub_known(text, secrets))
    visible = "".join(char if char.isprintable() else "�" for char in text)
    return visible if len(visible) <= _LONGEST else f"{visible[:_LONGEST]}…"


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: absent values in words, moments as text."""
    if value is MISSING:
        return "(absent)"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def summary(verdicts: Sequence[Verdict], total: int) -> str:
    """Return the counts, and how many facts were not reached."""
    counts = [f"{sum(each.state is state for each in verdicts)} {state}" for state in State]
    missed = total - len(verdicts)
    return f"{total} facts: {', '.join(counts)}{f', {missed} not reached' if missed else ''}."


def remains(touched: Mapping[str, None]) -> Iterator[str]:
    """Yield which resources remain, and the commands that remove them, children first."""
    if not touched:
        yield "Nothing was created."
        return
    yield "This run deletes nothing. To remove its resources:"
    for path in sorted(touched, key=lambda path: (-path.count("/"), path)):
        yield f"  az resource delete --ids {shlex.quote(path)}"
    if any(path.endswith("public") for path in touched):
        yield "Before a shared gallery can be deleted: az sig share reset --resource-group … --gallery-name …"
