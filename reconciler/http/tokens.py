"""Who gives the Authorization header of a request, and what follows when a service refuses it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from reconciler.errors import AuthError

if TYPE_CHECKING:
    from reconciler.http.answer import Answer
    from reconciler.secret.text import Secret


class TokenSource(Protocol):
    """Gives the bearer tokens for one service."""

    async def token(self, realm: str) -> Secret | None:
        """
        Return the token for a request; None where none is sent.

        Args:
            realm: The part of the service that the request is for; empty for the whole.

        Raises:
            AuthError: There is no token.
        """

    async def renew(self, realm: str, refused: Answer) -> None:
        """
        Replace the token for *realm* that the service refused with a 401.

        Raises:
            AuthError: There is no other token.
        """

    def close(self) -> None:
        """Close connections to the sign-in service."""


@dataclass(frozen=True, slots=True)
class NoToken:
    """
    For a service that needs no token.

    Attributes:
        fix: The next step where the service wants one all the same.
    """

    fix: str | None = None

    async def token(self, realm: str) -> Secret | None:  # noqa: ARG002
        """Return nothing."""
        return None

    async def renew(self, realm: str, refused: Answer) -> None:  # noqa: ARG002
        """Raise the error of the refusal: no token was sent."""
        error = refused.service.words(refused)
        raise AuthError(replace(error, fix=self.fix or error.fix))

    def close(self) -> None:
        """Do nothing: no connection is open."""


@dataclass(frozen=True, slots=True)
class StaticToken:
    """One token for the whole service; there is no other."""

    value: Secret

    async def token(self, realm: str) -> Secret | None:  # noqa: ARG002
        """Return the token."""
        return self.value

    async def renew(self, realm: str, refused: Answer) -> None:  # noqa: ARG002
        """Raise the error of the refusal."""
        raise AuthError(refused.service.words(refused))

    def close(self) -> None:
        """Do nothing: no connection is open."""
