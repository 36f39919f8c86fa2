"""
Live resources in a file without secrets, for a plan without access to Azure. Pure.

The file may come from a stranger. It is read as data, checked against its schema, and affects the plan only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from reconciler import __version__
from reconciler.compare.fingerprint import rules_digest
from reconciler.errors import ErrorCode, ErrorInfo, SnapshotFileError
from reconciler.kinds.kind import folded_id
from reconciler.kinds.live import Live
from reconciler.kinds.paths import format_steps, written_path
from reconciler.kinds.variables import beside
from reconciler.model.live import Absence, Absent, Observation, Observed, Unmanaged, Unreadable
from reconciler.plan.checksum import opened, sealed_text
from reconciler.plan.redact import assumed, kept, public, unquoted
from reconciler.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.kinds.registry import Registry
    from reconciler.model.desired import Desired

SCHEMA_VERSION: Final = 1
OLD: Final = timedelta(hours=48)
"""One that is taken every day has missed a day by then."""
_AHEAD: Final = timedelta(minutes=5)
"""By which clocks may differ."""
_RETAKE: Final = "take a new snapshot with snapshot --out"


@dataclass(frozen=True, slots=True)
class Record:
    """
    One resource in a snapshot.

    Attributes:
        id: As Azure spells it.
        name: In Azure; empty if the resource is not live.
    """

    kind: Kind
    id: str
    name: str
    observed: Observed


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    A snapshot file as read.

    Attributes:
        cloud: That was read.
        endpoint: Of its ARM.
        records: By folded id.
        parents: Folded ids of resources that exist and have no record.
        lists: Folded paths of the lists that were read whole: a resource that they lack did not exist.
        versions: The newest api-version that Azure knew, by kind and folded subscription.
    """

    taken_at: datetime
    cloud: str
    endpoint: str
    records: Mapping[str, Record]
    parents: frozenset[str]
    lists: frozenset[str]
    versions: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def observation(
        self, desired: Sequence[Desired], stated: Collection[str], *, singly: bool
    ) -> tuple[Observation, tuple[Problem, ...]]:
        """
        Return the result that reading would have had then, and problems for the parts that no snapshot can hold.

        Args:
            desired: The selected resources.
            stated: Folded ids of all declared resources.
            singly: Whether it would have read only these, and no lists.
        """
        observed: dict[str, Observed] = {}
        parents, problems = set(self.parents), list[Problem]()
        for item in sorted(desired, key=lambda item: item.depth):
            found = self._observed(item, observed, parents)
            if isinstance(found, Live):
                body, unknown = assumed(item.kind, found.body, item.body)
                found = item.kind.live(body)
                problems += (_hidden(item, steps) for steps in unknown)
            observed[item.key] = found
        listed = frozenset[str]() if singly else self._listed(desired, observed)
        unmanaged = tuple(self._outside(stated, listed))
        others = self._outside(frozenset(observed), listed)
        unselected = tuple(each for each in others if each.kind.latest is not None and folded_id(each.id) in stated)
        whole = Observation(observed, frozenset(parents), unmanaged, listed, self.versions, unselected)
        return whole, tuple(problems)

    def with_siblings(self, observation: Observation, items: Iterable[Desired]) -> Observation:
        """Return an observation of single resources with all other live versions of the same applications."""
        listed = self.lists & {_list_of(item.kind, item.params) for item in items}
        others = tuple(self._outside(frozenset(observation.observed), listed))
        return replace(observation, lists=observation.lists | listed, others=others)

    def _observed(self, item: Desired, observed: Mapping[str, Observed], parents: set[str]) -> Observed:
        above = observed.get(item.parent or "")
        if isinstance(above, Absent):
            return Absent(_below(above))
        record = self.records.get(item.key)
        found = record.observed if record else self._absent(item)
        if isinstance(found, Absent) and item.parent is not None and above is None and item.parent not in parents:
            return self._below_unstated(item.parent, found, parents)
        return found

    def _absent(self, item: Desired) -> Observed:
        """Return the state of a resource that has no record: only a list that was read whole shows its absence."""
        if _list_of(item.kind, item.params) in self.lists:
            return Absent(Absence.NOT_FOUND)
        message = "the snapshot does not cover this resource: neither it nor its list was read"
        fix = "take a new snapshot with its manifest, or plan with access to Azure"
        return Unreadable(ErrorInfo(ErrorCode.NOT_IN_SNAPSHOT, message, fix=fix))

    def _below_unstated(self, parent: str, found: Absent, parents: set[str]) -> Observed:
        """Return the state of an absent resource by its parent, which was declared then and is not selected now."""
        record = self.records.get(parent)
        if record is not None and isinstance(record.observed, Live):
            parents.add(parent)
        return record.observed if record is not None and isinstance(record.observed, Unreadable) else found

    def _listed(self, desired: Sequence[Desired], observed: Mapping[str, Observed]) -> frozenset[str]:
        """Return the lists that would be read for *desired*, as far as the snapshot holds them."""
        wanted = (item for item in desired if not isinstance(observed.get(item.parent or ""), Absent))
        return self.lists & {_list_of(item.kind, item.params) for item in wanted}

    def _outside(self, stated: Collection[str], listed: frozenset[str]) -> Iterator[Unmanaged]:
        """Yield the live resources of lists that are none of *stated*."""
        for key, record in sorted(self.records.items()):
            if isinstance(record.observed, Live) and key not in stated:
                params = record.kind.parse_id(record.id) or {}
                if _list_of(record.kind, {name: unquote(value) for name, value in params.items()}) in listed:
                    yield Unmanaged(record.kind, record.name, record.id, record.observed)

    def remarks(self, file: str, now: datetime) -> tuple[Problem, ...]:
        """
        Return warnings for the reader of the plan: that Azure was not read, and the snapshot's age.

        Args:
            file: The snapshot's, as the user would name it.
            now: The time of planning.
        """
        age = now - self.taken_at
        when = f"{self.taken_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        message = (
            f"compared with a snapshot of {self.cloud} ({self.endpoint}), taken {when}, {_ago(age)}: Azure was not read"
        )
        told = Problem(file, None, None, "", "snapshot", message)
        if -_AHEAD <= age <= OLD:
            return (told,)
        message = f"the snapshot was taken {_ago(age)}: later changes are missing"
        return told, Problem(file, None, None, "", "snapshot-old", message, _RETAKE)


