"""Which token a request carries, and what follows when ARM refuses it; azure-identity's classes are replaced."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from reconciler.azure import auth
from reconciler.azure.answers import ARM
from reconciler.azure.auth import AccessToken, IdentityToken
from reconciler.azure.client import ArmWriter
from reconciler.errors import AuthError, ErrorInfo, ForeignOriginError
from reconciler.http.answer import Answer
from reconciler.http.retry import Retrier
from reconciler.http.tokens import NoToken
from reconciler.secret.text import Secret
from tests.kit.arm import RESOURCE, VERSION, Largest, Wire, answer, found, refused, transport
from tests.kit.clock import FakeClock
from tests.kit.loops import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

SCOPE = "https://management.azure.com/.default"
HOME, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-8888-7777-6666-555555555555"
FOREIGN = RESOURCE.replace("s1", "s2")
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"CANARY-1"}}}'
ENCODED = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiJDQU5BUlktMSJ9fX0="


@dataclass
class Access:
    """What azure-identity calls an access token."""

    token: str
    expires_on: float


@dataclass
class Caching:
    """A credential that gives the same token again, as azure-identity's own caches do, but where claims are asked."""

    made: Made
    tenant: str | None
    cached: Access | None = None
    is_closed: bool = False

    def get_token(self, scope: str, **wanted: Any) -> Access:
        """Return the token."""
        made = self.made
        made.asked.append((scope, wanted))
        if made.hangs is not None:
            made.hangs.wait()
        if made.fails is not None:
            raise made.fails
        if self.cached is None or wanted.get("claims") or self.cached.expires_on <= made.clock.now().timestamp():
            made.signed_in += 1
            of = f"-{self.tenant[:1]}" if self.tenant else ""
            self.cached = Access(f"token-{made.signed_in}{of}", made.clock.now().timestamp() + made.lifetime_s)
        return self.cached

    def close(self) -> None:
        """Close."""
        self.is_closed = True


@dataclass
class Made:
    """Makes credentials, and keeps them and what they were asked."""

    clock: FakeClock
    lifetime_s: float = 3600
    fails: Exception | None = None
    hangs: threading.Event | None = None
    all: list[Caching] = field(default_factory=list)
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    signed_in: int = 0
    name: str = "environment"

    def create(self, tenant: str | None) -> Caching:
        """Make one."""
        self.all.append(Caching(self, tenant))
        return self.all[-1]

    def failure(self, error: Exception, claims: Secret | None = None) -> ErrorInfo:
        """Tell of a failure."""
        return ErrorInfo("AuthFailed", f"sign-in failed: {error}")


def source(**settings: Any) -> tuple[IdentityToken, Made]:
    """Return tokens of credentials that are made on demand."""
    made = Made(FakeClock(), **settings)
    return IdentityToken(made, SCOPE, made.clock), made  # type: ignore[arg-type]


async def ask(tokens: IdentityToken, subscription: str = "s1") -> str:
    """Return the text of a token."""
    token = await tokens.token(subscription)
    assert token is not None
    return token.reveal()


def refusal(token: str | None, claims: str | None = None, tenant: str | None = None) -> Answer:
    """Return the 401 of a token, which asks for other claims or names another tenant."""
    said = [f'authorization_uri="https://login.example/{tenant}"'] if tenant else []
    said += [f'error="insufficient_claims", claims="{b64encode(claims.encode()).decode()}"'] if claims else []
    headers = {"x-ms-request-id": "r-1", "www-authenticate": f"Bearer {', '.join(said)}"}
    code = "InvalidAuthenticationTokenTenant" if tenant else "ExpiredAuthenticationToken"
    body = {"error": {"code": code, "message": "expired"}}
    return Answer(401, headers, orjson.dumps(body), ARM, Secret(token) if token else None)


def test_no_token() -> None:
    """No token is sent; where a service wants one all the same, the error has the fix of the caller."""
    assert run(NoToken().token("s1")) is None
    with pytest.raises(AuthError, match="expired") as caught:
        run(NoToken(fix="pass --credential token").renew("s1", refusal(None)))
    assert caught.value.info.fix == "pass --credential token"


