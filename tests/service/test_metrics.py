"""Metrics and health, as others see a loop."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from reconciler.errors import UsageError
from reconciler.model.outcome import Result
from reconciler.runtime.address import Address, parse_listen
from reconciler.service.history import History
from reconciler.service.metrics import Metrics
from reconciler.service.round import round_of
from reconciler.service.status import Status
from reconciler.service.web.app import create_app
from tests.kit.clock import START, FakeClock
from tests.kit.rounds import ELSEWHERE, MISSING, problem, report_of, seen, written

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.model.about import About
    from reconciler.model.outcome import Report

LATER = START + timedelta(minutes=10)


def values(text: str) -> dict[str, float]:
    """Return the samples of a scrape, by name and labels."""
    return {
        f"{sample.name}{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def taken(*reports: Report, metrics: Metrics | None = None) -> Metrics:
    """Return metrics that have taken up rounds of three seconds, with drift that is ten minutes old."""
    metrics = metrics or Metrics()
    for report in reports:
        metrics.take(round_of(report, 3.0), LATER, START)
    return metrics


def of_commit(report: Report, commit: str) -> Report:
    """Return a report about a commit."""
    about: About = replace(report.about, commit=commit)
    return replace(report, about=about)


def test_every_metric() -> None:
    """The names and labels of the contract, and their values."""
    put = replace(written("tags.team"), puts=1, answers={("GET", "200"): 4, ("PUT", "201"): 1}, throttled_s=2.5)
    found = values(taken(put, of_commit(seen("tags.team"), "abc")).text())
    assert found["reconciler_resourceshealth=Healthy,sync=OutOfSync"] == 1
    assert found["reconciler_resourceshealth=Healthy,sync=InSync"] == 0
    assert values(taken(put).text())["reconciler_resourceshealth=Healthy,sync=InSync"] == 1
    assert found["reconciler_drift_age_seconds"] == 600
    assert found["reconciler_puts_totaloutcome=succeeded"] == 1
    assert found["reconciler_puts_totaloutcome=failed"] == 0
    assert found["reconciler_requests_totalmethod=GET,status=200"] == 4
    assert found["reconciler_requests_totalmethod=PUT,status=201"] == 1
    assert found["reconciler_throttled_seconds_total"] == 2.5
    assert found["reconciler_rounds_totaloutcome=ok"] == 2
    assert found["reconciler_rounds_totaloutcome=failed"] == 0
    assert found["reconciler_round_seconds_bucketle=2.5"] == 0
    assert found["reconciler_round_seconds_bucketle=5"] == 2
    assert found["reconciler_round_seconds_bucketle=+Inf"] == 2
    assert found["reconciler_round_seconds_count"] == 2
    assert found["reconciler_round_seconds_sum"] == 6
    assert found["reconciler_last_success_timestamp_seconds"] == LATER.timestamp()
    assert found["reconciler_commit_infocommit=abc"] == 1
    assert found["reconciler_source_rejected"] == 0


def test_failures() -> None:
    """A failed PUT and a failed round are no success; a rejected commit shows."""
    failed = replace(written("tags.team", result=Result.FAILED), puts=1)
    broken = replace(ELSEWHERE, errors=(problem(),))
    found = values(taken(failed, broken, replace(seen(), warnings=(problem("source-rejected"),))).text())
    assert found["reconciler_puts_totaloutcome=failed"] == 1
    assert found["reconciler_rounds_totaloutcome=failed"] == 2
    assert found["reconciler_rounds_totaloutcome=rejected"] == 1
    assert found["reconciler_source_rejected"] == 1
    assert "reconciler_last_success_timestamp_seconds" not in values(taken(broken).text())


def test_a_round_that_read_nothing_counts_no_resource() -> None:
    """Zero drift would look like health."""
    found = values(taken(replace(ELSEWHERE, errors=(problem(),))).text())
    assert not [name for name in found if name.startswith("reconciler_resources")]


def test_a_file_goes_on() -> None:
    """The counts of one process after another are those of one process."""
    reports = [replace(MISSING, answers={("GET", "200"): 2}), replace(written("tags.team"), puts=1), seen()]
    together = taken(*reports)
    resumed = Metrics()
    for report in reports:
        earlier = resumed.text()
        resumed = Metrics()
        resumed.resume(earlier)
        taken(report, metrics=resumed)
    assert values(resumed.text()) == values(together.text())


@pytest.mark.parametrize("text", ["", "not metrics {", "reconciler_rounds_total 1\n", "\x00"])
def test_a_file_that_is_none(text: str) -> None:
    """Its counts begin anew."""
    metrics = Metrics()
    metrics.resume(text)
    assert values(taken(seen(), metrics=metrics).text())["reconciler_rounds_totaloutcome=ok"] == 1


class Seen:
    """A loop that is seen from outside."""

    def __init__(self, folder: Path, *, anywhere: bool = False) -> None:
        """Begin without a round."""
        self.clock = FakeClock()
        self.history = History(folder, "a", self.clock)
        self.status = Status(self.clock, 300, Metrics(), folder)
        self.app = create_app(self.status, ("gitops.example",), anywhere=anywhere)

    def round(self, report: Report) -> None:
        """Do a round."""
        ended = round_of(replace(report, started_at=self.clock.now(), finished_at=self.clock.now()), 3.0)
        self.history.record(ended)
        self.status.metrics.take(ended, self.clock.now(), None)
        self.status.take(ended)

    def ask(self, path: str, method: str = "GET", host: str = "127.0.0.1:8080") -> httpx.Response:
        """Return the answer to one request."""

        async def exchange() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://loop.test") as client:
                return await client.request(method, path, headers={"host": host})

        return asyncio.run(exchange())


@pytest.fixture
def loop(tmp_path: Path) -> Any:
    """Return a loop that is seen from outside."""
    made = Seen(tmp_path / "state")
    yield made
    made.history.close()


def test_ready_and_alive(loop: Seen) -> None:
    """Not ready before the first round, and when none has ended for three intervals; alive all the time."""
    assert [loop.ask(path).status_code for path in ("/readyz", "/healthz", "/api/report")] == [503, 200, 503]
    loop.round(replace(ELSEWHERE, errors=(problem(),)))  # a failed round has ended, too
    assert loop.ask("/readyz").status_code == 200
    loop.clock.elapsed += 899
    assert loop.ask("/readyz").status_code == 200
    loop.clock.elapsed += 1
    assert [loop.ask(path).status_code for path in ("/readyz", "/healthz")] == [503, 200]


def test_report_and_history(loop: Seen) -> None:
    """As the commands print them; the report is that of the last round."""
    loop.round(seen())
    loop.round(seen("tags.team"))
    report = loop.ask("/api/report")
    assert report.headers["content-type"] == "application/json"
    assert report.json()["summary"]["drift"] == 1
    loop.round(seen())
    assert loop.ask("/api/report").json()["summary"]["drift"] == 0
    history = loop.ask("/api/history").json()
    assert (history["schemaVersion"], len(history["rounds"]), history["episodes"]) == (1, 3, [])


def test_without_history(tmp_path: Path) -> None:
    """No file is no answer, with its code."""
    made = Seen(tmp_path / "none")
    answer = made.ask("/api/history")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no-history")


def test_a_scrape(loop: Seen) -> None:
    """In the format that Prometheus asks for."""
    loop.round(seen())
    answer = loop.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert values(answer.text)["reconciler_rounds_totaloutcome=ok"] == 1


@pytest.mark.parametrize("host", ["evil.example", "", "10.0.0.1", "evil.example:8080", "127.0.0.1@evil.example"])
def test_a_foreign_host(loop: Seen, host: str) -> None:
    """A page under a name of its own for this address reads nothing."""
    assert loop.ask("/metrics", host=host).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:8080", "gitops.example:80"])
def test_a_known_host(loop: Seen, host: str) -> None:
    """Names of loopback, and the one that it listens on."""
    assert loop.ask("/healthz", host=host).status_code == 200


def test_anywhere(tmp_path: Path) -> None:
    """Any address by its number, and still no foreign name."""
    made = Seen(tmp_path / "state", anywhere=True)
    assert [made.ask("/healthz", host=host).status_code for host in ("10.0.0.1:80", "evil.example")] == [200, 421]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods(loop: Seen, method: str) -> None:
    """Every path is read-only."""
    for path in ("/metrics", "/api/report", "/nowhere"):
        answer = loop.ask(path, method)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_headers(loop: Seen) -> None:
    """On every answer, errors too: a strict policy, no cookie."""
    for path in ("/metrics", "/healthz", "/readyz", "/api/report", "/nowhere"):
        headers = loop.ask(path).headers
        assert "unsafe-" not in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers
    assert loop.ask("/healthz", "HEAD").content == b""


@pytest.mark.parametrize(
    ("text", "anywhere", "address"),
    [
        ("127.0.0.1:8080", False, Address("127.0.0.1", 8080)),
        ("localhost:0", False, Address("localhost", 0)),
        ("[::1]:80", False, Address("::1", 80)),
        ("0.0.0.0:80", True, Address("0.0.0.0", 80, anywhere=True)),
        ("0.0.0.0:80", False, None),
        ("example.com:80", False, None),
        ("127.0.0.1", False, None),
        (":80", True, None),
        ("127.0.0.1:99999", False, None),
        ("127.0.0.1:-1", False, None),
        ("127.0.0.1:http", False, None),
        ("http://127.0.0.1:80", False, None),
    ],
)
def test_addresses(text: str, *, anywhere: bool, address: Address | None) -> None:
    """HOST:PORT; another machine may reach it only where the operator says so."""
    if address is None:
        with pytest.raises(UsageError):
            parse_listen(text, anywhere=anywhere)
    else:
        assert parse_listen(text, anywhere=anywhere) == address


def test_json_is_json(loop: Seen) -> None:
    """Errors of the API too."""
    assert json.loads(loop.ask("/api/report").text)["error"]["code"] == "no-report"
    assert report_of().command == "run"
