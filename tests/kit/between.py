"""A proxy before the embedded ARM of the command line: it keeps what is sent, and alters single answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Alter: TypeAlias = Callable[[dict[str, Any]], None]


@dataclass
class Between:
    """
    What passes through.

    Attributes:
        sent: Method, path and body of every write.
        asked: Method and path of every request.
    """

    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    _altered: list[tuple[str, Alter]] = field(default_factory=list)
    _refused: list[tuple[str, Callable[[dict[str, Any]], bool], dict[str, Any]]] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand before the embedded ARM."""
        forward = httpx.ASGITransport.handle_async_request

        async def handle(transport: httpx.ASGITransport, request: httpx.Request) -> httpx.Response:
            path = request.url.path
            self.asked.append((request.method, path))
            if request.method in {"PUT", "PATCH"}:
                body = orjson.loads(await request.aread())
                self.sent.append((request.method, path, body))
                for resource_type, refuses, error in self._refused:
                    if _is_of(path, resource_type) and refuses(body):
                        return httpx.Response(400, json={"error": error}, request=request)
            answer = await forward(transport, request)
            return await self._altered_answer(request, answer)

        monkeypatch.setattr(httpx.ASGITransport, "handle_async_request", handle)

    def alter(self, resource_type: str, change: Alter) -> None:
        """Change, in place, every body of a type that is answered, by itself or in a list."""
        self._altered.append((resource_type, change))

    def refuse(
        self, resource_type: str, refuses: Callable[[dict[str, Any]], bool], code: str, target: str = ""
    ) -> None:
        """Refuse a write to a type where *refuses* says so of its body."""
        self._refused.append((resource_type, refuses, {"code": code, "message": "no", "target": target}))

    def puts(self, resource_type: str) -> list[dict[str, Any]]:
        """Return the bodies of all PUTs of a type."""
        return [body for method, path, body in self.sent if method == "PUT" and _is_of(path, resource_type)]

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


def _is_of(path: str, resource_type: str) -> bool:
    """Whether a path names a resource whose type ends in *resource_type*."""
    return path.lower().split("/")[-2] == resource_type.lower()
