"""The judgements of facts, on answers that are made up."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reconciler.secret.text import Secret
from tests.kit.canary import traces
from tests.kit.repository import ROOT
from tests.live.fact import (
    Fact,
    Need,
    Seen,
    State,
    Step,
    accepted_or,
    differs,
    made,
    missing_step,
    not_tried,
    one_of,
    refused,
    says,
    unchanged,
    verdict,
)
from tests.live.facts import all_facts
from tests.live.facts.applications import changed_or_refused
from tests.live.facts.galleries import states, unlike, without_system_data
from tests.live.report import line, remains, summary
from tests.live.stage import Stage, is_read, is_written

STAGE = Stage("01523d7c-60da-455e-adef-521b547922c4", "rg", "7", "westeurope", "northeurope", None, "a@example.com")
GET = Step("get", "GET", STAGE.gallery, "2022-03-03")


def seen(status: int = 200, body: dict[str, Any] | None = None, *polls: dict[str, Any]) -> Seen:
    """Return an answer."""
    return Seen(status, {}, body or {}, list(polls))


def error(status: int, code: str, target: str = "") -> Seen:
    """Return a refusal."""
    return seen(status, {"error": {"code": code, "target": target}})


def fact(judge: Any, *steps: Step) -> Fact:
    """Return a fact."""
    return Fact("it", "it is so", "documented", steps or (GET,), judge)


def take(*answers: Seen) -> Any:
    """Return the value that the facts of these tests are about."""
    return answers[-1].at("properties.list.0.name")


def body(value: Any) -> dict[str, Any]:
    """Return a body with that value."""
    return {"properties": {"list": [{"name": value}]}}


@pytest.mark.parametrize(
    ("judge", "answers", "state"),
    [
        (says("a", take), [seen(body=body("a"))], State.HOLDS),
        (says("a", take), [seen(body=body("b"))], State.DIFFERS),
        (says("a", take), [seen()], State.DIFFERS),
        (says("a", take), [error(409, "Conflict"), seen(body=body("a"))], State.DIFFERS),
        (one_of({"one": "a", "two": "b"}, take), [seen(body=body("b"))], State.HOLDS),
        (one_of({"one": "a", "two": "b"}, take), [seen(body=body("c"))], State.DIFFERS),
        (one_of({"one": "404 NotFound"}, take), [error(404, "NotFound")], State.DIFFERS),
        (unchanged(take), [seen(body=body("a")), seen(), seen(body=body("a"))], State.HOLDS),
        (unchanged(take), [seen(body=body("a")), seen(body=body("b"))], State.DIFFERS),
        (unchanged(take), [seen(body=body("a")), error(400, "No")], State.DIFFERS),
        (made("properties.list.0.name"), [seen(body=body("a"))], State.HOLDS),
        (made("properties.list.0.name"), [seen(body=body(1))], State.DIFFERS),
        (made("properties.list.1.name"), [seen(body=body("a"))], State.DIFFERS),
        (made("error.code"), [error(400, "No")], State.DIFFERS),
        (refused(409, "Conflict"), [error(409, "Conflict")], State.HOLDS),
        (refused(409), [error(409, "Anything")], State.HOLDS),
        (refused(409, "Conflict"), [error(400, "Conflict")], State.DIFFERS),
        (refused(409, "Conflict"), [error(409, "Other")], State.DIFFERS),
        (refused(409, "Conflict"), [seen(200)], State.DIFFERS),
        (refused(409, "No", target="a.b"), [error(409, "No", "gallery.A.b")], State.HOLDS),
        (refused(409, "No", target="a.b"), [error(409, "No", "gallery.c")], State.DIFFERS),
        (refused(409, "No"), [seen(200, {}, {"status": "Failed", "error": {"code": "No"}})], State.DIFFERS),
        (accepted_or(("No",)), [seen()], State.HOLDS),
        (accepted_or(("No",)), [error(400, "No")], State.HOLDS),
        (accepted_or(("No",)), [error(400, "Other")], State.DIFFERS),
        (accepted_or(()), [error(400, "Other")], State.HOLDS),
    ],
)
def test_a_judgement(judge: Any, answers: list[Seen], state: State) -> None:
    """A fact holds, or differs, by the answers to its steps."""
    steps = tuple(Step(f"step {number}", "GET", STAGE.gallery, "2022-03-03") for number in range(len(answers)))
    assert verdict(fact(judge, *steps), answers).state is state


@pytest.mark.parametrize(
    "answer",
    [
        "it needs a package",
        error(401, "InvalidAuthenticationToken"),
        error(403, "AuthorizationFailed"),
        error(429, "TooManyRequests"),
        error(409, "MissingSubscriptionRegistration"),
        error(409, "ScopeLocked"),
        error(503, "ServerTimeout"),
    ],
)
def test_rights_limits_and_outages_refute_nothing(answer: Seen | str) -> None:
    """A fact is not tried where its answer is about something else, and names the reason."""
    judged = verdict(fact(refused(409)), [answer])
    assert judged.state is State.NOT_TRIED
    assert (answer if isinstance(answer, str) else answer.code) in judged.words


PUT = Step("put", "PUT", STAGE.gallery, "2022-03-03")
AFTER = Step("after", "GET", STAGE.gallery, "2022-03-03", needs=(Need.PACKAGE,), after=(PUT,))


@pytest.mark.parametrize(
    ("available", "answer", "is_sent"),
    [
        ({Need.PACKAGE}, seen(201), True),
        ({Need.PACKAGE}, seen(201, {}, {"status": "InProgress"}, {"status": "Succeeded"}), True),
        ({Need.PACKAGE}, seen(201, {}, {"status": "Failed", "error": {"code": "No"}}), False),
        ({Need.PACKAGE}, error(409, "Conflict"), False),
        ({Need.PACKAGE}, "there was no answer", False),
        (set(), seen(201), False),
    ],
)
def test_a_step_waits_for_what_it_needs(available: set[Need], answer: Seen | str, is_sent: bool) -> None:  # noqa: FBT001
    """A step is sent where the run has all it needs, and the steps before it ended well."""
    assert (missing_step(AFTER, frozenset(available), {"put": answer}) is None) is is_sent


RUNNING = {"status": "InProgress", "startTime": "-", "name": "x"}
ENDED = {"status": "Succeeded", "startTime": "-", "name": "x", "endTime": "-"}


@pytest.mark.parametrize(
    ("polls", "words"),
    [
        ([ENDED], "Succeeded"),
        ([RUNNING, RUNNING, ENDED], "InProgress, Succeeded"),
        ([{"status": "Failed", "startTime": "-"}], "Failed, without name"),
        ([], ""),
    ],
)
def test_the_states_of_an_operation(polls: list[dict[str, Any]], words: str) -> None:
    """Each once, in their order, with the members that are missing."""
    assert states(seen(201, {}, *polls)) == words


ONE = {"id": "/One", "location": "here", "systemData": {"lastModifiedAt": "-", "lastModifiedBy": "-"}}


@pytest.mark.parametrize(
    ("listed", "differing"),
    [
        ([{"id": "/other"}, ONE], []),
        ([{**ONE, "tags": {}, "location": "there"}], ["location", "tags"]),
        ([{"id": "/one"}], ["id", "location", "systemData"]),
        ([{"id": "/other"}], ["id", "location", "systemData"]),
    ],
)
def test_a_list_is_compared_with_a_get(listed: list[dict[str, Any]], differing: list[str]) -> None:
    """By the members of the resource, which is found by its folded id."""
    assert unlike(seen(200, ONE), seen(200, {"value": listed})) == differing


def test_system_data_is_looked_for_in_a_list() -> None:
    """Both members that "last modified" needs."""
    assert without_system_data(seen(200, ONE), seen(200, {"value": [ONE]})) == []
    bare = {**ONE, "systemData": {"lastModifiedAt": "-"}}
    assert without_system_data(seen(200, ONE), seen(200, {"value": [bare]})) == ["lastModifiedBy"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([seen(), seen(), seen(body=body("b"))], "changed"),
        ([seen(), seen(), seen(body=body("a"))], "unchanged"),
        ([seen(), error(409, "No", "x"), seen(body=body("a"))], "refused: 409 No x"),
    ],
)
def test_a_change_is_recorded(answers: list[Seen], words: str) -> None:
    """Where it is unknown whether a member can change, the answer is recorded."""
    judged = changed_or_refused("properties.list.0.name", "a", "b")(*answers)
    assert (judged.state, judged.words) == (State.HOLDS, words)


def test_facts_are_well_formed() -> None:
    """Each has an id of its own, a sentence and a source; steps of one name are one request."""
    facts = all_facts(STAGE)
    steps: dict[str, Step] = {}
    for each in facts:
        assert each.sentence
        assert not each.sentence.endswith(".")
        assert each.source.startswith(("documented", "recorded", "reported", "inferred", "unknown", "code of"))
        for step in _all_steps(each.steps):
            assert steps.setdefault(step.name, step) == step
    assert len({each.id for each in facts}) == len(facts) >= 40
    writes = [step for step in steps.values() if step.method == "PUT"]
    assert all(is_written(STAGE, step.path) for step in writes)
    assert all(is_read(STAGE, step.path) for step in steps.values() if step.method != "PUT")


def _all_steps(steps: tuple[Step, ...]) -> list[Step]:
    return [found for step in steps for found in (*_all_steps(step.after), step)]


def test_the_page_names_every_setting_and_only_real_facts() -> None:
    """The settings of a run, and the facts that record the answers to open questions."""
    page = (ROOT / "docs" / "proved.md").read_text(encoding="utf-8")
    settings = (ROOT / "tests" / "live" / "settings.py").read_text(encoding="utf-8")
    names = re.findall(r'values, "([A-Z_]+)"', settings)
    assert set(re.findall(r"^\| `RECONCILER_LIVE_([A-Z_]+)`", page, re.MULTILINE)) == set(names)
    recorded = page.partition("| recorded by |")[2]
    cells = [row.rpartition(" | ")[2] for row in recorded.splitlines() if row.startswith("| ")]
    found = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    assert found
    assert found <= {each.id for each in all_facts(STAGE)}


BELOW = STAGE.group_id
OTHER = BELOW.replace("/rg", "/other")


@pytest.mark.parametrize(
    "path",
    [
        f"{BELOW}",
        f"{BELOW}/providers/Microsoft.Compute/galleries/tools",
        f"{BELOW}/providers/Microsoft.Compute/galleries/rcnlive77",
        f"{BELOW}/providers/Microsoft.Compute/galleries/rcnlive7/../tools",
        f"{BELOW}/providers/Microsoft.Compute/galleries/rcnlive7/applications/tools",
        f"{BELOW}/providers/Microsoft.Compute/galleries/rcnlive7?x",
        f"{BELOW}/providers/Microsoft.Compute/virtualMachines/rcnlive7",
        f"{OTHER}/providers/Microsoft.Compute/galleries/rcnlive7",
        f"/{STAGE.gallery}",
        f"https://example.com{STAGE.gallery}",
        f"{STAGE.gallery}/applications/rcnlive7/versions/1.0.0/x",
        f"{STAGE.gallery}\n",
    ],
)
def test_nothing_else_is_written(path: str) -> None:
    """A PUT leads to a resource of this run, or is no PUT of this run."""
    assert not is_written(STAGE, path)


@pytest.mark.parametrize(
    "path", ["/subscriptions/x/resourceGroups/rg", f"{BELOW}/../x", f"{BELOW}//x", "https://example.com", f"{BELOW}?x"]
)
def test_nothing_else_is_read(path: str) -> None:
    """A GET stays in the subscription."""
    assert not is_read(STAGE, path)


def test_a_difference_shows_both_values() -> None:
    """With the source of the fact, so that a reader knows which text to correct."""
    text = line(fact(None), differs({"a": [1]}, "409 Conflict"), ())
    assert text.startswith("differs")
    assert all(part in text for part in ('{"a": [1]}', "409 Conflict", "documented"))


@pytest.mark.parametrize(
    "got",
    [
        "https://a.blob.core.windows.net/b/c.zip?sig=CANARYCANARY",
        {"mediaLink": "https://a.blob.core.windows.net/b?sv=1&sig=CANARYCANARY"},
        [{"password": "CANARYCANARY"}],
        "opaque CANARYCANARY text",
    ],
)
def test_a_difference_shows_no_secret(got: Any) -> None:
    """Neither one that looks like one, nor the known signature of the package."""
    assert traces(line(fact(None), differs("CANARYCANARY", got), [Secret("CANARYCANARY")])) == []


def test_remains_come_children_first() -> None:
    """A gallery can be deleted when its applications are gone, and they when their versions are."""
    version = f"{STAGE.application}/versions/1.0.0"
    made_of = dict.fromkeys([STAGE.gallery, STAGE.application, version])
    named = [text.rpartition(" ")[2] for text in remains(made_of) if "--ids" in text]
    assert named == [version, STAGE.application, STAGE.gallery]


def test_the_summary_counts_what_was_not_reached() -> None:
    """An interrupted run says how much is left."""
    assert summary([not_tried("x"), differs(1, 2)], 5) == "5 facts: 0 holds, 1 differs, 1 not tried, 3 not reached."
