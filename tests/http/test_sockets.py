"""
ARM over real sockets: what a broken, slow, greedy or foreign other side does to one request, and what is told of it.

Nothing is waited for on the wall clock but the bounds of a request, which are cut to a fraction of a second here.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import socket
import traceback
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import StreamEnded
from h2.exceptions import ProtocolError

from reconciler.azure import observe
from reconciler.azure.answers import ARM, json_object
from reconciler.azure.client import ArmWriter
from reconciler.errors import ForeignOriginError, RequestError, TransientError, UnusableAnswerError, UsageError
from reconciler.http.answer import Answer
from reconciler.http.bounds import Bounds
from reconciler.http.retry import Retrier
from reconciler.http.tokens import NoToken, StaticToken
from reconciler.http.transport import Transport
from reconciler.model.live import Unreadable
from reconciler.secret.text import Secret
from tests.kit.arm import RESOURCE, VERSION, Largest
from tests.kit.clock import FakeClock
from tests.kit.loops import run
from tests.kit.raw import Authority, Raw, Talk, drips, http, resets, says, silent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from reconciler.http.tokens import TokenSource

MB: Final = 1024 * 1024
# For a server that says nothing, or too slowly; any other one is given as long as a busy machine may take.
QUICK: Final = Bounds(connect_s=5, silence_s=0.1, whole_s=0.2, answer_bytes=2 * MB)
PATIENT: Final = Bounds(connect_s=60, silence_s=60, whole_s=60, answer_bytes=2 * MB)
GOOD: Final = orjson.dumps({"id": RESOURCE, "properties": {}})
SECRET: Final = "CANARY-socket"
TOKEN: Final = StaticToken(Secret(SECRET))


def speak(
    server: Raw,
    use: Callable[[ArmWriter], Awaitable[Any]],
    bounds: Bounds = PATIENT,
    tokens: TokenSource | None = None,
    endpoint: str | None = None,
) -> Any:
    """Let *use* speak to *server*, or to another endpoint, as a run would, with waits that take no time."""

    async def scenario() -> Any:
        clock = FakeClock()
        service = replace(ARM, bounds=bounds)
        transport = Transport.open(endpoint or server.url, service, tokens or NoToken(), clock, environ=os.environ)
        try:
            return await use(ArmWriter(transport, Retrier(clock, chance=Largest())))
        finally:
            await transport.close()

    return run(scenario())


def get(arm: ArmWriter) -> Awaitable[Any]:
    """Read one resource."""
    return arm.get(RESOURCE, VERSION)


def put(arm: ArmWriter) -> Awaitable[Any]:
    """Write one resource."""
    return arm.put(RESOURCE, VERSION, {"location": "westus"})


def failure(server: Raw, use: Callable[[ArmWriter], Awaitable[Any]] = get, **options: Any) -> RequestError:
    """Return what *use* fails with; no error shows a secret, and none means absence."""
    with pytest.raises(RequestError) as caught:
        speak(server, use, **options)
    assert SECRET not in repr(caught.value.info)
    assert isinstance(observe._failure(caught.value), Unreadable)
    return caught.value


BROKEN: Final[dict[str, tuple[Talk, str]]] = {
    "length announced, cut": (says(http(b"{", content_length=100)), "the answer was cut short"),
    "chunk cut": (says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n50\r\n{}"), "the answer was cut short"),
    "no last chunk": (says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"), "cut short"),
    "chunk size is no number": (
        says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + SECRET.encode() + b"\r\n{}\r\n0\r\n\r\n"),
        "the answer is not HTTP",
    ),
    "chunk size is negative": (
        says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n"),
        "the answer is not HTTP",
    ),
    "two lengths": (says(http(GOOD, Content_Length=3)), "the answer is not HTTP"),
    "reset in the middle": (resets(http(b"{", content_length=100)), "the connection was reset"),
    "reset before a byte": (resets(), "the connection was reset"),
    "closed before a byte": (says(), "the connection was closed before an answer came"),
    "garbage": (says(b"\x00\xff" + SECRET.encode() + b"\r\n\r\n"), "the answer is not HTTP"),
    "another protocol": (says(b"SSH-2.0-" + SECRET.encode() + b"\r\n\r\n"), "not HTTP"),
    "flood of headers": (
        says(b"HTTP/1.1 200 OK\r\n", b"".join(b"x-%d: %s\r\n" % (n, SECRET.encode() * 9) for n in range(9999))),
        "the answer is not HTTP",
    ),
    "one endless header": (says(b"HTTP/1.1 200 OK\r\nx: ", b"y" * 2 * MB), "the answer is not HTTP"),
    "silence": (silent, "no answer within the time limit"),
    "drip": (drips(http(GOOD), 0.02), "no whole answer within the time limit"),
    "drip of a body": (drips(http(b" " * 500), 0.005), "no whole answer within the time limit"),
    "broken gzip": (says(http(b"no gzip", content_encoding="gzip")), "could not be decompressed"),
}


def bounds_for(name: str) -> Bounds:
    """Return the bounds that a server of *BROKEN* is met with."""
    return QUICK if name.startswith(("silence", "drip")) else PATIENT


@pytest.mark.parametrize("name", BROKEN)
def test_what_broke_is_told(name: str) -> None:
    """Each way to break off has its words; none of them is an answer, and a read is not repeated for ever."""
    talk, words = BROKEN[name]
    with Raw([talk]) as server:
        error = failure(server, bounds=bounds_for(name))
    assert isinstance(error, TransientError)
    assert error.info.code == "Unreachable"
    assert words in error.info.message
    assert server.connections == 5


@pytest.mark.parametrize("name", BROKEN)
def test_a_read_is_repeated(name: str) -> None:
    """The second answer counts."""
    with Raw([BROKEN[name][0], says(http(GOOD))]) as server:
        assert speak(server, get, bounds_for(name))["id"] == RESOURCE
    assert server.connections == 2


@pytest.mark.parametrize("name", ["closed before a byte", "reset in the middle", "drip", "garbage", "broken gzip"])
def test_a_write_is_not_repeated(name: str) -> None:
    """ARM may have acted on the write: the sender reads the resource first."""
    with Raw([BROKEN[name][0]]) as server:
        error = failure(server, put, tokens=TOKEN, bounds=bounds_for(name))
    assert isinstance(error, TransientError)
    assert error.may_have_landed
    assert server.connections == 1


def test_a_list_that_breaks_off_is_no_short_list() -> None:
    """Its first page was whole, and is not taken for all."""
    element = {"id": f"{RESOURCE}/applications/a", "properties": {}}

    page = says(http(orjson.dumps({"value": [element], "nextLink": f"{RESOURCE}/applications?page=2"})))
    not_found = http(orjson.dumps({"error": {"code": "ResourceNotFound", "message": "gone"}}), "404 Not Found")
    for talk in (BROKEN["length announced, cut"][0], says(not_found)):
        with Raw([page, talk]) as server:
            failure(server, lambda arm: arm.list(f"{RESOURCE}/applications", VERSION))


UNUSABLE: Final[dict[str, tuple[Talk, str]]] = {
    "a gigabyte announced": (says(http(b"{", content_length=10**9)), f"larger than {2 * MB} bytes"),
    "chunks without end": (
        says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", *[b"40000\r\n" + b" " * 0x40000 + b"\r\n"] * 16),
        f"larger than {2 * MB} bytes",
    ),
    "packed twice": (
        says(http(gzip.compress(gzip.compress(b" " * MB)), content_encoding="gzip, gzip")),
        "compressed in a way that was not requested",
    ),
    "packed by something else": (
        says(http(GOOD, content_encoding="deflate")),
        "compressed in a way that was not requested",
    ),
    "web page": (says(http(b"<html>", content_type="text/html")), "not JSON"),
    "key twice": (says(http(GOOD.replace(b"{}", b'{"a":"x","a":"x"}'))), "has a key twice"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_answer_that_nothing_can_be_made_of(name: str) -> None:
    """It says nothing of the resource, and is not asked for again."""
    talk, words = UNUSABLE[name]
    with Raw([talk]) as server:
        error = failure(server)
    assert isinstance(error, UnusableAnswerError)
    assert words in error.info.message
    assert server.connections == 1


@pytest.mark.parametrize(("bounds", "most"), [(Bounds(), 45 * MB), (QUICK, 15 * MB)])
def test_a_bomb(bounds: Bounds, most: int) -> None:
    """What swells a thousandfold is given up once it passes the bound, not when a whole piece of it was unpacked."""
    bomb = gzip.compress(b" " * 50 * MB)
    assert len(bomb) < 52_000
    with Raw([says(http(bomb, content_encoding="gzip"))]) as server:
        tracemalloc.start()
        error = failure(server, bounds=bounds)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert f"larger than {bounds.answer_bytes} bytes" in error.info.message
    assert peak < most


def test_a_bomb_within_the_bound() -> None:
    """It is read, and is no resource."""
    with Raw([says(http(gzip.compress(b" " * MB), content_encoding="gzip"))]) as server:
        assert "not JSON" in failure(server).info.message


def test_packed_answers_are_read() -> None:
    """As ARM packs them."""
    with Raw([says(http(gzip.compress(GOOD), content_encoding="gzip"))]) as server:
        assert speak(server, get)["id"] == RESOURCE
    assert b"accept-encoding: gzip\r\n" in server.heard[0].lower()


async def _write(arm: ArmWriter) -> None:
    await arm.poll((await put(arm)).operation or "")


def _link(words: Callable[[str], bytes]) -> Callable[[Raw], Talk]:
    return lambda elsewhere: says(words(f"{elsewhere.url}/x?sig={SECRET}"))


FOREIGN: Final[dict[str, tuple[Callable[[Raw], Talk], Callable[[ArmWriter], Awaitable[Any]]]]] = {
    "nextLink": (
        _link(lambda link: http(orjson.dumps({"value": [], "nextLink": link}))),
        lambda arm: arm.list(RESOURCE + "/applications", VERSION),
    ),
    "Location": (_link(lambda link: http(b"{}", "202 Accepted", location=link)), _write),
    "Azure-AsyncOperation": (
        _link(lambda link: http(b"{}", "201 Created", azure_asyncoperation=link)),
        _write,
    ),
    "redirect of a read": (_link(lambda link: http(b"", "302 Found", location=link)), get),
    "redirect of a write": (_link(lambda link: http(b"", "307 Temporary Redirect", location=link)), put),
    "permanent redirect": (_link(lambda link: http(b"", "308 Permanent Redirect", location=link)), put),
}


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("name", FOREIGN)
def test_nothing_is_sent_elsewhere(name: str, token: TokenSource | None) -> None:
    """Another port of this machine is another origin: not one connection is made to it, with a token or without."""
    talk, use = FOREIGN[name]
    with Raw([says(http(GOOD))]) as elsewhere, Raw([talk(elsewhere)]) as server:
        error = failure(server, use, tokens=token)
    assert isinstance(error, ForeignOriginError)
    assert "leads to 127.0.0.1" in error.info.message
    assert elsewhere.connections == 0
    assert server.connections == 1


def test_a_page_of_another_subscription() -> None:
    """A list is of one subscription; a link to another is not followed, though ARM itself gave it."""
    link = "/subscriptions/other/providers/Microsoft.Compute/galleries?page=2"
    with Raw([says(http(orjson.dumps({"value": [], "nextLink": link})))]) as server:
        error = failure(server, lambda arm: arm.list(RESOURCE + "/applications", VERSION))
    assert isinstance(error, UnusableAnswerError)
    assert "another subscription" in error.info.message
    assert server.connections == 1


# HTTP/2


def two(act: Callable[[H2Connection, int], None]) -> Talk:
    """Return the talk over HTTP/2 that acts on each request."""

    def talk(connection: socket.socket) -> None:
        state = H2Connection(H2Configuration(client_side=False))
        state.initiate_connection()
        connection.sendall(state.data_to_send())
        with contextlib.suppress(ProtocolError):  # of what we broke ourselves
            while words := connection.recv(65536):
                for event in state.receive_data(words):
                    if isinstance(event, StreamEnded):
                        act(state, event.stream_id or 0)
                connection.sendall(state.data_to_send())

    return talk


def _answer(state: H2Connection, stream: int, body: bytes, *, end: bool = True) -> None:
    state.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
    state.send_data(stream, body, end_stream=end)


def _cut(state: H2Connection, stream: int) -> None:
    _answer(state, stream, b"{", end=False)
    state.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)


def _goes_away(state: H2Connection, stream: int) -> None:
    _answer(state, stream, b"{", end=False)
    state.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)


def _breaks_the_rules(state: H2Connection, stream: int) -> None:
    _answer(state, stream, b"{", end=False)
    state._data_to_send += b"\x00\x00\x01\x00\x00\x00\x00\x00\x00x"  # DATA on stream 0


def _is_silent(state: H2Connection, stream: int) -> None:
    _answer(state, stream, b"{", end=False)


@pytest.mark.parametrize("act", [_cut, _goes_away, _breaks_the_rules, _is_silent])
def test_what_breaks_within_http_2(act: Callable[[H2Connection, int], None], authority: Authority) -> None:
    """It is a broken connection, and no bug of ours."""
    tls = authority.server(alpn=["h2"])
    bounds = QUICK if act is _is_silent else PATIENT
    with Raw([two(act)], tls=tls) as server:
        error = failure(server, bounds=bounds)
        assert isinstance(error, TransientError)
        written = failure(server, put, bounds=bounds)
    assert isinstance(written, TransientError)
    assert written.may_have_landed


def test_http_2(authority: Authority) -> None:
    """Many requests share one connection."""
    act = lambda state, stream: _answer(state, stream, GOOD)  # noqa: E731

    async def many(arm: ArmWriter) -> Any:
        return await asyncio.gather(*(get(arm) for _ in range(30)))

    with Raw([two(act)], tls=authority.server(alpn=["h2", "http/1.1"])) as server:
        answers = speak(server, many, Bounds())
    assert [answer["id"] for answer in answers] == [RESOURCE] * 30
    assert server.connections == 1


def test_one_answer_too_large_holds_no_other_up(authority: Authority) -> None:
    """What is given up in the middle takes nothing from its siblings on the same connection."""
    turns = iter([b" " * 60000, *[GOOD] * 9])

    def act(state: H2Connection, stream: int) -> None:
        _answer_in_pieces(state, stream, next(turns))

    async def both(arm: ArmWriter) -> Any:
        with pytest.raises(UnusableAnswerError):
            await get(arm)
        return await get(arm)

    with Raw([two(act)], tls=authority.server(alpn=["h2"])) as server:
        assert speak(server, both, Bounds(answer_bytes=1000))["id"] == RESOURCE


def _answer_in_pieces(state: H2Connection, stream: int, body: bytes) -> None:
    state.send_headers(stream, [(":status", "200")])
    for start in range(0, len(body), 10000):
        state.send_data(stream, body[start : start + 10000])
    state.end_stream(stream)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Return an authority that the process trusts."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


def test_https(authority: Authority) -> None:
    """With an authority that SSL_CERT_FILE names."""
    with Raw([says(http(GOOD))], tls=authority.server()) as server:
        assert speak(server, get, tokens=TOKEN)["id"] == RESOURCE
    assert f"authorization: Bearer {SECRET}".encode() in server.heard[0].replace(b"Authorization", b"authorization")


def test_untrusted(tmp_path: Path) -> None:
    """Without it, the cause is told, and nothing is sent."""
    with Raw([says(http(GOOD))], tls=Authority(tmp_path).server()) as server:
        error = failure(server, put, tokens=TOKEN)
    assert "unable to get local issuer certificate" in error.info.message
    assert "SSL_CERT_FILE" in str(error.info.fix)
    assert isinstance(error, TransientError)
    assert not error.may_have_landed
    assert server.heard == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"host": "management.azure.com"}, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ({"days": -1}, "certificate has expired"),
    ],
)
def test_the_wrong_certificate(authority: Authority, options: dict[str, Any], words: str) -> None:
    """Why it does not do is told."""
    with Raw([says(http(GOOD))], tls=authority.server(**options)) as server:
        error = failure(server, tokens=TOKEN)
    assert words in error.info.message
    assert server.heard == []


@pytest.mark.parametrize(
    "body",
    [b'{"a":1,"a":1}', b'{"x":[{"a":"","a":""}]}', b'{"a":1,"\\u0061":2}', b'{"a":"\\u0022\\u0022","b":1,"b":2}'],
)
def test_a_key_twice(body: bytes) -> None:
    """An object with one key twice is ambiguous and refused, in any spelling of the key."""
    with pytest.raises(UnusableAnswerError, match="has a key twice"):
        json_object(Answer(200, {}, body, ARM))


@pytest.mark.parametrize(
    "body",
    [b'{"a":"\\u0022","b":"\\""}', b'{"\\"a": {"a":1}, "a":[{"a":1},{"a":1}]}', b'{ "a" : "\\u0041\\/\xc3\xa9" }'],
)
def test_no_key_twice(body: bytes) -> None:
    """Objects of their own may have the same keys, and quotes within texts are no keys."""
    assert json_object(Answer(200, {}, body, ARM)) == orjson.loads(body)


def test_plain_http_where_tls_is_spoken(authority: Authority) -> None:
    """The port is the wrong one, not the certificate."""
    with Raw([lambda connection: connection.sendall(http(b"", "400 Bad Request"))], scheme="https") as server:
        error = failure(server, tokens=TOKEN)
    assert "the TLS connection failed" in error.info.message
    assert "speaks TLS" in str(error.info.fix)
    assert SECRET.encode() not in b"".join(server.heard)


def test_a_broken_record(authority: Authority) -> None:
    """TLS that breaks in the middle of an answer is a broken connection."""

    def talk(connection: socket.socket) -> None:
        says(http(b"{", content_length=100))(connection)
        with socket.socket(fileno=os.dup(connection.fileno())) as plain:  # past TLS
            plain.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)

    with Raw([talk], tls=authority.server()) as server:
        error = failure(server)
    assert isinstance(error, TransientError)


PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def through(proxy: str, monkeypatch: pytest.MonkeyPatch, endpoint: str = "https://arm.example") -> RequestError:
    """Return what a write through a proxy fails with."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    async def scenario() -> None:
        transport = Transport.open(endpoint, replace(ARM, bounds=QUICK), TOKEN, FakeClock(), environ=os.environ)
        try:
            await transport.send("PUT", RESOURCE, b"{}")
        finally:
            await transport.close()

    with pytest.raises(RequestError) as caught:
        run(scenario())
    assert "CANARY" not in repr(caught.value.info)
    return caught.value


