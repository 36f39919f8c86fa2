"""
Stages 1 to 3 in their order: everything that the manifests declare, before anything is read from Azure.

    load -> render -> validate -> resolve
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler import filesystem
from reconciler.errors import ManifestError, PathError, UsageError
from reconciler.manifests.boundaries import idle_storage, trespasses, unsigned
from reconciler.manifests.gathering import Gathered, Tree, nothing_found
from reconciler.manifests.load import load
from reconciler.manifests.memo import Memo
from reconciler.manifests.one_by_one import Taken, taken
from reconciler.manifests.parents import misspelt_parents
from reconciler.manifests.permits import Permits
from reconciler.manifests.pins import newer_than_pins, stray_pins
from reconciler.manifests.project import (
    FILE_NAME,
    Environment,
    Project,
    Writing,
    identity,
    lay_under,
    renderer,
    stray_overlays,
    unknown_defaults,
)
from reconciler.manifests.resolve import desired_of, resolve, select
from reconciler.manifests.rollouts import stray_regions, stray_rollouts
from reconciler.manifests.salvage import ProjectFile, salvage
from reconciler.manifests.schema_errors import nearest, problem
from reconciler.manifests.selection import no_manifest, nothing_with
from reconciler.manifests.settled import NOTHING, Settled
from reconciler.manifests.shard import within
from reconciler.manifests.sources import Sources
from reconciler.manifests.validate import explain_limits, judge, validate_project
from reconciler.problems import Document, Layer, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from reconciler.kinds.kind import Kind
    from reconciler.kinds.registry import Registry
    from reconciler.kinds.rules import Rule
    from reconciler.manifests.identity import Identity
    from reconciler.manifests.project import IgnoreRule
    from reconciler.manifests.shard import Shard
    from reconciler.model.desired import Desired
    from reconciler.values import FieldPath, JsonObject

_FIX: Final = "check the path, its permissions and those of the folders above it"


@dataclass(frozen=True, slots=True)
class Options:
    """
    The user's choices for one run.

    Attributes:
        paths: Files and folders of manifests; ``-`` is standard input.
        config: The project file; None to look for one.
        environment: Name of one of the project's environments.
        targets: ``KIND/NAME`` patterns.
        labels: That selected manifests carry.
        republish: ``KIND/NAME`` of each resource that is PUT once without a difference.
        resume: ``KIND/NAME`` of each version whose rollout is at rest, and whose step is sent again.
        repair: ``KIND/NAME`` of each version whose failed regions are dropped and added again.
        wait_rolled_out: Whether an apply follows each rollout to its last step.
        permits: The operator's permissions.
        signs: Whether the run sends, or plans, PUTs with signatures of the project's storage rules.
        allow_empty: Whether a run without any manifest is valid; by default it is an error.
        allow_latest_lost: Whether a PUT may leave a region without ``latest``.
        impact: Whether the report counts the machines and scale sets that the plan affects.
        reader: ``list``, or ``graph`` where Resource Graph finds the resources that are in sync.
        shard: The share of this run in an estate that several runs share; None for one run of all of it.
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
    wait_rolled_out: bool = False
    republish: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    repair: tuple[str, ...] = ()
    permits: Permits = field(default_factory=Permits)
    signs: bool = False
    allow_empty: bool = True
    allow_latest_lost: bool = False
    impact: bool = False
    shard: Shard | None = None
    reader: str = "list"


