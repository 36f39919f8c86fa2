"""Blob storage before a PUT: signatures made for one blob, and a look at what Azure is about to read."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from reconciler.azure.blobs import Blobs, life_for, storage_transport
from reconciler.azure.client import ArmReader
from reconciler.azure.identities import Identities
from reconciler.errors import AuthError, ErrorInfo, PackageError
from reconciler.http.tokens import StaticToken
from reconciler.kinds.kind import folded_id
from reconciler.kinds.packaged import packaged
from reconciler.manifests.access import Grant, top_level
from reconciler.manifests.permits import StorageHosts, storage_hosts
from reconciler.secret.text import Secret, reveal
from tests.kit.bench import desired_of
from tests.kit.clock import FakeClock
from tests.kit.loops import run
from tests.kit.storage import GOOD, OID, TID, Storage

if TYPE_CHECKING:
    from reconciler.http.answer import Answer

KIND: Final = packaged().kinds["GalleryApplicationVersion"]
ACCOUNT: Final = "https://acme.blob.core.windows.net"
LINK: Final = f"{ACCOUNT}/packages/agent%201.zip"
DESIRED: Final = desired_of(
    KIND, {"location": "westeurope", "properties": {"publishingProfile": {"source": {"mediaLink": LINK}}}}
)
MINTED: Final = (Grant(f"{ACCOUNT}/packages/"),)


@dataclass
class Tokens:
    """Gives tokens, a new one after each refusal, as often as there are any."""

    left: int = 1
    given: list[str] = field(default_factory=list)

    async def token(self, realm: str) -> Secret | None:
        """Return the token of the day."""
        self.given.append(realm)
        return Secret(f"CANARY-{self.left}")

    async def renew(self, realm: str, refused: Answer) -> None:
        """Take the next one."""
        self.left -= 1
        if self.left < 0:
            raise AuthError(refused.service.words(refused))

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class NoTokens(Tokens):
    """Has no token for storage: none at all, or the sign-in fails."""

    error: AuthError | None = None

    def __init__(self, error: AuthError | None) -> None:
        """Fail with *error*, or give none."""
        super().__init__()
        self.error = error

    async def token(self, realm: str) -> Secret | None:
        """Return none."""
        if self.error is not None:
            raise self.error
        return None


class _NoArm(ArmReader):
    """No reader: the gallery of these tests is known."""

    def __init__(self) -> None:
        """Open nothing."""


@dataclass
class Bench:
    """Blobs, the storage behind them, and their clock."""

    storage: Storage = field(default_factory=Storage)
    grants: tuple[Grant, ...] = MINTED
    tokens: Tokens = field(default_factory=Tokens)
    hosts: StorageHosts = field(default_factory=StorageHosts)
    only_local: bool = False
    clock: FakeClock = field(default_factory=FakeClock)
    blobs: Blobs = field(init=False)

    def __post_init__(self) -> None:
        """Open."""
        hour = timedelta(hours=1)
        connect = self.storage.connect
        self.blobs = Blobs(self.grants, self.tokens, self.hosts, hour, self.clock, connect, self.only_local)

    async def ready(self, link: str = LINK, **more: str) -> dict[str, str]:
        """Return the links of a body that is ready for its PUT."""
        body = KIND.seal({"properties": {"publishingProfile": {"source": {"mediaLink": link, **more}}}})
        signed = reveal(await self.blobs.ready(DESIRED, body))
        source: dict[str, str] = signed["properties"]["publishingProfile"]["source"]
        return source

    def know_identity(self, *, has_identity: bool | None) -> None:
        """Let the run know whether the gallery has an identity; None where it does not."""
        if has_identity is not None:
            known = {folded_id(top_level(DESIRED.id)): has_identity}
            self.blobs.identities = Identities(_NoArm(), {}, known)

    def link(self, link: str = LINK) -> str:
        """Return the link of a body that is ready for its PUT."""
        return run(self.ready(link))["mediaLink"]

    def error(self, link: str = LINK) -> ErrorInfo:
        """Return why a body is not ready."""
        with pytest.raises(PackageError) as caught:
            run(self.ready(link))
        return caught.value.info


def query(link: str) -> dict[str, str]:
    """Return the query of a link."""
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def test_a_signature_for_one_blob_and_an_hour() -> None:
    """Read-only, https alone, backdated for clocks that are behind; made with a key of the account."""
    test = Bench()
    link = test.link()
    assert link.partition("?")[0] == LINK
    asked = query(link)
    assert asked.pop("sig")
    assert asked.pop("sv")
    assert asked == {
        "sp": "r",
        "sr": "b",
        "spr": "https",
        "st": "2026-11-21T20:20:00Z",
        "se": "2026-11-21T21:25:00Z",
        "skoid": OID,
        "sktid": TID,
        "skt": "2026-11-21T20:20:00Z",
        "ske": "2026-11-21T22:25:00Z",
        "sks": "b",
        "skv": "2021-12-02",
    }


def test_what_is_asked_of_storage() -> None:
    """A key with the token; then the very link that Azure gets, without any."""
    test = Bench()
    link = test.link()
    key, look = test.storage.requests
    assert (key.method, str(key.url)) == ("POST", f"{ACCOUNT}/?restype=service&comp=userdelegationkey")
    assert key.content == (
        b"<KeyInfo><Start>2026-11-21T20:20:00Z</Start><Expiry>2026-11-21T22:25:00Z</Expiry></KeyInfo>"
    )
    assert key.headers["authorization"] == "Bearer CANARY-1"
    assert key.headers["content-type"] == "application/xml"
    assert test.tokens.given == [""]
    assert (look.method, str(look.url)) == ("HEAD", link)
    assert "authorization" not in look.headers
    assert look.headers["x-ms-version"] == key.headers["x-ms-version"] == "2021-12-02"


def test_another_blob_another_signature() -> None:
    """With the same key."""
    test = Bench()
    links = {test.link(), test.link(LINK), test.link(f"{ACCOUNT}/packages/other.zip")}
    assert len({query(link)["sig"] for link in links}) == 2
    assert test.storage.sent("POST") == [f"{ACCOUNT}/"]


def test_one_key_for_each_account() -> None:
    """However many packages ask at the same time."""
    test = Bench(grants=(*MINTED, Grant("https://other.blob.core.windows.net")))

    async def many() -> None:
        links = [f"{ACCOUNT}/packages/{number}" for number in range(10)]
        await asyncio.gather(*map(test.ready, [*links, "https://other.blob.core.windows.net/p/x"]))

    run(many())
    assert sorted(test.storage.sent("POST")) == [f"{ACCOUNT}/", "https://other.blob.core.windows.net/"]


def test_a_key_is_renewed_before_a_signature_would_outlive_it() -> None:
    """It lives two hours, a signature one."""
    test = Bench()
    keys = []
    for elapsed in (0, 3599, 3602):
        test.clock.elapsed = elapsed
        asked = query(test.link())
        assert asked["se"] <= asked["ske"]
        keys.append(asked["ske"])
    assert keys == ["2026-11-21T22:25:00Z", "2026-11-21T22:25:00Z", "2026-11-21T23:25:02Z"]


@pytest.mark.parametrize(("timeout_s", "hours"), [(10, 1), (3600, 1), (7200, 2), (10**7, 72)])
def test_a_signature_lives_as_long_as_the_run_waits(timeout_s: float, hours: int) -> None:
    """An hour at least; and so that a key of seven days, which is all there is, outlives it twice."""
    assert life_for(timeout_s) == timedelta(hours=hours)


def test_a_token_that_storage_refuses_is_renewed_once() -> None:
    """As it is for ARM."""
    test = Bench(Storage(keys=[httpx.Response(401)]), tokens=Tokens(left=1))
    assert "sig=" in test.link()
    assert [key.headers["authorization"] for key in test.storage.requests[:2]] == ["Bearer CANARY-1", "Bearer CANARY-0"]


def test_without_another_token_that_is_the_end() -> None:
    """And the failure of the sign-in is told, not storage's."""
    test = Bench(Storage(keys=[httpx.Response(401), httpx.Response(401)]), tokens=Tokens(left=0))
    with pytest.raises(AuthError) as caught:
        test.link()
    assert caught.value.info.status == 401
    assert len(test.storage.requests) == 1


