"""The report for a terminal or a log: the verdict, what is not plainly in sync, and the requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.kinds.live import Health
from reconciler.model.change import Action, Finding, Op, Sync
from reconciler.model.outcome import Result
from reconciler.plan.states import Item, ending_of, error_of, is_applied, noteworthy, place_of
from reconciler.plan.summary import summarize
from reconciler.report.declared import declared
from reconciler.report.escape import inert, masked, visible
from reconciler.report.problems import counted
from reconciler.report.replicated import regions_of, replicated, title_of
from reconciler.report.values import first_difference, literal, pair
from reconciler.report.verdict import count, verdict
from reconciler.report.words import MARKS, PLAIN, REASONS, SIGNATURES, UNMANAGED_MARK, gone_of, note_of, stray_of
from reconciler.report.wrap import folded
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.errors import ErrorInfo
    from reconciler.model.change import Change, FieldChange
    from reconciler.model.live import Unmanaged
    from reconciler.model.outcome import Report
    from reconciler.problems import Problem

_STYLES: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "alarm": "91",
}
_COLORS: Final = {"+": "green", "~": "yellow", "!": "red", "?": "red", "…": "cyan", "=": "blue", "*": "dim"}
_SIGNS: Final = {Op.ADD: "+", Op.REMOVE: "-", Op.REPLACE: " "}
_NARROWEST: Final = 40
"""A side of a difference is never cut shorter: a line that is too long can still be read."""
MOST: Final = 500
"""Resources in one report: nobody reads more, and the JSON report has all of them."""
_LONG: Final = 300
"""An error longer than that, such as all that a sign-in tried, is told of one resource, and the others point at it."""
_INDENT: Final = " " * 4
_USUAL: Final = 100
"""About how long a line gets by its values where there is no terminal."""


@dataclass(frozen=True, slots=True)
class Look:
    """
    How the text is to look.

    Attributes:
        color: Whether parts are wrapped in ANSI codes; the text without them is the same.
        width: About how long a line may get by its values.
        ids: Whether the id of each resource is shown.
    """

    color: bool = False
    width: int = 100
    ids: bool = False

    def paint(self, text: str, style: str) -> str:
        """Return *text* in a style of *_STYLES*."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and text else text


def render(report: Report, *, color: bool = False, width: int | None = None, verbose: bool = False, **_: object) -> str:
    """
    Return *report* as lines of text, without any control character but line ends and, if asked for, colors.

    Args:
        report: The report to render.
        color: Whether parts are colored.
        width: Columns of the terminal, to which lines are folded; None where there is no terminal.
        verbose: Whether the id of each resource is shown.
    """
    look = Look(color, width or _USUAL, verbose)
    first, body, last = look.paint(verdict(report), "bold"), [*_body(report, look)], footer(report)
    lines = [first, "", *body, *((last,) if last else ()), *((first,) if body else ())]
    text = "".join(f"{part}\n" for line in lines for part in folded(masked(inert(line)), width))
    return text.rstrip("\n") + "\n"


def _body(report: Report, look: Look) -> Iterator[str]:
    before: tuple[str, ...] = ()
    for block in _blocks(report, look):
        yield from block
        before = block or before
    if before:
        yield ""


def _blocks(report: Report, look: Look) -> Iterator[tuple[str, ...]]:
    for problem in report.errors:
        yield tuple(problem_lines(problem, "error", look))
    for warning in counted(report.warnings):
        yield tuple(problem_lines(warning.problem, "warning", look, warning.places))
    found: tuple[Item | Unmanaged, ...] = (*noteworthy(report), *report.plan.unmanaged)
    told: dict[ErrorInfo, str] = {}
    for each in _chosen(found):
        if isinstance(each, Item):
            yield tuple(item_lines(each, look, applied=is_applied(report), told=told))
        else:
            yield tuple(_unmanaged_lines(each, look))
    if len(found) > MOST:
        yield ("", f"{count(len(found) - MOST, 'more resource')} not shown: --report json=FILE writes all of them")
    yield tuple(_replication_lines(report, look))


def _replication_lines(report: Report, look: Look) -> Iterator[str]:
    """Yield a line for each resource whose replication was read, and one for each of its regions."""
    for change, replication in replicated(report):
        style = "red" if replication.has_failed else "green" if replication.is_complete else "cyan"
        yield look.paint(f"replication of {title_of(change, replication)}", style)
        yield from (f"{_INDENT}{line}" for line in regions_of(replication))


