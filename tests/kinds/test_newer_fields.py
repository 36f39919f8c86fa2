"""Fields of newer api-versions: what a plan finds of them, what a PUT carries, what an export declares."""

from __future__ import annotations

from typing import Any, Final

import pytest

from reconciler.compare.diff import Comparison, compare
from reconciler.export.found import Found
from reconciler.export.stating import stated
from reconciler.kinds.live import Live
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.kinds.versions import lowest_version, newest_leaf
from reconciler.manifests.validate import validate
from reconciler.model.change import Finding, Refusal
from reconciler.plan.body import put_body
from reconciler.secret.text import reveal
from tests.kit import synthetic
from tests.kit.synthetic import MINIMAL, desired

GALLERY: Final = packaged().kinds["Gallery"]
VERSION: Final = packaged().kinds["GalleryApplicationVersion"]
PLAIN: Final = Tracking(tags=False)
IDS: Final = "/subscriptions/{0}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{1}"
ONE, OTHER = IDS.format("s", "one"), IDS.format("s", "other")
ANSWERED: Final = {"principalId": "p", "clientId": "c"}
Json = dict[str, Any]


def gallery(identity: Any = None, **properties: Any) -> Json:
    """Return the body of a gallery."""
    return {"location": "West US", **({} if identity is None else {"identity": identity}), "properties": properties}


def users(*ids: str, **more: Any) -> Json:
    """Return an identity with these user-assigned ones."""
    return {"type": "UserAssigned", "userAssignedIdentities": {name: {} for name in ids}, **more}


def profile(**changes: Any) -> Json:
    """Return the body of a version."""
    least = MINIMAL[VERSION.name]
    return {**least, "properties": {"publishingProfile": {**least["properties"]["publishingProfile"], **changes}}}


def planned(want: Json, have: Json) -> tuple[dict[str, tuple[Finding, Refusal | None]], Json]:
    """Return what a plan finds by path, and the body of the PUT."""
    kind = GALLERY if "publishingProfile" not in want["properties"] else VERSION
    item, live = desired(want, kind), kind.seal(have)
    comparison = compare(item, live, PLAIN)
    found = {
        change.path.removeprefix("properties.publishingProfile."): (change.finding, change.refusal)
        for change in comparison.fields
    }
    return found, reveal(put_body(item, live, comparison, PLAIN))


def created(body: Json) -> Json:
    """Return the body of the PUT that creates a version."""
    made: Json = reveal(put_body(desired(body, VERSION), None, Comparison(), PLAIN))
    return made


CHANGE: Final = (Finding.CHANGE, None)
UNDECLARED: Final = (Finding.UNDECLARED, None)


@pytest.mark.parametrize(
    ("have", "found"),
    [
        ({**users(), "userAssignedIdentities": {ONE.upper(): ANSWERED}}, {}),
        ({**users(ONE), "principalId": "p", "tenantId": "t"}, {}),
        (users(), {f'identity.userAssignedIdentities["{ONE}"]': CHANGE}),
        (users(ONE, OTHER), {f'identity.userAssignedIdentities["{OTHER}"]': UNDECLARED}),
        (users(ONE, type="SystemAssigned, UserAssigned"), {"identity.type": CHANGE}),
    ],
)
def test_an_identity_is_told_by_its_id(have: Json, found: Json) -> None:
    """Ids have no case, and ids of Azure's own are not compared; an undeclared identity is reported."""
    assert planned(gallery(users(ONE)), gallery(have))[0] == found


def test_a_gallery_without_identity_gets_one() -> None:
    """As declared; a gallery that answers none has the type None."""
    found, body = planned(gallery(users(ONE)), gallery())
    assert found == {"identity.type": CHANGE, "identity.userAssignedIdentities": CHANGE}
    assert body["identity"] == users(ONE)


def test_an_added_identity_keeps_those_of_other_owners() -> None:
    """Their names go back without the ids that Azure set."""
    _, body = planned(gallery(users(OTHER)), gallery({**users(), "userAssignedIdentities": {ONE: ANSWERED}}))
    assert body["identity"] == users(ONE, OTHER)


def test_a_live_identity_goes_back_with_every_put() -> None:
    """The manifest says nothing of it: it is reported, and a PUT for another reason carries it."""
    have = gallery({**users(), "userAssignedIdentities": {ONE: ANSWERED}, "tenantId": "t"}, description="old")
    found, body = planned(gallery(description="new"), have)
    assert found == {"identity": UNDECLARED, "properties.description": CHANGE}
    assert body["identity"] == users(ONE)
    assert lowest_version(GALLERY, body) == "2024-03-03"