def save(  # noqa: PLR0913 (all that a snapshot is made of)
    observation: Observation,
    desired: Sequence[Desired],
    *,
    cloud: str,
    endpoint: str,
    project: str | None,
    now: datetime,
    environment: str | None = None,
) -> str:
    """
    Return the text of a snapshot file.

    Args:
        observation: The live resources, as read.
        desired: The declared resources that it was read for.
        cloud: That was read.
        endpoint: Of its ARM.
        project: The project's name.
        now: When it was read.
        environment: That its manifests were of.
    """
    records = {item.key: _saved(item.kind, item.key, _veiled(item, observation.observed[item.key])) for item in desired}
    records |= {folded_id(item.id): _saved(item.kind, item.id, item.live) for item in observation.unmanaged}
    kinds = {kind.name: kind for kind in (*(item.kind for item in desired), *(u.kind for u in observation.unmanaged))}
    content = {
        "schemaVersion": SCHEMA_VERSION,
        "reconcilerVersion": __version__,
        "takenAt": now.astimezone(UTC).isoformat(),
        "cloud": cloud,
        "endpoint": endpoint,
        "project": project,
        "environment": environment,
        "kinds": {name: rules_digest(kinds[name]) for name in sorted(kinds)},
        "lists": sorted(observation.lists),
        "parents": sorted(observation.parents),
        "apiVersions": [
            {"kind": kind, "subscription": subscription, "apiVersion": version}
            for (kind, subscription), version in sorted(observation.versions.items())
        ],
        "resources": [records[key] for key in sorted(records)],
    }
    return sealed_text(content)


def _veiled(item: Desired, observed: Observed) -> Observed:
    """Return the live state of a resource without values that its manifest takes from variables, or Azure quotes."""
    if not isinstance(observed, Live):
        return observed
    live = beside(item, observed.body).live
    copies = observed.replication
    return Live(unquoted(item.kind, live, item.body) if copies is not None and copies.details else live)


