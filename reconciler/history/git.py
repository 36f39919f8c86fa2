"""
Runs git, as a program that reads objects: the one place that does. Nothing of a repository is run.

The repository is the one whose ``.git`` is at or above a folder. git's own search would take a folder that only looks
like a repository, which a pull request may add among the manifests, with programs in its configuration.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING, Final, TypeAlias, cast

from reconciler import filesystem
from reconciler.errors import UsageError
from reconciler.history.tree_paths import is_writable
from reconciler.secret.text import scrub
from reconciler.settings import process_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_SETTINGS: Final = (
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("protocol.allow", "never"),
    ("safe.bareRepository", "explicit"),
)
_OPTIONS: Final = (
    "--no-pager",
    "--no-optional-locks",
    "--no-replace-objects",
    "--literal-pathspecs",
    *(word for name, value in _SETTINGS for word in ("-c", f"{name}={value}")),
)
# Variables that git needs; it gets no signature, no client secret, and no GIT_DIR of another repository.
_NEEDED: Final = frozenset({"PATH", "SYSTEMROOT"})
# Variables from which git finds the user's safe.directory setting.
_OF_THE_USER: Final = frozenset(
    {"HOME", "USERPROFILE", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM"}
)
# Nothing is fetched, not even the missing objects of a partial clone; no history is replaced; no password is requested.
_ALWAYS: Final[Mapping[str, str]] = {
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_NO_OTHER_SETTINGS: Final[Mapping[str, str]] = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
TIMEOUT_S: Final = 60.0
_LOOK_S: Final = 0.2
_UNPACKING_S: Final = 600.0
_MOST_SETTINGS: Final = 100
_MAX_REASON: Final = 2_000
_MAX_ANSWER: Final = 4_096
MAX_LISTING: Final = 32 * 1024 * 1024
"""Bytes of the list of a commit's files: a tree may name the same tree a thousand times."""
_MAX_FILE_BYTES: Final = 8 * 1024 * 1024  # no manifest and no file that one names is larger
_MAX_BYTES: Final = 512 * 1024 * 1024
_REGULAR: Final = frozenset({"100644", "100755"})
_WORDS: Final = 4
_MOST_TARGETS: Final = 200
_LINK: Final = "120000"
_Stream: TypeAlias = "IO[bytes] | int"


class _FailedError(Exception):
    """git ended with an error, or not in time. The message is the first line of its own reason, if it gave one."""


