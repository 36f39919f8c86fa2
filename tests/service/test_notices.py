"""Notices on their way: what a receiver gets, and what its failures lead to."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from standardwebhooks import Webhook

from reconciler.http.bounds import Bounds
from reconciler.kinds.rules import Severity
from reconciler.model.receiver import Receiver
from reconciler.runtime.traces import recorded
from reconciler.secret.text import Secret
from reconciler.service import outbox
from reconciler.service.conditions import Event
from reconciler.service.delivery import Delivery
from reconciler.service.formats import FORMATS
from reconciler.service.history import History
from reconciler.service.notices import Notice
from reconciler.service.outbox import delay_s, wanted_by
from reconciler.service.round import round_of
from tests.kit.clock import START, FakeClock
from tests.kit.receiver import SECRET_PATH, receiving, status
from tests.kit.rounds import ELSEWHERE, gallery, problem, seen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from reconciler.model.outcome import Report

KEY: Final = "whsec_" + base64.b64encode(b"CANARY" * 5).decode()
HOOK: Final = Receiver("cloudevents", "RECONCILER_SECRET_HOOK", "RECONCILER_SECRET_KEY")
CHAT: Final = Receiver("slack", "RECONCILER_SECRET_CHAT")
QUICK: Final = Bounds(connect_s=1, silence_s=1, whole_s=1, answer_bytes=64 * 1024)


class Jumping(FakeClock):
    """
    A clock whose time of day is set from outside.

    Attributes:
        ahead_s: By how much it was set ahead of the true time.
    """

    ahead_s = 0.0

    def now(self) -> datetime:
        """Return the time of day that the machine shows."""
        return super().now() + timedelta(seconds=self.ahead_s)


class Post:
    """A process with an outbox, whose clock stands still while anything is sent."""

    def __init__(self, folder: Path, *receivers: Receiver, **secrets: str) -> None:
        """Begin with an empty history."""
        self.clock = Jumping()
        self.folder = folder
        self.receivers = receivers
        self.secrets = {f"RECONCILER_SECRET_{name}": Secret(value) for name, value in secrets.items()}
        self.history, self.delivery = self._started()

    def _started(self) -> tuple[History, Delivery]:
        history = History(self.folder, "a", self.clock, receivers=self.receivers)
        return history, Delivery(history, self.secrets, {}, self.clock, Random(1), QUICK)

    def restart(self) -> None:
        """End the process and start another."""
        self.history.close()
        self.history, self.delivery = self._started()

    def rounds(self, *reports: Report) -> None:
        """Do rounds, five minutes apart."""
        for report in reports:
            made = replace(report, started_at=self.clock.now(), receivers=self.receivers)
            self.history.record(round_of(made, 1.0))
            self.clock.elapsed += 300

    async def later(self, seconds: float) -> None:
        """Send what is due after some time."""
        self.clock.elapsed += seconds
        await self.delivery.send()

    def waiting(self) -> int:
        """Return how many letters wait."""
        return int(self.history.store().rows("SELECT count(*) FROM outbox")[0][0])


@contextmanager
def post(folder: Path, *receivers: Receiver, **secrets: str) -> Iterator[Post]:
    """Yield a process with an outbox."""
    made = Post(folder, *receivers, **secrets)
    try:
        yield made
    finally:
        made.history.close()


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario."""

    async def main() -> None:
        await work()

    asyncio.run(main())


def test_a_signed_cloudevent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference libraries read it and accept its signature; its id is that of the webhook."""

    async def scenario() -> None:
        async with receiving() as server:
            with post(tmp_path / "s", HOOK, HOOK=server.address, KEY=KEY) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                await sender.later(0)
                assert sender.waiting() == 0
                at = sender.clock.now()
            (posted,) = server.posted
            assert posted.target == SECRET_PATH
            assert posted.headers["content-type"] == "application/cloudevents+json"
            monkeypatch.setattr("standardwebhooks.webhooks.datetime", _Frozen(at))
            Webhook(KEY).verify(posted.body, posted.headers)
            event = JSONFormat().read(CloudEvent, posted.body)
            assert event.get_id() == posted.headers["webhook-id"]
            assert event.get_type() == "dev.reconciler.drift-began"
            assert event.get_subject() == gallery().id
            assert event.get_data() == {
                "severity": "cosmetic",
                "kind": "Gallery",
                "name": "it",
                "paths": ["tags.team"],
            }

    run(scenario)


class _Frozen:
    """The class datetime, at one moment: the verifier takes no clock."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self, tz: Any = None) -> datetime:
        """Return the moment."""
        return self.at.astimezone(tz)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the class's own."""
        return getattr(datetime, name)


