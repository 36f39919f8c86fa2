"""
Lets Azure read package blobs: which signature goes into a link, just before a PUT. Pure.

Every PUT of a version needs a blob that Azure can read, that of a changed date too ("VM Applications",
learn.microsoft.com).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.kinds import Kind
    from reconciler.model import JsonObject
    from reconciler.secret import Secret, SecretUrl


@dataclass(frozen=True, slots=True)
class Grant:
    """
    A signature for every blob below a prefix.

    Attributes:
        prefix: Scheme, host and the first parts of the path.
    """

    prefix: str
    signature: Secret

    def covers(self, base: str) -> bool:
        """Whether a link is below the prefix: the same host, and whole parts of the path."""
        try:
            prefix, link = urlsplit(self.prefix), urlsplit(base)
        except ValueError:
            return False
        if (prefix.scheme.lower(), prefix.netloc.lower()) != (link.scheme.lower(), link.netloc.lower()):
            return False
        parts = [part for part in prefix.path.split("/") if part]
        return [part for part in link.path.split("/") if part][: len(parts)] == parts


def with_access(kind: Kind, body: JsonObject, grants: Sequence[Grant]) -> JsonObject:
    """
    Give *body* with the signature of the longest prefix that fits in every link to a blob.

    Where none fits, the link keeps the query part that it has.
    """

    def granted(link: SecretUrl) -> SecretUrl:
        fitting = [grant for grant in grants if grant.covers(link.base)]
        best = max(fitting, key=lambda grant: len(grant.prefix), default=None)
        return link.with_query(best.signature) if best else link

    return kind.map_links(body, granted) if grants else body
