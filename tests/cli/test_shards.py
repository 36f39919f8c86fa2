"""``--shard`` and ``report merge``: several runs share an estate, and their reports together are that of one run."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

import pytest

from reconciler.manifests.shard import MOST, shard_of
from reconciler.report import FORMATS
from tests.kit.cli import (
    LINK,
    Azure,
    Workspace,
    annotated,
    application,
    changed,
    codes,
    definition,
    gallery,
    named,
    version,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Reporting
    from tests.kit.cli import Manifest

COUNT: Final = 3
SUBSCRIPTIONS: Final = tuple(str(uuid5(NAMESPACE_URL, f"16{number}")) for number in range(6))
RULES: Final = (
    {"path": "tags.owner", "reason": "theirs"},
    {"kind": "Gallery", "path": "tags.unheard", "reason": "it hides nothing"},
)


def in_subscription(number: int, *manifests: Manifest) -> list[Manifest]:
    """Return manifests as those of one of the subscriptions, under names of their own."""
    made = (changed(each, "subscriptionId", SUBSCRIPTIONS[number]) for each in manifests)
    return [named(each, f"{each['metadata']['name']}-s{number}") for each in made]


def estates() -> list[Manifest]:
    """Return manifests in six subscriptions: to create, in sync, to update, blocked, paused and in a late wave."""
    late = annotated(definition(), wave="3")
    old = version(endOfLifeDate="2020-01-01T00:00:00Z")
    return [
        *in_subscription(0, gallery(), application(), version()),
        *in_subscription(1, gallery(), application(), old),
        *in_subscription(2, gallery(description="new"), annotated(definition("other"), paused="true")),
        *in_subscription(3, application(), definition()),  # without a gallery: blocked
        *in_subscription(4, late, gallery()),
        *in_subscription(5, gallery(), annotated(application(), wave="1"), version("2.0.0")),
    ]


def seeded(work: Workspace, azure: Azure) -> None:
    """Let a part of the estate exist, with drift, an ignored difference, and resources that no manifest declares."""
    work.project(ignore=list(RULES))
    work.state(*estates())
    for number in (0, 1, 2, 4, 5):
        (live,) = in_subscription(number, gallery())
        azure.seed(live)
        if number % 2 == 0:
            azure.edit(live, "tags", {"owner": "them", "zone": "left by hand"})
    for number in (5, 0):
        azure.seed(*in_subscription(number, application(), application("unmanaged"), version("9.9.9")))


def alike(report: dict[str, Any]) -> str:
    """Return a report as text without the moments of the run."""
    return json.dumps({**report, "startedAt": "", "finishedAt": ""}, indent=1)


def sharded(work: Workspace, run: Command, command: str, count: int = COUNT) -> tuple[list[str], list[int]]:
    """Run a command once for each shard; return the files of the reports, and the exit codes."""
    files, exits = [], []
    for number in range(1, count + 1):
        file = str(work.folder / f"{command}-{number}.json")
        exits.append(run(command, "--shard", f"{number}/{count}", "--report", f"json={file}").code)
        files.append(file)
    return files, exits


def test_the_subscriptions_of_these_tests_fall_to_every_shard() -> None:
    """And a shard more or less moves no subscription but those that come from it or go there."""
    for count in range(1, 40):
        before, after = ([shard_of(each, number) for each in SUBSCRIPTIONS] for number in (count, count + 1))
        assert all(new in (old, count + 1) for old, new in zip(before, after, strict=True))
    assert set(range(1, COUNT + 1)) == {shard_of(each, COUNT) for each in SUBSCRIPTIONS}


def test_the_option_goes_before_every_variable(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And there may be as many shards as the most."""
    work.state(gallery())
    monkeypatch.setenv("RECONCILER_SHARD", "1/2")
    monkeypatch.setenv("CI_NODE_INDEX", "x")
    assert report("plan", "--shard", f"{MOST}/{MOST}")["shard"] == f"{MOST}/{MOST}"


def test_many_subscriptions_are_shared_evenly() -> None:
    """No shard of eight has a third more than its part of 4,000."""
    shares = Counter(shard_of(str(uuid5(NAMESPACE_URL, f"{number}")), 8) for number in range(4000))
    assert set(shares) == set(range(1, 9))
    assert max(shares.values()) < 1.33 * 500


