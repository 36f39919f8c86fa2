"""Credentials are told from what only looks like them, in text and in JSON, by one finder."""

from __future__ import annotations

import json
import time
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.secret.credential_shapes import credentials, spans
from reconciler.secret.sensitive_names import is_secret_name
from reconciler.secret.text import HIDDEN, HIDDEN_CHANGED, credentials_in, printable, printable_pair, scrub
from tests.kit.credentials import HIDDEN_TEXTS, MARK, SHOWN_TEXTS


@pytest.mark.parametrize("text", HIDDEN_TEXTS.values(), ids=HIDDEN_TEXTS)
def test_a_credential_is_hidden(text: str) -> None:
    """As it is, in the middle of a script, and in JSON; hiding it twice changes nothing."""
    for whole in (text, f"set -e\n{text}\necho done\n", json.dumps({"text": text})):
        hidden = scrub(whole)
        assert MARK not in hidden
        assert HIDDEN in hidden
        assert scrub(hidden) == hidden
        assert whole.count("\n") == hidden.count("\n")
    json.loads(scrub(json.dumps({"text": text})))


@pytest.mark.parametrize("text", SHOWN_TEXTS)
def test_an_ordinary_value_is_shown(text: str) -> None:
    """References, placeholders, policies, public keys: a plan that hides them is of no use."""
    assert spans(text) == ()
    assert scrub(f"set -e\n{text}\necho done\n") == f"set -e\n{text}\necho done\n"


@pytest.mark.parametrize(
    "name", ["password", "proxyPassword", "AZP_TOKEN", "client-secret", "DB_PASS", "apiKey", "accountKey1", "GH_PAT"]
)
def test_a_name_that_says_secret(name: str) -> None:
    """In every spelling."""
    assert is_secret_name(name)
    assert printable({"advancedSettings": {name: "hunter2"}}) == {"advancedSettings": {name: HIDDEN}}


@pytest.mark.parametrize(
    "name", ["passwordPolicy", "keyVaultName", "secretName", "tokenType", "publicKeyToken", "sortKey", "bypass", "path"]
)
def test_a_name_that_only_sounds_like_one(name: str) -> None:
    """It ends in another word."""
    assert not is_secret_name(name)
    assert printable({"advancedSettings": {name: "hunter2"}}) == {"advancedSettings": {name: "hunter2"}}


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"parameters": {"password": {"type": "string", "defaultValue": "hunter2"}}}, [("parameters", "password")]),
        ({"parameters": {"x": {"type": "securestring", "defaultValue": "hunter2"}}}, [("parameters", "x")]),
        ({"parameters": {"x": {"type": "secureObject", "defaultValue": {"a": "b1"}}}}, [("parameters", "x")]),
        ({"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}, [("env", 0)]),
        ({"env": [{"name": "DB_HOST", "value": "hunter2"}]}, []),
        ({"parameters": {"password": {"type": "securestring", "defaultValue": ""}}}, []),
        ({"parameters": {"password": {"type": "securestring", "defaultValue": "[newGuid()]"}}}, []),
        ({"outputs": {"password": "[steps('x').password]"}}, []),
        ({"label": {"password": "Admin password", "confirmPassword": "Again"}}, []),
        ({"password": 12345}, [("password",)]),
        ({"tokens": 12345, "password": True}, []),
    ],
)
def test_json_is_looked_into_by_its_names(value: Any, paths: list[tuple[str | int, ...]]) -> None:
    """Defaults of parameters, pairs of name and value; what is a reference, or for people to read, is none."""
    found = [path for path, _ in credentials(value)]
    assert [path[: len(known)] for path, known in zip(found, paths, strict=True)] == paths
    assert len(credentials_in(value)) == len(paths)
    assert bool(list(credentials({"mainTemplate": json.dumps(value)}))) == bool(paths)


def test_what_changed_is_said_of_both_sides() -> None:
    """Of a value, of one in an object, of one in a script; what is the same, or new, has not changed."""
    at = ("properties", "proxyPassword")
    assert printable_pair("hunter2", "hunter3", at) == (HIDDEN, HIDDEN_CHANGED)
    assert printable_pair({"pwd": "hunter2"}, {"pwd": "hunter3"}) == ({"pwd": HIDDEN}, {"pwd": HIDDEN_CHANGED})
    assert printable_pair({"pwd": "hunter2"}, {"pwd": "hunter2"}) == ({"pwd": HIDDEN}, {"pwd": HIDDEN})
    assert printable_pair("A=1\nTOKEN=hunter2", "A=2\nTOKEN=hunter3") == (
        f"A=1\nTOKEN={HIDDEN}",
        f"A=2\nTOKEN={HIDDEN_CHANGED}",
    )
    assert printable_pair(None, "hunter3", at) == (None, HIDDEN)


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        *("password=", "password: ", "-----BEGIN PRIVATE KEY-----\n", "curl -u ", "x-api-key:", "a:b@", "https://a:"),
        *("net use ", "openssl ", "ldapsearch -w", "certutil ", "/pw:", "smbclient -U", 'pw=r"'),
        *("--token ", "PASSWORD=${", '"password":{', "token\n", 'password="', "passwordpassword", f"{'A' * 50}\n"),
    ],
)
def test_no_text_keeps_the_finder_busy(unit: str) -> None:
    """A quarter of a megabyte of what begins like a credential takes the time of its length, not of its square."""
    started = time.process_time()
    spans(unit * (2**18 // len(unit)))
    assert time.process_time() - started < 5


_NAMES = st.sampled_from(
    ["name", "Name", "KEY", "\u212aey", "type", "value", "defaultValue", "password", "x", "tags", "dbToken", "items"]
)
_VALUES = st.one_of(
    st.sampled_from(["password", "API_KEY", "securestring", "SecureObject", "hunter2", "{}", '{"token": "s3cr3t!"}']),
    st.sampled_from(
        [
            '{"x": {"type": "securestring", "defaultValue": "hunter2"}}',
            "",
            " ",
            "x",
            '\n{"password": "hunter2"}',
            *HIDDEN_TEXTS.values(),
            *SHOWN_TEXTS,
        ]
    ),
    st.integers(0, 10**6),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
)

_NAMING = st.sampled_from(["password", "API_KEY", "securestring", "SecureObject", "x"])
_PAIRS = st.tuples(_NAMES, _NAMING, _NAMES, st.just("hunter2")).map(lambda each: {each[0]: each[1], each[2]: each[3]})


@pytest.mark.properties
@given(
    st.recursive(_VALUES | _PAIRS, lambda each: st.lists(each, max_size=3) | st.dictionaries(_NAMES, each, max_size=4)),
    st.lists(_NAMES | st.integers(0, 2), max_size=2),
)
def test_the_quick_look_misses_nothing(value: Any, path: list[str | int]) -> None:
    """A mapping of another type than JSON's is never looked at quickly, and gives the same."""
    slow = credentials(MappingProxyType({"items": value}), tuple(path))
    assert [*credentials({"items": value}, tuple(path))] == [*slow]
