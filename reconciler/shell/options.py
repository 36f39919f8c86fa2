"""The options that commands share, each declared once: name, environment variable, default."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    import os
    from pathlib import Path

F = TypeVar("F", bound=Callable[..., Any])
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


def _all(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    return lambda function: reduce(lambda inner, decorate: decorate(inner), reversed(decorators), function)


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
        """Give the path, or refuse it."""
        from pathlib import Path  # noqa: PLC0415

        return Path(super().convert(value, param, ctx))


class Seconds(click.FloatRange):
    """A number of seconds: finite, and no NaN, which no comparison refuses."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the number, or refuse it."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number of seconds", param, ctx)
        return number


paths_argument = click.argument("paths", nargs=-1, type=str, metavar="[PATH]...")

config_option = click.option(
    "--config", envvar="RECONCILER_CONFIG", metavar="FILE", help="The project file; else found upward."
)

project_options = _all(
    config_option,
    click.option(
        "-e",
        "--environment",
        envvar="RECONCILER_ENVIRONMENT",
        metavar="NAME",
        help="One of the project's environments.",
    ),
)

connection_options = _all(
    click.option(
        "--cloud",
        envvar="RECONCILER_CLOUD",
        type=click.Choice(_CLOUDS),
        default="public",
        show_default=True,
        help="Which Azure; emulator is the embedded one.",
    ),
    click.option("--endpoint", envvar="RECONCILER_ENDPOINT", metavar="URL", help="Another ARM; http only to loopback."),
    click.option(
        "--credential",
        envvar="RECONCILER_CREDENTIAL",
        type=click.Choice(CREDENTIALS),
        default="default",
        show_default=True,
        help="How to sign in; token takes RECONCILER_ACCESS_TOKEN.",
    ),
    click.option(
        "--concurrency",
        envvar="RECONCILER_CONCURRENCY",
        type=click.IntRange(1, 256),
        default=16,
        show_default=True,
        help="Requests, and resources written, at the same time.",
    ),
)

arm_options = _all(
    connection_options,
    click.option("--health", is_flag=True, help="Read the replication of every version too."),
)

selection_options = _all(
    click.option("--target", multiple=True, metavar="KIND/NAME", help="Only these; * and ? are wildcards. Repeatable."),
    click.option(
        "-l", "--selector", multiple=True, type=_Pair("KEY=VALUE"), help="Only manifests with this label. Repeatable."
    ),
    click.option(
        "--max-puts",
        envvar="RECONCILER_MAX_PUTS",
        type=click.IntRange(min=0),
        metavar="N",
        help="Write nothing if the plan has more PUTs.",
    ),
    click.option("--no-adopt", is_flag=True, help="Do not PUT only to record the digest of write-only content."),
    click.option("--take-over", is_flag=True, help="Write what carries another project's tag."),
)

wait_options = _all(
    click.option("--wait", type=click.Choice(["replicated"]), help="A write is done when it is replicated."),
    click.option(
        "--poll-interval",
        envvar="RECONCILER_POLL_INTERVAL",
        type=Seconds(min=0, min_open=True, max=3600),
        metavar="SECONDS",
        help="Between two looks at an operation.  [default: 15; 0.2 on the emulator and on loopback]",
    ),
    click.option(
        "--timeout",
        envvar="RECONCILER_TIMEOUT",
        type=Seconds(min=0, min_open=True),
        default=3600,
        show_default=True,
        metavar="SECONDS",
        help="For one operation.",
    ),
)

apply_options = _all(
    click.option(
        "--plan",
        "plan_file",
        type=FilePath(dir_okay=False),
        metavar="FILE",
        help="Apply a saved plan: whatever moved since is refused.",
    ),
    click.option(
        "--republish", multiple=True, metavar="KIND/NAME", help="PUT this once without a difference. Repeatable."
    ),
)

log_options = _all(
    click.option(
        "--log-level",
        envvar="RECONCILER_LOG_LEVEL",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default="warning",
        show_default=True,
        help="Of standard error.",
    ),
    click.option(
        "--log-format",
        envvar="RECONCILER_LOG_FORMAT",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Of standard error.",
    ),
)

color_option = click.option("--no-color", is_flag=True, help="Never color; NO_COLOR does the same.")

output_options = _all(
    click.option(
        "-o",
        "--output",
        envvar="RECONCILER_OUTPUT",
        default="text",
        show_default=True,
        metavar="FORMAT",
        help="Of standard output: text, json or markdown.",
    ),
    click.option(
        "--report", multiple=True, type=_Pair("FORMAT=FILE"), help="Write the report to a file too. Repeatable."
    ),
    log_options,
    color_option,
)

explain_options = _all(
    click.option(
        "-f",
        "--manifests",
        "paths",
        multiple=True,
        metavar="PATH",
        help="A file or folder of manifests. Repeatable.  [default: manifests]",
    ),
    click.option(
        "-o",
        "--output",
        envvar="RECONCILER_OUTPUT",
        default="text",
        show_default=True,
        metavar="FORMAT",
        help="Of standard output: text or json.",
    ),
    log_options,
    color_option,
)
