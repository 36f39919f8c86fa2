"""The one HTTP seam: where requests may go, what they carry, what is made of broken answers."""

from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
import traceback
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.azure.answers import ARM
from reconciler.azure.auth import IdentityToken
from reconciler.azure.credentials import Credentials
from reconciler.errors import AuthError, ForeignOriginError, TransientError, UnusableAnswerError
from reconciler.http.bounds import Bounds
from reconciler.http.tokens import NoToken, StaticToken
from reconciler.http.transport import Transport
from reconciler.secret.text import Secret
from tests.kit.arm import ENDPOINT, RESOURCE, Wire, answer, transport
from tests.kit.clock import FakeClock
from tests.kit.loops import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reconciler.http.answer import Answer

TOKEN = StaticToken(Secret("CANARY-token"))


def send(*script: httpx.Response | Exception, method: str = "GET", content: bytes | None = None) -> Answer:
    """Send one request through *script*."""
    return run(transport(Wire(FakeClock(), *script), TOKEN).send(method, RESOURCE, content))


def test_what_is_sent() -> None:
    """The token goes as a bearer, a body as JSON, and requests are counted."""
    wire = Wire(FakeClock(), answer(201, {}, X_MS_Thing="x"))
    arm = transport(wire, TOKEN)
    got = run(arm.send("PUT", RESOURCE + "?a=b", b'{"c":1}'))
    request = wire.requests[0]
    assert str(request.url) == f"{ENDPOINT}{RESOURCE}?a=b"
    assert request.headers["authorization"] == "Bearer CANARY-token"
    assert request.headers["content-type"] == "application/json"
    assert request.content == b'{"c":1}'
    assert (got.status, got.headers["x-ms-thing"], got.content) == (201, "x", b"{}")
    assert dict(arm.requests) == {"PUT": 1}


def test_a_read_has_no_body() -> None:
    """Nothing is said of a body that is not there, and without a token there is no header for one."""
    wire = Wire(FakeClock(), answer(200, {}))
    run(transport(wire).send("GET", RESOURCE))
    assert "content-type" not in wire.requests[0].headers
    assert "authorization" not in wire.requests[0].headers


@pytest.mark.parametrize(
    "link",
    [
        ENDPOINT + RESOURCE,
        "https://MANAGEMENT.azure.com/x",
        "https://management.azure.com:443/x",
        "HTTPS://management.azure.com/x?y=https://evil.example/",
        RESOURCE,
        "/x?next=//evil.example",
    ],
)
def test_own_links(link: str) -> None:
    """Links of ARM's own origin are followed, however they spell it."""
    wire = Wire(FakeClock(), answer(200, {}))
    run(transport(wire, TOKEN).send("GET", link))
    assert wire.requests[0].url.host == "management.azure.com"
    assert wire.requests[0].url.scheme == "https"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/x",
        "http://management.azure.com/x",
        "https://management.azure.com:444/x",
        "https://management.azure.com.evil.example/x",
        "https://management.azure.com@evil.example/x",
        "https://user@management.azure.com/x",
        "https://user:pass@management.azure.com/x",
        "https://:@management.azure.com/x",
        "https://management.azure.com\\@evil.example/x",
        "https://management.azure.com\u3002evil.example/x",
        "https://management.azure.com:443:443/x",
        "https://management.azure.com:99999/x",
        "https://[half/x",
        "https:///x",
        "//evil.example/x",
        "https://management.azure.com/\x7f",
        "https://management.azure.com/a b",
        "https://management.azure.com/\n",
        "relative/path",
        "file:///etc/passwd",
        "",
    ],
)
def test_foreign_links(link: str) -> None:
    """Nothing, least of all the token, is sent to another origin, or for a link that two readers may read two ways."""
    wire = Wire(FakeClock(), answer(200, {}))
    with pytest.raises(ForeignOriginError):
        run(transport(wire, TOKEN).send("GET", link))
    assert wire.requests == []