def _chosen(found: Sequence[Item | Unmanaged]) -> Iterator[Item | Unmanaged]:
    """Return in their order as many as are shown; what somebody must look at goes before what went well."""
    places = sorted(range(len(found)), key=lambda place: not needs_somebody(found[place]))
    return (found[place] for place in sorted(places[:MOST]))


def needs_somebody(each: Item | Unmanaged) -> bool:
    """Whether a resource failed, is blocked or could not be read: a report shows it before all others."""
    return isinstance(each, Item) and (error_of(each) is not None or each.change.action is Action.BLOCKED)


def footer(report: Report) -> str:
    """Return the line that says what was asked of ARM; nothing for what asks nobody."""
    if report.command == "validate":
        return ""
    summary = summarize(report)
    writes = summary.requests["PUT"]
    reads = sum(summary.requests.values()) - writes
    ignored = f"; {count(summary.ignored, 'difference')} ignored by rule" if summary.ignored else ""
    return f"{_budget(reads, writes)}{_apply_budget(summary.apply_requests)}{ignored}"


def _budget(reads: int, writes: int) -> str:
    return f"{count(reads, 'read')}, {count(writes, 'write')}"


def _apply_budget(more: Mapping[str, int] | None) -> str:
    """Return what an apply sends beyond its own plan; what polling adds, only Azure knows."""
    return f"; an apply adds at least {_budget(more['GET'], more['PUT'])}" if more and any(more.values()) else ""


def problem_lines(problem: Problem, level: str, look: Look, places: str = "") -> Iterator[str]:
    """Yield the lines of one error or warning; *places* says that other places have it too."""
    where = ":".join(str(part) for part in (visible(problem.file), problem.line, problem.column) if part is not None)
    name = look.paint(f"{level}[{visible(problem.code)}]", "red" if level == "error" else "yellow")
    yield f"{look.paint(where, 'bold')}: {name}: {visible(problem.message)}{f' ({places})' if places else ''}"
    if problem.path and not places:
        yield f"{_INDENT}at: {visible(problem.path)}"
    if problem.fix:
        yield f"{_INDENT}fix: {visible(problem.fix)}"


def item_lines(item: Item, look: Look, *, applied: bool, told: dict[ErrorInfo, str] | None = None) -> Iterator[str]:
    """
    Yield the lines of one resource: what, where, why, what differs, and what to do.

    Args:
        item: The resource's part of the report.
        look: How the text is to look.
        applied: Whether the report is about writing.
        told: The long errors that the report has told before, and of which resource; a new one is entered.
    """
    change, error = item.change, error_of(item)
    yield head_line(change, look, f"  {_ending(item, look)}" if applied else "")
    if look.ids:
        yield f"{_INDENT}{visible(change.desired.id)}"
    yield from why_lines(item)
    for field in change.fields:
        yield from _field_lines(change, field, look)
    if error is not None:
        of = change.desired.address
        first = of if told is None or len(error.message) <= _LONG else told.setdefault(error, of)
        yield from error_lines(item, error, look) if first == of else _as_before(error, first, look)
    if change.fix and (error is None or change.fix != error.fix):
        yield f"{_INDENT}fix: {visible(change.fix)}"


def head_line(change: Change, look: Look, ending: str = "") -> str:
    """Return the line that names a resource: its mark, kind and name, how it ended, and where it is stated."""
    mark = MARKS[change.action]
    name = f"{visible(change.desired.kind.name)} {visible(change.desired.name)}"
    source = change.desired.source
    place = look.paint(f"{visible(source.file)}:{source.line}", "dim")
    return f"{look.paint(f'{mark} {name}', _COLORS[mark])}{ending}  {place}"


def _ending(item: Item, look: Look) -> str:
    ending = ending_of(item)
    return look.paint(ending, "green" if ending in {"created", "updated", "in sync"} else "bold")


def why_lines(item: Item, *, with_values: bool = True, with_reason: bool = True) -> Iterator[str]:
    """Yield the lines that say why a resource is handled as it is; of one to create, what is declared of it too."""
    change = item.change
    if with_values:
        yield from (f"{_INDENT}{label}: {text}" for label, text in declared(change))
    if gone := gone_of(change):
        yield f"{_INDENT}{gone}"
    for each in change.signatures:
        source = SIGNATURES.get(each.source, f"the variable {each.source}")
        yield f"{_INDENT}signature for {visible(each.host)}: {visible(source)} ({visible(each.path)})"
    if change.reason not in PLAIN and with_reason:
        word = "left alone" if change.action is Action.NONE else str(change.action)
        yield f"{_INDENT}{word}: {REASONS[change.reason]}"
    if change.action is Action.NONE and change.sync is Sync.OUT_OF_SYNC:
        yield f"{_INDENT}out of sync: undeclared values count here"
    if item.outcome is not None and item.outcome.result is Result.SUCCEEDED:
        return  # the health was that of before
    if change.modified is not None:
        yield f"{_INDENT}{visible(str(change.modified))}"
    if change.health is Health.DEGRADED or (change.health is Health.PROGRESSING and change.action is Action.NONE):
        yield f"{_INDENT}health: {change.health}{f', {visible(change.ailment)}' if change.ailment else ''}"