def test_null_removes_one_identity() -> None:
    """The PUT leaves it out, and its name with it."""
    want = gallery({"type": "UserAssigned", "userAssignedIdentities": {ONE.upper(): None, OTHER: {}}})
    found, body = planned(want, gallery({**users(OTHER), "userAssignedIdentities": {ONE: ANSWERED, OTHER: ANSWERED}}))
    assert list(found.values()) == [CHANGE]
    assert body["identity"] == users(OTHER)
    assert planned(want, gallery(users(OTHER)))[0] == {}


def test_an_identity_cannot_be_unset_as_a_whole() -> None:
    """A merging service keeps what a PUT leaves out; its type can be None."""
    want = gallery()
    found, _ = planned({**want, "identity": None}, gallery(users(ONE)))
    assert {refusal for _, refusal in found.values()} == {Refusal.CANNOT_UNSET}
    assert planned(gallery({"type": "None"}), gallery(users(ONE)))[0]["identity.type"] == CHANGE
    assert planned(gallery({"type": "None"}), gallery())[0] == {}


@pytest.mark.parametrize(
    ("live", "path"),
    [
        ({"settings": {"scriptBehaviorAfterReboot": "None"}}, "settings"),
        ({"storageAccountStrategy": "DefaultStandard_LRS"}, "storageAccountStrategy"),
    ],
)
def test_a_newer_value_that_means_absence_asks_for_no_newer_version(live: Json, path: str) -> None:
    """A newer api-version answers it for every version; a PUT leaves it out."""
    found, body = planned(profile(enableHealthCheck=True), profile(**live))
    assert found == {"enableHealthCheck": CHANGE}
    assert path not in body["properties"]["publishingProfile"]
    assert newest_leaf(VERSION, body) is None
    assert newest_leaf(VERSION, profile(**live)) is not None


@pytest.mark.parametrize(
    ("path", "want", "have"),
    [
        ("settings.scriptBehaviorAfterReboot", {"settings": {"scriptBehaviorAfterReboot": "Rerun"}}, {}),
        ("storageAccountStrategy", {"storageAccountStrategy": "PreferStandard_ZRS"}, {}),
        (
            "storageAccountStrategy",
            {"storageAccountStrategy": "DefaultStandard_LRS"},
            {"storageAccountStrategy": "PreferStandard_ZRS"},
        ),
    ],
)
def test_what_a_newer_version_froze_is_refused(path: str, want: Json, have: Json) -> None:
    """It is set when a version is created, or never."""
    found, _ = planned(profile(**want), profile(**have))
    assert {found_path.partition(".")[0]: each for found_path, each in found.items()} == {
        path.partition(".")[0]: (Finding.IMMUTABLE, Refusal.IMMUTABLE)
    }


REGION: Final = {"name": "West US"}


@pytest.mark.parametrize("kind_of_storage", ["Standard_LRS", "Standard_ZRS"])
def test_beside_a_strategy_azure_chooses_the_storage(kind_of_storage: str) -> None:
    """Its choice is no finding, in the profile and in a region; of the two only the strategy is sent."""
    strategy = {"storageAccountStrategy": "PreferStandard_ZRS"}
    want = profile(**strategy, targetRegions=[REGION], enableHealthCheck=True)
    live = profile(
        **strategy,
        storageAccountType=kind_of_storage,
        targetRegions=[{**REGION, "storageAccountType": kind_of_storage, "regionalReplicaCount": 1}],
    )
    found, body = planned(want, live)
    assert found == {"enableHealthCheck": CHANGE}
    sent = body["properties"]["publishingProfile"]
    assert (sent["storageAccountStrategy"], "storageAccountType" in sent) == ("PreferStandard_ZRS", False)
    assert lowest_version(VERSION, body) == "2025-03-03"
    _, silent = planned(profile(enableHealthCheck=True), live)
    assert "storageAccountType" not in silent["properties"]["publishingProfile"]
    without, _ = stated(Found(VERSION, {}, Live(VERSION.seal(live))), PLAIN)
    assert "storageAccountType" not in without["properties"]["publishingProfile"]


def test_beside_a_declared_type_a_live_strategy_is_no_finding() -> None:
    """The two cannot both be declared, nor sent."""
    live = profile(storageAccountStrategy="PreferStandard_ZRS", storageAccountType="Standard_ZRS")
    found, body = planned(profile(storageAccountType="Standard_ZRS", enableHealthCheck=True), live)
    assert found == {"enableHealthCheck": CHANGE}
    assert "storageAccountStrategy" not in body["properties"]["publishingProfile"]
    assert planned(profile(), live)[0].keys() == {"storageAccountStrategy", "storageAccountType"}


