"""
The JSON reports of all shards as the one report of an unsharded run. Pure.

Resources come in the order of that run, counts and requests are summed, and a problem that several shards report, as
each of them reads all manifests, is there once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jsonschema_rs
import orjson

from reconciler.errors import ReportFileError, UsageError
from reconciler.json.size import require_few_values
from reconciler.kinds.normal_forms import is_deeper_than
from reconciler.manifests.resolve import depth_of
from reconciler.manifests.shard import Shard, parse_shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reconciler.kinds.registry import Registry
    from reconciler.values import JsonObject

    _Order = Callable[[JsonObject], tuple[int, str]]

MOST_BYTES: Final = 1024 * 1024 * 1024
_MOST_VALUES: Final = 100_000_000
_DEEPEST: Final = 120
_ALIKE: Final = ("command", "project", "environment", "cloud", "endpoint", "commit", "reconcilerVersion")
"""The keys that all shards of a run share."""
_IDLE: Final = "ignore-unused"
_STAGES: Final = (
    _IDLE,
    "api-version-lag",
    "past-date",
    "no-gallery-identity",
    "latest-unknown",
    "latest-backwards",
    "not-drift",
    "older-commit",
    "limit-exceeded",
    "sign-in-failed",
)
"""The codes of problems that a run finds after it has read the manifests, in the order of their stages."""


class Part(NamedTuple):
    """The report of one shard, and the file that it was read from."""

    file: str
    document: JsonObject


def part_of(file: str, content: bytes, registry: Registry) -> Part:
    """
    Return the report in a file.

    Raises:
        ReportFileError: It holds none.
    """
    try:
        require_few_values(content, _MOST_VALUES)
        document = orjson.loads(content)
    except ValueError:
        document = None
    is_report = isinstance(document, dict) and not is_deeper_than(document, _DEEPEST)
    if not is_report or not jsonschema_rs.Draft202012Validator(dict(registry.documents["report"])).is_valid(document):
        message = f"{file} holds no JSON report of this version"
        raise ReportFileError(message, "write it by `--report json=FILE`, with the same version of the reconciler")
    return Part(file, document)


def merged(parts: Sequence[Part], registry: Registry) -> JsonObject:
    """
    Return the report of the run that *parts* are all shards of.

    Raises:
        ReportFileError: They are not, or a kind in them has no schema here.
    """
    by_number = _in_order(parts)
    documents = [part.document for part in by_number]
    resources = _resources(documents, registry)
    declared = [each for each in resources if each["source"] is not None]
    order = _order_of(declared)
    idle = _idle(documents)
    is_strict = any(document.get("idle", {}).get("isStrict") for document in documents)
    errors = _problems(documents, "errors", order, idle if is_strict else ())
    warnings = _problems(documents, "warnings", order, () if is_strict else idle)
    held = next((each["held"] for each in documents if "held" in each), None)
    return {
        **{key: value for key, value in documents[0].items() if key not in {"held", "idle"}},
        "startedAt": min(document["startedAt"] for document in documents),
        "finishedAt": max(document["finishedAt"] for document in documents),
        "shard": None,
        **({"held": held} if held is not None else {}),
        "summary": _summary([document["summary"] for document in documents]),
        "resources": resources,
        "latest": sorted(
            chain.from_iterable(document["latest"] for document in documents),
            key=lambda move: (move["parent"].lower(), move["region"]),
        ),
        "errors": errors,
        "warnings": warnings,
    }


def _in_order(parts: Sequence[Part]) -> list[Part]:
    """Return the parts by the number of their shard, each there once."""
    first = parts[0]
    found: dict[int, Part] = {}
    count = _shard_of(first).count
    for part in parts:
        _require_alike(first, part)
        shard = _shard_of(part)
        if shard.count != count:
            message = f"{part.file} is shard {shard}, and {first.file} one of {count}"
            raise ReportFileError(message, "merge the reports of one run only")
        if shard.number in found:
            message = f"{part.file} is shard {shard}, and so is {found[shard.number].file}"
            raise ReportFileError(message, "name each shard once")
        found[shard.number] = part
    missing = [f"{number}/{count}" for number in range(1, count + 1) if number not in found]
    if missing:
        which = f"shard {missing[0]} is" if len(missing) == 1 else f"shards {', '.join(missing)} are"
        message = f"{which} missing"
        raise ReportFileError(message, "name the reports of all shards; if one has none, run that shard again")
    return [found[number] for number in range(1, count + 1)]


def _shard_of(part: Part) -> Shard:
    text = part.document["shard"]
    if text is None:
        message = f"{part.file} is the report of a run without --shard"
        raise ReportFileError(message, "merge reports of runs with --shard only")
    try:
        return parse_shard(text, f"{part.file}: the shard")
    except UsageError as error:
        raise ReportFileError(str(error), "write the report anew") from None


def _require_alike(first: Part, part: Part) -> None:
    for key in _ALIKE:
        one, other = first.document[key], part.document[key]
        if one != other:
            message = f"{first.file} and {part.file} differ in {key}: {_word(one)} and {_word(other)}"
            raise ReportFileError(message, f"run all shards with the same {key}")


def _word(value: str | None) -> str:
    return "none" if value is None else value


def _resources(documents: Iterable[JsonObject], registry: Registry) -> list[JsonObject]:
    """Return the resources in the order of an unsharded run: declared ones in the order of doing, then the others."""
    depths = _Depths(registry)

    def place(resource: JsonObject) -> tuple[bool, int, int, str]:
        is_unmanaged = resource["source"] is None
        depth = 0 if is_unmanaged else depths[resource["kind"]]
        return is_unmanaged, resource.get("wave", 0), depth, resource["id"].lower()

    found = sorted(chain.from_iterable(document["resources"] for document in documents), key=place)
    return [{key: value for key, value in each.items() if key != "wave"} if "wave" in each else each for each in found]


class _Depths(dict[str, int]):
    """How many kinds are above a kind, by its name."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self._registry = registry

    def __missing__(self, name: str) -> int:
        self[name] = depth_of(self._registry.of(name), self._registry.kinds)
        return self[name]


