"""
The options that commands share, each written once, and the typed values that they become.

A command takes groups of options as decorators. Their values arrive as one :class:`Given`; an option of one command
alone arrives as an argument of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from reconciler import filesystem
from reconciler.cli import completion
from reconciler.cli.terminal import columns, help_width
from reconciler.errors import PathError, UsageError
from reconciler.manifests.shard import parse_shard
from reconciler.report import FEW_FORMATS, FORMATS
from reconciler.settings import CLOUD_NAMES, Environment, process_environment

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from reconciler.manifests.shard import Shard

SELECTION: Final = "Selection"
OWN: Final = "Options"
AZURE: Final = "Azure"
STATE: Final = "History"
OUTPUT: Final = "Output"
STATE_DIR: Final = ".reconciler"
"""The folder of the loop's own files."""
HEADINGS: Final = (SELECTION, OWN, AZURE, STATE, OUTPUT)
"""The headings of a help text, in their order."""
CREDENTIALS: Final = (
    "default",
    "environment",
    "workload-identity",
    "managed-identity",
    "cli",
    "github",
    "azure-pipelines",
    "token",
)


@dataclass(frozen=True, slots=True)
class Given:
    """
    The values of the options that commands share; a command without one of them has its default here.

    Attributes:
        paths: Files and folders of manifests; empty for the default.
        target: ``KIND/NAME`` patterns.
        selector: Labels, by name and value.
        resume: ``KIND/NAME`` of each version whose step of a rollout is sent again.
        report: Format and file of each further report.
        process: The environment of the process, read once.
    """

    paths: tuple[str, ...] = ()
    config: str | None = None
    environment: str | None = None
    allow_empty: bool = False
    target: tuple[str, ...] = ()
    selector: tuple[tuple[str, str], ...] = ()
    changed_since: str | None = None
    max_puts: int | None = None
    no_adopt: bool = False
    take_over: bool = False
    allow_latest_lost: bool = False
    resume: tuple[str, ...] = ()
    impact: bool = False
    shard: Shard | None = None
    reader: str = "list"
    executor: str = "local"
    cache: Path | None = None
    cloud: str = "public"
    endpoint: str | None = None
    authority: str | None = None
    audience: str | None = None
    blob_suffix: str | None = None
    credential: str = "default"
    concurrency: int = 1
    allowed_scope: tuple[str, ...] = ()
    storage_host: tuple[str, ...] = ()
    health: bool = False
    wait: str | None = None
    poll_interval: float | None = None
    timeout: float = 3600.0
    output: str = "text"
    report: tuple[tuple[str, str], ...] = ()
    state_dir: Path | None = None
    history_days: float = 90.0
    episode_after: int = 2
    metrics_file: Path | None = None
    verbose: bool = False
    no_color: bool = False
    log_level: str = "warning"
    log_format: str = "text"
    process: Environment = field(default_factory=process_environment)


