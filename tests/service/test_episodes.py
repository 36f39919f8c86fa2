"""Episodes against a second reading of the whole sequence of rounds, and the rules one by one."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.packaged import packaged
from reconciler.model.change import Action, Cause
from reconciler.model.outcome import Report, Result
from reconciler.service.conditions import Condition, Event, stalled
from reconciler.service.conditions import step as conditions_step
from reconciler.service.episodes import Book, Episode, How, oldest, step
from reconciler.service.notices import of_episodes, of_states
from tests.kit.bench import desired_of
from tests.kit.clock import START
from tests.kit.rounds import (
    ELSEWHERE,
    MISSING,
    PATHS,
    UNKNOWN,
    WAITS,
    change_of,
    gallery,
    problem,
    report_of,
    seen,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.service.episodes import Step

INTERVAL = timedelta(minutes=5)


def told(reports: list[Report], after: int = 2) -> tuple[list[Episode], list[Step]]:
    """Return the episodes of a sequence of reports, five minutes apart, and the effect of each."""
    book, steps, found = Book(), [], {}
    for number, report in enumerate(reports):
        steps.append(step(book, report, START + number * INTERVAL, after))
        book = steps[-1].book
        found.update({each.id: each for each in (*book.episodes.values(), *steps[-1].ended) if each.is_begun})
    return list(found.values()), steps


def summary(episode: Episode) -> tuple[int, int, int | None, str | None]:
    """Return the rounds in which an episode was first and last seen, the one in which it ended, and how."""
    first, last = ((at - START) // INTERVAL for at in (episode.first_seen, episode.last_seen))
    return first, last, None if episode.ended_at is None else (episode.ended_at - START) // INTERVAL, episode.how


# A round as one path of one resource sees it: present, absent, no news, written, manifest deleted.
LETTERS: Mapping[str, Report] = {
    "P": seen("tags.team"),
    "A": seen(),
    "U": UNKNOWN,
    "O": WAITS,
    "W": written("tags.team"),
    "G": ELSEWHERE,
}


def by_hand(letters: str, after: int) -> list[tuple[int, int, int | None, str | None]]:
    """
    Read episodes off the whole sequence, by a regular expression over it instead of a book kept from round to round.

    Rounds without news are left out. An episode is a run of P that is long enough, with short gaps and more P after
    it, up to a long enough gap; a W ends it, and is one where none is open.
    """
    numbers = [number for number, letter in enumerate(letters) if letter not in "UO"]
    heard = "".join(letters[number] for number in numbers)
    gap = f"[AG]{{0,{after - 1}}}"
    pattern = re.compile(
        f"(?P<body>P{{{after}}}(?:{gap}P)*)(?:(?P<written>{gap}W)|(?P<end>[AG]{{{after}}}))?"
        f"|(?P<once>P{{0,{after - 1}}}W)"
    )
    found: list[tuple[int, int, int | None, str | None]] = []
    at = 0
    while match := pattern.search(heard, at):
        at = match.end()
        first = numbers[match.start()]
        if match["once"] or match["written"]:
            found.append((first, numbers[at - 1], numbers[at - 1], "applied"))
        elif match["end"]:
            last = numbers[match.end("body") - 1]
            how = "gone" if heard[at - 1] == "G" else "healed"
            found.append((first, last, numbers[match.end("body")], how))
        else:
            found.append((first, numbers[match.end("body") - 1], None, None))
    return found


@given(letters=st.text("PPPAAAUOWG", max_size=30), after=st.integers(1, 4))
def test_as_read_by_hand(letters: str, after: int) -> None:
    """The book kept from round to round says the same as a reading of the whole sequence."""
    episodes, _ = told([LETTERS[each] for each in letters], after)
    assert sorted(map(summary, episodes)) == sorted(by_hand(letters, after))


@pytest.mark.slow
def test_every_short_sequence() -> None:
    """All sequences of six rounds of four sorts."""
    for letters in map("".join, itertools.product("PAWG", repeat=6)):
        episodes, _ = told([LETTERS[each] for each in letters])
        assert sorted(map(summary, episodes)) == sorted(by_hand(letters, 2)), letters


@given(st.lists(st.sampled_from([*LETTERS.values(), seen(*PATHS), MISSING, written(*PATHS)]), max_size=20))
def test_ids_are_unique_and_each_ends_once(reports: list[Report]) -> None:
    """An episode begins at most once, ends at most once, and never comes back."""
    _, steps = told(reports)
    ended = [each.id for one in steps for each in one.ended]
    began = [each.id for one in steps for each in one.began]
    assert len(set(ended)) == len(ended)
    assert len(set(began)) == len(began)
    open_ones = [each.id for each in steps[-1].book.episodes.values()] if steps else []
    assert not set(open_ones) & set(ended)


@given(st.lists(st.sampled_from([*LETTERS.values(), seen(*PATHS), MISSING, written(*PATHS)]), max_size=20))
def test_notices_match_episodes(reports: list[Report]) -> None:
    """Each episode that has begun is noticed once as such and once as ended, and each PUT once."""
    episodes, steps = told(reports)
    notices = [each for number, one in enumerate(steps) for each in of_episodes(one, START + number * INTERVAL)]
    assert len({each.id for each in notices}) == len(notices)
    paths = {event: sum(len(each.paths) for each in notices if each.event is event) for event in Event}
    puts = sum(each.how is How.APPLIED for each in episodes)
    assert paths[Event.APPLIED] == puts
    begun = sum(len(one.began) for one in steps)
    still_open = sum(each.ended_at is None for each in episodes)
    assert paths[Event.DRIFT_BEGAN] == begun
    assert paths[Event.DRIFT_ENDED] == begun - still_open


def test_paths_of_one_resource_are_episodes_of_their_own() -> None:
    """One heals, the other stays; each has the severity of its field."""
    episodes, _ = told([seen(*PATHS), seen(*PATHS), seen("tags.team"), seen("tags.team")])
    assert {(each.path, each.severity, each.how) for each in episodes} == {
        ("tags.team", "cosmetic", None),
        ("properties.description", "cosmetic", How.HEALED),
    }


def test_a_deleted_resource() -> None:
    """The differences of its fields are gone, and that it is missing is an episode of the whole resource."""
    episodes, _ = told([seen("tags.team"), seen("tags.team"), MISSING, MISSING])
    assert {(each.path, each.severity, each.how) for each in episodes} == {
        ("tags.team", "cosmetic", How.GONE),
        ("", "delivery", None),
    }


def test_a_manifest_that_follows() -> None:
    """The manifest declares the live value now: `declared`, and not `healed`."""
    other = report_of(change_of(gallery("b")))
    episodes, _ = told([seen("tags.team"), seen("tags.team"), other, other])
    assert [each.how for each in episodes] == [How.DECLARED]


def test_an_edit_elsewhere_is_not_a_declaration() -> None:
    """A manifest that changed at another path leaves the drift healed."""
    body = {"location": "westus", "tags": {"team": "a"}, "properties": {"description": "other"}}
    other = report_of(change_of(desired_of(packaged().kinds["Gallery"], body)))
    episodes, _ = told([seen("tags.team"), seen("tags.team"), other, other])
    assert [each.how for each in episodes] == [How.HEALED]


def test_reports_of_a_part() -> None:
    """A round with errors, or of selected manifests, says nothing about the manifests that it does not show."""
    reports = [seen("tags.team"), seen("tags.team")]
    for quiet in (replace(ELSEWHERE, is_partial=True), replace(ELSEWHERE, errors=(problem(),))):
        episodes, _ = told([*reports, quiet, quiet, quiet])
        assert [each.how for each in episodes] == [None]


@pytest.mark.parametrize("result", [Result.FAILED, Result.SKIPPED, Result.REFUSED])
def test_a_put_that_fails_ends_nothing(result: Result) -> None:
    """The difference stays, and is an episode as without the attempt."""
    episodes, _ = told([written("tags.team", result=result)] * 2)
    assert [(each.is_begun, each.how) for each in episodes] == [(True, None)]


def test_unchanged_is_in_sync() -> None:
    """A read right before the PUT found nothing left to do."""
    episodes, _ = told([seen("tags.team"), seen("tags.team"), *[written("tags.team", result=Result.UNCHANGED)] * 2])
    assert [each.how for each in episodes] == [How.HEALED]


def test_cause_and_writer_are_kept() -> None:
    """As first known, by whichever round knows them."""
    drifted = report_of(change_of(gallery(), "tags.team", cause=Cause.DRIFT, who="mallory"))
    (episode,), _ = told([seen("tags.team"), drifted, seen("tags.team")])
    assert (episode.cause, episode.who) == ("drift", "mallory")


def test_an_edit_is_an_episode_without_notice_of_drift() -> None:
    """A change that is pending in git is no drift; its apply is noticed."""
    pending = report_of(change_of(gallery(), "tags.team", cause=Cause.PENDING))
    episodes, steps = told([pending, pending, written("tags.team")])
    notices = [each.event for one in steps for each in of_episodes(one, START)]
    assert [each.how for each in episodes] == [How.APPLIED]
    assert notices == [Event.APPLIED]
    assert oldest(steps[1].book.episodes.values()) is None


def test_the_oldest_drift() -> None:
    """Of the episodes that have begun."""
    _, steps = told([seen("tags.team"), seen(*PATHS), seen(*PATHS)])
    assert oldest(steps[0].book.episodes.values()) is None
    assert oldest(steps[2].book.episodes.values()) == START


def test_a_clock_that_is_set_back() -> None:
    """No episode ends before it was last seen."""
    book = Book()
    for hours, report in ((0, seen("tags.team")), (5, seen("tags.team")), (-9, seen()), (-8, seen())):
        made = step(book, report, START + timedelta(hours=hours))
        book = made.book
    (episode,) = made.ended
    assert episode.first_seen <= episode.last_seen <= (episode.ended_at or START)


@dataclass
class Loop:
    """Rounds that keep states from one to the next."""

    conditions: Mapping[tuple[Event, str], Condition]
    heard: list[tuple[Event, str | None]]

    def hear(self, report: Report) -> None:
        """Take up one round."""
        self.conditions, begun = conditions_step(self.conditions, report, START)
        self.heard += [(each.event, each.name) for each in of_states(begun, START)]


def test_states_are_told_once() -> None:
    """A resource that stays blocked, or fails again and again, is one notice; healed and blocked again is another."""
    blocked = report_of(replace(change_of(gallery(), "tags.team"), action=Action.BLOCKED))
    failed = written("tags.team", result=Result.FAILED)
    loop = Loop({}, [])
    for report in (blocked, blocked, UNKNOWN, seen(), blocked, seen(), seen(), blocked):
        loop.hear(report)
    assert [event for event, _ in loop.heard if event is Event.BLOCKED] == [Event.BLOCKED] * 2
    loop = Loop({}, [])
    for report in (failed, seen("tags.team"), seen("tags.team"), failed, seen(), seen(), failed):
        loop.hear(report)
    assert loop.heard == [(Event.FAILED, "it")] * 2


def test_failures_of_rounds_and_commits_that_are_rejected() -> None:
    """A round without a plan is told once, and so is each commit that is not taken."""
    broken = replace(ELSEWHERE, errors=(problem(),))
    first, second = (replace(seen(), warnings=(problem("source-rejected", each),)) for each in ("1", "2"))
    loop = Loop({}, [])
    for report in (broken, broken, seen(), first, first, second, seen(), seen(), broken):
        loop.hear(report)
    assert [event for event, _ in loop.heard] == [
        Event.FAILED,
        Event.SOURCE_REJECTED,
        Event.SOURCE_REJECTED,
        Event.FAILED,
    ]


@pytest.mark.parametrize("code", ["lock-unusable", "history-unusable", "history-set-aside"])
def test_a_loop_that_cannot_write_or_remember(code: str) -> None:
    """One notice for as long as it lasts, beside that of a round which fails; other warnings are none."""
    warned = replace(seen(), warnings=(problem(code), problem("package-unknown")))
    broken = replace(ELSEWHERE, errors=(problem(),), warnings=(problem(code),))
    loop = Loop({}, [])
    for report in (warned, warned, broken, warned, seen(), warned, seen(), seen(), warned):
        loop.hear(report)
    assert [event for event, _ in loop.heard] == [Event.FAILED] * 3


def test_a_loop_that_stalls() -> None:
    """Told once, until a round succeeds again."""
    conditions: Mapping[tuple[Event, str], Condition] = {}
    heard = []
    for minutes, success in ((14, 0), (15, 0), (20, 0), (25, 24), (40, 24)):
        at, last = (START + timedelta(minutes=each) for each in (minutes, success))
        conditions, begun = stalled(conditions, last, at, 3 * INTERVAL)
        heard += [minutes for _ in begun]
    assert heard == [15, 40]
