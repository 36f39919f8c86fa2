"""A report where people review: one comment for each environment, updated in place; other comments stay."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from reconciler.cli.commands.comment import CommentRun, post, report_in
from reconciler.errors import ReviewError
from reconciler.model.change import Action, Op, Reason
from reconciler.plan.exit_codes import ExitCode
from reconciler.report import render
from reconciler.report.comment import body, mark
from reconciler.report.markdown import LIMIT
from tests.kit.clock import FakeClock
from tests.kit.reports import change, field
from tests.kit.reports import report as made_up
from tests.kit.review import BOT, SERVICE, SOMEBODY, AzureDevOps, GitHub, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Command

HEAD = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Return a report in a file."""
    path = tmp_path / "plan.md"
    path.write_text("### 1 to update; 5 in sync.\n", encoding="utf-8")
    return path


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """Yield GitHub, with what its runner sets for a pull request."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": HEAD}}}), encoding="utf-8")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    with GitHub() as host:
        _set(monkeypatch, host.variables())
        yield host


@pytest.fixture
def azure_devops(monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureDevOps]:
    """Yield Azure DevOps, with what its agent sets for a pull request."""
    with AzureDevOps() as host:
        _set(monkeypatch, host.variables())
        yield host


def _set(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def _post(github: GitHub, report: Path) -> str:
    """Post on a clock that passes waits at once."""
    run = CommentRun("github", None, None, 7, github.variables(), FakeClock())
    return asyncio.run(post(run, report_in(str(report))))


def test_the_first_report_is_a_new_comment(run: Command, github: GitHub, report: Path) -> None:
    """It begins with the mark, says what it is about, and the command says where it is."""
    done = run("comment", "--github", str(report), "--environment", "production")
    url = "https://github.example/acme/estate/pull/7#issuecomment-101"
    assert (done.code, done.out, done.err) == (0, f"Comment created: {url}\n", "")
    author, text = github.bodies[101]
    said = f"Environment `production`, Commit `{HEAD}`"
    assert author == BOT
    assert text == f"{mark('production')}\n{said}\n\n### 1 to update; 5 in sync.\n"


def test_the_next_report_takes_its_place(run: Command, github: GitHub, report: Path) -> None:
    """One comment for an environment; the same report is not written twice; another environment has its own."""
    run("comment", "--github", str(report), "-e", "production")
    run("comment", "--github", str(report), "-e", "test-1")
    assert run("comment", "--github", str(report), "-e", "production").out.startswith("Comment unchanged: https://")
    report.write_text("### No changes.\n", encoding="utf-8")
    assert run("comment", "--github", str(report), "-e", "production").out.startswith("Comment updated: https://")
    assert [text.splitlines()[-1] for _, text in github.bodies.values()] == [
        "### No changes.",
        "### 1 to update; 5 in sync.",
    ]
    assert [method for method, _ in github.sent("PATCH", "PUT", "DELETE")] == ["PATCH"]


def test_nobody_elses_comment_is_written_over(run: Command, github: GitHub, report: Path) -> None:
    """The mark counts at the start of an own comment alone: others could change a forged one after the run."""
    forged = f"{mark(None)}\n### No changes."
    quoting = f"> {mark(None)}\nwhat is this?"
    github.bodies = {1: (SOMEBODY, forged), 2: (BOT, quoting), 3: ("", forged)}
    assert run("comment", "--github", str(report)).out.startswith("Comment created: ")
    assert [github.bodies[number][1] for number in (1, 2, 3)] == [forged, quoting, forged]


def test_of_two_the_later_one_is_taken_back(run: Command, github: GitHub, report: Path) -> None:
    """Two runs at once made two: no reader decides by the one that is not kept up."""
    github.bodies = {1: (BOT, f"{mark(None)}\nold"), 2: (BOT, f"{mark(None)}\nolder")}
    run("comment", "--github", str(report))
    run("comment", "--github", str(report))
    assert "1 to update" in github.bodies[1][1]
    assert github.bodies[2][1] == f"{mark(None)}\nReplaced: the report is in an earlier comment.\n"
    assert len(github.sent("PATCH")) == 2


@pytest.mark.parametrize("name", ["a-->b", 'x" -->', "`@team` <img src=x>", "::error::", "ü", "-" * 5])
def test_no_name_ends_the_mark(run: Command, github: GitHub, report: Path, name: str) -> None:
    """An environment of any name finds its comment again, and the name stands in a code span."""
    run("comment", "--github", str(report), "-e", name)
    run("comment", "--github", str(report), "-e", name)
    ((_, text),) = github.bodies.values()
    first = text.splitlines()[0]
    assert first.count("-->") == 1
    assert first.endswith(" -->")
    assert "--" not in first[4:-3]
    assert "::" not in text


def test_what_a_report_quotes_is_no_mark(run: Command, github: GitHub, report: Path) -> None:
    """A report that holds the mark of another environment is found by its own alone."""
    report.write_text(f"{mark('production')}\n### No changes.\n", encoding="utf-8")
    run("comment", "--github", str(report), "-e", "test")
    run("comment", "--github", str(report), "-e", "production")
    assert len(github.bodies) == 2


@pytest.mark.parametrize("size", [LIMIT - 60, LIMIT, LIMIT * 3])
def test_a_comment_is_never_too_long(run: Command, github: GitHub, report: Path, size: int) -> None:
    """What does not fit is cut by lines, and the comment says so before anything else."""
    report.write_text("".join(f"{number:06} ü\n" for number in range(size // 10 + 1)), encoding="utf-8")
    assert run("comment", "--github", str(report)).code == 0
    ((_, text),) = github.bodies.values()
    assert len(text.encode()) <= LIMIT
    assert text.splitlines()[3].startswith("**Cut to what fits")
    assert text.endswith(" ü\n")


def test_a_report_that_fits_is_whole(run: Command, github: GitHub, report: Path) -> None:
    """Nothing is cut without need."""
    report.write_text("x" * (LIMIT - 200) + "\nend\n", encoding="utf-8")
    run("comment", "--github", str(report))
    ((_, text),) = github.bodies.values()
    assert text.endswith("x\nend\n")
    assert "Cut" not in text


@pytest.mark.slow
@pytest.mark.parametrize("size", [20, 57, 90])
def test_the_longest_plan_fits_behind_its_mark(size: int) -> None:
    """The report of an estate of any size leaves room for what a comment says besides."""
    difference = field("tags.a", Op.REPLACE, "x", "y")
    names = (f"n{number:05}-{'x' * size}" for number in range(3000))
    plan = made_up("plan", *(change(name, Action.UPDATE, Reason.FIELDS_DIFFER, difference) for name in names))
    text = body(render(plan, "markdown"), "production-" * 8, HEAD)
    assert LIMIT - 2000 < len(text.encode()) <= LIMIT
    assert "Cut to what fits" not in text


def test_no_secret_is_posted(run: Command, github: GitHub, report: Path) -> None:
    """The last net is under a comment too: the file may have been written by anything."""
    report.write_text("https://a.blob.core.windows.net/c/b?sv=1&sig=CANARY\n", encoding="utf-8")
    run("comment", "--github", str(report))
    assert "CANARY" not in github.bodies[101][1]


def test_the_head_of_a_comment_is_plain(github: GitHub, report: Path, run: Command) -> None:
    """The names in it are masked, and stay on their line: nothing in them is Markdown, nor hidden from a reader."""
    name = "a\n\n@octocat [x](http://x)\u202e"
    run("comment", "--github", str(report), "-e", name)
    run("comment", "--github", str(report), "-e", "AZP_TOKEN=CANARY0aB1cD2eF3gH4")
    (_, text), (_, other) = github.bodies.values()
    said = "Environment `a\\n\\n@octocat [x](http://x)\\u202e`, "
    assert text.splitlines()[1].startswith(said)
    assert "CANARY" not in other


def test_a_report_on_standard_input(run: Command, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash is standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"### Piped\n")))
    assert run("comment", "--github", "-").code == 0
    assert github.bodies[101][1].endswith("### Piped\n")


def test_pages_are_followed(run: Command, github: GitHub, report: Path) -> None:
    """The own comment may be on the last page of a long conversation."""
    github.page = 2
    github.bodies = dict.fromkeys(range(1, 6), (SOMEBODY, "hm"))
    github.bodies[6] = (BOT, f"{mark(None)}\nold")
    assert run("comment", "--github", str(report)).out.startswith("Comment updated: ")
    assert len(github.sent("GET")) == 3


def test_a_page_elsewhere_is_not_asked_for(run: Command, github: GitHub, report: Path) -> None:
    """The token goes to the host of the API, and to no other."""
    with GitHub() as elsewhere:
        github.page, github.next_host = 1, elsewhere.url
        github.bodies = {1: (SOMEBODY, "hm"), 2: (SOMEBODY, "hm")}
        done = run("comment", "--github", str(report))
        assert (done.code, done.out) == (1, "")
        assert "leads to another host; nothing was sent there" in done.err
        assert elsewhere.requests == []


def test_pages_without_end(run: Command, github: GitHub, report: Path) -> None:
    """A host that always names one more page does not hold a run."""
    github.page = 1
    github.bodies = dict.fromkeys(range(1, 60), (SOMEBODY, "hm"))
    done = run("comment", "--github", str(report))
    assert (done.code, len(github.sent("GET"))) == (1, 50)
    assert "more than 50 pages" in done.err


def test_a_redirect_is_not_followed(run: Command, github: GitHub, report: Path) -> None:
    """Nor is what it leads to sent the token."""
    with GitHub() as elsewhere:
        github.faults = [("GET", Reply(301, {}, {"location": f"{elsewhere.url}/"}))]
        assert run("comment", "--github", str(report)).code == 1
        assert elsewhere.requests == []


def test_github_enterprise(run: Command, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its API has a path, and GraphQL another one, on the same host."""
    with GitHub(base="/api/v3") as host:
        _set(monkeypatch, host.variables())
        done = run("comment", "--github", str(report), "--pull-request", "7")
        assert (done.code, done.out[:17]) == (0, "Comment created: ")
        assert host.sent("POST")[0] == ("POST", "/api/graphql")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "give a token that is valid in GITHUB_TOKEN"),
        (403, "pull-requests: write"),
        (404, "check the repository and the number"),
        (422, "is it locked?"),
    ],
)
def test_a_refusal_says_what_to_do(run: Command, github: GitHub, report: Path, status: int, said: str) -> None:
    """The host's own words, masked and on one line, and the way out; exit 1."""
    words = "Resource not accessible\nby integration ?sig=CANARY"
    github.faults = [("PATCH", Reply(status, {"message": words}))]
    github.bodies = {1: (BOT, f"{mark(None)}\nold")}
    done = run("comment", "--github", str(report))
    assert (done.code, done.out) == (1, "")
    assert f"GitHub answered {status} (Resource not accessible\\nby integration" in done.err
    assert said in done.err
    assert done.err.count("\n") == 1


