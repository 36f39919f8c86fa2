"""One comment for each environment on a pull request: found by its mark and its author, updated in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Comment:
    """
    A comment that exists.

    Attributes:
        path: The path to update it.
        author: Its writer, as the host knows them.
        body: As the host returns it.
        url: The page that people read it on.
    """

    path: str
    author: str
    body: str
    url: str


class PullRequest(Protocol):
    """A pull request on some host. Each of its methods raises ReviewError where the host refuses."""

    async def close(self) -> None:
        """Close every connection."""

    async def me(self) -> str:
        """Return the identity behind the token, as comments name their author."""

    async def comments(self) -> Sequence[Comment]:
        """Return every comment, the oldest first."""

    async def create(self, body: str) -> str:
        """Write a new comment, and return its page."""

    async def update(self, comment: Comment, body: str) -> None:
        """Write over a comment."""


async def put(pull_request: PullRequest, mark: str, body: str, replaced: str) -> str:
    """
    Write *body* into the one comment that begins with *mark*, and return what was done, with its URL.

    Only comments of the token's own identity are replaced: the author of any other comment could change it afterwards,
    and reviewers trust this one. Two concurrent runs may have made two; the later ones become *replaced*.

    Raises:
        ReviewError: The host refused, or did not answer.
    """
    me = await pull_request.me()
    own = [one for one in await pull_request.comments() if one.author == me and one.body.startswith(mark)]
    for late in own[1:]:
        if late.body.rstrip() != replaced.rstrip():
            await pull_request.update(late, replaced)
    if not own:
        return f"Comment created: {await pull_request.create(body)}"
    if own[0].body.rstrip() == body.rstrip():  # hosts remove blanks at the end
        return f"Comment unchanged: {own[0].url}"
    await pull_request.update(own[0], body)
    return f"Comment updated: {own[0].url}"
