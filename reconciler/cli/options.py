"""The parameters that commands share, each made once: name, environment variable, default."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

if TYPE_CHECKING:
    import os
    from pathlib import Path

_CLOUDS: Final = ("public", "usgovernment", "china", "emulator")
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


class _Pair(click.ParamType[tuple[str, str]]):
    """Two texts joined by an equals sign."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        left, separator, right = str(value).partition("=")
        if not separator or not left or not right:
            self.fail(f"{value!r} is not {self.name}", param, ctx)
        return left, right


class FilePath(click.Path["Path"]):
    """A path, as pathlib's; not by ``path_type``, as ``--help`` has no use for the import."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, or refuse it."""
        from pathlib import Path  # noqa: PLC0415

        from reconciler import filesystem  # noqa: PLC0415
        from reconciler.errors import PathError  # noqa: PLC0415

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


Parameters: TypeAlias = tuple[click.Parameter, ...]

PATHS: Final = click.Argument(["paths"], nargs=-1, type=str, metavar="[PATH]...")

CONFIG: Final = click.Option(
    ["--config"], envvar="RECONCILER_CONFIG", metavar="FILE", help="The project file; else found upward."
)

ENVIRONMENT: Final = click.Option(
    ["-e", "--environment"],
    envvar="RECONCILER_ENVIRONMENT",
    metavar="NAME",
    help="One of the project's environments.",
)

PROJECT: Final[Parameters] = (
    CONFIG,
    ENVIRONMENT,
    click.Option(["--allow-empty"], is_flag=True, help="Accept a run that finds no manifest at all."),
)

CONNECTION: Final[Parameters] = (
    click.Option(
        ["--cloud"],
        envvar="RECONCILER_CLOUD",
        type=click.Choice(_CLOUDS),
        default="public",
        show_default=True,
        help="Which Azure; emulator is the embedded one.",
    ),
    click.Option(
        ["--endpoint"], envvar="RECONCILER_ENDPOINT", metavar="URL", help="Another ARM; http only to loopback."
    ),
    click.Option(
        ["--credential"],
        envvar="RECONCILER_CREDENTIAL",
        type=click.Choice(CREDENTIALS),
        default="default",
        show_default=True,
        metavar="NAME",
        help=f"Way to sign in: {', '.join(CREDENTIALS[:-1])}, or token (of RECONCILER_ACCESS_TOKEN).",
    ),
    click.Option(
        ["--concurrency"],
        envvar="RECONCILER_CONCURRENCY",
        type=click.IntRange(1, 256),
        default=16,
        show_default=True,
        metavar="N",
        help="Requests, and resources written, at the same time.",
    ),
    click.Option(
        ["--allowed-scope"],
        envvar="RECONCILER_ALLOWED_SCOPES",
        multiple=True,
        metavar="ID",
        help="Subscription or resource group that manifests may name. Repeatable.  [default: any]",
    ),
)

ARM: Final[Parameters] = (
    *CONNECTION,
    click.Option(
        ["--storage-host"],
        envvar="RECONCILER_STORAGE_HOSTS",
        multiple=True,
        metavar="HOST",
        help="Host beside the cloud's own blob hosts that may get a signature. Repeatable.",
    ),
    click.Option(["--health"], is_flag=True, help="Read the replication of every version too."),
)

CHOICE: Final[Parameters] = (
    click.Option(
        ["--target"], multiple=True, metavar="KIND/NAME", help="Only these; * and ? are wildcards. Repeatable."
    ),
    click.Option(
        ["-l", "--selector"], multiple=True, type=_Pair("KEY=VALUE"), help="Only manifests with this label. Repeatable."
    ),
    click.Option(
        ["--changed-since"],
        metavar="REVISION",
        help="Only what was edited since this git revision, or since HEAD left its history.",
    ),
)

SELECTION: Final[Parameters] = (
    *CHOICE,
    click.Option(
        ["--max-puts"],
        envvar="RECONCILER_MAX_PUTS",
        type=click.IntRange(min=0),
        metavar="N",
        help="Write nothing if the plan has more PUTs.",
    ),
    click.Option(["--no-adopt"], is_flag=True, help="Do not PUT only to record the digest of write-only content."),
    click.Option(["--take-over"], is_flag=True, help="Write what carries another project's tag."),
)

