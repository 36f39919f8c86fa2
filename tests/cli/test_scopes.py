"""Scopes that the operator allows: a manifest outside of them is an error, and nothing is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import GROUP, SUBSCRIPTION, Azure, Workspace, changed, codes, gallery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.cli.conftest import Command, Reporting

OTHER = "00000000-0000-4000-8000-000000000001"
WITHIN = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
COMMANDS = [
    ("plan",),
    ("plan", "--out", "saved.json"),
    ("plan", "--target", "Gallery/tools"),
    ("drift",),
    ("apply",),
    ("run", "--once"),
    ("run", "--once", "--report-only"),
]


@pytest.mark.parametrize("scope", [WITHIN, WITHIN.upper(), f"/subscriptions/{SUBSCRIPTION}/", SUBSCRIPTION])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("subscriptionId", OTHER),
        ("subscriptionId", f"{SUBSCRIPTION}0"),
        ("resourceGroupName", "rg-other"),
        ("resourceGroupName", f"{GROUP}2"),
    ],
)
def test_a_manifest_outside_the_allowed_scopes_is_an_error_at_its_line(
    work: Workspace, azure: Azure, report: Reporting, scope: str, path: str, value: str
) -> None:
    """The line of what leads outside, in every command that takes the Azure options; nothing is read or written."""
    work.state(gallery(), changed(gallery("other"), path, value))
    is_outside = path == "subscriptionId" or "resourcegroups" in scope.lower()
    for command in COMMANDS if scope == WITHIN else COMMANDS[:1]:
        done = report(*command, "--allowed-scope", scope, code=int(is_outside))
        if is_outside:
            (problem,) = done["errors"]
            assert (problem["code"], problem["path"]) == ("scope-not-allowed", f"spec.{path}")
            assert value in (work.folder / problem["file"]).read_text().splitlines()[problem["line"] - 1]
            assert not any(done["summary"]["requests"].values())
    assert azure.holds()


@pytest.mark.parametrize("command", [("explain", "Gallery/other"), ("snapshot", "--out", "live.json")])
def test_no_command_reads_outside(work: Workspace, run: Command, command: tuple[str, ...]) -> None:
    """Those with a report of their own say it too."""
    work.state(gallery(), changed(gallery("other"), "resourceGroupName", "rg-other"))
    done = run(*command, "--allowed-scope", WITHIN)
    assert done.code == 1
    assert "scope-not-allowed" in done.out
    assert not (work.folder / "live.json").exists()


def test_scopes_come_from_the_environment_and_hold_for_what_a_project_adds(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several, in one variable; what defaults or an overlay lay over a manifest is held against them too."""
    other = f"/subscriptions/{OTHER}/resourceGroups/rg-b"
    monkeypatch.setenv("RECONCILER_ALLOWED_SCOPES", f"{WITHIN}, {other}")
    moved = changed(changed(gallery("b"), "subscriptionId", OTHER), "resourceGroupName", "RG-B")
    work.state(gallery(), moved)
    report("plan")
    overlay = {"kind": "Gallery", "metadata": {"name": "b"}, "spec": {"resourceGroupName": "rg-c"}}
    work.file("over/b.yaml", "\n".join(_lines(overlay)))
    work.project(environments={"prod": {"overlay": "over"}})
    (problem,) = report("plan", "-e", "prod", code=1)["errors"]
    assert (problem["code"], problem["file"]) == ("scope-not-allowed", "over/b.yaml")


def _lines(overlay: Mapping[str, object]) -> list[str]:
    return [f"{name}: {value!r}".replace("'", '"') for name, value in overlay.items()]


@pytest.mark.parametrize(
    "scope",
    [
        "/",
        "//",
        "/subscriptions",
        "/subscriptions/",
        "/subscriptions//resourceGroups/x",
        f"{WITHIN}/providers/x",
        "a/b",
    ],
)
def test_what_is_no_scope_is_wrong_usage(work: Workspace, run: Command, scope: str) -> None:
    """A slip may not pass for a bound."""
    work.state(gallery())
    assert run("plan", "--allowed-scope", scope).code == 64


def test_an_export_reads_within_the_scopes(work: Workspace, run: Command) -> None:
    """What it is asked for is the operator's own word, held against the operator's bound."""
    assert run("export", "--subscription", OTHER, "--allowed-scope", WITHIN).code == 64
    assert run("export", "--subscription", SUBSCRIPTION, "--allowed-scope", WITHIN).code == 64
    within = ("--subscription", SUBSCRIPTION, "--resource-group", GROUP)
    assert run("export", *within, "--allowed-scope", WITHIN).code == 0


def test_without_scopes_everything_is_allowed(work: Workspace, report: Reporting) -> None:
    """As before; `validate` sends no request and takes none."""
    work.state(gallery(), changed(gallery("other"), "subscriptionId", OTHER))
    assert codes(report("plan")) == codes(report("validate")) == []
