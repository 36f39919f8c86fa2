"""
Which commit of a repository is in force: decisions, one after the other, each from the facts so far. Pure.

:func:`next_step` names the next thing to find out, or the end: a commit to take, or the cause that it is not taken. The
driver is :mod:`reconciler.runtime.repository`; git is :mod:`reconciler.history.mirror`.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from reconciler.errors import UsageError
from reconciler.manifests.names import SUFFIXES
from reconciler.manifests.project import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from reconciler.history.git import Link

_PROTOCOLS: Final = frozenset({"https", "ssh", "file"})
_SERVER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_REF: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@-]*")
_NO_REF: Final = ("..", "//", "@{", "/.", ".lock/")
MOST_COMMITS: Final = 1_000
"""Commits whose signatures are verified in one round."""


class Signed(StrEnum):
    """The commits that must be signed."""

    HEAD = "head"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class Address:
    """
    A repository and a ref in it.

    Attributes:
        url: As git takes it.
        protocol: The only one that git may use for it.
        ref: A whole name below ``refs/``.
    """

    url: str
    protocol: str
    ref: str


def parse_address(repository: str, ref: str) -> Address:
    """
    Return the address that the operator names.

    Raises:
        UsageError: The repository is no https, ssh or file URL and no absolute path, or the ref is none.
    """
    if not repository.isprintable() or " " in repository or not _is_ref(ref):
        message = "--git-ref is no branch, and no name below refs/" if not _is_ref(ref) else f"{_WRONG}"
        raise UsageError(message)
    whole = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    if repository.startswith("/"):
        return Address(repository, "file", whole)
    try:
        parts = urlsplit(repository)
    except ValueError:
        raise UsageError(_WRONG) from None
    user, _, server = parts.netloc.rpartition("@")
    if ":" in user:
        message = "--git-repo holds a password: leave it out, and let the program in GIT_ASKPASS print it"
        raise UsageError(message)
    is_server = not parts.netloc if parts.scheme == "file" else bool(_SERVER.fullmatch(server))
    if parts.scheme not in _PROTOCOLS or not parts.path.strip("/") or not is_server:
        raise UsageError(_WRONG)
    return Address(repository, parts.scheme, whole)


_WRONG: Final = "--git-repo is no https, ssh or file URL and no absolute path, such as ssh://git@example.net/estate.git"


def _is_ref(ref: str) -> bool:
    is_odd = any(part in ref for part in _NO_REF) or ref.endswith((".", "/", ".lock"))
    return bool(_REF.fullmatch(ref)) and not is_odd


# What is known of the newest commit, and what is to be found out


@dataclass(frozen=True, slots=True)
class Terms:
    """
    The operator's rules for a commit.

    Attributes:
        allows_rewind: Whether a commit that does not descend from the one in force is taken too.
        signed: The commits that must be signed; None for none.
    """

    allows_rewind: bool = False
    signed: Signed | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """
    The facts so far; None for one that is not known yet.

    Attributes:
        in_force: The last commit that was taken; None if none was.
        has_tree: Whether its files are there.
        failure: Why the last step failed; then no other fact counts.
        newest: The commit of the ref.
        is_forward: Whether it descends from the one in force.
        range: The commits to verify.
        is_verified: Whether all of them are signed by a trusted key.
        links: Links of the commit where a manifest would be read.
        is_unpacked: Whether its files are there.
        mistakes: Why its manifests are wrong; empty if they are right.
    """

    in_force: str | None = None
    has_tree: bool = False
    failure: str | None = None
    newest: str | None = None
    is_forward: bool | None = None
    range: tuple[str, ...] | None = None
    is_verified: bool | None = None
    links: tuple[str, ...] | None = None
    is_unpacked: bool = False
    mistakes: str | None = None


class Ask(StrEnum):
    """The next fact to find out; each is the name of a fact of :class:`Known`."""

    NEWEST = "newest"
    IS_FORWARD = "is_forward"
    RANGE = "range"
    IS_VERIFIED = "is_verified"
    LINKS = "links"
    IS_UNPACKED = "is_unpacked"
    MISTAKES = "mistakes"


@dataclass(frozen=True, slots=True)
class Take:
    """The commit is in force from now on."""

    commit: str


@dataclass(frozen=True, slots=True)
class Keep:
    """
    The commit in force stays, if there is one.

    Attributes:
        cause: Why the newest commit is not taken.
        commit: The newest commit; None where it is not known.
    """

    cause: str
    commit: str | None = None


Next: TypeAlias = Ask | Take | Keep


def next_step(known: Known, terms: Terms) -> Next:
    """Return the next fact to find out, or the end; the first rule that matches wins."""
    if known.failure is not None:
        return Keep(known.failure, known.newest)
    if known.newest is None:
        return Ask.NEWEST
    if known.newest == known.in_force:
        return Take(known.newest) if known.has_tree or known.is_unpacked else Ask.IS_UNPACKED
    return _of_history(known, terms, known.newest) or _of_content(known, known.newest)


def _of_history(known: Known, terms: Terms, newest: str) -> Next | None:
    if known.in_force is not None and known.is_forward is None:
        return Ask.IS_FORWARD
    if known.is_forward is False and not terms.allows_rewind:
        return Keep(f"it does not descend from {str(known.in_force)[:12]}, which is in force (--allow-rewind)", newest)
    if terms.signed is None:
        return None
    if known.range is None:
        return Ask.RANGE
    if len(known.range) > MOST_COMMITS:
        return Keep(f"it has more than {MOST_COMMITS:,} new commits, too many to verify at once", newest)
    return Ask.IS_VERIFIED if known.is_verified is None else None


def _of_content(known: Known, newest: str) -> Next:
    if known.links is None:
        return Ask.LINKS
    if known.links:
        return Keep(f"`{known.links[0]}` is a link, where a manifest would be read", newest)
    if not known.is_unpacked:
        return Ask.IS_UNPACKED
    if known.mistakes is None:
        return Ask.MISTAKES
    return Keep(known.mistakes, newest) if known.mistakes else Take(newest)


def to_verify(known: Known, terms: Terms) -> tuple[str | None, str]:
    """Return the range of commits to verify: after the first, up to the second; None for the second only."""
    is_range = terms.signed is Signed.RANGE and known.in_force is not None
    return (known.in_force if is_range else None), str(known.newest)


# Links of a commit


def refused_links(links: Iterable[Link], files: Collection[str], folder: str) -> tuple[str, ...]:
    """
    Return the links of a commit through which a manifest or the project file would be read.

    Args:
        links: Of the commit.
        files: Paths of its regular files.
        folder: Of the manifests, from the top.
    """
    return tuple(each.path for each in links if _is_refused(each, files, folder))


def _is_refused(link: Link, files: Collection[str], folder: str) -> bool:
    above, name = posixpath.split(link.path)
    if _is_within(folder, link.path) or (name == FILE_NAME and _is_within(folder, above)):
        return True
    if not _is_within(link.path, folder):
        return False
    parts = link.path[len(folder) :].strip("/").split("/")
    if any(part.startswith(".") for part in parts):
        return False
    return name.lower().endswith(SUFFIXES) or _leads_to_folder(link, files)


def _is_within(path: str, folder: str) -> bool:
    return folder in {"", "."} or path == folder or path.startswith(f"{folder}/")


def _leads_to_folder(link: Link, files: Collection[str]) -> bool:
    """Return whether a link leads to a folder of the commit, or out of it, or was not read."""
    if link.target is None:
        return True
    target = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))
    if target.startswith(("/", "..")) or target == ".":
        return True
    return any(path.startswith(f"{target}/") for path in files)


def root_of(files: Collection[str], folder: str, config: str | None) -> str:
    """Return the folder that holds everything a round reads: of the project file, else of the manifests."""
    if config is not None:
        return posixpath.dirname(posixpath.normpath(config))
    above = folder
    while True:
        if posixpath.join(above, FILE_NAME) in files or not above:
            return above if posixpath.join(above, FILE_NAME) in files else folder
        above = posixpath.dirname(above)