def _summary(parts: Sequence[JsonObject]) -> JsonObject:
    """Return the sum of counts, and of requests by method."""
    made: dict[str, Any] = {}
    for name, value in parts[0].items():
        values = [part[name] for part in parts]
        if isinstance(value, int):
            made[name] = sum(values)
        else:
            known = [each for each in values if each is not None]
            made[name] = _requests(known) if known else None
    return made


def _requests(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    methods = sorted({method for part in parts for method in part}, key=lambda each: (each not in {"GET", "PUT"}, each))
    return {method: sum(part.get(method, 0) for part in parts) for method in methods}


def _idle(documents: Sequence[JsonObject]) -> Sequence[JsonObject]:
    """Return the problems of the ignore rules that hid nothing in any shard."""
    rules = [document.get("idle", {}).get("rules", []) for document in documents]
    return [rule for rule in rules[0] if all(rule in others for others in rules)]


def _problems(documents: Sequence[JsonObject], key: str, order: _Order, idle: Iterable[JsonObject]) -> list[JsonObject]:
    """Return the problems of all shards, each once, in the order of an unsharded run."""
    every = chain.from_iterable(document[key] for document in documents)
    found = {orjson.dumps(each): each for each in every if each["code"] != _IDLE}
    found |= {orjson.dumps(each): each for each in idle}
    stages = {code: number for number, code in enumerate(_STAGES, start=1)}

    def place(problem: JsonObject) -> tuple[int, str, int]:
        stage = stages.get(problem["code"], 0)
        number, parent = order(problem) if stage else (0, "")
        return stage, _first(problem, parent), number

    return sorted(found.values(), key=place)


def _first(problem: JsonObject, parent: str) -> str:
    """Return the key that a run sorts the problems of one stage by, where it is not the order of the resources."""
    if problem["code"] == "api-version-lag":
        return str(problem["message"]).partition(" of ")[2]  # kind and subscription
    return parent if problem["code"] == "latest-backwards" else ""


def _order_of(declared: Iterable[JsonObject]) -> _Order:
    """Return the function that gives a problem the place of its resource, and the folded id of that one's parent."""
    lines: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for number, resource in enumerate(declared, start=1):
        parent = resource["id"].lower().rsplit("/", 2)[0]
        lines[resource["source"]["file"]].append((resource["source"]["line"], number, parent))
    for each in lines.values():
        each.sort()

    def order(problem: JsonObject) -> tuple[int, str]:
        found = lines.get(problem["file"], [])
        place = bisect_right(found, problem["line"] or 0, key=lambda each: each[0])
        return found[place - 1][1:] if place else (0, "")

    return order
