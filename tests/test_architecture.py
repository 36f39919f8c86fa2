"""What import contracts cannot say: the engine names no kind, and the functional core opens no file."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from reconciler.kinds.annotations import Annotation
from reconciler.kinds.packaged import packaged
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = ROOT / "reconciler"
TREES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Kinds as manifests write them, types as ARM writes them, parameters of their URLs. "gallery" is a word of help texts.
NAMES = re.compile(
    r"\b(GalleryApplicationVersion|GalleryApplication|ApplicationDefinition|Gallery|GalleryScript|GalleryScriptVersion)\b"
    r"|(?i:\b(applicationDefinitions|galleries|Microsoft\.Compute|Microsoft\.Solutions)\b)"
    r"|\b(galleryName|galleryApplicationName|galleryApplicationVersionName|applicationDefinitionName)\b"
    r"|\b(galleryScriptName|galleryScriptVersionName)\b"
)

PURE = (
    "compare",
    *(f"kinds/{path.stem}" for path in (PACKAGE / "kinds").glob("*.py") if path.stem != "packaged"),
    "manifests/resolve",
    "manifests/validate",
    "model",
    "plan",
    "export/documents",
    "export/found",
    "export/naming",
    "export/options",
    "export/stating",
    "export/texts",
    "export/yaml_text",
)
OPENERS = frozenset({"open", "read_text", "read_bytes", "write_text", "write_bytes", "print", "input"})


def _explaining(tree: ast.Module) -> Iterator[ast.expr]:
    """Return docstrings and other texts that stand alone: nothing reads them."""
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))


def _words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every identifier and text in code, with its line."""
    explaining = {id(node) for node in _explaining(tree)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in explaining:
                yield node.lineno, text
            case ast.Constant(value=bytes(raw)):
                yield node.lineno, raw.decode(errors="replace")
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.ClassDef(name=text) | ast.alias(name=text):
                yield node.lineno, text
            case _:
                pass


def _found(
    look: Callable[[ast.Module], list[tuple[int, str]]], left_out: Callable[[str], bool]
) -> dict[str, list[tuple[int, str]]]:
    """Return what *look* sees in modules, by their paths."""
    seen = {path: look(tree) for path, tree in TREES.items() if not left_out(path)}
    return {path: found for path, found in seen.items() if found}


def _kinds_named(tree: ast.Module) -> list[tuple[int, str]]:
    return [(line, text) for line, text in _words(tree) if NAMES.search(text)]


def test_no_module_names_a_kind() -> None:
    """A new kind is one schema: the engine cannot know any of them by name."""
    holds_the_query = "azure/resource_graph.py"
    assert _found(_kinds_named, lambda path: path.startswith("emulator/") or path == holds_the_query) == {}


@pytest.mark.parametrize(
    "source",
    [
        'if kind.name == "GalleryApplicationVersion": pass',
        'url = f"/providers/Microsoft.Compute/galleries/{name}"',
        'TYPES = {b"microsoft.solutions/applicationdefinitions": 1}',
        "class Gallery: pass",
        "kind = kinds.ApplicationDefinition",
        "from somewhere import GalleryApplication",
        'options = {"gallery": "galleryName"}',
    ],
)
def test_a_named_kind_is_seen(source: str) -> None:
    """The look-out sees names in texts of all sorts and in identifiers."""
    assert _kinds_named(ast.parse(source))


def test_every_name_of_a_kind_is_looked_for() -> None:
    """A new kind belongs into the pattern: its name, its type and the parameters that are its own."""
    for kind in packaged().kinds.values():
        own = set(kind.parameters) - {"subscriptionId", "resourceGroupName"}
        assert all(NAMES.search(name) for name in (kind.name, *kind.resource_type.split("/")[:2], *own))


def test_an_explanation_may_name_a_kind() -> None:
    """Docstrings and comments name kinds as examples, and help texts may speak of a gallery."""
    assert _kinds_named(ast.parse('"""Like Gallery."""\n# galleries\nhelp = "only in this gallery"')) == []


# What spells the keywords of schemas: their own module, and a list of words that are no names of secrets.
SPELLERS = frozenset({"kinds/annotations.py", "secret/sensitive_names.py"})
ANNOTATION = re.compile(rf"\b({'|'.join(Annotation)})\b")


def test_annotations_are_spelled_in_one_module() -> None:
    """Any other module names a keyword of the schemas by its attribute of *Annotation*."""
    spelling = {path for path, tree in TREES.items() for _, text in _words(tree) if ANNOTATION.search(text)}
    assert spelling == SPELLERS


@pytest.mark.parametrize("name", PURE)
def test_the_functional_core_opens_no_file(name: str) -> None:
    """Stages that take values and return values neither read, write nor print."""
    trees = [tree for path, tree in TREES.items() if path == f"{name}.py" or path.startswith(f"{name}/")]
    assert trees
    called = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    assert called.isdisjoint(OPENERS)


# Where paths meet the file system. What else opens files reads none that a user, CI or a setting names.
ASKERS = frozenset(
    {
        "manifests/files.py",  # manifests, without following a link
        "filesystem.py",  # everything else that is named
        "kinds/packaged.py",  # the package's own schemas
        "manifests/misspelt_regions.py",  # the package's own names of regions
        "emulator/files.py",  # SQLite opens its file by itself
        "report/html/__init__.py",  # the page's own template, style and script
    }
)
ASKING = frozenset(
    {
        *("absolute", "access", "chdir", "chmod", "chown", "cwd", "exists", "expanduser", "fdopen", "fstat", "getcwd"),
        *(
            "getsize",
            "glob",
            "home",
            "is_block_device",
            "is_char_device",
            "is_dir",
            "is_fifo",
            "is_file",
            "is_junction",
        ),
        *("is_mount", "is_socket", "is_symlink", "isdir", "isfile", "islink", "iterdir", "lexists", "link", "link_to"),
        *("listdir", "lstat", "makedirs", "mkdir", "mkdtemp", "mkstemp", "open", "owner", "read_bytes", "read_text"),
        *("readlink", "realpath", "relpath", "rename", "renames", "resolve", "rglob", "rmdir", "rmtree", "samefile"),
        *("scandir", "stat", "symlink", "symlink_to", "touch", "truncate", "unlink", "walk", "which", "write_bytes"),
        *("write_text", "NamedTemporaryFile", "TemporaryDirectory", "TemporaryFile"),
    }
)
# Names of methods that open no file.
OTHER_THINGS = {
    "open": re.compile(r"[A-Z]\w*|os"),  # Transport.open; the null device, for a reader that has gone
    "walk": re.compile(r"ast|root"),
}


def _file_questions(tree: ast.Module) -> list[tuple[int, str]]:
    """Return the calls in code that ask the file system, with their lines."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="open")):
                found.append((node.lineno, "open"))
            case ast.Call(func=ast.Attribute(attr=name, value=owner)) if name in ASKING:
                harmless = OTHER_THINGS.get(name)
                words = ast.unparse(owner)
                if words != "filesystem" and not (harmless and words != "Path" and harmless.fullmatch(words)):
                    found.append((node.lineno, f"{words}.{name}"))
            case _:
                pass
    return found


def test_one_module_asks_the_file_system() -> None:
    """Every odd path has one answer there; elsewhere it has as many as there are callers, and some are a traceback."""
    assert _found(_file_questions, ASKERS.__contains__) == {}


@pytest.mark.parametrize(
    "source",
    [
        "Path(name).exists()",
        "(above / '.git').is_dir()",
        "Path.cwd()",
        "path.resolve()",
        "open(name)",
        "Path.open(name)",
        "os.path.relpath(name)",
        "path.read_text()",
        "os.stat(name)",
        "tempfile.TemporaryFile()",
        "shutil.which('git')",
    ],
)
def test_a_question_is_seen(source: str) -> None:
    """In each of its spellings."""
    assert _file_questions(ast.parse(source))


@pytest.mark.parametrize(
    "source", ["Transport.open(url)", "text.replace('a', 'b')", "filesystem.absolute(path)", "replace(run, paths=())"]
)
def test_what_is_no_question(source: str) -> None:
    """Methods of other things have such names too."""
    assert not _file_questions(ast.parse(source))


RUNNERS = re.compile(
    r"os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?|startfile)|pty\.\w+|asyncio\.create_subprocess_\w+"
)


def _programs_run(tree: ast.Module) -> list[tuple[int, str]]:
    """Return what in code starts a program, with its line."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(name.name.partition(".")[0] == "subprocess" for name in names):
                found.append((node.lineno, "subprocess"))
            case ast.ImportFrom(module="subprocess"):
                found.append((node.lineno, "subprocess"))
            case ast.Attribute() if RUNNERS.fullmatch(ast.unparse(node)):
                found.append((node.lineno, ast.unparse(node)))
            case _:
                pass
    return found


def test_one_module_runs_a_program() -> None:
    """It is git, with what a repository could make of it switched off."""
    assert _found(_programs_run, "history/git.py".__eq__) == {}


@pytest.mark.parametrize(
    "source", ["import subprocess", "from subprocess import run", "os.system(x)", "os.execv(a, b)", "os.posix_spawn(a)"]
)
def test_a_program_is_seen(source: str) -> None:
    """However it is started."""
    assert _programs_run(ast.parse(source))


STATUSES = range(100, 600)
ANSWERS = frozenset({"Refused", "Reply", "json_reply", "Answer"})


def _is_status(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value in STATUSES


def _bare_statuses(tree: ast.Module) -> list[tuple[int, str]]:
    """Return the places in code where an HTTP status is a bare number, with their lines."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.expr() as first, *_]) if name in ANSWERS:
                found += [(node.lineno, ast.unparse(node))] if any(map(_is_status, ast.walk(first))) else []  # type: ignore[arg-type]
            case ast.Compare(left=left, comparators=others) if "status" in ast.unparse(node):
                found += [(node.lineno, ast.unparse(node))] if any(map(_is_status, (left, *others))) else []
            case _:
                pass
    return found


def test_a_status_has_a_name() -> None:
    """HTTPStatus names every status; a bare number says nothing of what an answer means."""
    assert _found(_bare_statuses, lambda _: False) == {}


@pytest.mark.parametrize(
    "source",
    ["answer.status == 404", "200 <= answer.status < 300", "Refused(404, 'x')", "Reply(200 if row else 201)"],
)
def test_a_bare_status_is_seen(source: str) -> None:
    """In comparisons, and in answers of the embedded ARM."""
    assert _bare_statuses(ast.parse(source))


MOST_LINES = 50
MOST_MODULES = 8


def _long_functions(tree: ast.Module) -> list[tuple[int, str]]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [
        (node.lineno, node.name)
        for node in functions
        if node.end_lineno is not None and node.end_lineno - node.lineno >= MOST_LINES
    ]


def test_no_function_is_longer_than_fifty_lines() -> None:
    """Its signature and docstring included."""
    assert _found(_long_functions, lambda _: False) == {}


def test_a_long_function_is_seen() -> None:
    """Of fifty-one lines."""
    source = "def long():\n" + "    pass\n" * MOST_LINES
    assert _long_functions(ast.parse(source)) == [(1, "long")]


def test_few_modules_lie_beside_the_packages() -> None:
    """The listing of the package is a table of contents: one line for each stage."""
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert len(modules) <= MOST_MODULES
