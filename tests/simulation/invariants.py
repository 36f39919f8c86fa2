"""
What must hold at every request and after every run, told from outside: by what a process was answered, and what it did.

Safety, at every request
    a token goes to ARM's own origin, over https, and so does everything else
    nothing secret is in any sink: report, plan file, log
    a PUT follows a read of its resource that differs from git, half a minute old at most, and none is sent to a
        resource found running
    the body of a PUT is git's word laid over that read, and a read is whole or none
    what only reads sends no PUT; what was told to stop begins none
    one PUT of a resource at a time; after one that was taken none; after one without an answer a read first
    a request is tried 5 times at most, a refusal once, and all repeats together stay within the budget of a run
    nothing is sent before ARM's Retry-After has passed: neither the same again, nor what is throttled together with it
Truth, after every run
    in sync, created, updated: only what a read showed; to be created: only what a read said is not there
    an operation that ended badly made nothing; a 404 or an old answer in the minute after a PUT says nothing
    every resource has one outcome, and the exit code agrees with all of them

Liveness is :meth:`tests.simulation.play.Play.settle`'s: it needs more than one process.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.kinds.live import Live
from reconciler.model.change import Action, Plan, Sync
from reconciler.model.outcome import Result
from reconciler.plan.body import put_body
from reconciler.plan.decide import Policy, decide
from reconciler.secret.text import reveal
from tests.simulation import resources
from tests.simulation.resources import CANARY, PATHS, RUNNING, Facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.clock import Clock
    from reconciler.model.change import Change
    from reconciler.model.desired import Desired
    from reconciler.model.outcome import Outcome, Report
    from tests.simulation.faults import Reply, Request

QUERY_PATH: Final = "/providers/microsoft.resourcegraph/resources"
"""Of the one POST, which only reads."""
ORIGIN: Final = "https://management.azure.com"
TRIES: Final = 5
FREE_REPEATS: Final = 20
REPEAT_SHARE: Final = 0.15
REPEATED: Final = frozenset({408, 429, 500, 502, 503, 504})
LONGEST_ASKED_S: Final = 600.0
SLACK_S: Final = 1e-3  # what adding floats loses
_LOST: Final = frozenset({408, 500, 502, 503, 504})
_ABSENT: Final = frozenset({"ResourceNotFound", "ParentResourceNotFound", "ResourceGroupNotFound"})
_BAD_ENDS: Final = frozenset({"failed", "canceled", "cancelled"})
_TOO_EARLY: Final = frozenset({"OperationNotFound", "ResourceNotFound", "DidNotStick"})
GRACE_S: Final = 60.0
FRESH_S: Final = 30.0
_ENDED: Final = frozenset({"failed", "canceled"})


class Violation(AssertionError):  # noqa: N818 (what it is called in every text about invariants)
    """
    Something did not hold that must always hold.

    Attributes:
        story: What happened until then.
    """

    story: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """
    What a process was last told of one resource.

    Attributes:
        body: None where it is not there.
        alone: Whether by a read of the resource itself, not by a list.
        at: When.
    """

    body: dict[str, Any] | None
    alone: bool
    at: float


@dataclass(slots=True)
class Try:
    """
    How far one request has come.

    Attributes:
        count: How often it was sent.
        status: Of the last answer; 0 for none.
        until: Before which ARM asked not to send it again.
    """

    count: int = 0
    status: int = 0
    until: float = 0.0


@dataclass(slots=True)
class Watch:
    """
    Looks over the shoulder of one process.

    Attributes:
        stated: Facts by folded id, as git has them for this process.
        desired: What the product made of them, for the body of a PUT alone.
        writes: Whether the process may.
        tokens: The true ones.
        found: The violations.
        reads: What it was last told.
        planned: What each resource was when a saved plan was made; None without one.
        windows: What ARM asked not to be sent, since when and until when; of a loop's rounds together.
        code: The exit code; None as long as it has none.
        failed_at: When the failure of each resource was told.
    """

    number: int
    stated: Mapping[str, Facts]
    desired: Mapping[str, Desired]
    writes: bool = True
    tokens: set[str] = field(default_factory=set)
    found: list[str] = field(default_factory=list)
    reads: dict[str, Read] = field(default_factory=dict)
    planned: Mapping[str, Facts | None] | None = None
    windows: list[tuple[tuple[str, bool], float, float]] = field(default_factory=list)
    stopped_at: float | None = None
    code: int | None = None
    puts: Counter[str] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    failed_at: dict[str, float] = field(default_factory=dict)
    _taken_at: dict[str, float] = field(default_factory=dict)
    _operations: dict[str, str] = field(default_factory=dict)
    _ended_badly: set[str] = field(default_factory=set)
    _in_flight: set[str] = field(default_factory=set)
    _unanswered: set[str] = field(default_factory=set)
    _pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    _held: dict[str, tuple[float, float]] = field(default_factory=dict)
    _sent: int = 0
    _repeats: int = 0

    def violated(self, text: str) -> None:
        """Keep a violation."""
        self.found.append(f"process {self.number}: {text}")

    # ---------------------------------------------------------------------------------------------- each request

    def sent(self, request: Request) -> None:
        """Judge a request as it arrives."""
        self._goes_to_arm(request)
        self._waits_as_asked(request)
        if request.method != "GET" and (request.method, request.key) != ("POST", QUERY_PATH):
            self._may_be_written(request)

    def _goes_to_arm(self, request: Request) -> None:
        if request.origin != ORIGIN:
            self.violated(f"a request went to {request.origin}, {'with' if request.token else 'without'} a token")
        elif request.token not in self.tokens:
            self.violated(f"{request.method} {request.path} carries no token that was given")

    def _waits_as_asked(self, request: Request) -> None:
        for scope, since, until in self.windows:
            if scope == request.scope and since < request.at < until - SLACK_S:
                self.violated(f"{request.method} {request.path} at {request.at:g}, asked to wait until {until:g}")
        since, until = self._held.get(f"{request.method} {request.key}", (0.0, 0.0))
        if since < request.at < until - SLACK_S:
            self.violated(f"{request.method} {request.path} again at {request.at:g}, asked to wait until {until:g}")

    def _may_be_written(self, request: Request) -> None:
        key = request.key
        self.puts[key] += 1
        if request.method != "PUT" or not self.writes:
            self.violated(f"{request.method} {key} by what only reads")
        if self.stopped_at is not None and request.at > self.stopped_at:
            self.violated(f"PUT {key} after the process was told to stop")
        if key in self._in_flight:
            self.violated(f"two PUTs of {key} at the same time")
        if key in self._taken_at:
            self.violated(f"PUT {key} again after one was taken")
        if key in self._unanswered:
            self.violated(f"PUT {key} again after one without an answer, and no read in between")
        self._in_flight.add(key)
        known = self.reads.get(key)
        if known is None or not known.alone or key not in self.stated:
            self.violated(f"PUT {key} without a read of it")
        else:
            self._follows_from(request, known)

    def _follows_from(self, request: Request, known: Read) -> None:
        """Judge a PUT by the read before it: that it is called for, and that it is built from it."""
        key, read = request.key, known.body
        desired, stated = self.desired[key], self.stated[key]
        kind = desired.kind.name
        if read is not None and resources.state(read) in RUNNING:
            self.violated(f"PUT {key}, which was found {resources.state(read)}")
        if request.at > known.at + FRESH_S + SLACK_S:
            self.violated(f"PUT {key} on a read that is {request.at - known.at:g} s old")
        if read is not None and not self._differs(key, read):
            self.violated(f"PUT {key}, and a read had shown no difference")
        if self.planned is not None and self.puts[key] == 1 and self.planned.get(key) != self._seen(key):
            self.violated(f"PUT {key}, which is not as it was when the plan was saved")
        body = orjson.loads(request.content)
        live = {} if read is None else read
        lost = resources.tags(live).items() - resources.tags(body).items()
        if any(name not in PATHS[kind] for name, _ in lost):
            self.violated(f"PUT {key} forgets what somebody else set: {sorted(lost)}")
        wrong = [name for name, path in PATHS[kind].items() if resources.read(body, path) != stated[name]]
        if wrong:
            self.violated(f"PUT {key} does not say what git says of {wrong}")
        if body != self._expected(desired, read):
            self.violated(f"the body of PUT {key} is not made of the read before it")

    def _differs(self, key: str, body: Mapping[str, Any]) -> bool:
        """Whether a PUT is called for: of a difference, or to mend an operation that ended badly."""
        return not self._agrees(key, body) or resources.state(body) in _ENDED

    def _agrees(self, key: str, body: Mapping[str, Any]) -> bool:
        """Whether a body says what git says; of content that no answer shows, its digest tells."""
        desired = self.desired[key]
        if desired.digest is not None and resources.digest(body) != desired.digest:
            return False
        return not resources.differences(desired.kind.name, self.stated[key], body)

    def _expected(self, desired: Desired, body: dict[str, Any] | None) -> Any:
        if body is None:
            decision = None
            made = put_body(desired, None, decide(desired, Live({}), Policy()).comparison, Policy().tracking)
        else:
            decision = decide(desired, Live(desired.kind.seal(body)), Policy())
            made = put_body(desired, decision.live, decision.comparison, Policy().tracking)
        return orjson.loads(orjson.dumps(reveal(made)))

    def answered(self, request: Request, reply: Reply | None, clock: Clock, now: float) -> None:
        """Keep what a process is told; *reply* is None where the connection breaks."""
        if request.method == "PUT":
            self._in_flight.discard(request.key)
            if reply is None or reply.status in _LOST:
                self._unanswered.add(request.key)
            elif 200 <= reply.status < 300:
                self._taken(request, reply, now)
        if reply is None:
            return
        status, asked = reply.status, asked_s(reply.headers, clock)
        if status == 429 and 0 < asked <= LONGEST_ASKED_S:
            self.windows.append((request.scope, now, now + asked))
        elif 0 < asked <= LONGEST_ASKED_S and (request.kind == "poll" or (request.kind == "put" and status >= 400)):
            self._held[f"{request.method} {request.key}"] = (now, now + asked)
        if request.kind == "get":
            self._told(request, reply, now)
        elif request.kind == "list":
            self._listed(request, reply, now)
        elif request.kind == "poll":
            self._polled(request, reply)

    def _taken(self, request: Request, reply: Reply, now: float) -> None:
        self._taken_at[request.key] = now
        operation = reply.headers.get("azure-asyncoperation", "").partition("?")[0]
        self._operations[operation.lower().removeprefix(ORIGIN)] = request.key

    def _polled(self, request: Request, reply: Reply) -> None:
        body = reply.json() if 200 <= reply.status < 300 else None
        word = body.get("status") if isinstance(body, dict) else None
        if isinstance(word, str) and word.lower() in _BAD_ENDS and request.key in self._operations:
            self._ended_badly.add(self._operations[request.key])

    def _told(self, request: Request, reply: Reply, now: float) -> None:
        key, body = request.key, reply.json()
        if _is_absent(reply, body):
            if "expand" in request.query:
                return  # its replication was asked for: whether the resource is there, another read tells
            self.reads[key] = Read(None, alone=True, at=now)
        elif 200 <= reply.status < 300 and _is_resource(body) and body["id"].lower() == key:
            self.reads[key] = Read(body, alone=True, at=now)
        else:
            return
        self._unanswered.discard(key)

    def _listed(self, request: Request, reply: Reply, now: float) -> None:
        """Keep what a list says once all its pages were told: only then is anything missing from it."""
        body = reply.json()
        if _is_absent(reply, body):
            self._pages[request.key] = {}
        elif not 200 <= reply.status < 300 or not isinstance(body, dict) or not isinstance(body.get("value"), list):
            return
        else:
            pages = self._pages.setdefault(request.key, {}) if "skiptoken" in request.query else {}
            self._pages[request.key] = pages
            pages |= {element["id"].lower(): element for element in body["value"] if "id" in element}
            if body.get("nextLink"):
                return
        for key in self.stated:
            element = self._pages[request.key].get(key)
            if key.rpartition("/")[0] == request.key and (element is None or _is_resource(element)):
                self.reads[key] = Read(element, alone=False, at=now)

    # ---------------------------------------------------------------------------------------------- each repetition

    def tries(self, attempt: Try, now: float) -> None:
        """Judge one more try of a request."""
        attempt.count += 1
        self._sent += 1
        if attempt.count == 1:
            return
        if attempt.count > TRIES:
            self.violated(f"a request was tried {attempt.count} times")
        if attempt.status and attempt.status not in REPEATED:
            self.violated(f"a request was repeated after {attempt.status}")
        if now < attempt.until - SLACK_S:
            self.violated(f"a request was repeated at {now:g}, asked to wait until {attempt.until:g}")
        self._repeats += not (attempt.status == 429 and attempt.until)
        if self._repeats > FREE_REPEATS + 1 + REPEAT_SHARE * self._sent:
            self.violated(f"{self._repeats} repeats in {self._sent} requests")

    # -------------------------------------------------------------------------------------------------- each run

    def sinks(self, what: str, text: str) -> None:
        """Judge what can be read by others."""
        if CANARY in text:
            at = text.index(CANARY)
            self.violated(f"{what} shows a secret: …{text[max(0, at - 40) : at]}")

    def planned_truly(self, plan: Plan) -> None:
        """Judge a plan by what was read for it."""
        for change in plan.changes:
            key = change.desired.key
            if change.action is Action.CREATE and not self._is_absent(change.desired):
                self.violated(f"{key} is to be created, and nothing said that it is not there")
            if change.action is Action.NONE and change.sync is Sync.IN_SYNC and not self._is_in_sync(key):
                self.violated(f"{key} is said to be in sync, and no read showed that")

    def _is_absent(self, desired: Desired) -> bool:
        key: str | None = desired.key
        while key is not None:
            known = self.reads.get(key)
            if known is not None:
                return known.body is None
            key = key.rpartition("/")[0].rpartition("/")[0] if "/applications/" in key else None
        return False

    def _is_in_sync(self, key: str) -> bool:
        """Whether the last read said what git says; what ended badly is in sync too, and its health tells."""
        known = self.reads.get(key)
        return known is not None and known.body is not None and self._agrees(key, known.body)

    def snapshot(self) -> dict[str, Facts | None]:
        """Return what every resource was when it was last read."""
        return {key: self._seen(key) for key in self.stated}

    def _seen(self, key: str) -> Facts | None:
        known = self.reads.get(key)
        if known is None or known.body is None:
            return None
        tagged = {f"tag {name}": value for name, value in resources.tags(known.body).items()}
        return resources.facts(self.desired[key].kind.name, known.body) | tagged

    def ended(self, report: Report, code: int) -> None:
        """Judge what a run that was not killed says of itself."""
        self.code = code
        writes = {Action.CREATE, Action.UPDATE, Action.WAIT}
        due = {change.desired.key for change in report.plan.changes if change.action in writes}
        if due != set(report.outcomes) or any(self.finished[key] != 1 for key in due):
            self.violated(f"{sorted(due)} were to be done, and the outcomes are of {sorted(report.outcomes)}")
        for key, outcome in report.outcomes.items():
            self._ended_truly(key, outcome)
        bad = any(_is_bad(change, report.outcomes.get(change.desired.key)) for change in report.plan.changes)
        if code != int(bad):
            self.violated(f"the exit code is {code}, and the outcomes say {int(bad)}")

    def _ended_truly(self, key: str, outcome: Outcome) -> None:
        if outcome.result is Result.SUCCEEDED and not self.puts[key]:
            self.violated(f"{key} is said to be written, and no PUT was sent")
        if outcome.result in {Result.SUCCEEDED, Result.UNCHANGED} and not self._is_in_sync(key):
            self.violated(f"{key} is said to be {outcome.result}, and no read showed that")
        if outcome.result is Result.SUCCEEDED and self._state(key) != "succeeded":
            self.violated(f"{key} is said to be {outcome.result}, and was last read {self._state(key)}")
        if outcome.result is Result.SUCCEEDED and key in self._ended_badly:
            self.violated(f"{key} is said to be {outcome.result}, and its operation ended badly")
        code = outcome.error.code if outcome.error else ""
        if code in _TOO_EARLY and self.failed_at.get(key, 0.0) - self._taken_at.get(key, -GRACE_S) < GRACE_S - SLACK_S:
            self.violated(f"{key} is given up for {code} within {GRACE_S:g} s of its PUT")
        if outcome.error is not None and code == "InternalError":
            self.violated(f"{key} met a bug: {outcome.error.message}")

    def _state(self, key: str) -> str:
        known = self.reads.get(key)
        return resources.state(known.body) if known is not None and known.body is not None else "absent"


def _is_bad(change: Change, outcome: Outcome | None) -> bool:
    if outcome is None:
        return change.action in {Action.BLOCKED, Action.UNKNOWN}
    if outcome.result is None:
        return True  # it was to be written, and was not
    return outcome.result not in {Result.SUCCEEDED, Result.UNCHANGED}


def _is_absent(reply: Reply, body: Any) -> bool:
    wrong = body.get("error") if isinstance(body, dict) else None
    return reply.status == 404 and isinstance(wrong, dict) and wrong.get("code") in _ABSENT


def _is_resource(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("id"), str) and isinstance(body.get("properties"), dict)


def asked_s(headers: Mapping[str, str], clock: Clock) -> float:
    """Return the seconds that an answer asks to wait; 0 for what makes no sense."""
    milliseconds, asked = headers.get("x-ms-retry-after-ms", ""), headers.get("retry-after", "")
    if milliseconds.isascii() and milliseconds.isdecimal():
        return int(milliseconds) / 1000
    if asked.isascii() and asked.isdecimal():
        return float(asked)
    try:
        return (parsedate_to_datetime(asked) - clock.now()).total_seconds()
    except ValueError:
        return 0.0
