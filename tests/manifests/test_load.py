"""What loading makes of paths: documents with texts in place, or problems, and never a byte from outside the root."""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.manifests import files
from reconciler.manifests.files import RefusedError, Root
from reconciler.manifests.load import Loaded, load
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "CANARY2secret"


@pytest.fixture(params=["descriptors", "paths"])
def opening(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with both ways to open files: from folder to folder, and as on Windows."""
    if request.param == "paths":
        monkeypatch.setattr(files, "HAS_DIR_FD", False)
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty root folder, which is the working folder, beside a secret file outside of it."""
    (tmp_path / "outside.yaml").write_text(f"a: {CANARY}\n")
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(path: str, text: str | bytes = "a: 1\n") -> None:
    """Write a file, and the folders that it is in."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(text.encode() if isinstance(text, str) else text)


def names(loaded: Loaded) -> list[str]:
    """Return the file of every document."""
    return [document.source.file for document in loaded.documents]


def codes(loaded: Loaded) -> list[tuple[str, str]]:
    """Return file and code of every problem, none of which tells a secret."""
    assert CANARY not in str(loaded.problems)
    return [(problem.file, problem.code) for problem in loaded.problems]


def spec(text: str, name: str = "m/a.yaml") -> Any:
    """Return the spec of a manifest with *text* as its spec, loaded without a problem."""
    write(name, f"spec:\n  x: {text}\n")
    loaded = load([name], Path())
    assert loaded.problems == ()
    return loaded.documents[0].value["spec"]["x"]


# --- which files


@pytest.mark.usefixtures("root", "opening")
def test_folder_is_read_in_the_order_of_paths() -> None:
    """A folder gives its manifests, sorted by whole path, without hidden, foreign and project files."""
    for name in ("b.yml", "a/z.yaml", "a.yaml", "a-b.yaml", "a/deep/er/c.yaml", ".hidden.yaml", ".git/x.yaml"):
        write(f"m/{name}")
    for name in ("reconciler.yaml", "kustomization.yaml", "a/kustomization.yaml", "notes.txt", "x.json", "yaml"):
        write(f"m/{name}", "- no manifest")
    loaded = load(["m"])
    assert loaded.problems == ()
    assert names(loaded) == ["m/a-b.yaml", "m/a.yaml", "m/a/deep/er/c.yaml", "m/a/z.yaml", "m/b.yml"]


@pytest.mark.usefixtures("opening")
def test_files_are_named_as_the_user_would(root: Path) -> None:
    """A relative path stays relative, an absolute one absolute, and dots and slashes at the ends do not show."""
    write("m/a.yaml")
    for given in ("m", "m/", "./m", "m/a.yaml"):
        assert names(load([given])) == ["m/a.yaml"]
    assert names(load(["."])) == ["m/a.yaml"]
    assert names(load([str(root / "m")])) == [(root / "m/a.yaml").as_posix()]
    os.chdir("m")
    assert names(load(["../m"], root)) == ["../m/a.yaml"]


@pytest.mark.usefixtures("root", "opening")
def test_named_file_is_read_whatever_its_name() -> None:
    """A file that is given is read, also where a walk would pass it over."""
    for name in ("m.json", "reconciler.yaml", ".hidden.yaml", "LOUD.YAML"):
        write(name)
        assert names(load([name])) == [name]


@pytest.mark.usefixtures("root", "opening")
def test_file_is_read_once() -> None:
    """A file that several paths reach is loaded once, under the first name."""
    write("m/a.yaml")
    write("m/b.yaml")
    for root in (None, Path()):
        assert names(load(["m/b.yaml", "m", "./m/a.yaml", str(Path("m").absolute())], root)) == ["m/b.yaml", "m/a.yaml"]


@pytest.mark.usefixtures("root", "opening")
def test_empty_folder_gives_nothing() -> None:
    """A folder without manifests, or with comments alone, is no problem."""
    assert load(["."]) == Loaded((), ())
    write("a.yaml", "# nothing\n---\n# more\n")
    assert load(["."], Path()) == Loaded((), ())
    assert load([]) == Loaded((), ())


@pytest.mark.usefixtures("root", "opening")
@pytest.mark.parametrize(
    "given", ["missing", "missing/a.yaml", "m/missing.yaml", "", "nul\0.yaml", "nul\0/a", "x" * 999]
)
@pytest.mark.parametrize("base", [None, "."])
def test_missing_path_is_a_problem(given: str, base: str | None) -> None:
    """A path that is not there is named."""
    write("m/a.yaml")
    loaded = load([given, "m"], Path(base) if base else None)
    assert [code for _, code in codes(loaded)] == ["not-found"]
    assert names(loaded) == ["m/a.yaml"]


@pytest.mark.usefixtures("root", "opening")
def test_missing_root_is_a_problem() -> None:
    """A root that is not there, or is a file, is a problem and no exception."""
    write("file")
    assert codes(load(["."], Path("missing"))) == [("missing", "not-found")]
    assert [code for _, code in codes(load(["."], Path("file")))] == ["symlink"]


@pytest.mark.usefixtures("opening")
def test_path_outside_the_root_is_refused(root: Path) -> None:
    """Nothing outside the root is opened, however it is spelled."""
    for given in ("../outside.yaml", str(root.parent), "/", "m/../../outside.yaml"):
        assert [code for _, code in codes(load([given], root))] == ["outside-root"]


@pytest.mark.usefixtures("root")
def test_unreadable_file_and_folder_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may not be read is named, and the rest is read."""
    for name in ("m/a.yaml", "m/b.yaml", "m/c/d.yaml"):
        write(name)
    really_open = os.open

    def forbidding(path: Any, *arguments: Any, **options: Any) -> int:
        """Refuse as the system does; permissions would not bind a test that runs as root."""
        if path in {"a.yaml", "c"}:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return really_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", forbidding)
    loaded = load(["m"])
    assert codes(loaded) == [("m/a.yaml", "unreadable"), ("m/c", "unreadable")]
    assert names(loaded) == ["m/b.yaml"]


@pytest.mark.usefixtures("root")
def test_error_of_the_system_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the system refuses to open ends as a problem with the system's reason."""
    write("a.yaml")

    def failing(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    with Root(".") as opened:
        monkeypatch.setattr(os, "open", failing)
        with pytest.raises(RefusedError, match="Permission denied") as refused:
            opened.read("a.yaml", 10)
    assert refused.value.code == "unreadable"


# --- what stands in the place of a file


@pytest.mark.usefixtures("root", "opening")
def test_symbolic_links_are_refused() -> None:
    """A link, to a file or a folder, out of the root, in a loop or to a device, is a problem and never followed."""
    write("m/good.yaml")
    Path("m/a.yaml").symlink_to("../../outside.yaml")
    Path("m/b.yaml").symlink_to("good.yaml")
    Path("m/c.yaml").symlink_to("c.yaml")
    Path("m/d.yaml").symlink_to("/dev/zero")
    Path("m/folder").symlink_to("../..")
    Path("m/ignored.txt").symlink_to("../../outside.yaml")
    Path("m/loop").symlink_to("loop")
    loaded = load(["m"])
    links = ["m/a.yaml", "m/b.yaml", "m/c.yaml", "m/d.yaml", "m/folder"]
    assert codes(loaded) == [(name, "symlink") for name in links]
    assert names(loaded) == ["m/good.yaml"]
    for name in (*links, "m/folder/outside.yaml"):
        assert codes(load([name], Path())) == [(name, "symlink")]


@pytest.mark.usefixtures("root", "opening")
def test_what_is_no_file_is_refused() -> None:
    """A folder, a FIFO and a socket by a manifest's name are problems; none of them is waited for."""
    Path("m/a.yaml").mkdir(parents=True)
    os.mkfifo("m/b.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("m/c.yaml")
    assert codes(load(["m"])) == [(f"m/{letter}.yaml", "not-a-file") for letter in "abc"]
    assert codes(load(["m/b.yaml"])) == [("m/b.yaml", "not-a-file")]


@pytest.mark.usefixtures("root", "opening")
def test_suffix_in_upper_case_is_told() -> None:
    """A suffix that some tools would not know is a problem, not passed over."""
    write("m/A.YAML")
    write("m/b.Yml")
    loaded = load(["m"])
    assert codes(loaded) == [("m/A.YAML", "suffix"), ("m/b.Yml", "suffix")]
    assert loaded.problems[0].fix


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("name", [b"a\nb.yaml", b"\xff.yaml", "\u202eab.yaml".encode(), b"\x1b[31m.yaml"])
def test_names_that_cannot_be_shown_are_refused(name: bytes) -> None:
    """A file whose name would mislead in a report is a problem, shown escaped."""
    os.mkdir(b"m")  # noqa: PTH102
    with open(b"m/" + name, "wb"):  # noqa: PTH123
        pass
    loaded = load(["m"])
    assert [problem.code for problem in loaded.problems] == ["file-name"]
    assert loaded.problems[0].file.isprintable()


@pytest.mark.usefixtures("root", "opening")
def test_folders_too_deep_are_told() -> None:
    """A walk ends at a stated depth."""
    write("/".join(["d"] * 65) + "/a.yaml")
    loaded = load(["."])
    assert [problem.code for problem in loaded.problems] == ["limit"]
    assert "64" in loaded.problems[0].message


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("swap", ["link", "folder", "fifo"])
def test_file_swapped_after_the_check_is_refused(swap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put in a file's place between the check and its opening is not read, nor waited for."""
    write("m/a.yaml")
    check = os.stat

    def swapping(path: Any, **kwargs: Any) -> os.stat_result:
        status = check(path, **kwargs)
        if path == "a.yaml":
            swaps[swap]()
        return status

    def link() -> None:
        Path("m/a.yaml").unlink()
        Path("m/a.yaml").symlink_to("../../outside.yaml")

    def folder() -> None:
        Path("m").rename("old")
        Path("m").symlink_to("../..")
        Path("old/a.yaml").unlink()

    def fifo() -> None:
        Path("m/a.yaml").unlink()
        os.mkfifo("m/a.yaml")

    swaps: dict[str, Callable[[], None]] = {"link": link, "folder": folder, "fifo": fifo}
    with Root(".") as opened:
        monkeypatch.setattr(os, "stat", swapping)
        with pytest.raises(RefusedError) as refused:
            opened.read("m/a.yaml", 100)
    assert refused.value.code == {"link": "symlink", "folder": "not-found", "fifo": "not-a-file"}[swap]


@pytest.mark.usefixtures("root", "opening")
@pytest.mark.parametrize("path", ["../outside.yaml", "/etc/passwd", "m/../../outside.yaml", "", ".", "a\0b"])
def test_root_opens_nothing_else(path: str) -> None:
    """The root itself refuses what its callers should not ask for."""
    with Root(".") as opened, pytest.raises(RefusedError):
        opened.read(path, 100)


@pytest.mark.usefixtures("root")
def test_foreign_separators_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where backslashes separate and colons name drives or streams, no part may hold one."""
    monkeypatch.setattr(files, "HAS_DIR_FD", False)
    with Root(".") as opened:
        for path in ("..\\outside.yaml", "C:a.yaml", "a.yaml:stream"):
            with pytest.raises(RefusedError, match="outside"):
                opened.read(path, 100)


@pytest.mark.usefixtures("root")
def test_file_that_denies_its_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that says it is empty, as those of /proc do, is read to its end, or to the limit."""
    write("a.yaml", "a: 1234567\n")
    really_stat = os.fstat

    def denying(descriptor: int) -> os.stat_result:
        fields = list(really_stat(descriptor))
        fields[stat.ST_SIZE] = 0
        return os.stat_result(fields)

    with Root(".") as opened:
        monkeypatch.setattr(os, "fstat", denying)
        assert opened.read("a.yaml", 1024) == b"a: 1234567\n"
        with pytest.raises(RefusedError, match="larger than 10 bytes"):
            opened.read("a.yaml", 10)


# --- standard input


@pytest.mark.usefixtures("root", "opening")
@pytest.mark.parametrize("base", [None, "."])
def test_standard_input_is_read_once(base: str | None) -> None:
    """``-`` reads standard input, with the working folder as the place that texts are named from."""
    write("script.sh", "echo\n")
    asked: list[int] = []

    def stdin(size: int) -> bytes:
        asked.append(size)
        return b"spec: {x: {$file: script.sh}}\n"

    loaded = load(["-", "-"], Path(base) if base else None, stdin)
    assert loaded.problems == ()
    assert [document.value for document in loaded.documents] == [{"spec": {"x": "echo"}}]
    assert names(loaded) == ["-"]
    assert asked == [32 * 1024 * 1024 + 1]


@pytest.mark.usefixtures("root")
def test_standard_input_is_bounded() -> None:
    """Standard input that does not end is refused by its size, and a missing one is a problem."""
    assert codes(load(["-"], None, lambda size: b"a" * size)) == [("-", "limit")]
    assert codes(load(["-"])) == [("-", "not-found")]


def test_standard_input_outside_the_root_names_no_files(root: Path) -> None:
    """In a working folder outside the root, standard input is read, but names no files."""
    os.chdir("..")
    assert names(load(["-"], root, lambda _: b"spec: {x: 1}")) == ["-"]
    loaded = load(["-"], root, lambda _: b"spec: {x: {$file: outside.yaml}}")
    assert codes(loaded) == [("-", "file-reference")]


# --- texts in files


@pytest.mark.usefixtures("root", "opening")
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("echo\n", "echo"),
        ("\ufeffa\r\nb\r\n", "a\nb"),
        ("a\n\n", "a\n"),
        ("", ""),
        ("é\u200b\t'\"", "é\u200b\t'\""),
    ],
)
def test_text_is_put_in_place_of_its_file(content: str, text: str) -> None:
    """``$file`` gives the text: no byte order mark, CRLF as LF, one final newline dropped."""
    write("m/s.sh", content)
    assert spec("{$file: s.sh}") == text


@pytest.mark.usefixtures("root", "opening")
def test_references_are_relative_to_the_manifest() -> None:
    """A path is taken from the manifest's folder and may climb within the root, in lists and spelled by escapes too."""
    write("m/s.sh", "one")
    write("top.sh", "two")
    written = r'{a: [{$file: ./s.sh}, {$file: ../m//s.sh}], b: {"\u0024file": ../top.sh}, c: *t}'
    write("m/a.yaml", f"other: &t {{$file: ../top.sh}}\nspec: {written}\n")
    loaded = load(["m"], Path())
    assert loaded.problems == ()
    assert loaded.documents[0].value["spec"] == {"a": ["one", "one"], "b": "two", "c": "two"}
    assert loaded.documents[0].value["other"] == {"$file": "../top.sh"}


@pytest.mark.usefixtures("root")
def test_what_is_no_reference_stays() -> None:
    """A mapping with further keys, or a value that is no text, is left for validation; so is the spec itself."""
    assert spec("{$file: s.sh, more: 1}") == {"$file": "s.sh", "more": 1}
    assert spec("{$file: [s.sh]}") == {"$file": ["s.sh"]}
    write("m/a.yaml", "spec: {$file: s.sh}\n---\nspec: $file\n---\n$file: 1\n")
    assert [d.value for d in load(["m"]).documents] == [{"spec": {"$file": "s.sh"}}, {"spec": "$file"}, {"$file": 1}]


@pytest.mark.usefixtures("opening")
@pytest.mark.parametrize(
    ("reference", "part"),
    [
        ("../../outside.yaml", "outside the root"),
        ("../m/../../outside.yaml", "outside the root"),
        ("/proc/self/environ", "absolute"),
        ("C:/x", "absolute"),
        ("https://example.com/x", "URL"),
        ("file:///etc/passwd", "URL"),
        ("~/.ssh/id_rsa", "home"),
        ("..\\\\outside.yaml", "forward slashes"),
        ("a\\nb", "forward slashes"),
        ("", "forward slashes"),
        ("../.git/config", "hidden"),
        (".env", "hidden"),
        ("a.yaml", "itself"),
        ("../m/a.yaml", "itself"),
        ("missing", "not found"),
        ("link", "symbolic link"),
        ("linked/outside.yaml", "symbolic link"),
        ("fifo", "regular file"),
        (".", "regular file"),
        ("large", "4,194,304 bytes"),
        ("nul", "NUL"),
        ("latin1", "UTF-8"),
    ],
)
def test_reference_elsewhere_is_refused(root: Path, reference: str, part: str) -> None:
    """``$file`` opens regular UTF-8 files below the root; for all else it says why, and no byte of the target."""
    write(".git/config", CANARY)
    write("m/.env", CANARY)
    write("m/large", CANARY * 1_000_000)
    write("m/nul", CANARY + "\0")
    write("m/latin1", CANARY.encode() + b"\xe9")
    Path("m/link").symlink_to("../../outside.yaml")
    Path("m/linked").symlink_to("../..")
    os.mkfifo("m/fifo")
    write("m/a.yaml", f'a: 1\nspec:\n  x:\n    - install: {{"$file": "{reference}"}}\n')
    loaded = load(["m/a.yaml"], root)
    assert codes(loaded) == [("m/a.yaml", "file-reference")]
    problem = loaded.problems[0]
    assert (problem.line, problem.column, problem.path) == (4, 17, "spec.x[0].install")
    assert part in problem.message
    assert loaded.documents == ()


def test_a_reference_that_is_not_read_is_named(root: Path) -> None:
    """A manifest names many files; a signature in a link that is none of them is not shown."""
    write("m/a.yaml", f'spec:\n  x: {{"$file": "gone.sh"}}\n  y: {{"$file": "https://h/p?sig={CANARY}"}}\n')
    gone, link = (problem.message for problem in load(["m/a.yaml"], root).problems)
    assert "gone.sh" in gone
    assert "https://h/p" in link
    assert CANARY not in link


@pytest.mark.usefixtures("root")
def test_root_without_project_is_the_folder() -> None:
    """Without a project file the root is the path itself, or the file's folder: nothing above it is named."""
    write("top.sh", "x")
    write("m/a.yaml", "spec: {x: {$file: ../top.sh}}\n")
    assert codes(load(["m"])) == [("m/a.yaml", "file-reference")]
    assert codes(load(["m/a.yaml"])) == [("m/a.yaml", "file-reference")]
    assert codes(load(["."])) == []


@pytest.mark.usefixtures("root")
def test_references_are_bounded() -> None:
    """Too many references, or too much text, in one document is one problem that names the limit."""
    write("m/s.sh", "x" * 1_000_000)
    write("m/a.yaml", "spec:\n  x: [" + "{$file: s.sh}," * 9 + "]\n")
    assert ["8,388,608" in problem.message for problem in load(["m"]).problems] == [True]
    write("m/s.sh", "x")
    write("m/a.yaml", "spec:\n  x: [" + "{$file: s.sh}," * 1_100 + "]\n")
    assert ["1,000 " in problem.message for problem in load(["m"]).problems] == [True]


@pytest.mark.usefixtures("root")
def test_positions_outlive_replacement() -> None:
    """What a file's text replaced has the place where the file is named."""
    write("m/s.sh", "x")
    write("m/a.yaml", "spec:\n  x:\n    $file: s.sh\n")
    document = load(["m"]).documents[0]
    assert document.locate(("spec", "x")) == (2, 3)


# --- all at once


@pytest.mark.usefixtures("root")
def test_problems_of_all_files_come_together() -> None:
    """One bad file among many hides none of the others, in order of files and lines."""
    for number in range(50):
        write(f"m/{number:02}.yaml")
    write("m/10.yaml", "spec: {x: {$file: no}}\n---\na: !x 1\n---\nspec: {x: {$file: no}}\n")
    write("m/20.yaml", "a: [\n")
    write("m/30.yaml", b"\xff")
    loaded = load(["m"])
    assert [(problem.file, problem.line) for problem in loaded.problems] == [
        ("m/10.yaml", 1),
        ("m/10.yaml", 3),
        ("m/10.yaml", 5),
        ("m/20.yaml", 2),
        ("m/30.yaml", 1),
    ]
    assert len(loaded.documents) == 47


@pytest.mark.usefixtures("root")
def test_problems_are_capped() -> None:
    """After a thousand problems, the number of the others is told."""
    for number in range(1_007):
        write(f"m/{number:04}.yaml", "- 1\n")
    loaded = load(["m"])
    assert len(loaded.problems) == 1_001
    assert loaded.problems[-1].code == "more-problems"
    assert loaded.problems[-1].message.startswith("7 ")


@pytest.mark.usefixtures("root")
def test_number_of_files_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit, no file is opened."""
    monkeypatch.setattr("reconciler.manifests.load.MAX_FILES", 2)
    for name in ("a", "b", "c"):
        write(f"m/{name}.yaml")
    loaded = load(["m"])
    assert (names(loaded), codes(loaded)) == (["m/a.yaml", "m/b.yaml"], [("m/c.yaml", "limit")])


# --- hostile files

MEASURED = """
import json, resource, sys, time
from reconciler.manifests.load import load
start = time.process_time()
loaded = load([sys.argv[1]])
seconds = time.process_time() - start
json.dumps([document.value for document in loaded.documents])
try:  # getrusage on Linux knows the peak of the process that started this one
    with open("/proc/self/status") as status:
        rss = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
except OSError:
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, rss, [[p.code, p.line, p.message] for p in loaded.problems]]))
"""
MIB = 1024 * 1024
ALIASES = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
HOSTILE: dict[str, Callable[[], bytes]] = {
    "alias bomb": ALIASES.encode,
    "merge bomb": MERGES.encode,
    "quadratic aliases": lambda: b"a: &a " + b"x" * 1_000_000 + b"\nb: [" + b"*a," * 100 + b"]",
    "brackets": lambda: b"[" * 100_000,
    "braces": lambda: b'{"a":' * 100_000,
    "dashes": lambda: b"- " * 100_000,
    "questions": lambda: b"? " * 100_000,
    "documents": lambda: b"---\na: 1\n" * 100_000,
    "empty documents": lambda: b"---\n" * 1_000_000,
    "scalar": lambda: b"a: " + b"x" * (5 * MIB),
    "block scalar": lambda: b"a: |\n" + b"  x\n\n" * MIB,
    "64 MB": lambda: b"a: 1\n" * (64 * MIB // 5),
    "numbers": lambda: b"a: [" + b"1," * (4 * MIB - 10) + b"]",
    "numbers in documents": lambda: (b"a: [" + b"1," * 40_000 + b"]\n---\n") * 100,
    "tags": lambda: b"a: [" + b"!x y," * (MIB + 10) + b"]",
    "tag directives": lambda: b"".join(b"%%TAG !a%d! x\n" % n for n in range(400_000)) + b"---\na: 1\n",
    "hidden": lambda: "\u200b".encode() * (2 * MIB),
    "digits": lambda: b"a: " + b"9" * MIB,
    "keys": lambda: b"".join(b"k%d: 1\n" % n for n in range(600_000)),
    "references": lambda: b"spec:\n  x: [" + b"{$file: no}," * 16_000 + b"]",
    "wide text": lambda: "a: [😀".encode() + b"x," * (4 * MIB - 10),
}


def measured(path: str) -> tuple[float, int, list[tuple[str, int | None, str]]]:
    """Load a path in a process of its own; give seconds, peak memory and the problems."""
    command = [sys.executable, "-c", MEASURED, path]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    seconds, rss, problems = json.loads(run.stdout)
    return seconds, rss, problems


@pytest.mark.slow
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_file_is_refused_within_bounds(hostile: str, tmp_path: Path) -> None:
    """A file made to exhaust the machine ends as a problem within 2 s and 200 MiB."""
    path = tmp_path / "a.yaml"
    path.write_bytes(HOSTILE[hostile]())
    seconds, rss, problems = measured(str(path))
    assert problems
    assert seconds < 2
    assert rss < 200 * MIB


def test_sparse_file_is_not_read(tmp_path: Path) -> None:
    """A file of 8 GB is refused by its size alone."""
    with (tmp_path / "a.yaml").open("wb") as file:
        file.truncate(8 * 1024 * MIB)
    seconds, rss, problems = measured(str(tmp_path))
    assert [code for code, _, _ in problems] == ["limit"]
    assert "8,388,608 bytes" in problems[0][2]
    assert seconds < 0.5
    assert rss < 100 * MIB