@pytest.mark.parametrize("command", ["plan", pytest.param("drift", marks=pytest.mark.slow)])
def test_merged_shards_are_the_report_of_one_run(
    work: Workspace, azure: Azure, run: Command, report: Reporting, command: str
) -> None:
    """Byte for byte but for the moments: order, waves, counts, requests, warnings, and the exit code."""
    seeded(work, azure)
    whole = run(command, "-o", "json")
    files, _ = sharded(work, run, command)
    merged = run("report", "merge", *reversed(files))
    assert alike(merged.report) == alike(whole.report)
    assert merged.code == whole.code
    assert whole.report["shard"] is None
    assert codes(whole.report, "warnings") == ["ignore-unused", "past-date"]
    assert len(whole.report["resources"]) == len(estates()) + whole.report["summary"]["unmanaged"]
    shards = [json.loads((work.folder / f"{command}-{number}.json").read_text()) for number in (1, 2, 3)]
    assert [each["shard"] for each in shards] == ["1/3", "2/3", "3/3"]
    assert all(0 < each["summary"]["resources"] < len(estates()) for each in shards)


@pytest.mark.slow
def test_merged_shards_of_an_apply(work: Workspace, azure: Azure, run: Command) -> None:
    """Outcomes, sums and the world are those of one run; what each shard warned of is in the merged report too."""
    seeded(work, azure)
    files, exits = sharded(work, run, "apply")
    merged = run("report", "merge", *files)
    assert merged.report["command"] == "apply"
    assert merged.code == max(exits) == 1
    found, world = merged.report, azure.ids()
    apart = [each for each in found["warnings"] if each["code"] == "waves-across-shards"]
    assert apart
    found["warnings"] = [each for each in found["warnings"] if each not in apart]
    azure.state.unlink()
    seeded(work, azure)
    whole = run("apply", "-o", "json")
    assert alike(found) == alike(whole.report)
    assert world == azure.ids()


@pytest.mark.slow
def test_every_format_of_a_merged_report(work: Workspace, azure: Azure, run: Command) -> None:
    """The text has the verdict of one run; each format is written, to standard output or a file."""
    seeded(work, azure)
    files, _ = sharded(work, run, "plan")
    whole, merged = run("plan"), run("report", "merge", *files, "-o", "text")
    assert merged.out.splitlines()[0] == whole.out.splitlines()[0]
    assert merged.out.splitlines()[-1] == whole.out.splitlines()[-1]
    assert merged.code == whole.code == 1
    for name in FORMATS:
        done = run("report", "merge", *files, "-o", name, "--report", f"json={work.folder}/all.json")
        assert done.code == 1
        assert done.out.strip()
        assert (work.folder / "all.json").read_text() == run("report", "merge", *files).out


def test_a_merged_report_exits_as_the_command_would(work: Workspace, azure: Azure, run: Command) -> None:
    """``--detailed-exitcode`` too."""
    work.state(*in_subscription(0, gallery()), *in_subscription(1, gallery()))
    files, _ = sharded(work, run, "plan")
    assert run("report", "merge", *files).code == 0
    assert run("report", "merge", *files, "--detailed-exitcode").code == 2
    drifted, _ = sharded(work, run, "drift")
    assert run("report", "merge", *drifted).code == run("drift").code == 2


def test_a_shard_of_nothing_is_done(work: Workspace, run: Command, report: Reporting) -> None:
    """It exits 0, and says why; what the labels and targets name is judged by all manifests."""
    work.state(*in_subscription(0, gallery()))
    empty = next(number for number in (1, 2) if number != shard_of(SUBSCRIPTIONS[0], 2))
    for command in ("plan", "apply", "drift"):
        found = report(command, "--shard", f"{empty}/2")
        assert found["resources"] == found["warnings"] == []
    assert "Nothing selected: no subscription falls to shard" in run("plan", "--shard", f"{empty}/2").flat
    assert report("plan", "--shard", f"{empty}/2", "--target", "Gallery/tools-s0")["resources"] == []
    assert run("plan", "--shard", f"{empty}/2", "--target", "Gallery/x").code == 64


@pytest.mark.slow
def test_every_shard_reports_the_errors_of_all_manifests(work: Workspace, run: Command) -> None:
    """And sends nothing; merged, each error is there once."""
    work.state(*estates(), changed(gallery("bad"), "galleryName", "not/a/name"))
    files, exits = sharded(work, run, "plan")
    assert exits == [1, 1, 1]
    merged, whole = run("report", "merge", *files), run("plan", "-o", "json")
    assert merged.code == 1
    assert alike(merged.report) == alike(whole.report)
    assert len(merged.report["errors"]) == 1