@pytest.mark.parametrize(
    ("refused", "message", "fix"),
    [
        (refusal("CANARY"), "RECONCILER_ACCESS_TOKEN$", "still valid"),
        (refusal("CANARY", tenant=OTHER), f"subscription s1 belongs to tenant {OTHER}", "of that tenant"),
        (refusal("CANARY", claims=CLAIMS), "a policy of the tenant asks for a new sign-in", "sign in again"),
    ],
)
def test_a_given_token(refused: Answer, message: str, fix: str) -> None:
    """A token that the user gave is the only one there is; why ARM refused it is told, and what to do."""
    given = AccessToken(Secret("CANARY"))
    token = run(given.token("s1"))
    assert token is not None
    assert token.reveal() == "CANARY"
    with pytest.raises(AuthError, match=message) as caught:
        run(given.renew("s1", refused))
    info = caught.value.info
    assert (info.code, info.status, info.request_id) == ("AuthFailed", 401, "r-1")
    assert fix in str(info.fix)
    assert "CANARY" not in repr((given, caught.value, info))


def test_one_sign_in() -> None:
    """Callers at the same time share one sign-in, for the cloud's scope, of a client that knows claims challenges."""
    tokens, made = source()

    async def scenario() -> list[str]:
        return await asyncio.gather(*(ask(tokens, f"s{number}") for number in range(20)))

    assert set(run(scenario())) == {"token-1"}
    assert made.asked == [(SCOPE, {"enable_cae": True})]


def test_a_caller_that_ends() -> None:
    """The others that wait for the same sign-in do not end with the one that began it."""
    tokens, made = source(hangs=threading.Event())

    async def scenario() -> str:
        first, second = asyncio.ensure_future(ask(tokens)), asyncio.ensure_future(ask(tokens))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert made.hangs is not None
        made.hangs.set()
        return await second

    assert run(scenario()) == "token-1"
    assert len(made.asked) == 1


def test_renewed_before_the_end() -> None:
    """Five minutes before its end a token is asked for again, from the same credential, once a minute; not earlier."""
    tokens, made = source()

    async def scenario() -> None:
        for moment in (0, 3299, 3300, 3301, 3359, 3360):
            made.clock.elapsed = moment
            await ask(tokens)

    run(scenario())
    assert len(made.all) == 1
    assert len(made.asked) == 3


def test_a_renewal_that_fails() -> None:
    """A token that is valid yet is used to its end where no newer one can be had; the service is not hammered."""
    tokens, made = source()

    async def scenario() -> None:
        await ask(tokens)
        made.fails = RuntimeError("down")
        made.clock.elapsed = 3300
        assert [await ask(tokens) for _ in range(9)] == ["token-1"] * 9
        assert len(made.asked) == 2
        made.clock.elapsed = 3600
        with pytest.raises(AuthError, match="down"):
            await ask(tokens)
        assert len(made.asked) == 3

    run(scenario())


def test_a_short_life() -> None:
    """A token that ends within minutes is used, and asked for again once a minute: each time may start a program."""
    tokens, made = source(lifetime_s=150)

    async def scenario() -> None:
        for moment, token in ((0, 1), (59, 1), (60, 1), (119, 1), (149, 1), (150, 2), (151, 2)):
            made.clock.elapsed = moment
            assert await ask(tokens) == f"token-{token}"

    run(scenario())
    assert len(made.asked) == 4


def test_a_failure_is_shared() -> None:
    """Requests within a minute of a failed sign-in fail with it; the service is called once, and then once again."""
    tokens, made = source(fails=RuntimeError("AADSTS7000215"))

    async def failing() -> None:
        with pytest.raises(AuthError, match="AADSTS7000215"):
            await ask(tokens)

    async def scenario() -> str:
        await asyncio.gather(*(failing() for _ in range(20)))
        made.clock.elapsed = 59
        await failing()
        assert len(made.asked) == 1
        made.clock.elapsed = 61
        made.fails = None
        return await ask(tokens)

    assert run(scenario()) == "token-1"
    assert len(made.asked) == 2


