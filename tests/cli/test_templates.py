"""Templates, in the dialect of JSON that Azure Resource Manager reads: comments, trailing commas, long strings."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.cli import changed, definition, inline, without

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Azure, Manifest, Workspace

TEMPLATE: dict[str, Any] = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "metadata": {"description": 'a // b /* c */ , ] "quoted" and\na second line'},
    "parameters": {},
    "resources": [{"type": "A/b", "name": "[concat('a', ',]')]", "apiVersion": "2020-01-01", "properties": {}}],
    "outputs": {"n": {"type": "int", "value": 9223372036854775807}, "d": {"type": "string", "value": [0.10, -1e2]}},
}
FORM = {
    "$schema": "x",
    "handler": "Microsoft.Azure.CreateUIDef",
    "version": "0.1.2-preview",
    "parameters": {"basics": []},
}


def in_files(name: str = "suite") -> Manifest:
    """Return the manifest of a definition whose template and form are in files beside it."""
    made = definition(name, mainTemplate={"$file": "main.json"}, createUiDefinition={"$file": "form.json"})
    return without(made, "properties.packageFileUri")


def write(work: Workspace, template: str, form: str = json.dumps(FORM)) -> None:
    """Write a definition with these files, and nothing else."""
    work.state(in_files())
    work.file("manifests/main.json", template)
    work.file("manifests/form.json", form)


def dressed(value: Any, chance: random.Random) -> str:
    """Return JSON with comments, trailing commas and line breaks at random places, and the same meaning."""

    def gap() -> str:
        return "".join(
            chance.choice(["", " ", "\n", "\t", "\r\n", '// a " , ] }\n', '/* b\n ** " [ */']) for _ in range(2)
        )

    def comma() -> str:
        return chance.choice(["", f"{gap()},"])

    if isinstance(value, dict):
        items = [f"{gap()}{text(key)}{gap()}:{dressed(item, chance)}" for key, item in value.items()]
        return f"{gap()}{{{','.join(items)}{comma() if items else ''}{gap()}}}{gap()}"
    if isinstance(value, list):
        made = ",".join(dressed(item, chance) for item in value)
        return f"{gap()}[{made}{comma() if value else ''}{gap()}]{gap()}"
    return f"{gap()}{text(value)}{gap()}"


def text(value: Any) -> str:
    """Return a scalar as JSON, with line breaks in texts as they are."""
    return json.dumps(value).replace("\\n", "\n")


@pytest.mark.parametrize("seed", range(25))
def test_dialect_changes_neither_digest_nor_put(work: Workspace, report: Reporting, azure: Azure, seed: int) -> None:
    """What comments, trailing commas and line breaks are put into a template is in sync with it, and sent alike."""
    write(work, json.dumps(TEMPLATE))
    report("apply")
    stored = azure.stored(in_files())["properties"]["mainTemplate"]
    write(work, dressed(TEMPLATE, random.Random(seed)), dressed(FORM, random.Random(-seed)))
    assert report("plan")["summary"]["puts"] == 0
    report("apply", "--republish", "ApplicationDefinition/suite")
    assert azure.stored(in_files())["properties"]["mainTemplate"] == stored
    assert json.loads(stored) == TEMPLATE
    assert "9223372036854775807" in stored


@pytest.mark.parametrize("name", ["mainTemplate", "createUiDefinition"])
def test_dialect_inline(work: Workspace, report: Reporting, azure: Azure, name: str) -> None:
    """Text in the manifest itself is read the same way as text in a file."""
    value = {"mainTemplate": TEMPLATE, "createUiDefinition": FORM}[name]
    made = inline()
    made["spec"]["properties"][name] = dressed(value, random.Random(7)).strip().replace("\t", " ").replace("\r", "")
    work.state(made)
    report("apply")
    assert json.loads(azure.stored(made)["properties"][name]) == value


def test_embedded_arm_reads_the_dialect(work: Workspace, azure: Azure) -> None:
    """Another client may send a template as text with comments; what is no JSON, ARM refuses."""
    made = inline()
    made["spec"]["properties"]["mainTemplate"] = '{"resources": [/* none */], // x\n}'
    body = {"location": "West Europe", "properties": made["spec"]["properties"]}
    assert azure.send("PUT", made, body).status_code in {200, 201}
    body["properties"]["mainTemplate"] = "{'resources': []}"
    assert azure.send("PUT", made, body).status_code == 400


@pytest.mark.parametrize(
    ("template", "line", "column"),
    [
        ('{\n  "a": [\n    1,\n    2,,\n  ]\n}', 4, 7),
        ('{\n  "a": [,]\n}', 2, 9),
        ('{\n  "a": 1\n  "b": 2\n}', 3, 3),
        ('{\n  "a" 1\n}', 2, 7),
        ("{\n  a: 1\n}", 2, 3),
        ("{\n  'a': 1\n}", 2, 3),
        ('{\n  "a": 01\n}', 2, 8),
        ('{\n  "a": NaN\n}', 2, 8),
        ('{\n  "a": True\n}', 2, 8),
        ('{\n  "a": "x\\q"\n}', 2, 10),
        ('{\n  "a": "x\n}', 2, 8),
        ('{\n  "a": [1\n}', 3, 1),
        ('{\n  "a": 1,\n  "a": 2\n}', 3, 3),
        ('{\n  /* "a": 1\n}', 2, 3),
        ('{\n  "a": 1\n}\n}', 4, 1),
        ("{\n  # no\n}", 2, 3),
        ("{\n  \u201ca\u201d: 1\n}", 2, 3),
        ('{\n  "a": "\\ud800"\n}', 2, 9),
        ('{\r\n  "a": 1,\r\n  "b": x\r\n}', 3, 8),
        ("", 1, 1),
        ("[]", 1, 1),
        ("[" * 100_000, 1, 129),
        pytest.param('{"a": [' + "1," * 600_000 + "]}", 1, None, marks=pytest.mark.slow),
    ],
)
def test_fault_names_template_line_and_column(
    work: Workspace, report: Reporting, template: str, line: int, column: int | None
) -> None:
    """An error in a template names the template's file and the place in it, not that of the manifest."""
    write(work, template)
    (error,) = report("validate", code=1)["errors"]
    assert (error["file"], error["line"]) == ("manifests/main.json", line)
    assert column in {None, error["column"]}
    assert error["path"] == "spec.properties.mainTemplate"
    assert error["fix"]


def test_fault_in_text_output(work: Workspace, run: Command) -> None:
    """File, line and column stand together, for an editor to jump to."""
    write(work, json.dumps(TEMPLATE), '{\n"a": [\n1,,\n]}')
    done = run("validate")
    assert done.code == 1
    assert "manifests/form.json:3:3" in done.out + done.err


@pytest.mark.slow
def test_template_of_bicep_size(work: Workspace, report: Reporting) -> None:
    """A template of 2.4 MB is read; beyond ARM's own limit of 4 MiB the fix is a package."""
    template = {**TEMPLATE, "variables": {f"v{index}": "x" * 100 for index in range(20_000)}}
    write(work, json.dumps(template))
    assert report("validate")["errors"] == []
    work.state(changed(inline(), "properties.mainTemplate", json.dumps(template)))
    assert report("validate")["errors"] == []
    write(work, json.dumps({**TEMPLATE, "variables": {"v": "x" * 4 * 1024 * 1024}}))
    (error,) = report("validate", code=1)["errors"]
    assert "packageFileUri" in error["fix"]