@pytest.mark.parametrize("answer", [500, 302, 404, 429], ids=str)
def test_a_failure_is_tried_again(tmp_path: Path, answer: int) -> None:
    """Within five seconds for the first time, with the same id; a redirect is a failure and is not followed."""

    async def scenario() -> None:
        def answers(number: int) -> bytes:
            return status(answer, f"location: http://127.0.0.1:{server.port}/other") if number < 3 else status(202)

        async with receiving(answers) as server:
            with post(tmp_path / "s", CHAT, CHAT=server.address) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                await sender.later(0)
                await sender.later(1)
                assert len(server.posted) == 1
                await sender.later(4)
                assert len(server.posted) == 2
                sender.restart()
                await sender.later(8)
                assert len(server.posted) == 3
                await sender.later(80_000)
                assert sender.waiting() == 0
        assert len({each.headers["webhook-id"] for each in server.posted}) == 1
        assert {each.target for each in server.posted} == {SECRET_PATH}

    run(scenario)


def test_a_receiver_that_never_answers(tmp_path: Path) -> None:
    """It delays neither a round nor another receiver, and is tried again."""

    async def scenario() -> None:
        async with receiving(lambda _: None) as silent, receiving() as other:
            with post(tmp_path / "s", CHAT, HOOK, CHAT=silent.address, HOOK=other.address, KEY=KEY) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                sending = asyncio.ensure_future(sender.delivery.send())
                await silent.came.wait()
                await other.came.wait()
                assert not sending.done()
                sender.rounds(seen(), seen())
                await sending
                assert sender.waiting() == 3
                await sender.later(5)
                assert [len(each.posted) for each in (silent, other)] == [2, 2]

    run(scenario)


def test_two_processes_send_one_letter_once(tmp_path: Path) -> None:
    """While one of them waits for the receiver, the other leaves the letter alone."""

    async def scenario() -> None:
        async with receiving(lambda _: None) as server:
            with (
                post(tmp_path / "s", CHAT, CHAT=server.address) as first,
                post(tmp_path / "s", CHAT, CHAT=server.address) as second,
            ):
                first.rounds(seen("tags.team"), seen("tags.team"))
                second.clock.elapsed = first.clock.elapsed
                sending = asyncio.ensure_future(first.delivery.send())
                await server.came.wait()
                await second.delivery.send()
                assert len(server.posted) == 1
                await sending

    run(scenario)


def test_no_address_in_a_trace(tmp_path: Path) -> None:
    """Neither host nor path of a receiver."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def scenario() -> None:
        async with receiving() as server:
            with post(tmp_path / "s", CHAT, CHAT=server.address) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                with recorded(provider):
                    await sender.later(0)

    run(scenario)
    (span,) = exporter.get_finished_spans()
    assert span.name == "POST"
    assert "CANARY" not in span.to_json()
    assert "127.0.0.1" not in span.to_json()


def test_a_receiver_that_is_gone(tmp_path: Path) -> None:
    """410 ends it until the next start."""

    async def scenario() -> None:
        async with receiving(lambda number: status(410 if number == 1 else 204)) as server:
            with post(tmp_path / "s", CHAT, CHAT=server.address) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                await sender.later(0)
                await sender.later(3600)
                assert len(server.posted) == 1
                sender.restart()
                await sender.later(0)
                assert (len(server.posted), sender.waiting()) == (2, 0)

    run(scenario)


@pytest.mark.slow
def test_a_day_is_enough(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Then a notice is dropped, and the log says so."""

    async def scenario() -> None:
        async with receiving(lambda _: status(500)) as server:
            with post(tmp_path / "s", CHAT, CHAT=server.address) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                for _ in range(30):
                    await sender.later(3600)
                assert sender.waiting() == 0
                assert 20 < len(server.posted) < 30

    logger = logging.getLogger("reconciler.notices")
    logger.addHandler(caplog.handler)
    run(scenario)
    logger.removeHandler(caplog.handler)
    assert "dropped: 1" in caplog.text