def _saved(kind: Kind, resource_id: str, observed: Observed) -> dict[str, Any]:
    if isinstance(observed, Absent):
        return {"kind": kind.name, "id": resource_id, "is": "absent", "why": observed.why.value}
    if isinstance(observed, Unreadable):
        error = {"code": public(observed.error.code), "message": public(observed.error.message)}
        return {"kind": kind.name, "id": resource_id, "is": "unreadable", "error": error}
    body = observed.body
    spelled = str(body.get("id"))
    spelled = spelled if folded_id(spelled) == folded_id(resource_id) else resource_id
    name = public(str(body.get("name") or spelled.rpartition("/")[2]))
    return {"kind": kind.name, "id": spelled, "is": "live", "name": name, "body": kept(kind, body)}


def read(content: bytes, registry: Registry, project: str | None, environment: str | None = None) -> Snapshot:
    """
    Read a snapshot file.

    Args:
        content: The bytes of the file, trusted in nothing.
        registry: The kinds that are known, and the schema of snapshots.
        project: The name of the project that it is to be of.
        environment: That it is to be of.

    Raises:
        SnapshotFileError: It is no snapshot, was edited or cut, or is another project's, or of other schemas.
    """
    kinds = registry.kinds
    try:
        found = opened(content, "snapshot", registry.documents["snapshot"], {"schemaVersion": SCHEMA_VERSION})
        taken = datetime.fromisoformat(found["takenAt"])
        records = [_record(kinds, item) for item in found["resources"]]
    except ValueError as error:
        raise _unusable(str(error)) from None
    for name, mine in (("project", project), ("environment", environment)):
        if found[name] != mine:
            taken_for, run = (f"{name} {value}" if value else f"no {name}" for value in (found[name], mine))
            message = f"it was taken for {taken_for}, and this run is for {run}"
            raise _unusable(message)
    for name, digest in found["kinds"].items():
        if name in kinds and rules_digest(kinds[name]) != digest:
            message = f"it was taken under another schema of {name}"
            raise _unusable(message)
    return Snapshot(
        taken_at=taken,
        cloud=found["cloud"],
        endpoint=found["endpoint"],
        records={folded_id(record.id): record for record in records},
        parents=frozenset(found["parents"]),
        lists=frozenset(found["lists"]),
        versions={(each["kind"], each["subscription"]): each["apiVersion"] for each in found["apiVersions"]},
    )


def _record(kinds: Mapping[str, Kind], item: Mapping[str, Any]) -> Record:
    kind = kinds.get(item["kind"])
    if kind is None or kind.parse_id(item["id"]) is None:
        message = "it names a resource of a kind that is not known here"
        raise ValueError(message)
    if item["is"] == "absent":
        return Record(kind, item["id"], "", Absent(Absence(item["why"])))
    if item["is"] == "unreadable":
        error = item["error"]
        message = f"not readable when the snapshot was taken: {error['message']}"
        return Record(kind, item["id"], "", Unreadable(ErrorInfo(error["code"], message, fix=_RETAKE)))
    body = {**item["body"], "id": item["id"], "name": item["name"]}
    return Record(kind, item["id"], item["name"], kind.live(body))


def _unusable(why: str) -> SnapshotFileError:
    return SnapshotFileError(f"the snapshot cannot be used: {why}")


def _below(above: Absent) -> Absence:
    return Absence.GROUP_MISSING if above.why is Absence.GROUP_MISSING else Absence.PARENT_MISSING


def _list_of(kind: Kind, params: Mapping[str, str]) -> str:
    """Return the folded path of the list that holds a resource; empty where there is none."""
    path = kind.list_path(params)
    return folded_id(path) if path else ""


def _hidden(item: Desired, steps: tuple[str | int, ...]) -> Problem:
    written = written_path(item.kind.rules, item.body, steps)
    origin = item.origin(written)
    path = f"spec.{format_steps(item.kind.rules, steps, item.body)}"
    message = f"{item.address}: the snapshot hides a secret, or a text like one: it is assumed to equal the manifest"
    return Problem(origin.file, origin.line, origin.column, path, "snapshot-hidden", message)


def _ago(age: timedelta) -> str:
    """Return an age in words."""
    seconds = int(age.total_seconds())
    if seconds < 0:
        return "in the future, by this clock"
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size or (unit == "minute" and seconds >= size):
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "less than a minute ago"
