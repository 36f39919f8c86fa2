"""``new-version``: writes the manifest of the next version from an existing one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import click

from reconciler import filesystem
from reconciler.cli import completion, options
from reconciler.cli.arguments import make_run
from reconciler.cli.complaint import complain
from reconciler.cli.delivery import finish
from reconciler.cli.options import OUTPUT, FilePath, Given, option
from reconciler.errors import ManifestError, PathError, UsageError
from reconciler.export.next_version import DIGEST, NextVersion, NextVersionError, Wish, next_version
from reconciler.kinds.latest import order_of
from reconciler.manifests.resolve import select
from reconciler.manifests.selection import no_manifest
from reconciler.manifests.yaml12 import FILE
from reconciler.manifests.yaml12.characters import decode
from reconciler.plan.exit_codes import ExitCode
from reconciler.runtime.output import write_stdout
from reconciler.secret.text import SecretUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.manifests.estate import Estate
    from reconciler.model.desired import Desired

_DIGITS: Final = re.compile(r"[0-9A-Fa-f]{64}")
_UNSAFE: Final = re.compile(r"[/\\\x00-\x1f]|^\.")


@options.command("new-version")
@click.argument("address", metavar="KIND/NAME", shell_complete=completion.addresses)
@click.argument("number", metavar="NUMBER")
@options.paths
@options.manifests
@option("--link", metavar="URL", help="Link to the package.  [default: the old link, with the new number]")
@option(
    "--file",
    "package",
    type=FilePath(dir_okay=False),
    metavar="FILE",
    help="Local package, whose SHA-256 goes into the annotation for it.  [default: the old one]",
)
@option("--sha256", metavar="DIGITS", help="SHA-256 of the package, where it is not here.  [default: the old one]")
@option("--any-number", is_flag=True, help="Accept a number that is not the highest.")
@option(
    "--out",
    type=FilePath(dir_okay=False),
    metavar="FILE",
    heading=OUTPUT,
    help="File to write.  [default: NAME.yaml beside the old manifest]",
)
def command(  # noqa: PLR0913 (one for each option)
    given: Given,
    address: str,
    number: str,
    *,
    link: str | None,
    package: Path | None,
    sha256: str | None,
    out: Path | None,
    any_number: bool,
) -> int:
    """Write the manifest of the next version from an existing one. Works offline; replaces no file."""
    if order_of(number) is None:
        message = f"`{number}` is no version number: three numbers are expected, such as 1.2.0"
        raise UsageError(message)
    digest = _digest(package, sha256)
    run = make_run("validate", given)
    try:
        estate = run.estate()
    except ManifestError as error:
        return finish(run.failed(error), given)
    old = _existing(estate, address)
    made, path = _made(old, Wish(number, link, digest=digest), out)
    _require_new(estate, old, made.name, number, any_number=any_number)
    _create(path, made.text)
    write_stdout(f"{path.as_posix()}\n")
    for remark in _remarks(made):
        complain(remark, ExitCode.SUCCESS)
    return ExitCode.SUCCESS


def _digest(package: Path | None, sha256: str | None) -> str | None:
    """
    Return the SHA-256 of the package, as far as it is known.

    Raises:
        UsageError: Both options are given, or no digest, or the package cannot be read.
    """
    if package is not None and sha256 is not None:
        message = "--file and --sha256 name one digest: pass one of them"
        raise UsageError(message)
    if sha256 is not None and not _DIGITS.fullmatch(sha256):
        message = "--sha256 takes 64 hexadecimal digits"
        raise UsageError(message)
    try:
        return filesystem.sha256(package) if package is not None else sha256
    except PathError as error:
        message = f"--file {error}"
        raise UsageError(message) from None


def _existing(estate: Estate, address: str) -> Desired:
    """
    Return the manifest to start from.

    Raises:
        NextVersionError: There is no such manifest, or its kind has no versions.
    """
    exact = [item for item in estate.desired if item.address == address]
    found = exact or select(estate.desired, (address,), {})
    if len(found) != 1:
        why = f"matches {len(found)} manifests" if found else "matches no manifest"
        message = f"{address} {why}; {no_manifest(address, estate.desired)}"
        raise NextVersionError(message)
    if found[0].kind.latest is None:
        message = f"{found[0].address}: a {found[0].kind.name} has no versions"
        raise NextVersionError(message)
    return found[0]


def _made(old: Desired, wish: Wish, out: Path | None) -> tuple[NextVersion, Path]:
    """
    Return the manifest of the next version, and the file to write it to.

    Raises:
        NextVersionError: It cannot be made.
        PathError: The old manifest cannot be read.
    """
    if old.source.file == "-":
        message = f"{old.address} is read from standard input: name its file"
        raise NextVersionError(message)
    file = Path(old.source.file)
    text, problems = decode(filesystem.read(file, FILE.size + 1), old.source.file)
    if problems:
        message = f"{old.source.file} cannot be read again"
        raise NextVersionError(message)
    folder = "" if out is None else _way(out.parent, file.parent)
    made = next_version(text, old.source.document, old.kind, _number(old), replace(wish, folder=folder))
    if out is None and _UNSAFE.search(made.name):
        message = f"the name `{made.name}` makes no file name: name a file by --out"
        raise NextVersionError(message)
    return made, out or file.with_name(f"{made.name}.yaml")


def _way(start: Path, end: Path) -> str:
    """Return the relative path of a folder from another one; empty where they are one."""
    way = PurePosixPath(filesystem.relative(end, filesystem.absolute(start))).as_posix()
    return "" if way == "." else way


def _number(item: Desired) -> str:
    return item.params[item.kind.latest.number] if item.kind.latest is not None else ""


def _require_new(estate: Estate, old: Desired, name: str, number: str, *, any_number: bool) -> None:
    """
    Check that the next version is new, and the highest one.

    Raises:
        NextVersionError: It is not.
    """
    same = [item for item in estate.desired if item.kind is old.kind]
    versions = [item for item in same if item.parent == old.parent]
    taken = [item for item in same if item.name == name]
    taken += [item for item in versions if order_of(_number(item)) == order_of(number)]
    if taken:
        message = f"{taken[0].address} ({taken[0].source.file}:{taken[0].source.line}) has this name or number already"
        raise NextVersionError(message)
    highest = max(versions, key=lambda item: order_of(_number(item)) or ((), 0))
    if not any_number and (order_of(number) or ((), 0)) < (order_of(_number(highest)) or ((), 0)):
        message = (
            f"{number} is lower than {_number(highest)} of {highest.address}: pass --any-number to write it anyway"
        )
        raise NextVersionError(message)


def _create(path: Path, text: str) -> None:
    """Write a file that is not there yet; NextVersionError where it is."""
    if filesystem.is_there(path):
        message = f"{path} exists already: nothing was written"
        raise NextVersionError(message)
    filesystem.create(path, text.encode())


def _remarks(made: NextVersion) -> Iterator[str]:
    for path, old, new in made.links:
        if old == new:
            yield f"{path} is unchanged: both versions install the same package, unless --link names another one"
        else:
            yield f"{path} is now {SecretUrl(new).base}"
    if made.has_old_digest:
        yield f"{'.'.join(DIGEST)} is that of the old package: pass --file or --sha256"
