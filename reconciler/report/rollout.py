"""The rollout of a version in a report: its published fields, and the words for it. Pure."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from reconciler.model.rollout import Awaited, RolloutState
from reconciler.report.resource_view import Rollout, RolloutStep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from reconciler.model.rollout import StepToCome

_UNITS: Final = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))
AWAITED: Final = {
    Awaited.REPLICATION: "its replication",
    Awaited.SOAK: "the end of its soak",
    Awaited.WINDOW: "its window",
    Awaited.GATE: "its gate",
}


def rollout_of(state: RolloutState | None) -> Rollout | None:
    """Return the place of a version in its rollout; None where no rollout has anything to say about it."""
    if state is None:
        return None
    return Rollout(
        step=state.step,
        of=state.of,
        until=_instant(state.until) if state.until is not None else None,
        waits_for=state.waits_for.value if state.waits_for is not None else None,
        regions=state.regions,
        latest=state.is_latest,
        stopped=state.stopped,
        to_come=tuple(_to_come(each) for each in state.to_come),
    )


def _to_come(step: StepToCome) -> RolloutStep:
    soak = written_duration(step.soak) if step.soak else None
    return RolloutStep(step.number, step.regions, step.is_latest, soak, step.window)


def words_of(state: RolloutState) -> Iterator[str]:
    """Yield a line about where a rollout stands, and one about the steps to come."""
    place = f"step {state.step} of {state.of}"
    what = "latest" if state.is_latest else ", ".join(state.regions) or "no region"
    if state.stopped is not None:
        yield f"rollout: stopped at {place} ({what}): {state.stopped}"
    elif state.waits_for is not None:
        until = f" until {_instant(state.until)}" if state.until is not None else ""
        note = f": {state.note}" if state.note else ""
        yield f"rollout: {place} ({what}) waits for {AWAITED[state.waits_for]}{until}{note}"
    else:
        does = "includes its regions in latest" if state.is_latest else f"adds {what}, excluded from latest"
        yield f"rollout: {place} {does}"
    if state.to_come:
        yield f"then {'; '.join(map(_step_words, state.to_come))}"


def _step_words(step: StepToCome) -> str:
    what = "latest" if step.is_latest else ", ".join(step.regions)
    soak = f", soak {written_duration(step.soak)}" if step.soak else ""
    window = f", window {step.window}" if step.window else ""
    return f"step {step.number}: {what}{soak}{window}"


def written_duration(duration: timedelta) -> str:
    """Return a duration as the project file writes it, in the largest unit that it is a whole number of."""
    for unit, length in _UNITS:
        if duration and not duration % length:
            return f"{duration // length}{unit}"
    return f"{duration // timedelta(seconds=1)}s"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