@pytest.mark.parametrize(
    "address", ["http://chat.example/CANARY", "ftp://127.0.0.1/CANARY", "CANARY", "https://u:CANARY@127.0.0.1/"]
)
def test_an_address_that_may_not_be_used(tmp_path: Path, address: str) -> None:
    """https, and http to this machine; nothing is sent, and the letter waits for another start."""

    async def scenario() -> None:
        with post(tmp_path / "s", CHAT, CHAT=address) as sender:
            sender.rounds(seen("tags.team"), seen("tags.team"))
            await sender.later(0)
            assert sender.waiting() == 1

    run(scenario)


@pytest.mark.parametrize("key", ["", "CANARY", "whsec_", "whsec_CANARY?"])
def test_a_key_that_cannot_sign(tmp_path: Path, key: str) -> None:
    """Nothing is sent unsigned."""

    async def scenario() -> None:
        async with receiving() as server:
            secrets = {"HOOK": server.address, **({"KEY": key} if key else {})}
            with post(tmp_path / "s", HOOK, **secrets) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                await sender.later(0)
                assert sender.waiting() == 1
            assert server.posted == []

    run(scenario)


def test_a_clock_that_is_set_back(tmp_path: Path) -> None:
    """A letter that was put off does not wait for the old time."""

    async def scenario() -> None:
        async with receiving(lambda number: status(500 if number == 1 else 204)) as server:
            with post(tmp_path / "s", CHAT, CHAT=server.address) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                await sender.later(0)
                await sender.later(-86_000)
                assert len(server.posted) == 2

    run(scenario)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_clock_that_jumps_ahead(tmp_path: Path, *, is_restarted: bool) -> None:
    """By three days: a letter that waits is no older for it, and is sent; after a start, it is tried before it goes."""

    async def scenario() -> None:
        async with receiving(lambda number: status(500 if number == 1 else 204)) as server:
            with post(tmp_path / "s", CHAT, CHAT=server.address) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                await sender.later(0)
                sender.clock.ahead_s = 3 * 86_400
                if is_restarted:
                    sender.restart()
                await sender.later(10)
                assert (len(server.posted), sender.waiting()) == (2, 0)

    run(scenario)


def test_a_clock_that_jumps_ahead_and_back(tmp_path: Path) -> None:
    """A letter waits a day in all, and what is written while the clock is wrong is not lost either."""

    async def scenario() -> None:
        async with receiving(lambda number: status(500 if number < 6 else 204)) as server:
            with post(tmp_path / "s", CHAT, CHAT=server.address) as sender:
                sender.rounds(seen("tags.team"), seen("tags.team"))
                await sender.later(0)
                sender.clock.ahead_s = 200_000
                sender.rounds(seen(), seen())
                for ahead_s in (200_000, 400_000, 0, -200_000):
                    sender.clock.ahead_s = ahead_s
                    await sender.later(3600)
                    assert sender.waiting() == 2
                await sender.later(3600)
                assert sender.waiting() == 0

    run(scenario)


def test_a_receiver_that_is_not_named_any_more(tmp_path: Path) -> None:
    """Its letters are dropped after a week, in which the project file may name it again."""

    async def scenario() -> None:
        with post(tmp_path / "s", CHAT, CHAT="http://127.0.0.1:9/CANARY") as sender:
            sender.rounds(seen("tags.team"), seen("tags.team"))
            sender.history.receivers = ()
            await sender.later(6 * 86_400)
            assert sender.waiting() == 1
            await sender.later(2 * 86_400)
            assert sender.waiting() == 0

    run(scenario)


