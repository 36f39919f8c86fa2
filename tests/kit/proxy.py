"""A proxy before the embedded ARM of the command line: it keeps what passes, alters answers, or gives its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    Body: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Planned:
    """
    An answer in ARM's stead.

    Attributes:
        fits: Whether a write with this body is answered so; any request is, where it is None.
    """

    method: str
    path: re.Pattern[str]
    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    fits: Callable[[Body], bool] | None = None

    def is_for(self, method: str, path: str, body: Body | None) -> bool:
        """Return whether a request is answered so."""
        return (
            method == self.method
            and self.path.search(path) is not None
            and (self.fits is None or (body is not None and self.fits(body)))
        )


@dataclass
class Proxy:
    """
    What passes through.

    Attributes:
        asked: Method and path of every request.
        written: Path and body of every PUT.
    """

    asked: list[tuple[str, str]] = field(default_factory=list)
    written: list[tuple[str, Body]] = field(default_factory=list)
    _altered: list[tuple[str, Callable[[Body], None]]] = field(default_factory=list)
    _planned: list[Planned] = field(default_factory=list)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand before the embedded ARM."""
        forward = httpx.ASGITransport.handle_async_request

        async def handle(transport: httpx.ASGITransport, request: httpx.Request) -> httpx.Response:
            method, path = request.method, request.url.path
            body = orjson.loads(await request.aread()) if method == "PUT" else None
            self.asked.append((method, path))
            if body is not None:
                self.written.append((path, body))
            for planned in self._planned:
                if planned.is_for(method, path, body):
                    headers = {"content-type": "application/json", **planned.headers}
                    return httpx.Response(planned.status, content=planned.content, headers=headers, request=request)
            return await self._altered_answer(request, await forward(transport, request))

        patch.setattr(httpx.ASGITransport, "handle_async_request", handle)

    def answer(self, method: str, path: str, status: int, body: Any, **headers: str) -> None:
        """
        Answer requests whose path matches; bytes go as they are.

        Args:
            method: HTTP's.
            path: A regular expression for the path, or its end.
            status: HTTP's.
            body: Of the answer.
            headers: Of the answer; underscores stand for hyphens.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        self._planned.append(Planned(method, re.compile(f"{path}$", re.IGNORECASE), status, content, named))

    def refuse(self, method: str, path: str, status: int, code: str, message: str = "no", **more: Any) -> None:
        """Answer with an ARM error."""
        self.answer(method, path, status, {"error": {"code": code, "message": message, **more}})

    def refuse_where(self, fits: Callable[[Body], bool], resource_type: str, code: str) -> None:
        """Refuse a PUT of a type whose body *fits*."""
        error = orjson.dumps({"error": {"code": code, "message": "no", "target": ""}})
        self._planned.append(Planned("PUT", _of_type(resource_type), 400, error, fits=fits))

    def alter(self, resource_type: str, change: Callable[[Body], None]) -> None:
        """Change, in place, every body of a type that is answered, by itself or in a list."""
        self._altered.append((resource_type, change))

    def puts(self, resource_type: str) -> list[Body]:
        """Return the bodies of all PUTs of a type."""
        return [body for path, body in self.written if _of_type(resource_type).search(path)]

    async def _altered_answer(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        content = await answer.aread()
        body = orjson.loads(content) if answer.is_success and content else None
        for each in body.get("value", [body]) if isinstance(body, dict) else ():
            for resource_type, change in self._altered:
                if isinstance(each, dict) and "type" in each and each["type"].lower().endswith(resource_type.lower()):
                    change(each)
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        content = orjson.dumps(body) if isinstance(body, dict) else content
        return httpx.Response(answer.status_code, headers=headers, content=content, request=request)


def _of_type(resource_type: str) -> re.Pattern[str]:
    """Return what the path of a resource holds whose type is *resource_type*."""
    return re.compile(f"/{re.escape(resource_type)}/[^/]+$", re.IGNORECASE)