def test_a_port_that_is_no_default() -> None:
    """An endpoint of its own port is the only one at that port."""
    wire = Wire(FakeClock(), answer(200, {}))
    arm = transport(wire, endpoint="http://127.0.0.1:8080/")
    run(arm.send("GET", "http://127.0.0.1:8080/x"))
    with pytest.raises(ForeignOriginError):
        run(arm.send("GET", "http://127.0.0.1/x"))
    assert wire.sent == ["GET /x"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """A redirect is an answer like any other."""
    wire = Wire(FakeClock(), answer(status, Location="https://evil.example/"))
    assert run(transport(wire, TOKEN).send("GET", RESOURCE)).status == status
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("error", "says", "sent"),
    [
        (httpx.ConnectTimeout("CANARY"), "no connection within the time limit", False),
        (httpx.ConnectError("CANARY"), "no connection could be made", False),
        (httpx.PoolTimeout("CANARY"), "no answer within the time limit", False),
        (httpx.ReadTimeout("CANARY"), "no answer within the time limit", True),
        (httpx.WriteTimeout("CANARY"), "no answer within the time limit", True),
        (httpx.RemoteProtocolError("CANARY"), "the answer is not HTTP", True),
        (httpx.DecodingError("CANARY"), "the answer could not be decompressed", True),
        (httpx.ProxyError("CANARY"), "the proxy refused", True),
        (httpx.ReadError("CANARY"), "the connection broke (ReadError)", True),
        (httpx.LocalProtocolError("Illegal header value CANARY"), "the connection broke", True),
    ],
)
def test_causes_are_told_apart(error: httpx.HTTPError, says: str, sent: bool) -> None:  # noqa: FBT001
    """What went wrong is said in words; whether a write may have been acted on follows from it."""
    with pytest.raises(TransientError) as caught:
        send(error, method="PUT", content=b"{}")
    assert says in caught.value.info.message
    assert caught.value.info.code == "Unreachable"
    assert caught.value.may_have_landed is sent
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(TransientError) as caught:
        send(error)
    assert not caught.value.may_have_landed


def test_the_cause_of_the_cause_is_named() -> None:
    """The name of the first exception helps to find out why."""
    error = httpx.ConnectError("all connection attempts failed")
    error.__cause__ = OSError("CANARY")
    with pytest.raises(TransientError, match=r"\(OSError\)"):
        send(error)


def test_a_huge_answer() -> None:
    """An answer beyond the bound is not read to its end; a compressed one counts unpacked."""
    bounds = Bounds(answer_bytes=1000)
    arm = transport(Wire(FakeClock(), answer(200, b"x" * 1000)))
    arm.service = replace(ARM, bounds=bounds)
    assert run(arm.send("GET", RESOURCE)).content == b"x" * 1000
    packed = httpx.Response(200, content=gzip.compress(b"x" * 1001), headers={"content-encoding": "gzip"})
    for script in (lambda _: answer(200, b"x" * 1001), lambda _: packed):
        arm = transport(Wire(FakeClock(), script))
        arm.service = replace(ARM, bounds=bounds)
        with pytest.raises(UnusableAnswerError, match="larger than 1000 bytes") as caught:
            run(arm.send("GET", RESOURCE))
        assert caught.value.info.status == 200


class _Raw(httpx.AsyncByteStream):
    """A body that httpx unpacks only when it is read."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content


def test_broken_compression() -> None:
    """An answer that cannot be unpacked is a broken answer."""

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=_Raw(b"no gzip"))

    with pytest.raises(TransientError, match="decompressed"):
        run(transport(Wire(FakeClock(), handler)).send("GET", RESOURCE))


def test_no_token_no_request() -> None:
    """Where no token can be had nothing is sent."""
    wire = Wire(FakeClock(), answer(200, {}))
    tokens = IdentityToken(Credentials("environment", "login.example", {}), "scope", wire.clock)
    arm = transport(wire, tokens)
    with pytest.raises(AuthError):
        run(arm.send("GET", RESOURCE))
    assert wire.requests == []
    assert not arm.requests


def test_log_without_queries(caplog: pytest.LogCaptureFixture) -> None:
    """At debug level each request is one line, without its query, its token or the libraries' own lines."""
    caplog.set_level(logging.DEBUG)
    wire = Wire(FakeClock(), answer(200, {"sig": "CANARY"}, x_ms_request_id="r-1"))
    wire.latency_s = 2
    run(transport(wire, TOKEN).send("PUT", RESOURCE + "?t=CANARY&c=CANARY", b'"CANARY"'))
    ours = [record for record in caplog.records if record.name != "asyncio"]
    assert [record.getMessage() for record in ours] == [f"PUT {RESOURCE_URL} 200 r-1 2.000s"]
    assert "CANARY" not in caplog.text