def test_an_identity_without_the_roles() -> None:
    """The fix names them. The account is not asked again in this run, and no blob is looked at."""
    headers = {"x-ms-error-code": "AuthorizationPermissionMismatch", "x-ms-request-id": "r-9"}
    test = Bench(Storage(keys=[httpx.Response(403, headers=headers)]))
    error = test.error()
    assert (error.code, error.status, error.request_id) == ("NoSignature", 403, "r-9")
    assert "acme.blob.core.windows.net" in error.message
    assert "AuthorizationPermissionMismatch" in error.message
    assert "Storage Blob Delegator" in (error.fix or "")
    assert "Storage Blob Data Reader" in (error.fix or "")
    assert test.error() == error
    assert len(test.storage.requests) == 1


def test_an_account_that_cannot_be_reached() -> None:
    """It is tried like ARM is, and then it is a failure of the package, never of a PUT that may have landed."""
    test = Bench(Storage(keys=[httpx.ConnectError("CANARY")] * 5))
    error = test.error()
    assert error.code == "NoSignature"
    assert "no connection" in error.message
    assert len(test.storage.requests) == 5
    assert len(test.clock.slept) == 4


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"location": "https://evil.example/?sig=CANARY"}),
        httpx.Response(200, text="<html>Sign in, CANARY</html>"),
        httpx.Response(200, text="<UserDelegationKey><Value>Q0FOQVJZIGtleQ==</Value></UserDelegationKey>"),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(400, headers={"x-ms-error-code": "sig=CANARY"}),
        httpx.Response(200, content=b"x" * (64 * 1024 + 1)),
    ],
    ids=["redirect", "page", "half", "binary", "refused", "large"],
)
def test_what_is_no_key(answer: httpx.Response) -> None:
    """Nothing is signed with it, no redirect is followed, and nothing of it is repeated."""
    test = Bench(Storage(keys=[answer]))
    error = test.error()
    assert error.code == "NoSignature"
    assert len(test.storage.requests) == 1