def test_all_that_a_refusal_says(run: Command, github: GitHub, report: Path) -> None:
    """The errors beside the message too, as texts and as objects."""
    errors: list[object] = [{"resource": "IssueComment", "code": "unprocessable", "message": "Body is too long"}, "odd"]
    errors += [{"field": "data", "code": "missing"}, 7]
    github.faults = [("POST", Reply(422, {"message": "Validation Failed", "errors": errors}))]
    done = run("comment", "--github", str(report))
    assert "GitHub answered 422 (Validation Failed: Body is too long: odd: data missing)" in done.err


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'[{"id": 1}]', b"[3]", b'{"data": {"viewer": null}}'])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_of_another_kind(run: Command, github: GitHub, report: Path, method: str, body: bytes) -> None:
    """It is an error, and nothing is written."""
    github.faults = [(method, Reply(200, body))]
    done = run("comment", "--github", str(report))
    assert (done.code, done.out) == (1, "")
    assert "unexpected answer" in done.err
    assert github.bodies == {}


def test_what_the_host_says_is_no_command(run: Command, github: GitHub, report: Path) -> None:
    """Not even the URL that it gives back: it stands on one line, and no runner obeys it."""
    said = {"id": 1, "user": None, "body": "", "html_url": "https://x\n::error::\x1b[2J"}
    viewer = {"data": {"viewer": {"login": BOT}}}
    github.faults = [("POST", Reply(200, viewer)), ("POST", Reply(201, said))]
    assert run("comment", "--github", str(report)).out == "Comment created: https://x\\n:\\x3aerror:\\x3a\\x1b[2J\n"


