"""Traces: a span for each round, each resource that is worked on, and each request."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from reconciler.runtime.traces import recorded
from tests.kit.cli import changed, definition, estate, id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Command
    from tests.kit.cli import Azure, Workspace

LINK = "https://packages.blob.core.windows.net/suite/app.zip?sv=2022&sig=CANARY"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Return what keeps the spans of the test."""
    made = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(made))
    with recorded(provider):
        yield made
    provider.shutdown()


def by_name(exporter: InMemorySpanExporter) -> dict[str, list[Any]]:
    """Return the spans by their names, and forget them."""
    found: dict[str, list[Any]] = {}
    for each in exporter.get_finished_spans():
        found.setdefault(each.name, []).append(each)
    exporter.clear()
    return found


def test_an_apply(run: Command, work: Workspace, exporter: InMemorySpanExporter) -> None:
    """One round, in it a resource for each manifest, and in those their requests, with Azure's ids."""
    work.state(*estate())
    assert run("run", "--once").code == 0
    found = by_name(exporter)
    (round_,) = found["round"]
    assert (round_.attributes["outcome"], round_.attributes["puts"], round_.attributes["resources"]) == ("ok", 4, 4)
    assert {each.attributes["resource.id"] for each in found["resource"]} == {id_of(made) for made in estate()}
    assert {each.attributes["outcome"] for each in found["resource"]} == {"succeeded"}
    assert {each.parent.span_id for each in found["resource"]} == {round_.context.span_id}
    resources = {each.context.span_id: each for each in found["resource"]}
    assert len(found["PUT"]) == 4
    for put in found["PUT"]:
        assert put.attributes["url.path"].startswith(resources[put.parent.span_id].attributes["resource.id"])
    for each in (*found["GET"], *found["PUT"]):
        assert each.kind is SpanKind.CLIENT
        assert each.attributes["x-ms-correlation-request-id"]
        assert each.attributes["http.response.status_code"] in {200, 201, 202, 404}
        assert "?" not in each.attributes["url.path"]
    assert {each.context.trace_id for spans in found.values() for each in spans} == {round_.context.trace_id}


def test_a_report(run: Command, work: Workspace, azure: Azure, exporter: InMemorySpanExporter) -> None:
    """A round and its reads; each round is a trace of its own."""
    work.state(*estate())
    assert run("apply").code == 0
    by_name(exporter)
    for _round in range(2):
        assert run("drift").code == 0
    found = by_name(exporter)
    assert len({each.context.trace_id for each in found["round"]}) == 2
    assert {each.parent.span_id for each in found["GET"]} == {each.context.span_id for each in found["round"]}


def test_a_failure(run: Command, work: Workspace, azure: Azure, exporter: InMemorySpanExporter) -> None:
    """A request that is refused has its status, and the resource its outcome."""
    work.state(*estate())
    azure.fail_next(definition(), "RequestDisallowedByPolicy", 403)
    assert run("run", "--once").code == 1
    found = by_name(exporter)
    assert [each.attributes["outcome"] for each in found["round"]] == ["failed"]
    assert sorted(each.attributes["outcome"] for each in found["resource"]) == ["failed", *["succeeded"] * 3]
    assert 403 in {each.attributes["http.response.status_code"] for each in found["PUT"]}


def test_no_answer(
    run: Command, work: Workspace, monkeypatch: pytest.MonkeyPatch, exporter: InMemorySpanExporter, leaping: object
) -> None:
    """A request without an answer is marked as failed, without any text of the error."""
    work.state(*estate())
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("RECONCILER_CLOUD", "public")
    monkeypatch.setenv("RECONCILER_ENDPOINT", f"http://127.0.0.1:{port}")
    assert run("drift").code == 1
    spans = by_name(exporter)["GET"]
    assert {each.status.status_code for each in spans} == {StatusCode.ERROR}
    assert {each.attributes["error.type"] for each in spans} == {"TransientError"}
    assert not [event for each in spans for event in each.events]


def test_no_secret(run: Command, work: Workspace, exporter: InMemorySpanExporter) -> None:
    """Not in any span."""
    work.state(changed(definition(), "properties.packageFileUri", LINK))
    assert run("run", "--once").code == 0
    assert "CANARY" not in "".join(each.to_json() for each in exporter.get_finished_spans())


def test_a_collector_that_does_not_answer(run: Command, work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes no result, and holds the process up for two seconds at most."""
    work.state(*estate())
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr("reconciler.runtime.traces._LAST_EXPORT_S", 0.1)
        assert run("apply").code == 0


def test_without_the_extra(run: Command, work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning, and no traces."""
    work.state(*estate())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    done = run("apply")
    assert done.code == 0
    assert "reconciler[otel]" in done.err
