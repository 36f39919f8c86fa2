"""A fact about Azure as a value: its sentence, the requests that it needs, and a pure judgement of their answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reconciler.values import JsonObject

COMPUTE: Final = "2022-03-03"
COMPUTE_NEWER: Final = "2024-03-03"
COMPUTE_NEWEST: Final = "2025-03-03"
SOLUTIONS: Final = "2019-07-01"
SOLUTIONS_NEWER: Final = "2021-07-01"
UNKNOWN: Final = "1900-01-01"
UNKNOWN_VERSION: Final = (
    "NoRegisteredProviderFound",
    "InvalidApiVersionParameter",
    "UnsupportedApiVersion",
    "InvalidResourceType",
    "InvalidParameter",  # azure-cli#21572: from Compute, while a version is rolled out
)
"""Codes of an api-version that a type does not have, in this cloud or at all."""

Method: TypeAlias = Literal["GET", "LIST", "PUT"]


class Need(StrEnum):
    """Something that a run may lack, as the reason why a fact is not tried."""

    PACKAGE = "RECONCILER_LIVE_PACKAGE is not set: a version needs the link to a package"
    SCRIPT = "RECONCILER_LIVE_SCRIPT is not set: a version of a script needs the link to a script"
    SECOND_LOCATION = "RECONCILER_LIVE_SECOND_LOCATION is not set: a region can leave only where there are two"
    CONTACT = "RECONCILER_LIVE_CONTACT is not set: a gallery is shared with the community only on request"
    AZURE = "the endpoint is on this machine: only Azure reads the links of packages"


class State(StrEnum):
    """The result of one fact."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Step:
    """
    One request. A step of one name is sent once, by the first fact that needs it.

    Attributes:
        path: ARM id, or the collection of a list.
        version: Its api-version.
        body: Of a PUT.
        query: Further parameters.
        needs: The run must have all of them.
        after: Steps that must have succeeded before.
        waits: Whether a PUT is followed to its end before the next step; otherwise before the next fact.
    """

    name: str
    method: Method
    path: str
    version: str
    body: JsonObject = field(default_factory=dict, repr=False)
    query: str | None = None
    needs: tuple[Need, ...] = ()
    after: tuple[Step, ...] = ()
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """
    The answer to one step.

    Attributes:
        headers: By lower-case name.
        body: The resource, the error, or ``{"value": […]}`` with all pages of a list.
        polls: The bodies of the polls of its operation, in order; filled while it runs.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: JsonObject = field(repr=False)
    polls: list[JsonObject] = field(default_factory=list, repr=False)

    @property
    def code(self) -> str:
        """ARM's code of an error; empty without one."""
        error = self.body.get("error")
        return str(error.get("code", "")) if isinstance(error, dict) else ""

    @property
    def words(self) -> str:
        """Status and code of the answer."""
        return f"{self.status} {self.code}".rstrip()

    @property
    def is_accepted(self) -> bool:
        """Whether the status is 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def end(self) -> str:
        """The last state of its operation, with the code of its error; empty without an operation."""
        last = self.polls[-1] if self.polls else {}
        error = last.get("error")
        code = f" {error.get('code', '')}" if isinstance(error, dict) else ""
        return f"{last.get('status', '')}{code}"

    def at(self, path: str) -> Any:
        """Return the value at a dotted path of the body; numbers are places in lists. MISSING where there is none."""
        value: Any = self.body
        for step in path.split("."):
            if isinstance(value, dict) and step in value:
                value = value[step]
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                return MISSING
        return value


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    The judgement of one fact.

    Attributes:
        expected: As the fact has it, where it differs.
        got: As ARM answered, where it differs.
        words: The reason why it was not tried, or the one of several known forms that was answered.
    """

    state: State
    expected: Any = None
    got: Any = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """
    One fact.

    Attributes:
        id: Stable, in words joined by hyphens.
        sentence: The fact, as the code relies on it.
        source: Where it comes from: documented, recorded, reported or inferred, and by whom.
        steps: Its requests, in order.
        judge: Takes the answers to the steps, in their order.
        is_about_versions: Whether it judges the refusal of an api-version; otherwise it is not tried then.
    """

    id: str
    sentence: str
    source: str
    steps: tuple[Step, ...]
    judge: Callable[..., Verdict]
    is_about_versions: bool = False


def holds(words: str = "") -> Verdict:
    """Return the verdict that a fact holds, with the known form that was answered."""
    return Verdict(State.HOLDS, words=words)


def differs(expected: Any, got: Any) -> Verdict:
    """Return the verdict that ARM answers something else."""
    return Verdict(State.DIFFERS, expected, got)


def not_tried(reason: str) -> Verdict:
    """Return the verdict that a fact could not be judged."""
    return Verdict(State.NOT_TRIED, words=reason)


def equal(expected: Any, got: Any) -> Verdict:
    """Return whether the two values are one; dictionaries have no order."""
    return holds() if expected == got else differs(expected, got)


def says(expected: Any, take: Callable[..., Any]) -> Callable[..., Verdict]:
    """Return a judgement: all answers are accepted, and *take* finds the expected value in them."""

    def judge(*seen: Seen) -> Verdict:
        refused = first_refused(seen)
        return differs(expected, refused.words) if refused else equal(expected, take(*seen))

    return judge


def made(path: str) -> Callable[..., Verdict]:
    """Return a judgement of the last answer: it is accepted, and has a text at *path*."""

    def judge(*seen: Seen) -> Verdict:
        value = seen[-1].at(path)
        if seen[-1].is_accepted and isinstance(value, str):
            return holds()
        return differs("a text of the server", value if seen[-1].is_accepted else seen[-1].words)

    return judge


