"""Metrics for Prometheus: one collector over the last round, and the counts of all rounds before it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from reconciler.kinds.live import Health
from reconciler.model.change import Sync
from reconciler.model.outcome import Result
from reconciler.plan.states import items
from reconciler.problems import SOURCE_REJECTED
from reconciler.service.round import RoundOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from prometheus_client.core import Metric, Sample

    from reconciler.plan.states import Item
    from reconciler.service.round import Round

_BUCKETS: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class _Totals:
    """
    The counts of all rounds.

    Attributes:
        seconds: How many rounds fell into each bucket, the last of which has no bound.
        succeeded_at: When the last successful round ended, in seconds since 1970; None before the first.
    """

    rounds: Counter[str] = field(default_factory=Counter)
    puts: Counter[str] = field(default_factory=Counter)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    throttled_s: float = 0.0
    seconds: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    seconds_sum: float = 0.0
    succeeded_at: float | None = None


class Metrics(Collector):
    """
    The metrics of one process.

    Attributes:
        last: The last round; None before the first.
    """

    def __init__(self) -> None:
        """Begin without a round."""
        self.last: Round | None = None
        self._oldest_s: float | None = None
        self._totals = _Totals()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def take(self, ended: Round, now: datetime, oldest: datetime | None, *, knows_age: bool = True) -> None:
        """
        Add a round.

        Args:
            ended: The round.
            now: When it ended.
            oldest: When the oldest open drift was first seen; None if there is none.
            knows_age: Whether that is known, by a history.
        """
        self.last = ended
        age_s = max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0
        self._oldest_s = age_s if knows_age else None
        totals, report = self._totals, ended.report
        totals.rounds[str(ended.outcome)] += 1
        succeeded = sum(each.result is Result.SUCCEEDED for each in report.outcomes.values())
        if report.outcomes:
            totals.puts["succeeded"] += succeeded
            totals.puts["failed"] += max(0, report.puts - succeeded)
        totals.requests.update(report.answers)
        totals.throttled_s += report.throttled_s
        totals.seconds[bisect_left(_BUCKETS, ended.seconds)] += 1
        totals.seconds_sum += ended.seconds
        if ended.outcome is not RoundOutcome.FAILED:
            totals.succeeded_at = now.timestamp()

    def resume(self, text: str) -> None:
        """Go on with the counts of a file of metrics that an earlier process wrote; one that is none has no counts."""
        try:
            samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
            self._totals = _resumed(samples)
        except (ValueError, KeyError, IndexError):
            self._totals = _Totals()

    def text(self) -> str:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry).decode()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._of_last()
        totals = self._totals
        rounds = CounterMetricFamily("reconciler_rounds", "Rounds, by how they ended.", labels=["outcome"])
        for outcome in RoundOutcome:
            rounds.add_metric([outcome], totals.rounds[outcome])
        yield rounds
        puts = CounterMetricFamily("reconciler_puts", "PUTs of resources, by how they ended.", labels=["outcome"])
        for word in ("succeeded", "failed"):
            puts.add_metric([word], totals.puts[word])
        yield puts
        requests = CounterMetricFamily(
            "reconciler_requests", "Requests to Azure Resource Manager.", labels=["method", "status"]
        )
        for (method, status), number in sorted(totals.requests.items()):
            requests.add_metric([method, status], number)
        yield requests
        yield CounterMetricFamily(
            "reconciler_throttled_seconds",
            "Seconds that requests waited for limits of Azure Resource Manager.",
            totals.throttled_s,
        )
        bounds = [*(f"{each:g}" for each in _BUCKETS), "+Inf"]
        buckets = [*zip(bounds, accumulate(totals.seconds), strict=True)]
        yield HistogramMetricFamily("reconciler_round_seconds", "Length of rounds.", buckets, totals.seconds_sum)
        if totals.succeeded_at is not None:
            yield GaugeMetricFamily(
                "reconciler_last_success_timestamp_seconds",
                "When the last successful round ended, in seconds since 1970.",
                totals.succeeded_at,
            )

    def _of_last(self) -> Iterator[Metric]:
        """Yield the metrics of the last round."""
        if self.last is None:
            return
        report = self.last.report
        if not report.errors:
            yield _resources(self.last)
        if self._oldest_s is not None:
            yield GaugeMetricFamily(
                "reconciler_drift_age_seconds", "Age of the oldest drift that is open; 0 without any.", self._oldest_s
            )
        if self.last.commit is not None:
            commit = GaugeMetricFamily("reconciler_commit_info", "The commit in force.", labels=["commit"])
            commit.add_metric([self.last.commit], 1)
            yield commit
        problems = (*report.errors, *report.warnings)
        yield GaugeMetricFamily(
            "reconciler_source_rejected",
            "Whether the newest commit is rejected.",
            int(any(each.code == SOURCE_REJECTED for each in problems)),
        )


def _resources(ended: Round) -> Metric:
    found = Counter(map(_state, items(ended.report)))
    found.update((Sync.UNMANAGED.value, each.live.health.value) for each in ended.report.plan.unmanaged)
    family = GaugeMetricFamily("reconciler_resources", "Resources, by state.", labels=["sync", "health"])
    for sync in Sync:
        for health in Health:
            family.add_metric([sync.value, health.value], found[sync.value, health.value])
    return family


def _state(item: Item) -> tuple[str, str]:
    """Return sync and health of a resource at the end of a round, which may have written it."""
    change, result = item.change, item.outcome.result if item.outcome else None
    if result is Result.SUCCEEDED and change.action.writes:
        return Sync.IN_SYNC.value, Health.HEALTHY.value
    return (Sync.IN_SYNC if result is Result.UNCHANGED else change.sync).value, change.health.value


def _resumed(samples: Iterable[Sample]) -> _Totals:
    totals = _Totals()
    cumulative: dict[str, int] = {}
    for sample in samples:
        labels, value = sample.labels, sample.value
        match sample.name:
            case "reconciler_rounds_total":
                totals.rounds[labels["outcome"]] = int(value)
            case "reconciler_puts_total":
                totals.puts[labels["outcome"]] = int(value)
            case "reconciler_requests_total":
                totals.requests[labels["method"], labels["status"]] = int(value)
            case "reconciler_throttled_seconds_total":
                totals.throttled_s = value
            case "reconciler_round_seconds_bucket":
                cumulative[labels["le"]] = int(value)
            case "reconciler_round_seconds_sum":
                totals.seconds_sum = value
            case "reconciler_last_success_timestamp_seconds":
                totals.succeeded_at = value
            case _:
                pass
    below = 0
    for place, bound in enumerate((*(f"{each:g}" for each in _BUCKETS), "+Inf")):
        reached = cumulative.get(bound, below)
        totals.seconds[place], below = reached - below, reached
    return totals
