"""A secret shows in no text, container, log line, traceback, pickle or JSON."""

from __future__ import annotations

import base64
import copy
import faulthandler
import html
import json
import logging
import pickle
import pprint
import time
import traceback
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import pytest

from reconciler.secret.text import (
    HIDDEN,
    FromEnvironment,
    Secret,
    SecretUrl,
    quotable_in,
    reveal,
    scrub,
    scrub_known,
    secrets_in,
    shown,
    without_known,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
        repr(asdict(Holder(secret))),
        pprint.pformat({"a": [secret]}),
        ascii(secret),
        traceback_with_locals(secret),
        caplog.text,
        trace,
    ]
    assert [text for text in texts if CANARY in text] == []


def traceback_with_locals(secret: Secret) -> str:
    """Return what a debugger, or a library that prints local variables, makes of an exception."""
    with pytest.raises(AttributeError) as caught:
        secret.missing  # type: ignore[attr-defined]  # noqa: B018
    return "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())


def test_a_crash_dump_names_code_alone(tmp_path: Path) -> None:
    """What faulthandler writes when the interpreter dies."""
    secret = Secret(CANARY)
    with (tmp_path / "dump").open("w+") as file:
        faulthandler.dump_traceback(file, all_threads=False)
        file.seek(0)
        text = file.read()
    assert "test_a_crash_dump_names_code_alone" in text
    assert secret.reveal() not in text


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
    with pytest.raises(TypeError, match="not JSON serializable") as other:
        orjson.dumps({"a": Secret(CANARY)})
    assert CANARY not in f"{caught.value}{other.value}"


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
        (f"AccountName=a;AccountKey={CANARY}== sent", "AccountName=a;AccountKey=(secret) sent"),
        (f"SharedAccessKeyName=a;SharedAccessKey={CANARY}", "SharedAccessKeyName=a;SharedAccessKey=(secret)"),
        (f"Authorization: Bearer {CANARY}-0123456789", "Authorization: Bearer (secret)"),
        (f"sig%3D{CANARY}", "sig%3D(secret)"),
        (f"PASSWORD%253D{CANARY}&x=1", "PASSWORD%253D(secret)&x=1"),
        (f"eyJhbGciOiJSUzI1.eyJhdWQiOiJodHRw.{CANARY}", "(secret)"),
        (f'{{"a": "\\"https://h/p?x={CANARY}\\"", "b": 1}}', '{"a": "\\"https://h/p?(secret)\\"", "b": 1}'),
        (
            f"`https://h/p?x={CANARY}` \x1b[1mhttps://h/p?x={CANARY}\x1b[0m",
            "`https://h/p?(secret)` \x1b[1mhttps://h/p?(secret)\x1b[0m",
        ),
        (f"https:\\/\\/h\\/p?code={CANARY}", "https:\\/\\/h\\/p?(secret)"),
        (f"of https%3A%2F%2Fh%2Fp%3Fcode%3D{CANARY}%26a%3Db read", "of https%3A%2F%2Fh%2Fp%3F(secret) read"),
        (f"https%253a%252f%252fh%252fp%253fcode%253D{CANARY}", "https%253a%252f%252fh%252fp%253f(secret)"),
        (f"sv=1\\u0026sig\\u003d{CANARY}\\u002Bx", "sv=1\\u0026sig\\u003d(secret)"),
        (f"sv=1&amp;sig=a&#43;{CANARY}&amp;se=2", "sv=1&amp;sig=(secret)&amp;se=2"),
        (f"sig&#x3D;{CANARY}", "sig&#x3D;(secret)"),
        ("https%3A%2F%2Fh%2Fp and 100%3f", "https%3A%2F%2Fh%2Fp and 100%3f"),
        (f"of {base64.b64encode(LINK.encode()).decode()}, read", "of (secret), read"),
        (f"of {base64.b64encode(f'x{LINK}'.encode()).decode()}, read", "of eG(secret), read"),
        (f"of {base64.b64encode(f'xy{LINK}'.encode()).decode()}, read", "of eHl(secret), read"),
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


