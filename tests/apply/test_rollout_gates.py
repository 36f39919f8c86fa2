"""The gate of a rollout: numbers in a row, by HTTPS or by Resource Graph; and a run that waits for the last step."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from reconciler.azure.gates import Gates
from reconciler.manifests.gates import measured, parse_pick, share_failed
from tests.apply.test_rollouts import by_cron, check, on_line
from tests.kit.cli import id_of, version
from tests.kit.clock import ManualClock
from tests.kit.rollouts import ENTRY, Line, documents, row, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reconciler.plan.gate import Row

URL = "http://127.0.0.1:9/rate"
GATE = {"url": URL, "below": 0.5, "every": "5m", "samples": 3}
GATED = {**ENTRY, "gate": GATE}
INCONCLUSIVE: tuple[tuple[int, bytes], ...] = (
    *(
        (200, b"<html>0.1</html>"),
        (200, b"NaN"),
        (200, b"Infinity"),
        (200, b"-Infinity"),
        (200, b"true"),
        (200, b"null"),
    ),
    *((200, b'"0.1"'), (200, b""), (200, b"[0.1]"), (200, b"0." + b"0" * 70_000), (200, b"0" * 1_000_000)),
    *((404, b"0.1"), (500, b"0.1"), (302, b"0.1"), (204, b""), (200, b"1e999"), (200, b"[" * 60_000)),
)


def broken() -> tuple[int, bytes]:
    """Break the connection."""
    message = "no route"
    raise httpx.ConnectError(message)


def test_a_gate_opens_after_so_many_numbers_in_a_row() -> None:
    """The run asks it itself, so often and so far apart; no credential goes there; a plan does not ask."""

    async def scenario(line: Line) -> None:
        await line.apply()
        line.wait(hours=3)
        waiting = await line.plan()
        assert (row(waiting), state_of(waiting).waits_for) == (("wait", "rollout-waiting", "0"), "gate")
        assert not line.asked
        assert row(await line.apply())[0] == "update"
        assert len(line.asked) == 3
        assert [round(after - before) for before, after in zip(line.asked, line.asked[1:], strict=False)] == [300, 300]
        assert b"authorization" not in line.gate_headers
        await by_cron(line)
        await check(line)
        assert len(line.asked) == 9

    on_line(scenario, entry=GATED)


@pytest.mark.parametrize("answer", INCONCLUSIVE)
def test_an_answer_that_is_no_number_keeps_a_step_waiting(answer: tuple[int, bytes]) -> None:
    """The row ends, the step waits, and nothing is written."""

    async def scenario(line: Line) -> None:
        await line.apply()
        line.wait(hours=3)
        line.gate = lambda: answer
        report = await line.apply()
        assert (row(report), state_of(report).waits_for) == (("wait", "rollout-waiting", "0"), "gate")
        assert state_of(report).note
        assert (len(line.asked), len(line.puts)) == (1, 1)

    on_line(scenario, entry=GATED)


def test_a_gate_that_does_not_answer_keeps_a_step_waiting() -> None:
    """A broken connection is inconclusive; a number before it does not count for the next row."""

    async def scenario(line: Line) -> None:
        await line.apply()
        line.wait(hours=3)
        answers = iter([(200, b"0"), (200, b"0")])
        line.gate = lambda: next(answers, None) or broken()
        assert row(await line.apply())[0] == "wait"
        assert len(line.asked) == 3
        line.gate = lambda: (200, b"0")
        await line.apply()
        assert len(line.asked) == 6

    on_line(scenario, entry=GATED)


def test_a_gate_that_accepts_and_never_answers_keeps_a_step_waiting() -> None:
    """Users wait ten seconds for it, the test some milliseconds; then the row ends, and nothing is written."""

    async def scenario(line: Line) -> None:
        await line.apply()
        line.wait(hours=3)
        report = await line.apply()
        assert (row(report), state_of(report).waits_for) == (("wait", "rollout-waiting", "0"), "gate")
        assert state_of(report).note
        assert (len(line.asked), len(line.puts)) == (1, 1)

    nothing: Any = None
    usual = Gates(ManualClock(), {}, nothing).bounds
    assert (usual.connect_s, usual.silence_s, usual.whole_s) == (10, 10, 10)
    on_line(scenario, entry=GATED, bounds=replace(usual, whole_s=0.02))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_gate_at_its_bound_stops_a_rollout(step: int) -> None:
    """Stopped at any step: exit 1, latest stays; each run asks a whole row again, and one that passes goes on."""

    async def scenario(line: Line) -> None:
        while len(line.puts) < step:
            await line.apply()
            line.wait(days=1)
        line.gate = lambda: (200, b"0.5")
        line.asked.clear()
        for asked in (1, 2):
            report = await line.apply()
            assert row(report) == ("blocked", "rollout-failed", "1")
            assert len(line.asked) == asked
        assert len(line.puts) == step
        assert set((await line.regions()).values()) == {True}
        line.gate = lambda: (200, b"0.499")
        assert row(await line.apply())[0] == "update"
        assert len(line.asked) == 5

    on_line(scenario, entry=GATED)


def test_a_loop_takes_one_sample_a_round() -> None:
    """A round does not wait for the next sample, so that it holds nothing else up; the row goes on in later rounds."""
    rows: dict[tuple[str, str], Row] = {}

    async def scenario(line: Line) -> None:
        await line.apply()
        line.wait(hours=3)
        for asked in (1, 1, 2, 2):
            before = line.elapsed
            assert row(await line.apply())[0] == "wait"
            assert line.elapsed - before < 10
            assert len(line.asked) == asked
            line.wait(minutes=3)
        assert row(await line.apply())[0] == "update"

    on_line(scenario, entry=GATED, rows=rows)


@pytest.mark.parametrize(
    ("places", "outcome"),
    [
        ([("westeurope", "Succeeded"), ("westeurope", "Failed"), ("westeurope", "Succeeded")], "update"),
        ([("West Europe", "Succeeded"), ("westeurope", "failed")], "blocked"),
        ([("northeurope", "Failed"), ("westeurope", "Succeeded")], "update"),
        ([("northeurope", "Failed")], "wait"),
    ],
)
def test_failed_installs_are_counted_in_the_regions_so_far(
    tmp_path: Path, places: list[tuple[str, str]], outcome: str
) -> None:
    """The share of failed installs, by Resource Graph: in other regions they do not count, and none is inconclusive."""
    machine = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m"
    used = {"applications": [{"packageReferenceId": "/x"}]}
    entries = [
        {"id": f"{machine}{number}", "location": where, "state": state, **used}
        for number, (where, state) in enumerate(places)
    ]
    seed = tmp_path / "machines.json"
    seed.write_text(json.dumps(entries), encoding="utf-8")

    async def scenario(line: Line) -> None:
        await line.apply()
        line.wait(hours=3)
        assert row(await line.apply())[0] == outcome

    on_line(scenario, entry={**ENTRY, "gate": {"resourceGraph": "failedInstalls", "below": 0.5}}, seed=seed)


def test_cron_and_the_loop_may_take_turns() -> None:
    """A loop that keeps its samples, and processes that end, one after the other: the same end, each step once."""
    loop: dict[tuple[str, str], Row] = {}

    async def scenario(line: Line) -> None:
        for turn in range(40):
            line.rows = loop if turn % 3 else None
            if row(await line.apply())[0] == "none":
                break
            line.wait(hours=2)
        await check(line)
        assert len(line.puts) == 4

    on_line(scenario, entry=GATED)


def test_a_run_may_wait_for_the_last_step() -> None:
    """With --wait rolled-out one run does every step, however long it takes, and asks the gate on the way."""

    async def scenario(line: Line) -> None:
        report = await line.apply(wait_rolled_out=True)
        outcomes = {outcome.result for outcome in report.outcomes.values()}
        assert [each.value for each in outcomes if each is not None] == ["succeeded"]
        await check(line)
        assert len(line.asked) == 9
        assert line.elapsed > 27 * 3600

    on_line(scenario, entry=GATED)


def test_a_run_that_waits_does_first_what_else_is_due() -> None:
    """Another version of the application is written before the rollout is followed, which may take days."""
    *above, governed = documents()
    other = version("9.9.9", targetRegions=[{"name": "West Europe"}])
    entry = {**ENTRY, "match": {**ENTRY["match"], "name": governed["metadata"]["name"]}}

    async def scenario(line: Line) -> None:
        def before(_: int) -> None:
            if line.puts:
                written.append(line.app.state.world.answer(id_of(other)) is not None)

        line.before = before
        await line.apply(wait_rolled_out=True)
        assert len(line.puts) == 4
        assert written[0]

    written: list[bool] = []
    on_line(scenario, documents=[*above, other, governed], entry=entry)


def test_a_run_that_waits_ends_where_a_rollout_stops() -> None:
    """It exits 1 where the rollout is stopped; a later one with --wait goes on from there."""

    async def scenario(line: Line) -> None:
        line.gate = lambda: (200, b"9") if line.elapsed > 9 * 3600 else (200, b"0")
        report = await line.apply(wait_rolled_out=True)
        assert row(report) == ("blocked", "rollout-failed", "1")
        assert len(line.puts) == 2
        line.gate = lambda: (200, b"0")
        await line.apply(wait_rolled_out=True)
        await check(line)

    on_line(scenario, entry=GATED)


SHORT: Final[Mapping[str, Any]] = {
    **ENTRY,
    "steps": [{**step, **({"soak": "6m"} if "soak" in step else {})} for step in ENTRY["steps"]],
}
"""Soaks that take two reads of a run that waits."""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["before", "after", "lost"])
def test_a_run_that_waits_may_die_at_any_request(how: str) -> None:
    """Killed at any request, or without its answer: another run with --wait, or cron, comes to the same end."""

    async def length(line: Line) -> None:
        await line.apply(wait_rolled_out=True)
        lengths.append(line.requests)

    async def scenario(line: Line) -> None:
        if (await line.attempt(wait_rolled_out=True) is None) == (how != "lost"):
            line.wait(minutes=10)
            if line.kill is not None and line.kill % 2:
                await by_cron(line)
            else:
                await line.apply(wait_rolled_out=True)
        await check(line)
        assert len(line.puts) == 4

    lengths: list[int] = []
    on_line(length, entry=SHORT)
    for kill in range(1, lengths[0] + 1):
        on_line(scenario, kill=kill, how=how, entry=SHORT)


@pytest.mark.parametrize(
    ("content", "pick", "number"),
    [
        (b"0.25", "", 0.25),
        (b" 3 ", "", 3.0),
        (b'{"data": {"result": [{"value": [1700000000, "0.125"]}]}}', "data.result[0].value[1]", 0.125),
        (b'{"a b": {"c": 1}}', '["a b"].c', 1.0),
        (b'{"data": {}}', "data.result[0]", None),
        (b"[1, 2]", "[5]", None),
        (b"[1, 2]", "a", None),
        (b'{"a": "NaN"}', "a", None),
        (b'{"a": "1_0"}', "a", None),
        (b'{"a": true}', "a", None),
    ],
)
def test_a_number_is_picked_from_an_answer(content: bytes, pick: str, number: float | None) -> None:
    """Keys and indexes lead to it; a text that is a number counts there."""
    steps = parse_pick(pick)
    assert steps is not None
    assert measured(content, steps) == number


@pytest.mark.parametrize("pick", ["a..b", ".a", "a[", "a[-1]", "a[b]", "$.a", "a b", "a['b']", "[99999999]"])
def test_a_path_of_another_form_is_none(pick: str) -> None:
    """Only keys and indexes are read, in time that depends on the length only."""
    assert parse_pick(pick) is None


def test_the_share_of_no_install_is_none() -> None:
    """Rows of any shape are counted by location and state."""
    rows: list[dict[str, Any]] = [{"location": "West US", "state": "Failed"}, {"location": None}, {}]
    assert share_failed(rows, frozenset({"westus"})) == 1.0
    assert share_failed(rows, frozenset({"eastus"})) is None
