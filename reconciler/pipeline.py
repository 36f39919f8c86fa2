"""
The stages in their order, and nothing else.

    load -> render -> validate -> resolve -> observe -> normalize, diff, plan -> apply -> report

A plan and an apply share every line up to the first PUT.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.apply import Applier, Progress
from reconciler.errors import ManifestError, UsageError
from reconciler.kinds import load_kinds, project_schema
from reconciler.load import load
from reconciler.model import (
    Change,
    Desired,
    Document,
    JsonObject,
    Live,
    Observation,
    Outcome,
    Plan,
    Problem,
    Report,
    Sync,
)
from reconciler.observe import Scope, observe
from reconciler.plan import Policy, make_plan
from reconciler.project import Environment, IgnoreRule, Limits, Project, lay_under, parse_project, render
from reconciler.resolve import resolve, select
from reconciler.saved_plan import SavedPlan, save
from reconciler.validate import validate, validate_project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date, datetime

    from reconciler.arm.client import ArmReader, ArmWriter
    from reconciler.arm.polling import Patience
    from reconciler.clock import Clock


@dataclass(frozen=True, slots=True)
class Options:
    """
    What the user chose for one run.

    Attributes:
        paths: Files and folders of manifests; ``-`` is standard input.
        config: The project file; None to look for one.
        environment: Name of one of the project's environments.
        targets: ``KIND/NAME`` patterns.
        labels: That selected manifests carry.
        republish: ``KIND/NAME`` of what is PUT once without a difference.
    """

    paths: tuple[str, ...] = ("manifests",)
    config: str | None = None
    environment: str | None = None
    targets: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 16
    max_puts: int | None = None
    adopt: bool = True
    take_over: bool = False
    health: bool = False
    wait_replicated: bool = False
    republish: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estate:
    """
    What the manifests state, all of it, before anything is read from Azure.

    Attributes:
        desired: Of every manifest.
        selected: What this run is about.
        rules: The ignore rules that hold today.
    """

    project: Project
    desired: tuple[Desired, ...]
    selected: tuple[Desired, ...]
    rules: tuple[IgnoreRule, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A plan and what it was made from."""

    estate: Estate
    observation: Observation
    policy: Policy
    plan: Plan
    warnings: tuple[Problem, ...]


def read_estate(options: Options, now: datetime, stdin: Callable[[int], bytes] | None = None) -> Estate:
    """
    Load, render, validate and resolve every manifest.

    Raises:
        ManifestError: With every problem of every file.
        UsageError: An environment or a target that does not exist.
    """
    kinds = load_kinds()
    found = find_project(options.paths, options.config)
    project, document = _read_project(found) if found else (Project(), None)
    environment = _environment(project, options.environment)
    root = found.parent if found else None
    loaded = load(options.paths, root, stdin)
    overlays = {env.overlay for env in project.environments.values() if env.overlay}
    base = [item for item in loaded.documents if not _is_below(item, root, overlays)]
    overlay = load([str(root / environment.overlay)], root) if root and environment and environment.overlay else None
    defaults = lay_under(project.defaults, environment.defaults) if environment else project.defaults
    documents, unmatched = render(base, overlay.documents if overlay else (), defaults, kinds)
    validated = validate(documents, kinds, project.tracking, now)
    desired, duplicates = resolve(validated.manifests, kinds)
    problems = [*loaded.problems, *(overlay.problems if overlay else ()), *unmatched, *validated.problems, *duplicates]
    warnings = [*validated.warnings, *_expired(project, document, now.date())]
    if project.strict:
        problems, warnings = [*problems, *warnings], []
    if problems:
        raise ManifestError(sorted(problems, key=_place), sorted(warnings, key=_place))
    selected = select(desired, options.targets, options.labels)
    _check_targets(options, desired, selected)
    rules = project.active_rules(now.date())
    return Estate(project, desired, selected, rules, tuple(sorted(warnings, key=_place)))


async def make_reading(
    options: Options,
    estate: Estate,
    arm: ArmReader,
    *,
    commit: str | None = None,
    retried: frozenset[str] = frozenset(),
) -> Reading:
    """Observe what was selected and plan it. The same call for a plan, a drift report and an apply."""
    kinds = load_kinds()
    stated = frozenset(item.key for item in estate.desired)
    scope = Scope(stated, bool(options.targets), options.health, options.concurrency)
    observation = await observe(estate.selected, scope, kinds, arm)
    policy = Policy(
        tracking=replace(estate.project.tracking, commit=commit),
        ignore=estate.rules,
        adopt=options.adopt,
        take_over=options.take_over,
        strict=estate.project.strict,
        republish=frozenset(item.key for item in estate.selected if _named(item) in options.republish),
        retried=retried,
    )
    plan, used = make_plan(estate.selected, observation, policy, estate.desired)
    idle = () if len(estate.selected) < len(estate.desired) else _idle(estate, used)
    return Reading(estate, observation, policy, plan, (*estate.warnings, *idle))


async def apply_reading(
    options: Options,
    reading: Reading,
    saved: SavedPlan | None,
    arm: ArmWriter,
    patience: Patience,
    progress: Progress,
) -> tuple[Mapping[str, Outcome], int]:
    """Apply a plan, within a reviewed one if there is one; give the outcomes and the number of PUTs sent."""
    applier = Applier(
        arm,
        reading.policy,
        patience,
        progress,
        options.concurrency,
        wait_replicated=options.wait_replicated,
        saved=saved,
    )
    outcomes = await applier.apply(reading.plan)
    return outcomes, applier.puts


