"""
Explains one resource leaf by leaf: why each value is, or is not, a change. Pure, and decides nothing.

The differences come from :func:`compare`; here every other leaf gets its word and its reason too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from reconciler.compare.diff import WRITE_ONLY, compare
from reconciler.compare.normalize import absence, is_same, meant
from reconciler.kinds.leaves import FieldClass, Leaf, Place, leaves
from reconciler.kinds.live import Live
from reconciler.kinds.paths import Steps, format_steps, lookup, matches, written_path
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.spelling import canonical, is_same_place, normalize
from reconciler.kinds.variables import beside
from reconciler.model.about import About
from reconciler.model.change import Change, FieldChange, Finding, Op, Refusal
from reconciler.model.live import Absent, Observed
from reconciler.secret.text import (
    HIDDEN,
    HIDDEN_CHANGED,
    FromEnvironment,
    Secret,
    SecretUrl,
    printable,
    printable_pair,
    shown,
)
from reconciler.values import MISSING, JsonObject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.kinds.tracking import Tracking
    from reconciler.manifests.project import IgnoreRule
    from reconciler.model.desired import Desired
    from reconciler.problems import Origin


_UNREAD: Final = "The resource could not be read, so nothing is known of what is live."


class Verdict(StrEnum):
    """The verdict on a leaf; the first four and ``unverified`` are those of a plan."""

    IMMUTABLE = "immutable"
    CHANGE = "change"
    UNVERIFIED = "unverified"
    UNDECLARED = "undeclared"
    IGNORED = "ignored"
    EQUAL = "equal"
    DEFAULT = "default"
    SERVER_POPULATED = "server-populated"
    READ_ONLY = "read-only"
    NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Row:
    """
    One leaf, ready to be shown: no secret is in it.

    Attributes:
        path: As a reader writes it.
        why: One sentence.
        rules: How it is compared and written, one short text for each rule.
        stated: The manifest's value, defaults of the project included; MISSING if undeclared.
        origin: The source of that value.
        default: The value that absence means, where none is declared; MISSING if there is none.
        observed: The live value as sent; MISSING if absent.
        compared_desired: In the form in which it is compared; MISSING where nothing is.
        compared_observed: Likewise.
        hidden_by: The ignore rules that hide a difference.
    """

    path: str
    verdict: Verdict
    why: str
    field_class: FieldClass
    rules: tuple[str, ...] = ()
    stated: Any = MISSING
    origin: Origin | None = None
    default: Any = MISSING
    observed: Any = MISSING
    compared_desired: Any = MISSING
    compared_observed: Any = MISSING
    hidden_by: tuple[IgnoreRule, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether it is stated, live or has a default; of any other leaf only the schema knows."""
        return any(value is not MISSING for value in (self.stated, self.observed, self.default))


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    One resource: what a plan does about it, and why.

    Attributes:
        change: The plan's.
        rows: URI parameters first, then the body by path.
        about: Environment, project, cloud, endpoint and commit.
    """

    change: Change
    rows: tuple[Row, ...]
    about: About = field(default_factory=About)


def explain(
    desired: Desired, observed: Observed, tracking: Tracking, ignore: Sequence[IgnoreRule] = ()
) -> tuple[Row, ...]:
    """
    Return a row for every leaf that the schema, the manifest or the live body knows.

    Args:
        desired: The declared resource.
        observed: The live resource, as read.
        tracking: How digests are recorded.
        ignore: The project's ignore rules that hold.
    """
    body = _Body(desired, observed, tracking, ignore)
    rows = [body.row(leaf) for leaf in leaves(desired.kind.rules, desired.body, body.live)]
    rows += [body.row(leaf) for leaf in body.untold()]
    return (*_names(desired, observed), *sorted(rows, key=lambda row: row.path))


def at_path(rows: Sequence[Row], pattern: str | None) -> tuple[Row, ...]:
    """
    Return the rows at or below *pattern*, else the one that it lies in; those that are there if it is None.

    Args:
        rows: All of a resource.
        pattern: As an ignore rule writes it.
    """
    if pattern is None:
        return tuple(row for row in rows if row.is_there)
    found = [row for row in rows if matches(pattern, row.path)] or [row for row in rows if matches(row.path, pattern)]
    return tuple(row for row in found if row.is_there) or tuple(found)


def _names(desired: Desired, observed: Observed) -> Iterator[Row]:
    """Yield the rows of the URI parameters."""
    verdict, why = Verdict.UNVERIFIED, _UNREAD
    answered: Mapping[str, str] = {}
    if isinstance(observed, Live):
        verdict, why = Verdict.EQUAL, "The resource is read by it: another value would be another resource."
        answered = desired.kind.parse_id(str(observed.body.get("id"))) or {}
    elif isinstance(observed, Absent):
        verdict, why = Verdict.CHANGE, "The resource does not exist: the PUT that creates it names it so."
    for name, value in desired.params.items():
        origin, live = desired.origin((name,)), answered.get(name, MISSING)
        yield Row(name, verdict, why, FieldClass.NAME, stated=value, origin=origin, observed=live)


class _Body:
    """One resource, with the inputs that explain each of its leaves."""

    def __init__(self, desired: Desired, observed: Observed, tracking: Tracking, ignore: Sequence[IgnoreRule]) -> None:
        self.desired = desired
        self.observed = observed
        self.tracking = tracking
        self.live: Any = observed.body if isinstance(observed, Live) else MISSING
        self.rules = [rule for rule in ignore if rule.covers(desired.kind.name, desired.name)]
        self.found: dict[Steps, FieldChange] = {}
        self.told: set[Steps] = set()
        self.ignored: frozenset[Steps] = frozenset()
        if isinstance(observed, Live):
            met = beside(desired, observed.body)
            self.desired, self.live = met.desired, met.live
            self.found = {field.steps: field for field in compare(desired, observed.body, tracking).fields}
            self.ignored = frozenset(compare(desired, observed.body, tracking, ignore).ignored)

    def row(self, leaf: Leaf) -> Row:
        """Return the row of one leaf."""
        finding = self._finding(leaf)
        if finding is not None:
            self.told.add(finding.steps)
        verdict, why = self._found(leaf, finding) if finding else self._unfound(leaf)
        default = self._absence(leaf, self.desired.body) if leaf.want is MISSING else MISSING
        desired, observed = self._compared(leaf, default)
        hidden = finding is not None and verdict is Verdict.IGNORED
        steps = leaf.place.steps
        return Row(
            path=format_steps(self.desired.kind.rules, leaf.place.steps, self.desired.body, self.live),
            verdict=verdict,
            why=why,
            field_class=leaf.field_class,
            rules=tuple(_rules(leaf)),
            stated=_shown(leaf, leaf.want),
            origin=self._origin(leaf.place.steps) if leaf.want is not MISSING else None,
            default=printable(default, steps),
            observed=_shown(leaf, leaf.have),
            compared_desired=desired,
            compared_observed=observed,
            hidden_by=self._hiding(finding) if finding is not None and hidden else (),
        )

    def untold(self) -> Iterator[Leaf]:
        """Yield what is found and has no leaf of its own: an element that is there and empty."""
        rules = self.desired.kind.rules
        for steps in [steps for steps in self.found if steps not in self.told]:
            *above, rule = rules.along(steps)
            want, have = lookup(rules, self.desired.body, steps), lookup(rules, self.live, steps)
            yield Leaf(rule, want, have, Place(steps, tuple(above)))

    def _origin(self, steps: Steps) -> Origin:
        return self.desired.origin(written_path(self.desired.kind.rules, self.desired.body, steps))

    def _hiding(self, finding: FieldChange) -> tuple[IgnoreRule, ...]:
        return tuple(rule for rule in self.rules if matches(rule.path, finding.path))

    def _absence(self, leaf: Leaf, body: JsonObject) -> Any:
        if leaf.place.accepts or leaf.rule.read_only or leaf.rule.write_only:
            return MISSING
        return absence(self.desired.kind.rules, leaf.rule, body)

    def _compared(self, leaf: Leaf, default: Any) -> tuple[Any, Any]:
        """Return both sides in the form in which they are compared."""
        rule = leaf.rule
        if (
            rule.is_opaque
            or not isinstance(self.observed, Live)
            or leaf.field_class in {FieldClass.READ_ONLY, FieldClass.WRITE_ONLY}
            or leaf.want is None
        ):
            return MISSING, MISSING
        want = default if leaf.want is MISSING else leaf.want
        have = leaf.have if leaf.is_live else MISSING
        if have is MISSING:
            have = self._absence(leaf, self.observed.body)
            have = rule.implied if have is MISSING and leaf.want is not MISSING else have
        if want is MISSING:
            return MISSING, MISSING
        if isinstance(want, FromEnvironment):
            same = normalize(rule.normalize, want) == normalize(rule.normalize, have) or is_same_place(want, have)
            return HIDDEN, HIDDEN if same else HIDDEN_CHANGED
        hides = any(isinstance(side, Secret) and not _is_link(rule, side) for side in (want, have))
        if hides and have is not MISSING and have != want:
            return HIDDEN, HIDDEN_CHANGED
        wanted, had = _form(rule, want), _form(rule, have)
        return (
            printable_pair(wanted, had, leaf.place.steps)
            if have is not MISSING
            else (printable(wanted, leaf.place.steps), had)
        )

    def _finding(self, leaf: Leaf) -> FieldChange | None:
        """Return the finding that speaks of a leaf: its own, one of something in it, or one of what it is part of."""
        steps = leaf.place.steps
        if leaf.field_class is FieldClass.READ_ONLY or self._is_own_tag(leaf):
            return None
        if steps in self.found:
            return self.found[steps]
        within = [field for key, field in self.found.items() if key[: len(steps)] == steps]
        if within:
            return min(within, key=lambda field: list(Verdict).index(Verdict(field.finding.value)))
        if leaf.want is MISSING and not leaf.is_live:
            return None
        whole = next((self.found[steps[:end]] for end in range(len(steps)) if steps[:end] in self.found), None)
        if whole is not None and whole.finding is Finding.UNDECLARED and self._is_explained(leaf, whole):
            return None
        return whole

    def _is_explained(self, leaf: Leaf, whole: FieldChange) -> bool:
        """Whether a leaf of an object that nobody states is live with what its absence means."""
        if leaf.rule.is_opaque or any(
            rule.shape is not Shape.OBJECT for rule in leaf.place.above[len(whole.steps) - 1 :]
        ):
            return False
        default = self._absence(leaf, self.desired.body)
        if default is MISSING:
            return leaf.place.accepts or is_same(leaf.rule, leaf.have, leaf.rule.implied)
        return _text(_form(leaf.rule, default)) == _text(_form(leaf.rule, leaf.have))

    def _is_own_tag(self, leaf: Leaf) -> bool:
        steps = leaf.place.steps
        return len(steps) == 2 and steps[0] == "tags" and self.tracking.is_own_name(str(steps[1]))  # noqa: PLR2004

    def _found(self, leaf: Leaf, finding: FieldChange) -> tuple[Verdict, str]:
        """Return the word and the reason of a leaf that a plan reports."""
        verdict, why = Verdict(finding.finding.value), self._reason(leaf, finding)
        part = f"Part of {finding.path}. " if len(finding.steps) < len(leaf.place.steps) else ""
        if finding.steps not in self.ignored:
            return verdict, part + why
        rules = "; ".join(
            f"{rule.reason}{f' (until {rule.expires})' if rule.expires else ''}" for rule in self._hiding(finding)
        )
        then = "A PUT leaves it out" if any(rule.omit for rule in self._hiding(finding)) else "The live value stays"
        return Verdict.IGNORED, f"{part}An ignore rule hides that it is {verdict}: {rules}. {then}."

    def _reason(self, leaf: Leaf, finding: FieldChange) -> str:
        if finding.finding is Finding.UNVERIFIED:
            if finding.unset is not None:
                return f"It comes from the variable {finding.unset}, which is not set here, so it is not compared."
            return self._unverified()
        if finding.finding is Finding.UNDECLARED:
            return _undeclared(leaf)
        if finding.finding is Finding.IMMUTABLE:
            return "Azure has another value than is stated, and it is frozen after create: the resource is blocked."
        return self._change(leaf, finding)

    def _unverified(self) -> str:
        if not self.tracking.tags:
            return "Azure never returns it, and with tracking off nothing records what was sent."
        recorded = self.tracking.digest_of(self.live)
        lack = "no digest of it is recorded" if recorded is None else "the digest in its tag is not one of ours"
        return f"Azure never returns it, and {lack}: one PUT records it, unless --no-adopt is given."

    def _change(self, leaf: Leaf, finding: FieldChange) -> str:
        if leaf.field_class is FieldClass.WRITE_ONLY:
            return "Azure never returns it, and the digest recorded on the resource is that of other content."
        removed = self._removed(leaf, finding)
        if finding.refusal is Refusal.REMOVAL:
            guard = next((rule.removal_guard for rule in leaf.place.above if rule.removal_guard), ())
            unless = f" unless {'.'.join(guard)} is true" if guard else ""
            return f"{removed}, which Azure refuses{unless}: the resource is blocked."
        if finding.refusal is Refusal.CANNOT_UNSET:
            return f"{removed}, and Azure cannot clear it: the resource is blocked."
        if finding.op is Op.REMOVE or finding.desired is MISSING:
            return f"{removed}: a PUT takes it away."
        if finding.origin == "default":
            return "Nothing states it, and Azure has another value than its default: a PUT states the default."
        return (
            "Azure does not have it: a PUT adds it."
            if finding.op is Op.ADD
            else "Azure has another value: a PUT sets what is stated."
        )

    def _removed(self, leaf: Leaf, finding: FieldChange) -> str:
        if leaf.want is None:
            return "null says that it must not be set"
        origin = self._origin(finding.steps[:-1])
        return f"{origin.file}:{origin.line} states all of what is there, without this"

    def _unfound(self, leaf: Leaf) -> tuple[Verdict, str]:
        """Return the word and the reason of a leaf that a plan says nothing of."""
        if leaf.field_class is FieldClass.READ_ONLY:
            return Verdict.READ_ONLY, "Azure sets it: never sent, never compared."
        if self._is_own_tag(leaf) and leaf.want is MISSING:
            return Verdict.NOT_STATED, "The reconciler's own tag: written with a PUT, never a reason for one by itself."
        if leaf.want is not MISSING:
            return self._stated(leaf)
        if leaf.place.accepts:
            return Verdict.SERVER_POPULATED, "Nothing states it: whatever Azure picks is accepted."
        default = self._absence(leaf, self.desired.body)
        if default is not MISSING:
            return Verdict.DEFAULT, self._default(leaf)
        if is_same(leaf.rule, leaf.have, leaf.rule.implied):
            return Verdict.NOT_STATED, "Nothing states it, and Azure has what its absence in an answer means."
        if leaf.have is not MISSING:
            return Verdict.NOT_STATED, "Nothing states it, and what Azure has is empty, which is the same."
        return Verdict.NOT_STATED, "Nothing states it, Azure does not have it, and its absence means nothing more."

    def _default(self, leaf: Leaf) -> str:
        if leaf.is_live:
            return "Nothing states it, and Azure has the default."
        if isinstance(self.observed, Live):
            return "Nothing states it, and Azure does not send it: on both sides that means the default."
        return "Nothing states it: Azure will use the default, which is not sent."

    def _stated(self, leaf: Leaf) -> tuple[Verdict, str]:
        if isinstance(self.observed, Absent):
            if leaf.want is None:
                return (
                    Verdict.EQUAL,
                    "null says that it must not be set: the PUT that creates the resource leaves it out.",
                )
            return Verdict.CHANGE, "The resource does not exist: the PUT that creates it sends this."
        if not isinstance(self.observed, Live):
            return Verdict.UNVERIFIED, _UNREAD
        if leaf.want is None:
            return Verdict.EQUAL, "null says that it must not be set, and Azure does not have it, or what that means."
        if leaf.field_class is FieldClass.WRITE_ONLY:
            return Verdict.EQUAL, "Azure never returns it. By the digest in its tag, it is what was sent last."
        return Verdict.EQUAL, self._equal(leaf)

    def _equal(self, leaf: Leaf) -> str:
        if not leaf.is_live:
            has_meaning = meant(self.desired.kind.rules, leaf.rule, self.live) is not MISSING
            return (
                "Azure does not send it, which means its default: what is stated."
                if has_meaning
                else "Azure does not send it, and an empty one is the same."
            )
        if isinstance(leaf.want, Secret) and leaf.want != leaf.have:
            return "The links differ in their query part at most, which never counts."
        if _text(leaf.want) == _text(leaf.have):
            return "Azure has what is stated."
        name = leaf.rule.normalize
        return (
            f"Only the spelling differs: compared as {name}, both are the same."
            if name
            else "Only the spelling differs."
        )


def _undeclared(leaf: Leaf) -> str:
    if leaf.rule.is_opaque:
        return "The schema does not know it: reported, and carried over by a PUT."
    has_default = leaf.rule.default is not MISSING or leaf.rule.default_from is not None
    if has_default and leaf.field_class is FieldClass.FROZEN:
        return "Nothing states it and it is not the default, but it is frozen after create: reported, and left alone."
    return "Azure has it and nothing states it: reported, left alone, and carried over by a PUT."


def _rules(leaf: Leaf) -> Iterator[str]:
    """Yield what the schema says of how a leaf is compared and written."""
    parent = leaf.place.above[-1] if leaf.place.above else None
    if parent is not None and parent.shape is Shape.LIST and parent.list_type != "map":
        yield "part of a set" if parent.list_type == "set" else "compared in its order"
    rule = leaf.rule
    if rule.is_opaque:
        return
    if rule.normalize is not None:
        yield f"compared as {rule.normalize}"
    if rule.write_only:
        yield "compared by digest"
    if rule.required:
        yield "required"
    yield from _meaning(rule)
    if leaf.place.accepts or rule.server_populated:
        yield "absence accepts what Azure picks"
    if rule.secret:
        yield "may hold a secret"


def _meaning(rule: Rule) -> Iterator[str]:
    """Yield what absence means."""
    if rule.default_from is not None:
        yield f"default: the value of {'.'.join(rule.default_from)}"
    elif rule.default is not MISSING:
        yield f"default {canonical(rule.default)}"
    elif rule.implied is not MISSING:
        yield f"absent in an answer: {canonical(rule.implied)}"


def _is_link(rule: Rule, value: Any) -> bool:
    return isinstance(value, SecretUrl) and rule.normalize == "blob-url"


def _form(rule: Rule, value: Any) -> Any:
    """Return the form in which a leaf is compared; of a secret, what may be shown."""
    if value is MISSING:
        return MISSING
    if isinstance(value, Secret) and not _is_link(rule, value):
        return HIDDEN
    return shown(normalize(rule.normalize, value))


def _shown(leaf: Leaf, value: Any) -> Any:
    if leaf.field_class is FieldClass.WRITE_ONLY and value not in (MISSING, None) and not isinstance(value, SecretUrl):
        return WRITE_ONLY
    return printable(value, leaf.place.steps)


def _text(value: Any) -> str:
    return canonical(shown(value))
