"""Where tokens come from: azure-identity's classes are replaced, or spoken to through a wire of our own."""

from __future__ import annotations

import asyncio
import io
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import pytest
import requests
from azure import identity
from azure.core.pipeline.transport import RequestsTransport
from urllib3.response import HTTPResponse

from reconciler.arm.auth import IdentityToken, NoToken, StaticToken, credential_factory
from reconciler.errors import AuthError
from reconciler.secret import Secret
from reconciler.shell.options import CREDENTIALS
from tests.support.arm import Wire, run, transport
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE = "https://management.azure.com/.default"
AUTHORITY = "login.microsoftonline.com"
SIGN_IN = {
    "AZURE_TENANT_ID": "tenant",
    "AZURE_CLIENT_ID": "client",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://tokens.example/?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "CANARY-request",
    "AZURE_SERVICE_CONNECTION_ID": "connection",
    "SYSTEM_ACCESSTOKEN": "CANARY-system",
    "SYSTEM_OIDCREQUESTURI": "https://dev.azure.example/",
}


@dataclass
class Access:
    """What azure-identity calls an access token."""

    token: str
    expires_on: float


@dataclass
class Caching:
    """A credential that gives the same token again, as azure-identity's own caches do."""

    clock: FakeClock
    number: int
    lifetime_s: float = 3600
    fails: Exception | None = None
    scopes: list[str] = field(default_factory=list)

    def get_token(self, scope: str) -> Access:
        """Give the token."""
        self.scopes.append(scope)
        if self.fails is not None:
            raise self.fails
        return Access(f"token-{self.number}", self.clock.now().timestamp() + self.lifetime_s)


class Made:
    """Makes credentials, and keeps them."""

    def __init__(self, clock: FakeClock, fails: Exception | None = None, lifetime_s: float = 3600) -> None:
        """Make them for *clock*."""
        self.clock, self.fails, self.lifetime_s = clock, fails, lifetime_s
        self.all: list[Caching] = []

    def __call__(self) -> Caching:
        """Make one."""
        self.all.append(Caching(self.clock, len(self.all) + 1, self.lifetime_s, self.fails))
        return self.all[-1]


def source(clock: FakeClock, **settings: Any) -> tuple[IdentityToken, Made]:
    """Give tokens of a credential that is made on demand."""
    made = Made(clock, **settings)
    return IdentityToken("environment", SCOPE, made, clock), made


async def ask(tokens: IdentityToken, *, refresh: bool = False) -> str:
    """Give the text of a token."""
    token = await tokens.token(refresh=refresh)
    assert token is not None
    return token.reveal()


def test_no_token() -> None:
    """The embedded ARM is sent none."""
    assert run(NoToken().token()) is None
    assert run(NoToken().token(refresh=True)) is None


def test_a_given_token() -> None:
    """A token that the user gave is the only one there is."""
    given = StaticToken(Secret("CANARY"))
    token = run(given.token())
    assert token is not None
    assert token.reveal() == "CANARY"
    with pytest.raises(AuthError, match="RECONCILER_ACCESS_TOKEN") as caught:
        run(given.token(refresh=True))
    assert "CANARY" not in repr((given, caught.value))
    assert caught.value.info.code == "AuthFailed"


def test_one_sign_in() -> None:
    """Callers at the same time share one sign-in, for the cloud's scope."""
    clock = FakeClock()
    tokens, made = source(clock)

    async def scenario() -> list[str]:
        return await asyncio.gather(*(ask(tokens) for _ in range(20)))

    assert set(run(scenario())) == {"token-1"}
    assert [credential.scopes for credential in made.all] == [[SCOPE]]


def test_renewed_before_the_end() -> None:
    """Five minutes before its end a token is asked for again, from the same credential; not earlier."""
    clock = FakeClock()
    tokens, made = source(clock)

    async def scenario() -> None:
        for moment in (0, 3299, 3300, 3301):
            clock.elapsed = moment
            await ask(tokens)

    run(scenario())
    assert len(made.all) == 1
    assert len(made.all[0].scopes) == 2


def test_a_short_life() -> None:
    """A token that ends within minutes is used, and asked for again each time."""
    clock = FakeClock()
    tokens, made = source(clock, lifetime_s=200)

    async def scenario() -> None:
        assert await ask(tokens) == await ask(tokens)

    run(scenario())
    assert len(made.all[0].scopes) == 2


def test_a_refused_token_is_not_given_again() -> None:
    """A token that ARM refused is not taken from a cache: another credential is made for another token."""
    clock = FakeClock()
    tokens, _ = source(clock)

    async def scenario() -> list[str]:
        return [await ask(tokens), await ask(tokens, refresh=True), await ask(tokens)]

    assert run(scenario()) == ["token-1", "token-2", "token-2"]