@pytest.mark.parametrize(
    ("prefix", "hosts"),
    [
        ("https://packages.example.com/", (".blob.core.windows.net",)),
        ("https://acme.blob.core.windows.net.evil.example/", (".blob.core.windows.net",)),
        ("https://evilblob.core.windows.net/", (".blob.core.windows.net",)),
        (f"{ACCOUNT}/", (".blob.core.usgovcloudapi.net",)),
    ],
)
def test_a_storage_token_goes_to_storage_alone(prefix: str, hosts: tuple[str, ...]) -> None:
    """A project file states a host; that does not make it one of Azure's, or one of this cloud's."""
    test = Bench(grants=(Grant(prefix),), hosts=StorageHosts(hosts))
    error = test.error(f"{prefix}packages/x.zip")
    assert error.code == "ForeignOrigin"
    assert hosts[0] in (error.fix or "")
    assert test.storage.requests == []
    assert test.tokens.given == []


@pytest.mark.parametrize("signature", [None, Secret("sv=1&se=2&sig=CANARY")])
@pytest.mark.parametrize(
    "account",
    [
        "http://127.0.0.1:9/acme",
        "http://127.0.0.2:9/acme",
        "https://[::1]:9/acme",
        "https://packages.example.com",
        "https://evil.example.blob.core.windows.net",
        "https://blob.core.windows.net",
    ],
)
def test_a_signature_goes_to_no_host_that_only_the_project_file_names(account: str, signature: Secret | None) -> None:
    """Neither a made one nor a given one, nor to this machine; where the operator names the host it does."""
    grant = Grant(account, signature)
    test = Bench(grants=(grant,))
    error = test.error(f"{account}/packages/x.zip")
    assert error.code == "ForeignOrigin"
    assert "--storage-host" in (error.fix or "")
    assert (test.storage.requests, test.tokens.given) == ([], [])
    allowed = Bench(grants=(grant,), hosts=storage_hosts((".x",), [account.split("/")[2]]))
    assert "sig" in query(allowed.link(f"{account}/packages/x.zip"))


