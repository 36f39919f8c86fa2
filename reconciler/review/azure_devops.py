"""
Threads on a pull request of Azure DevOps.

"Pull Request Threads", "Pull Request Thread Comments" (learn.microsoft.com). A new thread is closed, since a policy
may require every open one to be resolved before the merge. Threads are listed without pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from reconciler.review.host import Facts, Host, text_in
from reconciler.review.sticky import Comment

if TYPE_CHECKING:
    from reconciler.review.host import Api

_VERSION: Final = "api-version=7.0"
_TOKEN: Final = "map SYSTEM_ACCESSTOKEN: $(System.AccessToken) into the step"  # noqa: S105 (no token, but how to give one)
_AZURE_DEVOPS: Final = Facts(
    name="Azure DevOps",
    setting="SYSTEM_COLLECTIONURI",
    fixes={
        # A request without a valid token is redirected to the sign-in page, or gets that page at once with 203.
        HTTPStatus.NON_AUTHORITATIVE_INFORMATION: _TOKEN,
        HTTPStatus.FOUND: _TOKEN,
        HTTPStatus.UNAUTHORIZED: _TOKEN,
        HTTPStatus.FORBIDDEN: ("grant the build service identity `Contribute to pull requests` on the repository"),
        HTTPStatus.NOT_FOUND: (
            "check the repository and the number, and that the build service identity may read them"
        ),
    },
    request_id=("x-vss-e2eid", "activityid"),
)
_ODD: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)
"""Exceptions of reading an answer of another shape."""
_TEXT: Final = 1
_CLOSED: Final = 4


@dataclass(slots=True)
class AzureDevOpsPullRequest:
    """
    One pull request.

    Attributes:
        collection: URL of the organization.
        project: Its name, or its id.
        repository: Its id, or its name.
    """

    host: Host
    collection: str
    project: str
    repository: str
    number: int

    @classmethod
    def open(cls, api: Api, project: str, repository: str, number: int) -> AzureDevOpsPullRequest:
        """Return a pull request behind the API of its organization."""
        return cls(Host.open(_AZURE_DEVOPS, api), api.url, project, repository, number)

    async def close(self) -> None:
        """Close every connection."""
        await self.host.close()

    async def me(self) -> str:
        """Return the id of the identity behind the token."""
        said = self.host.json(await self.host.read("/_apis/connectionData?api-version=7.0-preview.1"))
        try:
            return str(said["authenticatedUser"]["id"])
        except _ODD:
            raise self.host.unusable() from None

    async def comments(self) -> list[Comment]:
        """Return the first comment of every thread; replies belong to other people."""
        said = self.host.json(await self.host.read(f"{self._threads}?{_VERSION}"))
        try:
            return [
                self._comment(thread)
                for thread in said["value"]
                if thread.get("comments") and not thread.get("isDeleted") and not thread["comments"][0].get("isDeleted")
            ]
        except _ODD:
            raise self.host.unusable() from None

    async def create(self, body: str) -> str:
        """Open a thread, and return its page."""
        first = {"parentCommentId": 0, "content": body, "commentType": _TEXT}
        thread = {"comments": [first], "status": _CLOSED}
        said = self.host.json(await self.host.write("POST", f"{self._threads}?{_VERSION}", thread))
        try:
            return self._comment(said).url
        except _ODD:
            raise self.host.unusable() from None

    async def update(self, comment: Comment, body: str) -> None:
        """Replace a comment."""
        await self.host.write("PATCH", f"{comment.path}?{_VERSION}", {"content": body})

    @property
    def _threads(self) -> str:
        place = f"{quote(self.project, safe='')}/_apis/git/repositories/{quote(self.repository, safe='')}"
        return f"/{place}/pullRequests/{self.number}/threads"

    def _comment(self, thread: Any) -> Comment:
        number, first = int(thread["id"]), thread["comments"][0]
        page = f"{quote(self.project, safe='')}/_git/{quote(self.repository, safe='')}/pullrequest/{self.number}"
        return Comment(
            path=f"{self._threads}/{number}/comments/{int(first['id'])}",
            author=str(first["author"]["id"]),
            body=text_in(first.get("content")),
            url=f"{self.collection}/{page}?discussionId={number}",
        )
