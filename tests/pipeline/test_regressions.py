"""What the properties found, told plainly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.compare.diff import compare
from reconciler.compare.normalize import normalized
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from tests.kit.bench import desired_of

if TYPE_CHECKING:
    from reconciler.model.desired import Desired


def _version(**profile: Any) -> dict[str, Any]:
    source = {"mediaLink": "https://store.blob.core.windows.net/packages/agent.zip"}
    return {"location": "westus", "properties": {"publishingProfile": {"source": source, **profile}}}


def _desired(**profile: Any) -> Desired:
    return desired_of(packaged().kinds["GalleryApplicationVersion"], _version(**profile))


def test_names_of_tags_have_no_case_in_a_normal_form() -> None:
    """A plan that was saved still holds when only the case of a tag's name moved."""
    rules = packaged().kinds["Gallery"].rules
    forms = [normalized(rules, {"location": "westus", "tags": tags}) for tags in ({"Team": "a"}, {"team": "a"})]
    assert forms[0] == forms[1]


def test_an_undeclared_leaf_is_named_in_the_spelling_of_the_manifest() -> None:
    """One element has one name in a report, whichever of its leaves is spoken of."""
    zone = {"name": "westus", "extendedLocation": {"name": "losangeles"}}
    live_zone = {"name": "West US", "extendedLocation": {"name": "LosAngeles", "type": "EdgeZone"}}
    live = _version(targetExtendedLocations=[live_zone])
    (field,) = compare(_desired(targetExtendedLocations=[zone]), live, Tracking()).fields
    prefix = "properties.publishingProfile.targetExtendedLocations"
    assert field.path == f"{prefix}[westus,losangeles].extendedLocation.type"