def test_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not on this machine is asked for at the proxy that the environment names, which sees no token."""
    with Raw([says(http(b"CANARY", "407 CANARY"))]) as proxy:
        error = through(f"http://user:CANARY-word@127.0.0.1:{proxy.port}", monkeypatch)
    assert proxy.heard[0].startswith(b"CONNECT arm.example:443 HTTP/1.1")
    assert b"Basic" in proxy.heard[0]
    assert SECRET.encode() not in proxy.heard[0]
    assert "the proxy refused" in error.info.message
    assert "HTTPS_PROXY" in str(error.info.fix)


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way out names it."""
    error = through("http://user:CANARY-word@127.0.0.1:9", monkeypatch)
    assert "refused" in error.info.message
    assert "HTTPS_PROXY" in str(error.info.fix)


def test_an_authority_of_a_proxy(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that signs for Azure itself is trusted as far as SSL_CERT_FILE says so."""
    tls = authority.server(host="arm.example")

    def talk(connection: socket.socket) -> None:
        says(b"HTTP/1.1 200 OK\r\n\r\n")(connection)
        with tls.wrap_socket(socket.socket(fileno=os.dup(connection.fileno())), server_side=True) as inner:
            inner.settimeout(5)
            says(http(GOOD))(inner)

    with Raw([talk]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert speak(proxy, get, tokens=TOKEN, endpoint="https://arm.example")["id"] == RESOURCE


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_proxy_for_this_machine(scheme: str, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would see tokens that are for this machine only."""
    tls = authority.server() if scheme == "https" else None
    with Raw([says(http(GOOD))]) as proxy, Raw([says(http(GOOD))], tls=tls) as server:
        for name in PROXIES[:3]:
            monkeypatch.setenv(name, proxy.url)
        assert speak(server, get, tokens=TOKEN)["id"] == RESOURCE
    assert proxy.connections == 0


def test_what_no_proxy_names(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked directly."""
    monkeypatch.setenv("NO_PROXY", "arm.invalid")
    with Raw([says(http(b""))]) as proxy:
        error = through(proxy.url, monkeypatch, "https://arm.invalid")
    assert "cannot be resolved" in error.info.message
    assert proxy.connections == 0


@pytest.mark.parametrize("proxy", ["socks5://user:CANARY@127.0.0.1:9", "ftp://CANARY@x", "http://h:CANARY"])
def test_a_proxy_that_is_none(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before anything is sent, and without the value."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
        Transport.open("https://arm.example", ARM, TOKEN, FakeClock(), environ=os.environ)
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))
