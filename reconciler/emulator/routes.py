"""Routes from paths to handlers: templates with ``{parameters}``, whose fixed parts are case-insensitive."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from reconciler.emulator.calls import Call, Reply
from reconciler.emulator.errors import method_not_allowed, type_not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

Handler: TypeAlias = Callable[[Call], Reply]
_PARAMETER: Final = re.compile(r"\{([A-Za-z]+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A path and the handler of each method."""

    pattern: re.Pattern[str]
    handlers: Mapping[str, Handler]


def route(template: str, **handlers: Handler) -> Route:
    """Return the route of *template*; the names of *handlers* are methods."""
    parts = _PARAMETER.split(template)
    fixed = (re.escape(text) if index % 2 == 0 else f"(?P<{text}>[^/]+)" for index, text in enumerate(parts))
    return Route(re.compile("".join(fixed) + "/?", re.IGNORECASE), handlers)


def dispatch(routes: tuple[Route, ...], call: Call) -> Reply:
    """
    Return the answer to *call*.

    Raises:
        Refused: By its handler; 404 without a route, 405 without a handler for the method.
    """
    for candidate in routes:
        match = candidate.pattern.fullmatch(call.path)
        if match is not None:
            handler = candidate.handlers.get(call.method)
            if handler is None:
                raise method_not_allowed(call.method)
            return handler(replace(call, params=match.groupdict()))
    raise type_not_found(call.path)
