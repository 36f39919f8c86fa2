"""
Spans of a trace: what takes time, and within what. Knows no library: a process that records traces names a tracer.

Without one, a span is nothing and costs next to nothing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Span(Protocol):
    """One piece of work that has begun."""

    def note(self, name: str, value: str | float) -> None:
        """Add an attribute."""


class Tracer(Protocol):
    """Records spans."""

    def span(self, name: str, attributes: Mapping[str, str], *, is_request: bool) -> AbstractContextManager[Span]:
        """Return a span that lasts as long as its context, within the one that is open."""


class _NoSpan:
    """A span that no tracer records."""

    def note(self, name: str, value: str | float) -> None:
        """Do nothing."""


_NOTHING: Final = nullcontext(_NoSpan())
_TRACER: ContextVar[Tracer | None] = ContextVar("tracer", default=None)


def span(
    name: str, attributes: Mapping[str, str | None] | None = None, *, is_request: bool = False
) -> AbstractContextManager[Span]:
    """
    Return a span, which lasts as long as its context.

    Args:
        name: The same for all pieces of work of a sort.
        attributes: Those that are None are left out.
        is_request: Whether it waits for another service.
    """
    tracer = _TRACER.get()
    if tracer is None:
        return _NOTHING
    known = {name: value for name, value in (attributes or {}).items() if value is not None}
    return tracer.span(name, known, is_request=is_request)


@contextmanager
def traced_by(tracer: Tracer) -> Iterator[None]:
    """Let *tracer* record the spans of the context."""
    token = _TRACER.set(tracer)
    try:
        yield
    finally:
        _TRACER.reset(token)
