"""What a run was told: connections and the environment."""

from __future__ import annotations

import pytest

from reconciler.errors import UsageError
from reconciler.settings import CLOUDS, Connection, Custom, Environment, connection, permitted, process_environment


@pytest.mark.parametrize(
    ("cloud", "endpoint", "expected"),
    [
        ("public", None, "https://management.azure.com"),
        ("usgovernment", None, "https://management.usgovcloudapi.net"),
        ("china", None, "https://management.chinacloudapi.cn"),
        ("public", "", "https://management.azure.com"),
        ("public", "https://arm.example/", "https://arm.example"),
        ("public", "https://arm.example:8443", "https://arm.example:8443"),
        ("public", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("public", "http://localhost", "http://localhost"),
        ("public", "http://[::1]:8080", "http://[::1]:8080"),
        ("emulator", None, "http://localhost"),
    ],
)
def test_endpoints(cloud: str, endpoint: str | None, expected: str) -> None:
    """The cloud's own, or the one that was given."""
    assert connection(cloud, endpoint, "default").endpoint == expected


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("http://arm.example", "must be https"),
        ("http://127.0.0.1.evil.example", "must be https"),
        ("http://10.0.0.1", "must be https"),
        ("ftp://localhost", "must be https"),
        ("https://user@arm.example", "scheme, host and port only"),
        ("https://user:CANARY@arm.example", "scheme, host and port only"),
        ("https://arm.example/path", "scheme, host and port only"),
        ("https://arm.example?x=CANARY", "scheme, host and port only"),
        ("https://arm.example#f", "scheme, host and port only"),
        ("https://", "scheme, host and port only"),
        ("arm.example", "scheme, host and port only"),
        ("https://arm.example:port", "no URL"),
        ("https://[half", "no URL"),
    ],
)
def test_endpoints_that_are_refused(endpoint: str, says: str) -> None:
    """A token must not go over plain http, nor to what two readers may read two ways; no value is repeated."""
    with pytest.raises(UsageError, match=says) as caught:
        connection("public", endpoint, "default")
    assert "CANARY" not in str(caught.value)


def test_an_endpoint_beside_the_emulator() -> None:
    """The embedded ARM has none."""
    with pytest.raises(UsageError, match="--cloud emulator"):
        connection("emulator", "https://arm.example", "default")


ARM = "https://arm.example"
FACTS = Custom("https://login.example:8443/", "https://arm.example/", "Core.Example.")


def test_a_custom_cloud() -> None:
    """Each fact is the operator's own; a slash at the end of the audience is part of it."""
    chosen = connection("custom", f"{ARM}/", "environment", FACTS)
    assert (chosen.cloud, chosen.endpoint) == ("custom", ARM)
    assert chosen.azure.authority == "login.example:8443"
    assert chosen.azure.scope == "https://arm.example//.default"
    assert chosen.azure.blob_hosts == (".blob.core.example",)
    hosts = permitted(chosen.azure, Environment({})).storage
    assert hosts.allows("https://account.blob.core.example/packages/a.zip")
    assert not hosts.allows("https://account.blob.core.windows.net/packages/a.zip")
    assert not hosts.allows("https://blob.core.example/packages/a.zip")


@pytest.mark.parametrize(
    ("endpoint", "credential", "facts"),
    [
        (ARM, "token", Custom()),
        ("http://127.0.0.1:1", "default", Custom()),
        (ARM, "token", Custom(blob_suffix="a.example")),
    ],
)
def test_a_custom_cloud_without_a_sign_in(endpoint: str, credential: str, facts: Custom) -> None:
    """Where no token is requested, endpoint and nothing else is needed; no host gets a signature by itself."""
    chosen = connection("custom", endpoint, credential, facts)
    assert chosen.endpoint == endpoint
    assert chosen.azure.blob_hosts == ((".blob.a.example",) if facts.blob_suffix else ())


