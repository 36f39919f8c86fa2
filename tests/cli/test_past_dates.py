"""A date in the past: a warning where a PUT would set it, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.cli import (
    Workspace,
    application,
    changed,
    codes,
    commit,
    definition,
    estate,
    gallery,
    git,
    verdict,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Reporting
    from tests.kit.cli import Azure, Manifest

PAST = "2001-01-01T00:00:00Z"
SAME = "2000-12-31T16:00:00-08:00"
DATE = "properties.publishingProfile.endOfLifeDate"


def dated(date: str | None = PAST) -> list[Manifest]:
    """Return the estate with a version that has come to its end."""
    return [gallery(), application(), version() if date is None else version(endOfLifeDate=date), definition()]


@pytest.mark.parametrize("strict", ["strict", "lenient"])
def test_a_date_that_is_live_is_no_warning(work: Workspace, azure: Azure, report: Reporting, strict: str) -> None:
    """Nor an error that stops the estate: every end of life passes some day."""
    work.project(strict=strict == "strict")
    azure.seed(*dated()[:3])
    for spelling in (PAST, SAME):
        work.state(*dated(spelling)[:3])
        assert report("validate")["warnings"] == []
        assert "past-date" not in codes(report("plan"), "warnings")
        assert "past-date" not in codes(report("drift"), "warnings")
    assert report("apply")["errors"] == []
    assert report("plan", "--detailed-exitcode")["summary"]["puts"] == 0


@pytest.mark.parametrize("strict", ["strict", "lenient"])
@pytest.mark.parametrize("before", [None, "2035-01-01T00:00:00Z"])
def test_a_date_that_a_put_would_set_is_a_warning(
    work: Workspace, report: Reporting, strict: str, before: str | None
) -> None:
    """Also under strict; and it is set."""
    work.project(strict=strict == "strict")
    work.state(*dated(before))
    report("apply")
    work.state(*dated())
    plan = report("plan")
    (warning,) = plan["warnings"]
    assert (warning["code"], warning["path"]) == ("past-date", f"spec.{DATE}")
    assert warning["file"].startswith("manifests/")
    assert warning["line"] is not None
    assert plan["errors"] == []
    assert verdict(plan, version())[:2] == ("update", "fields-differ")
    applied = report("apply")
    assert codes(applied, "warnings") == ["past-date"]
    assert applied["summary"]["succeeded"] == 1
    assert report("plan")["warnings"] == []


def test_a_create_sets_it(work: Workspace, report: Reporting) -> None:
    """Of an application, too; a PUT of something else does not."""
    work.state(gallery(), application(endOfLifeDate=PAST))
    assert codes(report("plan"), "warnings") == ["past-date"]
    report("apply")
    work.state(gallery(), application(endOfLifeDate=PAST, description="New"))
    plan = report("plan")
    assert (plan["summary"]["puts"], plan["warnings"]) == (1, [])


def test_an_edit_in_git(work: Workspace, report: Reporting) -> None:
    """Offline only what is new or edited is told, with or without strict."""
    git(work.folder, "init", "--quiet")
    work.project(strict=True)
    work.state(*dated())
    commit(work.folder)
    assert report("validate", "--against", "HEAD")["warnings"] == []
    work.state(*dated(SAME))
    assert report("validate", "--against", "HEAD")["warnings"] == []
    work.state(*dated("2001-01-02T00:00:00Z"), version("2.0.0", endOfLifeDate=PAST))
    found = report("validate", "--against", "HEAD")
    assert codes(found, "warnings") == ["past-date", "past-date"]
    assert {each["path"] for each in found["warnings"]} == {f"spec.{DATE}"}
    work.state(*dated("2036-01-02T00:00:00Z"))
    assert report("validate", "--against", "HEAD")["warnings"] == []


def test_a_blocked_version_sets_nothing(work: Workspace, report: Reporting) -> None:
    """Its immutable difference comes first."""
    work.state(*estate())
    report("apply")
    work.state(
        *dated()[:2], changed(version(endOfLifeDate=PAST), "properties.publishingProfile.replicationMode", "Shallow")
    )
    assert report("plan", code=1)["warnings"] == []
