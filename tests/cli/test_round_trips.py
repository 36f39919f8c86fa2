"""Values with more than one form: one answer for each, and the way out of Azure and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.kit.cli import (
    GROUP,
    SUBSCRIPTION,
    Workspace,
    application,
    changed,
    changes_of,
    codes,
    gallery,
    inline,
    named,
    resource,
    verdict,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Manifest
    from tests.kit.proxy import Proxy

INSTALL: Final = "properties.publishingProfile.manageActions.install"

# --------------------------------------------------------------------------------------------------- one parent


def spelled(made: Manifest, **names: str) -> Manifest:
    """Return a manifest with other spellings of names in its URL."""
    return {**made, "spec": {**made["spec"], **names}}


def test_a_parent_in_two_spellings_is_read_once(work: Workspace, azure: Azure, proxy: Proxy, report: Reporting) -> None:
    """What is unmanaged below it is listed once, and a definition's group likewise."""
    others = [version("9.0.0"), inline("other")]
    mine = [version("1.0.0"), spelled(version("2.0.0"), galleryApplicationName="AGENT", galleryName="TOOLS")]
    suites = [
        inline("one"),
        spelled(inline("two"), resourceGroupName=GROUP.upper(), subscriptionId=SUBSCRIPTION.upper()),
    ]
    azure.seed(gallery(), application(), *others, *mine, *suites)
    work.state(gallery(), application(), *mine, *suites)
    plan = report("plan", "--no-adopt")
    assert plan["summary"]["unmanaged"] == 2
    assert plan["summary"]["inSync"] == 4
    paths = [path.lower() for method, path in proxy.asked if method == "GET"]
    assert len(paths) == len(set(paths))


def test_a_parent_that_is_absent_in_two_spellings_is_asked_for_once(
    work: Workspace, proxy: Proxy, report: Reporting
) -> None:
    """Its children are blocked alike."""
    work.state(version("1.0.0"), spelled(version("2.0.0"), galleryApplicationName="AGENT"))
    plan = report("plan", code=1)
    assert {each["reason"] for each in plan["resources"]} == {"parent-missing"}
    paths = [path.lower() for _, path in proxy.asked]
    assert len(paths) == len(set(paths))


# ------------------------------------------------------------------------------------------------------ numbers

TOO_LARGE: Final = (
    "12345678901234567890123",
    "9223372036854775808",
    "-9223372036854775809",
    "1E+400",
    "-1e400",
    "1" * 5000,
)
FITTING: Final = (
    "9223372036854775807",
    "-9223372036854775808",
    "1E+308",
    "1e-400",
    "-0",
    "0",
    "-0.0",
    "1.0",
    "1",
    "1e2",
    "0.1",
)


def forms(work: Workspace, number: str, field: str) -> list[Manifest]:
    """Return a template with a number as text, as a mapping and by file."""
    text = f'{{"resources": [], "variables": {{"n": {number}, "in": [{{"a": {number}}}]}}}}'
    work.file("manifests/template.json", text)
    by_file = changed(inline(), f"properties.{field}", {"$file": "template.json"})
    return [changed(inline(), f"properties.{field}", text), by_file]


def state_mapping(work: Workspace, number: str, field: str) -> None:
    """Write the template as a mapping: the number as it is, which no serializer would keep."""
    made = changed(
        inline(), f"properties.{field}", {"resources": [], "variables": {"n": "NUMBER", "in": [{"a": "NUMBER"}]}}
    )
    work.file("manifests/ApplicationDefinition-suite.yaml", json.dumps(made).replace('"NUMBER"', number))


@pytest.mark.parametrize("field", ["mainTemplate", "createUiDefinition"])
@pytest.mark.parametrize("number", TOO_LARGE)
def test_a_number_that_nothing_holds_is_an_error_in_every_form(
    work: Workspace, report: Reporting, number: str, field: str
) -> None:
    """Before anything is sent."""
    for made in forms(work, number, field):
        work.state(made)
        assert report("validate", code=1)["errors"]
    state_mapping(work, number, field)
    assert report("validate", code=1)["errors"]