def test_a_sign_in_that_hangs() -> None:
    """One setting, a minute, bounds it for every credential; its thread is left behind."""
    made = Made(FakeClock(), hangs=threading.Event())
    assert IdentityToken(made, SCOPE, made.clock).limit_s <= 60  # type: ignore[arg-type]
    tokens = IdentityToken(made, SCOPE, made.clock, limit_s=0)  # type: ignore[arg-type]

    async def scenario() -> None:
        for _ in range(2):
            with pytest.raises(AuthError, match="sign-in failed: the sign-in service gave no answer within 0 s"):
                await ask(tokens)

    before = set(threading.enumerate())
    run(scenario())
    assert [thread.daemon for thread in threading.enumerate() if thread not in before] == [True]
    assert [credential.is_closed for credential in made.all] == [True]
    assert made.hangs is not None
    made.hangs.set()


def test_a_refused_token_is_not_given_again() -> None:
    """A token that ARM refused is not taken from a cache: another credential is made for another token."""
    tokens, made = source()

    async def scenario() -> list[str]:
        first = await ask(tokens)
        await tokens.renew("s1", refusal(first))
        return [first, await ask(tokens), await ask(tokens)]

    assert run(scenario()) == ["token-1", "token-2", "token-2"]
    assert [credential.is_closed for credential in made.all] == [True, False]
    tokens.close()
    assert [credential.is_closed for credential in made.all] == [True, True]


def test_a_token_that_was_replaced_meanwhile() -> None:
    """The refusal of a token that is no longer given, or was never known, asks for none."""
    tokens, made = source()

    async def scenario() -> None:
        await tokens.renew("s1", refusal("token-0"))
        first = await ask(tokens)
        await tokens.renew("s1", refusal(first))
        for late in (first, "token-0", None):
            await tokens.renew("s1", refusal(late))
        assert await ask(tokens) == "token-2"

    run(scenario())
    assert len(made.asked) == 2


def test_a_new_token_that_is_refused() -> None:
    """A token that was signed in for because another was refused is not replaced within the minute; later it is."""
    tokens, made = source()

    async def scenario() -> None:
        await tokens.renew("s1", refusal(await ask(tokens)))
        for _ in range(3):
            with pytest.raises(AuthError, match="expired"):
                await tokens.renew("s1", refusal(await ask(tokens)))
        assert made.signed_in == 2
        made.clock.elapsed = 61
        await tokens.renew("s1", refusal(await ask(tokens)))
        assert await ask(tokens) == "token-3"

    run(scenario())


def test_a_refused_token_that_cannot_be_replaced() -> None:
    """Valid or not by its date, it is not sent again."""
    tokens, made = source()

    async def scenario() -> None:
        first = await ask(tokens)
        made.fails = RuntimeError("down")
        for attempt in (tokens.renew("s1", refusal(first)), ask(tokens)):
            with pytest.raises(AuthError, match="down"):
                await attempt

    run(scenario())
    assert len(made.asked) == 2


def test_claims_are_passed_once() -> None:
    """What ARM wants in a new token is passed on to the same credential, and not with a later token."""
    tokens, made = source(lifetime_s=400)

    async def scenario() -> None:
        first = await ask(tokens)
        await tokens.renew("s1", refusal(first, claims=CLAIMS))
        assert await ask(tokens) == "token-2"
        made.clock.elapsed = 350
        await ask(tokens)

    run(scenario())
    assert len(made.all) == 1
    assert [wanted.get("claims") for _, wanted in made.asked] == [None, CLAIMS, None]


def test_a_tenant_for_a_subscription() -> None:
    """Each subscription keeps the token of its tenant; a credential is allowed that tenant and no other."""
    tokens, made = source()

    async def scenario() -> list[str]:
        home = await ask(tokens, "s1")
        await tokens.renew("s2", refusal(home, tenant=OTHER))
        return [await ask(tokens, name) for name in ("s1", "s2", "s2", "s3")]

    assert run(scenario()) == ["token-1", "token-2-9", "token-2-9", "token-1"]
    assert [credential.tenant for credential in made.all] == [None, OTHER]
    assert made.asked[1] == (SCOPE, {"enable_cae": True, "tenant_id": OTHER})


