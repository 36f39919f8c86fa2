"""The JSON report is a contract."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.errors import ErrorCode, ErrorInfo
from reconciler.kinds.live import Health
from reconciler.model.change import Action, Finding, Op, Reason, Sync
from reconciler.model.outcome import Result
from reconciler.report import FORMATS, render
from reconciler.secret.text import Secret, SecretUrl
from tests.kit.reports import CREATE, REPORTS, UPDATE, change, field, report

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.model.outcome import Report


@pytest.fixture(scope="module")
def schema(root: Path) -> dict[str, Any]:
    """Return the published schema."""
    loaded: dict[str, Any] = json.loads((root / "schemas" / "report.schema.json").read_text(encoding="utf-8"))
    return loaded


def _given(made: Report) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(render(made, "json"))
    return loaded


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_valid(name: str, schema: dict[str, Any]) -> None:
    """The schema describes what is written."""
    Draft202012Validator(schema).validate(_given(REPORTS[name]))


def test_the_schema_is_strict_and_described(schema: dict[str, Any]) -> None:
    """No object takes unknown keys, and every field is explained in a sentence."""
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == "https://reconciler.dev/schemas/v1/report.schema.json"
    objects = [part for part in (schema, *schema["$defs"].values()) if part.get("type") == "object"]
    objects += [schema["$defs"]["summary"]["properties"][name] for name in ("requests", "applyRequests")]
    assert len(objects) == 12
    for part in objects:
        assert part["additionalProperties"] is False
        for name, described in part["properties"].items():
            assert described.get("description", "").endswith("."), name


def test_the_schema_knows_the_words_of_the_model(schema: dict[str, Any]) -> None:
    """Each enum lists exactly the values that can be written, in their order."""
    resource, change_ = schema["$defs"]["resource"]["properties"], schema["$defs"]["change"]["properties"]
    assert resource["action"]["enum"] == list(Action)
    assert resource["reason"]["enum"] == list(Reason)
    assert resource["sync"]["enum"] == list(Sync)
    assert resource["health"]["enum"] == list(Health)
    assert resource["outcome"]["enum"] == [*Result, None]
    assert change_["finding"]["enum"] == list(Finding)
    assert change_["op"]["enum"] == list(Op)


def test_keys_have_their_order(schema: dict[str, Any]) -> None:
    """Readers of a difference between two reports rely on it."""
    given = _given(REPORTS["apply-everything"])
    assert list(given) == schema["required"]
    assert list(given["resources"][0]) == schema["$defs"]["resource"]["required"]
    assert list(given["warnings"][0]) == schema["$defs"]["problem"]["required"]
    error = next(resource["error"] for resource in given["resources"] if resource["error"])
    assert list(error) == schema["$defs"]["error"]["required"]
    assert list(given["summary"]) == schema["$defs"]["summary"]["required"]


def test_times_are_utc_seconds() -> None:
    """Other zones are converted, fractions dropped."""
    given = _given(REPORTS["plan-empty"])
    assert (given["startedAt"], given["finishedAt"]) == ("2026-11-21T20:25:00Z", "2026-11-21T20:25:01Z")


def test_an_absent_side_has_no_key_and_null_stays() -> None:
    """Absence is not null."""
    (resource,) = _given(report("plan", UPDATE))["resources"]
    added, removed = resource["changes"][1], resource["changes"][2]
    assert "observed" not in added
    assert removed["desired"] is None


def test_a_secret_that_came_this_far_is_still_hidden() -> None:
    """Secrets are hidden long before; the writer hides them again."""
    link = SecretUrl("https://a.blob.core.windows.net/c/x.zip?sv=1&sig=CANARY")
    made = report(
        "plan",
        change("x", Action.UPDATE, Reason.FIELDS_DIFFER, field("a", Op.REPLACE, {"b": [link]}, Secret("CANARY"))),
    )
    for format_ in FORMATS:
        assert "CANARY" not in render(made, format_)
    assert _given(made)["resources"][0]["changes"][0]["observed"] == {"b": ["https://a.blob.core.windows.net/c/x.zip"]}


def test_what_is_no_json_is_a_bug() -> None:
    """An object of Python is never written by its repr."""
    fine = field("a", Op.ADD, wanted=MappingProxyType({"b": 1}))
    assert '"b": 1' in render(report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, fine)), "json")
    made = report("plan", change("x", Action.UPDATE, Reason.FIELDS_DIFFER, field("a", Op.ADD, wanted=object())))
    with pytest.raises(TypeError, match="object is no JSON"):
        render(made, "json")


def test_words_and_numbers_of_enumerations_are_written_plainly() -> None:
    """The embedded ARM answers in process, with the library's own numbers; a view has Python's."""
    fields = (field("a", Op.ADD, wanted=MappingProxyType({})), field("b", Op.ADD, wanted=[HTTPStatus.OK, Action.NONE]))
    error = ErrorInfo(ErrorCode.TIMEOUT, "it took too long", HTTPStatus.CONFLICT)
    made = report("plan", change("x", Action.UNKNOWN, Reason.READ_FAILED, *fields, error=error))
    (resource,) = _given(made)["resources"]
    assert [each["desired"] for each in resource["changes"]] == [{}, [200, "none"]]
    assert (resource["error"]["code"], resource["error"]["status"]) == ("Timeout", 409)
    assert "HTTP 409" in render(made, "text")


def test_commands_are_escaped_without_loss() -> None:
    """A parser reads the name as it was; a CI runner finds no command."""
    name = "::error::x ##[set-env name=A;]b ##vso[task.complete]c"
    made = report("plan", change(name, Action.CREATE, Reason.NOT_FOUND))
    text = render(made, "json")
    assert not re.search("::|##", text)
    assert json.loads(text)["resources"][0]["name"] == name


def test_unmanaged_resources_come_last() -> None:
    """They have no source and nothing is to be done about them."""
    stray = _given(REPORTS["drift-none"])["resources"][-1]
    assert (stray["source"], stray["action"], stray["reason"], stray["sync"]) == (
        None,
        "none",
        "unmanaged",
        "Unmanaged",
    )
    assert stray["name"] == "0.9.0"


def test_the_text_ends_with_one_line_end_and_is_ascii() -> None:
    """It can go through any pipe."""
    text = render(report("plan", CREATE, change("ünï\u202e", Action.CREATE, Reason.NOT_FOUND)), "json")
    assert text.isascii()
    assert text.endswith("}\n")
    assert text.startswith('{\n  "schemaVersion": 1,\n')