@dataclass(frozen=True, slots=True)
class Estate:
    """
    Everything that the manifests declare, before anything is read from Azure.

    Attributes:
        desired: Of every manifest.
        selected: The resources of this run.
        rules: The ignore rules that hold today.
        read_at: The time of the run, which tells dates in the past.
        document: The project file.
        sources: The files and folders that were read.
        unselected: Why nothing was selected, as a clause; empty where something was, or there is nothing.
        tree: Which folders belong to which environments.
        kinds: By name, as the manifests were read.
    """

    project: Project
    desired: tuple[Desired, ...]
    selected: tuple[Desired, ...]
    rules: tuple[IgnoreRule, ...]
    warnings: tuple[Problem, ...]
    read_at: datetime
    document: Document | None = None
    sources: Sources = field(default_factory=Sources)
    unselected: str = ""
    tree: Tree = field(default_factory=Tree)
    kinds: Mapping[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """
    Everything that was found in the manifests, right or wrong.

    Attributes:
        desired: Of every valid manifest.
        document: The project file.
        sources: The files and folders that were read.
        others: Resources of the invalid manifests, as far as they are known.
        tree: Which folders belong to which environments.
    """

    project: Project
    desired: tuple[Desired, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    document: Document | None = None
    sources: Sources = field(default_factory=Sources)
    others: tuple[Identity, ...] = ()
    tree: Tree = field(default_factory=Tree)


def read_estate(
    options: Options,
    registry: Registry,
    now: datetime,
    stdin: Callable[[int], bytes] | None = None,
    memo: Memo | None = None,
) -> Estate:
    """
    Load, render, validate and resolve every manifest; those that *memo* knows are not parsed or checked again.

    Raises:
        ManifestError: With every problem of every file.
        UsageError: An environment or a target that does not exist.
    """
    found = survey(options, registry, now, stdin, memo)
    outside = [*trespasses(options.permits, found.desired)]
    if options.signs:
        outside += unsigned(options.permits, found.project, found.document)
    if found.problems or outside:
        raise ManifestError(_in_order((*unchosen(options, registry, found, now, stdin), *outside)), found.warnings)
    selected = select(found.desired, options.targets, options.labels)
    _check_targets(options, found.desired, selected)
    unselected = _unselected(options, found.desired) if not selected else ""
    own = within(selected, options.shard)
    return Estate(
        project=found.project,
        desired=found.desired,
        selected=own,
        rules=found.project.active_rules(now.date()),
        warnings=(*found.warnings, *_idle_labels(unselected)),
        document=found.document,
        sources=found.sources,
        unselected=unselected or (f"no subscription falls to shard {options.shard}" if selected and not own else ""),
        tree=found.tree,
        read_at=now,
        kinds=registry.kinds,
    )


def survey(
    options: Options,
    registry: Registry,
    now: datetime,
    stdin: Callable[[int], bytes] | None = None,
    memo: Memo | None = None,
    settled: Settled = NOTHING,
) -> Survey:
    """
    Load, render, validate and resolve the valid manifests, and return the problems of the others.

    Args:
        options: The user's choices.
        registry: The kinds.
        now: The time of the run.
        stdin: Gives at most so many bytes of standard input.
        memo: Of the manifests that were read before; None for none.
        settled: Resources that are known already.

    Raises:
        UsageError: An environment that does not exist.
    """
    kinds, found = registry.kinds, find_project(options.paths, options.config)
    file = examine_project(found, registry) if found else ProjectFile()
    project, document = file.project, file.document
    environment = choose(project, options.environment) if file.is_known else None
    tree = Tree.of(found.parent if found else None, project, document, options.environment if environment else None)
    gathered = tree.gather(options.paths, stdin, memo, settled)
    unmatched = stray_overlays(gathered.base, gathered.overlay, settled.identities)
    each = _taken(tree, gathered, options, kinds, memo)
    desired, duplicates = resolve([*settled.desired, *each.desired], each.others)
    problems = [
        *file.problems,
        *_strays(project, document, kinds),
        *explain_limits(gathered.problems, gathered.base, kinds),
        *(() if file.problems else _nothing(options, tree, gathered)),
        *file.independent([*(() if gathered.is_incomplete else unmatched), *each.problems, *duplicates]),
        *newer_than_pins(project, desired),
        *stray_regions(project, document, desired, lambda: _kinds_elsewhere(tree, gathered.base)),
    ]
    odd = (*file.independent(misspelt_parents(desired, each.others, kinds)), *each.odd)
    warnings = [*gathered.warnings, *each.warnings, *odd, *_expired(project, document, now.date())]
    problems, warnings = ([*problems, *warnings], []) if project.strict else (problems, warnings)
    # A rule may be for manifests, or an environment, that this run does not look at: that is never an error.
    warnings += () if problems else idle_storage(project, document, desired)
    told = _in_order(problems), _in_order(warnings)
    return Survey(project, desired, *told, document, (file.sources | gathered.sources).packed(), each.others, tree)


def _taken(tree: Tree, gathered: Gathered, options: Options, kinds: Mapping[str, Kind], memo: Memo | None) -> Taken:
    """Return what the documents declare, each by itself: rendered, validated and resolved."""
    project, environment = tree.project, tree.project.environments.get(tree.environment or "")
    defaults = lay_under(project.defaults, environment.defaults) if environment else project.defaults
    written = _defaults_written(project, tree.document, tree.environment)
    return taken(
        gathered.base,
        renderer(gathered.overlay, defaults, kinds, written),
        partial(judge, kinds=kinds, tracking=project.tracking, memo=memo or Memo(keeps=False)),
        partial(desired_of, kinds=kinds, secrets=options.permits.secrets, memo=memo),
    )


def _kinds_elsewhere(tree: Tree, documents: Sequence[Document]) -> frozenset[str]:
    """Return the kinds of the manifests below the folder of the project file that PATH does not name."""
    loaded = set(map(identity, documents))
    return frozenset(kind for kind, name in tree.elsewhere(of_all=True) if (kind, name) not in loaded)


def _strays(project: Project, document: Document | None, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    yield from _stray_defaults(project, document, kinds)
    yield from _stray_rules(project, document, kinds)
    yield from stray_pins(project, document, kinds)
    yield from stray_rollouts(project, document, kinds)


def _nothing(options: Options, tree: Tree, gathered: Gathered) -> Iterator[Problem]:
    """Yield the error of a run without any manifest: nothing to do may not pass for done because of a wrong path."""
    if not options.allow_empty and not gathered.base and not gathered.problems:
        yield nothing_found(tree, options.paths, gathered.others)


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=_place))


def find_project(paths: Sequence[str], config: str | None) -> Path | None:
    """
    Find the project file: as named, else in the first path or above it.

    The search ends at the folder that holds ``.git``. Where there is none it ends at the working folder, and for a path
    outside of that at the path: a project file further up belongs to something else.

    Raises:
        UsageError: The named file does not exist.
        ManifestError: The file that was found is another user's, or a folder cannot be searched.
    """
    if config is not None:
        return _named_project(config)
    first = next((path for path in paths if path != "-"), ".")
    try:
        found = next((path for path in _project_files(first) if filesystem.is_there(path)), None)
        if found is None:
            return None
        if filesystem.is_foreign(found):
            message, fix = "this project file is owned by another user", "if you trust it, name it with `--config`"
            name = str(filesystem.as_named(found))
            raise ManifestError([Problem(name, None, None, "", "foreign-project", message, fix)])
        return filesystem.as_named(found)
    except PathError as error:
        problem = Problem(error.path, None, None, "", "unreadable", f"the path could not be read: {error.reason}", _FIX)
        raise ManifestError([problem]) from error


def _named_project(config: str) -> Path:
    try:
        sort = filesystem.sort_of(config)
    except PathError as error:
        message = f"--config {error}"
        raise UsageError(message) from None
    if sort is None:
        message = f"--config {config}: file not found"
        raise UsageError(message)
    if sort is not filesystem.Sort.FILE:
        message = f"--config {config}: not a file"
        raise UsageError(message)
    return Path(config)


def _project_files(path: str) -> list[Path]:
    """Return the places where the project file of *path* may be, the nearest first."""
    start = filesystem.absolute(path)
    folders = [start, *start.parents] if filesystem.sort_of(start) is filesystem.Sort.FOLDER else [*start.parents]
    last = next((folder for folder in folders if filesystem.is_there(folder / ".git")), None)
    if last is None:
        here = filesystem.working_folder()
        last = next((folder for folder in folders if filesystem.real(folder) == here), folders[0])
    return [folder / FILE_NAME for folder in folders[: folders.index(last) + 1]]


def read_project(path: Path, registry: Registry) -> tuple[Project, Document]:
    """
    Return the project that a file declares, and its document.

    Raises:
        ManifestError: With every problem of the file.
    """
    file = examine_project(path, registry)
    if file.problems or file.document is None:
        raise ManifestError(file.problems)
    return file.project, file.document


def examine_project(path: Path, registry: Registry) -> ProjectFile:
    """Return the project that a file declares, or the valid parts of it and every problem."""
    loaded = load([str(path)], path.parent)
    problems = list(loaded.problems)
    documents = (*loaded.documents, *loaded.flawed)
    if not problems and len(documents) != 1:
        message = f"expected one document in a project file, found {len(documents) or 'none'}"
        fix = "keep one document" if documents else "write a document of kind `Project`, or remove the file"
        problems.append(Problem(str(path), 1, 1, "", "project", message, fix))
    document = documents[0] if len(documents) == 1 else None
    if document is not None:
        problems += validate_project(document, registry.documents["Project"])
    return replace(salvage(document, problems), sources=Sources(config=loaded.sources.files))


def choose(project: Project, name: str | None) -> Environment | None:
    """
    Return the environment of that name; None for none.

    Raises:
        UsageError: There is no such environment, or the project wants one and none is given.
    """
    if name is None:
        if project.environment_required:
            known = f"pass --environment with one of {_known(project)}"
            fix = known if project.environments else "declare one in spec.environments, or remove environmentRequired"
            message = f"the project requires an environment: {fix}"
            raise UsageError(message)
        return None
    if name not in project.environments:
        if project.name is None:
            message = f"--environment {name}: found no project file here or above; run in its folder, or pass --config"
            raise UsageError(message)
        near = nearest(name, project.environments)
        hint = f"did you mean `{near}`? " if near else ""
        message = f"--environment {name}: the project file declares no such environment; {hint}known: {_known(project)}"
        raise UsageError(message)
    return project.environments[name]


def _known(project: Project) -> str:
    return ", ".join(project.environments) or "none"


def unchosen(
    options: Options, registry: Registry, found: Survey, now: datetime, stdin: Callable[[int], bytes] | None
) -> tuple[Problem, ...]:
    """
    Return the problems of *found*, with one error in place of those caused by the missing environment.

    Raises:
        UsageError: A folder of an environment has no place here.
    """
    names = [*found.project.environments]
    if options.environment is not None or not names or found.document is None:
        return found.problems
    chosen = [survey(replace(options, environment=name), registry, now, stdin).problems for name in names]
    kept = tuple(each for each in found.problems if all(each in problems for problems in chosen))
    if kept == found.problems:
        return kept
    message = "the manifests are incomplete without an environment"
    fix = f"pass `--environment` with one of {_known(found.project)}"
    at = ("spec", "environments")
    return (*kept, problem(found.document, at, "no-environment", message, fix))


def _defaults_written(project: Project, document: Document | None, environment: str | None) -> tuple[Writing, ...]:
    """Return the defaults that hold, the strongest last, each with its place in the project file."""
    if document is None:
        return ()
    written = (Writing(Layer.PROJECT, project.defaults, document, ("spec", "defaults")),)
    if environment is None:
        return written
    at = ("spec", "environments", environment, "defaults")
    return (*written, Writing(Layer.ENVIRONMENT, project.environments[environment].defaults, document, at))


def _named_options(options: Options) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the options that name single resources, and the names."""
    return ("--republish", options.republish), ("--resume", options.resume), ("--repair", options.repair)


def _check_targets(options: Options, desired: Sequence[Desired], selected: Sequence[Desired]) -> None:
    for target in options.targets:
        if not select(desired, (target,), {}):
            name = target.rpartition("/")[2]
            like = next((f", such as {item.address}" for item in desired if item.name == name), "")
            message = f"--target {target} matches no manifest: write KIND/NAME{like}; {no_manifest(target, desired)}"
            raise UsageError(message)
    names = {item.address for item in selected}
    for option, wanted in _named_options(options):
        unknown = [name for name in wanted if name not in names]
        if unknown:
            hint = no_manifest(unknown[0], selected)
            message = f"{option} {unknown[0]}: no selected manifest has that kind and name; {hint}"
            raise UsageError(message)


def _unselected(options: Options, desired: Sequence[Desired]) -> str:
    """Return why the labels select none of the manifests; empty if there are no manifests."""
    chosen = select(desired, options.targets, {})
    if not options.labels or not chosen:
        return ""
    return nothing_with(options.labels, chosen, targeted=bool(options.targets))


def _idle_labels(unselected: str) -> Iterator[Problem]:
    """Yield the warning of labels that choose nothing: nothing to do may not pass for done because of a slip."""
    if unselected:
        fix = "compare the selector with `metadata.labels` of the manifests"
        yield Problem("--selector", None, None, "", "nothing-selected", unselected, fix)


def _stray_defaults(project: Project, document: Document | None, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    if document is None:
        return
    layers: dict[tuple[str, ...], JsonObject] = {("spec", "defaults"): project.defaults}
    layers |= {("spec", "environments", name, "defaults"): env.defaults for name, env in project.environments.items()}
    for where, defaults in layers.items():
        for path in unknown_defaults(defaults, kinds):
            message, fix = "no kind has a field of this name, so this default has no effect", "correct the name"
            known = {name for kind in kinds.values() for name in _names_at(kind.rules, path[:-1])}
            near = nearest(str(path[-1]), sorted(known))
            fix = f"did you mean `{near}`?" if near else fix
            yield problem(document, (*where, *path), "unknown-key", message, fix)


def _names_at(rules: Rule, path: FieldPath) -> Iterable[str]:
    return rules.at(path).properties


def _stray_rules(project: Project, document: Document | None, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    for index, rule in enumerate(project.ignore):
        if document is not None and rule.kind is not None and rule.kind not in kinds:
            near = nearest(rule.kind, kinds)
            path = ("spec", "ignore", index, "kind")
            fix = f"did you mean `{near}`?" if near else f"known kinds: {', '.join(kinds)}"
            yield problem(document, path, "unknown-kind", "unknown kind, so this rule has no effect", fix)


def _place(problem: Problem) -> tuple[str, int, int, str, str, str]:
    """Return the place; then the path and the code, so that a syntax error precedes its consequences."""
    place = problem.file, problem.line or 0, problem.column or 0
    return *place, problem.path, problem.code, problem.message


def _expired(project: Project, document: Document | None, today: date) -> list[Problem]:
    held, fix = project.active_rules(today), "delete the rule, or set `expires` to a later date"
    return [
        _rule_problem(document, index, "ignore-expired", f"this ignore rule expired on {rule.expires}", fix)
        for index, rule in enumerate(project.ignore)
        if rule not in held and document is not None
    ]


def idle_rules(estate: Estate, used: frozenset[IgnoreRule], compared: Collection[str]) -> tuple[Problem, ...]:
    """
    Return a warning for each ignore rule that hid nothing in any of its resources.

    Args:
        estate: With the rules.
        used: The rules that hid something.
        compared: Folded ids of the resources that were compared; of the others nothing is known.
    """
    if estate.document is None:
        return ()
    document, fix = estate.document, "delete the rule"
    idle = [rule for rule in estate.rules if rule not in used]
    if not idle:
        return ()
    unknown = [(item.kind.name, item.name) for item in estate.desired if item.key not in compared]
    loaded = {(item.kind.name, item.name) for item in estate.desired}
    unknown += estate.tree.elsewhere(of_all=True) - loaded  # PATH may name a part, and environments have their own
    return tuple(
        _rule_problem(document, index, "ignore-unused", "this ignore rule hides no difference", fix)
        for index, rule in enumerate(estate.project.ignore)
        if rule in idle and not any(rule.covers(*each) for each in unknown)
    )


def _rule_problem(document: Document, index: int, code: str, message: str, fix: str) -> Problem:
    line, column = document.locate(("spec", "ignore", index))
    return Problem(document.source.file, line, column, f"spec.ignore[{index}]", code, message, fix)
