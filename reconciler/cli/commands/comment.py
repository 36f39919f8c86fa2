"""``comment``: writes a report, from a file, as one comment on the pull request that CI or an option names."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from reconciler import filesystem
from reconciler.azure.stopping import unless_stopped
from reconciler.cli import completion, options
from reconciler.cli.options import Given, option
from reconciler.cli.session import supervised
from reconciler.clock import SystemClock
from reconciler.errors import PathError, UsageError
from reconciler.json.size import require_few_values
from reconciler.report.comment import body, mark, replaced
from reconciler.report.escape import inert, visible
from reconciler.review.azure_devops import AzureDevOpsPullRequest
from reconciler.review.github import GitHubPullRequest
from reconciler.review.host import Api
from reconciler.review.sticky import put
from reconciler.runtime.output import write_stdout
from reconciler.secret.text import Secret, scrub_known
from reconciler.settings import header_token, web_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.clock import Clock
    from reconciler.review.sticky import PullRequest

_MOST_BYTES: Final = 16 * 1024 * 1024
_REPOSITORY: Final = re.compile(r"[\w-]+/(?!\.{1,2}\Z)[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class CommentRun:
    """
    The arguments of one comment.

    Attributes:
        host: ``github`` or ``azure-devops``.
        environment: The environment of the report, which has a comment of its own.
        repository: None for that of the CI job.
        pull_request: None for that of the CI job.
        variables: The environment of the process.
    """

    host: str | None
    environment: str | None
    repository: str | None
    pull_request: int | None
    variables: Mapping[str, str]
    clock: Clock

    def variable(self, name: str, fix: str) -> str:
        """
        Return the value of a variable that CI sets.

        Raises:
            UsageError: The variable is not set; the message ends with *fix*.
        """
        value = self.variables.get(name)
        if not value:
            message = f"{name} is not set: {fix}"
            raise UsageError(message)
        return value


@options.command("comment")
@click.argument("file", metavar="FILE", type=str, shell_complete=completion.files)
@options.environment
@option("--github", "host", flag_value="github", help="Comment on GitHub, with the token in GITHUB_TOKEN.")
@option(
    "--azure-devops",
    "host",
    flag_value="azure-devops",
    help="Comment on Azure DevOps, with the token in SYSTEM_ACCESSTOKEN.",
)
@option(
    "--repository",
    metavar="NAME",
    help="OWNER/NAME on GitHub, an id or a name on Azure DevOps.  [default: from CI]",
)
@option(
    "--pull-request",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="Number of the pull request.  [default: from CI]",
)
@options.log
def command(given: Given, file: str, host: str | None, repository: str | None, pull_request: int | None) -> int:
    """Write a Markdown report, from FILE or standard input (-), as one comment on a pull request."""
    run = CommentRun(host, given.environment, repository, pull_request, given.process.values, SystemClock())
    report = report_in(file)  # here, as a signal still ends a process that waits for a pipe
    text, signalled = supervised(given, lambda stop: unless_stopped(post(run, report), stop))
    write_stdout(f"{text}\n")
    return signalled or 0


async def post(run: CommentRun, report: str) -> str:
    """
    Write *report* into its comment, and return the result on one line.

    Raises:
        ReviewError: The host refused, or did not answer.
        UsageError: The pull request is not known.
    """
    event = _event(run) if run.host == "github" else {}
    pull_request = _opened(run, event)
    written = body(report, run.environment, _commit(run, event))
    try:
        done = await put(pull_request, mark(run.environment), written, replaced(run.environment))
        return inert(visible(scrub_known(done, _tokens(run))))
    finally:
        await pull_request.close()


def _tokens(run: CommentRun) -> tuple[Secret, ...]:
    """Return the tokens, which a host may repeat in an address that it answers."""
    names = ("GITHUB_TOKEN", "SYSTEM_ACCESSTOKEN")
    return tuple(Secret(value.strip()) for name in names if (value := run.variables.get(name)))


def _opened(run: CommentRun, event: Any) -> PullRequest:
    if run.host == "github":
        return _github(run, event)
    if run.host == "azure-devops":
        return _azure_devops(run)
    message = "no host is chosen: pass --github or --azure-devops"
    raise UsageError(message)


def report_in(file: str) -> str:
    """
    Return the report in a file, in a pipe, or on standard input (``-``).

    Raises:
        UsageError: There is none.
    """
    try:
        if file == "-":
            content = sys.stdin.buffer.read(_MOST_BYTES) if sys.stdin is not None else b""
        else:
            content = filesystem.read(file, _MOST_BYTES, pipes=True)
    except OSError as error:
        message = f"standard input: {error.strerror}"
        raise UsageError(message) from None
    except PathError as error:
        raise UsageError(str(error)) from None
    text = content.decode("utf-8", "replace")
    if not text.strip():
        message = f"{'standard input' if file == '-' else file} is empty: there is no report to post"
        raise UsageError(message)
    return text


def _github(run: CommentRun, event: Any) -> GitHubPullRequest:
    api = web_address("GITHUB_API_URL", run.variables.get("GITHUB_API_URL") or "https://api.github.com")
    given = run.variable("GITHUB_TOKEN", "map it into the step, as ${{ github.token }}")
    token = header_token("GITHUB_TOKEN", given)
    repository = run.repository or run.variable("GITHUB_REPOSITORY", "pass --repository OWNER/NAME")
    if not _REPOSITORY.fullmatch(repository):
        message = "a repository on GitHub is written OWNER/NAME"
        raise UsageError(message)
    number = run.pull_request or _inner(event, "pull_request", "number")
    if not isinstance(number, int):
        message = "this run is for no pull request: pass --pull-request NUMBER, or comment only in runs for one"
        raise UsageError(message)
    return GitHubPullRequest.open(Api(api, token, run.clock, run.variables), repository, number)


def _azure_devops(run: CommentRun) -> AzureDevOpsPullRequest:
    collection = web_address("SYSTEM_COLLECTIONURI", run.variable("SYSTEM_COLLECTIONURI", "Azure Pipelines sets it"))
    given = run.variable("SYSTEM_ACCESSTOKEN", "map it into the step, as $(System.AccessToken)")
    token = header_token("SYSTEM_ACCESSTOKEN", given)
    project = run.variable("SYSTEM_TEAMPROJECT", "Azure Pipelines sets it")
    repository = run.repository or run.variable("BUILD_REPOSITORY_ID", "pass --repository NAME")
    if run.pull_request:
        number = str(run.pull_request)
    else:
        number = run.variable(
            "SYSTEM_PULLREQUEST_PULLREQUESTID", "this run is for no pull request; pass --pull-request"
        )
    if not number.isdecimal():
        message = "SYSTEM_PULLREQUEST_PULLREQUESTID is not a number"
        raise UsageError(message)
    api = Api(collection, token, run.clock, run.variables)
    return AzureDevOpsPullRequest.open(api, project, repository, int(number))


def _event(run: CommentRun) -> Any:
    """Return the event that started the run, from GitHub's file; empty without one."""
    path = run.variables.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        content = filesystem.read(path, _MOST_BYTES)
        require_few_values(content)
        return orjson.loads(content)
    except (PathError, ValueError):
        message = "GITHUB_EVENT_PATH names no JSON file: pass --pull-request NUMBER, and unset the variable"
        raise UsageError(message) from None


def _commit(run: CommentRun, event: Any) -> str | None:
    """Return the commit that reviewers see. On a pull request, GITHUB_SHA is a merge commit that is never pushed."""
    if run.host == "github":
        found = _inner(event, "pull_request", "head", "sha") or run.variables.get("GITHUB_SHA")
    else:
        found = run.variables.get("SYSTEM_PULLREQUEST_SOURCECOMMITID") or run.variables.get("BUILD_SOURCEVERSION")
    return found if isinstance(found, str) else None


def _inner(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
