"""Which version is the latest one in which region."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.kinds.latest import LatestRule, Version, compile_latest, latest
from reconciler.kinds.live import Replication
from reconciler.kinds.packaged import packaged

RULE = packaged().kinds["GalleryApplicationVersion"].latest or pytest.fail("versions have a latest one")
PARENT = "/galleries/g/applications/a"


def version(number: str, *regions: str, state: str | None = "Succeeded", **profile: Any) -> Version:
    """Return a version that is live in *regions*; one with an exclamation mark excludes it."""
    listed = [{"name": name.rstrip("!"), "excludeFromLatest": name.endswith("!")} for name in regions]
    properties: dict[str, Any] = {"publishingProfile": {"targetRegions": listed, **profile}}
    if state is not None:
        properties["provisioningState"] = state
    return Version(RULE, PARENT, number, {"properties": properties})


def found(*versions: Version) -> dict[str, str]:
    """Return the number of the latest version by region."""
    return {each.region: each.version.number for each in latest(versions).values()}


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([version("1.9.0", "West US"), version("1.10.0", "West US")], {"West US": "1.10.0"}),
        ([version("2.0.0", "West US"), version("1.99.99", "East US")], {"West US": "2.0.0", "East US": "1.99.99"}),
        ([version("2.0.0", "West US!", "East US"), version("1.0.0", "West US", "East US")], None),
        ([version("2.0.0", "West US", excludeFromLatest=True), version("1.0.0", "West US")], {"West US": "1.0.0"}),
        ([version("2.0.0", "West US!")], {}),
        ([version("1.0.0", "west us"), version("1.0.1", "WestUS")], {"WestUS": "1.0.1"}),
        ([version("01.0.0", "West US"), version("1.0.0", "West US")], {"West US": "1.0.0"}),
        ([version("1.0.0", "West US"), version("01.0.0", "West US")], {"West US": "1.0.0"}),
        ([version("2147483647.0.0", "West US"), version("3.0.0", "West US")], {"West US": "2147483647.0.0"}),
        ([version("1.0", "West US"), version("x.y.z", "West US"), version("1.0.0.0", "West US")], {}),
        ([version("9" * 5000 + ".0.0", "West US"), version("٣.0.0", "West US"), version("1.-1.0", "West US")], {}),
        ([], {}),
    ],
)
def test_the_highest_number_that_is_not_excluded_is_the_latest(
    versions: list[Version], expected: dict[str, str] | None
) -> None:
    """Numbers compare as integers, regions without case and blanks; an exclusion counts globally or in its region."""
    assert found(*versions) == ({"West US": "1.0.0", "East US": "2.0.0"} if expected is None else expected)


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("Succeeded", True),
        ("Updating", True),
        (None, True),
        ("", True),
        ("succeeded", True),
        ("Creating", False),
        ("Failed", False),
        ("Deleting", False),
        ("Migrating", False),
        ("Canceled", False),
    ],
)
def test_a_version_whose_replication_was_not_read_counts_by_its_state(state: str | None, *, counts: bool) -> None:
    """A version that is being created or has failed is offered to no machine."""
    made = found(version("2.0.0", "West US", state=state), version("1.0.0", "West US"))
    assert made == {"West US": "2.0.0" if counts else "1.0.0"}


def test_a_version_whose_replication_was_read_counts_where_it_is_complete() -> None:
    """Replication names regions in short; there the provisioning state does not matter."""
    copies = Replication("InProgress", (("westus", "Completed"), ("eastus", "Replicating")))
    newer = replace(version("2.0.0", "West US", "East US", "North US", state="Updating"), replication=copies)
    older = version("1.0.0", "West US", "East US", "North US")
    assert found(newer, older) == {"West US": "2.0.0", "East US": "1.0.0", "North US": "1.0.0"}


def test_a_version_that_a_plan_would_write_counts_as_replicated() -> None:
    """After the plan it is there."""
    made = replace(version("2.0.0", "West US", state="Creating"), replication=Replication("Failed"), is_written=True)
    assert found(made, version("1.0.0", "West US")) == {"West US": "2.0.0"}


def test_each_parent_has_a_latest_version_of_its_own() -> None:
    """Versions of one application are not those of another."""
    other = replace(version("1.0.0", "West US"), parent="/galleries/g/applications/b")
    numbers = {key: each.version.number for key, each in latest([version("2.0.0", "West US"), other]).items()}
    assert numbers == {(PARENT, "westus"): "2.0.0", ("/galleries/g/applications/b", "westus"): "1.0.0"}


@pytest.mark.parametrize(
    "body",
    [{}, {"properties": None}, {"properties": {"publishingProfile": []}}, {"properties": {"publishingProfile": {}}}],
)
def test_a_body_of_another_shape_is_the_latest_nowhere(body: dict[str, Any]) -> None:
    """An answer of another shape has no latest version, and raises no error."""
    assert found(Version(RULE, PARENT, "1.0.0", body)) == {}
    for listed in (5, [5, None, {"name": 5}, {}]):
        odd = {"properties": {"publishingProfile": {"targetRegions": listed}}}
        assert found(Version(RULE, PARENT, "1.0.0", odd)) == {}


def test_the_places_are_the_schema_s() -> None:
    """Another kind may keep them elsewhere."""
    rule: LatestRule = compile_latest(
        {"number": "n", "excluded": "no", "regions": {"path": "at", "name": "in", "excluded": "not"}}
    )
    bodies: tuple[dict[str, Any], ...] = (
        {"at": [{"in": "A"}, {"in": "B", "not": True}]},
        {"at": [{"in": "C"}], "no": True},
    )
    versions = [Version(rule, "p", f"1.0.{number}", body) for number, body in enumerate(bodies)]
    assert found(*versions) == {"A": "1.0.0"}
