"""
Finds a node of a module by what it does.

A selector is a sort of node and words that have to occur in it: ``if paused``, ``operand read_only``, ``call scrub``.
It chooses exactly one node of its function; ``#2`` at its end chooses the second of several.
"""

from __future__ import annotations

import ast
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from tests.planting.errors import StaleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Scope: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.AnnAssign
_SYMBOLS: Final = MappingProxyType(
    {
        ast.Eq: "==",
        ast.NotEq: "!=",
        ast.Lt: "<",
        ast.LtE: "<=",
        ast.Gt: ">",
        ast.GtE: ">=",
        ast.Is: "is",
        ast.IsNot: "is-not",
        ast.In: "in",
        ast.NotIn: "not-in",
        ast.Not: "not",
    }
)


def scope_of(tree: ast.Module, name: str) -> Scope:
    """Return the function, class or constant of a qualified name."""
    scope: Scope = tree
    for part in name.split("."):
        found = [node for node in getattr(scope, "body", []) if part in _defined(node)]
        if len(found) != 1:
            message = f"`{part}` is defined {len(found)} times"
            raise StaleError(message)
        scope = found[0]
    return scope


def _defined(node: ast.AST) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    return {_last(target) for target in _targets(node)}


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return [part for each in node.targets for part in (each.elts if isinstance(each, ast.Tuple) else [each])]
    return [node.target] if isinstance(node, (ast.AnnAssign, ast.AugAssign)) else []


def selected(scope: Scope, selector: str) -> ast.AST:
    """Return the one node that *selector* chooses: the innermost where one that fits holds another."""
    sort, *words = selector.split()
    ordinal = int(words.pop()[1:]) if words and words[-1].startswith("#") else None
    if sort not in SORTS or (ordinal is None and not words and sort != "return"):
        message = f"`{selector}` is no selector: begin with one of {', '.join(SORTS)}, and name what occurs in it"
        raise StaleError(message)
    fitting = [node for head, node in _candidates(scope, sort) if _fits(head, node, words)]
    innermost = [node for node in fitting if not any(each in fitting for each in _below(node))]
    chosen = innermost[ordinal - 1 : ordinal] if ordinal else innermost
    if len(chosen) != 1:
        message = f"`{selector}` chooses {len(chosen)} nodes"
        raise StaleError(message)
    return chosen[0]


def _candidates(scope: Scope, sort: str) -> list[tuple[str | None, ast.AST]]:
    found = [each for node in ast.walk(scope) for each in SORTS[sort](node)]
    return sorted(found, key=lambda each: (getattr(each[1], "lineno", 0), getattr(each[1], "col_offset", 0)))


def _below(node: ast.AST) -> Iterator[ast.AST]:
    return (each for each in ast.walk(node) if each is not node)


def _fits(head: str | None, node: ast.AST, words: list[str]) -> bool:
    rest = words if head is None else words[1:]
    return head in (None, *words[:1]) and {word for each in ast.walk(node) for word in _words(each)}.issuperset(rest)


def _words(node: ast.AST) -> list[str]:
    if isinstance(node, (ast.Name, ast.Attribute)):
        return [_last(node)]
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.keyword):
        return [node.arg or "**"]
    return [_SYMBOLS[type(node)]] if type(node) in _SYMBOLS else []


def _last(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


_Candidates: TypeAlias = "list[tuple[str | None, ast.AST]]"


def _conditions(node: ast.AST) -> _Candidates:
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        return [(None, node.test)]
    return [(None, test) for test in node.ifs] if isinstance(node, ast.comprehension) else []


def _named(node: ast.AST) -> _Candidates:
    is_read = isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
    return [(_last(node), node)] if is_read else []


def _assigned(node: ast.AST) -> _Candidates:
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) else None
    return [(_last(each), value) for each in _targets(node)] if value is not None else []


def _entries(node: ast.AST) -> _Candidates:
    if not isinstance(node, ast.Dict):
        return []
    return [
        (str(key.value), value)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant)
    ]


SORTS: Final[MappingProxyType[str, Callable[[ast.AST], _Candidates]]] = MappingProxyType(
    {
        "if": _conditions,
        "operand": lambda node: [(None, each) for each in node.values] if isinstance(node, ast.BoolOp) else [],
        "compare": lambda node: [(None, node)] if isinstance(node, ast.Compare) else [],
        "call": lambda node: [(_last(node.func), node)] if isinstance(node, ast.Call) else [],
        "argument": lambda node: [(node.arg, node.value)] if isinstance(node, ast.keyword) else [],
        "assign": _assigned,
        "entry": _entries,
        "constant": lambda node: [(str(node.value), node)] if isinstance(node, ast.Constant) else [],
        "name": _named,
        "return": lambda node: [(None, node.value)] if isinstance(node, ast.Return) and node.value else [],
        "raise": lambda node: [(None, node)] if isinstance(node, ast.Raise) else [],
    }
)
"""What of a node each sort of selector chooses, and the name that its first word has to be, if there is one."""
