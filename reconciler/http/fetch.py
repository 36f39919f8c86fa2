"""One blocking GET, for code that runs in a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from reconciler.http.network import trusted
from reconciler.http.origin import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT_S: Final = 30.0


def fetch(url: str, headers: Mapping[str, str], environ: Mapping[str, str]) -> tuple[int, bytes]:
    """
    Return the status and the body of the answer to a GET; redirects are not followed.

    Args:
        url: Where the request goes.
        headers: Of the request.
        environ: The environment, which names proxies and certificates.

    Raises:
        httpx.HTTPError: There is no answer.
    """
    answer = httpx.get(
        url, headers=dict(headers), timeout=_LIMIT_S, verify=trusted(environ), trust_env=not is_loopback(url)
    )
    return answer.status_code, answer.content
