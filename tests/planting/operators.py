"""Changes one node of a module on its syntax tree, as an operator says."""

from __future__ import annotations

import ast
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tests.planting.errors import StaleError
from tests.planting.nodes import scope_of, selected

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.planting.nodes import Scope


def changed(text: str, name: str, selector: str, operator: str, to: str) -> str:
    """
    Return the text of a module with one node changed. Comments and layout are lost.

    Args:
        text: The module.
        name: Qualified name of the function, or of the constant, that holds the node.
        selector: Which node.
        operator: How it changes.
        to: Code in its place, for the operators that take some.

    Raises:
        StaleError: The selector does not choose exactly one node, or the change makes no difference.
    """
    tree = ast.parse(text)
    before = ast.unparse(tree)
    scope = scope_of(tree, name)
    if operator not in OPERATORS:
        message = f"`{operator}` is no operator: use one of {', '.join(OPERATORS)}"
        raise StaleError(message)
    OPERATORS[operator](_Place(scope, selected(scope, selector)), to)
    after = ast.unparse(ast.fix_missing_locations(tree))
    if after == before:
        message = "it changes nothing"
        raise StaleError(message)
    return after


class _Place:
    """A chosen node, and where it stands."""

    def __init__(self, scope: Scope, node: ast.AST) -> None:
        self.node = node
        self._parents = {child: each for each in ast.walk(scope) for child in ast.iter_child_nodes(each)}

    @property
    def parent(self) -> ast.AST:
        return self._parents[self.node]

    def put(self, *new: ast.AST) -> None:
        """Put other nodes, or one other node, in the place of this one."""
        for name, value in ast.iter_fields(self.parent):
            if isinstance(value, list) and self.node in value:
                at = value.index(self.node)
                value[at : at + 1] = new
            elif value is self.node:
                setattr(self.parent, name, new[0])

    def statement(self) -> _Place:
        """Return the statement that the node stands in."""
        while not isinstance(self.node, ast.stmt):
            self.node = self.parent
        return self

    def next(self) -> ast.AST:
        """Return the statement after this one."""
        for _, value in ast.iter_fields(self.parent):
            if isinstance(value, list) and self.node in value[:-1]:
                after: ast.AST = value[value.index(self.node) + 1]
                return after
        message = "no statement follows"
        raise StaleError(message)


def _drop(place: _Place, _: str) -> None:
    """Leave out an operand of ``and`` and ``or``, else the whole statement."""
    if isinstance(place.parent, ast.BoolOp):
        place.put()
    else:
        place.statement().put(ast.Pass())


def _unwrap(place: _Place, _: str) -> None:
    """Put in the place of a call what a method is called on, or the first argument of a function."""
    call = place.node
    if not isinstance(call, ast.Call):
        message = "only a call can be unwrapped"
        raise StaleError(message)
    place.put(call.func.value if isinstance(call.func, ast.Attribute) else call.args[0])


def _replace(place: _Place, to: str) -> None:
    place.put(_expression(to))


def _wrap(place: _Place, to: str) -> None:
    """Put in the place of a node code in which ``_`` stands for it."""
    node = place.node

    class Filled(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.AST:
            return node if name.id == "_" else name

    place.put(Filled().visit(_expression(to)))


def _insert(place: _Place, to: str) -> None:
    statement = place.statement()
    statement.put(*ast.parse(to).body, statement.node)


def _swap(place: _Place, _: str) -> None:
    statement = place.statement()
    after = statement.next()
    for _name, value in ast.iter_fields(statement.parent):
        if isinstance(value, list) and after in value:
            value.remove(after)
            value.insert(value.index(statement.node), after)


def _expression(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body


OPERATORS: Final[MappingProxyType[str, Callable[[_Place, str], None]]] = MappingProxyType(
    {
        "never": lambda place, _: place.put(ast.Constant(value=False)),
        "always": lambda place, _: place.put(ast.Constant(value=True)),
        "negate": lambda place, _: _wrap(place, "not _"),
        "drop": _drop,
        "unwrap": _unwrap,
        "replace": _replace,
        "wrap": _wrap,
        "insert": _insert,
        "swap": _swap,
    }
)
