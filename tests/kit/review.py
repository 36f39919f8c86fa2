"""
Stands for the hosts where people review, on loopback: what `reconciler comment` asks of GitHub and of Azure DevOps.

Written from their documentation ("REST API endpoints for issue comments", docs.github.com; "Pull Request Threads",
learn.microsoft.com), and not from the code that asks.
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN: Final = "CANARY-token"
BOT: Final = "github-actions[bot]"
SERVICE: Final = "6f0c7d52-9b0e-4a63-8a5e-2d5a6f3b9c11"
SOMEBODY: Final = "a-colleague"


@dataclass
class Request:
    """One received request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: Any


@dataclass
class Reply:
    """One answer to send."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class ReviewHost(ABC):
    """
    A host with one pull request.

    Attributes:
        faults: Answers given instead, to the next requests of a method.
        requests: All that came in.
    """

    faults: list[tuple[str, Reply]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen from now on."""
        host = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                parts = urlsplit(self.path)
                content = json.loads(self.rfile.read(length)) if length else None
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, parts.path, parse_qs(parts.query), headers, content)
                reply = host.answer(request)
                packed = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in {"content-type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(packed)))
                self.end_headers()
                self.wfile.write(packed)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_one  # noqa: N815 (their names)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Reply:
        """Return the answer that is due: a fault, a refusal of the token, or the host's own."""
        self.requests.append(request)
        for place, (method, reply) in enumerate(self.faults):
            if method == request.method:
                del self.faults[place]
                return reply
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"message": "Bad credentials"})
        return self.serve(request)

    @abstractmethod
    def serve(self, request: Request) -> Reply:
        """Answer what is allowed."""

    def sent(self, *methods: str) -> list[tuple[str, str]]:
        """Return method and path of the requests that came in."""
        return [(one.method, one.path) for one in self.requests if not methods or one.method in methods]


@dataclass
class GitHub(ReviewHost):
    """
    GitHub, and one pull request of ``acme/estate``.

    Attributes:
        bodies: By number of comment: the author and the text.
        page: Comments on a page; the size in the request is ignored.
        base: Path of the REST API; ``/api/v3`` for GitHub Enterprise Server.
        next_host: Where the link to the next page leads; the host itself unless stated.
    """

    number: int = 7
    bodies: dict[int, tuple[str, str]] = field(default_factory=dict)
    page: int = 100
    base: str = ""
    next_host: str = ""

    def variables(self) -> dict[str, str]:
        """Return what the runner sets, without the file of the event."""
        return {
            "GITHUB_API_URL": self.url + self.base,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": "acme/estate",
        }

    def serve(self, request: Request) -> Reply:
        """Answer GraphQL's viewer, and the comments of the pull request."""
        issues = f"{self.base}/repos/acme/estate/issues"
        graphql = "/api/graphql" if self.base else "/graphql"
        match request.method, request.path:
            case "POST", path if path == graphql:
                return Reply(200, {"data": {"viewer": {"login": BOT}}})
            case "GET", path if path == f"{issues}/{self.number}/comments":
                return self._page(int(request.query.get("page", ["1"])[0]), path)
            case "POST", path if path == f"{issues}/{self.number}/comments":
                number = max(self.bodies, default=100) + 1
                self.bodies[number] = (BOT, request.body["body"])
                return Reply(201, self._comment(number))
            case "PATCH", path if path.startswith(f"{issues}/comments/"):
                number = int(path.rpartition("/")[2])
                self.bodies[number] = (self.bodies[number][0], request.body["body"])
                return Reply(200, self._comment(number))
            case _:
                return Reply(404, {"message": "Not Found"})

    def _comment(self, number: int) -> dict[str, Any]:
        author, text = self.bodies[number]
        url = f"https://github.example/acme/estate/pull/{self.number}#issuecomment-{number}"
        return {"id": number, "user": {"login": author} if author else None, "body": text, "html_url": url}

    def _page(self, page: int, path: str) -> Reply:
        numbers = sorted(self.bodies)
        shown = numbers[(page - 1) * self.page : page * self.page]
        headers = {}
        if page * self.page < len(numbers):
            link = f"{self.next_host or self.url}{path}?per_page=100&page={page + 1}"
            headers["link"] = f'<{link}>; rel="next", <{self.url}{path}?page=9>; rel="last"'
        return Reply(200, [self._comment(number) for number in shown], headers)


@dataclass
class AzureDevOps(ReviewHost):
    """
    Azure DevOps, and one pull request in the project ``Our Estate``.

    Attributes:
        threads: As the API gives them.
    """

    number: int = 7
    threads: list[dict[str, Any]] = field(default_factory=list)

    def variables(self) -> dict[str, str]:
        """Return what the agent sets, and the token that the step maps."""
        return {
            "SYSTEM_COLLECTIONURI": f"{self.url}/acme/",
            "SYSTEM_TEAMPROJECT": "Our Estate",
            "BUILD_REPOSITORY_ID": "repo-id",
            "SYSTEM_PULLREQUEST_PULLREQUESTID": str(self.number),
            "SYSTEM_ACCESSTOKEN": TOKEN,
        }

    def serve(self, request: Request) -> Reply:
        """Answer who asks, and the threads of the pull request."""
        threads = f"/acme/Our%20Estate/_apis/git/repositories/repo-id/pullRequests/{self.number}/threads"
        if "api-version" not in request.query:
            return Reply(400, {"message": "No api-version was supplied"})
        match request.method, request.path:
            case "GET", "/acme/_apis/connectionData":
                return Reply(200, {"authenticatedUser": {"id": SERVICE}})
            case "GET", path if path == threads:
                return Reply(200, {"value": self.threads, "count": len(self.threads)})
            case "POST", path if path == threads:
                return Reply(200, self.add(SERVICE, **request.body))
            case "PATCH", path if path.startswith(f"{threads}/"):
                thread, _, comment = path.removeprefix(f"{threads}/").partition("/comments/")
                (found,) = (one for one in self.threads if one["id"] == int(thread))
                (said,) = (one for one in found["comments"] if one["id"] == int(comment))
                said["content"] = request.body["content"]
                return Reply(200, said)
            case _:
                return Reply(404, {"message": "Not found"})

    def add(self, author: str, *, comments: list[dict[str, Any]], status: int) -> dict[str, Any]:
        """Open a thread."""
        said = [{"id": number, "author": {"id": author}, **one} for number, one in enumerate(comments, 1)]
        thread = {"id": len(self.threads) + 41, "status": status, "comments": said, "isDeleted": False}
        self.threads.append(thread)
        return thread