WAIT: Final[Parameters] = (
    click.Option(["--wait"], type=click.Choice(["replicated"]), help="A write is done when it is replicated."),
    click.Option(
        ["--poll-interval"],
        envvar="RECONCILER_POLL_INTERVAL",
        type=Seconds(min=0, min_open=True, max=3600),
        metavar="SECONDS",
        help="Between two looks at an operation.  [default: 15; 0.2 on the emulator and on loopback]",
    ),
    click.Option(
        ["--timeout"],
        envvar="RECONCILER_TIMEOUT",
        type=Seconds(min=0, min_open=True),
        default=3600,
        show_default=True,
        metavar="SECONDS",
        help="For one operation.",
    ),
)

SNAPSHOT: Final = click.Option(
    ["--against-snapshot", "snapshot"],
    type=FilePath(dir_okay=False),
    metavar="FILE",
    help="Compare with this snapshot. Works offline; no sign-in needed.",
)

APPLY: Final[Parameters] = (
    click.Option(
        ["--only"],
        type=click.Choice(["drift"]),
        help="Repair what moved in Azure; leave what was edited in git since the last apply.",
    ),
    click.Option(
        ["--plan", "plan_file"],
        type=FilePath(dir_okay=False),
        metavar="FILE",
        help="Apply a saved plan: whatever moved since is refused.",
    ),
    click.Option(
        ["--republish"], multiple=True, metavar="KIND/NAME", help="PUT this once without a difference. Repeatable."
    ),
)

LOG: Final[Parameters] = (
    click.Option(
        ["--log-level"],
        envvar="RECONCILER_LOG_LEVEL",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default="warning",
        show_default=True,
        help="Of standard error.",
    ),
    click.Option(
        ["--log-format"],
        envvar="RECONCILER_LOG_FORMAT",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Of standard error.",
    ),
)

COLOR: Final = click.Option(["--no-color"], is_flag=True, help="Never color; NO_COLOR does the same.")

OUTPUT: Final[Parameters] = (
    click.Option(
        ["-o", "--output"],
        envvar="RECONCILER_OUTPUT",
        default="text",
        show_default=True,
        metavar="FORMAT",
        help="Of standard output: text, json, markdown, github, azure-devops, sarif, junit or html.",
    ),
    click.Option(
        ["--report"],
        multiple=True,
        type=_Pair("FORMAT=FILE"),
        help="Write the report to a file too, in any of these formats. Repeatable.",
    ),
    click.Option(["-v", "--verbose"], is_flag=True, help="Show the id of each resource in the text report."),
    *LOG,
    COLOR,
)

COMMENT: Final[Parameters] = (
    click.Argument(["file"], metavar="FILE"),
    click.Option(["--github", "host"], flag_value="github", help="On GitHub, with the token in GITHUB_TOKEN."),
    click.Option(
        ["--azure-devops", "host"],
        flag_value="azure-devops",
        help="On Azure DevOps, with the one in SYSTEM_ACCESSTOKEN.",
    ),
    ENVIRONMENT,
    click.Option(
        ["--repository"],
        metavar="NAME",
        help="OWNER/NAME on GitHub, an id or a name on Azure DevOps.  [default: what CI says]",
    ),
    click.Option(
        ["--pull-request"], type=click.IntRange(min=1), metavar="NUMBER", help="Which one.  [default: what CI says]"
    ),
    *LOG,
)

LIST: Final[Parameters] = (
    click.Option(
        ["-o", "--output"],
        envvar="RECONCILER_OUTPUT",
        default="text",
        show_default=True,
        metavar="FORMAT",
        help="Of standard output: text or json.",
    ),
    *LOG,
    COLOR,
)

EXPLAIN: Final[Parameters] = (
    click.Option(
        ["-f", "--manifests", "paths"],
        multiple=True,
        metavar="PATH",
        help="A file or folder of manifests. Repeatable.  [default: manifests]",
    ),
    *LIST,
)