def test_the_right_tenant_is_refused() -> None:
    """A tenant that was asked for already is no news: one more sign-in, and then ARM's word stands."""
    tokens, made = source()

    async def scenario() -> None:
        await tokens.renew("s2", refusal(await ask(tokens, "s2"), tenant=OTHER))
        await tokens.renew("s2", refusal(await ask(tokens, "s2"), tenant=OTHER))
        with pytest.raises(AuthError):
            await tokens.renew("s2", refusal(await ask(tokens, "s2"), tenant=OTHER))

    run(scenario())
    assert made.signed_in == 3


class Arm:
    """An ARM that takes one token for each subscription and refuses all others, with a script before that."""

    def __init__(self, clock: FakeClock, takes: Mapping[str, str], challenge: str = "") -> None:
        """Take these."""
        self.takes, self.challenge = takes, challenge
        self.wire = Wire(clock, self)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        subscription = request.url.path.split("/")[2]
        if request.headers["authorization"] == f"Bearer {self.takes[subscription]}":
            return found(request.url.path) if request.method == "GET" else answer(200, {})
        is_elsewhere = "authorization_uri" in self.challenge
        code = "InvalidAuthenticationTokenTenant" if is_elsewhere else "InvalidAuthenticationToken"
        return refused(401, code, "not this one", WWW_Authenticate=self.challenge, x_ms_request_id="r-9")

    @property
    def tokens(self) -> list[str]:
        """Return what was sent, in order."""
        return [request.headers["authorization"].removeprefix("Bearer ") for request in self.wire.requests]


def client(arm: Arm, tokens: IdentityToken) -> ArmWriter:
    """Return a client."""
    return ArmWriter(transport(arm.wire, tokens), Retrier(arm.wire.clock))


def test_a_burst_of_refusals() -> None:
    """Twenty requests whose token ARM refuses make one sign-in, and each is sent once more."""
    tokens, made = source()
    arm = Arm(made.clock, {"s1": "token-2"})

    async def scenario() -> None:
        writer = client(arm, tokens)
        await asyncio.gather(*(writer.get(RESOURCE, VERSION) for _ in range(20)))

    run(scenario())
    refused_ones = arm.tokens.count("token-1")
    assert refused_ones > 10
    assert sorted(arm.tokens) == ["token-1"] * refused_ones + ["token-2"] * 20
    assert made.signed_in == 2


def test_a_burst_refused_for_good() -> None:
    """A hundred requests that ARM refuses make two sign-ins; ARM's own error is reported."""
    tokens, made = source()
    arm = Arm(made.clock, {"s1": "none"})

    async def failing(writer: ArmWriter) -> None:
        with pytest.raises(AuthError, match="not this one") as caught:
            await writer.get(RESOURCE, VERSION)
        info = caught.value.info
        assert (info.code, info.status, info.request_id) == ("InvalidAuthenticationToken", 401, "r-9")
        assert "sign in again" in str(info.fix)

    async def scenario() -> None:
        writer = client(arm, tokens)
        for _ in range(5):
            await asyncio.gather(*(failing(writer) for _ in range(20)))

    run(scenario())
    assert made.signed_in == 2


def test_a_challenge_for_claims() -> None:
    """ARM's challenge reaches the credential, decoded; the request is sent once more."""
    tokens, made = source()
    challenge = f'Bearer realm="", error="insufficient_claims", claims="{ENCODED}"'
    arm = Arm(made.clock, {"s1": "token-2"}, challenge)
    run(client(arm, tokens).get(RESOURCE, VERSION))
    assert arm.tokens == ["token-1", "token-2"]
    assert [wanted.get("claims") for _, wanted in made.asked] == [None, CLAIMS]


def test_a_second_challenge(caplog: pytest.LogCaptureFixture) -> None:
    """It ends with what to do, and no claims are shown."""
    caplog.set_level("DEBUG")
    tokens, made = source()
    arm = Arm(made.clock, {"s1": "none"}, f'Bearer error="insufficient_claims", claims="{ENCODED}"')
    with pytest.raises(AuthError) as caught:
        run(client(arm, tokens).get(RESOURCE, VERSION))
    assert len(arm.tokens) == made.signed_in == 2
    assert "sign in again" in str(caught.value.info.fix)
    assert "CANARY" not in caplog.text + repr(caught.value.info)
    assert ENCODED not in caplog.text + repr(caught.value.info)