def saved_text(reading: Reading, now: datetime) -> str:
    """Give the text of the plan file of a reading."""
    live: dict[str, JsonObject | None] = {
        key: observed.body for key, observed in reading.observation.observed.items() if isinstance(observed, Live)
    }
    return save(reading.plan, live, reading.estate.project.name, now)


def over_limit(reading: Reading, options: Options) -> Problem | None:
    """Tell which limit the plan is over; None if it is within all of them."""
    limits = reading.estate.project.limits
    puts = reading.plan.puts
    most = options.max_puts if options.max_puts is not None else limits.max_puts
    if most is not None and puts > most:
        fix = f"look at the plan; if it is right, pass --max-puts {puts}"
        return _limit(f"the plan has {puts} PUTs, and at most {most} are allowed", fix)
    return _over_share(reading.plan.changes, limits, explicit=options.max_puts is not None)


def _over_share(changes: Sequence[Change], limits: Limits, *, explicit: bool) -> Problem | None:
    existing = [change for change in changes if change.sync is not Sync.MISSING]
    updates = sum(change.action.writes for change in existing)
    if explicit or limits.max_puts_percent is None or not existing:
        return None
    share = 100 * updates / len(existing)
    if share <= limits.max_puts_percent:
        return None
    message = f"the plan writes {updates} of {len(existing)} existing resources ({share:.0f} %)"
    fix = f"look at the plan; if it is right, pass --max-puts {sum(change.action.writes for change in changes)}"
    return _limit(f"{message}, and at most {limits.max_puts_percent:g} % are allowed", fix)


def _limit(message: str, fix: str) -> Problem:
    return Problem("reconciler.yaml", None, None, "spec.limits", "limit-exceeded", message, fix)


def failed_report(command: str, started: datetime, clock: Clock, error: ManifestError) -> Report:
    """Give the report of a run that ended at its manifests."""
    return Report(command, started, clock.now(), errors=error.problems, warnings=error.warnings)


def find_project(paths: Sequence[str], config: str | None) -> Path | None:
    """
    Find the project file: as named, else in the first path or above it.

    The search ends at the folder that holds ``.git``, else at the working folder.

    Raises:
        UsageError: The named file does not exist.
    """
    if config is not None:
        if not Path(config).is_file():
            message = f"--config {config}: there is no such file"
            raise UsageError(message)
        return Path(config)
    first = next((path for path in paths if path != "-"), ".")
    start = Path(first).absolute()
    for folder in (start, *start.parents) if start.is_dir() else start.parents:
        if (folder / "reconciler.yaml").is_file():
            return folder / "reconciler.yaml"
        if (folder / ".git").exists() or folder == Path.cwd():
            return None
    return None


def _read_project(path: Path) -> tuple[Project, Document]:
    loaded = load([str(path)], path.parent)
    problems = list(loaded.problems)
    if not problems and len(loaded.documents) != 1:
        message, fix = "a project file holds one document", "keep one"
        problems.append(Problem(str(path), 1, 1, "", "project", message, fix))
    if not problems:
        problems += validate_project(loaded.documents[0], project_schema())
    if problems:
        raise ManifestError(problems)
    return parse_project(loaded.documents[0]), loaded.documents[0]


def _environment(project: Project, name: str | None) -> Environment | None:
    if name is None:
        return None
    if name not in project.environments:
        known = ", ".join(project.environments) or "none"
        message = f"there is no environment {name} in the project file; known: {known}"
        raise UsageError(message)
    return project.environments[name]


def _is_below(document: Document, root: Path | None, folders: set[str]) -> bool:
    """Whether a document is part of an overlay, which is merged and never a manifest by itself."""
    if root is None or not folders:
        return False
    file = Path(document.source.file).absolute()
    return any(file.is_relative_to((root / folder).absolute()) for folder in folders)


def _check_targets(options: Options, desired: Sequence[Desired], selected: Sequence[Desired]) -> None:
    if (options.targets or options.labels) and not selected:
        message = "--target and --selector match no manifest"
        raise UsageError(message)
    names = {_named(item) for item in desired}
    unknown = [name for name in options.republish if name not in names]
    if unknown:
        message = f"--republish {unknown[0]}: no manifest of that kind and name"
        raise UsageError(message)


def _named(item: Desired) -> str:
    return f"{item.kind.name}/{item.name}"


def _place(problem: Problem) -> tuple[str, int, int, str]:
    return problem.file, problem.line or 0, problem.column or 0, problem.message


def _expired(project: Project, document: Document | None, today: date) -> list[Problem]:
    held = project.active_rules(today)
    return [
        _rule_problem(document, index, "ignore-expired", f"this ignore rule expired on {rule.expires}")
        for index, rule in enumerate(project.ignore)
        if rule not in held and document is not None
    ]


def _rule_problem(document: Document, index: int, code: str, message: str) -> Problem:
    line, column = document.locate(("spec", "ignore", index))
    path = f"spec.ignore[{index}]"
    return Problem(document.source.file, line, column, path, code, message, "delete the rule, or give it a new date")


def _idle(estate: Estate, used: frozenset[IgnoreRule]) -> list[Problem]:
    message = "this ignore rule hides nothing"
    return [
        Problem("reconciler.yaml", None, None, rule.path, "ignore-unused", message, "delete it")
        for rule in estate.rules
        if rule not in used
    ]
