"""Secrets, from the manifest to the wire and to everything that a run shows: there they are, here they are not."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.azure.answers import ARM
from reconciler.azure.client import Accepted, Polled
from reconciler.http.answer import Answer
from reconciler.http.tokens import StaticToken
from reconciler.kinds.packaged import packaged
from reconciler.model.outcome import Report
from reconciler.problems import Document, Manifest, Source
from reconciler.report import render
from reconciler.secret.text import HIDDEN, Secret
from reconciler.settings import Environment, connection
from tests.kit.arm import RESOURCE, VERSION, Wire, answer, client
from tests.kit.canary import MARK
from tests.kit.clock import FakeClock
from tests.kit.loops import run
from tests.kit.redaction import FORMS, measure
from tests.kit.service import bench, definition, restated, says

if TYPE_CHECKING:
    from collections.abc import Sequence


PLACES = [(kind.name, path) for kind in packaged().kinds.values() for path, rule in kind.rules.every() if rule.secret]
LINK = f"https://packages.blob.core.windows.net/c/p.zip?sv=2022-11-02&sr=b&sig={MARK}%2B%2F%3D"


@pytest.mark.slow
def test_secrets_by_the_dozen_in_every_form_and_every_sink() -> None:
    """No sink shows a piece of one, however ARM quotes it; each reached ARM. By the thousand: make redaction."""
    figure = measure(10)
    assert figure.leaks == {}
    assert (figure.secrets, figure.sent) == (10, 10)
    assert len(figure.shown) >= 12
    assert all(figure.shown.values())


def at(path: Sequence[str], value: Any) -> Any:
    """Return the smallest body with *value* at *path*."""
    for step in reversed(path):
        value = [value] if step == "*" else {step: value}
    return value


@pytest.mark.parametrize(("name", "path"), PLACES, ids=[".".join((name, *path)) for name, path in PLACES])
@pytest.mark.parametrize("text", [LINK, f'{MARK} é"\\\n', HIDDEN])
def test_every_secret_goes_over_the_wire_as_it_is(name: str, path: tuple[str, ...], text: str) -> None:
    """Sealed on the way, true in the request, and the token in its header; none of them in the URL."""
    body = packaged().kinds[name].seal(at(path, text))
    wire = Wire(FakeClock(), answer(200, {}))
    run(client(wire, StaticToken(Secret(f"{MARK}-token"))).put(RESOURCE, VERSION, body))
    (request,) = wire.requests
    assert json.loads(request.content) == at(path, text)
    assert request.headers["authorization"] == f"Bearer {MARK}-token"
    assert MARK not in f"{request.url}{body}"


def test_the_places_of_secrets() -> None:
    """The links of versions; of a definition its package, its artifacts and where it notifies."""
    assert sorted(f"{name}.{path[-1]}" for name, path in PLACES) == [
        "ApplicationDefinition.packageFileUri",
        "ApplicationDefinition.uri",
        "ApplicationDefinition.uri",
        "GalleryApplicationVersion.defaultConfigurationLink",
        "GalleryApplicationVersion.mediaLink",
        "GalleryScriptVersion.scriptLink",
    ]


@pytest.mark.parametrize("form", FORMS)
def test_arm_quotes_a_secret_wherever_it_can(form: str) -> None:
    """Code, message, details, target, request id, other headers: what is shown of a refusal is free of it."""
    quoted = FORMS[form](LINK)
    error = {"code": f"Bad sig={MARK}", "message": quoted, "target": LINK, "details": [{"message": f"see {quoted}"}]}

    async def scenario() -> None:
        async with bench(definition(packageFileUri=LINK)) as test:
            headers = {"x_ms_request_id": LINK, "Location": LINK, "x_ms_failure_cause": LINK, "Retry_After": LINK}
            test.service.plan("PUT", "suite", says(400, {"error": error}, **headers))
            plan = await test.plan()
            outcomes = await test.applier().apply(plan)
            report = Report("apply", test.clock.now(), test.clock.now(), plan, outcomes)
            for name in ("text", "json", "markdown"):
                text = render(report, name)
                assert HIDDEN in text
                assert [found for found in (MARK, "Q0FOQVJZ", "NBTkFSW", "DQU5BUl") if found in text] == []

    run(scenario())


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_an_operation_quotes_a_secret_when_it_ends(status: str) -> None:
    """The run sent the link, so it recognizes and hides the link's base64."""
    code = base64.b64encode(LINK.encode()).decode()

    async def scenario() -> None:
        async with bench(definition(packageFileUri=LINK)) as test:
            test.world.fail_next(test.desired[0].id, "DownloadFailed", f"cannot read {code} ({status})")
            outcome = (await test.apply())["suite"]
            assert outcome.error is not None
            assert outcome.error.message == f"cannot read {outcome.error.message.split()[2]} ({status})"
            assert HIDDEN in outcome.error.message
            assert "Q0FOQVJZ" not in repr(outcome) + repr(outcome.error)

    run(scenario())


def test_a_secret_that_reads_like_the_mask_is_still_told_from_others() -> None:
    """It is in sync with itself, changed against another one, and shown as any other."""

    def made(query: str) -> Any:
        endpoints = [{"uri": f"https://hooks.example/in?{query}"}]
        return definition(notificationPolicy={"notificationEndpoints": endpoints})

    async def scenario() -> None:
        async with bench(made(HIDDEN)) as test:
            assert await test.results() == {"suite": "succeeded"}
            assert await test.actions() == {"suite": "none"}
            assert await restated(test, made("(other)")).actions() == {"suite": "update"}
            # An address without its query keeps the live one.
            assert await restated(test, made("")).actions() == {"suite": "none"}

    run(scenario())


def test_values_that_hold_secrets_do_not_show_them() -> None:
    """The environment, what a document states, answers, and the links of operations."""
    kind = packaged().kinds["Gallery"]
    source = Source("a.yaml", 1, 0)
    spec = {"mediaLink": LINK}
    values = [
        Environment({"AZURE_CLIENT_SECRET": MARK}),
        connection("public", None, "token"),
        StaticToken(Secret(MARK)),
        Document(spec, source, lambda _: (1, 1)),
        Manifest(kind, "a", {}, {}, spec, source, lambda _: (1, 1)),
        Answer(200, {"location": LINK, "azure-asyncoperation": LINK}, LINK.encode(), ARM),
        Accepted(f"https://management.azure.com/operations/1?t={MARK}&c={MARK}&s={MARK}&h={MARK}"),
        Polled("Failed", {"error": {"message": LINK}}, None),
    ]
    assert [type(value).__name__ for value in values if MARK in f"{value!r} {value}"] == []