@pytest.mark.parametrize(
    ("cloud", "endpoint", "facts", "named"),
    [
        ("custom", None, FACTS, "--endpoint"),
        ("custom", "http://arm.example", FACTS, "--endpoint"),
        ("custom", ARM, Custom(), "--authority and --audience"),
        ("custom", ARM, Custom("https://login.example"), "--audience"),
        ("custom", ARM, Custom("http://login.example", ARM), "--authority"),
        ("custom", ARM, Custom("http://localhost", ARM), "--authority"),
        ("custom", ARM, Custom("https://login.example/path", ARM), "--authority"),
        ("custom", ARM, Custom("https://user:CANARY@login.example", ARM), "--authority"),
        ("custom", ARM, Custom("https://login.example", "api://CANARY"), "--audience"),
        ("custom", ARM, Custom("https://login.example", ARM, "https://blob.example"), "--blob-suffix"),
        ("custom", ARM, Custom("https://login.example", ARM, "a..b"), "--blob-suffix"),
        ("public", None, Custom(authority="https://login.example"), "--authority"),
        ("emulator", None, Custom(audience=ARM), "--audience"),
        ("china", None, Custom(blob_suffix="core.example"), "--blob-suffix"),
    ],
)
def test_options_that_do_not_fit_a_cloud(cloud: str, endpoint: str | None, facts: Custom, named: str) -> None:
    """A fact that is missing, wrong, or of another cloud is named, and its value is not repeated."""
    with pytest.raises(UsageError, match=named) as caught:
        connection(cloud, endpoint, "default", facts)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("chosen", "is_loopback", "sends_token", "interval"),
    [
        (Connection(), False, True, 15.0),
        (Connection("emulator", "http://localhost", "token"), True, False, 0.2),
        (Connection("public", "http://127.0.0.1:1"), True, False, 0.2),
        (Connection("public", "http://127.0.0.1:1", "token"), True, True, 0.2),
        (Connection("public", "https://localhost"), True, True, 0.2),
        (Connection("public", "https://arm.example"), False, True, 15.0),
    ],
)
def test_what_follows_from_a_connection(
    chosen: Connection,
    is_loopback: bool,  # noqa: FBT001
    sends_token: bool,  # noqa: FBT001
    interval: float,
) -> None:
    """On loopback polls may be frequent; over plain http a token is sent only if given for it."""
    assert chosen.is_loopback is is_loopback
    assert chosen.sends_token is sends_token
    assert chosen.default_poll_interval_s == interval


def test_clouds() -> None:
    """Scope and authority are not derived from the endpoint: the government's scope has a host of its own."""
    assert CLOUDS["usgovernment"].scope == "https://management.core.usgovcloudapi.net/.default"
    assert [cloud.authority for cloud in CLOUDS.values()] == [
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.chinacloudapi.cn",
    ]


NAME = "RECONCILER_SECRET_SAS"


def test_secrets_of_the_environment() -> None:
    """A token and a signature are sealed as they are read, and missed by name."""
    environment = Environment({"RECONCILER_ACCESS_TOKEN": "CANARY", NAME: "?sv=2022&se=2031&sig=CANARY"})
    assert environment.access_token().reveal() == "CANARY"
    assert environment.signature(NAME).reveal() == "sv=2022&se=2031&sig=CANARY"
    assert "CANARY" not in repr((environment.access_token(), environment.signature(NAME)))
    with pytest.raises(UsageError, match="RECONCILER_ACCESS_TOKEN"):
        Environment({"RECONCILER_ACCESS_TOKEN": ""}).access_token()
    for values in ({}, {NAME: ""}, {NAME: "?"}):
        with pytest.raises(UsageError, match=f"from {NAME}, which is not set"):
            Environment(values).signature(NAME)
    with pytest.raises(UsageError, match="holds none"):
        Environment({NAME: "sig=CANARY"}).signature(NAME)
    with pytest.raises(UsageError, match="not set"):
        Environment({"AZURE_CLIENT_SECRET": "sv=1&se=2&sig=CANARY"}).signature("AZURE_CLIENT_SECRET")


@pytest.mark.parametrize("name", ["RECONCILER_COMMIT", "GITHUB_SHA", "BUILD_SOURCEVERSION", "CI_COMMIT_SHA"])
def test_commits(name: str) -> None:
    """Each CI service has its variable; ours comes first."""
    assert Environment({name: "abc", "CI_COMMIT_SHA": "last"} | {name: "abc"}).ci.commit == "abc"


def test_the_order_of_commits() -> None:
    """The first that holds anything counts."""
    everything = {"CI_COMMIT_SHA": "4", "BUILD_SOURCEVERSION": "3", "GITHUB_SHA": "2", "RECONCILER_COMMIT": "1"}
    assert Environment(everything).ci.commit == "1"
    assert Environment({**everything, "RECONCILER_COMMIT": ""}).ci.commit == "2"
    assert Environment({}).ci.commit is None


def test_the_environment_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read when it is asked for."""
    monkeypatch.setenv("GITHUB_SHA", "abc")
    assert process_environment().ci.commit == "abc"
