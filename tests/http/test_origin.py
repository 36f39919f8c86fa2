"""Which requests stay on this machine, and which two URLs lead to one place: the one definition, and who uses it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from reconciler.azure.answers import ARM
from reconciler.emulator.server import serve_in_thread
from reconciler.errors import EmulatorError, ForeignOriginError, UsageError
from reconciler.http.origin import folded_host, is_loopback, is_loopback_host, is_same_origin, origin_of
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.manifests.access import blob_at, covers
from reconciler.manifests.permits import StorageHosts, storage_hosts
from reconciler.settings import connection
from tests.kit.clock import FakeClock
from tests.kit.loops import run
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE: Final = ROOT / "reconciler"
HERE: Final = (
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1",
    "127.0.0.1.",
    "127.0.0.2",
    "127.255.255.254",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
)
ELSEWHERE: Final = (
    "arm.example",
    "localhost.example",
    "127.0.0.1.example",
    "128.0.0.1",
    "0.0.0.0",
    "[::]",
    "[::2]",
    "[fe80::1%25lo]",
    "127.1",
    "2130706433",
    "localhost..",
    "",
)
UNCLEAR: Final = (
    "http://me@127.0.0.1",
    "http://me:pw@localhost",
    "http://@localhost",
    "http://127.0.0.1\\@arm.example",
    "http://127.0.0.1 ",
    "http://127.0.0.1\t",
    "http://localhost:x",
    "http://localhost:99999",
    "http://[::1",
    "http://\u212aocalhost",
    "ftp://localhost",
    "//localhost",
    "localhost",
)


@pytest.mark.parametrize("port", ["", ":80", ":8010"])
@pytest.mark.parametrize("host", HERE)
def test_this_machine(host: str, port: str) -> None:
    """For the endpoint, its proxy, a storage rule, the blob behind it and the emulator alike."""
    url = f"http://{host}{port}"
    assert is_loopback(url)
    assert is_loopback_host(host)
    assert connection("public", url, "default").is_loopback
    assert not connection("public", url, "default").sends_token
    assert covers(url, f"{url}/a/b")
    blob = blob_at(f"{url}/account/container/name")
    assert blob is not None
    assert (blob.account, blob.container) == ("account", "container")
    assert not StorageHosts().allows(url)
    assert storage_hosts((), [host]).allows(url)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_other_machines(host: str) -> None:
    """Plain http does not go there, from a setting, an option or a manifest."""
    assert not is_loopback(f"http://{host}")
    assert not is_loopback_host(host)
    with pytest.raises(UsageError):
        connection("public", f"http://{host}", "default")
    assert not StorageHosts(named=frozenset({(host, None)})).allows(f"http://{host}")
    with pytest.raises(EmulatorError), serve_in_thread(lambda *_: None, host):  # type: ignore[arg-type]
        pass


@pytest.mark.parametrize("url", UNCLEAR)
def test_a_url_that_can_be_read_in_two_ways_leads_nowhere(url: str) -> None:
    """Not to this machine, and not to where it seems to lead."""
    assert origin_of(url) is None
    assert not is_loopback(url)
    assert not is_same_origin(url, url)
    assert not StorageHosts(named=frozenset({("localhost", None), ("127.0.0.1", None)})).allows(url)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("https://arm.example", "https://arm.example:443/x", True),
        ("https://arm.example", "HTTPS://ARM.example./x", True),
        ("http://arm.example:80", "http://arm.example", True),
        ("https://[::1]:8443", "https://[0::1]:8443/", True),
        ("https://arm.example", "http://arm.example:443", False),
        ("https://arm.example", "https://arm.example:8443", False),
        ("https://arm.example", "https://me@arm.example", False),
        ("https://arm.example", "https://arm.example@evil.example", False),
        ("https://arm.example", "https://arm.example.evil.example", False),
        ("https://arm.example", "https://arm.example..", False),
        ("https://127.0.0.1", "https://127.0.0.2", False),
        ("https://127.0.0.1", "https://localhost", False),
    ],
)
def test_same_origin(first: str, second: str, *, same: bool) -> None:
    """The same scheme, host and port; both ways, for links of ARM and for storage rules."""
    assert is_same_origin(first, second) is is_same_origin(second, first) is same
    assert covers(first, f"{second.rstrip('/')}/a") is same
    transport = Transport.open(first, ARM, NoToken(), FakeClock(), environ={})
    try:
        assert transport.url(second) == second
    except ForeignOriginError:
        assert not same
    else:
        assert same
    finally:
        run(transport.close())


@pytest.mark.parametrize("host", HERE)
def test_no_proxy_sees_what_stays_here(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to this machine use none of the environment's proxies; requests to other hosts do."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    assert not _proxied(f"http://{host}:8010")
    assert not _proxied(f"https://{host}")
    assert _proxied("https://arm.example")


def _proxied(endpoint: str) -> bool:
    transport = Transport.open(endpoint, ARM, NoToken(), FakeClock(), environ={})
    chosen = transport.http._transport_for_url(httpx.URL(endpoint))
    run(transport.close())
    return chosen is not transport.http._transport


def hosts_in(path: Path) -> Iterator[str]:
    """Yield the lines of a module that hold a definition of their own."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Constant(value="localhost" | "127.0.0.1" | "::1") | ast.Attribute(attr="is_loopback" | "hostname"):
                yield f"{path.relative_to(PACKAGE).as_posix()}:{node.lineno}"
            case _:
                pass


def test_no_other_module_defines_this_machine_or_an_origin() -> None:
    """Two definitions are a gap between them. An address to listen on, and the answer of this one, are none."""
    own = {
        "http/origin.py",
        "manifests/access.py",
        "cli/commands/emulator.py",
        "emulator/app.py",
        "emulator/server.py",
        "settings.py",
        "http/answer.py",
    }
    assert {place.partition(":")[0] for path in PACKAGE.rglob("*.py") for place in hosts_in(path)} <= own
    assert folded_host("EXAMPLE.com.") == "example.com"
