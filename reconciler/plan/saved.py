"""
A plan that can be reviewed, kept and applied later, and refuses each item whose inputs have changed since.

The file holds digests and no bodies: an apply renders them again from the manifests. A resource that waits for another
client's operation is not in it: its action is unknown until that operation has ended. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from reconciler import __version__
from reconciler.compare.diff import Comparison, compare
from reconciler.compare.fingerprint import digest_of, fingerprint, rules_digest
from reconciler.compare.normalize import normalized
from reconciler.errors import ErrorCode, ErrorInfo, PlanFileError
from reconciler.http.origin import is_same_origin
from reconciler.kinds.normal_forms import canonical
from reconciler.kinds.variables import told
from reconciler.model.about import About
from reconciler.model.change import Action
from reconciler.model.outcome import Outcome, Result
from reconciler.plan.body import put_body
from reconciler.plan.checksum import opened, sealed_text
from reconciler.plan.decide import Policy, signatures_of
from reconciler.plan.versions import version_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from reconciler.kinds.tracking import Tracking
    from reconciler.model.change import Change, Plan
    from reconciler.model.desired import Desired
    from reconciler.values import JsonObject

SCHEMA_VERSION: Final = 1
LIFETIME: Final = timedelta(days=7)
_DIGESTS: Final = ("manifest", "rules", "live", "settings")
_USUAL: Final = Policy()
_NOTHING: Final = About()


@dataclass(frozen=True, slots=True)
class SavedItem:
    """
    The inputs of the decision on one item of a plan, and its result, as digests.

    Attributes:
        address: Kind and name, for saying which item it is.
        rules: Of the kind.
        live: None for a resource that was absent.
        settings: The project file's part in it: the request, its signatures, and the other settings.
    """

    address: str
    action: str
    manifest: str
    rules: str
    live: str | None
    settings: str


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """
    The items of a plan file by folded resource id.

    Attributes:
        policy: The policy of the run that applies the plan.
    """

    items: Mapping[str, SavedItem]
    policy: Policy = _USUAL

    def require(self, declared: Collection[str]) -> None:
        """
        Check that every item still has its manifest: else the plan cannot be applied as it was reviewed.

        Args:
            declared: Folded ids of all declared resources.

        Raises:
            PlanFileError: With the items that have none.
        """
        missing = sorted(item.address for key, item in self.items.items() if key not in declared)
        if missing:
            message = f"no manifest declares {', '.join(missing)} any more"
            raise _unusable(message)

    def within(self, policy: Policy) -> SavedPlan:
        """Return the plan for a run with *policy*."""
        return replace(self, policy=policy)

    def refusal(self, desired: Desired, action: Action, live: JsonObject | None) -> ErrorInfo | None:
        """
        Return why an item of the saved plan must not be written now; None if its inputs are the same.

        Args:
            desired: As rendered now.
            action: As decided now.
            live: As read now.
        """
        saved = self.items.get(desired.key)
        if saved is None:
            return _refused("the saved plan does not write this resource")
        now = _item(desired, action, live, self.policy)
        moved = [name for name in ("action", *_DIGESTS) if getattr(saved, name) != getattr(now, name)]
        if len(moved) > 1 and "settings" in moved:
            moved.remove("settings")  # the fields that rules ignore follow from the other inputs
        return _refused(f"changed since the plan was made: {', '.join(moved)}") if moved else None

    def check(self, plan: Plan, live: Mapping[str, JsonObject]) -> tuple[dict[str, Outcome], int]:
        """
        Return an outcome for each resource that an apply would refuse or leave alone, and the number compared.

        Args:
            plan: As decided now.
            live: The live bodies by folded id, as read now.
        """
        compared = [change for change in plan.changes if change.action.writes or change.desired.key in self.items]
        outcomes = ((change.desired.key, self._check(change, live.get(change.desired.key))) for change in compared)
        return {key: outcome for key, outcome in outcomes if outcome is not None}, len(compared)

    def _check(self, change: Change, live: JsonObject | None) -> Outcome | None:
        if change.action is Action.NONE:
            return Outcome(change, Result.UNCHANGED)
        refusal = change.error or self.refusal(change.desired, change.action, live)
        return Outcome(change, Result.REFUSED, refusal) if refusal else None


def _refused(message: str) -> ErrorInfo:
    return ErrorInfo(ErrorCode.PLAN_MOVED, message, fix="plan again, and have the new plan reviewed")


def save(
    plan: Plan,
    live: Mapping[str, JsonObject | None],
    project: str | None,
    now: datetime,
    policy: Policy = _USUAL,
    *,
    about: About = _NOTHING,
) -> str:
    """
    Return the text of a plan file.

    Args:
        plan: Whose writes are to be kept.
        live: The live bodies it was made from, by folded id.
        project: The project's name.
        now: When it was made.
        policy: That it was made under.
        about: The environment, cloud and endpoint that it was made for.
    """
    writes = [change for change in plan.changes if change.action.writes]
    content = {
        "schemaVersion": SCHEMA_VERSION,
        "reconcilerVersion": __version__,
        "project": project,
        "environment": about.environment,
        "cloud": about.cloud,
        "endpoint": about.endpoint,
        "createdAt": now.isoformat(),
        "expiresAt": (now + LIFETIME).isoformat(),
        "items": [_saved(change, live.get(change.desired.key), policy) for change in writes],
    }
    return sealed_text(content)


def _saved(change: Change, live: JsonObject | None, policy: Policy) -> dict[str, Any]:
    item = _item(change.desired, change.action, live, policy)
    return {
        "id": change.desired.id,
        "kind": change.desired.kind.name,
        "name": change.desired.name,
        "action": item.action,
        **{name: getattr(item, name) for name in _DIGESTS},
    }


def _item(desired: Desired, action: Action, live: JsonObject | None, policy: Policy) -> SavedItem:
    rules = desired.kind.rules
    return SavedItem(
        address=desired.address,
        action=action.value,
        manifest=fingerprint(desired),
        rules=rules_digest(desired.kind),
        live=digest_of(normalized(rules, told(desired, live))) if live is not None else None,
        settings=_settings_digest(desired, live, policy),
    )


def _settings_digest(desired: Desired, live: JsonObject | None, policy: Policy) -> str:
    """
    Return a digest of the project file's effect on one item: its request, and the settings that decide about it.

    An ignore rule that hides nothing of the item has no effect. The commit is left out, as a plan may be applied from a
    later one. Secrets are left out, as they rotate; the host and source of a signature are included.
    """
    tracking = replace(policy.tracking, commit=None)
    found = compare(desired, live, tracking, policy.ignore) if live is not None else Comparison()
    signed = signatures_of(desired, live, found, policy)
    links = [link.base for _, link in desired.kind.placed_links(desired.body)]
    near = [rule for rule in policy.storage if any(is_same_origin(rule.prefix, base) for base in links)]
    return digest_of(
        {
            "ignored": sorted(map(list, found.ignored), key=canonical),
            "omitted": sorted(map(list, found.omitted), key=canonical),
            "prefix": tracking.prefix if tracking.tags else None,
            "signatures": [[each.path, each.host, each.source] for each in signed],
            "storage": [[rule.prefix, rule.source] for rule in near],
            "request": _request(desired, live, found, tracking),
            "apiVersion": version_of(desired, live, found, tracking, policy.versions).name,
            "project": policy.settings,
        }
    )


def _request(desired: Desired, live: JsonObject | None, found: Comparison, tracking: Tracking) -> JsonObject:
    """Return the normal form of the body of the PUT, names of variables in place of their values."""
    body = put_body(desired, live, found, tracking)
    return normalized(desired.kind.rules, told(desired, body))


def check_about(content: bytes, schema: JsonObject, about: About) -> None:
    """
    Check that a plan file is for the environment, cloud and endpoint of a run, before its manifests are read.

    Raises:
        PlanFileError: It is not, or it is no plan.
    """
    saved = _opened(content, schema)
    made = About(saved["environment"], cloud=saved["cloud"], endpoint=saved["endpoint"])
    if difference := made.difference(about):
        message = f"this plan was made {difference}"
        raise _unusable(message)


def read(content: bytes, schema: JsonObject, project: str | None, now: datetime) -> SavedPlan:
    """
    Read a plan file.

    Raises:
        PlanFileError: It is no plan, was edited or cut, has expired, or is another project's or another version's.
    """
    saved = _opened(content, schema)
    expires = datetime.fromisoformat(saved["expiresAt"])
    if saved["project"] != project:
        message = f"this plan was made for {_project(saved['project'])}, and this run is for {_project(project)}"
        raise _unusable(message)
    if expires <= now:
        message = f"it expired at {saved['expiresAt']}"
        raise _unusable(message)
    return SavedPlan({item["id"].lower(): _read_item(item) for item in saved["items"]})


def _opened(content: bytes, schema: JsonObject) -> dict[str, Any]:
    try:
        saved = opened(content, "plan", schema, {"schemaVersion": SCHEMA_VERSION, "reconcilerVersion": __version__})
        datetime.fromisoformat(saved["expiresAt"])
    except ValueError as error:
        raise _unusable(str(error)) from None
    return saved


def _project(name: str | None) -> str:
    return "no project" if name is None else f"project {name}"


def _read_item(item: Mapping[str, Any]) -> SavedItem:
    address = f"{item['kind']}/{item['name']}"
    return SavedItem(address, item["action"], *(item[name] for name in _DIGESTS))


def _unusable(why: str) -> PlanFileError:
    return PlanFileError(f"the plan file cannot be used: {why}")
