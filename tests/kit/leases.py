"""A blob with a lease, as "Lease Blob" of the REST API describes it, behind :func:`tests.kit.storage.served`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Leases:
    """
    One blob in a container that is there.

    Attributes:
        now: Returns the time, in seconds.
        is_there: Whether the blob exists.
        lease: Id of the lease, and when it ends; None without one.
        holder: The blob's metadata of that name.
        faults: Answers in place of the service's own, one after the other; None is its own.
        actions: The actions that came, with their leases.
    """

    now: Callable[[], float] = lambda: 0.0
    is_there: bool = False
    lease: tuple[str, float] | None = None
    holder: str = ""
    faults: list[httpx.Response | None] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        fault = self.faults.pop(0) if self.faults else None
        return fault if fault is not None else self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        what = request.headers.get("x-ms-lease-action") or request.url.params.get("comp") or request.method.lower()
        self.actions.append(what)
        if what == "put":
            self.is_there = True
            return httpx.Response(201)
        if not self.is_there:
            return _refusal(404, "BlobNotFound")
        if what == "head":
            return httpx.Response(200, headers={"x-ms-meta-holder": self.holder})
        return self._leased(what, request.headers)

    def _leased(self, what: str, headers: httpx.Headers) -> httpx.Response:
        given = headers.get("x-ms-proposed-lease-id") or headers.get("x-ms-lease-id")
        is_active = self.lease is not None and self.now() < self.lease[1]
        is_own = self.lease is not None and self.lease[0] == given
        if what == "acquire" and (is_own or not is_active):
            self.lease = (str(given), self.now() + int(headers["x-ms-lease-duration"]))
            return httpx.Response(201)
        if what == "acquire":
            return _refusal(409, "LeaseAlreadyPresent")
        if not is_own:
            return _refusal(409 if what in {"renew", "release"} else 412, "LeaseIdMismatchWithLeaseOperation")
        if what == "renew":
            self.lease = (str(given), self.now() + 60)
        elif what == "release":
            self.lease = None
        else:
            self.holder = headers["x-ms-meta-holder"]
        return httpx.Response(200)


def _refusal(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, headers={"x-ms-error-code": code})
