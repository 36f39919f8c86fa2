"""The alerts and the dashboard of ``deploy/monitoring``, against what a loop is scraped for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from reconciler.service.metrics import Metrics
from reconciler.service.round import round_of
from tests.kit.clock import START
from tests.kit.repository import ROOT
from tests.kit.rounds import seen, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MONITORING: Final = ROOT / "deploy" / "monitoring"
PROMTOOL: Final = shutil.which("promtool")
NAME: Final = re.compile(r"\breconciler_\w+")
LABEL: Final = re.compile(r'(\w+)\s*(?:=~|!=|=|!~)\s*"([^"]*)"')


def scrape() -> str:
    """Return the metrics of a loop that has written, and reports drift now."""
    metrics = Metrics()
    put = replace(written("tags.team"), puts=1, answers={("GET", "200"): 4, ("PUT", "201"): 1}, throttled_s=2.5)
    report = seen("tags.team")
    drift = replace(report, about=replace(report.about, commit="abc"))
    for each in (put, drift):
        metrics.take(round_of(each, 3.0), START, START)
    return metrics.text()


def expressions() -> Iterator[tuple[str, str]]:
    """Yield the name and the expression of each alert and each panel."""
    for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])


@pytest.mark.parametrize(("name", "expression"), [*expressions()], ids=lambda value: str(value)[:30])
def test_metrics_and_labels_exist(name: str, expression: str) -> None:
    """Each metric is one of a real scrape, and each label and value one that it has."""
    samples = [sample for family in text_string_to_metric_families(scrape()) for sample in family.samples]
    known = {sample.name for sample in samples}
    named = set(NAME.findall(expression))
    assert named, name
    assert named <= known
    for label, value in LABEL.findall(expression):
        if label != "job":
            found = {sample.labels.get(label) for sample in samples if sample.name in named}
            assert set(value.split("|")) <= found, (label, value)


def test_every_metric_is_on_the_dashboard() -> None:
    """What is measured is shown."""
    shown = {name for _, expression in expressions() for name in NAME.findall(expression)}
    families = {family.name for family in text_string_to_metric_families(scrape())}
    assert {family for family in families if not any(name.startswith(family) for name in shown)} == set()


def test_every_alert_is_tested() -> None:
    """The rules and their test name the same alerts."""
    alerts = {rule["alert"] for rule in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]}
    tested = yaml.safe_load((MONITORING / "alerts_test.yml").read_text())["tests"]
    assert {each["alertname"] for each in tested[0]["alert_rule_test"]} == alerts
    assert tested[1]["promql_expr_test"][0]["exp_samples"][0]["value"] == len(alerts)


def test_panels_do_not_overlap() -> None:
    """Each has its own place, an id, a title and a description."""
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    places: set[tuple[int, int]] = set()
    for panel in panels:
        at: dict[str, Any] = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & places, panel["title"]
        places |= cells
        assert panel["title"]
        assert panel["description"]
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def promtool(*arguments: str, text: str = "") -> None:
    """Run promtool (Debian's package ``prometheus``), where it is installed."""
    if PROMTOOL is not None:
        done = subprocess.run([PROMTOOL, *arguments], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules() -> None:
    """They are rules, and each fires when it should and only then."""
    promtool("check", "rules", str(MONITORING / "alerts.yml"))
    promtool("test", "rules", str(MONITORING / "alerts_test.yml"))


def test_promtool_accepts_a_scrape() -> None:
    """Names, units and types are those of Prometheus' conventions."""
    promtool("check", "metrics", text=scrape())


def test_promtool_accepts_the_dashboard(tmp_path: Path) -> None:
    """Each panel's expression is PromQL."""
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m").replace("$job", ".*")}
        for number, (_, expression) in enumerate(expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", str(file))
