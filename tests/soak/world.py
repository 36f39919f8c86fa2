"""The surroundings of the loop in a soak, all in this process: a clock, an ARM, a repository, a receiver of notices."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson

from tests.kit.clock import FakeClock
from tests.kit.strategies import as_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from random import Random

SUBSCRIPTION: Final = "01523d7c-60da-455e-adef-521b547922c4"
GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers"
GALLERIES: Final = 4
APPLICATIONS: Final = 49
HOOK: Final = "RECONCILER_SECRET_HOOK"
DECLARED: Final = "as declared"


class Wall(FakeClock):
    """
    Virtual time, whose time of day can be set.

    Attributes:
        set_by: Seconds by which the time of day is off.
    """

    set_by = 0.0

    def now(self) -> datetime:
        """Return the time of day as it is set."""
        return super().now() + timedelta(seconds=self.set_by)

    async def sleep(self, seconds: float) -> None:
        """Sleep, and keep no list of it: a soak sleeps millions of times."""
        await super().sleep(seconds)
        self.slept.clear()


def gallery_id(number: int) -> str:
    """Return the id of a gallery."""
    return f"{GROUP}/Microsoft.Compute/galleries/g{number}"


APPLICATION_IDS: Final = tuple(
    f"{gallery_id(number)}/applications/a{each}" for number in range(GALLERIES) for each in range(APPLICATIONS)
)
"""All but the galleries: 200 resources with them."""


def _document(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    where = {"subscriptionId": SUBSCRIPTION, "resourceGroupName": "rg"}
    return {"apiVersion": "reconciler.dev/v1", "kind": kind, "metadata": {"name": name}, "spec": {**where, **spec}}


def _files(texts: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files of a commit; *texts* are the descriptions by id, where they are not the usual one."""
    notify = [{"type": "cloudevents", "url": {"$env": HOOK}}]
    project = {"apiVersion": "reconciler.dev/v1", "kind": "Project", "metadata": {"name": "soak"}}
    files = {"reconciler.yaml": as_yaml([{**project, "spec": {"notify": notify}}])}
    for number in range(GALLERIES):
        name = f"g{number}"
        documents = [_document("Gallery", name, galleryName=name, location="westus")]
        for each in range(APPLICATIONS):
            text = texts.get(f"{gallery_id(number)}/applications/a{each}", DECLARED)
            own = {"galleryName": name, "galleryApplicationName": f"a{each}", "location": "westus"}
            properties = {"supportedOSType": "Linux", "description": text}
            documents.append(_document("GalleryApplication", f"{name}-a{each}", **own, properties=properties))
        files[f"manifests/{name}.yaml"] = as_yaml(documents)
    return files


@dataclass
class Commits:
    """
    A repository and the copy of it, as :class:`reconciler.history.mirror.Mirror` shows them; a commit is a number.

    Attributes:
        folder: Holds the files of commits.
        head: The newest commit.
        texts: Descriptions of the newest commit that is to be in force, by id.
    """

    folder: Path
    ref: str = "refs/heads/main"
    head: str = "0"
    texts: dict[str, str] = field(default_factory=dict)
    _made: int = 0
    _contents: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _parents: dict[str, str] = field(default_factory=dict)
    _in_force: str | None = None

    def commit(self, *, on: str | None, is_wrong: bool = False) -> None:
        """Make *texts* the newest commit, above *on*, or above none as a force-push does."""
        self._made += 1
        self.head = f"{self._made:040x}"
        files = _files(self.texts)
        if is_wrong:
            files["manifests/g0.yaml"] = b"kind: ["
        self._contents[self.head] = files
        if on is not None:
            self._parents[self.head] = on

    @property
    def good(self) -> str:
        """The commit in force."""
        return self._in_force or self.head

    def in_force(self) -> str | None:
        """Return the commit in force."""
        return self._in_force

    def tree(self, commit: str) -> Path:
        """Return the folder of its files."""
        return self.folder / commit

    def has_tree(self, commit: str) -> bool:
        """Return whether they are there."""
        return self.tree(commit).is_dir()

    def newest(self) -> str:
        """Fetch."""
        return self.head

    def is_forward(self, old: str, new: str) -> bool:
        """Return whether *new* descends from *old*."""
        at: str | None = new
        while at is not None and at != old:
            at = self._parents.get(at)
        return at == old

    def files(self, commit: str) -> frozenset[str]:
        """Return the names of its files."""
        return frozenset(self._contents[commit])

    def links(self, commit: str, folder: str) -> list[Any]:
        """Return no link."""
        return []

    def unpack(self, commit: str, root: str) -> None:
        """Write its files."""
        for name, content in self._contents[commit].items():
            path = self.tree(commit) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def take(self, commit: str) -> None:
        """Put it in force, and forget the others."""
        self._in_force = commit
        for old in [each for each in self._contents if each != commit]:
            del self._contents[old]
            shutil.rmtree(self.tree(old), ignore_errors=True)
        self._parents = {commit: self._parents[commit]} if commit in self._parents else {}

    def stop(self) -> None:
        """Do nothing: no git runs."""


@dataclass
class Arm:
    """
    The embedded ARM, behind faults.

    Attributes:
        puts: That the service got, by path.
        faults: What happens to the next requests of each method, in place of an answer.
    """

    app: Any
    puts: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[int]] = field(default_factory=dict)

    @property
    def state(self) -> Arm:
        """Itself: a client that ends must not end the world."""
        return self

    @property
    def world(self) -> Arm:
        """Itself, as above."""
        return self

    def close(self) -> None:
        """Do nothing."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request: a fault of 0 is a broken connection, any other number a status."""
        method = scope["method"]
        if waiting := self.faults.get(method):
            status = waiting.pop()
            if not status:
                message = "connection refused"
                raise httpx.ConnectError(message)
            headers = [(b"retry-after", b"20"), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            body = orjson.dumps({"error": {"code": "Planned", "message": "planned"}})
            await send({"type": "http.response.body", "body": body})
            return
        if method == "PUT":
            self.puts[scope["path"]] += 1
        await self.app(scope, receive, send)


@dataclass
class Hook:
    """
    A receiver of notices, which refuses every so often.

    Attributes:
        chance: Of refusals.
        accepted: How often each id was accepted.
        told: Events and their subjects, each as often as it was accepted.
    """

    chance: Random
    accepted: Counter[str] = field(default_factory=Counter)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one notice, or refuse it."""
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        event = orjson.loads(body)
        is_refused = self.chance.random() < 0.1
        if not is_refused:
            self.accepted[event["id"]] += 1
            self.told[event["type"].rpartition(".")[2], event.get("subject", "")] += 1
        await send({"type": "http.response.start", "status": 500 if is_refused else 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
