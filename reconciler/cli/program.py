"""
The command line: arguments to values, one call, one report, one exit code.

Heavy modules are imported inside the commands: ``--help`` and wrong usage cost nothing of them.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from asyncio import Event
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from reconciler.manifests.permits import Permits
    from reconciler.model.outcome import Report
    from reconciler.runtime.ci import Handover
    from reconciler.runtime.run import Run

T = TypeVar("T")
_HELP: Final = (["-h"], ["--help"])
_NARROWEST: Final = 40
_USUAL: Final = 80
"""Columns of a help text where there is no terminal."""
_DIGITS: Final = 6
# What a run makes it keeps to its end, or drops without a circle: the default looks for garbage 70 times as often, and
# costs a big plan a twelfth of its time.
_GARBAGE: Final = (50_000, 20, 50)
_NAMED: Final = {
    "galleryName": "gallery",
    "galleryApplicationName": "application",
    "applicationDefinitionName": "definition",
}
"""The options of an export that choose by the name of a resource, by their URI parameters."""


COMMANDS: Final = {
    "Change": ("validate", "plan", "apply", "run"),
    "Look": ("drift", "list", "explain", "snapshot", "export"),
    "More": ("comment", "schema", "emulator"),
}
"""The commands in the order of use."""


class _Command(click.Command):
    """A command whose parameters are made when they are first asked for: the program's ``--help`` does not ask."""

    @property
    def params(self) -> list[click.Parameter]:
        """Return the parameters."""
        from reconciler.cli.parameters import PARAMETERS  # noqa: PLC0415

        return PARAMETERS[self.name or ""]

    @params.setter
    def params(self, made: list[click.Parameter]) -> None:
        """Take no notice of what click makes of the function alone."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in groups."""
        from reconciler.cli.help import write_options  # noqa: PLC0415

        write_options(self, ctx, formatter)

    def get_help(self, ctx: click.Context) -> str:
        """Return the help, as wide as the terminal."""
        ctx.terminal_width = _help_width(_width())
        return super().get_help(ctx)


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 (click's own)
    """Print the version and end."""
    if not wanted or context.resilient_parsing:
        return
    from reconciler.runtime.build import build_version  # noqa: PLC0415
    from reconciler.runtime.output import write_stdout  # noqa: PLC0415

    write_stdout(f"reconciler, version {build_version()}\n")
    context.exit()


class _Program(click.Group):
    """The program, whose help lists its commands by use, each with its whole first paragraph."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's)
        """Write the commands in groups."""
        for title, names in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].help or "") for name in names if name in self.commands])


@click.group(cls=_Program, subcommand_metavar="COMMAND", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version, with the commit where it is known.",
)
def cli() -> None:
    """Reconcile Azure Compute Gallery applications and managed application definitions with manifests in git."""


@cli.command(cls=_Command)
def validate(**values: Any) -> int:
    """Check manifests against their schemas and rules. Works offline; no sign-in needed."""
    from reconciler.runtime import run  # noqa: PLC0415

    return _finish(run.validate(_run("validate", values)), values)


@cli.command(cls=_Command)
def plan(**values: Any) -> int:
    """Show what apply would do. Read-only."""
    return _read_only("plan", values)


@cli.command(cls=_Command)
def drift(**values: Any) -> int:
    """Report where Azure differs from git; exit 2 if it does. Read-only."""
    return _read_only("drift", values)


@cli.command(cls=_Command)
def apply(**values: Any) -> int:
    """Plan afresh, send the PUTs that are needed, follow them to their end, and verify."""
    from reconciler.runtime import commands  # noqa: PLC0415

    run = _run("apply", values)
    report, signalled = _speak(values, lambda stop: commands.apply(run, stop))
    return _finish(report, values, signalled)


@cli.command(cls=_Command)
def run(**values: Any) -> int:
    """Reconcile every --interval seconds until told to stop."""
    from reconciler.runtime import commands  # noqa: PLC0415

    if "-" in values["paths"] and not values["once"]:
        message = "standard input can be read once: give files or folders, or --once"
        raise click.UsageError(message)
    report_only = values["report_only"]
    parsed = _run("run", values)
    if values["once"]:
        one = commands.plan if report_only else commands.apply
        report, signalled = _speak(values, lambda stop: one(parsed, stop))
        return _finish(report, values, signalled)
    parsed.check_environment()
    emit: Callable[[Report], None] = lambda report: _emit_line(report, values)  # noqa: E731
    interval = values["interval"]
    _, signalled = _speak(values, lambda stop: commands.rounds(parsed, emit, interval, stop, report_only=report_only))
    return signalled or 0


@cli.command(cls=_Command)
def snapshot(**values: Any) -> int:
    """Save the live state, without secrets, for plan --against-snapshot. Read-only towards Azure."""
    from reconciler.cli.snapshot import take  # noqa: PLC0415
    from reconciler.errors import ManifestError  # noqa: PLC0415
    from reconciler.runtime.output import write_stdout  # noqa: PLC0415

    asked = {**values, "report": (), "output": "text"}
    run = _run("snapshot", asked)
    try:
        estate = run.estate()
    except ManifestError as error:
        return _finish(run.failed(error), asked)
    (text, code), signalled = _speak(values, lambda stop: take(run, estate, values["snapshot"], stop))
    write_stdout(text)
    return signalled or code


@cli.command(cls=_Command)
def export(**values: Any) -> int:
    """Write manifests for existing resources. Read-only towards Azure."""
    from reconciler.cli.export import ExportRun, write_export  # noqa: PLC0415
    from reconciler.clock import SystemClock  # noqa: PLC0415
    from reconciler.export.inventory import Wanted  # noqa: PLC0415
    from reconciler.runtime.output import write_stdout  # noqa: PLC0415
    from reconciler.settings import connection, process_environment  # noqa: PLC0415

    named = {name: values[option] for name, option in _NAMED.items() if values[option] is not None}
    wanted = Wanted(values["subscription"], values["resource_group"], named, values["concurrency"])
    if not _permits(values).scopes.hold(wanted.scope):
        message = f"{wanted.scope} is in no --allowed-scope"
        raise click.UsageError(message)
    run = ExportRun(
        wanted=wanted,
        connection=connection(values["cloud"], values["endpoint"], values["credential"]),
        environment=process_environment(),
        clock=SystemClock(),
        folder=values["out_dir"],
        config=values["config"],
        force=values["force"],
    )
    (text, code), signalled = _speak(values, lambda stop: write_export(run, stop))
    write_stdout(text)
    return signalled or code


@cli.command(cls=_Command)
def explain(target: str, path: str | None, **values: Any) -> int:
    """Explain, field by field, why a resource does or does not differ from its manifest. Read-only."""
    from reconciler.cli.explain import explain_one  # noqa: PLC0415
    from reconciler.errors import ManifestError  # noqa: PLC0415
    from reconciler.plan.exit_codes import of_explanation  # noqa: PLC0415
    from reconciler.report.explanation import check_format, render  # noqa: PLC0415
    from reconciler.runtime import streams  # noqa: PLC0415
    from reconciler.runtime.output import write_stdout  # noqa: PLC0415
    from reconciler.runtime.signals import unless_stopped  # noqa: PLC0415

    check_format(values["output"])
    run = _run("explain", {**values, "report": ()})
    try:
        estate = run.estate()
    except ManifestError as error:  # nothing can be explained of what is not valid; this is what validate says of it
        return _finish(run.failed(error), {**values, "report": ()})
    explanation, signalled = _speak(values, lambda stop: unless_stopped(explain_one(run, estate, target, path), stop))
    text = render(explanation, values["output"], color=_wants_color(values), width=_width())
    write_stdout(text, streams.form_of(values["output"]))
    return signalled or of_explanation(explanation.change)


@cli.command("list", cls=_Command)
def list_(arguments: tuple[str, ...], **values: Any) -> int:
    """List what is live of the declared resources: version, regions, latest, writer and owner. Read-only."""
    from reconciler.cli.listing import list_live, targets_and_paths  # noqa: PLC0415
    from reconciler.errors import ManifestError  # noqa: PLC0415
    from reconciler.kinds.packaged import packaged  # noqa: PLC0415
    from reconciler.plan.exit_codes import of_reads  # noqa: PLC0415
    from reconciler.report.listed import check_format, render  # noqa: PLC0415
    from reconciler.runtime import streams  # noqa: PLC0415
    from reconciler.runtime.output import write_stdout  # noqa: PLC0415
    from reconciler.runtime.signals import unless_stopped  # noqa: PLC0415

    check_format(values["output"])
    named, paths = targets_and_paths(arguments, packaged().kinds)
    asked = {**values, "report": (), "paths": paths, "target": (*values["target"], *named)}
    run = _run("list", asked)
    try:
        estate = run.estate()
    except ManifestError as error:
        return _finish(run.failed(error), asked)
    listing, signalled = _speak(values, lambda stop: unless_stopped(list_live(run, estate), stop))
    text = render(listing, values["output"], color=_wants_color(values), width=_width())
    write_stdout(text, streams.form_of(values["output"]))
    return signalled or of_reads(listing.unread)


@cli.command(cls=_Command)
def comment(**values: Any) -> int:
    """Write a report, Markdown in FILE or on standard input (-), into one comment on a pull request."""
    from reconciler.cli.comment import CommentRun, post, report_in  # noqa: PLC0415
    from reconciler.clock import SystemClock  # noqa: PLC0415
    from reconciler.runtime.output import write_stdout  # noqa: PLC0415
    from reconciler.runtime.signals import unless_stopped  # noqa: PLC0415
    from reconciler.settings import process_environment  # noqa: PLC0415

    asked = {name: values[name] for name in ("host", "environment", "repository", "pull_request")}
    run = CommentRun(**asked, variables=process_environment().values, clock=SystemClock())
    report = report_in(values["file"])  # here, as a signal still ends a process that waits for a pipe
    text, signalled = _speak(values, lambda stop: unless_stopped(post(run, report), stop))
    write_stdout(f"{text}\n")
    return signalled or 0


@cli.command(cls=_Command)
def schema(**values: Any) -> int:
    """Print the JSON Schema of KIND; without one, list the kinds. With --all, write every schema for editors."""
    from reconciler.cli.schema import schema_text, write_schemas  # noqa: PLC0415
    from reconciler.kinds.packaged import packaged  # noqa: PLC0415
    from reconciler.runtime import streams  # noqa: PLC0415
    from reconciler.runtime.output import write_stdout  # noqa: PLC0415

    if values["all_kinds"]:
        if values["kind"] is not None:
            message = "--all takes no KIND"
            raise click.UsageError(message)
        write_stdout(write_schemas(packaged(), values["out_dir"], partial=values["partial"]))
        return 0
    if values["out_dir"] is not None:
        message = "--out-dir is for --all"
        raise click.UsageError(message)
    is_json = values["kind"] is not None and values["output"] == "json"
    text = schema_text(packaged(), values["kind"], values["output"], partial=values["partial"])
    write_stdout(text, streams.Form.JSON if is_json else streams.Form.TEXT)
    return 0


@cli.command(cls=_Command)
def emulator(port: int, state: Path | None, tls_cert: Path | None, tls_key: Path | None) -> int:
    """Serve the embedded ARM over HTTP, on loopback."""
    from dataclasses import replace  # noqa: PLC0415

    from reconciler.clock import SystemClock  # noqa: PLC0415
    from reconciler.emulator import create_app  # noqa: PLC0415
    from reconciler.emulator.server import serve  # noqa: PLC0415
    from reconciler.plan.exit_codes import of_signal  # noqa: PLC0415
    from reconciler.runtime.connect import emulator_settings  # noqa: PLC0415
    from reconciler.runtime.output import write_stdout  # noqa: PLC0415
    from reconciler.settings import process_environment  # noqa: PLC0415

    settings = emulator_settings(process_environment())
    if state is not None:
        settings = replace(settings, state=state)
    scheme = "https" if tls_cert else "http"
    app = create_app(settings, SystemClock())
    ready: Callable[[int], None] = lambda bound: write_stdout(f"{scheme}://127.0.0.1:{bound}\n")  # noqa: E731
    stopped_by = serve(app, "127.0.0.1", port, tls_cert, tls_key, ready=ready)
    return of_signal(stopped_by) if stopped_by else 0


def _read_only(command: str, values: dict[str, Any]) -> int:
    from reconciler.runtime import commands  # noqa: PLC0415

    run = _run(command, values)
    if run.snapshot is not None and (run.out is not None or run.plan_file is not None):
        message = "--against-snapshot does not go with --out or --check: a saved plan is made from what is live"
        raise click.UsageError(message)
    report, signalled = _speak(values, lambda stop: commands.plan(run, stop))
    return _finish(report, values, signalled)


def _run(command: str, values: dict[str, Any]) -> Run:
    """Turn parsed options into values; the only place where they meet."""
    from reconciler.clock import SystemClock  # noqa: PLC0415
    from reconciler.manifests.estate import Options  # noqa: PLC0415
    from reconciler.report import check_formats  # noqa: PLC0415
    from reconciler.runtime.run import Run  # noqa: PLC0415
    from reconciler.settings import connection, process_environment  # noqa: PLC0415

    check_formats(values["output"], *(name for name, _ in values["report"]))
    options = Options(
        paths=values["paths"] or ("manifests",),
        config=values["config"],
        environment=values["environment"],
        targets=values.get("target", ()),
        labels=dict(values.get("selector", ())),
        concurrency=values.get("concurrency", 1),
        max_puts=values.get("max_puts"),
        adopt=not values.get("no_adopt", False),
        take_over=values.get("take_over", False),
        health=values.get("health", False) or values.get("wait") == "replicated",
        wait_replicated=values.get("wait") == "replicated",
        republish=values.get("republish", ()),
        allow_empty=values.get("allow_empty", False),
        permits=_permits(values),
        signs=command in {"plan", "apply", "run"} and values.get("snapshot") is None,
    )
    chosen = connection(values.get("cloud", "public"), values.get("endpoint"), values.get("credential", "default"))
    interval = values.get("poll_interval")
    return Run(
        command=command,
        options=options,
        connection=chosen,
        environment=process_environment(),
        clock=SystemClock(),
        stdin=_stdin(options.paths),
        poll_interval_s=interval if interval is not None else chosen.default_poll_interval_s,
        timeout_s=values.get("timeout") or 3600.0,
        out=values.get("out"),
        plan_file=values.get("plan_file"),
        snapshot=values.get("snapshot"),
        against=values.get("against"),
        changed_since=values.get("changed_since"),
        only_drift=values.get("only") == "drift",
    )


def _permits(values: dict[str, Any]) -> Permits:
    """Return what the operator allows: by flags and variables, never by a file."""
    from reconciler.settings import permitted, process_environment  # noqa: PLC0415

    hosts, scopes = values.get("storage_host", ()), values.get("allowed_scope", ())
    return permitted(values.get("cloud", "public"), process_environment(), hosts, scopes)


def _speak(values: dict[str, Any], work: Callable[[Event], Coroutine[Any, Any, T]]) -> tuple[T, int | None]:
    """Do what speaks to ARM, with its log on standard error and an ear for signals; nothing else has a log."""
    from reconciler.runtime import logs, signals  # noqa: PLC0415

    logs.set_up(values["log_level"], values["log_format"])
    return signals.run(work)


def _stdin(paths: tuple[str, ...]) -> bytes:
    """Read standard input where a path names it; here, as a signal still ends the process by itself."""
    from reconciler.manifests.yaml12 import STREAM  # noqa: PLC0415

    return sys.stdin.buffer.read(STREAM.size + 1) if "-" in paths and sys.stdin is not None else b""


def _finish(report: Report, values: dict[str, Any], signalled: int | None = None) -> int:
    """Write the report in every form that was asked for, and give the exit code; a signal's own wins."""
    from reconciler.errors import OutputError  # noqa: PLC0415
    from reconciler.plan.exit_codes import of_report  # noqa: PLC0415
    from reconciler.runtime.ci import handover  # noqa: PLC0415
    from reconciler.settings import process_environment  # noqa: PLC0415

    may_write = values.get("report_only") is False
    code = signalled or of_report(report, detailed=values.get("detailed_exitcode", False), may_write=may_write)
    given = handover(report, values["output"], code, process_environment())
    try:
        _deliver(report, values, f"{_rendered(report, values['output'], values)}{given.text}", given)
    except OutputError as error:
        failed = _complain(str(error), 1)
        return signalled or failed
    return code


def _rendered(report: Report, format: str, values: dict[str, Any]) -> str:  # noqa: A002
    """Return the report as standard output has it."""
    from reconciler.report import render  # noqa: PLC0415

    return render(
        report,
        format,
        color=_wants_color(values),
        width=_width(),
        base=_base(),
        verbose=values.get("verbose", False),
    )


def _deliver(report: Report, values: dict[str, Any], text: str, given: Handover | None = None) -> None:
    from pathlib import Path  # noqa: PLC0415

    from reconciler.report import render  # noqa: PLC0415
    from reconciler.runtime import streams  # noqa: PLC0415
    from reconciler.runtime.output import deliver  # noqa: PLC0415

    asked = ((Path(file), render(report, name, base=_base())) for name, file in values["report"])
    files, appended = (given.files, given.appended) if given else ((), ())
    deliver(text, (*asked, *files), appended, form=streams.form_of(values["output"]))


def _emit_line(report: Report, values: dict[str, Any]) -> None:
    """Write one round of the loop; JSON as one line each, so that a reader can follow."""
    import orjson  # noqa: PLC0415

    text = _rendered(report, values["output"], values)
    if values["output"] == "json":
        text = orjson.dumps(orjson.loads(text)).decode() + "\n"
    _deliver(report, values, text)


def _base() -> str:
    from reconciler.runtime.ci import folder_in_repository  # noqa: PLC0415
    from reconciler.settings import process_environment  # noqa: PLC0415

    return folder_in_repository(process_environment())


def _wants_color(values: dict[str, Any]) -> bool:
    from reconciler.runtime import streams  # noqa: PLC0415
    from reconciler.settings import process_environment  # noqa: PLC0415

    if not streams.is_terminal():
        return False
    return not values["no_color"] and not process_environment().values.get("NO_COLOR")


def _width() -> int | None:
    """Return the columns of the terminal, or those that COLUMNS states; None where there is neither."""
    from reconciler.settings import process_environment  # noqa: PLC0415

    stated = process_environment().values.get("COLUMNS", "")
    columns = int(stated) if stated.isdecimal() and len(stated) < _DIGITS else _terminal_columns()
    return max(_NARROWEST, columns) if columns else None


def _terminal_columns() -> int:
    """Return the columns of the terminal, 0 without one. Not by shutil, which imports every archive format."""
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0


def _help_width(columns: int | None) -> int:
    return max(50, min(columns or _USUAL, 110) - 2)


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command and give its exit code.

    Args:
        argv: Without the program's name; None for the process's own.
    """
    gc.set_threshold(*_GARBAGE)
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments in _HELP:  # whoever looks for a command waits for nothing, and reads our own words alone
        try:
            return _main(arguments)
        except OSError as error:
            return _complain(f"standard output cannot be written: {error.strerror}", 1)
    from reconciler.runtime import streams  # noqa: PLC0415

    with streams.guarded():
        try:
            return _main(arguments)
        except Exception as error:  # noqa: BLE001 (the outermost handler)
            return _failed(error)


def _main(arguments: list[str]) -> int:
    try:
        code = cli.main(args=arguments, standalone_mode=False, terminal_width=_help_width(_terminal_columns()))
    except click.ClickException as error:
        return _misused(error)
    except click.Abort:
        return 130
    return code if isinstance(code, int) else 0


def _misused(error: click.ClickException) -> int:
    """Write what click says of the command line, which it quotes."""
    from io import StringIO  # noqa: PLC0415

    from reconciler.plan.exit_codes import ExitCode  # noqa: PLC0415
    from reconciler.runtime import streams  # noqa: PLC0415
    from reconciler.secret.text import scrub  # noqa: PLC0415

    said = StringIO()
    error.show(file=said)
    streams.write_stderr(scrub(said.getvalue()))
    return ExitCode.USAGE


def _complain(message: str, code: int, more: Sequence[str] = ()) -> int:
    from reconciler.report.escape import inert, visible  # noqa: PLC0415
    from reconciler.runtime import streams  # noqa: PLC0415
    from reconciler.secret.text import scrub  # noqa: PLC0415

    lines = (inert(visible(scrub(line))) for line in (f"reconciler: {message}", *more))
    streams.write_stderr("\n    ".join(lines) + "\n")
    return code


def _failed(error: Exception) -> int:
    from reconciler.errors import RequestError  # noqa: PLC0415
    from reconciler.plan.exit_codes import of_error  # noqa: PLC0415
    from reconciler.runtime.failure import described  # noqa: PLC0415
    from reconciler.runtime.signals import Stopped  # noqa: PLC0415

    if isinstance(error, Stopped):
        return error.code
    if isinstance(error, RequestError):
        first, *more = str(error).split("\n")
        return _complain(first, of_error(error), (*more, f"fix: {error.info.fix}") if error.info.fix else more)
    return _complain(described(error), of_error(error))


if __name__ == "__main__":
    sys.exit(main())
