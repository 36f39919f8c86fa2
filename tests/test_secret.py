"""A secret never shows, whatever is done with it."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from dataclasses import dataclass
from typing import Any

import pytest

from reconciler.secret import HIDDEN, Secret, SecretUrl, reveal, scrub, shown

CANARY = "CANARY-7f3a"
LINK = f"https://store.blob.core.windows.net/c/p.zip?sv=2022&sig={CANARY}"
SECRETS = (Secret(CANARY), SecretUrl(LINK), SecretUrl(f"https://user:{CANARY}@host/p#{CANARY}"))


@pytest.mark.parametrize("secret", SECRETS, ids=["text", "link", "user"])
def test_no_readable_form_of_a_secret_shows_it(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    """Not repr, str, format, percent, a container, a dataclass, a log line or a traceback."""

    @dataclass
    class Holder:
        secret: Secret

    logging.getLogger().warning("%s %r", secret, secret)
    trace = "".join(traceback.format_exception(ValueError(secret)))
    texts = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        f"{secret:>40}",
        "%s" % secret,  # noqa: UP031
        "{}".format(secret),  # noqa: UP032
        repr([secret]),
        repr({"a": (secret,)}),
        repr(Holder(secret)),
        caplog.text,
        trace,
    ]
    assert [text for text in texts if CANARY in text] == []


@pytest.mark.parametrize("secret", SECRETS, ids=["text", "link", "user"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(secret: Secret, protocol: int) -> None:
    """Nothing that serialises by pickling can put one to disk."""
    with pytest.raises(TypeError, match="a secret cannot be pickled or copied to disk"):
        pickle.dumps(secret, protocol)
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.copy(secret)


def test_a_secret_is_no_json() -> None:
    """An encoder that does not know secrets fails and tells nothing."""
    with pytest.raises(TypeError, match="not JSON serializable") as caught:
        json.dumps({"a": Secret(CANARY)})
    assert CANARY not in str(caught.value)


def test_a_deep_copy_shares_the_secret() -> None:
    """Bodies may be copied; the text stays in one place."""
    secret = Secret(CANARY)
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_secrets_are_equal_by_their_text() -> None:
    """A link is the same secret as its text, no secret equals a text, and equal ones of one type hash alike."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret(HIDDEN) != HIDDEN
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert SecretUrl("https://h/p") == Secret("https://h/p")


@pytest.mark.parametrize(
    ("text", "base", "query"),
    [
        ("https://h/p.zip?sv=1&sig=x", "https://h/p.zip", "sv=1&sig=x"),
        ("https://h/p.zip", "https://h/p.zip", None),
        ("https://h/p.zip?", "https://h/p.zip", None),
        ("https://h/p.zip??sig=x", "https://h/p.zip", "?sig=x"),
        ("https://h/p.zip#frag", "https://h/p.zip", None),
        ("https://h/p#frag?sig=x", "https://h/p", "sig=x"),
        ("https://user:pass@h/p@q", "https://h/p@q", None),
        ("https://us\ter:pass@h/p", "https://h/p", None),
        ("https://a@b@h", "https://h", None),
        ("https://[::1/p?sig=x", HIDDEN, "sig=x"),
    ],
)
def test_a_link_shows_scheme_host_and_path(text: str, base: str, query: str | None) -> None:
    """User information, query and fragment never show; what is no link does not show at all."""
    link = SecretUrl(text)
    assert (str(link), link.base, link.shown) == (base, base, base)
    assert (link.query.reveal() if link.query else None) == query
    assert link.reveal() == text


@pytest.mark.parametrize("text", ["https://h/p", "https://h/p?old=1", "https://h/p#frag", "https://h/p#frag?old=1"])
def test_a_link_takes_another_query(text: str) -> None:
    """The new query takes the place of the old one and of any fragment."""
    assert SecretUrl(text).with_query(Secret("sv=2&sig=new")).reveal() == "https://h/p?sv=2&sig=new"


def test_shown_and_reveal_go_through_the_whole_value() -> None:
    """One hides every secret, the other gives every true text; nothing else changes, and the value stays as it was."""
    value: dict[str, Any] = {"a": [Secret("x"), 1, None], "b": {"c": SecretUrl(LINK)}, "d": True}
    assert shown(value) == {
        "a": [HIDDEN, 1, None],
        "b": {"c": "https://store.blob.core.windows.net/c/p.zip"},
        "d": True,
    }
    assert reveal(value) == {"a": ["x", 1, None], "b": {"c": LINK}, "d": True}
    assert isinstance(value["a"][0], Secret)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"GET {LINK} failed", "GET https://store.blob.core.windows.net/c/p.zip?(secret) failed"),
        (f"'{LINK}'", "'https://store.blob.core.windows.net/c/p.zip?(secret)'"),
        (f"sv=1&sig={CANARY}&se=2", "sv=1&sig=(secret)&se=2"),
        (f"SIG={CANARY}", "SIG=(secret)"),
        (f"client_secret={CANARY} sent", "client_secret=(secret) sent"),
        (f"Authorization: Bearer {CANARY}-0123456789", "Authorization: Bearer (secret)"),
        (f"sig%3D{CANARY}", "sig%3D(secret)"),
        (f"PASSWORD%253D{CANARY}&x=1", "PASSWORD%253D(secret)&x=1"),
        (f"eyJhbGciOiJSUzI1.eyJhdWQiOiJodHRw.{CANARY}", "(secret)"),
        (f'{{"a": "\\"https://h/p?x={CANARY}\\"", "b": 1}}', '{"a": "\\"https://h/p?(secret)\\"", "b": 1}'),
        (
            f"`https://h/p?x={CANARY}` \x1b[1mhttps://h/p?x={CANARY}\x1b[0m",
            "`https://h/p?(secret)` \x1b[1mhttps://h/p?(secret)\x1b[0m",
        ),
        ("design=good", "design=good"),
        ("bearer of bad news", "bearer of bad news"),
        ("Which version? Any.", "Which version? Any."),
        ("", ""),
    ],
)
def test_what_others_wrote_is_scrubbed(text: str, expected: str) -> None:
    """Signatures, queries of links and tokens go; ordinary words that look alike stay."""
    assert scrub(text) == expected
    assert scrub(expected) == expected


def test_a_link_that_cannot_be_reached_is_scrubbed_out_of_the_error() -> None:
    """The connection error that names the whole link (CVE-2024-31216) shows its host and path alone."""
    error = ConnectionError(f"cannot connect to {LINK}")
    assert scrub(str(error)) == "cannot connect to https://store.blob.core.windows.net/c/p.zip?(secret)"


def test_a_short_secret_blanks_no_other_words() -> None:
    """Secrets are told by where they are, not by what they are: a secret "a" hides no other "a"."""
    assert shown({"code": Secret("a"), "text": "a banana"}) == {"code": HIDDEN, "text": "a banana"}