def test_plain_http_is_for_this_machine_even_where_the_host_is_named() -> None:
    """A token over it could be read on the way."""
    test = Bench(grants=(Grant("http://packages.example.com"),), hosts=storage_hosts((), ["packages.example.com"]))
    assert test.error("http://packages.example.com/a/b").code == "ForeignOrigin"
    assert (test.storage.requests, test.tokens.given) == ([], [])


def test_a_link_without_a_blob() -> None:
    """There is nothing to sign for."""
    test = Bench(grants=(Grant(ACCOUNT),))
    assert "names no blob" in test.error(f"{ACCOUNT}/").message
    assert test.storage.requests == []


def test_a_host_that_no_rule_states_is_never_asked() -> None:
    """A manifest in a pull request cannot make the reconciler send a request to a host of its choice."""
    test = Bench()
    for link in ("http://169.254.169.254/metadata/instance", "https://evil.example/x?sig=own", f"{ACCOUNT}:8443/x"):
        assert test.link(link) == link
    assert test.storage.requests == []


def test_a_link_beside_the_prefix_keeps_its_query() -> None:
    """It is looked at with it, as its host is stated; no signature is made."""
    test = Bench()
    assert test.link(f"{ACCOUNT}/other/x.zip?sig=CANARY") == f"{ACCOUNT}/other/x.zip?sig=CANARY"
    assert [str(request.url) for request in test.storage.requests] == [f"{ACCOUNT}/other/x.zip?sig=CANARY"]


def test_each_link_of_a_body_is_looked_at() -> None:
    """With the signature of its own rule."""
    grants = (Grant(f"{ACCOUNT}/packages/", Secret("sig=CANARY1")), Grant(f"{ACCOUNT}/env/", Secret("sig=CANARY2")))
    test = Bench(grants=grants)
    links = run(test.ready(LINK, defaultConfigurationLink=f"{ACCOUNT}/env/c.json"))
    assert links == {
        "mediaLink": f"{LINK}?sig=CANARY1",
        "defaultConfigurationLink": f"{ACCOUNT}/env/c.json?sig=CANARY2",
    }
    assert [str(request.url) for request in test.storage.requests] == list(links.values())


def test_a_package_that_azure_could_not_read() -> None:
    """Said with what storage said; the link without its query."""
    missing = (404, {"x-ms-error-code": "BlobNotFound", "x-ms-request-id": "r-7"})
    test = Bench(Storage({"/packages/x.zip": missing}), (Grant(ACCOUNT, Secret("sig=CANARY")),))
    error = test.error(f"{ACCOUNT}/packages/x.zip")
    assert (error.code, error.status, error.request_id) == ("PackageUnreadable", 404, "r-7")
    assert f"{ACCOUNT}/packages/x.zip" in error.message
    assert error.fix


