"""
The folder of ``--cache``: what earlier runs found valid and in sync.

A file that was changed, is of another version, half-written or unreadable counts as absent. It holds digests and
api-versions, and nothing of a resource with a secret; it is no proof of who wrote it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler import __version__, filesystem
from reconciler.errors import PathError
from reconciler.manifests.sound import Sound
from reconciler.plan.verdicts import Verdicts
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_BYTES: Final = 256 * 1024 * 1024
_FORMAT: Final = 1


@dataclass(slots=True)
class Cache:
    """
    One file of the folder: that of one project, environment, cloud and selection of paths.

    Attributes:
        file: Its path.
        sound: Documents without a mistake.
        verdicts: Resources in sync.
    """

    file: Path
    sound: Sound = field(default_factory=lambda: Sound(__version__))
    verdicts: Verdicts = field(default_factory=lambda: Verdicts(__version__))

    def save(self) -> Iterator[Problem]:
        """Write the file, where it has changed; yield a warning if that fails."""
        if self.sound.kept == self.sound.known and self.verdicts.kept == self.verdicts.known:
            return
        content = {"format": _FORMAT, "sound": sorted(self.sound.kept), "inSync": self.verdicts.kept}
        text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
        try:
            filesystem.write(self.file, f"{_digest(text.encode())}\n{text}\n", private=True)
        except PathError as error:
            fix = "correct --cache, or make room on its disk; the next run computes everything again"
            yield Problem(str(self.file), None, None, "", "cache-unusable", f"the cache was not written: {error}", fix)


def open_cache(folder: Path, scope: str) -> Cache:
    """Return the cache of a scope; an empty one where its file is not exactly as this version wrote it."""
    file = folder / f"{scope}.json"
    try:
        data = filesystem.read(file, _MOST_BYTES)
    except PathError:
        return Cache(file)
    found = _content(data)
    if found is None:
        return Cache(file)
    sound, verdicts = found
    return Cache(file, Sound(__version__, frozenset(sound)), Verdicts(__version__, verdicts))


def _content(data: bytes) -> tuple[list[str], dict[str, str]] | None:
    digest, _, text = data.rstrip(b"\n").partition(b"\n")
    if digest.decode("ascii", "replace") != _digest(text):
        return None
    try:
        content: Any = orjson.loads(text)
    except ValueError:
        return None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return None
    sound, verdicts = content.get("sound"), content.get("inSync")
    if not isinstance(sound, list) or not isinstance(verdicts, dict):
        return None
    return (sound, verdicts) if all(isinstance(each, str) for each in (*sound, *verdicts.values())) else None


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
