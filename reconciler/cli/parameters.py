"""Which parameters each command takes."""

from __future__ import annotations

from typing import Final

import click

from reconciler.cli.help import in_order
from reconciler.cli.options import (
    APPLY,
    ARM,
    CHOICE,
    COLOR,
    COMMENT,
    CONFIG,
    CONNECTION,
    EXPLAIN,
    LIST,
    LOG,
    OUTPUT,
    PATHS,
    PROJECT,
    SELECTION,
    SNAPSHOT,
    WAIT,
    FilePath,
    Seconds,
)

_TAKEN: Final[dict[str, list[click.Parameter]]] = {
    "validate": [
        PATHS,
        *PROJECT,
        click.Option(
            ["--against"],
            metavar="REVISION",
            help="Refuse edits that Azure would refuse of what was published as of this git revision.",
        ),
        *OUTPUT,
    ],
    "plan": [
        PATHS,
        *PROJECT,
        *ARM,
        *SELECTION,
        *WAIT,
        *OUTPUT,
        click.Option(["--out"], type=FilePath(dir_okay=False), help="Save the plan, for apply --plan."),
        click.Option(
            ["--check", "plan_file"],
            type=FilePath(dir_okay=False),
            metavar="FILE",
            help="Tell whether this saved plan still holds: exit 0 if it does, else 1.",
        ),
        SNAPSHOT,
        click.Option(["--detailed-exitcode"], is_flag=True, help="Exit 2 when there is something to PUT."),
    ],
    "drift": [
        PATHS,
        *PROJECT,
        *ARM,
        *SELECTION,
        *WAIT,
        *OUTPUT,
        click.Option(["--detailed-exitcode"], is_flag=True, help="Exit 3 when all that differs is pending in git."),
        SNAPSHOT,
    ],
    "apply": [
        PATHS,
        *PROJECT,
        *ARM,
        *SELECTION,
        *WAIT,
        *APPLY,
        *OUTPUT,
    ],
    "run": [
        PATHS,
        *PROJECT,
        *ARM,
        *SELECTION,
        *WAIT,
        *OUTPUT,
        click.Option(
            ["--interval"], type=Seconds(min=1), default=300, show_default=True, help="Seconds between rounds."
        ),
        click.Option(["--report-only"], is_flag=True, help="Report drift in every round; write nothing."),
        click.Option(["--once"], is_flag=True, help="Do one round, and exit as apply or drift would."),
    ],
    "snapshot": [
        PATHS,
        *PROJECT,
        *ARM,
        *CHOICE,
        click.Option(
            ["--out", "snapshot"],
            type=FilePath(dir_okay=False),
            required=True,
            help="The file; whoever reads it needs no access.",
        ),
        *LOG,
        COLOR,
    ],
    "export": [
        click.Option(["--subscription"], required=True, metavar="ID", help="The subscription to read."),
        click.Option(["--resource-group"], metavar="NAME", help="Only what is in this one."),
        click.Option(["--gallery"], metavar="NAME", help="Only this gallery and what is in it; * and ? are wildcards."),
        click.Option(["--application"], metavar="NAME", help="Only this application and its versions; wildcards too."),
        click.Option(["--definition"], metavar="NAME", help="Only this managed application definition; wildcards too."),
        click.Option(
            ["--out-dir"],
            type=FilePath(file_okay=False),
            default="manifests",
            show_default=True,
            help="Where the manifests go; schemas for editors go beside it.",
        ),
        click.Option(["--force"], is_flag=True, help="Write over files that exist."),
        CONFIG,
        *CONNECTION,
        *LOG,
    ],
    "explain": [
        click.Argument(["target"], metavar="KIND/NAME"),
        click.Argument(["path"], required=False, metavar="[PATH_IN_BODY]"),
        *PROJECT,
        *ARM,
        *EXPLAIN,
    ],
    "list": [
        click.Argument(["arguments"], nargs=-1, type=str, metavar="[KIND/NAME] [PATH]..."),
        *PROJECT,
        *ARM,
        *CHOICE,
        *LIST,
    ],
    "comment": [*COMMENT],
    "schema": [
        click.Argument(["kind"], required=False),
        click.Option(["--partial"], is_flag=True, help="For overlays: every key optional, null allowed."),
        click.Option(["--all", "all_kinds"], is_flag=True, help="Write the schemas of all kinds to --out-dir."),
        click.Option(["--out-dir"], type=FilePath(file_okay=False), metavar="DIR", help="Folder for --all."),
        click.Option(
            ["-o", "--output"],
            type=click.Choice(["json", "markdown"]),
            default="json",
            show_default=True,
            help="The schema, or a page that says of every field what it is and what becomes of it.",
        ),
    ],
    "emulator": [
        click.Option(
            ["--port"], type=click.IntRange(0, 65535), default=8010, show_default=True, help="0 lets the system choose."
        ),
        click.Option(["--state"], type=FilePath(dir_okay=False), help="The state file (SQLite)."),
        click.Option(["--tls-cert"], type=FilePath(exists=True, dir_okay=False), help="Serve https with this PEM."),
        click.Option(["--tls-key"], type=FilePath(exists=True, dir_okay=False), help="The key, if it is not in it."),
    ],
}

PARAMETERS: Final = {name: in_order(parameters) for name, parameters in _TAKEN.items()}
"""The same in the order in which a help lists them."""