def test_subscriptions_of_two_tenants() -> None:
    """Each is read with a token of its tenant, learned once from ARM's answer, with any requests in flight."""
    tokens, made = source()
    challenge = f'Bearer authorization_uri="https://login.windows.net/{OTHER}", error="invalid_token"'
    arm = Arm(made.clock, {"s1": "token-1", "s2": "token-2-9"}, challenge)

    async def scenario() -> None:
        reader = client(arm, tokens)
        for _ in range(2):
            await asyncio.gather(*(reader.get(each, VERSION) for each in [RESOURCE, FOREIGN] * 5))

    run(scenario())
    assert made.signed_in == 2
    assert sorted(arm.tokens) == ["token-1"] * 15 + ["token-2-9"] * 10


def test_what_follows_a_refusal_is_retried() -> None:
    """The request with the new token is throttled and retried as any other, and checked each time that it is sent."""
    tokens, made = source()
    expired, busy = refused(401, "ExpiredAuthenticationToken"), refused(429, "TooManyRequests")
    wire = Wire(made.clock, expired, busy, answer(200, {}))
    checks: list[float] = []
    writer = ArmWriter(transport(wire, tokens), Retrier(made.clock, chance=Largest()))
    run(writer.put(RESOURCE, VERSION, {}, lambda: checks.append(made.clock.elapsed)))
    assert wire.times == checks == [0, 0, 1]
    assert made.signed_in == 2


def test_a_read_that_fails_after_a_refusal() -> None:
    """A 503 to the request with the new token is retried."""
    tokens, made = source()
    wire = Wire(made.clock, refused(401, "ExpiredAuthenticationToken"), refused(503, "ServerBusy"), found())
    run(ArmWriter(transport(wire, tokens), Retrier(made.clock)).get(RESOURCE, VERSION))
    assert len(wire.requests) == 3


def test_a_check_that_says_no_after_a_refusal() -> None:
    """A PUT that must no longer be sent is not, also if only its token was refused before."""
    tokens, made = source()
    wire = Wire(made.clock, refused(401, "ExpiredAuthenticationToken"), answer(200, {}))
    checks = iter([None, KeyError()])

    def check() -> None:
        if (error := next(checks)) is not None:
            raise error

    with pytest.raises(KeyError):
        run(ArmWriter(transport(wire, tokens), Retrier(made.clock)).put(RESOURCE, VERSION, {}, check))
    assert len(wire.requests) == 1


def test_closed_with_the_transport() -> None:
    """The connections to the sign-in service end with those to ARM."""
    tokens, made = source()

    async def scenario() -> None:
        arm = transport(Wire(made.clock, found()), tokens)
        await ArmWriter(arm, Retrier(made.clock)).get(RESOURCE, VERSION)
        assert [credential.is_closed for credential in made.all] == [False]
        await arm.close()

    run(scenario())
    assert [credential.is_closed for credential in made.all] == [True]


@pytest.mark.parametrize(
    "script",
    [
        [answer(200, {"value": [], "nextLink": f"https://evil.example{RESOURCE}?page=2"})],
        [
            refused(
                307, "Moved", Location=f"https://evil.example{RESOURCE}", WWW_Authenticate=f'Bearer claims="{ENCODED}"'
            )
        ],
    ],
)
def test_nobody_else_can_challenge(script: list[httpx.Response]) -> None:
    """No other host is asked anything, so none can refuse a token; the credential hears of nothing."""
    tokens, made = source()
    wire = Wire(made.clock, *script)
    with pytest.raises(ForeignOriginError, match=r"evil\.example; nothing was sent there"):
        run(ArmWriter(transport(wire, tokens), Retrier(made.clock)).list(RESOURCE, VERSION))
    assert [request.url.host for request in wire.requests] == ["management.azure.com"]
    assert made.asked == [(SCOPE, {"enable_cae": True})]


def test_the_limits() -> None:
    """What the tests above reckon with."""
    assert (auth._EARLY_S, auth._LIMIT_S, auth._NEWS_S) == (300, 60, 60)
