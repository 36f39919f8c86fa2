"""
Secrets by the thousand, in every form in which a service may quote them, against everything that a run can show.

    python -m tests.kit.redaction [COUNT [SEED]]

Each secret is live in an older version, is stated anew in a manifest, and is quoted by ARM in the error that its PUT
ends in. It holds a word of letters and digits, which no encoding but base64 changes: a sink that shows twelve
characters of that word, in any encoding, leaks.
"""

from __future__ import annotations

import asyncio
import base64
import html
import json
import logging
import string
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from reconciler.compare.explain import explain
from reconciler.compare.rows import Explanation
from reconciler.errors import RequestError
from reconciler.export.documents import Place, export
from reconciler.export.found import Found
from reconciler.kinds.live import Live
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.model.outcome import Report
from reconciler.plan import snapshot
from reconciler.plan.decide import make_plan
from reconciler.plan.saved import save
from reconciler.report import FORMATS, render, render_explanation
from reconciler.runtime.logs import _Json, _Text
from tests.kit.service import GROUP, bench, definition, refuses, restated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reconciler.model.change import Plan
    from reconciler.model.live import Observation
    from reconciler.model.outcome import Outcome
    from reconciler.problems import Manifest
    from tests.kit.service import Bench

FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "raw": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "JSON": lambda text: json.dumps({"link": text}).replace("&", "\\u0026"),
    "HTML": html.escape,
    "first half": lambda text: text[: len(text) // 2],
    "second half": lambda text: text[len(text) // 2 :],
    "halves exchanged": lambda text: text[len(text) // 2 :] + text[: len(text) // 2],
}
_BATCH: Final = 10
_PIECE: Final = 12
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Sample:
    """
    One secret.

    Attributes:
        word: What tells it.
        value: What is secret: the word with what else a signature, a function key or a password may hold.
    """

    word: str
    value: str

    def pieces(self) -> set[str]:
        """Return what must not be seen: pieces of the word, as it is and in base64."""
        codes = [base64.b64encode(bytes(shift) + self.word.encode()).decode()[4:-4] for shift in range(3)]
        return {text[at : at + _PIECE] for text in (self.word, *codes) for at in range(len(text) - _PIECE + 1)}


def samples(chance: Random) -> Iterator[Sample]:
    """Yield secrets without end."""
    for number in count():
        word = "".join(chance.choices(_LETTERS, k=chance.randrange(32, 44)))
        others = chance.choices("+/&=~!$*", k=3)
        value = (
            f"sv=2022-11-02&sr=b&se=2026-11-22T00%3A00%3A00Z&sp=r&sig={word}%2B%3D",
            f"code={word}%3D%3D&clientId=default",
            f"key={others[0]}{word}{others[1]}{others[2]}",
        )[number % 3]
        yield Sample(word, value)


@dataclass(slots=True)
class Figure:
    """
    What was looked at, and what was found.

    Attributes:
        shown: Characters, by sink.
        secrets: How many were stated, and then exchanged for as many others.
        sent: How many of them reached ARM as they are.
        leaks: Sinks and forms, and how often.
    """

    shown: Counter[str] = field(default_factory=Counter)
    secrets: int = 0
    sent: int = 0
    leaks: Counter[str] = field(default_factory=Counter)

    def look(self, sink: str, text: str, secrets: Sequence[Sample]) -> None:
        """Look through what a sink shows."""
        self.shown[sink] += len(text)
        windows = {text[at : at + _PIECE] for at in range(len(text) - _PIECE + 1)}
        self.leaks[sink] += sum(not windows.isdisjoint(sample.pieces()) for sample in secrets)


def measure(amount: int, seed: int = 0) -> Figure:
    """Let *amount* secrets go through everything, each in every form."""
    figure, source = Figure(), samples(Random(seed))
    for _ in range(0, amount, _BATCH):
        asyncio.run(_batch([next(source) for _ in range(_BATCH)], [next(source) for _ in range(_BATCH)], figure))
    figure.leaks = +figure.leaks
    return figure


def _links(sample: Sample) -> set[str]:
    return {
        f"https://packages.blob.core.windows.net/suite/app.zip?{sample.value}",
        f"https://hooks.example/in?{sample.value}",
    }


def _stated(secrets: Sequence[Sample], text: str) -> list[Manifest]:
    """Return a manifest for each secret and form, with the secret at every place that a definition has for one."""
    made = []
    for number, sample in enumerate(secrets):
        hook, package = sorted(_links(sample))
        endpoints = {"notificationEndpoints": [{"uri": hook}]}
        made += [
            definition(
                f"d{number}x{form}",
                description=_described(text, sample),
                packageFileUri=package,
                notificationPolicy=endpoints,
            )
            for form in range(len(FORMS))
        ]
    return made


def _described(text: str, sample: Sample) -> str:
    """Return a script that holds the word as people write credentials: it is no secret leaf, only a text."""
    word = sample.word[::-1]
    return f"{text}\nexport AZP_TOKEN={word}\ncurl -u me:{word} https://me:{word}@host.example"


async def _batch(old: Sequence[Sample], new: Sequence[Sample], figure: Figure) -> None:
    async with bench(*_stated(old, "old")) as first:
        errors = {outcome.error for outcome in (await first.apply()).values()}
        assert errors == {None}, errors
        test = restated(first, *_stated(new, "new"))
        for number, sample in enumerate(new):
            for form, written in enumerate(FORMS.values()):
                message = f"The link ({written(sample.value)}) of {written(f'https://hooks.example/in?{sample.value}')}"
                test.service.plan("PUT", f"d{number}x{form}", refuses(400, "BadLink", f"{message} cannot be read."))
        observation = await test.observe(health=True)
        plan, _ = make_plan(test.desired, observation, test.policy)
        outcomes = await test.applier().apply(plan)
        assert {outcome.result for outcome in outcomes.values()} == {"failed"}
        for sample, item in zip(old, first.desired[:: len(FORMS)], strict=True):
            stored = json.dumps(test.world.stored(item.id), ensure_ascii=False)
            figure.sent += all(link in stored for link in _links(sample))
        figure.secrets += len(old)
        for sink, text in _sinks(test, plan, observation, outcomes):
            figure.look(sink, text, [*old, *new])
            if sink != "repr and str":  # a description is no secret leaf: the net is what hides a credential in it
                figure.look(sink, text, [Sample(sample.word[::-1], "") for sample in (*old, *new)])


def _sinks(
    test: Bench, plan: Plan, observation: Observation, outcomes: Mapping[str, Outcome]
) -> Iterator[tuple[str, str]]:
    now = test.clock.now()
    for command, done in (("plan", {}), ("apply", outcomes)):
        report = Report(command, now, now, plan, done)
        for name in FORMATS:
            yield f"{command} as {name}", render(report, name)
        yield f"{command} in color", render(report, "text", color=True)
    yield from _explanations(plan, observation)
    yield "export", _exported(test, observation)
    live = {key: found.body for key, found in observation.observed.items() if isinstance(found, Live)}
    yield "saved plan", save(plan, live, "project", now)
    source = {"cloud": "public", "endpoint": "https://management.azure.com", "project": "project"}
    yield "snapshot", snapshot.save(observation, test.desired, **source, now=now)
    values: list[object] = [
        live,
        *(outcome.error for outcome in outcomes.values()),
        *(item.body for item in test.desired),
    ]
    values += [change.fields for change in plan.changes]
    for name, formatter in (("text", _Text()), ("json", _Json())):
        records = [logging.LogRecord("reconciler", 10, "", 0, "%s %r", (value, value), None) for value in values]
        yield f"log as {name}", "\n".join(map(formatter.format, records))
    errors = [RequestError(outcome.error) for outcome in outcomes.values() if outcome.error]
    yield "repr and str", "\n".join(f"{value!r} {value}" for value in (*values, *errors))


def _explanations(plan: Plan, observation: Observation) -> Iterator[tuple[str, str]]:
    for change in plan.changes[:: len(FORMS)]:
        rows = explain(change.desired, observation.observed[change.desired.key], Tracking())
        for name in ("text", "json"):
            yield f"explain as {name}", render_explanation(Explanation(change, tuple(rows)), name)


def _exported(test: Bench, observation: Observation) -> str:
    kind = packaged().kinds["ApplicationDefinition"]
    found = [
        Found(
            kind,
            {
                "subscriptionId": GROUP.split("/")[2],
                "resourceGroupName": "rg",
                "applicationDefinitionName": item.id.rpartition("/")[2],
            },
            live,
        )
        for item in test.desired
        if isinstance(live := observation.observed[item.key], Live)
    ]
    exported = export(found, packaged().kinds, Tracking(), Place("manifests"))
    return str(exported)


def main() -> int:
    """Print the figure; exit 1 if anything leaks, or a secret did not reach ARM."""
    given = [int(text) for text in sys.argv[1:3]]
    amount, seed = (*given, *(10_000, 0)[len(given) :])
    figure = measure(amount, seed)
    for sink, characters in sorted(figure.shown.items()):
        sys.stdout.write(f"{sink:20} {characters:15,} characters, {figure.leaks[sink]} leaks\n")
    sys.stdout.write(f"{figure.secrets} secrets in {len(FORMS)} forms; {figure.sent} reached ARM; seed {seed}\n")
    return int(bool(figure.leaks) or figure.sent != figure.secrets)


if __name__ == "__main__":
    sys.exit(main())
