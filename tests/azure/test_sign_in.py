"""Every way to sign in, by the command line and the real azure-identity, with a sign-in service on loopback."""

from __future__ import annotations

import json
import os
import platform
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.pipeline.transport import RequestsTransport

from reconciler.azure.answers import ARM
from reconciler.azure.auth import IdentityToken
from reconciler.azure.credentials import Credentials
from reconciler.cli.front import main
from reconciler.cli.options import CREDENTIALS
from reconciler.clock import SystemClock
from reconciler.errors import AuthError
from reconciler.http.tokens import NoToken
from reconciler.http.transport import Transport
from reconciler.secret.text import Secret
from reconciler.settings import CLOUDS, process_environment
from tests.kit.cli import Done as Command
from tests.kit.entra import CORRELATION, TENANT, Arm, Asked, Entra, Internet, given, make_client_certificate
from tests.kit.entra import make_trust as trust_of
from tests.kit.forked import program
from tests.kit.loops import run
from tests.kit.raw import Raw, says

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.kit.entra import Reply

OTHER = "99999999-8888-7777-6666-555555555555"
ONE, TWO = "5f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11", "6f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c22"
LOGIN, MANAGEMENT = "login.microsoftonline.com", "management.azure.com"
SERVICE = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": "client-id"}
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"CANARY-1"}}}'
ENCODED = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiJDQU5BUlktMSJ9fX0="
WRONG_SECRET = ("invalid_client", "AADSTS7000215: Invalid client secret provided, which is CANARY-secret.")
ASSERTION = (
    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJvaWRjIn0.CANARY-"  # shaped as the true ones are, which is how they are found
)
EXPIRED = ("invalid_client", f"AADSTS700024: Client assertion is not within its valid time range: {ASSERTION}1.")
platform.platform()  # azure-core asks for it, and a first time it starts a process, with the environment of the test
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


class Done(Command):
    """A command whose sign-in may have failed."""

    @property
    def error(self) -> Any:
        """Return the one error of the run, which no resource says again; its code is that of every resource."""
        report = self.report
        (error,) = report["errors"]
        assert error["code"] == "sign-in-failed"
        assert error["message"].startswith("could not sign in, nothing was read: ")
        assert self.out.count("nothing was read") == 1
        assert {each["error"]["message"] for each in report["resources"]} == {"not read: not signed in"}
        (code,) = {each["error"]["code"] for each in report["resources"]}
        return {**error, "code": code}


@dataclass
class World:
    """What there is beyond the command, and how it is set up."""

    internet: Internet
    entra: Entra
    arm: Arm
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def set(self, **variables: str) -> None:
        """Set variables."""
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def manifest(self, name: str, subscription: str) -> None:
        """Write the manifest of a gallery."""
        spec = {"subscriptionId": subscription, "resourceGroupName": "rg", "galleryName": name, "location": "West US"}
        text = {"apiVersion": "reconciler.dev/v1", "kind": "Gallery", "metadata": {"name": name}}
        body = {**text, "spec": {**spec, "properties": {}}}
        (self.folder / "manifests" / f"{name}.yaml").write_text(json.dumps(body))

    def plan(self, credential: str, *more: str) -> Done:
        """Run a plan in this process."""
        chosen = ("--credential", credential, "-o", "json", "--log-level", "info")
        arguments = ["plan", str(self.folder / "manifests"), *chosen, *more]
        code = main(arguments)
        return Done(code, *self.capsys.readouterr())

    @property
    def carried(self) -> list[str]:
        """Return the tokens that ARM was sent."""
        return [asked.headers["authorization"] for asked in self.internet.to(MANAGEMENT)]


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """Return what the proxy shows, and the folder of what a client trusts and of a service principal's certificate."""
    folder = tmp_path_factory.mktemp("trust")
    make_client_certificate(folder / "client.pem")
    return trust_of(folder), folder


