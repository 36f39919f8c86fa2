"""The arguments of one command, and the steps that need no request to Azure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from reconciler.errors import ManifestError, UsageError
from reconciler.kinds.packaged import packaged
from reconciler.manifests.boundaries import strange_storage
from reconciler.manifests.environments import in_environments
from reconciler.manifests.estate import choose, examine_project, find_project, read_estate, read_project, survey
from reconciler.manifests.memo import Memo
from reconciler.manifests.project import Project
from reconciler.manifests.salvage import ProjectFile
from reconciler.model.about import About
from reconciler.model.change import Plan
from reconciler.model.outcome import Report
from reconciler.problems import Problem
from reconciler.settings import CLOUDS, EMULATOR, permitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from reconciler.clock import Clock
    from reconciler.history.past import Past
    from reconciler.kinds.registry import Registry
    from reconciler.manifests.estate import Estate, Options, Survey
    from reconciler.manifests.sources import Sources
    from reconciler.manifests.unchanged import Unchanged
    from reconciler.model.change import LatestMove
    from reconciler.runtime.cache import Cache
    from reconciler.settings import Connection, Environment

_WITHOUT_REPORT: Final = frozenset({"explain", "snapshot", "list", "usage"})


@dataclass(frozen=True, slots=True)
class Run:
    """
    All arguments of one command.

    Attributes:
        poll_interval_s: Seconds between two reads of an operation.
        timeout_s: Seconds for one operation.
        stdin: The content of standard input, where a path names it; read once, before the run starts.
        out: The file for the plan.
        plan_file: The saved plan to apply, or to check.
        snapshot: The file of the snapshot, to write or to read.
        against: The revision that manifests are compared with.
        changed_since: The revision since which the selected manifests were edited.
        only_drift: Whether an apply repairs changes made outside git, and publishes no edit.
        registry: The kinds, and the schemas of other files.
        unchanged: The manifests of the last round of a loop; None for any other run.
        cache: Of earlier runs; None without one.
    """

    command: str
    options: Options
    connection: Connection
    environment: Environment
    clock: Clock
    poll_interval_s: float = 15.0
    timeout_s: float = 3600.0
    stdin: bytes = b""
    out: Path | None = None
    plan_file: Path | None = None
    snapshot: Path | None = None
    against: str | None = None
    changed_since: str | None = None
    only_drift: bool = False
    registry: Registry = field(default_factory=packaged)
    unchanged: Unchanged | None = None
    cache: Cache | None = None

    def read_stdin(self, limit: int) -> bytes:
        """Return the content of standard input, on every call."""
        return self.stdin[:limit]

    def check_environment(self) -> None:
        """
        Check that the project has the chosen environment, and that one was chosen if it requires one.

        Raises:
            UsageError: It has not, or none was.
        """
        if self.unchanged is not None and not self.unchanged.is_empty:
            return  # it was checked, and is again if the project file has changed
        file = find_project(self.options.paths, self.options.config)
        found = examine_project(file, self.registry) if file else ProjectFile()
        if found.is_known:
            choose(found.project, self.options.environment)

    def estate(self) -> Estate:
        """Read the manifests."""
        if self.unchanged is not None:
            estate = self.unchanged.read(self.options, self.registry, self.clock.now())
        else:
            memo = Memo(keeps=False, sound=self.cache.sound if self.cache is not None else None)
            estate = read_estate(self.options, self.registry, self.clock.now(), self.read_stdin, memo)
        if self.changed_since is None:
            return estate
        from reconciler.history.edits import is_edited  # noqa: PLC0415 (for this option only)

        before = self.past(self.changed_since, estate).desired
        edited = tuple(item for item in estate.selected if is_edited(before.get(item.key), item))
        unedited = f"no manifest was edited since {self.changed_since}" if estate.selected and not edited else ""
        return replace(estate, selected=edited, unselected=estate.unselected or unedited)

    def past(self, revision: str, known: Estate | Survey, *, is_valid: bool = True) -> Past:
        """
        Return the resources that the manifests declared where HEAD left the history of *revision*.

        Args:
            revision: As the user names it.
            known: The manifests now.
            is_valid: Whether these are without a mistake.
        """
        from reconciler.history.carried import Present  # noqa: PLC0415 (few runs look at history)
        from reconciler.history.past import History  # noqa: PLC0415 (few runs look at history)

        present = Present(known.desired, known.sources, known.project, self.options.environment)
        history = History(self.options, self.registry, self.clock.now(), present if is_valid else None)
        return history.at(history.base(revision))

    def about(self, project: str | None, sources: Sources | None = None) -> About:
        """Return the subject of this run's report: project, environment, cloud, and the commit of its manifests."""
        cloud, endpoint = self.connection.cloud, self.connection.endpoint
        asked = {} if self.command == "validate" else {"cloud": cloud, "endpoint": given_endpoint(cloud, endpoint)}
        commit = self.environment.ci.commit
        if commit is None and sources is not None:
            from reconciler.history.commit import commit_read  # noqa: PLC0415 (an import of subprocess)

            commit = commit_read(sources)
        shard = str(self.options.shard) if self.options.shard is not None else None
        return About(self.options.environment, project, commit=commit, shard=shard, **asked)

    def failed(self, error: ManifestError, started: datetime | None = None) -> Report:
        """Return the report of a run that ended at its manifests; a command without reports has validate's."""
        command = "validate" if self.command in _WITHOUT_REPORT else self.command
        now, project = self.clock.now(), self._project()
        return Report(
            command,
            started or now,
            now,
            errors=error.problems,
            warnings=error.warnings,
            about=self.about(project.name if project else None),
            receivers=project.notify if project else None,
        )

    def _project(self) -> Project | None:
        """Return the project; None where its file is wrong."""
        try:
            file = find_project(self.options.paths, self.options.config)
            return read_project(file, self.registry)[0] if file else Project()
        except (ManifestError, UsageError):
            return None


