"""The repository of the loop: finds out what :mod:`reconciler.service.source` asks for, and does what it decides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from reconciler import filesystem
from reconciler.azure.stopping import unless_stopped
from reconciler.errors import ManifestError, PathError, UsageError
from reconciler.http.concurrency import in_daemon_thread
from reconciler.problems import SOURCE_REJECTED, Problem
from reconciler.service.source import (
    MOST_COMMITS,
    Ask,
    Keep,
    Known,
    Take,
    next_step,
    refused_links,
    root_of,
    to_verify,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.history.mirror import Mirror
    from reconciler.service.source import Next, Terms

T = TypeVar("T")
_STEP_S: Final = 900.0
_FIX: Final = "correct it with a new commit; until then, the commit in force stays"
_NONE_YET: Final = "correct it with a new commit: nothing is read until a commit is taken"


@dataclass(frozen=True, slots=True)
class Found:
    """
    The result of a look at the repository.

    Attributes:
        commit: In force; None if none was ever taken.
        tree: The folder of its files.
        rejected: The problem of the newest commit; None where it is the one in force.
        mistakes: Of its manifests.
    """

    commit: str | None
    tree: Path | None
    rejected: Problem | None = None
    mistakes: tuple[Problem, ...] = ()


@dataclass(slots=True)
class Watched:
    """
    A ref of a repository that the loop follows.

    Attributes:
        mirror: Its copy.
        terms: The operator's rules for a commit.
        folder: Of the manifests, from the top of the repository.
        config: The project file, likewise; None to look for it.
    """

    mirror: Mirror
    terms: Terms
    folder: str
    config: str | None = None
    _mistakes: tuple[Problem, ...] = field(default=())

    async def look(self, read: Callable[[], object], stop: asyncio.Event) -> Found:
        """
        Fetch the newest commit, and take it if it may be taken.

        Args:
            read: Reads the manifests in the working folder, and raises what is wrong with them.
            stop: Set when the run is interrupted.

        Raises:
            Interrupted: The run was interrupted.
        """
        self._mistakes = ()
        known = await self._known(stop)
        while not isinstance(step := next_step(known, self.terms), Take | Keep):
            known = await self._find_out(step, known, read, stop)
        return self._kept(step, known) if isinstance(step, Keep) else await self._taken(step.commit, known, stop)

    async def _taken(self, commit: str, known: Known, stop: asyncio.Event) -> Found:
        try:
            await self._do(lambda: self.mirror.take(commit), stop)
        except (UsageError, PathError, TimeoutError) as error:
            return self._kept(Keep(f"it cannot be recorded: {error}", commit), known)
        return Found(commit, self.mirror.tree(commit))

    def _kept(self, step: Keep, known: Known) -> Found:
        commit = known.in_force if known.in_force is not None and self.mirror.has_tree(known.in_force) else None
        name = f"commit {step.commit[:12]}" if step.commit else "the newest commit"
        where = f"{self.mirror.ref} of --git-repo"
        fix = _FIX if commit else _NONE_YET
        problem = Problem(where, None, None, "", SOURCE_REJECTED, f"{name} is not taken: {step.cause}", fix)
        return Found(commit, self.mirror.tree(commit) if commit else None, problem, self._mistakes)

    async def _known(self, stop: asyncio.Event) -> Known:
        """Return the facts before the look; the files of the commit in force are written again if they are missing."""
        commit = self.mirror.in_force()
        if commit is None:
            return Known()
        if not self.mirror.has_tree(commit):
            try:
                await self._do(lambda: self._unpack(commit), stop)
            except (UsageError, PathError, TimeoutError):
                return Known(in_force=commit)
        return Known(in_force=commit, has_tree=True)

    async def _find_out(self, step: Ask, known: Known, read: Callable[[], object], stop: asyncio.Event) -> Known:
        try:
            if step is Ask.MISTAKES:
                return replace(known, mistakes=self._read(str(known.newest), read))
            return await self._do(lambda: self._answered(step, known), stop)
        except (UsageError, PathError) as error:
            return replace(known, failure=str(error))
        except TimeoutError:
            self.mirror.stop()
            return replace(known, failure=f"git took longer than {_STEP_S:g} s")

    def _answered(self, step: Next, known: Known) -> Known:
        """Find out one fact by git; blocks."""
        newest = str(known.newest)
        match step:
            case Ask.NEWEST:
                return replace(known, newest=self.mirror.newest())
            case Ask.IS_FORWARD:
                return replace(known, is_forward=self.mirror.is_forward(str(known.in_force), newest))
            case Ask.RANGE:
                return replace(known, range=self.mirror.range(*to_verify(known, self.terms), MOST_COMMITS))
            case Ask.IS_VERIFIED:
                unsigned = self.mirror.unsigned(known.range or ())
                if unsigned is None:
                    return replace(known, is_verified=True)
                message = f"commit {unsigned[0][:12]} has no valid signature of an allowed signer ({unsigned[1]})"
                return replace(known, failure=message)
            case Ask.LINKS:
                links, files = self.mirror.links(newest, self.folder), self.mirror.files(newest)
                return replace(known, links=refused_links(links, files, self.folder))
            case _:
                self._unpack(newest)
                return replace(known, is_unpacked=True)

    def _unpack(self, commit: str) -> None:
        self.mirror.unpack(commit, root_of(self.mirror.files(commit), self.folder, self.config))

    def _read(self, commit: str, read: Callable[[], object]) -> str:
        """Return why the manifests of a commit are wrong; empty if they are right."""
        try:
            filesystem.enter(self.mirror.tree(commit))
            read()
        except ManifestError as error:
            self._mistakes = error.problems
            first, number = error.problems[0], len(error.problems)
            more = f", and {number - 1} more" if number > 1 else ""
            line = f":{first.line}" if first.line else ""
            return f"its manifests have errors: {first.file}{line}: {first.message}{more}"
        except (UsageError, PathError) as error:
            return f"its manifests cannot be used: {error}"
        return ""

    async def _do(self, work: Callable[[], T], stop: asyncio.Event) -> T:
        """Run git in a thread; it is stopped when the run is interrupted."""
        try:
            return await unless_stopped(in_daemon_thread(work, _STEP_S), stop)
        finally:
            if stop.is_set():
                self.mirror.stop()