def test_refusals_at_the_same_time() -> None:
    """Many refusals of one token make one sign-in."""
    clock = FakeClock()
    tokens, made = source(clock)

    async def scenario() -> list[str]:
        await ask(tokens)
        return await asyncio.gather(*(ask(tokens, refresh=True) for _ in range(20)))

    assert set(run(scenario())) == {"token-2"}
    assert len(made.all) == 2


def test_refresh_before_any_token() -> None:
    """There is nothing to renew before the first one."""
    tokens, made = source(FakeClock())
    assert run(ask(tokens, refresh=True)) == "token-1"
    assert len(made.all) == 1


def test_a_failure_is_said_without_its_secrets() -> None:
    """Whatever a credential raises is an error of the sign-in, with its words and without values."""
    text = "AADSTS7000215: invalid\n client_secret=CANARY sent to https://login.example/?code=CANARY " + "x" * 5000
    tokens, _ = source(FakeClock(), fails=RuntimeError(text))
    with pytest.raises(AuthError) as caught:
        run(ask(tokens))
    info = caught.value.info
    assert info.code == "AuthFailed"
    assert "AADSTS7000215: invalid client_secret=(secret)" in info.message
    assert "'environment'" in info.message
    assert len(info.message) < 1600
    assert "CANARY" not in repr(info)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_failure_is_not_for_ever() -> None:
    """The next request asks again."""
    clock = FakeClock()
    tokens, made = source(clock, fails=RuntimeError("no"))

    async def scenario() -> str:
        with pytest.raises(AuthError):
            await ask(tokens)
        made.all[0].fails = None
        return await ask(tokens)

    assert run(scenario()) == "token-1"


class Recorded:
    """Stands for a class of azure-identity."""

    made: ClassVar[list[tuple[str, tuple[Any, ...], dict[str, Any]]]] = []

    def __init__(self, name: str, *values: Any, **options: Any) -> None:
        """Keep what it was made with."""
        self.made.append((name, values, options))
        self.name, self.values = name, values

    def get_token(self, scope: str) -> Access:
        """Ask for an assertion each time, as the true one does for each token it has to get."""
        return Access(self.values[2](), 0)


@pytest.fixture
def classes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Replace the classes of azure-identity; give the list of what is made."""
    Recorded.made.clear()
    for name in dir(identity):
        if name.endswith("Credential"):
            monkeypatch.setattr(identity, name, partial(Recorded, name))
    return Recorded.made


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("default", ("DefaultAzureCredential", (), {"authority": AUTHORITY})),
        ("environment", ("EnvironmentCredential", (), {"authority": AUTHORITY})),
        ("workload-identity", ("WorkloadIdentityCredential", (), {"authority": AUTHORITY})),
        ("managed-identity", ("ManagedIdentityCredential", (), {"client_id": "client"})),
        ("cli", ("AzureCliCredential", (), {})),
        (
            "azure-pipelines",
            (
                "AzurePipelinesCredential",
                (),
                {
                    "tenant_id": "tenant",
                    "client_id": "client",
                    "service_connection_id": "connection",
                    "system_access_token": "CANARY-system",
                    "authority": AUTHORITY,
                },
            ),
        ),
    ],
)
def test_each_credential(name: str, expected: Any, classes: list[Any]) -> None:
    """Each name makes its class, with the authority of the cloud; nothing is made before it is asked for."""
    create = credential_factory(name, AUTHORITY, SIGN_IN)
    assert classes == []
    create()
    assert classes == [expected]


def test_every_credential_is_known(classes: list[Any]) -> None:
    """Every name but ``token`` makes one."""
    for name in CREDENTIALS:
        if name != "token":
            credential_factory(name, AUTHORITY, SIGN_IN)()
    assert len({made[0] for made in classes}) == len(CREDENTIALS) - 1


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("github", "ACTIONS_ID_TOKEN_REQUEST_URL"),
        ("github", "AZURE_TENANT_ID"),
        ("azure-pipelines", "SYSTEM_ACCESSTOKEN"),
        ("azure-pipelines", "SYSTEM_OIDCREQUESTURI"),
    ],
)
def test_what_is_not_set(name: str, missing: str, classes: list[Any]) -> None:
    """What is missing in the environment is named, and no value."""
    environ = {key: value for key, value in SIGN_IN.items() if key != missing}
    tokens = IdentityToken(name, SCOPE, credential_factory(name, AUTHORITY, environ), FakeClock())
    with pytest.raises(AuthError, match=f"not set: {missing}$") as caught:
        run(ask(tokens))
    assert "CANARY" not in repr(caught.value.info)
    assert classes == []


class GitHub:
    """GitHub's token service."""

    def __init__(self, status: int = 200) -> None:
        """Answer with *status*."""
        self.status = status
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Give another assertion each time."""
        self.asked.append(request)
        return httpx.Response(self.status, json={"value": f"assertion-{len(self.asked)}"})

    def get(self, url: str, **options: Any) -> httpx.Response:
        """Stand for ``httpx.get``."""
        with httpx.Client(transport=httpx.MockTransport(self)) as http:
            return http.get(url, **options)


def github(monkeypatch: pytest.MonkeyPatch, service: GitHub, environ: Mapping[str, str] = SIGN_IN) -> Any:
    """Make the credential of GitHub Actions."""
    monkeypatch.setattr(httpx, "get", service.get)
    return credential_factory("github", AUTHORITY, environ)()


def test_github(monkeypatch: pytest.MonkeyPatch, classes: list[Any]) -> None:
    """Each token is asked for with a fresh assertion, for Azure's audience."""
    service = GitHub()
    credential = github(monkeypatch, service)
    assert classes[0][0] == "ClientAssertionCredential"
    assert classes[0][1][:2] == ("tenant", "client")
    assert classes[0][2] == {"authority": AUTHORITY}
    assert service.asked == []
    assert [credential.get_token(SCOPE).token for _ in range(2)] == ["assertion-1", "assertion-2"]
    asked = service.asked[0]
    assert dict(asked.url.params) == {"api-version": "2.0", "audience": "api://AzureADTokenExchange"}
    assert asked.headers["authorization"] == "Bearer CANARY-request"


