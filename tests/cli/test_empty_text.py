"""Empty text where text is optional, on both sides: as good as absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from reconciler.kinds.blank import blanks, without_blanks
from reconciler.kinds.packaged import packaged
from reconciler.kinds.rules import Rule, Shape
from tests.cli import test_gallery_scripts as scripts
from tests.kit.cli import (
    Workspace,
    application,
    changed,
    changes_of,
    codes,
    definition,
    estate,
    gallery,
    paths,
    verdict,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure
    from tests.kit.proxy import Proxy

EVERYTHING: Final = (*estate(), scripts.script(), scripts.version())
"""One resource of each kind."""
MADE: Final = {made["kind"]: made for made in EVERYTHING}


def optional_texts() -> list[tuple[str, str]]:
    """Return every optional text of every kind that is in no list."""
    found = []
    for kind in packaged().kinds.values():
        leaves = [(path, rule) for path, rule in kind.rules.every() if rule.optional_text and "*" not in path]
        found += [(kind.name, ".".join(path)) for path, _ in leaves]
    return found


LEAVES: Final = optional_texts()
ELSEWHERE: Final = {
    ("ApplicationDefinition", path)
    for path in ("properties.packageFileUri", "sku.tier", "sku.size", "sku.family", "sku.model")
}
"""What a manifest must state, or may state beside something else alone."""


def test_every_kind_has_some() -> None:
    """Those that Terraform writes for "unset" are among them; required texts, keys, names and tags are not."""
    assert ("GalleryApplicationVersion", "properties.publishingProfile.manageActions.update") in LEAVES
    assert ("GalleryApplicationVersion", "properties.publishingProfile.source.defaultConfigurationLink") in LEAVES
    assert {kind for kind, _ in LEAVES} == set(MADE)
    required = {
        path for _, path in LEAVES if path.endswith((".install", ".mediaLink", ".lockLevel", ".supportedOSType"))
    }
    assert required == set()


@pytest.mark.parametrize(("kind", "path"), [leaf for leaf in LEAVES if leaf not in ELSEWHERE])
def test_declared_it_is_a_warning_and_nothing_else(
    work: Workspace, proxy: Proxy, report: Reporting, run: Command, kind: str, path: str
) -> None:
    """No change, no secret, no part of a PUT."""
    work.state(*EVERYTHING)
    report("apply")
    sent = len(proxy.written)
    work.state(*(changed(made, path, "") if made["kind"] == kind else made for made in EVERYTHING))
    validated = report("validate")
    assert codes(validated, "warnings").count("empty-text") == 1
    plan = report("plan", "--detailed-exitcode")
    assert plan["summary"]["inSync"] == len(EVERYTHING)
    assert report("apply")["summary"]["requests"]["PUT"] == 0
    assert len(proxy.written) == sent
    assert "(secret)" not in run("plan").out


def test_under_strict_it_is_an_error(work: Workspace, report: Reporting) -> None:
    """Like any other warning."""
    work.project(strict=True)
    work.state(gallery(description=""))
    assert codes(report("validate", code=1)) == ["empty-text"]


@pytest.mark.parametrize("kept", ["kept", "dropped"])
def test_what_terraform_wrote(
    work: Workspace, azure: Azure, report: Reporting, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    """Whether Azure keeps it or drops it, a silent manifest and one that declares the same are in sync."""
    monkeypatch.setenv("RECONCILER_EMULATOR_EMPTY_TEXT", kept)
    empty = changed(version(), "properties.publishingProfile.manageActions.update", "")
    empty = changed(empty, "properties.publishingProfile.source.defaultConfigurationLink", "")
    empty = changed(empty, "properties.publishingProfile.settings", {"configFileName": "", "packageFileName": ""})
    azure.seed(gallery(), application(), empty)
    for made in (version(), empty):
        work.state(gallery(), application(), made)
        plan = report("plan", "--detailed-exitcode")
        assert verdict(plan, version()) == ("none", "in-sync", "InSync")
        assert paths(plan) == []
    work.state(gallery(), application(), changed(empty, "tags", {"team": "x"}))
    assert report("apply")["summary"]["succeeded"] == 1
    assert report("plan")["summary"]["inSync"] == 3


def test_text_in_place_of_it_is_a_change(work: Workspace, azure: Azure, report: Reporting) -> None:
    """And empty text in place of text is not declared at all."""
    azure.seed(gallery(description=""))
    work.state(gallery(description="New"))
    assert [each["path"] for each in changes_of(report("plan"))] == ["properties.description"]
    report("apply")
    work.state(gallery(description=""))
    plan = report("plan", "--detailed-exitcode")
    assert paths(plan, "undeclared") == ["properties.description"]


def test_content_that_is_empty(work: Workspace, report: Reporting) -> None:
    """A package that is empty text is none: then the templates are missing, or are the content."""
    work.state(definition(packageFileUri=""))
    assert "empty-text" in codes(report("validate", code=1), "warnings")
    both = definition(packageFileUri="", mainTemplate={"resources": []}, createUiDefinition={"a": 1})
    work.state(both)
    report("apply")
    assert report("plan")["summary"]["inSync"] == 1


def test_a_tag_without_a_value_is_a_tag(work: Workspace, azure: Azure, report: Reporting) -> None:
    """The values of a map, and the elements of a list, are what they are."""
    work.state(changed(gallery(), "tags", {"done": ""}))
    assert report("validate")["warnings"] == []
    report("apply")
    assert azure.tags(gallery()) == {"done": ""}
    assert report("plan")["summary"]["inSync"] == 1


def test_only_what_is_empty_goes() -> None:
    """At any depth, and nothing is copied where nothing goes."""
    text = Rule(optional_text=True)
    element = Rule(Shape.OBJECT, properties={"name": Rule(), "text": text})
    rule = Rule(Shape.OBJECT, properties={"parts": Rule(Shape.LIST, items=element), "text": text})
    body: dict[str, Any] = {"parts": [{"name": "", "text": ""}, {"text": "a"}, 1], "text": "", "else": ""}
    assert without_blanks(rule, body) == {"parts": [{"name": ""}, {"text": "a"}, 1], "else": ""}
    assert sorted(blanks(rule, body), key=str) == [("parts", 0, "text"), ("text",)]
    full = {"parts": [{"text": "a"}]}
    assert without_blanks(rule, full) is full
    assert without_blanks(rule, ["x"]) == ["x"]


# ------------------------------------------------------------------------------------------------------ public names


@pytest.mark.parametrize(("prefix", "is_same"), [("contoso", True), ("conto", False), ("other", False)])
def test_a_prefix_that_azure_answers_as_complete_names(
    work: Workspace, proxy: Proxy, report: Reporting, prefix: str, *, is_same: bool
) -> None:
    """Equal where a public name begins with it and a hyphen."""

    def complete(body: dict[str, Any]) -> None:
        info = body["properties"].get("sharingProfile", {}).get("communityGalleryInfo")
        if info is not None:
            info.pop("publicNamePrefix", None)
            info["publicNames"] = ["contoso-5c0e4d35-5b1c-4d3e-a1e8-3f9cb6a1d111"]

    proxy.alter("galleries", complete)
    info = {"publisherUri": "https://contoso.example", "publicNamePrefix": "contoso"}
    shared = {"permissions": "Community", "communityGalleryInfo": info}
    work.state(gallery(sharingProfile=shared))
    assert report("apply")["summary"]["succeeded"] == 1
    work.state(gallery(sharingProfile={**shared, "communityGalleryInfo": {**info, "publicNamePrefix": prefix}}))
    plan = report("plan")
    assert plan["summary"]["inSync"] == (1 if is_same else 0)
    assert [each["path"] for each in changes_of(plan)] == (
        [] if is_same else ["properties.sharingProfile.communityGalleryInfo.publicNamePrefix"]
    )


def test_the_embedded_arm_answers_complete_names(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a setting; after an apply the plan is empty."""
    monkeypatch.setenv("RECONCILER_EMULATOR_PUBLIC_NAME", "names")
    info = {"publisherUri": "https://contoso.example", "publicNamePrefix": "contoso"}
    work.state(gallery(sharingProfile={"permissions": "Community", "communityGalleryInfo": info}))
    assert report("apply")["summary"]["succeeded"] == 1
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1
