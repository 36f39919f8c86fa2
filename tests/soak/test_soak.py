"""Rounds of the loop with one trouble after another: each is written, recorded and noticed once, and nothing grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.soak.play import MEMORY, TROUBLES, Size, Soak, Trouble, Violation, flat, soak

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.slow
def test_rounds(tmp_path: Path) -> None:
    """Every sort of trouble, several times."""
    played = soak(tmp_path, 1000, every=100)
    assert played.done >= 1000
    assert played.counts.keys() == TROUBLES.keys()
    flat(played.sizes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        (lambda played, ids: played.arm.puts.update(ids), "PUTs"),
        (lambda played, ids: played.hook.accepted.update(["id", "id"]), "accepted more than once"),
        (lambda played, ids: played.hook.told.update([("applied", ids[0])]), "notices"),
        (lambda played, ids: played.commits.texts.update({ids[0]: "never declared"}), "has"),
    ],
)
def test_a_violation_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: Callable[[Soak, tuple[str, ...]], None], seen: str
) -> None:
    """One PUT, notice or value that differs ends the soak."""

    def trouble(played: Soak, name: str) -> Trouble:
        made = played.drift(name)
        planted(played, made.written)
        return made

    monkeypatch.setattr("tests.soak.play.TROUBLES", {"drift": trouble})
    with pytest.raises(Violation, match=seen):
        soak(tmp_path, 30)


def test_growth_is_seen() -> None:
    """Of memory, descriptors and files."""
    start = [Size(n, 2**26, 14, 2**20) for n in range(4)]
    flat(start)
    for grown in (Size(9, 2**26 + 2 * MEMORY, 14, 2**20), Size(9, 2**26, 40, 2**20), Size(9, 2**26, 14, 2**26)):
        with pytest.raises(Violation):
            flat([*start, grown])
