"""Which ARM is spoken to, with which token, and the embedded one's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure import identity

from reconciler.azure.auth import AccessToken, IdentityToken
from reconciler.azure.client import ArmReader, ArmWriter
from reconciler.errors import RejectedError, UsageError
from reconciler.http.tokens import NoToken
from reconciler.manifests.access import Grant
from reconciler.runtime.connect import emulator_settings, open_blobs, open_reader, open_writer
from reconciler.settings import CLOUDS, Connection, Environment, connection
from tests.kit.arm import RESOURCE, VERSION
from tests.kit.clock import FakeClock
from tests.kit.loops import run

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.http.tokens import TokenSource

CANARY = Environment(
    {
        "RECONCILER_ACCESS_TOKEN": "CANARY",
        "AZURE_TENANT_ID": "tenant",
        "AZURE_CLIENT_ID": "client",
        "AZURE_CLIENT_SECRET": "CANARY",
    }
)


def tokens_of(chosen: Connection, environment: Environment = CANARY) -> TokenSource:
    """Return where the tokens of a connection come from."""

    async def scenario() -> TokenSource:
        async with open_writer(chosen, environment, FakeClock()) as arm:
            assert arm.transport.endpoint == chosen.endpoint
            return arm.transport.tokens

    return run(scenario())


@pytest.mark.parametrize("credential", ["default", "cli", "token"])
def test_the_emulator_gets_no_token(credential: str, tmp_path: Path) -> None:
    """The emulator needs none, with any choice of credential."""
    environment = Environment({**CANARY.values, "RECONCILER_EMULATOR_STATE": str(tmp_path / "state.sqlite")})
    assert isinstance(tokens_of(connection("emulator", None, credential), environment), NoToken)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"])
def test_loopback_gets_no_token(endpoint: str) -> None:
    """Plain http carries none but one that was given for it."""
    assert isinstance(tokens_of(connection("public", endpoint, "default")), NoToken)
    given = tokens_of(connection("public", endpoint, "token"))
    assert isinstance(given, AccessToken)
    assert given.value.reveal() == "CANARY"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_cloud(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint, scope and authority are the cloud's own, also behind another endpoint."""
    made: list[Any] = []
    monkeypatch.setattr(identity, "EnvironmentCredential", lambda **options: made.append(options))
    for endpoint in (None, "https://arm.example"):
        chosen = connection(cloud, endpoint, "environment")
        assert chosen.endpoint == (endpoint or CLOUDS[cloud].endpoint)
        tokens = tokens_of(chosen)
        assert isinstance(tokens, IdentityToken)
        assert (tokens.credentials.name, tokens.scope) == ("environment", CLOUDS[cloud].scope)
        tokens.credentials.create(None)
    assert [options["authority"] for options in made] == [CLOUDS[cloud].authority] * 2


def test_a_token_that_is_not_there() -> None:
    """The variable is named."""
    with pytest.raises(UsageError, match="RECONCILER_ACCESS_TOKEN"):
        tokens_of(connection("public", None, "token"), Environment({}))


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """It has no way to; the embedded ARM answers it, and its state is let go of."""
    environment = Environment({"RECONCILER_EMULATOR_STATE": str(tmp_path / "state.sqlite")})

    async def scenario() -> None:
        async with open_reader(connection("emulator", None, "default"), environment, FakeClock()) as arm:
            assert type(arm) is ArmReader
            assert not isinstance(arm, ArmWriter)
            assert not hasattr(arm, "put")
            with pytest.raises(RejectedError):
                await arm.get(RESOURCE, VERSION)
        assert arm.transport.http.is_closed

    run(scenario())
    assert (tmp_path / "state.sqlite").exists()
    (tmp_path / "state.sqlite").unlink()


def test_closed_after_a_failure(tmp_path: Path) -> None:
    """Connections are closed also after an exception inside the block."""
    environment = Environment({"RECONCILER_EMULATOR_STATE": str(tmp_path / "state.sqlite")})
    opened: list[ArmWriter] = []

    async def scenario() -> None:
        async with open_writer(connection("emulator", None, "default"), environment, FakeClock()) as arm:
            opened.append(arm)
            raise KeyError

    with pytest.raises(KeyError):
        run(scenario())
    assert opened[0].transport.http.is_closed


def test_emulator_defaults() -> None:
    """An empty environment gives the defaults of the documentation."""
    settings = emulator_settings(Environment({}))
    assert str(settings.state).replace("\\", "/") == ".reconciler/emulator.sqlite"
    assert (settings.latency_ms, settings.page_size, settings.operation_seconds) == (0, 100, 0.5)
    assert (settings.media_link, settings.strict_groups) == ("whole", False)


def test_emulator_settings() -> None:
    """Every setting has its variable; a page holds at least one."""
    names = {
        "STATE": "/tmp/x.sqlite",
        "LATENCY_MS": "2.5",
        "PAGE_SIZE": "0",
        "OPERATION_SECONDS": "7",
        "MEDIA_LINK": "stripped",
        "STRICT_GROUPS": "1",
    }
    settings = emulator_settings(Environment({f"RECONCILER_EMULATOR_{name}": value for name, value in names.items()}))
    assert str(settings.state) == "/tmp/x.sqlite"
    assert (settings.latency_ms, settings.page_size, settings.operation_seconds) == (2.5, 1, 7)
    assert (settings.media_link, settings.strict_groups) == ("stripped", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LATENCY_MS", "-1"),
        ("LATENCY_MS", "nan"),
        ("PAGE_SIZE", "inf"),
        ("PAGE_SIZE", "1e999"),
        ("OPERATION_SECONDS", "soon"),
        ("MEDIA_LINK", "half"),
        ("STRICT_GROUPS", "yes"),
    ],
)
def test_emulator_settings_that_make_no_sense(name: str, value: str) -> None:
    """They are refused by name."""
    with pytest.raises(UsageError, match=f"RECONCILER_EMULATOR_{name}"):
        emulator_settings(Environment({f"RECONCILER_EMULATOR_{name}": value}))


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        ("public", ".blob.core.windows.net"),
        ("usgovernment", ".blob.core.usgovcloudapi.net"),
        ("china", ".blob.core.chinacloudapi.cn"),
    ],
)
def test_a_storage_token_is_for_the_blob_hosts_of_the_cloud(cloud: str, host: str) -> None:
    """Its scope is one in all clouds; the embedded ARM has none, and reaches loopback alone."""
    grants = (Grant("https://acme.blob.core.windows.net"),)

    async def scenario() -> None:
        async with open_blobs(connection(cloud, None, "environment"), CANARY, FakeClock(), grants, 7200) as blobs:
            assert blobs is not None
            assert blobs.hosts.suffixes[0] == host
            assert isinstance(blobs.tokens, IdentityToken)
            assert blobs.tokens.scope == "https://storage.azure.com/.default"
            assert blobs.life.total_seconds() == 7200
            assert not blobs.only_local
        async with open_blobs(connection("emulator", None, "default"), CANARY, FakeClock(), grants, 1) as blobs:
            assert blobs is not None
            assert blobs.only_local

    run(scenario())


def test_without_rules_for_storage_nothing_is_opened() -> None:
    """Without rules no blob is requested."""

    async def scenario() -> object:
        async with open_blobs(connection("public", None, "default"), CANARY, FakeClock(), (), 1) as blobs:
            return blobs

    assert run(scenario()) is None