@pytest.fixture
def world(
    trust: tuple[ssl.SSLContext, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    _no_settings: None,
) -> Iterator[World]:
    """Yield the world, reached through a proxy that signs for everything in it."""
    context, folder = trust
    with open_internet(context) as internet:
        for name in (*PROXIES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "IDENTITY_ENDPOINT", "MSI_ENDPOINT"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        entra, arm = Entra(), Arm()
        internet.services = {LOGIN: entra, MANAGEMENT: arm}
        (tmp_path / "manifests").mkdir()
        found = World(internet, entra, arm, tmp_path, monkeypatch, capsys)
        found.set(HTTPS_PROXY=internet.url, SSL_CERT_FILE=str(folder / "trusted.pem"), HOME=str(tmp_path))
        found.manifest("tools", ONE)
        yield found


@contextmanager
def open_internet(context: ssl.SSLContext) -> Iterator[Internet]:
    """Open it for a while."""
    internet = Internet(context)
    try:
        yield internet
    finally:
        internet.close()


def secret(world: World, trust: Path) -> None:
    """Set what a service principal with a secret sets."""
    world.set(**SERVICE, AZURE_CLIENT_SECRET="CANARY-secret")


def certificate(world: World, trust: Path) -> None:
    """Set what a service principal with a certificate sets."""
    world.set(**SERVICE, AZURE_CLIENT_CERTIFICATE_PATH=str(trust / "client.pem"))


def workload(world: World, trust: Path) -> None:
    """Set what a cluster sets."""
    (world.folder / "assertion").write_text(f"{ASSERTION}1")
    world.set(**SERVICE, AZURE_FEDERATED_TOKEN_FILE=str(world.folder / "assertion"))


def _assertions(world: World, key: str) -> None:
    def service(asked: Asked) -> Reply:
        return 200, {key: f"{ASSERTION}{len(world.internet.to('oidc.example'))}"}, {}

    world.internet.services["oidc.example"] = service


def github(world: World, trust: Path) -> None:
    """Set what a job of GitHub Actions with a right to assertions has."""
    _assertions(world, "value")
    url = "https://oidc.example/token?api-version=2.0"
    world.set(**SERVICE, ACTIONS_ID_TOKEN_REQUEST_URL=url, ACTIONS_ID_TOKEN_REQUEST_TOKEN="CANARY-request")


def pipelines(world: World, trust: Path) -> None:
    """Set what a step of Azure Pipelines has."""
    _assertions(world, "oidcToken")
    world.set(**SERVICE, AZURE_SERVICE_CONNECTION_ID="connection", SYSTEM_ACCESSTOKEN="CANARY-system")
    world.set(SYSTEM_OIDCREQUESTURI="https://oidc.example/oidc")


def az(world: World, answer: str, code: int = 0) -> Path:
    """Put a program in the place of ``az``, and nothing else beside it; give the file in which it keeps what it got."""
    folder, kept = world.folder / "bin", world.folder / "arguments"
    folder.mkdir(exist_ok=True)
    program = folder / "az"
    says = f"cat >&{2 if code else 1} <<'END'\n{answer}\nEND"
    program.write_text(f"#!/bin/sh\necho \"$*\" >> '{kept}'\nenv > '{kept}.env'\n{says}\nexit {code}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    world.set(PATH=f"{folder}:/usr/bin:/bin")
    return kept


def az_token(text: str = "token-of-az") -> str:
    """Return what ``az account get-access-token`` prints."""
    return json.dumps({"accessToken": text, "expires_on": 4102444800, "tokenType": "Bearer"})


def imds(world: World, asked_for: list[Asked] | None = None) -> None:
    """Serve the identity of a virtual machine."""

    def service(asked: Asked) -> Reply:
        return 200, {**given("machine", 1), "resource": asked.query.get("resource"), "expires_in": "3600"}, {}

    world.internet.services["127.0.0.1"] = service
    world.set(AZURE_POD_IDENTITY_AUTHORITY_HOST=world.internet.url)


WAYS: list[tuple[str, Callable[[World, Path], None], str, str]] = [
    ("environment", secret, "client_secret", "CANARY-secret"),
    ("environment", certificate, "client_assertion", "eyJ"),
    ("workload-identity", workload, "client_assertion", f"{ASSERTION}1"),
    ("github", github, "client_assertion", f"{ASSERTION}1"),
    ("azure-pipelines", pipelines, "client_assertion", f"{ASSERTION}1"),
    ("default", secret, "client_secret", "CANARY-secret"),
    ("default", workload, "client_assertion", f"{ASSERTION}1"),
]
IDS = ["secret", "certificate", "workload", "github", "pipelines", "default-secret", "default-workload"]


@pytest.mark.parametrize(("credential", "prepare", "name", "value"), WAYS, ids=IDS)
def test_a_service_principal(
    credential: str,
    prepare: Callable[[World, Path], None],
    name: str,
    value: str,
    world: World,
    trust: tuple[ssl.SSLContext, Path],
) -> None:
    """One request for a token, with what proves who asks; ARM is sent the token."""
    prepare(world, trust[1])
    done = world.plan(credential)
    assert done.code == 0, done
    asked = world.entra.last
    assert asked.path == f"/{TENANT}/oauth2/v2.0/token"
    assert asked.form["client_id"] == "client-id"
    assert asked.form["grant_type"] == "client_credentials"
    assert asked.form["scope"] == "https://management.azure.com/.default"
    assert asked.form[name].startswith(value)
    assert world.carried == [f"Bearer CANARY-1-of-{TENANT}"]


def test_the_ways_are_all() -> None:
    """Every value of ``--credential`` is tried on this page."""
    assert {way[0] for way in WAYS} | {"managed-identity", "cli", "token"} == set(CREDENTIALS)


def test_github_is_asked_as_it_wants(world: World) -> None:
    """For Azure's audience, with the job's own token, which goes nowhere else."""
    github(world, world.folder)
    world.plan("github")
    (asked,) = world.internet.to("oidc.example")
    assert (asked.method, asked.path) == ("GET", "/token")
    assert asked.query == {"api-version": "2.0", "audience": "api://AzureADTokenExchange"}
    assert asked.headers["authorization"] == "Bearer CANARY-request"
    assert "CANARY-request" not in repr([*world.internet.to(LOGIN), *world.internet.to(MANAGEMENT)])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, {"message": "CANARY-request"}, {}), "GitHub's token service answered 403"),
        ((200, {"message": "CANARY-request"}, {}), "GitHub's token service gave no assertion"),
        ((200, ["CANARY-request"], {}), "GitHub's token service gave no assertion"),
    ],
)
def test_github_gives_none(answer: Reply, words: str, world: World) -> None:
    """It is told who gave none, and Microsoft is not asked."""
    github(world, world.folder)
    world.internet.services["oidc.example"] = lambda _: answer
    done = world.plan("github")
    assert done.code == 1
    assert words in done.error["message"]
    assert world.entra.tokens == []


