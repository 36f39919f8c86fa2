"""The options of ``run`` as the values that the loop takes. Looks at no file but that of the signers."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING, Final, TypedDict

from reconciler import filesystem
from reconciler.cli.arguments import connection_of, permits_of
from reconciler.cli.options import STATE_DIR
from reconciler.errors import UsageError
from reconciler.history.mirror import MOST_BYTES, Mirror, Signers
from reconciler.manifests.access import blob_at
from reconciler.runtime.lock import LockPlace, check_lock
from reconciler.runtime.loop import Service
from reconciler.runtime.repository import Watched
from reconciler.service.source import Signed, Terms, parse_address

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.cli.options import Given

_DEFAULT_FOLDER: Final = "manifests"


class Chosen(TypedDict):
    """The values of the options that only ``run`` has."""

    interval: float
    once: bool
    report_only: bool
    hold_file: Path | None
    listen: str | None
    listen_anywhere: bool
    lock: str | None
    git_repo: str | None
    git_ref: str | None
    git_path: str | None
    allow_rewind: bool
    require_signed: str | None
    allowed_signers: Path | None


def service_of(given: Given, chosen: Chosen) -> Service:
    """
    Return the operator's choices for the loop.

    Raises:
        UsageError: A value is wrong, or does not go with another.
    """
    hold, state = chosen["hold_file"], filesystem.absolute(given.state_dir or STATE_DIR)
    return Service(
        chosen["interval"],
        chosen["report_only"],
        filesystem.absolute(hold) if hold is not None else None,
        _watched(given, chosen, state),
        _lock(given, chosen, state),
    )


def _lock(given: Given, chosen: Chosen, state: Path) -> LockPlace | None:
    named = chosen["lock"]
    if chosen["report_only"]:
        if named is not None:
            message = "--lock cannot be combined with --report-only, which writes nothing"
            raise UsageError(message)
        return None
    if named is None:
        return LockPlace(state / "lock")
    if named.startswith("file:") and not named.startswith("file://") and named != "file:":
        return LockPlace(filesystem.absolute(named.removeprefix("file:")))
    is_link = named.startswith(("https://", "http://")) and named.isprintable() and not {"?", "#", "@"} & set(named)
    if not is_link or blob_at(named) is None:
        message = "--lock is neither file:PATH nor the URL of a blob, https://ACCOUNT.blob.SUFFIX/CONTAINER/BLOB"
        raise UsageError(message)
    place = LockPlace(url=named)
    check_lock(place, connection_of(given), permits_of(given).storage)
    return place


def paths_of(given: Given, service: Service) -> tuple[str, ...]:
    """Return the files and folders of manifests: of the command line, or the folder in the repository."""
    return (service.watched.folder or ".",) if service.watched is not None else given.paths


def _watched(given: Given, chosen: Chosen, state: Path) -> Watched | None:
    repository, ref = chosen["git_repo"], chosen["git_ref"]
    if repository is None:
        _require_repository(chosen)
        return None
    if ref is None:
        message = "--git-repo needs --git-ref, the branch whose commits are applied"
        raise UsageError(message)
    if given.paths:
        message = "PATH cannot be combined with --git-repo: name the folder in the repository by --git-path"
        raise UsageError(message)
    address = parse_address(repository, ref)
    name = hashlib.sha256(f"{address.url}\n{address.ref}".encode()).hexdigest()[:16]
    folder, signers = state / f"git-{name}", _signers(given, chosen)
    mirror = Mirror(folder, address.url, address.protocol, address.ref, signers, MOST_BYTES)
    signed = Signed(chosen["require_signed"]) if chosen["require_signed"] is not None else None
    terms = Terms(chosen["allow_rewind"], signed)
    config = _inside("--config", given.config) if given.config is not None else None
    return Watched(mirror, terms, _inside("--git-path", chosen["git_path"] or _DEFAULT_FOLDER), config)


def _require_repository(chosen: Chosen) -> None:
    given = {
        "--git-ref": chosen["git_ref"],
        "--git-path": chosen["git_path"],
        "--allow-rewind": chosen["allow_rewind"] or None,
        "--require-signed": chosen["require_signed"],
        "--allowed-signers": chosen["allowed_signers"],
    }
    alone = next((name for name, value in given.items() if value is not None), None)
    if alone is not None:
        message = f"{alone} needs --git-repo"
        raise UsageError(message)


def _signers(given: Given, chosen: Chosen) -> Signers:
    allowed, keyring = chosen["allowed_signers"], given.process.values.get("GNUPGHOME") or None
    if chosen["require_signed"] is None:
        if allowed is not None:
            message = "--allowed-signers needs --require-signed"
            raise UsageError(message)
        return Signers()
    if allowed is None and keyring is None:
        message = "--require-signed needs --allowed-signers (SSH), or a keyring in GNUPGHOME (OpenPGP)"
        raise UsageError(message)
    if allowed is not None and filesystem.sort_of(allowed) is not filesystem.Sort.FILE:
        message = f"--allowed-signers {allowed}: not a file"
        raise UsageError(message)
    return Signers(filesystem.absolute(allowed) if allowed is not None else None, keyring)


def _inside(option: str, path: str) -> str:
    """Return a path from the top of the repository, without dots; empty for the top itself."""
    normal = posixpath.normpath(path)
    if normal.startswith(("/", "..", "-")) or "\\" in path or not path.isprintable():
        message = f"{option} must be a path in the repository, from its top"
        raise UsageError(message)
    return "" if normal == "." else normal