def test_github_refuses(monkeypatch: pytest.MonkeyPatch, classes: list[Any]) -> None:
    """A refusal of GitHub is told as one."""
    credential = github(monkeypatch, GitHub(403))
    tokens = IdentityToken("github", SCOPE, lambda: credential, FakeClock())
    with pytest.raises(AuthError, match="GitHub's token service answered 403") as caught:
        run(ask(tokens))
    assert "CANARY" not in repr(caught.value.info)


def test_nothing_in_the_environment() -> None:
    """Azure's own class names the variables that it looked for."""
    tokens = IdentityToken("environment", SCOPE, credential_factory("environment", AUTHORITY, {}), FakeClock())
    with pytest.raises(AuthError, match="EnvironmentCredential"):
        run(ask(tokens))


class SignInService(requests.adapters.BaseAdapter):
    """Microsoft's sign-in, which refuses."""

    def __init__(self) -> None:
        """Begin."""
        super().__init__()
        self.asked: list[Any] = []

    def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:
        """Answer."""
        self.asked.append(request)
        response = requests.Response()
        response.request, response.url = request, request.url
        is_token = request.url.endswith("/token")
        response.status_code = 401 if is_token else 200
        base = f"https://{AUTHORITY}/tenant"
        found = f'"token_endpoint": "{base}/token", "authorization_endpoint": "{base}/authorize", "issuer": "{base}"'
        refusal = '"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."'
        content = ("{" + (refusal if is_token else found) + "}").encode()
        response.raw = HTTPResponse(io.BytesIO(content), preload_content=False)
        response.headers["content-type"] = "application/json"
        return response

    def close(self) -> None:
        """Nothing is open."""


def test_a_wrong_secret(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Microsoft's code for it is told; the secret is in no error and in no log, at any level."""
    service, session = SignInService(), requests.Session()
    session.mount("https://", service)
    wire = RequestsTransport(session=session, session_owner=False)
    made = partial(identity.EnvironmentCredential, transport=wire, disable_instance_discovery=True)
    monkeypatch.setattr(identity, "EnvironmentCredential", made)
    for name, value in {**SIGN_IN, "AZURE_CLIENT_SECRET": "CANARY-secret"}.items():
        monkeypatch.setenv(name, value)
    caplog.set_level(logging.DEBUG)
    transport(Wire(FakeClock(), httpx.Response(200)))  # opened before any sign-in, it silences the libraries
    create = credential_factory("environment", AUTHORITY, {})
    with pytest.raises(AuthError, match="AADSTS7000215") as caught:
        run(ask(IdentityToken("environment", SCOPE, create, FakeClock())))
    session.close()
    assert "CANARY-secret" in str([request.body for request in service.asked])
    assert "CANARY" not in repr(caught.value.info) + str(caught.value) + caplog.text
