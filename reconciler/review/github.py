"""
Comments on a pull request of GitHub or GitHub Enterprise.

"REST API endpoints for issue comments" (docs.github.com): a pull request's conversation is that of its issue. Only
GraphQL names the identity behind every kind of token: ``GET /user`` is refused to the token of a workflow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import ReviewError
from reconciler.review.host import Facts, Host, text_in
from reconciler.review.sticky import Comment

if TYPE_CHECKING:
    from reconciler.review.host import Api

_GITHUB: Final = Facts(
    name="GitHub",
    setting="GITHUB_API_URL",
    fixes={
        HTTPStatus.UNAUTHORIZED: "give a token that is valid in GITHUB_TOKEN",
        HTTPStatus.FORBIDDEN: (
            "give the job `permissions: pull-requests: write`; on a pull request from a fork the token cannot write"
        ),
        HTTPStatus.NOT_FOUND: "check the repository and the number, and that the token can see them",
        HTTPStatus.UNPROCESSABLE_ENTITY: "check the pull request: is it locked?",
    },
    request_id=("x-github-request-id",),
    headers={"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"},
)
_NEXT: Final = re.compile(r'<([^<>]+)>\s*;\s*rel="next"')
_MOST_PAGES: Final = 50
"""Of a hundred comments. GitHub lets an issue have 2,500."""


@dataclass(slots=True)
class GitHubPullRequest:
    """
    One pull request.

    Attributes:
        repository: ``OWNER/NAME``.
        graphql: URL of GraphQL, on the origin of the API.
    """

    host: Host
    repository: str
    number: int
    graphql: str

    @classmethod
    def open(cls, api: Api, repository: str, number: int) -> GitHubPullRequest:
        """Return a pull request behind the API of its host, such as ``https://api.github.com``."""
        # GitHub Enterprise Server has /api/v3 and /api/graphql ("Forming calls with GraphQL", docs.github.com).
        graphql = f"{api.url.removesuffix('/v3')}/graphql"
        return cls(Host.open(_GITHUB, api), repository, number, graphql)

    async def close(self) -> None:
        """Close every connection."""
        await self.host.close()

    async def me(self) -> str:
        """Return the login behind the token: ``github-actions[bot]`` for that of a workflow."""
        said = self.host.json(await self.host.ask(self.graphql, {"query": "{viewer{login}}"}))
        try:
            login = said["data"]["viewer"]["login"]
        except (KeyError, TypeError):
            raise self.host.unusable() from None
        return str(login)

    async def comments(self) -> list[Comment]:
        """Return every comment, page by page; the link to the next page is followed on the same origin only."""
        found: list[Comment] = []
        link = f"{self._path}?per_page=100"
        for _ in range(_MOST_PAGES):
            answer = await self.host.read(link)
            items = self.host.json(answer)
            if not isinstance(items, list):
                raise self.host.unusable()
            found.extend(self._comment(item) for item in items)
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return found
            link = following[1]
        message = f"GitHub gave more than {_MOST_PAGES} pages of comments"
        raise ReviewError(message)

    async def create(self, body: str) -> str:
        """Write a new comment, and return its page."""
        return self._comment(self.host.json(await self.host.write("POST", self._path, {"body": body}))).url

    async def update(self, comment: Comment, body: str) -> None:
        """Replace a comment."""
        await self.host.write("PATCH", comment.path, {"body": body})

    @property
    def _path(self) -> str:
        return f"/repos/{self.repository}/issues/{self.number}/comments"

    def _comment(self, item: Any) -> Comment:
        try:
            author = text_in(item["user"]["login"]) if item["user"] else ""  # a deleted account has no name
            path = f"/repos/{self.repository}/issues/comments/{int(item['id'])}"
            return Comment(path, author, text_in(item["body"]), str(item["html_url"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise self.host.unusable() from None