def unchanged(take: Callable[[Seen], Any]) -> Callable[..., Verdict]:
    """Return a judgement: all answers are accepted, and *take* finds the same value in the first and the last."""

    def judge(*seen: Seen) -> Verdict:
        refused = first_refused(seen)
        return differs(take(seen[0]), refused.words) if refused else equal(take(seen[0]), take(seen[-1]))

    return judge


def one_of(forms: Mapping[str, Any], take: Callable[..., Any]) -> Callable[..., Verdict]:
    """
    Return a judgement for which several answers are known, or none is.

    Args:
        forms: The answers by the words for them.
        take: Returns one of them from the answers, all of which must be accepted.
    """

    def judge(*seen: Seen) -> Verdict:
        refused = first_refused(seen)
        got = refused.words if refused else take(*seen)
        form = next((words for words, expected in forms.items() if refused is None and expected == got), None)
        return holds(form) if form else differs(" or ".join(forms), got)

    return judge


def refused(status: int, *codes: str, target: str | None = None) -> Callable[..., Verdict]:
    """
    Return a judgement of the last answer: a refusal.

    Args:
        status: HTTP's.
        codes: Those that are known; any, where none is.
        target: The end of the property that ARM names, in any case; None where none is known.
    """

    def judge(*seen: Seen) -> Verdict:
        last = seen[-1]
        if last.is_accepted and last.end.lower() not in {"", "succeeded"}:
            return differs(_refusal(status, codes, target), f"{last.status}, then {last.end}")
        named = str(last.at("error.target"))
        is_named = target is None or named.lower().endswith(target.lower())
        if last.status == status and (not codes or last.code in codes) and is_named:
            return holds("" if len(codes) == 1 else last.code)
        return differs(_refusal(status, codes, target), f"{last.words} ({named})" if target else last.words)

    return judge


def refused_with(*codes: str) -> Callable[..., Verdict]:
    """Return a judgement of the last answer: a refusal with one of *codes*, at any status."""

    def judge(*seen: Seen) -> Verdict:
        last = seen[-1]
        is_known = not last.is_accepted and last.code in codes
        return holds(last.words) if is_known else differs(" or ".join(codes), last.words)

    return judge


def _refusal(status: int, codes: Sequence[str], target: str | None) -> str:
    return f"{status} {' or '.join(codes)}{f' ({target})' if target else ''}"


def first_refused(seen: Sequence[Seen]) -> Seen | None:
    """Return the first answer that is no acceptance."""
    return next((each for each in seen if not each.is_accepted), None)


def accepted_or(codes: Sequence[str]) -> Callable[..., Verdict]:
    """Return a judgement of the last answer: accepted, or refused with one of *codes*; any, where there is none."""

    def judge(*seen: Seen) -> Verdict:
        last = seen[-1]
        if last.is_accepted:
            return holds("accepted")
        if codes and last.code not in codes:
            return differs(f"accepted, or {' or '.join(codes)}", last.words)
        return holds(f"refused: {last.words}")

    return judge


_OUTSIDE: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "the sign-in was refused",
    HTTPStatus.FORBIDDEN: "the identity, or a policy, does not allow the request",
    HTTPStatus.TOO_MANY_REQUESTS: "the request was throttled",
}
_OUTSIDE_CODES: Final = frozenset({"MissingSubscriptionRegistration", "ScopeLocked", "DisallowedProvider"})


def obstacle(seen: Seen) -> str | None:
    """Return why an answer says nothing of any fact: rights, limits, registration, an outage; None where it does."""
    if seen.status in _OUTSIDE:
        return f"{_OUTSIDE[seen.status]}: {seen.words}"
    if seen.code in _OUTSIDE_CODES or seen.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"ARM answered {seen.words}"
    return None


def _lag(step: Step, seen: Seen) -> str | None:
    """Return that the cloud does not know the newer api-version of a step; None if it does, or the step has none."""
    is_newer = step.version not in {COMPUTE, SOLUTIONS}
    is_refused = seen.code in UNKNOWN_VERSION and seen.code != "InvalidParameter"
    return f"this cloud does not know api-version {step.version}: {seen.words}" if is_newer and is_refused else None


def verdict(fact: Fact, answers: Sequence[Seen | str]) -> Verdict:
    """
    Return the judgement of a fact.

    Args:
        fact: The fact.
        answers: One for each of its steps; a text is the reason why a step has none.
    """
    reason = next((answer for answer in answers if isinstance(answer, str)), None)
    if reason is not None:
        return not_tried(reason)
    seen = [answer for answer in answers if isinstance(answer, Seen)]
    lags = () if fact.is_about_versions else map(_lag, fact.steps, seen)
    outside = next(filter(None, (*map(obstacle, seen), *lags)), None)
    return not_tried(outside) if outside else fact.judge(*seen)


def missing_step(step: Step, available: frozenset[Need], answers: Mapping[str, Seen | str]) -> str | None:
    """Return why a step cannot be sent: something that the run lacks, or an earlier step; None if it can."""
    lacking = next((need.value for need in step.needs if need not in available), None)
    if lacking:
        return lacking
    for earlier in step.after:
        answer = answers[earlier.name]
        if isinstance(answer, str):
            return answer
        if not answer.is_accepted:
            return f"it needs `{earlier.name}`, and ARM answered {answer.words}"
        if answer.end.lower() not in {"", "succeeded"}:
            return f"it needs `{earlier.name}`, and its operation ended with {answer.end}"
    return None