@pytest.mark.slow
def test_idle_rules_of_a_strict_project(work: Workspace, azure: Azure, run: Command) -> None:
    """A rule that hides nothing in one shard is no error there; one that hides nothing in any is an error of all."""
    seeded(work, azure)
    work.state(*(each for each in estates() if each["kind"] == "Gallery"))
    work.project(strict=True, ignore=list(RULES))
    files, _ = sharded(work, run, "plan")
    found = [json.loads((work.folder / f"plan-{number}.json").read_text()) for number in (1, 2, 3)]
    assert [codes(each) for each in found] == [[], [], []]
    merged, whole = run("report", "merge", *files), run("plan", "-o", "json")
    assert codes(merged.report) == codes(whole.report) == ["ignore-unused"]
    assert alike(merged.report) == alike(whole.report)


@pytest.mark.parametrize(
    ("variables", "shard"),
    [
        ({"JOB_COMPLETION_INDEX": "0", "RECONCILER_SHARD_COUNT": "3"}, "1/3"),
        (
            {"JOB_COMPLETION_INDEX": "2", "RECONCILER_SHARD_COUNT": "3", "CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "9"},
            "3/3",
        ),
        ({"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "3"}, "2/3"),
        ({"SYSTEM_JOBPOSITIONINPHASE": "3", "SYSTEM_TOTALJOBSINPHASE": "4"}, "3/4"),
        ({"SYSTEM_JOBPOSITIONINPHASE": "1", "SYSTEM_TOTALJOBSINPHASE": "1"}, None),
        ({"RECONCILER_SHARD": "1/2", "CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "3"}, "1/2"),
        ({"RECONCILER_SHARD": "1/1", "CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "3"}, "1/1"),
        ({}, None),
    ],
)
def test_parallel_jobs_name_their_shard(
    work: Workspace, report: Reporting, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], shard: str | None
) -> None:
    """The variables of Kubernetes, GitLab and Azure Pipelines; ``RECONCILER_SHARD`` and the option go before them."""
    work.state(gallery())
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert report("plan")["shard"] == shard


@pytest.mark.parametrize(
    "text", ["0/3", "4/3", "1/0", "1", "a/b", "01/3", " 1/3", "1/3/3", "1/1001", "-1/3", "", "¹/3"]
)
def test_what_is_no_shard(work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Is wrong usage, on the command line as in the variable."""
    work.state(gallery())
    assert run("plan", "--shard", text).code == 64
    if text:
        monkeypatch.setenv("RECONCILER_SHARD", text)
        assert run("plan").code == 64


@pytest.mark.parametrize(
    "variables",
    [
        {"JOB_COMPLETION_INDEX": "0"},
        {"JOB_COMPLETION_INDEX": "3", "RECONCILER_SHARD_COUNT": "3"},
        {"JOB_COMPLETION_INDEX": "-1", "RECONCILER_SHARD_COUNT": "3"},
        {"CI_NODE_INDEX": "1"},
        {"CI_NODE_INDEX": "0", "CI_NODE_TOTAL": "2"},
        {"SYSTEM_TOTALJOBSINPHASE": "2"},
    ],
)
def test_variables_that_name_no_shard(
    work: Workspace, run: Command, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """Are wrong usage too: a job that cannot know its share would do all of it."""
    work.state(gallery())
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = run("plan")
    assert done.code == 64
    assert next(iter(variables)) in done.err


def test_what_is_not_merged(work: Workspace, run: Command) -> None:
    """A set that is not whole, a shard twice, and reports of different runs: exit 1, with the file and the fix."""
    work.state(*estates())
    one, two, three = sharded(work, run, "plan")[0]

    def refused(*files: str) -> str:
        done = run("report", "merge", *files)
        assert (done.code, done.out) == (1, ""), done
        assert "fix: " in done.err
        return done.err

    assert "shard 2/3 is missing" in refused(one, three)
    assert "shards 1/3, 3/3 are missing" in refused(two)
    assert f"{one} is shard 1/3, and so is {one}" in refused(one, two, three, one)
    drifted, _ = sharded(work, run, "drift")
    assert "differ in command: plan and drift" in refused(one, two, drifted[2])
    assert run("plan", "--report", f"json={work.folder}/whole.json").code == 1
    assert "without --shard" in refused(f"{work.folder}/whole.json")
    assert run("plan", "--shard", "2/2", "--report", f"json={work.folder}/half.json").code in {0, 1}
    assert "half.json is shard 2/2" in refused(one, f"{work.folder}/half.json")
    work.file("no.json", "{}")
    assert "no.json holds no JSON report" in refused("no.json")
    work.file("no.json", "[" * 100_000)
    assert "no.json holds no JSON report" in refused("no.json")


@pytest.mark.slow
@pytest.mark.parametrize("key", ["project", "environment", "cloud", "endpoint", "commit", "reconcilerVersion"])
def test_reports_of_different_runs(work: Workspace, run: Command, key: str) -> None:
    """The difference is named."""
    work.state(*estates())
    files, _ = sharded(work, run, "plan")
    other = json.loads((work.folder / "plan-2.json").read_text())
    work.file("plan-2.json", json.dumps({**other, key: "other"}))
    done = run("report", "merge", *files)
    assert done.code == 1
    assert f"differ in {key}: " in done.err


def test_files_and_wrong_usage(work: Workspace, run: Command) -> None:
    """A file that is not there, no file, and another word than merge."""
    assert run("report", "merge", "nowhere.json").code == 64
    assert run("report", "merge").code == 64
    assert run("report", "split", "x.json").code == 64


def test_a_merged_report_shows_no_secret_and_obeys_no_one(work: Workspace, run: Command) -> None:
    """Files come from other jobs: what looks like a secret is masked, and a runner finds no command."""
    work.state(*in_subscription(0, gallery()))
    files, _ = sharded(work, run, "plan", 1)
    text = (work.folder / "plan-1.json").read_text()
    link = "https://a.blob.core.windows.net/c/x.zip?sv=1&sig=CANARYCANARYCANARYCANARYCANARYCANARYCANARY1"
    found = json.loads(text)
    found["resources"][0]["fix"] = f"::add-mask::x {link}"
    work.file("plan-1.json", json.dumps(found))
    for name in FORMATS:
        out = run("report", "merge", *files, "-o", name).out
        assert "CANARY" not in out
        assert "::add-mask" not in out


@pytest.mark.slow
def test_a_wave_does_not_wait_for_other_shards(work: Workspace, run: Command, report: Reporting) -> None:
    """An apply warns of it, only where an earlier wave is in another shard."""
    first, second = (shard_of(SUBSCRIPTIONS[number], COUNT) for number in (0, 1))
    assert first != second
    early, late = in_subscription(0, gallery()), in_subscription(1, annotated(gallery(), wave="1"))
    work.state(*early, *late)
    assert codes(report("apply", "--shard", f"{second}/{COUNT}"), "warnings") == ["waves-across-shards"]
    assert codes(report("apply", "--shard", f"{first}/{COUNT}"), "warnings") == []
    assert codes(report("apply", "--shard", "1/1"), "warnings") == codes(report("apply"), "warnings") == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [("--reader", "graph"), ("--shard", "1/1"), ("--executor", "dask")])
def test_no_reader_shard_or_worker_shows_a_secret(
    work: Workspace, azure: Azure, run: Command, monkeypatch: pytest.MonkeyPatch, how: tuple[str, str]
) -> None:
    """Neither a manifest's, nor that of a variable, nor the live one; not in any format, nor in the log."""
    words = "CANARY0aB1cD2eF3gH4iJ5"
    monkeypatch.setenv("RECONCILER_SECRET_LINK", f"{LINK}?sv=1&sig={words}2")
    place = "properties.publishingProfile.source.mediaLink"
    signed = [
        changed(version(), place, f"{LINK}?sv=1&sig={words}"),
        changed(version("1.1.0"), place, {"$env": "RECONCILER_SECRET_LINK"}),
    ]
    work.state(gallery(), application(), *signed)
    assert run("apply", *how).code == 0
    azure.edit(version(), "tags", {"by": "hand"})
    azure.edit(version("1.1.0"), place, f"{LINK}?sv=1&sig={words}3")
    for number, name in enumerate(FORMATS):
        done = run("plan", *how, "-o", name, "--log-level", "debug", "--report", f"json={number}.json")
        assert words not in done.out + done.err + (work.folder / f"{number}.json").read_text()
        if how[0] == "--shard":
            merged = run("report", "merge", f"{number}.json", "-o", name)
            assert words not in merged.out + merged.err