class Option(click.Option):
    """An option below one of *HEADINGS*, whose errors name the variable that a wrong value came from."""

    def __init__(self, *args: Any, heading: str = OWN, **attributes: Any) -> None:
        """Keep the heading."""
        super().__init__(*args, **attributes)
        self.heading = heading

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Return the option, and its variable where the value is from there."""
        hint = super().get_error_hint(ctx)
        return f"{hint} (from {self.envvar})" if ctx is not None and _is_from_environment(self, ctx) else hint


def heading_of(parameter: click.Parameter) -> str:
    """Return the heading that an option stands below."""
    return parameter.heading if isinstance(parameter, Option) else OUTPUT


class Command(click.Command):
    """A command whose help lists its options below headings."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters in the order of the help: arguments, then the options below each heading."""
        every = super().get_params(ctx)
        options = [each for each in every if isinstance(each, click.Option)]
        return [each for each in every if each not in options] + [
            each for heading in HEADINGS for each in options if heading_of(each) == heading
        ]

    def get_help(self, ctx: click.Context) -> str:
        """Return the help, as wide as the terminal."""
        ctx.terminal_width = help_width(columns(process_environment().terminal.columns))
        return super().get_help(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a section for each heading."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        for heading in HEADINGS:
            records = (each.get_help_record(ctx) for each in options if heading_of(each) == heading)
            if rows := [record for record in records if record is not None]:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """
        Run the command.

        Raises:
            UsageError: With the variable beside each option that the message names and that is from the environment.
        """
        try:
            return super().invoke(ctx)
        except UsageError as error:
            words = str(error).split()
            found = (each for each in self.params if _is_from_environment(each, ctx))
            named = [f"{each.opts[-1]} is from {each.envvar}" for each in found if each.opts[-1] in words]
            if not named:
                raise
            message = f"{error} ({', '.join(named)})"
            raise UsageError(message) from error


def _is_from_environment(parameter: click.Parameter, context: click.Context) -> bool:
    return context.get_parameter_source(parameter.name or "") is ParameterSource.ENVIRONMENT


def command(name: str) -> Callable[[Callable[..., int]], Command]:
    """Return a decorator that makes a command; its function gets the values of shared options as ``given``."""

    def decorate(function: Callable[..., int]) -> Command:
        shared = [each.name for each in fields(Given)]

        @wraps(function)
        def called(**values: Any) -> int:
            given = Given(**{name: values.pop(name) for name in shared if name in values})
            return function(given, **values)

        return click.command(name, cls=Command)(called)

    return decorate


class Pair(click.ParamType[tuple[str, str]]):
    """Two texts joined by an equals sign."""

    def __init__(self, name: str) -> None:
        """Name the two, as in ``KEY=VALUE``."""
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return both, or refuse the text."""
        left, separator, right = str(value).partition("=")
        if not separator or not left or not right:
            self.fail(f"{value!r} is not {self.name}", param, ctx)
        return left, right


class ReportFile(Pair):
    """The format of a report, and the file that it is written to."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return both, or refuse the format."""
        form, file = super().convert(value, param, ctx)
        if form not in FORMATS:
            self.fail(f"{form!r} is not one of {', '.join(FORMATS)}", param, ctx)
        return form, file


class FilePath(click.Path["Path"]):
    """A path to a file or folder, as pathlib's."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, or refuse it."""
        try:
            path = Path(super().convert(value, param, ctx))
            if self.exists and filesystem.sort_of(path) is filesystem.Sort.OTHER:  # opening a pipe would wait for ever
                self.fail(f"{path} is not a file", param, ctx)
        except (PathError, OSError, ValueError) as error:
            self.fail(f"{value!r} cannot be used: {error}", param, ctx)
        return path


class Seconds(click.FloatRange):
    """A number of seconds: finite, and no NaN, which no comparison refuses."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or refuse it."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number of seconds", param, ctx)
        return number


option: Final = partial(click.option, cls=Option)
"""Makes an option of one command: ``@option("--name", heading=OWN, …)``."""
_File: Final = FilePath(dir_okay=False)


def file_option(*names: str, **attributes: Any) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return a decorator for an option that names a file."""
    return option(*names, type=_File, metavar="FILE", **attributes)


def _group(
    *decorators: Callable[[Callable[..., int]], Callable[..., int]],
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return one decorator for several, whose options a help lists in this order."""

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


paths: Final = click.argument("paths", nargs=-1, type=str, metavar="[PATH]...", shell_complete=completion.files)

config: Final = option(
    "--config",
    envvar="RECONCILER_CONFIG",
    metavar="FILE",
    heading=SELECTION,
    shell_complete=completion.files,
    help="Project file.  [default: reconciler.yaml in PATH or above it]",
)

environment: Final = option(
    "-e",
    "--environment",
    envvar="RECONCILER_ENVIRONMENT",
    metavar="NAME",
    heading=SELECTION,
    shell_complete=completion.environments,
    help="Environment of the project file.  [default: none]",
)

manifests: Final = _group(
    environment,
    config,
    option(
        "--allow-empty",
        is_flag=True,
        heading=SELECTION,
        help="Accept a run without any manifest.  [default: an error]",
    ),
)

selection: Final = _group(
    option(
        "--target",
        multiple=True,
        metavar="KIND/NAME",
        heading=SELECTION,
        shell_complete=completion.addresses,
        help="Only matching manifests; * and ? are wildcards. Repeatable.  [default: all]",
    ),
    option(
        "-l",
        "--selector",
        multiple=True,
        type=Pair("KEY=VALUE"),
        heading=SELECTION,
        help="Only manifests with this label. Repeatable.  [default: all]",
    ),
    option(
        "--changed-since",
        metavar="REVISION",
        heading=SELECTION,
        help="Only manifests edited since HEAD left the history of this git revision.  [default: all]",
    ),
)


def _shard(context: click.Context, _: click.Parameter, text: str | None) -> Shard | None:
    """Return the shard of the option or its variable, else that of the job."""
    if context.resilient_parsing:
        return None
    return parse_shard(text) if text is not None else process_environment().shard()


shard: Final = _group(
    option(
        "--shard",
        envvar="RECONCILER_SHARD",
        callback=_shard,
        metavar="K/N",
        heading=SELECTION,
        help="Only the subscriptions of the Kth of N runs.  [default: that of the parallel job, or all]",
    ),
)

address_and_paths: Final = click.argument(
    "arguments", nargs=-1, type=str, metavar="[KIND/NAME] [PATH]...", shell_complete=completion.address_or_path
)

reader: Final = option(
    "--reader",
    type=click.Choice(["list", "graph"]),
    default="list",
    show_default=True,
    metavar="NAME",
    heading=AZURE,
    help="Read by list, or find what is in sync by Resource Graph (graph): fewer requests, minutes old.",
)

executor: Final = option(
    "--executor",
    envvar="RECONCILER_EXECUTOR",
    default="local",
    show_default=True,
    metavar="NAME",
    heading=AZURE,
    help="Share subscriptions among workers: dask (of this machine), or dask://HOST:PORT of a scheduler.",
)

_LATEST_LOST: Final = option("--allow-latest-lost", is_flag=True, help="Allow regions without a latest version.")
latest: Final = _group(_LATEST_LOST)
impact: Final = _group(
    option("--impact", is_flag=True, help="Count the machines and scale sets that follow, by Resource Graph.")
)

resume: Final = _group(
    option(
        "--resume",
        multiple=True,
        metavar="KIND/NAME",
        shell_complete=completion.addresses,
        help="Send the step of this version's rollout again; its soak begins anew. Repeatable.",
    )
)

limits: Final = _group(
    option(
        "--max-puts",
        envvar="RECONCILER_MAX_PUTS",
        type=click.IntRange(min=0),
        metavar="N",
        help="Write nothing if the plan has more PUTs.  [default: no limit]",
    ),
    option("--no-adopt", is_flag=True, help="Send no PUT that only records a digest."),
    option("--take-over", is_flag=True, help="Write resources that another project owns."),
    _LATEST_LOST,
)

connection: Final = _group(
    option(
        "--cloud",
        envvar="RECONCILER_CLOUD",
        type=click.Choice(CLOUD_NAMES),
        default="public",
        show_default=True,
        metavar="NAME",
        heading=AZURE,
        help="Azure cloud: public, usgovernment, china, custom, or emulator (the embedded ARM).",
    ),
    option(
        "--endpoint",
        envvar="RECONCILER_ENDPOINT",
        metavar="URL",
        heading=AZURE,
        help="Azure Resource Manager endpoint to use instead. Plain HTTP is allowed for loopback only."
        "  [default: the cloud's]",
    ),
    option(
        "--authority",
        envvar="RECONCILER_AUTHORITY",
        metavar="URL",
        heading=AZURE,
        help="Sign-in service of --cloud custom, which also needs --endpoint and --audience.",
    ),
    option(
        "--audience",
        envvar="RECONCILER_AUDIENCE",
        metavar="URL",
        heading=AZURE,
        help="Audience of the tokens for --cloud custom.",
    ),
    option(
        "--blob-suffix",
        envvar="RECONCILER_BLOB_SUFFIX",
        metavar="HOST",
        heading=AZURE,
        help="Suffix of the blob hosts of --cloud custom, such as core.example.net.  [default: none]",
    ),
    option(
        "--credential",
        envvar="RECONCILER_CREDENTIAL",
        type=click.Choice(CREDENTIALS),
        default="default",
        show_default=True,
        metavar="NAME",
        heading=AZURE,
        help=f"Sign-in method: {', '.join(CREDENTIALS[:-1])}, or token (of RECONCILER_ACCESS_TOKEN).",
    ),
    option(
        "--concurrency",
        envvar="RECONCILER_CONCURRENCY",
        type=click.IntRange(1, 256),
        default=16,
        show_default=True,
        metavar="N",
        heading=AZURE,
        help="Requests at the same time; operations that run do not count.",
    ),
    option(
        "--allowed-scope",
        envvar="RECONCILER_ALLOWED_SCOPES",
        multiple=True,
        metavar="ID",
        heading=AZURE,
        help="Subscription or resource group that manifests may name. Repeatable.  [default: any]",
    ),
)

azure: Final = _group(
    connection,
    option(
        "--storage-host",
        envvar="RECONCILER_STORAGE_HOSTS",
        multiple=True,
        metavar="HOST",
        heading=AZURE,
        help="Host that may get a signature, besides the cloud's blob hosts. Repeatable.  [default: none]",
    ),
    option("--health", is_flag=True, help="Read the replication of every version too."),
)

waiting: Final = _group(
    option(
        "--wait",
        type=click.Choice(["replicated", "rolled-out"]),
        help="Wait until versions are replicated, or rolled out.  [default: until the operation ends]",
    ),
    option(
        "--poll-interval",
        envvar="RECONCILER_POLL_INTERVAL",
        type=Seconds(min=0, min_open=True, max=3600),
        metavar="SECONDS",
        heading=AZURE,
        help="Time between two requests about an operation.  [default: 15; 0.2 on the emulator and on loopback]",
    ),
    option(
        "--timeout",
        envvar="RECONCILER_TIMEOUT",
        type=Seconds(min=0, min_open=True),
        default=3600,
        show_default=True,
        metavar="SECONDS",
        heading=AZURE,
        help="Time limit of one operation.",
    ),
)

snapshot: Final = file_option(
    "--against-snapshot",
    "snapshot",
    help="Compare with this snapshot instead of Azure. Works offline; no sign-in needed.",
)

_Folder: Final = FilePath(file_okay=False)

cache: Final = _group(
    option(
        "--cache",
        envvar="RECONCILER_CACHE",
        type=_Folder,
        metavar="DIR",
        heading=OWN,
        help="Folder for what is valid and in sync: the next run checks less.  [default: none]",
    ),
)


def state_dir(default: str | None = None) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return a decorator for the option that names the folder of the history."""
    return option(
        "--state-dir",
        type=_Folder,
        default=default,
        show_default=default or "no history",
        metavar="DIR",
        heading=STATE,
        help="Folder of the history and other state of run.",
    )


def recording(default: str | None = None) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return a decorator for the options of a command that adds to the history."""
    return _group(
        state_dir(default),
        option(
            "--history-days",
            type=click.FloatRange(min=0, min_open=True, max=36_500),
            default=90,
            show_default=True,
            metavar="DAYS",
            heading=STATE,
            help="How long the history is kept.",
        ),
        option(
            "--episode-after",
            type=click.IntRange(1, 1000),
            default=2,
            show_default=True,
            metavar="N",
            heading=STATE,
            help="Rounds in a row after which drift counts as begun, and as ended.",
        ),
        option(
            "--metrics-file",
            type=_File,
            metavar="FILE",
            heading=STATE,
            help="Metrics for Prometheus, written after each round.  [default: none]",
        ),
    )


log: Final = _group(
    option(
        "--log-level",
        envvar="RECONCILER_LOG_LEVEL",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default="warning",
        show_default=True,
        metavar="LEVEL",
        heading=OUTPUT,
        help="Least severe messages on standard error: debug, info, warning or error.",
    ),
    option(
        "--log-format",
        envvar="RECONCILER_LOG_FORMAT",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        heading=OUTPUT,
        help="Format of standard error.",
    ),
)

color: Final = option(
    "--no-color", is_flag=True, heading=OUTPUT, help="Never color; the variable NO_COLOR does the same."
)


def _output(formats: tuple[str, ...], usual: str = "text") -> Callable[[Callable[..., int]], Callable[..., int]]:
    return option(
        "-o",
        "--output",
        envvar="RECONCILER_OUTPUT",
        type=click.Choice(formats),
        default=usual,
        show_default=True,
        metavar="FORMAT",
        heading=OUTPUT,
        help=f"Format of standard output: {', '.join(formats[:-1])} or {formats[-1]}.",
    )


_report: Final = _group(
    option(
        "--report",
        multiple=True,
        type=ReportFile("FORMAT=FILE"),
        heading=OUTPUT,
        shell_complete=completion.formats(tuple(FORMATS)),
        help="Write the report to a file too, in any of these formats. Repeatable.",
    ),
    option("-v", "--verbose", is_flag=True, heading=OUTPUT, help="Show the id of each resource in the text report."),
    color,
    log,
)

output: Final = _group(_output(tuple(FORMATS)), _report)
"""Of a command that writes a report."""

json_output: Final = _group(_output(tuple(FORMATS), "json"), _report)
"""Of a command whose report is for programs first."""

few_output: Final = _group(_output(FEW_FORMATS), color, log)
"""Of a command that writes no report."""
