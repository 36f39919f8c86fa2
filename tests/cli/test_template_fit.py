"""A template and the portal form that asks for its parameters, in one definition."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import changed, definition, inline, without

if TYPE_CHECKING:
    from tests.cli.conftest import Reporting
    from tests.kit.cli import Workspace

MAIN = "spec.properties.mainTemplate"
FORM = "spec.properties.createUiDefinition"
SCHEMAS = "https://schema.management.azure.com/schemas"


def template(parameters: Any, **more: Any) -> dict[str, Any]:
    """Return a deployment template with these parameters."""
    schema = f"{SCHEMAS}/2019-04-01/deploymentTemplate.json#"
    return {"$schema": schema, "contentVersion": "1.0.0.0", "parameters": parameters, "resources": [], **more}


def form(outputs: Any) -> dict[str, Any]:
    """Return a form with these outputs."""
    schema = f"{SCHEMAS}/0.1.2-preview/CreateUIDefinition.MultiVm.json#"
    parameters = {"basics": [], "steps": [], "outputs": outputs}
    head = {"$schema": schema, "handler": "Microsoft.Azure.CreateUIDef", "version": "0.1.2-preview"}
    return {**head, "parameters": parameters}


def ui_form(outputs: Any) -> dict[str, Any]:
    """Return a form of the newer kind with these outputs."""
    schema = f"{SCHEMAS}/2021-09-09/uiFormDefinition.schema.json#"
    return {"$schema": schema, "view": {"kind": "Form", "properties": {}, "outputs": {"parameters": outputs}}}


def found(work: Workspace, report: Reporting, main: Any, create: Any) -> set[tuple[str, str]]:
    """Return path and fix of every warning of a definition that holds the two, in files as well as inline."""
    made = changed(changed(inline(), "properties.mainTemplate", main), "properties.createUiDefinition", create)
    work.state(made)
    warnings = report("validate")["warnings"]
    assert {item["code"] for item in warnings} <= {"template-fit"}
    work.file("manifests/main.json", f"// a template\n{json.dumps(main)}")
    work.file("manifests/create.json", json.dumps(create))
    files = definition(mainTemplate={"$file": "main.json"}, createUiDefinition={"$file": "create.json"})
    work.state(without(files, "properties.packageFileUri"))
    again = report("validate")["warnings"]
    assert [(item["path"], item["message"]) for item in again] == [(item["path"], item["message"]) for item in warnings]
    return {(item["path"], item["fix"]) for item in warnings}


TEXT = {"type": "string"}
FITTING: list[tuple[Any, Any]] = [
    (template({"vmName": TEXT}), form({"vmName": "[basics('n')]"})),
    (template({"vmName": TEXT}), form({"VMNAME": "x"})),
    (template({"vmName": TEXT}), ui_form({"vmName": "x"})),
    (template({"size": {"type": "string", "defaultValue": "S"}}), form({})),
    (template({"size": {"type": "string", "defaultValue": None}}), form({})),
    (template({"size": {"type": "string", "nullable": True}}, languageVersion="2.0", resources={}), form({})),
    (
        template(
            {"size": {"$ref": "#/definitions/size"}},
            definitions={"size": {"type": "string", "nullable": True}},
            languageVersion="2.0",
            resources={"vm": {"type": "A/b", "apiVersion": "2020-01-01", "name": "x"}},
        ),
        form({}),
    ),
    (template({}), form({"location": "x", "applicationResourceName": "x", "managedResourceGroupId": "x"})),
    (template({"location": TEXT}), form({"location": "[location()]"})),
    (template({"location": TEXT}), ui_form("[steps('basics')]")),
    (template({"_artifactsLocation": TEXT}), form({})),
    (template({}, metadata={"_generator": {"name": "bicep", "version": "0.30.23", "templateHash": "1"}}), form({})),
    (
        template(
            {},
            resources=[{"type": "Microsoft.Resources/deployments", "properties": {"template": template({"a": TEXT})}}],
        ),
        form({}),
    ),
]


@pytest.mark.parametrize(("main", "create"), FITTING)
def test_pairs_that_fit(work: Workspace, report: Reporting, main: Any, create: Any) -> None:
    """No warning about defaults, nullable parameters, names in other case, and what the portal itself takes."""
    assert found(work, report, main, create) == set()


MISFITS: list[tuple[Any, Any, set[str], str]] = [
    (template({"vmName": TEXT}), form({}), {MAIN}, "vmName"),
    (template({"vmName": TEXT}), form({"vmNam": "x"}), {MAIN, FORM}, "vmName"),
    (template({"vmName": TEXT}), ui_form({"other": "x"}), {MAIN, FORM}, "other"),
    (template({}), form({"size": "x"}), {FORM}, "size"),
    (form({"a": "x"}), template({"a": TEXT}), {MAIN}, ""),
    (ui_form({}), template({}), {MAIN}, ""),
    ({"hello": 1}, form({}), {MAIN}, ""),
    ({}, form({"size": "x"}), {MAIN}, ""),
    (form({}), form({}), {MAIN}, ""),
    (template({}), template({}), {FORM}, ""),
    (template({}), {"hello": 1}, {FORM}, ""),
]


@pytest.mark.parametrize(("pair", "expected"), [(case[:2], case[2:]) for case in MISFITS])
def test_pairs_that_do_not_fit(
    work: Workspace, report: Reporting, pair: tuple[Any, Any], expected: tuple[set[str], str]
) -> None:
    """Each mistake is a warning at the part to correct, an error where the project is strict."""
    (main, create), (paths, said) = pair, expected
    warnings = found(work, report, main, create)
    assert {path for path, _ in warnings} == paths
    assert all(fix for _, fix in warnings)
    assert said in " ".join(item["message"] for item in report("validate")["warnings"])
    work.project(strict=True)
    assert len(report("validate", code=1)["errors"]) == len(warnings)