def test_what_is_not_there_for_a_moment(github: GitHub, report: Path) -> None:
    """Reads are repeated, waits that the host asks for are kept, and a limit worded as 403 is one."""
    busy = {"retry-after": "60"}
    github.faults = [
        ("GET", Reply(502, b"")),
        ("GET", Reply(429, {}, busy)),
        ("POST", Reply(403, {"message": "You have exceeded a secondary rate limit"}, busy)),
    ]
    assert _post(github, report).startswith("Comment created: ")
    assert github.faults == []


def test_what_is_never_there(github: GitHub, report: Path) -> None:
    """After five tries the error says so."""
    github.faults = [("GET", Reply(503, b""))] * 9
    with pytest.raises(ReviewError, match="GitHub answered 503"):
        _post(github, report)
    assert len(github.sent("GET")) == 5


@pytest.mark.usefixtures("leaping")
@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(503, b"<html>no server</html>", {"retry-after": "50"}), "answered 503"),
        (Reply(503, {"message": "we are down"}, {"retry-after": "50"}), "answered 503 (we are down)"),
        (Reply(500, {"code": "X", "error": {"code": "Y"}}), "answered 500"),
        (Reply(429, {"message": "slow down"}, {"retry-after": "3601"}), "answered 429 (slow down)"),
    ],
)
@pytest.mark.parametrize("name", ["GitHub", "Azure DevOps"])
def test_a_host_that_is_down_words_its_own_answers(
    run: Command, request: pytest.FixtureRequest, report: Path, name: str, reply: Reply, said: str
) -> None:
    """However long it is down, and however the run gives up, no error speaks of ARM."""
    host = request.getfixturevalue(name.lower().replace(" ", "_"))
    host.faults = [(method, reply) for method in ("GET", "POST") for _ in range(99)]
    done = run("comment", f"--{name.lower().replace(' ', '-')}", str(report))
    assert (done.code, done.out) == (1, "")
    assert f"{name} {said}; " in done.err
    assert done.err.count("run again") == 1
    assert "ARM" not in done.err


