"""Cron's case and the daemon's, over the command line: metrics, receivers, the history, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.kit.cli import definition, estate, finish, start, until, version
from tests.kit.hooks import receiving

if TYPE_CHECKING:
    import subprocess

    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Workspace

SUITE: Final = definition()
NOTIFY: Final = [
    {"type": "slack", "url": {"$env": "RECONCILER_SECRET_SILENT"}},
    {"type": "cloudevents", "url": {"$env": "RECONCILER_SECRET_HOOK"}, "minSeverity": "delivery"},
]


def samples(text: str) -> dict[tuple[str, str], float]:
    """Return the samples of a scrape, by name and the values of their labels."""
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def ask(port: int, path: str) -> tuple[int, str]:
    """Return status and body of an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_cron(run: Command, work: Workspace, azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of cron: each sends its notices before it ends, and the file of metrics counts on."""
    work.state(*estate())
    work.project("endpoint", notify=NOTIFY[1:])
    assert run("apply").code == 0
    azure.edit(SUITE, "properties.lockLevel", "None")
    with receiving() as (receiver, address, _):
        monkeypatch.setenv("RECONCILER_SECRET_HOOK", address)
        for _round in range(2):
            assert run("run", "--once", "--report-only", "--metrics-file", "m.prom").code == 2
        assert receiver.types == ["dev.reconciler.drift-began"]
        assert run("apply", "--state-dir", ".reconciler", "--metrics-file", "m.prom").code == 0
        assert receiver.types[1:] == ["dev.reconciler.drift-ended", "dev.reconciler.applied"]
    found = samples((work.folder / "m.prom").read_text())
    assert found["reconciler_rounds_total", "ok"] == 3
    assert found["reconciler_puts_total", "succeeded"] == 1
    assert found["reconciler_requests_total", "GET 200"] > 6
    assert found["reconciler_resources", "Healthy InSync"] == 4
    assert found["reconciler_drift_age_seconds", ""] == 0


def test_metrics_that_cannot_be_written(report: Reporting, work: Workspace) -> None:
    """A warning of the report, and no failure."""
    work.state(*estate())
    work.file("folder", "a file")
    made = report("drift", "--metrics-file", "folder/m.prom", code=2)
    assert [(each["code"], bool(each["fix"])) for each in made["warnings"]] == [("metrics-unwritable", True)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--listen", "0.0.0.0:0"),
        ("--listen", "nowhere"),
        ("--listen-anywhere",),
        ("--once", "--listen", "127.0.0.1:0"),
        ("--wait", "rolled-out"),
    ],
)
def test_wrong_usage(run: Command, work: Workspace, arguments: tuple[str, ...]) -> None:
    """Before anything is read."""
    assert run("run", *arguments).code == 64


def test_an_address_in_use(run: Command, work: Workspace) -> None:
    """Exit 1, before the first round."""
    work.state(*estate())
    with receiving() as (_, address, _silent):
        taken = address.split("/")[2]
        done = run("run", "--listen", taken)
    assert (done.code, done.out) == (1, "")
    assert taken in done.err


@pytest.mark.slow
def test_versions_on_the_page(run: Command, work: Workspace, azure: Azure) -> None:
    """Every version by region, with latest: declared or not, live or not, of a loop that writes nothing."""
    both = [{"name": "West Europe"}, {"name": "North Europe", "excludeFromLatest": True}]
    work.state(*estate()[:2], version("1.0.0"), version("1.1.0", targetRegions=both))
    assert run("apply").code == 0
    work.add(version("2.0.0"))
    azure.seed(version("0.9.0"))
    process = start("run", "--report-only", "--listen", "127.0.0.1:0", folder=work.folder)
    try:
        port = port_of(process)
        until(lambda: ask(port, "/readyz")[0] == 200)
        text = ask(port, "/")[1]
        page = re.search(r'href="(/resources/\S+/versions/0.9.0)"', text)
        assert page
        assert ask(port, page[1])[0] == 200
        parent = ask(port, page[1].rpartition("/versions")[0])[1]
    finally:
        os.kill(process.pid, signal.SIGTERM)
        finish(process, timeout=5)
    for each in (text, parent):
        rows = re.findall(r"<tr>(.*?)</tr>", each, re.DOTALL)
        cells = [[re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)] for row in rows]
        assert [[cell.lstrip("\u2013") for cell in row] for row in cells] == [
            ["Version", "West Europe", "North Europe"],
            ["2.0.0", "not in Azure", "not offered"],
            ["1.1.0", "offered latest", "offered, excluded from latest"],
            ["1.0.0", "offered", "not offered"],
            ["0.9.0", "offered", "not offered"],
        ]


def port_of(process: subprocess.Popen[str]) -> int:
    """Return the port on which a loop says that it listens."""
    assert process.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stderr.readline())
    assert found
    return int(found[1])


@pytest.mark.slow
def test_a_loop(run: Command, work: Workspace, azure: Azure) -> None:
    """Drift from outside is seen in metrics, history and by a receiver; one that hangs delays no round."""
    work.state(*estate())
    work.project("endpoint", notify=NOTIFY)
    assert run("apply").code == 0
    with receiving() as (receiver, address, silent):
        process = start(
            *("run", "--report-only", "--interval", "1", "--episode-after", "1", "--listen", "127.0.0.1:0"),
            folder=work.folder,
            RECONCILER_SECRET_HOOK=address,
            RECONCILER_SECRET_SILENT=silent,
        )
        try:
            port = port_of(process)
            until(lambda: ask(port, "/readyz")[0] == 200)
            assert ask(port, "/healthz")[0] == 200
            assert ask(port, "/")[0] == 200
            azure.edit(SUITE, "properties.lockLevel", "None")
            until(lambda: receiver.types == ["dev.reconciler.drift-began"])
            until(lambda: samples(ask(port, "/metrics")[1]).get(("reconciler_resources", "Healthy OutOfSync")) == 1)
            told: Any = json.loads(run("history", "-o", "json").out)
            assert [each["endedAt"] for each in told["episodes"]] == [None]
            assert json.loads(ask(port, "/api/history")[1])["episodes"][0]["path"] == "properties.lockLevel"
            assert json.loads(ask(port, "/api/report")[1])["summary"]["drift"] == 1
            before = samples(ask(port, "/metrics")[1])["reconciler_rounds_total", "ok"]
            azure.edit(SUITE, "properties.lockLevel", "ReadOnly")
            until(lambda: receiver.types[1:] == ["dev.reconciler.drift-ended"])
            until(lambda: samples(ask(port, "/metrics")[1])["reconciler_rounds_total", "ok"] > before + 1)
            azure.edit(SUITE, "properties.displayName", "Other")  # cosmetic: below minSeverity
            until(lambda: json.loads(ask(port, "/api/history")[1])["episodes"][0]["severity"] == "cosmetic")
            assert len(receiver.events) == 2
        finally:
            os.kill(process.pid, signal.SIGTERM)
            done = finish(process, timeout=5)
    assert done.code == 143