@pytest.mark.parametrize(
    "answer",
    [
        (403, {"x-ms-error-code": "AuthorizationFailure"}),
        (307, {"location": "https://evil.example/"}),
        (500, {"x-ms-error-code": "InternalError"}),
    ],
    ids=["firewall", "redirect", "error"],
)
def test_an_answer_that_says_nothing_of_azure_holds_nothing_back(
    answer: tuple[int, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked for once, and warned about."""
    test = Bench(Storage({"/packages/x.zip": answer}), (Grant(ACCOUNT, Secret("sig=CANARY")),))
    assert test.link(f"{ACCOUNT}/packages/x.zip").endswith("?sig=CANARY")
    assert len(test.storage.requests) == 1
    [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert f"{ACCOUNT}/packages/x.zip: storage answered {answer[0]}" in record.getMessage()


def test_a_host_that_cannot_be_reached_is_asked_once(caplog: pytest.LogCaptureFixture) -> None:
    """From a network behind a private endpoint, say: Azure reaches it all the same."""
    storage = Storage({"/packages/x.zip": httpx.ConnectTimeout("CANARY")})
    test = Bench(storage, (Grant(ACCOUNT, Secret("sig=CANARY")),))
    assert test.link(f"{ACCOUNT}/packages/x.zip").endswith("?sig=CANARY")
    assert test.link(f"{ACCOUNT}/packages/y.zip").endswith("?sig=CANARY")
    assert len(storage.requests) == 1
    [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "blob storage: no connection within the time limit" in record.getMessage()


def test_headers_that_speak_of_a_body_are_not_waited_for() -> None:
    """The answer to a HEAD has none, however large and however packed the blob is."""
    packed = {**GOOD, "content-length": str(2 * 1024**3), "content-encoding": "br"}
    test = Bench(Storage({"/packages/agent%201.zip": (200, packed), "/packages/agent 1.zip": (200, packed)}))
    assert "sig=" in test.link()


def test_the_limit_of_the_kind_counts() -> None:
    """One byte more than Azure takes."""
    large = {**GOOD, "content-length": str(2 * 1024**3 + 1)}
    test = Bench(Storage({"/packages/x.zip": (200, large)}))
    assert "2147483649 bytes" in test.error(f"{ACCOUNT}/packages/x.zip").message


def test_the_embedded_arm_reads_no_package() -> None:
    """So with it nothing is asked and nothing is made, save on this machine; a given signature goes into the link."""
    local = "http://127.0.0.1:9/acme/packages"
    given = Grant("https://other.blob.core.windows.net", Secret("sig=CANARY"))
    hosts = storage_hosts((".blob.core.windows.net",), ["127.0.0.1"])
    test = Bench(grants=(*MINTED, given, Grant(local)), hosts=hosts, only_local=True)
    assert test.link() == LINK
    assert test.link("https://other.blob.core.windows.net/p/x").endswith("?sig=CANARY")
    assert test.storage.requests == []
    signed = query(test.link(f"{local}/x.zip"))
    assert signed["spr"] == "https,http"
    assert test.storage.sent("POST") == ["http://127.0.0.1:9/acme/"]
    assert test.storage.sent("HEAD") == [f"{local}/x.zip"]


PRIVATE: Final = (Grant(f"{ACCOUNT}/packages/", by_identity=True),)
PLAIN: Final = f"{ACCOUNT}/packages/x.zip"
PATH: Final = "/packages/x.zip"


def authorizations(storage: Storage) -> list[str | None]:
    """Return the Authorization header of each HEAD, in their order."""
    return [each.headers.get("authorization") for each in storage.requests if each.method == "HEAD"]


@pytest.mark.parametrize("given", [PLAIN, f"{PLAIN}?sv=1&se=2&sig=CANARY", f"{PLAIN}?snapshot=1#part"])
def test_a_link_for_the_gallerys_identity_is_plain(given: str) -> None:
    """No signature is made or kept; storage is asked once, with the run's own token."""
    test = Bench(grants=PRIVATE)
    assert test.link(given) == PLAIN
    assert [(each.method, str(each.url)) for each in test.storage.requests] == [("HEAD", PLAIN)]
    assert authorizations(test.storage) == ["Bearer CANARY-1"]


@pytest.mark.parametrize("code", ["BlobNotFound", "ContainerNotFound", "ResourceNotFound"])
def test_the_runs_own_token_shows_that_a_private_blob_is_missing(code: str) -> None:
    """That is certain, and the PUT is not sent."""
    test = Bench(Storage({PATH: (404, {"x-ms-error-code": code})}), PRIVATE)
    error = test.error(PLAIN)
    assert (error.code, error.status) == ("PackageUnreadable", 404)
    assert len(test.storage.requests) == 1


ANONYMOUS: Final = [
    (404, "ResourceNotFound"),
    (401, "NoAuthenticationInformation"),
    (409, "PublicAccessNotPermitted"),
]


@pytest.mark.parametrize(("status", "code"), ANONYMOUS)
@pytest.mark.parametrize(
    ("grants", "has_identity"), [(PRIVATE, None), (PRIVATE, False), ((Grant(f"{ACCOUNT}/other"),), True)]
)
def test_a_refusal_of_the_anonymous_is_a_warning_where_an_identity_reads(
    caplog: pytest.LogCaptureFixture, status: int, code: str, grants: tuple[Grant, ...], *, has_identity: bool | None
) -> None:
    """By a rule, or by the gallery that has one: the run has no role for the blob, and Azure may have one."""
    with_token = (403, {"x-ms-error-code": "AuthorizationPermissionMismatch"})
    test = Bench(Storage({PATH: with_token}, anonymous={PATH: (status, {"x-ms-error-code": code})}), grants)
    test.know_identity(has_identity=has_identity)
    assert test.link(PLAIN) == PLAIN
    assert authorizations(test.storage) == ["Bearer CANARY-1", None]
    [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert code in record.getMessage()


@pytest.mark.parametrize(("status", "code"), ANONYMOUS)
@pytest.mark.parametrize("has_identity", [False, None])
def test_without_an_identity_it_is_a_failure(status: int, code: str, *, has_identity: bool | None) -> None:
    """The link is looked at as Azure does it, without a token."""
    test = Bench(Storage({PATH: (status, {"x-ms-error-code": code})}), (Grant(f"{ACCOUNT}/other"),))
    test.know_identity(has_identity=has_identity)
    assert test.error(PLAIN).status == status
    assert authorizations(test.storage) == [None]


@pytest.mark.parametrize(
    ("status", "headers"),
    [(404, {"x-ms-error-code": "BlobNotFound"}), (200, {**GOOD, "content-length": "0"})],
    ids=["missing", "empty"],
)
@pytest.mark.parametrize("token", [None, AuthError(ErrorInfo("AuthFailed", "no token for storage"))])
def test_without_a_token_for_storage_the_link_is_tried_as_it_is(
    status: int, headers: dict[str, str], token: AuthError | None
) -> None:
    """Other answers stay as certain as ever."""
    test = Bench(Storage({PATH: (status, headers)}), PRIVATE, tokens=NoTokens(token))
    assert test.error(PLAIN).code == "PackageUnreadable"
    assert authorizations(test.storage) == [None]


def test_a_public_blob_needs_no_role_and_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The token is refused, the plain link is not."""
    refused = (403, {"x-ms-error-code": "AuthorizationPermissionMismatch"})
    test = Bench(Storage({PATH: refused}, anonymous={PATH: (200, GOOD)}), PRIVATE)
    assert test.link(PLAIN) == PLAIN
    assert not [each for each in caplog.records if each.levelno == logging.WARNING]


def test_a_signed_link_is_looked_at_as_it_is_signed() -> None:
    """Also in a gallery with an identity: no token goes out with a signature."""
    test = Bench(grants=(Grant(f"{ACCOUNT}/packages", Secret("sig=CANARY")),))
    test.know_identity(has_identity=True)
    test.link(PLAIN)
    assert authorizations(test.storage) == [None]


def test_a_token_goes_only_to_hosts_that_the_operator_allows() -> None:
    """A project file that leaves links to the identity names no host of its own choice either."""
    test = Bench(grants=(Grant("https://packages.example.com/", by_identity=True),))
    assert test.error("https://packages.example.com/p/x.zip").code == "ForeignOrigin"
    assert test.storage.requests == []
    assert test.tokens.given == []


def test_connections_are_closed() -> None:
    """Those with a token and those without."""
    test = Bench()
    opened: list[Any] = []

    async def scenario() -> list[bool]:
        connect = test.blobs.connect
        test.blobs.connect = lambda *given: opened.append(connect(*given)) or opened[-1]  # type: ignore[func-returns-value]
        await test.ready()
        await test.blobs.close()
        return [each.http.is_closed for each in opened]

    assert run(scenario()) == [True, True]


def test_connections_of_their_own() -> None:
    """They are named after storage in errors, bounded for small answers, and follow no redirect."""
    opened = storage_transport(ACCOUNT, StaticToken(Secret("CANARY")), FakeClock(), {})
    assert opened.service.name == "blob storage"
    assert opened.service.bounds.answer_bytes == 64 * 1024
    assert not opened.http.follow_redirects
    run(opened.close())