RESOURCE_URL = ENDPOINT + RESOURCE


@pytest.mark.parametrize("name", ["httpx", "httpcore", "hpack", "azure.identity", "msal"])
def test_libraries_are_silent(name: str) -> None:
    """They would log whole links."""
    logging.getLogger(name.partition(".")[0]).setLevel(logging.DEBUG)

    async def scenario() -> None:
        await Transport.open(ENDPOINT, ARM, NoToken(), FakeClock(), environ={}).close()

    run(scenario())
    assert not logging.getLogger(name).isEnabledFor(logging.ERROR)


def test_an_application_instead_of_a_network() -> None:
    """An ASGI application may answer; closing closes the connections."""

    async def app(scope: object, receive: object, send: object) -> None:
        start = {"type": "http.response.start", "status": HTTPStatus.NO_CONTENT, "headers": []}
        await send(start)  # type: ignore[operator]
        await send({"type": "http.response.body"})  # type: ignore[operator]

    async def scenario() -> None:
        arm = Transport.open("http://localhost/", ARM, NoToken(), FakeClock(), environ={}, app=app)
        answer = await arm.send("GET", "/x")
        assert (answer.status, type(answer.status)) == (204, int)
        assert arm.http.headers["user-agent"].startswith("reconciler/")
        assert arm.http.follow_redirects is False
        await arm.close()
        assert arm.http.is_closed

    run(scenario())


@pytest.mark.parametrize(
    ("wire", "says"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "cut short"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", "cut short"),
        (b"", "closed before an answer came"),
        (b"no HTTP at all\r\n\r\n", "not HTTP"),
    ],
)
def test_cut_answers_on_a_real_socket(wire: bytes, says: str) -> None:
    """An answer that breaks off is no answer, least of all an absence."""

    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(wire)
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        arm = Transport.open(f"http://127.0.0.1:{port}", ARM, NoToken(), FakeClock(), environ={})
        with pytest.raises(TransientError, match=says):
            await arm.send("GET", RESOURCE)
        await arm.close()
        server.close()
        await server.wait_closed()

    run(scenario())


def test_nobody_listens() -> None:
    """A refused connection is told as one."""

    async def scenario() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        arm = Transport.open(f"http://127.0.0.1:{port}", ARM, NoToken(), FakeClock(), environ={})
        with pytest.raises(TransientError, match="the connection was refused"):
            await arm.send("PUT", RESOURCE, b"{}")
        await arm.close()

    run(scenario())


def test_no_proxy_carries_off_the_token_of_a_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http reaches this machine only, and passes none of the environment's proxies."""
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        arm = Transport.open("http://localhost:9", ARM, TOKEN, FakeClock(), environ={})
        with pytest.raises(TransientError):
            await arm.send("GET", RESOURCE)
        await arm.close()
        server.close()

    asyncio.run(scenario())
    assert heard == []


def test_a_refused_connection_is_told_with_its_own_way_out() -> None:
    """It is no matter of the network at large."""

    async def message(endpoint: str) -> str:
        arm = Transport.open(endpoint, ARM, NoToken(), FakeClock(), environ={})
        with pytest.raises(TransientError) as caught:
            await arm.send("GET", RESOURCE)
        await arm.close()
        return f"{caught.value.info.message}; {caught.value.info.fix}"

    refused = asyncio.run(message("http://127.0.0.1:9"))
    assert "the connection was refused" in refused
    assert "--endpoint" in refused


def test_a_certificate_that_is_not_trusted_is_no_matter_of_the_network() -> None:
    """It names the variable that helps."""
    broken = httpx.ConnectError("x")
    broken.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    with pytest.raises(TransientError) as caught:
        send(broken)
    assert "TLS handshake" in caught.value.info.message
    assert "SSL_CERT_FILE" in str(caught.value.info.fix)