def test_azure_pipelines_is_asked_as_it_wants(world: World) -> None:
    """For the service connection, with the step's own token, which goes nowhere else."""
    pipelines(world, world.folder)
    world.plan("azure-pipelines")
    (asked,) = world.internet.to("oidc.example")
    assert (asked.method, asked.path, asked.query["serviceConnectionId"]) == ("POST", "/oidc", "connection")
    assert asked.headers["authorization"] == "Bearer CANARY-system"
    assert "CANARY-system" not in repr([*world.internet.to(LOGIN), *world.internet.to(MANAGEMENT)])


@pytest.mark.parametrize("client", ["", "client-id"])
def test_the_identity_of_a_machine(client: str, world: World) -> None:
    """The metadata service is asked once, for the user-assigned identity that was named, if one was."""
    imds(world)
    if client:
        world.set(AZURE_CLIENT_ID=client)
    assert world.plan("managed-identity").code == 0
    (asked,) = world.internet.to("127.0.0.1")
    assert asked.path == "/metadata/identity/oauth2/token"
    assert asked.query["resource"] == "https://management.azure.com"
    assert asked.query.get("client_id", "") == client
    assert world.carried == ["Bearer CANARY-1-of-machine"]
    assert world.entra.tokens == []


def test_the_identity_of_an_app_service(world: World) -> None:
    """Its endpoint is asked once, with its header."""

    def service(asked: Asked) -> Reply:
        return 200, {**given("app", 1), "expires_on": str(int(time.time()) + 3600), "resource": "r"}, {}

    world.internet.services["127.0.0.1"] = service
    world.set(IDENTITY_ENDPOINT=f"{world.internet.url}/msi/token", IDENTITY_HEADER="CANARY-header")
    assert world.plan("managed-identity").code == 0
    (asked,) = world.internet.to("127.0.0.1")
    assert (asked.path, asked.headers["x-identity-header"]) == ("/msi/token", "CANARY-header")
    assert world.carried == ["Bearer CANARY-1-of-app"]