def test_it_goes_on_by_itself(tmp_path: Path) -> None:
    """A task sends what a round woke it for, tries again in time, and tells of a loop that stalls."""

    async def scenario() -> None:
        async with receiving() as server:
            with post(tmp_path / "s", CHAT, CHAT=server.address) as sender:
                sender.rounds(replace(ELSEWHERE, errors=(problem(),)))
                sender.clock.elapsed += 900
                task = asyncio.ensure_future(sender.delivery.run(300))
                while len(server.posted) < 2:  # noqa: ASYNC110 (sockets, not time)
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        titles = {json.loads(each.body)["blocks"][0]["text"]["text"] for each in server.posted}
        assert titles == {"Failed", "The loop has stalled"}

    run(scenario)


NOTICE: Final = Notice(
    "msg_1",
    Event.BLOCKED,
    START,
    resource="/subscriptions/x",
    kind="Gallery",
    name="<!channel> [a](http://b) *c*",
    severity="security",
    paths=tuple(f"tags.{number}" for number in range(20)),
    message="m" * 900,
    fix="publish a new version",
    cause="drift",
    who="mallory",
    how="healed",
)


def test_slack_blocks() -> None:
    """Within Slack's limits; texts of others are plain, so that none of them mentions a channel."""
    message = json.loads(FORMATS["slack"](NOTICE))
    assert "<!channel>" not in message["text"]
    assert message["blocks"][0]["type"] == "header"
    for block in message["blocks"]:
        assert block["text"]["type"] == "plain_text"
        assert 0 < len(block["text"]["text"]) <= (150 if block["type"] == "header" else 3000)


def test_an_adaptive_card_of_teams() -> None:
    """A message with one card, whose texts are runs without Markdown."""
    message = json.loads(FORMATS["teams"](NOTICE))
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {each["type"] for each in card["body"]} == {"RichTextBlock"}
    assert all(run["type"] == "TextRun" and run["text"] for each in card["body"] for run in each["inlines"])


@given(st.sampled_from(Event), st.sampled_from([None, *Severity]), st.sampled_from([None, *Severity]), st.data())
def test_who_wants_what(event: Event, severity: Severity | None, least: Severity | None, data: st.DataObject) -> None:
    """Its events, and from its severity on; an event without one always passes."""
    on = data.draw(st.lists(st.sampled_from(Event), unique=True))
    receiver = Receiver("slack", "RECONCILER_SECRET_CHAT", on=tuple(on), min_severity=least)
    notice = Notice("msg_1", event, START, severity=severity)
    order = ["cosmetic", "delivery", "security"]
    grave = severity is None or least is None or order.index(severity) >= order.index(least)
    assert [*wanted_by([receiver], notice)] == ([receiver] if grave and (not on or event in on) else [])


@given(st.integers(1, 10_000), st.randoms(use_true_random=False))
def test_delays_grow(attempts: int, chance: Random) -> None:
    """The first within five seconds, each twice as long, an hour at most."""
    wait = delay_s(attempts, chance)
    assert 0 < wait <= min(3600, 4 * 2 ** min(attempts - 1, 30))
    assert attempts > 1 or wait < 5


def test_the_outbox_is_written_with_the_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies while it writes the notice leaves no episode either, and the next round has both."""

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with post(tmp_path / "s", CHAT, CHAT="http://127.0.0.1/") as sender:
        sender.rounds(seen("tags.team"))
        monkeypatch.setattr("reconciler.service.history.enqueue", dies)
        with pytest.raises(KeyboardInterrupt):
            sender.rounds(seen("tags.team"))
        assert sender.history.store().rows("SELECT seen, is_begun FROM episodes") == [(1, 0)]
        monkeypatch.setattr("reconciler.service.history.enqueue", outbox.enqueue)
        sender.restart()
        sender.rounds(seen("tags.team"))
        assert sender.history.store().rows("SELECT seen, is_begun FROM episodes") == [(2, 1)]
        assert sender.waiting() == 1


def test_times_are_utc() -> None:
    """As CloudEvents write them."""
    event = json.loads(FORMATS["cloudevents"](replace(NOTICE, at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))))
    assert event["time"] == "2026-01-02T03:04:05Z"