def test_without_a_strategy_the_storage_has_its_default() -> None:
    """Another one is reported."""
    found, _ = planned(profile(targetRegions=[REGION]), profile(targetRegions=[{**REGION, "storageAccountType": "X"}]))
    assert found == {"targetRegions[West US].storageAccountType": UNDECLARED}


def test_strategy_and_type_exclude_each_other() -> None:
    """One error, in the words of the schema; null and a type of a region are none."""
    both = {"storageAccountStrategy": "PreferStandard_ZRS", "storageAccountType": "Standard_ZRS"}
    region = {"targetRegions": [{"name": "West US", "storageAccountType": "Premium_LRS"}]}
    for changes, count in ((both, 1), ({**both, "storageAccountStrategy": None}, 0), ({**region, **both}, 1)):
        document = synthetic.document(synthetic.stated(VERSION.name, **profile(**changes)))
        problems = validate([document], packaged().kinds, Tracking()).problems
        assert len(problems) == count
        assert all(problem.path.endswith("publishingProfile.storageAccountType") for problem in problems)
    alone = {"storageAccountStrategy": "PreferStandard_ZRS", **region}
    document = synthetic.document(synthetic.stated(VERSION.name, **profile(**alone)))
    assert validate([document], packaged().kinds, Tracking()).problems == ()


def sets(**counts: int) -> Json:
    """Return the profile of a version with further replicas in one region."""
    made = [{"storageAccountType": name, "regionalReplicaCount": count} for name, count in counts.items()]
    return profile(targetRegions=[{**REGION, "additionalReplicaSets": made}])


def test_further_replicas_are_told_by_their_storage() -> None:
    """In any order; the list is stated whole."""
    assert planned(sets(Premium_LRS=1, PremiumV2_LRS=2), sets(PremiumV2_LRS=2, Premium_LRS=1))[0] == {}
    place = "targetRegions[West US].additionalReplicaSets"
    found, body = planned(sets(PremiumV2_LRS=3), sets(PremiumV2_LRS=2, Premium_LRS=1))
    assert found == {f"{place}[PremiumV2_LRS].regionalReplicaCount": CHANGE, f"{place}[Premium_LRS]": CHANGE}
    (region,) = body["properties"]["publishingProfile"]["targetRegions"]
    assert region["additionalReplicaSets"] == [{"storageAccountType": "PremiumV2_LRS", "regionalReplicaCount": 3}]
    assert planned(profile(targetRegions=[REGION]), sets(PremiumV2_LRS=2))[0] == {f"{place}[PremiumV2_LRS]": UNDECLARED}


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (profile(), "2022-03-03"),
        (profile(storageAccountType="Premium_LRS"), "2022-03-03"),
        (profile(storageAccountType="PremiumV2_LRS"), "2024-03-03"),
        (profile(targetRegions=[REGION, {"name": "x", "storageAccountType": "PremiumV2_LRS"}]), "2024-03-03"),
        (profile(settings={"scriptBehaviorAfterReboot": "Rerun"}), "2024-03-03"),
        (sets(Premium_LRS=1), "2024-03-03"),
        ({**sets(Premium_LRS=1)} | profile(storageAccountStrategy="PreferStandard_ZRS"), "2025-03-03"),
        ({**profile(), "systemData": {"createdBy": "x"}}, "2022-03-03"),
    ],
)
def test_a_version_is_sent_at_the_lowest_api_version_that_has_it(body: Json, version: str) -> None:
    """Neither Azure's own fields nor older values ask for a newer one."""
    assert lowest_version(VERSION, body) == version
    assert lowest_version(VERSION, created({name: body[name] for name in ("location", "properties")})) == version


def test_a_gallery_is_exported_with_its_identity() -> None:
    """Without the ids that Azure set, and without what a newer version answers for every gallery."""
    live = gallery(
        {**users(), "userAssignedIdentities": {ONE: ANSWERED}, "principalId": "p"},
        softDeletePolicy={"isSoftDeleteEnabled": True, "retentionPeriodInDays": 7, "gracePeriodInDays": 2},
    )
    body, unsaid = stated(Found(GALLERY, {}, Live(GALLERY.seal(live))), PLAIN)
    assert unsaid == []
    assert body["identity"] == users(ONE)
    assert body["properties"]["softDeletePolicy"] == live["properties"]["softDeletePolicy"]
    assert planned(dict(body), live)[0] == {}
    assert lowest_version(GALLERY, body) == "2026-03-03"
    plain, _ = stated(Found(GALLERY, {}, Live(GALLERY.seal(gallery({"type": "None"})))), PLAIN)
    assert "identity" not in plain
