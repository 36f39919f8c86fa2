"""What import contracts cannot say: the engine names no kind, and the functional core opens no file."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "reconciler"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "emulator" not in path.relative_to(PACKAGE).parts)

# Kinds as manifests write them and types as ARM writes them. "gallery" alone is a word that help texts may use.
NAMES = re.compile(
    r"\b(GalleryApplicationVersion|GalleryApplication|ApplicationDefinition|Gallery)\b"
    r"|(?i:\b(applicationDefinitions|galleries|Microsoft\.Compute|Microsoft\.Solutions)\b)"
)

PURE = (
    "body",
    "diff",
    "explain",
    "export",
    "leaves",
    "model",
    "normalize",
    "paths",
    "plan",
    "resolve",
    "rules",
    "spelling",
    "tracking",
    "validate",
    "yaml_text",
)
OPENERS = frozenset({"open", "read_text", "read_bytes", "write_text", "write_bytes", "print", "input"})


def _explaining(tree: ast.Module) -> Iterator[ast.expr]:
    """Give docstrings and other texts that stand alone: nothing reads them."""
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))


def _words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give every identifier and text in code, with its line."""
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


def _kinds_named(source: str) -> list[tuple[int, str]]:
    return [(line, text) for line, text in _words(ast.parse(source)) if NAMES.search(text)]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_names_a_kind(module: Path) -> None:
    """A new kind is one schema: the engine cannot know any of them by name."""
    assert _kinds_named(module.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'if kind.name == "GalleryApplicationVersion": pass',
        'url = f"/providers/Microsoft.Compute/galleries/{name}"',
        'TYPES = {b"microsoft.solutions/applicationdefinitions": 1}',
        "class Gallery: pass",
        "kind = kinds.ApplicationDefinition",
        "from somewhere import GalleryApplication",
    ],
)
def test_a_named_kind_is_seen(source: str) -> None:
    """The look-out sees names in texts of all sorts and in identifiers."""
    assert _kinds_named(source)


def test_an_explanation_may_name_a_kind() -> None:
    """Docstrings and comments name kinds as examples, and help texts may speak of a gallery."""
    assert _kinds_named('"""Like Gallery."""\n# galleries\nhelp = "only in this gallery"') == []


@pytest.mark.parametrize("name", PURE)
def test_the_functional_core_opens_no_file(name: str) -> None:
    """Stages that take values and return values neither read, write nor print."""
    tree = ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))
    called = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    assert called.isdisjoint(OPENERS)
