"""Reports built by hand, which between them hold every action, reason, finding and outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from reconciler.errors import ErrorInfo
from reconciler.kinds.live import Health, Live, Replication
from reconciler.kinds.packaged import packaged
from reconciler.model.about import About
from reconciler.model.change import (
    Action,
    Cause,
    Change,
    FieldChange,
    Finding,
    LatestMove,
    Op,
    Plan,
    Reason,
    Refusal,
    Sync,
    Version,
)
from reconciler.model.desired import Desired
from reconciler.model.live import Unmanaged
from reconciler.model.outcome import Held, Outcome, Report, Result
from reconciler.model.rollout import Awaited, RolloutState, StepToCome
from reconciler.problems import Problem, Source
from reconciler.values import MISSING

if TYPE_CHECKING:
    from reconciler.kinds.kind import Kind

VERSION = packaged().kinds["GalleryApplicationVersion"]
STARTED = datetime(2026, 11, 21, 20, 25, 0, 999_999, tzinfo=UTC)
FINISHED = datetime(2026, 11, 21, 22, 25, 1, tzinfo=timezone(timedelta(hours=2)))

ABOUT = About("prod", "endpoint", "public", commit="c0ffee" * 6 + "c0ff")

SYNC_OF = {
    Action.CREATE: Sync.MISSING,
    Action.UPDATE: Sync.OUT_OF_SYNC,
    Action.NONE: Sync.IN_SYNC,
    Action.BLOCKED: Sync.OUT_OF_SYNC,
    Action.WAIT: Sync.UNKNOWN,
    Action.PAUSED: Sync.OUT_OF_SYNC,
    Action.UNKNOWN: Sync.UNKNOWN,
}
HEALTH_OF = {
    Action.CREATE: Health.UNKNOWN,
    Action.WAIT: Health.PROGRESSING,
    Action.UNKNOWN: Health.UNKNOWN,
}


def kind(name: str = "GalleryApplicationVersion") -> Kind:
    """Return a stand-in: a report asks a kind for its name, its summary and its fields only."""
    return cast("Kind", SimpleNamespace(name=name, summary=VERSION.summary, rules=VERSION.rules))


def desired(name: str, *, file: str = "manifests/agent.yaml", line: int = 2, of: str | None = None) -> Desired:
    """Return a resource whose id is made of its name."""
    id_ = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/c/applications/a/versions/{name}"
    return Desired(
        kind=kind(of) if of is not None else kind(),
        name=name,
        id=id_,
        key=id_.casefold(),
        parent=None,
        params={},
        body={},
        labels={},
        source=Source(file, line, 0),
        locate=lambda _: (1, 1),
        slot="a",
    )


def field(  # noqa: D103
    path: str, op: Op, observed: Any = MISSING, wanted: Any = MISSING, *, line: int | None = 21, **more: Any
) -> FieldChange:
    finding = more.pop("finding", Finding.CHANGE)
    return FieldChange((path,), path, finding, op, observed, wanted, line=line, **more)


def change(name: str, action: Action, reason: Reason, *fields: FieldChange, **more: Any) -> Change:
    """Return a change with the sync and the health that its action usually has."""
    made = Change(
        desired(name),
        action,
        reason,
        SYNC_OF[action],
        HEALTH_OF.get(action, Health.HEALTHY),
        fields,
    )
    return replace(made, **more)


def unmanaged(name: str, state: str = "Succeeded") -> Unmanaged:
    """Return a live resource that no manifest states."""
    return Unmanaged(
        kind(), name, f"/subscriptions/s/versions/{name}", Live({"properties": {"provisioningState": state}})
    )


def report(command: str, *changes: Change, **more: Any) -> Report:
    """Return a report of as many manifests as changes, with the number of PUTs that its plan makes."""
    plan = Plan(changes, more.pop("unmanaged", ()), more.pop("latest", ()))
    base = Report(command, STARTED, FINISHED, plan, requests={"GET": 4}, puts=plan.puts)
    return replace(base, **more)


def applied(*outcomes: Outcome, **more: Any) -> Report:
    """Return the report of an apply that came to these outcomes."""
    sent = sum(outcome.change.action.writes for outcome in outcomes)
    made = report("apply", *(outcome.change for outcome in outcomes))
    keyed = {outcome.change.desired.key: outcome for outcome in outcomes}
    return replace(made, outcomes=keyed, puts=sent, requests={"GET": 9, "PUT": sent}, **more)


IN_SYNC = change("in-sync", Action.NONE, Reason.IN_SYNC)
SCRIPT = "#!/bin/sh\nset -eu\ntar -xf package.tar\n./install\n"
LONG = "https://mystorageaccount.blob.core.windows.net/mycontainer/releases/2026/11/21/agent-package-{}.zip"

CREATE = change("create", Action.CREATE, Reason.NOT_FOUND)
CREATE = replace(
    CREATE,
    desired=replace(
        CREATE.desired,
        body={
            "properties": {
                "publishingProfile": {
                    "source": {"mediaLink": LONG.format("1.0.0")},
                    "targetRegions": [{"name": "West US", "regionalReplicaCount": 3}, {"name": "East US"}],
                    "replicaCount": 1,
                }
            }
        },
    ),
)
UPDATE = change(
    "update",
    Action.UPDATE,
    Reason.FIELDS_DIFFER,
    field("properties.publishingProfile.targetRegions[West US].regionalReplicaCount", Op.REPLACE, 1, 3),
    field("properties.publishingProfile.targetRegions[East US]", Op.ADD, MISSING, {"name": "East US"}, line=24),
    field("properties.publishingProfile.endOfLifeDate", Op.REMOVE, "2027-01-01T00:00:00Z", None, line=25),
    field("properties.publishingProfile.manageActions.install", Op.REPLACE, SCRIPT, SCRIPT.replace("-eu", "-eux")),
    field("properties.publishingProfile.source.mediaLink", Op.REPLACE, LONG.format("1.0.0"), LONG.format("1.0.1")),
    field("properties.publishingProfile.source.defaultConfigurationLink", Op.REPLACE, "(secret)", "(secret, changed)"),
    field("properties.publishingProfile.excludeFromLatest", Op.REPLACE, True, False, line=None, origin="default"),  # noqa: FBT003
    field("properties.publishingProfile.replicaCount", Op.REPLACE, None, "1", line=26),
    field("properties.settings.configFileName", Op.REPLACE, "C:\\agent.cfg", "", line=27),
    field("tags.note", Op.REPLACE, "two  blanks", 'say "hi"', line=28),
    field('tags["old name"]', Op.REMOVE, "x", line=None),
    field("tags.owner", Op.REPLACE, "", "a\tb\\", line=30),
    field("properties.mainTemplate", Op.REPLACE, MISSING, "(write-only)", line=32),
    field("tags.team", Op.ADD, MISSING, "endpoint", line=31),
    field("tags.zone", Op.ADD, "left by hand", MISSING, line=None, finding=Finding.UNDECLARED),
    ignored=2,
)
ADOPT = change(
    "adopt",
    Action.UPDATE,
    Reason.ADOPT,
    field("properties.mainTemplate", Op.REPLACE, MISSING, "(secret)", finding=Finding.UNVERIFIED),
)
AGAIN = change("again", Action.UPDATE, Reason.LAST_OPERATION_FAILED, health=Health.DEGRADED)
STUBBORN = change(
    "stubborn",
    Action.BLOCKED,
    Reason.DID_NOT_STICK,
    field("tags.team", Op.REPLACE, "other", "endpoint", line=9),
    fix="change the manifest, or restart the loop",
)
REPUBLISH = change("republish", Action.UPDATE, Reason.REPUBLISH)
FROZEN = change(
    "frozen",
    Action.BLOCKED,
    Reason.IMMUTABLE_FIELD,
    field(
        "properties.publishingProfile.source.mediaLink",
        Op.REPLACE,
        "https://a.blob.core.windows.net/c/1.zip",
        "https://a.blob.core.windows.net/c/2.zip",
        finding=Finding.IMMUTABLE,
        refusal=Refusal.IMMUTABLE,
    ),
    field("properties.publishingProfile.storageAccountType", Op.REPLACE, "a", "b", finding=Finding.IMMUTABLE),
    fix="publish a new version number",
)
REMOVAL = change(
    "removal",
    Action.BLOCKED,
    Reason.REMOVAL_REFUSED,
    field(
        "properties.publishingProfile.targetRegions[East US]",
        Op.REMOVE,
        {
            "name": "East US",
            "regionalReplicaCount": 1,
            "storageAccountType": "Standard_LRS",
            "encryption": {"a": [1, None]},
        },
        line=None,
        refusal=Refusal.REMOVAL,
    ),
    fix="set properties.safetyProfile.allowDeletionOfReplicatedLocations to true",
)
UNSET = change(
    "unset",
    Action.BLOCKED,
    Reason.CANNOT_UNSET,
    field("properties.publishingProfile.replicaCount", Op.REMOVE, 3, None, refusal=Refusal.CANNOT_UNSET),
)
NEWER_LIVE = change(
    "newer-live",
    Action.BLOCKED,
    Reason.NEWER_LIVE,
    field("properties.publishingProfile.replicaCount", Op.REPLACE, 1, 3),
    field(
        "properties.publishingProfile.targetRegions[West US].storageAccountType",
        Op.REMOVE,
        "PremiumV2_LRS",
        finding=Finding.UNDECLARED,
        refusal=Refusal.NEWER_LIVE,
        line=None,
    ),
    version=Version(
        "2024-03-03",
        is_newer=True,
        path="properties.publishingProfile.targetRegions[West US].storageAccountType",
        refusal=Refusal.NEWER_LIVE,
        most="2022-03-03",
    ),
    fix="raise the pin",
)
LAG = change(
    "lag",
    Action.BLOCKED,
    Reason.API_VERSION_LAG,
    field("properties.publishingProfile.storageAccountType", Op.ADD, MISSING, "PremiumV2_LRS", refusal=Refusal.LAG),
    version=Version("2024-03-03", is_newer=True, path="properties.publishingProfile.storageAccountType"),
    fix="remove the field",
)
ORPHAN = change(
    "orphan", Action.BLOCKED, Reason.PARENT_MISSING, sync=Sync.MISSING, fix="add --target GalleryApplication/a"
)
GROUPLESS = change("groupless", Action.BLOCKED, Reason.GROUP_MISSING, sync=Sync.MISSING, health=Health.UNKNOWN)
FOREIGN = change("foreign", Action.BLOCKED, Reason.OWNED_ELSEWHERE, fix="pass --take-over if it is yours")
RUNNING = change("running", Action.WAIT, Reason.OPERATION_RUNNING, field("tags.a", Op.REPLACE, "1", "2"))
PAUSED = change("paused", Action.PAUSED, Reason.PAUSED, field("tags.a", Op.REPLACE, "x", "y"))
UNREAD = change(
    "unread",
    Action.UNKNOWN,
    Reason.READ_FAILED,
    error=ErrorInfo("AuthorizationFailed", "The client may not read this.", 403, "3f2a", "grant Reader on the group"),
)
UNVERIFIED = change(
    "unverified",
    Action.NONE,
    Reason.IN_SYNC,
    field("properties.mainTemplate", Op.REPLACE, MISSING, "(secret)", finding=Finding.UNVERIFIED),
    sync=Sync.UNKNOWN,
)
UNDECLARED = change(
    "undeclared",
    Action.NONE,
    Reason.IN_SYNC,
    field("tags.zone", Op.REMOVE, "by hand", finding=Finding.UNDECLARED, line=None),
)
STRICT = replace(UNDECLARED, desired=desired("strict"), sync=Sync.OUT_OF_SYNC)
DEGRADED = change("degraded", Action.NONE, Reason.IN_SYNC, health=Health.DEGRADED)
REPLICATING = change("replicating", Action.NONE, Reason.IN_SYNC, health=Health.PROGRESSING)

TO_COME = (
    StepToCome(3, ("East US", "West US"), is_latest=False, soak=timedelta(minutes=90), window="office-hours"),
    StepToCome(4, (), is_latest=True, soak=timedelta(), window=None),
)
RESTING = replace(
    change("resting", Action.WAIT, Reason.ROLLOUT_WAITING),
    rollout=RolloutState(2, 4, ("North Europe",), STARTED + timedelta(days=1), Awaited.SOAK, to_come=TO_COME),
)
STOPPED = replace(
    change("stopped", Action.BLOCKED, Reason.ROLLOUT_FAILED, fix="pass --resume GalleryApplicationVersion/stopped"),
    rollout=RolloutState(2, 4, ("North Europe",), stopped="replication failed in North Europe", to_come=TO_COME[:1]),
)
STEPPING = replace(
    change("stepping", Action.UPDATE, Reason.FIELDS_DIFFER, field("properties.regions", Op.ADD, MISSING, "West US")),
    rollout=RolloutState(4, 4, is_latest=True),
    is_step=True,
    sync=Sync.UNKNOWN,
)
LATEST_LOST = change(
    "latest-lost",
    Action.BLOCKED,
    Reason.LATEST_LOST,
    field("properties.publishingProfile.excludeFromLatest", Op.REPLACE, "false", "true"),
    fix="pass --allow-latest-lost",
)
LATEST = (
    LatestMove("/subscriptions/s/applications/a", "North Europe", "1.10.0", None, "/subscriptions/s/versions/l"),
    LatestMove("/subscriptions/s/applications/a", "West Europe", None, "1.10.0"),
)
EVERY_CHANGE = (
    IN_SYNC,
    CREATE,
    UPDATE,
    ADOPT,
    AGAIN,
    REPUBLISH,
    FROZEN,
    REMOVAL,
    UNSET,
    NEWER_LIVE,
    LATEST_LOST,
    RESTING,
    STOPPED,
    STEPPING,
    LAG,
    ORPHAN,
    GROUPLESS,
    FOREIGN,
    RUNNING,
    PAUSED,
    UNREAD,
    UNVERIFIED,
    UNDECLARED,
    STRICT,
    DEGRADED,
    REPLICATING,
)
STRAYS = (unmanaged("0.9.0"), unmanaged("0.8.0", "Failed"), unmanaged("0.7.0", "Updating"))

REFUSED_BY_ARM = ErrorInfo("InvalidParameter", "The value of replicaCount is too large.", 400, "77c1", "lower it to 10")
ENDINGS = (
    Outcome(IN_SYNC, Result.UNCHANGED),
    Outcome(CREATE, Result.SUCCEEDED),
    Outcome(AGAIN, Result.SUCCEEDED),
    Outcome(REPUBLISH, Result.FAILED, REFUSED_BY_ARM),
    Outcome(ADOPT, Result.UNCHANGED),
    Outcome(
        change("later", Action.UPDATE, Reason.FIELDS_DIFFER), Result.SKIPPED, ErrorInfo("EarlierWaveFailed", "Wave 0.")
    ),
    Outcome(
        change("moved", Action.UPDATE, Reason.FIELDS_DIFFER), Result.REFUSED, ErrorInfo("Conflict", "It moved.", 409)
    ),
    Outcome(RUNNING, Result.FAILED, ErrorInfo("Timeout", "Still Updating after 3600 s.")),
    Outcome(FROZEN, Result.REFUSED),
    Outcome(UNREAD, Result.SKIPPED),
    Outcome(PAUSED, Result.UNCHANGED),
    Outcome(UNVERIFIED, Result.UNCHANGED),
)
ERRORS = (
    Problem("manifests/agent.yaml", 3, 5, "spec.version", "type", "1.1 is a number", "quote it"),
    Problem("manifests/agent.yaml", 9, None, "", "unknown-kind", "there is no kind Galery"),
    Problem("reconciler.yaml", None, None, "spec.limits", "limit", "maxPuts is negative", "leave it out"),
)
WARNINGS = (
    Problem("manifests/app.yaml", 7, 1, "spec.properties", "secret-in-manifest", "holds a signature", "sign later"),
)
OVER_LIMIT = Problem(
    "reconciler.yaml",
    None,
    None,
    "spec.limits",
    "limit-exceeded",
    "the plan has 2 PUTs, and at most 1 are allowed",
    "review the plan; if it is right, pass --max-puts 2",
)

MOVED = change("moved", Action.UPDATE, Reason.FIELDS_DIFFER)
PENDING = change(
    "pending",
    Action.UPDATE,
    Reason.FIELDS_DIFFER,
    field("tags.team", Op.REPLACE, "a", "b", cause=Cause.PENDING),
    cause=Cause.PENDING,
)

COPIED = replace(IN_SYNC, replication=Replication("Completed", (("westus", "Completed"), ("eastus", "Completed"))))
COPYING = change(
    "copying",
    Action.NONE,
    Reason.IN_SYNC,
    replication=Replication("Failed", (("westus", "Failed"), ("eastus", "Replicating"))),
    health=Health.DEGRADED,
    ailment="replication failed in westus",
)

_REPORTS = {
    "validate-good": report("validate", manifests=2, requests={}, warnings=WARNINGS),
    "validate-errors": report("validate", requests={}, errors=ERRORS, warnings=WARNINGS),
    "plan-empty": report("plan", IN_SYNC),
    "plan-everything": report("plan", *EVERY_CHANGE, unmanaged=STRAYS, latest=LATEST, warnings=WARNINGS),
    "plan-errors": report("plan", errors=ERRORS[:1], requests={}),
    "drift-none": report("drift", IN_SYNC, unmanaged=STRAYS[:1], requests={"GET": 1, "POST": 1}),
    "drift-some": report("drift", IN_SYNC, UPDATE, CREATE, UNREAD),
    "apply-good": applied(*ENDINGS[:3]),
    "apply-everything": applied(*ENDINGS, warnings=WARNINGS),
    "apply-refused": report("apply", CREATE, UPDATE, IN_SYNC, unmanaged=STRAYS[:1], errors=(OVER_LIMIT,), puts=0),
    "drift-pending": report("drift", IN_SYNC, PENDING),
    "plan-checked": replace(
        report("plan", IN_SYNC, MOVED, FROZEN),
        checked=2,
        outcomes={MOVED.desired.key: Outcome(MOVED, Result.REFUSED, ErrorInfo("PlanChanged", "The live body moved."))},
    ),
    "plan-health": report("plan", COPIED, COPYING),
    "run-report-only": report("run", IN_SYNC, AGAIN, STUBBORN),
    "run-held": report(
        "run",
        IN_SYNC,
        replace(UPDATE, reason=Reason.HELD),
        puts=0,
        held=Held("window", "freeze", datetime(2026, 12, 1, 18, tzinfo=UTC)),
    ),
}
REPORTS = {
    name: replace(each, about=replace(ABOUT, cloud=None) if each.command == "validate" else ABOUT)
    for name, each in _REPORTS.items()
}