@pytest.mark.parametrize(
    "unit", ["https://", "https%3a%2f%2f", "sig", "password%25", "&#61;", "https://h?", "eyJ", "%25"]
)
def test_no_text_keeps_the_net_busy(unit: str) -> None:
    """A megabyte of what begins like a secret takes the time of a megabyte, not its square."""
    started = time.perf_counter()
    scrub(unit * (2**18 // len(unit)))
    assert time.perf_counter() - started < 5


def test_a_link_that_cannot_be_reached_is_scrubbed_out_of_the_error() -> None:
    """The connection error that names the whole link (CVE-2024-31216) shows its host and path alone."""
    error = ConnectionError(f"cannot connect to {LINK}")
    assert scrub(str(error)) == "cannot connect to https://store.blob.core.windows.net/c/p.zip?(secret)"


def test_a_short_secret_blanks_no_other_words() -> None:
    """Secrets are told by where they are, not by what they are: a secret "a" hides no other "a"."""
    assert shown({"code": Secret("a"), "text": "a banana"}) == {"code": HIDDEN, "text": "a banana"}


SAS = SecretUrl("https://h/p.zip?sv=2022-11-02&sr=b&sig=ab%2Fcdefghijklmnopqrstuvw%2Bxyz0123456789ABCDEFGHI%3D")
WRITTEN: dict[str, Callable[[str], str]] = {
    "raw": str,
    "decoded": lambda text: text.replace("%2F", "/").replace("%2B", "+").replace("%3D", "="),
    "percents": quote,
    "all percents": lambda text: quote(text, safe=""),
    "percents twice": lambda text: quote(quote(text, safe=""), safe=""),
    "lower percents": lambda text: quote(text, safe="").lower(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of more": lambda text: base64.b64encode(b"x" + text.encode() + b"yz").decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"xy" + text.encode()).decode(),
    "JSON": lambda text: json.dumps(text).replace("&", "\\u0026"),
    "HTML": html.escape,
    "half": lambda text: text[len(text) // 2 :],
    "end": lambda text: text[-20:],
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_known_secret_is_found_however_it_is_written(form: str) -> None:
    """In what ARM says of a request, where nothing else tells that it is one."""
    query = SAS.query
    assert query is not None
    for part in (SAS.reveal(), query.reveal(), query.reveal().rpartition("sig=")[2]):
        written = WRITTEN[form](part)
        found = scrub_known(f"Cannot read [{written}] now.", [Secret("other"), SAS])
        assert found.startswith("Cannot read [")
        assert found.endswith("] now.")
        assert found.count(HIDDEN) == 1
        kept = found[13:-6].replace(HIDDEN, "")
        assert len(kept) < 24, kept  # of what may be shown


@pytest.mark.parametrize(
    ("secret", "text", "expected"),
    [
        ("a", "a banana", "a banana"),
        ("in", "in the inn", "in the inn"),
        ("agent", "the agent has no agent", "the agent has no agent"),
        ("hunter2!", "Password hunter2! is weak, hunter2!s is not", "Password (secret) is weak, hunter2!s is not"),
        ("region", "regional regions of a region", "regional regions of a (secret)"),
        ("", "nothing", "nothing"),
        (HIDDEN, f"x {HIDDEN} y", f"x {HIDDEN} y"),
        ("İİİİİİİİİİİİ", "x İİİİİİİİİİİİ y", f"x {HIDDEN} y"),
        ("\ud800aaaaaaaaaaa", "x \ud800aaaaaaaaaaa y", f"x {HIDDEN} y"),
    ],
)
def test_a_known_secret_that_is_short_or_a_word_blanks_no_other_words(secret: str, text: str, expected: str) -> None:
    """What is shorter than six characters stays, and up to twelve it must stand alone."""
    assert scrub_known(text, [Secret(secret)]) == expected


def test_what_may_be_shown_of_a_known_link_stays() -> None:
    """Scheme, host and path are no secret."""
    text = f"cannot read {SAS.base} in https://h/p.zip/more"
    assert scrub_known(text, [SAS]) == text
    assert scrub_known(text, []) == text


def test_the_secrets_of_a_value() -> None:
    """All of them, in lists and objects."""
    value = {"a": [Secret("x"), 1, {"b": SAS}], "c": "no"}
    assert list(secrets_in(value)) == [Secret("x"), SAS]


def test_a_variable_without_a_value_is_quoted_by_nobody() -> None:
    """What Azure may quote is what a PUT can hold."""
    hook = FromEnvironment("RECONCILER_SECRET_HOOK", Secret("correct horse"))
    assert quotable_in({"a": [FromEnvironment("RECONCILER_SECRET_UNSET", None), hook]}) == {hook}
    assert without_known({"a": ["the correct horse"]}, [hook]) == {"a": ["the (secret)"]}