@pytest.mark.parametrize("number", FITTING)
def test_a_number_that_fits_means_the_same_in_every_form(
    work: Workspace, azure: Azure, report: Reporting, number: str
) -> None:
    """One digest: none of the forms is a change of another, and the embedded ARM takes each."""
    work.state(inline())
    report("apply")
    text, by_file = forms(work, number, "mainTemplate")
    work.state(text)
    assert report("apply")["summary"]["succeeded"] == 1
    work.state(by_file)
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1
    state_mapping(work, number, "mainTemplate")
    assert report("plan", "--detailed-exitcode")["summary"]["inSync"] == 1
    azure.remove(inline())
    assert report("apply")["summary"]["succeeded"] == 1


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "+1", "01", "1.", ".5", "0x10"])
def test_what_is_no_number_of_json_is_an_error_in_a_text(work: Workspace, report: Reporting, word: str) -> None:
    """In a file too."""
    for made in forms(work, word, "mainTemplate"):
        work.state(made)
        assert report("validate", code=1)["errors"]


# -------------------------------------------------------------------------------------------------------- texts

SCRIPTS: Final = (
    "\ufeff#!/bin/sh\necho 1",
    "\ufeff\ufeffecho 1",
    "echo \ufeff1",
    "echo 1\r\necho 2\r\n",
    "\ufeffecho 1\r\necho 2",
    "echo \u200b1\u202e",
    "echo 1\n\n",
    " \techo 1",
    "echo 1\rcho 2",
    "\x07bell\x1b[31m",
    "\u0085next\u2028line",
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_live_script_is_exported_validated_and_planned_without_a_change(
    work: Workspace, azure: Azure, report: Reporting, run: Command, script: str
) -> None:
    """Of texts that may be updated, too."""
    live = changed(version(customActions=[{"name": "a", "script": script, "description": script}]), INSTALL, script)
    azure.seed(gallery(description=script), application(eula=script), live)
    assert run("export", "--subscription", SUBSCRIPTION, "--out-dir", "manifests").code == 0
    assert report("validate")["errors"] == []
    plan = report("plan", "--detailed-exitcode")
    assert (plan["summary"]["inSync"], changes_of(plan)) == (3, [])


def test_a_byte_order_mark_is_no_difference(work: Workspace, azure: Azure, proxy: Proxy, report: Reporting) -> None:
    """A PUT of something else leaves it where it is: the script is immutable."""
    script = "\ufeff#!/bin/sh\necho 1"
    azure.seed(gallery(), application(), changed(version(), INSTALL, script))
    work.file("manifests/install.sh", script)
    for declared in ("#!/bin/sh\necho 1", {"$file": "install.sh"}):
        work.state(gallery(), application(), changed(version(), INSTALL, declared))
        assert verdict(report("plan"), version())[:2] == ("none", "in-sync")
    work.state(gallery(), application(), changed(version(replicaCount=2), INSTALL, declared))
    assert report("apply")["summary"]["succeeded"] == 1
    (body,) = proxy.puts("versions")
    assert body["properties"]["publishingProfile"]["manageActions"]["install"] == script
    work.state(gallery(), application(), changed(version(replicaCount=2), INSTALL, "#!/bin/sh\necho 2"))
    assert verdict(report("plan", code=1), version())[:2] == ("blocked", "immutable-field")


def test_a_text_that_nothing_can_hold_is_told_of(
    work: Workspace, azure: Azure, report: Reporting, run: Command
) -> None:
    """And is not written for validate to refuse."""
    azure.seed(gallery(description="a\0b"), named(gallery("other", description="a\u200b\r\nb"), "other"))
    done = run("export", "--subscription", SUBSCRIPTION, "--out-dir", "manifests")
    assert (done.out + done.err).count("properties.description is left out") == 2
    assert report("validate")["errors"] == []
    found: dict[str, Any] = report("plan", "--detailed-exitcode")
    assert resource(found, gallery())["action"] == "none"
    assert codes(found, "warnings") == []
