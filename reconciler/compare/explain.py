"""
Explains one resource leaf by leaf: why each value is, or is not, a change. Pure, and decides nothing.

The differences come from :func:`compare`; every other leaf gets a verdict and a reason here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reconciler.compare.diff import WRITE_ONLY, compare
from reconciler.compare.normalize import absence, is_same, meant
from reconciler.compare.reasons import rules_of, undeclared
from reconciler.compare.rows import Row, Verdict
from reconciler.kinds.leaves import FieldClass, Leaf, Place, leaves
from reconciler.kinds.live import Live
from reconciler.kinds.normal_forms import canonical, is_same_place, normalize
from reconciler.kinds.paths import Steps, format_steps, lookup, matches, written_path
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.variables import Doubt, beside
from reconciler.model.change import FieldChange, Finding, Op, Refusal
from reconciler.model.live import Absent, Observed
from reconciler.secret.text import (
    HIDDEN,
    HIDDEN_CHANGED,
    FromEnvironment,
    Secret,
    SecretUrl,
    printable,
    printable_pair,
    quotable_in,
    shown,
    without_known,
)
from reconciler.values import MISSING, JsonObject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.kinds.tracking import Tracking
    from reconciler.manifests.project import IgnoreRule
    from reconciler.model.desired import Desired
    from reconciler.problems import Origin


_UNREAD: Final = "The resource could not be read, so its live values are unknown."
_DOUBTS: Final = {
    Doubt.UNSET: ", which is not set here, so it is not compared.",
    Doubt.HIDDEN: ", and the snapshot does not contain the live one, so it is not compared.",
    Doubt.UNANSWERED: ". Azure returns it without its query: the rest is equal, and --republish sends the query anew.",
}
_NAME_ONLY: Final = (
    "Azure never returns this field. Its tag records the variable that it was sent from, and nothing of the value: "
    "--republish sends a new one."
)


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
    rows = [body.row(leaf) for leaf in leaves(desired.kind.rules, body.desired.body, body.live)]
    rows += [body.row(leaf) for leaf in body.untold()]
    return (*_names(desired, observed), *sorted(rows, key=lambda row: row.path))


def _names(desired: Desired, observed: Observed) -> Iterator[Row]:
    """Yield the rows of the URI parameters."""
    verdict, why = Verdict.UNVERIFIED, _UNREAD
    answered: Mapping[str, str] = {}
    if isinstance(observed, Live):
        verdict, why = Verdict.EQUAL, "Part of the resource's id: another value is another resource."
        answered = desired.kind.parse_id(str(observed.body.get("id"))) or {}
    elif isinstance(observed, Absent):
        verdict, why = Verdict.CHANGE, "The resource does not exist: a PUT creates it under this name."
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
            rules=tuple(rules_of(leaf)),
            stated=_shown(leaf, leaf.want),
            origin=self._origin(leaf.place.steps) if leaf.want is not MISSING else None,
            default=printable(default, steps),
            observed=self._observed(leaf),
            compared_desired=desired,
            compared_observed=observed,
            hidden_by=self._hiding(finding) if finding is not None and hidden else (),
        )

    def _observed(self, leaf: Leaf) -> Any:
        """Return the live value of a leaf; one that Azure words itself may quote what was sent."""
        value = _shown(leaf, leaf.have)
        is_azures = leaf.field_class is FieldClass.READ_ONLY and value is not MISSING
        return without_known(value, quotable_in(self.desired.body)) if is_azures else value

    def untold(self) -> Iterator[Leaf]:
        """Yield the findings that have no leaf of their own, such as an empty element."""
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
        """Return the finding about a leaf: its own, one of a part of it, or one of a value that contains it."""
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
        """Return whether a leaf of an undeclared object is live with the value that its absence means."""
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
        """Return verdict and reason of a leaf that a plan reports."""
        verdict, why = Verdict(finding.finding.value), self._reason(leaf, finding)
        part = f"Part of {finding.path}. " if len(finding.steps) < len(leaf.place.steps) else ""
        if finding.steps not in self.ignored:
            return verdict, part + why
        rules = "; ".join(
            f"{rule.reason}{f' (until {rule.expires})' if rule.expires else ''}" for rule in self._hiding(finding)
        )
        then = "A PUT omits it" if any(rule.omit for rule in self._hiding(finding)) else "The live value stays"
        return Verdict.IGNORED, f"{part}An ignore rule hides this finding ({verdict}): {rules}. {then}."

    def _reason(self, leaf: Leaf, finding: FieldChange) -> str:
        if finding.finding is Finding.UNVERIFIED:
            if finding.unknown is not None:
                return f"Its value comes from the variable {finding.unknown.variable}{_DOUBTS[finding.unknown.doubt]}"
            return self._unverified()
        if finding.finding is Finding.UNDECLARED:
            return undeclared(leaf)
        if finding.finding is Finding.IMMUTABLE:
            return "The live value differs, and the field is immutable after creation: the resource is blocked."
        return self._change(leaf, finding)

    def _unverified(self) -> str:
        if not self.tracking.tags:
            return "Azure never returns this field, and without tracking no digest of it is recorded."
        recorded = self.tracking.digest_of(self.live)
        lack = "no digest of it is recorded" if recorded is None else "the digest in its tag is not the reconciler's"
        return f"Azure never returns this field, and {lack}: one PUT records it, except with --no-adopt."

    def _change(self, leaf: Leaf, finding: FieldChange) -> str:
        if leaf.field_class is FieldClass.WRITE_ONLY:
            return "Azure never returns this field, and the digest recorded on the resource is of other content."
        removed = self._removed(leaf, finding)
        if finding.refusal is Refusal.REMOVAL:
            guard = next((rule.removal_guard for rule in leaf.place.above if rule.removal_guard), ())
            unless = f" unless {'.'.join(guard)} is true" if guard else ""
            return f"{removed}, and Azure refuses the removal{unless}: the resource is blocked."
        if finding.refusal is Refusal.CANNOT_UNSET:
            return f"{removed}, and Azure cannot clear it: the resource is blocked."
        if finding.op is Op.REMOVE or finding.desired is MISSING:
            return f"{removed}: a PUT removes it."
        if finding.origin == "default":
            return "Not declared, and the live value is not the default: a PUT sends the default."
        return (
            "Not live: a PUT adds it."
            if finding.op is Op.ADD
            else "The live value differs: a PUT sets the declared one."
        )

    def _removed(self, leaf: Leaf, finding: FieldChange) -> str:
        if leaf.want is None:
            return "null means that it must not be set"
        origin = self._origin(finding.steps[:-1])
        return f"{origin.file}:{origin.line} declares the complete list or object, without this"

    def _unfound(self, leaf: Leaf) -> tuple[Verdict, str]:
        """Return verdict and reason of a leaf that a plan does not report."""
        if leaf.field_class is FieldClass.READ_ONLY:
            return Verdict.READ_ONLY, "Set by Azure: never sent, never compared."
        if self._is_own_tag(leaf) and leaf.want is MISSING:
            return Verdict.NOT_STATED, "The reconciler's own tag: written with a PUT, but never the reason for one."
        if leaf.want is not MISSING:
            return self._stated(leaf)
        if leaf.place.accepts:
            return Verdict.SERVER_POPULATED, "Not declared: any value that Azure chooses is accepted."
        default = self._absence(leaf, self.desired.body)
        if default is not MISSING:
            return Verdict.DEFAULT, self._default(leaf)
        if is_same(leaf.rule, leaf.have, leaf.rule.implied):
            return Verdict.NOT_STATED, "Not declared, and the live value is the one that absence from an answer means."
        if leaf.have is not MISSING:
            return Verdict.NOT_STATED, "Not declared, and the live value is empty, which is the same."
        return Verdict.NOT_STATED, "Neither declared nor live, and without a default."

    def _default(self, leaf: Leaf) -> str:
        if leaf.is_live:
            return "Not declared, and the live value is the default."
        if isinstance(self.observed, Live):
            return "Neither declared nor answered: on both sides, absence means the default."
        return "Not declared: Azure uses the default, which is not sent."

    def _stated(self, leaf: Leaf) -> tuple[Verdict, str]:
        if isinstance(self.observed, Absent):
            if leaf.want is None:
                return (
                    Verdict.EQUAL,
                    "null means that it must not be set: the PUT that creates the resource omits it.",
                )
            return Verdict.CHANGE, "The resource does not exist: the PUT that creates it sends this value."
        if not isinstance(self.observed, Live):
            return Verdict.UNVERIFIED, _UNREAD
        if leaf.want is None:
            return (
                Verdict.EQUAL,
                "null means that the value must not be set; it is not live, or null is the same as absent here.",
            )
        if leaf.field_class is FieldClass.WRITE_ONLY:
            if isinstance(leaf.want, FromEnvironment):
                return Verdict.EQUAL, _NAME_ONLY
            return (
                Verdict.EQUAL,
                "Azure never returns this field. The digest in its tag matches the declared content.",
            )
        return Verdict.EQUAL, self._equal(leaf)

    def _equal(self, leaf: Leaf) -> str:
        if not leaf.is_live:
            has_meaning = meant(self.desired.kind.rules, leaf.rule, self.live) is not MISSING
            return (
                "Not answered, which means the default: the declared value."
                if has_meaning
                else "Not answered, and an empty value is the same."
            )
        if isinstance(leaf.want, Secret) and leaf.want != leaf.have:
            return "The links differ in their query at most, which is not compared."
        if _text(leaf.want) == _text(leaf.have):
            return "The live value is the declared one."
        name = leaf.rule.normalize
        return (
            f"Only the spelling differs: compared as {name}, both are equal." if name else "Only the spelling differs."
        )


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