def test_a_write_without_an_answer_is_not_repeated(github: GitHub, report: Path) -> None:
    """It may have been acted on: two comments would be worse than an error, and the next run looks first."""
    github.bodies = {1: (BOT, f"{mark(None)}\nold")}
    github.faults = [("PATCH", Reply(502, b""))]
    with pytest.raises(ReviewError, match="502"):
        _post(github, report)
    assert len(github.sent("PATCH")) == 1


@pytest.mark.usefixtures("leaping")
def test_nobody_answers(run: Command, github: GitHub, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the host by its name, and not Azure."""
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    done = run("comment", "--github", str(report))
    assert done.code == 1
    assert "GitHub: the connection was refused" in done.err
    assert "GITHUB_API_URL" in done.err
    assert "--endpoint" not in done.err


@pytest.mark.parametrize(
    "case",
    [
        ("GITHUB_TOKEN", "", "GITHUB_TOKEN"),
        ("GITHUB_REPOSITORY", "", "--repository"),
        ("GITHUB_REPOSITORY", "acme/../x", "OWNER/NAME"),
        ("GITHUB_REPOSITORY", "acme/..", "OWNER/NAME"),
        ("GITHUB_EVENT_PATH", "", "--pull-request NUMBER"),
        ("GITHUB_EVENT_PATH", "/nowhere", "GITHUB_EVENT_PATH"),
        ("GITHUB_API_URL", "http://github.example", "GITHUB_API_URL"),
        ("GITHUB_API_URL", "https://me:CANARY@github.example", "GITHUB_API_URL"),
    ],
)
def test_wrong_usage_on_github(
    run: Command, github: GitHub, report: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, str]
) -> None:
    """What is missing is named, nothing is sent, and the exit code is 64."""
    name, value, said = case
    monkeypatch.setenv(name, value)
    done = run("comment", "--github", str(report))
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert said in done.err
    assert github.requests == []


def test_a_run_for_no_pull_request(run: Command, github: GitHub, report: Path, tmp_path: Path) -> None:
    """A push has an event without one."""
    (tmp_path / "event.json").write_text('{"ref": "refs/heads/main"}', encoding="utf-8")
    assert run("comment", "--github", str(report)).code == ExitCode.USAGE
    assert run("comment", "--github", str(report), "--pull-request", "7", "--repository", "acme/estate").code == 0


def test_nothing_to_post(run: Command, github: GitHub, report: Path) -> None:
    """An empty report is that of a run that never got to one, and overwrites nothing; so is one that is not there."""
    report.write_text(" \n", encoding="utf-8")
    assert "is empty: there is no report to post" in run("comment", "--github", str(report)).err
    assert run("comment", "--github", "nowhere.md").code == ExitCode.USAGE
    assert run("comment", str(report)).code == ExitCode.USAGE
    assert github.requests == []


def test_a_thread_on_azure_devops(run: Command, azure_devops: AzureDevOps, report: Path) -> None:
    """It is opened once, closed as it holds nothing up, and its comment is updated in place."""
    done = run("comment", "--azure-devops", str(report), "-e", "production")
    page = f"{azure_devops.url}/acme/Our%20Estate/_git/repo-id/pullrequest/7?discussionId=41"
    assert (done.code, done.out) == (0, f"Comment created: {page}\n")
    report.write_text("### No changes.\n", encoding="utf-8")
    assert run("comment", "--azure-devops", str(report), "-e", "production").out.startswith("Comment updated: ")
    (thread,) = azure_devops.threads
    assert thread["status"] == 4
    (comment,) = thread["comments"]
    assert comment["content"] == f"{mark('production')}\nEnvironment `production`\n\n### No changes.\n"
    assert (comment["parentCommentId"], comment["commentType"]) == (0, 1)


def test_other_threads_on_azure_devops(run: Command, azure_devops: AzureDevOps, report: Path) -> None:
    """Another author's thread, a reply and deleted comments are left as they are."""
    text = f"{mark(None)}\nold"
    azure_devops.add(SOMEBODY, comments=[{"content": text}], status=1)
    azure_devops.add(SERVICE, comments=[{"content": "hm"}, {"content": text}], status=1)
    azure_devops.add(SERVICE, comments=[{"content": text}], status=1)["isDeleted"] = True
    azure_devops.add(SERVICE, comments=[{"content": text, "isDeleted": True}], status=1)
    azure_devops.add(SERVICE, comments=[], status=1)
    assert run("comment", "--azure-devops", str(report)).out.startswith("Comment created: ")
    assert azure_devops.sent("PATCH") == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(403, {"message": "TF401027: You need the Git permission"}), "Contribute to pull requests"),
        (Reply(203, b"<html>"), "SYSTEM_ACCESSTOKEN: $(System.AccessToken)"),
        (Reply(302, b""), "SYSTEM_ACCESSTOKEN: $(System.AccessToken)"),
        (Reply(500, b""), "answered 500"),
        (Reply(200, b"{}"), "unexpected answer"),
        (Reply(200, b"[]"), "unexpected answer"),
        (Reply(200, b"{"), "unexpected answer"),
    ],
)
def test_a_refusal_of_azure_devops(
    run: Command, azure_devops: AzureDevOps, report: Path, reply: Reply, said: str
) -> None:
    """It says which permission is missing, or how to give the token."""
    azure_devops.faults = [("POST", reply)]
    done = run("comment", "--azure-devops", str(report))
    assert (done.code, done.out) == (1, "")
    assert said in done.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SYSTEM_ACCESSTOKEN", ""),
        ("SYSTEM_COLLECTIONURI", "http://dev.azure.example/acme"),
        ("SYSTEM_TEAMPROJECT", ""),
        ("BUILD_REPOSITORY_ID", ""),
        ("SYSTEM_PULLREQUEST_PULLREQUESTID", ""),
        ("SYSTEM_PULLREQUEST_PULLREQUESTID", "7/threads"),
    ],
)
def test_wrong_usage_on_azure_devops(
    run: Command, azure_devops: AzureDevOps, report: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The variable is named, and nothing is sent."""
    monkeypatch.setenv(name, value)
    done = run("comment", "--azure-devops", str(report))
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert name in done.err
    assert azure_devops.requests == []


def test_another_pull_request(run: Command, azure_devops: AzureDevOps, report: Path) -> None:
    """Both may be said; one that is not there is refused with what to check."""
    done = run("comment", "--azure-devops", str(report), "--pull-request", "7", "--repository", "repo-id")
    assert done.code == 0
    assert "check the repository" in run("comment", "--azure-devops", str(report), "--pull-request", "8").err