@dataclass(frozen=True, slots=True)
class Reach:
    """
    The reach of a git beyond its own repository.

    Attributes:
        environment: Variables that name its protocol, its proxy, its programs for a sign-in and its keys.
        must_end: Called a few times each second; git is stopped as soon as it returns true.
        running: Stops each git that runs.
    """

    environment: Mapping[str, str]
    must_end: Callable[[], bool]
    running: list[Callable[[], None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Blob:
    """
    A regular file of a commit.

    Attributes:
        name: Of the object.
        path: From the top of the repository, with slashes.
        size: In bytes.
    """

    name: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Link:
    """
    A symbolic link of a commit.

    Attributes:
        path: From the top of the repository, with slashes.
        target: As written; None where it was not read.
    """

    path: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Repository:
    """
    A repository that git reads for the user of this process.

    Attributes:
        top: The folder that holds ``.git``, without links.
        folder: Where the objects are: ``.git`` itself, or where it leads to in a worktree or a submodule.
        program: git.
    """

    top: Path
    folder: Path
    program: Path

    @classmethod
    def around(cls, folder: Path) -> Repository:
        """
        Return the repository whose ``.git`` is in *folder*, which holds no link, or above it.

        Raises:
            UsageError: There is none; there is no git; git refuses it, and why.
        """
        top = next((above for above in (folder, *folder.parents) if filesystem.is_there(above / ".git")), None)
        if top is None:
            message = f"{folder}: not in a git repository"
            raise UsageError(message)
        program = filesystem.program("git", process_environment().values.get("PATH", ""))
        if program is None:
            message = "git was not found in PATH: install it, or omit the options that read history"
            raise UsageError(message)
        return cls(top, _folder_of(top, program), program)

    def answer(self, *arguments: str, timeout_s: float | None = None) -> str:
        """
        Return the beginning of what git prints.

        Raises:
            UsageError: Git ended with an error; the message is its reason.
        """
        try:
            with self._started(*arguments, timeout_s=timeout_s) as answer:
                text = _text(answer)
                while answer.read(_MAX_ANSWER):
                    pass
                return text
        except _FailedError as failed:
            raise UsageError(str(failed)) from None

    def lines(self, *arguments: str) -> list[str]:
        """
        Return the lines that git prints.

        Raises:
            UsageError: Git ended with an error; the message is its reason.
        """
        try:
            with self._started(*arguments) as answer:
                return os.fsdecode(answer.read(MAX_LISTING)).splitlines()
        except _FailedError as failed:
            raise UsageError(str(failed)) from None

    def run(self, arguments: Sequence[str], reach: Reach, timeout_s: float) -> None:
        """
        Run a git that reaches beyond this repository.

        Raises:
            UsageError: It ended with an error, or not in time; the message is its reason.
        """
        own = {"GIT_DIR": str(self.folder), **_NO_OTHER_SETTINGS}
        try:
            with _started(self.program, arguments, self.top, own, timeout_s=timeout_s, reach=reach) as answer:
                while answer.read(_MAX_ANSWER):
                    pass
        except _FailedError as failed:
            raise UsageError(str(failed)) from None

    def commit_of(self, revision: str) -> str | None:
        """Return the commit that a revision names; None if this clone has none."""
        found = self._line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return found or None

    def merge_base(self, commit: str) -> str | None:
        """Return the commit where HEAD left the history of *commit*; None if this clone does not reach so far."""
        return self._line("merge-base", "HEAD", commit) or None

    def blobs(
        self, commit: str, below: Sequence[str] = (), known: dict[bytes, Blob | None] | None = None
    ) -> list[Blob]:
        """
        Return the regular files of a commit that are not too large, and that can be written.

        Args:
            commit: Its id.
            below: Paths of files and folders in it, with slashes; none is all of it.
            known: Entries that were looked at for other commits; new ones are added.

        Raises:
            UsageError: The objects are not all here, or the commit names too many.
        """
        known = {} if known is None else known
        entries = [*self._listed(commit, below)]
        for entry in entries:
            if entry not in known:
                known[entry] = _blob(entry, commit)
        return [blob for entry in entries if (blob := known[entry]) is not None]

    def links(self, commit: str, folder: str) -> list[Link]:
        """
        Return the symbolic links of a commit; of those in *folder*, the first ones with their targets.

        Raises:
            UsageError: The objects are not all here, or the commit names too many.
        """
        found = [_words(entry) for entry in self._listed(commit)]
        names = {path: words[2] for words, path in found if len(words) == _WORDS and words[0] == _LINK}
        within = [path for path in names if path.startswith(f"{folder}/" if folder else "")][:_MOST_TARGETS]
        targets = {path: self._line("cat-file", "blob", names[path]) for path in within}
        return [Link(path, targets.get(path)) for path in names]

    def _listed(self, commit: str, below: Sequence[str] = ()) -> Iterator[bytes]:
        # With the trees themselves (-t): a million empty ones are too many as well.
        arguments = ("ls-tree", "-r", "-t", "-z", "--long", "--full-tree", commit, "--", *below)
        try:
            with self._started(*arguments) as answer:
                listing = answer.read(MAX_LISTING + 1)
                if len(listing) > MAX_LISTING:
                    message = (
                        f"commit {commit[:12]} names too many files: the list is larger than {MAX_LISTING:,} bytes"
                    )
                    raise UsageError(message)
        except _FailedError:
            raise _missing(commit) from None
        return (entry for entry in listing.split(b"\0") if entry)

    def unpack(self, commit: str, below: Sequence[str], into: Path) -> None:
        """
        Write the files of a commit into an empty folder: regular ones that are not too large, and no links.

        Args:
            commit: Its id.
            below: Paths of files and folders in it, with slashes; none is all of it.
            into: Where the files go, by their paths in the repository.

        Raises:
            UsageError: The objects are not all here, or there are too many.
            PathError: They cannot be written.
        """
        self.write(commit, self.blobs(commit, below), into)

    def write(self, commit: str, blobs: Sequence[Blob], into: Path) -> None:
        """
        Write some files of a commit into a folder that has none of them.

        Raises:
            UsageError: The objects are not all here, or there are too many.
            PathError: They cannot be written.
        """
        require_room(commit, blobs)
        for blob, content in self.contents(commit, blobs):
            filesystem.create(into / blob.path, content)

    def contents(self, commit: str, blobs: Sequence[Blob]) -> Iterator[tuple[Blob, bytes]]:
        """
        Yield the content of some files of a commit.

        Raises:
            UsageError: The objects are not all here.
        """
        if not blobs:
            return
        with filesystem.scratch() as names:
            names.write("".join(f"{blob.name}\n" for blob in blobs).encode())
            names.seek(0)
            try:
                with self._started("cat-file", "--batch", stdin=names, timeout_s=_UNPACKING_S) as answer:
                    for blob in blobs:
                        yield blob, _content(answer, blob, commit)
            except _FailedError:
                raise _missing(commit) from None

    def _line(self, *arguments: str) -> str | None:
        """Return the line that git prints; None if it failed."""
        with contextlib.suppress(_FailedError), self._started(*arguments) as answer:
            return _text(answer)
        return None

    @contextmanager
    def _started(
        self, *arguments: str, stdin: _Stream = subprocess.DEVNULL, timeout_s: float | None = None
    ) -> Iterator[IO[bytes]]:
        own = {"GIT_DIR": str(self.folder), "GIT_WORK_TREE": str(self.top), **_NO_OTHER_SETTINGS}
        with _started(self.program, arguments, self.top, own, stdin=stdin, timeout_s=timeout_s) as answer:
            yield answer


def require_room(commit: str, blobs: Sequence[Blob]) -> None:
    """Return if the files of a commit are few enough to be unpacked; UsageError if they are not."""
    if sum(blob.size for blob in blobs) > _MAX_BYTES:
        message = f"the files of commit {commit[:12]} are larger than {_MAX_BYTES:,} bytes: keep manifests in a folder"
        raise UsageError(message)


def _folder_of(top: Path, program: Path) -> Path:
    """Return where the ``.git`` in *top* leads to; UsageError if git does not trust its owner, or it is broken."""
    values = process_environment().values
    # The user decides whom to trust, so their settings are read here, and only here: no command follows for which a
    # repository could name a program, and git looks in no other folder.
    own = {name: value for name, value in values.items() if name in _OF_THE_USER}
    own["GIT_CEILING_DIRECTORIES"] = str(top.parent)
    try:
        with _started(program, (*_trusted(values), "rev-parse", "--absolute-git-dir"), top, own) as answer:
            folder = filesystem.real(_text(answer))
    except _FailedError as failed:
        message = f"git refuses the repository {top}: {failed}"
        raise UsageError(message) from None
    if folder == top:  # git before 2.38 takes the folder itself for a repository if .git is invalid
        message = f"git refuses the repository {top}: {top / '.git'} is not a repository"
        raise UsageError(message)
    return folder


def _trusted(values: Mapping[str, str]) -> Iterator[str]:
    """Return as options the folders that the environment tells git to trust; it may set programs in the same way."""
    for index in range(_MOST_SETTINGS):
        if values.get(f"GIT_CONFIG_KEY_{index}", "").lower() == "safe.directory":
            yield from ("-c", f"safe.directory={values.get(f'GIT_CONFIG_VALUE_{index}', '')}")


@contextmanager
def _started(  # noqa: PLR0913 (all that one process is made of)
    program: Path,
    arguments: Sequence[str],
    folder: Path,
    own: Mapping[str, str],
    *,
    stdin: _Stream = subprocess.DEVNULL,
    timeout_s: float | None = None,
    reach: Reach | None = None,
) -> Iterator[IO[bytes]]:
    """
    Run git, and yield its output as it comes. Git is stopped if the output is not read to its end.

    Raises:
        _FailedError: It cannot be run, ended with an error, or not in time.
    """
    given = {name: value for name, value in process_environment().values.items() if name in _NEEDED}
    more = reach.environment if reach is not None else {}
    command, environment = [str(program), *_OPTIONS, *arguments], {**given, **own, **_ALWAYS, **more}
    with filesystem.scratch() as reason:
        try:
            process = subprocess.Popen(  # noqa: S603 (a fixed program)
                command,
                cwd=folder,
                env=environment,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=reason,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise _FailedError(str(error)) from None
        with _limited(process, timeout_s or TIMEOUT_S, reach):
            with cast("IO[bytes]", process.stdout) as answer:
                yield answer
            code = process.wait()
        if code != 0:
            reason.seek(0)
            raise _FailedError(_reason(reason.read(_MAX_REASON)))


@contextmanager
def _limited(process: subprocess.Popen[bytes], timeout_s: float, reach: Reach | None) -> Iterator[None]:
    """Stop git at the end of the block, when its time is over, and when it must not go on."""
    late = threading.Timer(timeout_s, _end, (process,))
    late.daemon = True
    late.start()
    ended, stop = threading.Event(), partial(_end, process)
    if reach is not None:
        reach.running.append(stop)
        threading.Thread(target=_watch, args=(process, reach, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        if reach is not None:
            reach.running.remove(stop)
        late.cancel()
        _end(process)
        process.wait()


def _watch(process: subprocess.Popen[bytes], reach: Reach, ended: threading.Event) -> None:
    """Stop git as soon as it must not go on."""
    while not ended.wait(_LOOK_S):
        if reach.must_end():
            _end(process)
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop git and its child processes, which would keep the pipe open."""
    if process.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()


def _text(answer: IO[bytes]) -> str:
    return os.fsdecode(answer.read(_MAX_ANSWER)).strip()


def _reason(said: bytes) -> str:
    """Return the first line of git's message, without the word before it."""
    line = next(iter(said.decode("utf-8", "replace").strip().splitlines()), "no reason given")
    return scrub(line.removeprefix("fatal: ").removeprefix("error: "))


def _words(entry: bytes) -> tuple[list[str], str]:
    """Return mode, type, name and size of an entry of a tree, and its path."""
    about, _, path = os.fsdecode(entry).partition("\t")
    return about.split(), path


def _blob(entry: bytes, commit: str) -> Blob | None:
    words, path = _words(entry)
    if len(words) != _WORDS or words[3] == "BAD":  # git knows its name, and has not got it
        raise _missing(commit)
    mode, _, name, size = words
    if mode not in _REGULAR or not size.isdecimal() or int(size) > _MAX_FILE_BYTES:
        return None
    return Blob(name, path, int(size)) if is_writable(path, windows=os.name == "nt") else None


def _content(contents: IO[bytes], blob: Blob, commit: str) -> bytes:
    head = contents.readline(_MAX_ANSWER).split()
    if len(head) != 3 or int(head[2]) != blob.size:  # noqa: PLR2004 (name, type and size, or "missing")
        raise _missing(commit)
    return contents.read(blob.size + 1)[:-1]


def _missing(commit: str) -> UsageError:
    return UsageError(f"commit {commit[:12]} is incomplete in this clone: fetch more of its history")