def _field_lines(change: Change, field: FieldChange, look: Look) -> Iterator[str]:
    path, note = visible(field.path), note_of(field)
    place = place_of_field(change, field)
    room = look.width - len(_INDENT) - len(path) - len(note) - len(place) - 10
    sign, shown = sides(change, field, room)
    style = {"+": "green", "-": "red"}.get(sign, "yellow")
    if blocks(field):
        sign, style = f"!{sign}".rstrip(), "alarm"
    parts = (
        look.paint(f"{sign} {path}: {' → '.join(shown)}", style),
        f"({note})" if note else "",
        look.paint(place, "dim"),
    )
    yield f"{_INDENT}{'  '.join(part for part in parts if part)}"
    if field.op is Op.REPLACE and field.finding in {Finding.CHANGE, Finding.IMMUTABLE}:
        differs = first_difference(field.observed, field.desired, max(look.width // 2, _NARROWEST))
        if differs:
            yield f"{_INDENT * 2}{differs}"


def blocks(field: FieldChange) -> bool:
    """Whether a difference is one that no PUT can make: the resource is blocked by it."""
    return field.refusal is not None or field.finding is Finding.IMMUTABLE


def place_of_field(change: Change, field: FieldChange) -> str:
    """Return file and line of what states a field; nothing where nothing does."""
    if field.line is None and field.where is not None:
        return f"{visible(field.where.file)}:{field.where.line}"
    return f"{visible(change.desired.source.file)}:{field.line}" if field.line is not None else ""


def sides(change: Change, field: FieldChange, room: int) -> tuple[str, tuple[str, ...]]:
    """Return the sign of a difference and its one or two sides, the live one first, in about *room* characters."""
    room = max(room, _NARROWEST)
    if field.unset is not None:
        return " ", (f"from the variable {field.unset}, which is not set, so not verified",)
    if field.finding is Finding.UNVERIFIED:
        return " ", (f"cannot be read back{'; one PUT records it' if change.action.writes else ', so not verified'}",)
    if field.finding is Finding.UNDECLARED:
        return " ", (literal(field.observed, room),)
    if field.op is Op.ADD:
        return "+", (literal(field.desired, room),)
    if field.op is Op.REMOVE:
        return "-", (literal(field.observed, room),)
    if field.observed is MISSING:  # write-only: a digest tells that it changed, and nothing tells from what
        return " ", ("not what was sent last; it cannot be read back",)
    return " ", pair(field.observed, field.desired, max(room // 2, _NARROWEST))


def error_lines(item: Item, error: ErrorInfo, look: Look) -> Iterator[str]:
    """Yield the lines of what went wrong with a resource."""
    first, *more = error.message.split("\n")
    yield f"{_INDENT}{look.paint(f'error[{visible(error.code)}]', 'red')}: {visible(first)}"
    yield from (f"{_INDENT * 2}{visible(line)}" for line in more)
    if found := place_of(item):
        path, origin = found
        yield f"{_INDENT * 2}at: {visible(path)}  {look.paint(f'{visible(origin.file)}:{origin.line}', 'dim')}"
    status = f"HTTP {error.status}" if error.status is not None else ""
    request = f"request id {visible(error.request_id)}" if error.request_id else ""
    if status or request:
        yield f"{_INDENT * 2}{', '.join(part for part in (status, request) if part)}"
    if error.fix:
        yield f"{_INDENT}fix: {visible(error.fix)}"


def _as_before(error: ErrorInfo, first: str, look: Look) -> Iterator[str]:
    yield f"{_INDENT}{look.paint(f'error[{visible(error.code)}]', 'red')}: the same as of {visible(first)}"


def _unmanaged_lines(unmanaged: Unmanaged, look: Look) -> Iterator[str]:
    health = unmanaged.live.health
    name = f"{UNMANAGED_MARK} {visible(unmanaged.kind.name)} {visible(unmanaged.name)}"
    yield f"{look.paint(name, 'dim')}  {visible(stray_of(unmanaged))}"
    yield f"{_INDENT}{visible(unmanaged.id)}"
    if health is not Health.HEALTHY:
        yield f"{_INDENT}health: {health}"
