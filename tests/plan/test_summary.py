"""Summaries add up: that of a report is the sum of those of its parts."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.change import Plan
from reconciler.plan.summary import Summary, summarize
from tests.kit.reports import REPORTS

if TYPE_CHECKING:
    from reconciler.model.outcome import Report

NUMBERS = st.integers(0, 10_000)
REQUESTS = st.dictionaries(st.sampled_from(["GET", "PUT", "POST", "HEAD"]), NUMBERS)
COUNTS = {each.name: NUMBERS for each in fields(Summary) if not each.name.endswith("requests")}
SUMMARIES = st.builds(Summary, **COUNTS, requests=REQUESTS, apply_requests=st.none() | REQUESTS)


@given(SUMMARIES, SUMMARIES, SUMMARIES)
def test_summaries_are_a_monoid(one: Summary, two: Summary, three: Summary) -> None:
    """Parts may be added in any grouping, and a part without anything changes nothing."""
    assert (one + two) + three == one + (two + three)
    assert Summary() + one == one + Summary() == one
    assert one + two == two + one


def parts_of(report: Report, sizes: list[int]) -> list[Report]:
    """Return the report cut into reports of so many resources each; what belongs to no resource is the first's."""
    changes, cuts = list(report.plan.changes), []
    for size in (*sizes, len(changes)):
        cuts.append(tuple(changes[:size]))
        del changes[:size]
    puts = [report.puts if index == 0 else 0 for index in range(len(cuts))]
    none: dict[str, Any] = {"errors": (), "warnings": (), "manifests": 0, "requests": {}}
    first = replace(report, plan=Plan(cuts[0], report.plan.unmanaged), puts=puts[0])
    return [first, *(replace(report, plan=Plan(cut), puts=0, **none) for cut in cuts[1:])]


@pytest.mark.parametrize("name", REPORTS)
@given(sizes=st.lists(st.integers(0, 8), max_size=4))
def test_the_summary_of_a_report_is_the_sum_of_those_of_its_parts(name: str, sizes: list[int]) -> None:
    """No count needs more than the counts of the parts: outcomes, requests and those of an apply among them."""
    report = REPORTS[name]
    assert reduce(add, map(summarize, parts_of(report, sizes)), Summary()) == summarize(report)