@pytest.mark.parametrize("credential", ["managed-identity", "default"])
def test_an_identity_service_on_this_machine_is_asked_without_a_proxy(world: World, credential: str) -> None:
    """Its header is a secret that a proxy for plain http would see."""
    service = {**given("app", 1), "expires_on": str(int(time.time()) + 3600), "resource": "r"}
    world.internet.services["127.0.0.1"] = lambda _: (200, service, {})
    world.set(IDENTITY_ENDPOINT=f"{world.internet.url}/msi/token", IDENTITY_HEADER="CANARY-header")
    with Raw([says(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")]) as proxy:
        world.set(HTTP_PROXY=f"http://127.0.0.1:{proxy.port}", http_proxy=f"http://127.0.0.1:{proxy.port}")
        assert world.plan(credential).code == 0
        assert proxy.heard == []
    assert len(world.internet.to("127.0.0.1")) == 1


def test_no_such_identity(world: World) -> None:
    """What the metadata service says is told, after one request."""
    imds(world)
    world.internet.services["127.0.0.1"] = lambda _: (
        400,
        {"error": "invalid_request", "error_description": "Identity not found"},
        {},
    )
    done = world.plan("managed-identity")
    assert (done.code, done.error["code"]) == (1, "AuthFailed")
    assert "Identity not found" in done.err
    assert len(world.internet.to("127.0.0.1")) == 1
    assert world.carried == []


def test_az(world: World) -> None:
    """The signed-in user's token is asked for once."""
    kept = az(world, az_token())
    assert world.plan("cli").code == 0
    (line,) = kept.read_text().splitlines()
    assert line == "account get-access-token --output json --resource https://management.azure.com"
    assert world.carried == ["Bearer token-of-az"]


def test_az_gets_no_secret_of_ours(world: World) -> None:
    """Neither in its arguments nor in its environment; the run itself has them, before and after."""
    kept = az(world, az_token())
    ours = {"RECONCILER_SECRET_HOOK": "https://CANARY.example/x", "RECONCILER_ACCESS_TOKEN": "CANARY-given"}
    world.set(**ours, AZURE_CONFIG_DIR="/of/az")
    for credential in ("cli", "default"):
        assert world.plan(credential).code == 0
        received = kept.with_suffix(".env").read_text()
        assert "AZURE_CONFIG_DIR=/of/az" in received
        assert "CANARY" not in received + kept.read_text()
    assert process_environment().values.items() >= ours.items()


def test_az_refuses(world: World) -> None:
    """Its own words are told, after one call."""
    kept = az(world, f"ERROR: AADSTS50173: The grant was revoked. Correlation ID: {CORRELATION}", code=1)
    done = world.plan("cli")
    assert (done.code, done.error["code"]) == (1, "AuthFailed")
    assert "AADSTS50173" in done.error["message"]
    assert CORRELATION in done.err
    assert len(kept.read_text().splitlines()) == 1


def test_no_az(world: World) -> None:
    """It is said that the program is missing."""
    world.set(PATH=str(world.folder / "manifests"))
    done = world.plan("cli")
    assert "Azure CLI" in done.error["fix"]
    assert "Azure CLI not found on path" in done.err


def test_a_token_as_it_is(world: World) -> None:
    """The token is sent to ARM, and no other service gets a request."""
    world.set(RECONCILER_ACCESS_TOKEN="CANARY-given")
    assert world.plan("token").code == 0
    assert world.carried == ["Bearer CANARY-given"]
    assert {asked.host for asked in world.internet.asked} == {MANAGEMENT}


REFUSED = [(way, EXPIRED if way[2] == "client_assertion" else WRONG_SECRET) for way in WAYS]


@pytest.mark.parametrize(("way", "refusal"), REFUSED, ids=IDS)
def test_refused(way: Any, refusal: tuple[str, str], world: World, trust: tuple[ssl.SSLContext, Path]) -> None:
    """A wrong secret and an expired assertion end after one try for all reads; the code is shown, no secret is."""
    for number in range(30):
        world.manifest(f"more{number}", ONE if number % 2 else TWO)
    credential, prepare, *_ = way
    prepare(world, trust[1])
    world.entra.refuses = refusal
    done = world.plan(credential)
    assert done.code == 1
    assert len(world.entra.tokens) == 1
    assert world.carried == []
    code = refusal[1].partition(":")[0]
    assert done.error["code"] == "AuthFailed"
    assert done.error["message"].endswith(f": no token from credential '{credential}': {code}")
    assert done.error["fix"] is not None
    assert CORRELATION in done.err
    assert CORRELATION not in done.out
    assert len([line for line in done.err.splitlines() if "no token from credential" in line]) == 1
    shown = done.out + done.err
    assert "CANARY" not in shown
    assert "eyJ" not in shown


def test_nothing_is_set(world: World) -> None:
    """Each way names the variables that it looked at; no request is sent."""
    missing = {
        "environment": "AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH",
        "workload-identity": "AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE",
        "github": "AZURE_TENANT_ID, AZURE_CLIENT_ID, ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "azure-pipelines": "AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_SERVICE_CONNECTION_ID, SYSTEM_ACCESSTOKEN, "
        "SYSTEM_OIDCREQUESTURI",
    }
    for credential, names in missing.items():
        done = world.plan(credential)
        assert done.code == 1
        assert done.error["message"].endswith(f"no token from credential '{credential}': not set: {names}")
    assert world.internet.asked == []


@pytest.mark.parametrize("variable", ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"])
def test_one_is_missing(variable: str, world: World) -> None:
    """Only what is missing is named, also if it is set to nothing; no value is shown."""
    secret(world, world.folder)
    world.set(**{variable: ""})
    done = world.plan("environment")
    expected = f"{variable} or AZURE_CLIENT_CERTIFICATE_PATH" if variable.endswith("SECRET") else variable
    assert done.error["message"].endswith(f"not set: {expected}")
    assert TENANT not in done.out + done.err
    assert "client-id" not in done.out + done.err


def test_no_credential_at_all(world: World) -> None:
    """One statement and one next step; what the chain tried stands in the log."""
    world.set(PATH=str(world.folder / "manifests"), AZURE_POD_IDENTITY_AUTHORITY_HOST=world.internet.url)
    world.internet.services["127.0.0.1"] = lambda _: (400, {"error": "none", "error_description": "no identity"}, {})
    done = world.plan("default")
    assert done.code == 1
    for name in ("EnvironmentCredential", "WorkloadIdentityCredential", "ManagedIdentityCredential", "AzureCliCred"):
        assert name in done.err
        assert name not in done.out
    assert "az login" in done.error["fix"]
    assert world.carried == []


@pytest.mark.parametrize("endpoint", ["", "https://arm.example"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_cloud(cloud: str, endpoint: str, world: World) -> None:
    """Each has its own ARM, scope and sign-in service; behind another endpoint the last two stay what they are."""
    arm = {"public": MANAGEMENT, "usgovernment": "management.usgovcloudapi.net", "china": "management.chinacloudapi.cn"}
    login = {"public": LOGIN, "usgovernment": "login.microsoftonline.us", "china": "login.chinacloudapi.cn"}
    scope = {**arm, "usgovernment": "management.core.usgovcloudapi.net"}
    host = endpoint.removeprefix("https://") or arm[cloud]
    entra = Entra()
    world.internet.services = {login[cloud]: entra, host: Arm()}
    secret(world, world.folder)
    done = world.plan("environment", "--cloud", cloud, *(["--endpoint", endpoint] if endpoint else []))
    assert done.code == 0, done
    assert entra.last.form["scope"] == f"https://{scope[cloud]}/.default"
    assert {asked.host for asked in world.internet.asked} == {login[cloud], host}
    assert [asked.headers["authorization"] for asked in world.internet.to(host)] == [f"Bearer CANARY-1-of-{TENANT}"]


@pytest.mark.parametrize("credential", ["environment", "workload-identity", "default"])
def test_a_custom_cloud(credential: str, world: World) -> None:
    """Its sign-in service, and the audience as given; no service of Microsoft's is asked about either."""
    secret(world, world.folder)
    if credential == "workload-identity":
        workload(world, world.folder)
    entra = Entra()
    world.internet.services = {"login.example": entra, "arm.example": Arm()}
    world.set(RECONCILER_AUTHORITY="https://login.example/", RECONCILER_AUDIENCE="https://arm.example/audience/")
    done = world.plan(credential, "--cloud", "custom", "--endpoint", "https://arm.example")
    assert done.code == 0, done
    assert entra.last.form["scope"] == "https://arm.example/audience//.default"
    assert {asked.host for asked in world.internet.asked} == {"login.example", "arm.example"}


def test_the_chain_in_another_cloud(world: World) -> None:
    """Workload identity within it signs in where the cluster says."""
    workload(world, world.folder)
    login, arm = "login.chinacloudapi.cn", "management.chinacloudapi.cn"
    world.internet.services = {login: world.entra, arm: world.arm}
    world.set(AZURE_AUTHORITY_HOST=f"https://{login}/")
    assert world.plan("default", "--cloud", "china").code == 0
    assert world.entra.last.form["scope"] == "https://management.chinacloudapi.cn/.default"


def test_no_token_for_others(world: World) -> None:
    """A given token for ARM is no credential for anything else."""
    with pytest.raises(ValueError, match="only has a token for ARM"):
        Credentials("token", LOGIN, {}).create(None)


def refuses(code: str, challenge: str, takes: Callable[[Asked], bool]) -> Callable[[Asked], Reply | None]:
    """Refuse every token but the one that is taken."""

    def refused(asked: Asked) -> Reply | None:
        if takes(asked):
            return None
        return 401, {"error": {"code": code, "message": "not this token"}}, {"www-authenticate": challenge}

    return refused


def is_of_its_tenant(asked: Asked) -> bool:
    """Return whether a request carries a token of its subscription's tenant."""
    of = OTHER if TWO in asked.path else TENANT
    return asked.headers["authorization"].endswith(f"-of-{of}")


ELSEWHERE = f'Bearer authorization_uri="https://login.windows.net/{OTHER}", error="invalid_token"'


@pytest.mark.parametrize("way", WAYS, ids=IDS)
def test_subscriptions_of_two_tenants(way: Any, world: World, trust: tuple[ssl.SSLContext, Path]) -> None:
    """Both are read, each with a token of its tenant; both tokens come from the cloud's own sign-in service."""
    credential, prepare, *_ = way
    prepare(world, trust[1])
    world.manifest("foreign", TWO)
    world.arm.refuses = refuses("InvalidAuthenticationTokenTenant", ELSEWHERE, is_of_its_tenant)
    done = world.plan(credential)
    assert done.code == 0, done.out
    assert [asked.path.split("/")[1] for asked in world.entra.tokens] == [TENANT, OTHER]
    assert {asked.host for asked in world.internet.asked} <= {LOGIN, MANAGEMENT, "oidc.example"}
    if credential in ("github", "azure-pipelines"):  # a fresh assertion for each token
        assertions = [asked.form["client_assertion"] for asked in world.entra.tokens]
        assert assertions == [f"{ASSERTION}1", f"{ASSERTION}2"]


def test_az_in_two_tenants(world: World) -> None:
    """``az`` is asked for the other tenant by its id."""
    kept = az(world, az_token())
    takes = iter([False, True])
    world.arm.refuses = refuses("InvalidAuthenticationTokenTenant", ELSEWHERE, lambda _: next(takes))
    assert world.plan("cli").code == 0
    asked = kept.read_text().splitlines()
    assert [f"--tenant {OTHER}" in line for line in asked] == [False, True]


@pytest.mark.parametrize(
    ("credential", "words"),
    [
        (
            "managed-identity",
            f"has only tokens of its own tenant, and the subscription belongs to {OTHER}",
        ),
        ("token", f"subscription {ONE} belongs to tenant {OTHER}"),
    ],
)
def test_one_tenant_alone(credential: str, words: str, world: World) -> None:
    """What has tokens of one tenant says so."""
    imds(world)
    world.set(RECONCILER_ACCESS_TOKEN="CANARY-given")
    world.arm.refuses = refuses("InvalidAuthenticationTokenTenant", ELSEWHERE, lambda _: False)
    done = world.plan(credential)
    assert (done.code, done.error["code"]) == (1, "AuthFailed")
    assert words in done.error["message"]
    assert len(world.carried) == 1


AUTHORITY = f'authorization_uri="https://{LOGIN}/{TENANT}"'
CHALLENGE = f'Bearer realm="", {AUTHORITY}, error="insufficient_claims", claims="{ENCODED}"'


@pytest.mark.parametrize("way", WAYS, ids=IDS)
def test_claims(way: Any, world: World, trust: tuple[ssl.SSLContext, Path]) -> None:
    """What ARM wants is asked for once, and the request sent again with what comes of it."""
    credential, prepare, *_ = way
    prepare(world, trust[1])
    takes = lambda asked: "CANARY-2" in asked.headers["authorization"]  # noqa: E731
    world.arm.refuses = refuses("InvalidAuthenticationToken", CHALLENGE, takes)
    assert world.plan(credential).code == 0
    claims = [json.loads(asked.form["claims"])["access_token"] for asked in world.entra.tokens]
    assert claims == [
        {"xms_cc": {"values": ["CP1"]}},
        {"xms_cc": {"values": ["CP1"]}, **json.loads(CLAIMS)["access_token"]},
    ]
    assert len(world.carried) == 2


def test_claims_for_az(world: World) -> None:
    """It cannot pass them on: the user must sign in, and is told so without them."""
    az(world, az_token())
    world.arm.refuses = refuses("InvalidAuthenticationToken", CHALLENGE, lambda _: False)
    done = world.plan("cli")
    assert done.code == 1
    assert "az login" in done.error["fix"]
    assert "CANARY" not in done.out + done.err
    assert ENCODED not in done.out + done.err


def test_a_second_challenge(world: World) -> None:
    """It ends with what to do, after two requests for tokens, however much is left to read."""
    for number in range(30):
        world.manifest(f"more{number}", ONE)
    secret(world, world.folder)
    world.arm.refuses = refuses("InvalidAuthenticationToken", CHALLENGE, lambda _: False)
    done = world.plan("environment", "--log-level", "debug")
    assert done.code == 1
    assert len(world.entra.tokens) == 2
    assert "sign in again" in done.error["fix"]
    assert ENCODED not in done.out + done.err


def source(world: World) -> IdentityToken:
    """Return tokens of a service principal, as a run has them."""
    secret(world, world.folder)
    Transport.open("https://arm.example", ARM, NoToken(), SystemClock(), environ={})  # silences libraries
    credentials = Credentials("environment", LOGIN, dict(os.environ))
    return IdentityToken(credentials, "https://management.azure.com/.default", SystemClock())


@pytest.fixture
def tokens(world: World) -> Iterator[IdentityToken]:
    """Yield tokens of a service principal, and let go of them."""
    found = source(world)
    yield found
    found.close()


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_what_requests_itself_reads(name: str, world: World) -> None:
    """What names a list of authorities for other programs in Python goes before the store of the system."""
    world.set(**{name: os.environ["SSL_CERT_FILE"]})
    world.monkeypatch.delenv("SSL_CERT_FILE")
    tokens = source(world)
    assert run(tokens.token(ONE)) == Secret(f"CANARY-1-of-{TENANT}")
    tokens.close()


def test_a_sign_in_service_that_fails(tokens: IdentityToken, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried a few times, within a minute, and then told of as what it is."""
    waits: list[float] = []
    monkeypatch.setattr(RequestsTransport, "sleep", lambda _, seconds: waits.append(seconds))
    world.entra.status = 500
    with pytest.raises(AuthError, match="could not sign in: no token from credential 'environment'"):
        run(tokens.token(ONE))
    assert 1 < len(world.entra.tokens) <= 5
    assert sum(waits) < tokens.limit_s


def test_a_sign_in_service_that_is_silent(tokens: IdentityToken, world: World) -> None:
    """It is given up after the time that is set for it, which is a minute where nothing else is."""
    assert tokens.limit_s == 60
    world.internet.hanging = {LOGIN}
    with pytest.raises(AuthError, match=r"the sign-in service gave no answer within 0\.05 s") as caught:
        run(replace(tokens, limit_s=0.05).token(ONE))
    assert "could not sign in" in caught.value.info.message
    assert "Resource Manager" not in caught.value.info.message


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command, which does not outlive the test."""
    command = [str(program()), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_the_sign_in_hangs(number: signal.Signals, code: int, world: World) -> None:
    """The command ends within five seconds; the thread that waits for the sign-in holds nothing up."""
    secret(world, world.folder)
    world.internet.hanging = {LOGIN}
    with process("plan", str(world.folder / "manifests"), "--credential", "environment") as running:
        assert world.internet.reached.wait(20)
        running.send_signal(number)
        _, errors = running.communicate(timeout=5)
    assert running.returncode == code
    assert "Traceback" not in errors
    assert "CANARY" not in errors


_IMPORTED = """
import sys
from reconciler.cli import main
codes = [main(["plan", sys.argv[1], "--credential", name]) for name in ("token", "environment", "github")]
print([name for name in sys.modules if name.partition(".")[0] in ("azure", "msal", "requests", "cryptography")])
"""


def test_imported_on_first_use(world: World) -> None:
    """What needs no token of azure-identity, or has nothing to ask it with, does not import it."""
    world.set(RECONCILER_ACCESS_TOKEN="CANARY-given")
    arguments = [sys.executable, "-c", _IMPORTED, str(world.folder / "manifests")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    assert world.carried == ["Bearer CANARY-given"]
    assert done.stdout.splitlines()[-1] == "[]"
