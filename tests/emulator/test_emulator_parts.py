"""The pure parts: regions, times, merging."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.emulator.facts import FACTS, derived, facts_of
from reconciler.emulator.regions import DISPLAY_NAMES, display_name, short_name
from reconciler.emulator.service import merged, replaced
from reconciler.emulator.times import pacific_offset, respell
from reconciler.kinds.packaged import packaged
from reconciler.kinds.rules import Rule, Shape
from reconciler.values import MISSING


def test_regions() -> None:
    """Every name is found by its short form; an unknown one comes back as sent."""
    assert len(DISPLAY_NAMES) == len({short_name(name) for name in DISPLAY_NAMES}) > 60
    assert all(display_name(short_name(name)) == name for name in DISPLAY_NAMES)
    assert display_name("Moon Base 1") == "Moon Base 1"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2030-06-19T07:00:00Z", "2030-06-19T00:00:00-07:00"),
        ("2030-12-19T08:00:00+00:00", "2030-12-19T00:00:00-08:00"),
        ("2026-03-08T09:59:59Z", "2026-03-08T01:59:59-08:00"),
        ("2026-03-08T10:00:00Z", "2026-03-08T03:00:00-07:00"),
        ("2026-11-01T08:59:59Z", "2026-11-01T01:59:59-07:00"),
        ("2026-11-01T09:00:00Z", "2026-11-01T01:00:00-08:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("soon", "soon"),
    ],
)
def test_instants(sent: str, answered: str) -> None:
    """Local time of the west coast, over both changes of the clock, and what has no local time."""
    assert respell(sent) == answered


def test_pacific_offset_is_hourly() -> None:
    """One of two offsets."""
    moment = datetime.fromisoformat("2026-07-01T00:00:00+00:00")
    assert pacific_offset(moment) == timedelta(hours=-7)


def test_every_kind_has_facts_and_an_unknown_type_has_plain_ones() -> None:
    """The emulator serves a new kind before the table has facts about it."""
    assert set(FACTS) <= {kind.resource_type.lower() for kind in packaged().kinds.values()}
    gallery = replace(packaged().of("Gallery"), name="NewThing", resource_type="Microsoft.New/things")
    assert facts_of(gallery).subject == "newThing"


@pytest.mark.parametrize("name", ["GalleryApplication", "GalleryApplicationVersion"])
def test_the_table_says_what_follows_from_a_schema(name: str) -> None:
    """So what is derived of a kind outside of it is right for its like; the rest only a recording can tell."""
    kind = packaged().of(name)
    table, made = facts_of(kind), derived(kind)
    told = {
        each.name for each in fields(table) if set_of(getattr(table, each.name)) != set_of(getattr(made, each.name))
    }
    assert told <= {"api_versions", "order", "limits", "refused", "implied", "unique"}


def set_of(value: Any) -> Any:
    """Return a tuple without its order."""
    return set(value) if isinstance(value, tuple) else value


def test_merging_and_replacing() -> None:
    """What is left out stays in one and goes in the other, save what cannot be cleared."""
    leaf, fixed = Rule(), Rule(clearable=False)
    rule = Rule(shape=Shape.OBJECT, properties={"a": leaf, "b": fixed, "c": leaf})
    live = {"a": 1, "b": 2}
    assert merged(rule, live, {"c": 3}) == {"a": 1, "b": 2, "c": 3}
    assert merged(rule, live, MISSING) == live
    assert replaced(rule, live, {"c": 3}) == {"b": 2, "c": 3}
