"""When two spellings are one value, and when they are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.kinds.normal_forms import (
    NAMES,
    blob_url,
    canonical,
    instant,
    json_text,
    normalize,
    parse_instant,
    region,
)
from reconciler.secret.text import Secret, SecretUrl


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("region", ["East US 2", "eastus2", "EASTUS2", "east us 2"]),
        ("region", ["Mars North 1", "marsnorth1"]),
        ("resource-id", ["/subscriptions/A/resourceGroups/B", "/SUBSCRIPTIONS/a/resourcegroups/b/"]),
        ("case-insensitive", ["01523D7C-60DA", "01523d7c-60da"]),
        (
            "instant",
            [
                "2026-03-01T07:00:00Z",
                "2026-03-01T00:00:00-07:00",
                "2026-03-01 07:00:00.0000000+00:00",
                "2026-03-01t07:00:00z",
                "2026-02-28T23:30:00-07:30",
            ],
        ),
        (
            "blob-url",
            [
                "https://store.blob.core.windows.net/c/p.zip",
                "https://store.blob.core.windows.net/c/p.zip?sv=1&sig=x",
                "https://store.blob.core.windows.net:443/c/p.zip#frag",
                "HTTPS://Store.Blob.core.windows.net/c/p.zip",
            ],
        ),
        ("blob-url", ["http://127.0.0.1/c", "http://127.0.0.1:80/c"]),
        ("json", ['{"a": [1, "x"]}', '\ufeff{ "a" : [1,"x"] }', {"a": [1, "x"]}]),
    ],
)
def test_spellings_of_one_value_are_equal(name: str, spellings: list[Any]) -> None:
    """Azure answers in a spelling of its own; that is no difference."""
    assert len({canonical(normalize(name, spelling)) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("region", "East US", "East US 2"),
        ("instant", "2026-03-01T07:00:00Z", "2026-03-01T07:00:00+01:00"),
        ("instant", "2026-03-01T07:00:00.1Z", "2026-03-01T07:00:00.10000001Z"),
        ("blob-url", "https://h/c/P.zip", "https://h/c/p.zip"),
        ("blob-url", "https://h:8443/c", "https://h/c"),
        ("blob-url", "http://h:443/c", "http://h/c"),
        ("json", '{"a": 1}', {"a": 1.0}),
        ("json", '{"a": 1}', {"a": True}),
        ("json", '{"a": null}', {}),
        (None, "West US", "westus"),
        (None, "a", "a "),
    ],
)
def test_other_values_stay_different(name: str | None, left: Any, right: Any) -> None:
    """Only what is known to be spelling is folded."""
    assert canonical(normalize(name, left)) != canonical(normalize(name, right))


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("2026-03-01T00:00:00-07:00", "2026-03-01T07:00:00Z"),
        ("2026-03-01T00:00:00-23:59", "2026-03-01T23:59:00Z"),
        ("2026-03-01T00:00:00+24:00", "2026-03-01T00:00:00+24:00"),
        ("2026-03-01T00:00:00+01:60", "2026-03-01T00:00:00+01:60"),
        ("2026-11-21T20:25:00.1234567+00:00", "2026-11-21T20:25:00.1234567Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00Z"),
        ("2026-02-30T00:00:00Z", "2026-02-30T00:00:00Z"),
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00+01:00"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59-01:00"),
        ("2026-03-01", "2026-03-01"),
        ("2026-03-01T07:00:00", "2026-03-01T07:00:00"),
        ("2026-03-01T07:00:00Z\n", "2026-03-01T07:00:00Z\n"),
        ("soon", "soon"),
    ],
)
def test_an_instant_is_told_in_utc_and_anything_else_left_alone(written: str, normal: str) -> None:
    """A time that does not exist, lies outside the calendar or has no offset is its own normal form."""
    assert instant(written) == normal
    assert instant(normal) == normal
    assert (parse_instant(written) is None) == (not normal.endswith("Z") or "02-30" in normal)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "",
        '"{}"',
        '"a"',
        "NaN",
        '{"a": 1, "\\u0061": 2}',
        '{"a": NaN}',
        "[Infinity]",
        "[" * 100_000,
        "1" * 5000,
        "yes",
    ],
)
def test_what_is_no_json_object_is_left_alone(text: str) -> None:
    """Not even Python's own additions to JSON are read, nor a text that means a text."""
    assert json_text(text) == text


@pytest.mark.parametrize(("text", "meant"), [("[1]", [1]), ("null", None), ("12", 12), (12, 12), (None, None)])
def test_json_is_what_it_means(text: Any, meant: Any) -> None:
    """Text is parsed; a value is itself."""
    assert json_text(text) == meant


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("", ""),
        ("?sig=x", ""),
        ("no link", "no link"),
        ("https://h:443:443/p", "https://h/p"),
        ("ftp://h:/p", "ftp://h/p"),
        ("https://h", "https://h"),
        ("https://h/a//b/", "https://h/a//b/"),
    ],
)
def test_a_link_keeps_scheme_host_and_path(url: str, normal: str) -> None:
    """Anything at all has a normal form, which is its own."""
    assert blob_url(url) == normal
    assert blob_url(normal) == normal


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, "", "x", "https://a:443/b?c", "2026-03-01T07:00:00Z"])
def test_normalising_is_total_and_idempotent(name: str, value: Any) -> None:
    """A surprising answer shows as a difference and not as a crash."""
    once = normalize(name, value)
    assert normalize(name, once) == once


def test_only_texts_have_spellings() -> None:
    """Azure may answer anything; what is no text is compared as it is."""
    assert normalize("region", 7) == 7
    assert normalize(None, ["West US"]) == ["West US"]


def test_a_sealed_value_is_compared_and_not_shown() -> None:
    """A blob link by host and path, any other secret by its digest."""
    link = SecretUrl("https://Store.blob.core.windows.net/c/p.zip?sig=CANARY")
    assert normalize("blob-url", link) == "https://store.blob.core.windows.net/c/p.zip"
    plain, other = normalize(None, Secret("CANARY")), normalize(None, Secret("CANARY2"))
    assert plain != other
    assert plain == normalize(None, SecretUrl("CANARY"))
    assert plain.startswith("sha256:")
    assert "CANARY" not in f"{plain}{normalize('blob-url', Secret('CANARY'))}"
    assert normalize(None, Secret("\ud800")).startswith("sha256:")


def test_deepdiff_trap_numbers_are_told_apart_in_canonical_json() -> None:
    """1, 1.0, true and "1" are four values; integers are exact at any size; keys are sorted and nothing is escaped."""
    assert len({canonical(value) for value in (1, 1.0, True, "1")}) == 4
    assert canonical({"b": 2**70, "a": ["é", None]}) == '{"a":["é",null],"b":1180591620717411303424}'
    assert json.loads(canonical({"a": 10**400})) == {"a": 10**400}


def test_regions_nobody_knows_fold_alike() -> None:
    """An unknown region is never an error."""
    assert region("Mars North 1") == "marsnorth1"
