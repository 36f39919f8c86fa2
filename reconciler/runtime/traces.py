"""Traces by OpenTelemetry, for an installation with the extra ``otel`` where its variables name a collector."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from reconciler import __version__
from reconciler.http.spans import traced_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace import TracerProvider

    from reconciler.http.spans import Span

_LOG: Final = logging.getLogger("reconciler.traces")
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_DISABLED: Final = "OTEL_SDK_DISABLED"
_LAST_EXPORT_S: Final = 2.0
"""For the spans that are left when the process ends; a collector that hangs holds it up no longer."""


@contextmanager
def tracing(environ: Mapping[str, str]) -> Iterator[None]:
    """Record the spans of the context if the variables of OpenTelemetry name a collector."""
    is_wanted = any(environ.get(name) for name in _ENDPOINTS) and environ.get(_DISABLED, "").lower() != "true"
    provider = _provider() if is_wanted else None
    if provider is None:
        yield
        return
    try:
        with recorded(provider):
            yield
    finally:
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(_LAST_EXPORT_S)


@contextmanager
def recorded(provider: TracerProvider) -> Iterator[None]:
    """Record the spans of the context by *provider*."""
    with traced_by(_Tracer(provider.get_tracer("reconciler", __version__))):
        yield


def _provider() -> TracerProvider | None:
    """Return what exports spans to the collector; None, and a warning, without the extra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 (an extra)
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        _LOG.warning("%s is set, but traces need the extra otel: pip install 'reconciler[otel]'", _ENDPOINTS[0])
        return None
    about = {"service.name": "reconciler", "service.version": __version__}
    # The variables OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence over these.
    provider = TracerProvider(resource=Resource(about).merge(Resource.create()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class _Tracer:
    """A tracer of OpenTelemetry."""

    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, str], *, is_request: bool) -> Iterator[Span]:
        """Yield a span; an exception of the work marks it as failed, without the text of the exception."""
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415 (an extra)

        kind = SpanKind.CLIENT if is_request else SpanKind.INTERNAL
        with self._tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as open_span:
            try:
                yield _Span(open_span)
            except BaseException as error:
                open_span.set_attribute("error.type", type(error).__name__)
                open_span.set_status(Status(StatusCode.ERROR))
                raise


class _Span:
    """A span of OpenTelemetry."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def note(self, name: str, value: str | float) -> None:
        """Add an attribute."""
        self._span.set_attribute(name, value)