def given_endpoint(cloud: str, endpoint: str) -> str | None:
    """Return *endpoint*; None where it is the cloud's own."""
    own = CLOUDS[cloud].endpoint if cloud in CLOUDS else None
    return None if cloud == EMULATOR or endpoint == own else endpoint


def validate(run: Run) -> Report:
    """Validate the manifests, and their edits since another revision; nothing is read from Azure."""
    started = run.clock.now()
    try:
        surveys = [(each, survey(each.options, each.registry, started, each.read_stdin)) for each in _environments(run)]
    except ManifestError as error:
        return run.failed(error, started)
    named = run.environment.storage_hosts()
    known = [permitted(cloud, run.environment, named).storage for cloud in CLOUDS.values()]
    errors, warnings = [], []
    moves: dict[LatestMove, None] = {}
    for each, found in surveys:
        refused, noticed, latest = _edits(each, found)
        moves |= dict.fromkeys(latest)
        errors.append((each, (*found.problems, *refused)))
        strange = strange_storage(found.project, found.document, known)
        warnings.append((each, (*found.warnings, *noticed, *strange)))
    valid = {item.source for _, found in surveys for item in found.desired}
    wrong = _together(errors)
    about = run.about(surveys[0][1].project.name)
    return Report(
        run.command,
        started,
        run.clock.now(),
        plan=Plan((), latest=tuple(sorted(moves, key=lambda each: each.order))),
        errors=wrong,
        warnings=_together(warnings),
        manifests=0 if wrong else len(valid),
        environments=tuple(each.options.environment or "" for each, _ in surveys if run.options.environment is None),
        about=about,
    )


def _environments(run: Run) -> tuple[Run, ...]:
    """Return a run for each environment of the project; the run itself if one was chosen, or there is none."""
    file = find_project(run.options.paths, run.options.config)
    project = examine_project(file, run.registry).project if file else Project()
    if run.options.environment is not None or project.environment_required or not project.environments:
        return (run,)
    return tuple(replace(run, options=each) for each in in_environments(run.options, project.environments))


def _together(found: Sequence[tuple[Run, tuple[Problem, ...]]]) -> tuple[Problem, ...]:
    """Return the problems of all environments, each once; a problem of some names those environments."""
    names: dict[Problem, list[str]] = {}
    for run, problems in found:
        for problem in dict.fromkeys(problems):
            names.setdefault(problem, []).append(run.options.environment or "")
    return tuple(
        each if len(having) == len(found) else replace(each, message=f"{each.message} ({_named(having)})")
        for each, having in names.items()
    )


def _named(environments: Sequence[str]) -> str:
    return f"environment {', '.join(environments)}"


def _edits(run: Run, found: Survey) -> tuple[tuple[Problem, ...], tuple[Problem, ...], tuple[LatestMove, ...]]:
    """Return the errors and the warnings of the edits since the revision of ``--against``, and the moves of latest."""
    if run.against is None:
        return (), (), ()
    from reconciler.history.edits import left_behind, moved_latest, refused_edits  # noqa: PLC0415 (for this option only)
    from reconciler.manifests.dates import past_edits  # noqa: PLC0415 (for this option only)

    past = run.past(run.against, found, is_valid=not found.problems)
    refused = refused_edits(past.desired, found.desired, run.against)
    # An invalid manifest may be the one that seems to be missing: those come first.
    missing = () if found.problems else left_behind(past.desired.values(), found.desired, run.against)
    dates = past_edits(past.desired, found.desired, run.clock.now())
    moves, lost, back = moved_latest(past.desired, found.desired, may_lose=run.options.allow_latest_lost)
    return (*refused, *lost), (*dates, *missing, *back, *_unread(past, run.against)), moves


def _unread(past: Past, revision: str) -> Iterator[Problem]:
    for path in past.new:
        message = f"{path} did not exist at {revision}: its manifests were not compared with published ones"
        fix = "nothing if it is new; if it was moved, move it without an edit"
        yield Problem(path, None, None, "", "not-compared", message, fix)
    if past.problems:
        first, number = past.problems[0], len(past.problems)
        mistakes = "1 mistake" if number == 1 else f"{number} mistakes"
        message = f"{mistakes} at {revision}: edits of resources with mistakes were not checked"
        yield Problem(first.file, None, None, "", "not-compared", message, f"the first of them: {first.message}")
