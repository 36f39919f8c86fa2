"""
A bare copy of another repository, and the files of one of its commits: as much of git as the loop needs.

Nothing of the other repository is configuration here: its hooks, attributes, submodules and alternates are not copied,
the system's and the user's settings are off, and git may use one protocol. Files are written by this program, from
objects; git checks nothing out, so it runs no filter.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from reconciler import filesystem
from reconciler.errors import PathError, UsageError
from reconciler.history.git import Reach, Repository
from reconciler.settings import process_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from reconciler.history.git import Link

FETCH_S: Final = 300.0
_VERIFY_S: Final = 30.0
MOST_BYTES: Final = 1024**3
"""By which one fetch may enlarge the copy."""
_MOST_PACKS: Final = 20
_NEWEST: Final = "refs/reconciler/newest"
_IN_FORCE: Final = "refs/reconciler/in-force"
_RECORD: Final = "in-force"
_RECORD_BYTES: Final = 100
# Of the operator: where programs for a sign-in find what they need, and where the network is.
_NEEDED: Final = frozenset(
    {
        *("HOME", "USERPROFILE", "SSH_AUTH_SOCK", "SSH_ASKPASS", "GIT_ASKPASS", "GIT_SSH_COMMAND", "GIT_SSH"),
        *("GIT_SSL_CAINFO", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"),
        *("https_proxy", "http_proxy", "no_proxy", "all_proxy"),
    }
)
_SETTINGS: Final = (
    ("credential.helper", ""),
    ("fetch.unpackLimit", "1"),  # always a pack, whose size is watched
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("http.followRedirects", "false"),  # a redirect chooses a host
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
    ("submodule.recurse", "false"),
)
_FETCH: Final = (
    *("--quiet", "--force", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"),
    *("--no-auto-maintenance", "--no-show-forced-updates"),
)


@dataclass(frozen=True, slots=True)
class Signers:
    """
    The keys of the operator.

    Attributes:
        allowed: A file in OpenSSH's format of allowed signers; None to trust no SSH key.
        keyring: The folder of an OpenPGP keyring; None to trust no OpenPGP key.
    """

    allowed: Path | None = None
    keyring: str | None = None


@dataclass(slots=True)
class Mirror:
    """
    The copy of one ref of a repository, in a folder of its own.

    Attributes:
        folder: Holds the bare repository, the files of commits, and the record of the commit in force.
        url: Of the other repository.
        protocol: The only one that git may use.
        ref: Whole name.
        most_bytes: By how much the copy may grow in one fetch.
    """

    folder: Path
    url: str
    protocol: str
    ref: str
    signers: Signers = field(default_factory=Signers)
    most_bytes: int = MOST_BYTES
    _stopped: threading.Event = field(default_factory=threading.Event)
    _running: list[Callable[[], None]] = field(default_factory=list)
    _too_large: bool = False

    @property
    def _bare(self) -> Path:
        return self.folder / "mirror.git"

    @property
    def _packs(self) -> Path:
        return self._bare / "objects" / "pack"

    def stop(self) -> None:
        """Stop the git that is running, at once: the process may end right after."""
        self._stopped.set()
        for end in [*self._running]:
            end()

    def in_force(self) -> str | None:
        """Return the recorded commit in force; None if none was ever taken."""
        try:
            text = filesystem.read(self.folder / _RECORD, _RECORD_BYTES).decode("ascii", "replace").strip()
        except PathError:
            return None
        return text or None

    def tree(self, commit: str) -> Path:
        """Return the folder of the files of a commit."""
        return self.folder / "trees" / commit

    def has_tree(self, commit: str) -> bool:
        """Return whether the files of a commit are there."""
        return filesystem.sort_of(self.tree(commit), follow=False) is filesystem.Sort.FOLDER

    def newest(self) -> str:
        """
        Fetch, and return the commit of the ref.

        Raises:
            UsageError: It cannot be fetched, or is no commit; the message is the cause.
            PathError: There is no room.
        """
        self._stopped.clear()
        repository = self._repository()
        self._too_large, before = False, self._size()

        def must_end() -> bool:
            self._too_large = self._size() - before > self.most_bytes
            return self._too_large or self._stopped.is_set()

        settings = [word for name, value in _SETTINGS for word in ("-c", f"{name}={value}")]
        arguments = [*settings, "fetch", *_FETCH, self.url, f"+{self.ref}:{_NEWEST}"]
        try:
            repository.run(arguments, Reach(self._network(), must_end, self._running), FETCH_S)
        except UsageError as error:
            self._sweep()
            reason = f"it is larger than {self.most_bytes:,} bytes" if self._too_large else str(error)
            message = f"it cannot be fetched: {reason}"
            raise UsageError(message) from None
        commit = repository.commit_of(_NEWEST)
        if commit is None:
            message = f"{self.ref} is no commit"
            raise UsageError(message)
        self._pack(repository)
        return commit

    def is_forward(self, old: str, new: str) -> bool:
        """Return whether *new* descends from *old*; not if the copy does not hold *old* any more."""
        try:
            self._repository().answer("merge-base", "--is-ancestor", old, new)
        except UsageError:
            return False
        return True

    def range(self, old: str | None, new: str, most: int) -> tuple[str, ...]:
        """Return the commits after *old* up to *new*, the newest first and one more than *most* at most; else *new*."""
        if old is None:
            return (new,)
        listed = self._repository().lines("rev-list", f"--max-count={most + 1}", new, f"^{old}")
        return tuple(listed) or (new,)

    def unsigned(self, commits: Sequence[str]) -> tuple[str, str] | None:
        """Return the first commit without a signature by a trusted key, and git's reason; None if there is none."""
        allowed, keyring = self.signers.allowed, self.signers.keyring or os.devnull
        settings = ["-c", f"gpg.x509.program={os.devnull}", "-c", "gpg.program=gpg"]
        settings += ["-c", "gpg.ssh.program=ssh-keygen"]
        settings += ["-c", f"gpg.ssh.allowedSignersFile={allowed}"] if allowed is not None else []
        reach = Reach({"GNUPGHOME": keyring}, self._stopped.is_set, self._running)
        for commit in commits:
            try:
                self._repository().run([*settings, "verify-commit", commit], reach, _VERIFY_S)
            except UsageError as error:
                return commit, str(error)
        return None

    def files(self, commit: str) -> frozenset[str]:
        """Return the paths of the regular files of a commit."""
        return frozenset(each.path for each in self._repository().blobs(commit))

    def links(self, commit: str, folder: str) -> list[Link]:
        """Return the links of a commit; of those in *folder*, the first ones with their targets."""
        return self._repository().links(commit, folder)

    def unpack(self, commit: str, root: str) -> None:
        """
        Write the files of a commit below *root*; all of them or none, also if the process is killed meanwhile.

        Raises:
            UsageError: There are too many.
            PathError: There is no room.
        """
        fresh = self.folder / "trees" / f"{commit}.new"
        filesystem.remove_folder(fresh)
        filesystem.make_folder(fresh)
        try:
            self._repository().unpack(commit, (root,) if root else (), fresh)
            filesystem.create(fresh / ".git", f"gitdir: {self._bare}\n".encode())
            filesystem.remove_folder(self.tree(commit))
            filesystem.move_folder(fresh, self.tree(commit))
        except BaseException:
            with contextlib.suppress(PathError):
                filesystem.remove_folder(fresh)
            raise

    def take(self, commit: str) -> None:
        """
        Record that a commit is in force, and remove the files of all others.

        Raises:
            UsageError: Git cannot record it.
            PathError: There is no room.
        """
        repository = self._repository()
        repository.answer("update-ref", _IN_FORCE, commit)
        repository.answer("update-ref", "--no-deref", "HEAD", commit)
        if self.in_force() != commit:
            filesystem.write(self.folder / _RECORD, f"{commit}\n", private=True)
        for name in filesystem.names(self.folder / "trees"):
            if name != commit:
                filesystem.remove_folder(self.folder / "trees" / name)

    def _repository(self) -> Repository:
        """Return the copy; it is made if there is none, and made again if git cannot read it."""
        program = filesystem.program("git", process_environment().values.get("PATH", ""))
        if program is None:
            message = "git was not found in PATH: --git-repo needs it"
            raise UsageError(message)
        repository = Repository(self._bare, self._bare, program)
        if filesystem.is_there(self._bare):
            with contextlib.suppress(UsageError):
                repository.answer("rev-parse", "--git-dir")
                return repository
            filesystem.remove_folder(self._bare)
        filesystem.make_folder(self._bare, 0o700)
        own = ("init", "--quiet", "--bare", "--template=", "--initial-branch=none", str(self._bare))
        repository.run(own, Reach({}, self._stopped.is_set), _VERIFY_S)
        return repository

    def _network(self) -> dict[str, str]:
        values = process_environment().values
        given = {name: value for name, value in values.items() if name in _NEEDED}
        if not {"GIT_SSH_COMMAND", "GIT_SSH"} & given.keys():
            given["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes -oConnectTimeout=20"
        return {**given, "GIT_ALLOW_PROTOCOL": self.protocol}

    def _size(self) -> int:
        with contextlib.suppress(PathError):
            return sum(filesystem.size(self._packs / name) for name in filesystem.names(self._packs))
        return 0

    def _sweep(self) -> None:
        """Remove what a git that was stopped has left behind."""
        with contextlib.suppress(PathError):
            for name in filesystem.names(self._packs):
                if name.startswith("tmp_"):
                    filesystem.remove_file(self._packs / name)

    def _pack(self, repository: Repository) -> None:
        """Put many small packs together, so that the copy stays small; a failure of that has no effect."""
        with contextlib.suppress(UsageError, PathError):
            if sum(name.endswith(".pack") for name in filesystem.names(self._packs)) > _MOST_PACKS:
                repository.answer("gc", "--quiet", "--prune=now", timeout_s=FETCH_S)
