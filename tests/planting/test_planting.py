"""Each selector finds its node, each operator breaks it, and what has moved away is an error."""

from __future__ import annotations

import ast
import json
from dataclasses import replace

import pytest

from tests.kit.repository import ROOT
from tests.mutation.check import read_mutants
from tests.planting import operators, schema
from tests.planting.errors import StaleError
from tests.planting.mutant import Mutant, read, stale
from tests.planting.nodes import SORTS
from tests.simulation.bugs import read_bugs

EVERY = (*read_mutants()[0], *read_bugs())
CODE = '''
LIMIT: int = 3


class Judge:
    def decide(self, rule, live):
        """Choose."""
        level: int
        name, size = live.name, live.size
        if rule.paused and (live.failed or live.size > LIMIT):
            return Verdict(name.lower(), size, forced=True)
        if live.settled:
            raise Stop(size)
        found = {"old": name, **rule.more}
        return [each for each in found if each.known] or self.decide(rule, live)
'''
SCHEMA = {
    "x-arm": {"put": "merge", "a/b": {"c": [{"d": 1}]}},
    "properties": {
        "spec": {
            "properties": {
                "location": {"x-normalize": "region"},
                "regions": {"items": {"$ref": "#/$defs/region"}},
            }
        }
    },
    "$defs": {"region": {"properties": {"count": {"default": 1}}}},
}


def kept(changed: str) -> list[str]:
    """Return the lines of a changed module that the module does not have."""
    before = ast.unparse(ast.parse(CODE)).splitlines()
    return [line.strip() for line in changed.splitlines() if line not in before]


@pytest.mark.parametrize(
    ("select", "operator", "to", "line"),
    [
        ("if paused", "never", "", "if False:"),
        ("if settled", "always", "", "if True:"),
        ("if known", "negate", "", "return [each for each in found if not each.known] or self.decide(rule, live)"),
        ("operand paused", "drop", "", "if (live.failed or live.size > LIMIT):"),
        ("operand failed", "drop", "", "if rule.paused and (live.size > LIMIT):"),
        ("operand failed LIMIT", "negate", "", "if rule.paused and (not (live.failed or live.size > LIMIT)):"),
        ("compare > LIMIT", "replace", "live.size >= 9", "if rule.paused and (live.failed or live.size >= 9):"),
        ("call lower", "unwrap", "", "return Verdict(name, size, forced=True)"),
        ("call Verdict", "unwrap", "", "return name.lower()"),
        ("argument forced", "never", "", "return Verdict(name.lower(), size, forced=False)"),
        ("assign size", "wrap", "f'{_}'", "name, size = f'{(live.name, live.size)}'"),
        ("entry old", "wrap", "_ or size", "found = {'old': name or size, **rule.more}"),
        ("constant old", "replace", "'new'", "found = {'new': name, **rule.more}"),
        ("name size #2", "replace", "1", "if rule.paused and (live.failed or 1 > LIMIT):"),
        ("return Verdict", "replace", "None", "return None"),
        ("raise Stop", "drop", "", "pass"),
        ("return Verdict", "insert", "rule.seen()", "rule.seen()"),
    ],
)
def test_an_operator_changes_the_node_that_a_selector_chooses(select: str, operator: str, to: str, line: str) -> None:
    """And nothing else."""
    assert kept(operators.changed(CODE, "Judge.decide", select, operator, to)) == [line]


def test_two_statements_trade_places() -> None:
    """Each with all that it holds; the last one has none to trade with."""
    after = operators.changed(CODE, "Judge.decide", "if paused", "swap", "")
    assert after.index("live.settled") < after.index("rule.paused")
    assert kept(after) == []
    with pytest.raises(StaleError, match="no statement follows"):
        operators.changed(CODE, "Judge.decide", "return decide", "swap", "")


def test_a_constant_of_a_module_has_a_name_too() -> None:
    """Its value is what changes."""
    assert kept(operators.changed(CODE, "LIMIT", "constant 3", "replace", "4")) == ["LIMIT: int = 4"]


@pytest.mark.parametrize(
    ("name", "select", "operator", "to"),
    [
        ("Judge.missing", "if paused", "never", ""),
        ("Judge.decide", "if nothing", "never", ""),
        ("Judge.decide", "name size", "never", ""),
        ("Judge.decide", "name size #9", "never", ""),
        ("Judge.decide", "while paused", "never", ""),
        ("Judge.decide", "if", "never", ""),
        ("Judge.decide", "if paused", "break", ""),
        ("Judge.decide", "if paused", "unwrap", ""),
        ("Judge.decide", "argument forced", "always", ""),
    ],
)
def test_a_stale_place_in_code_is_an_error(name: str, select: str, operator: str, to: str) -> None:
    """No function, no node, several nodes, no such sort or operator, or no difference."""
    with pytest.raises(StaleError):
        operators.changed(CODE, name, select, operator, to)


@pytest.mark.parametrize(
    ("path", "operator", "key", "to", "find"),
    [
        ("location", "remove", "x-normalize", "", lambda s: s["properties"]["spec"]["properties"]["location"] == {}),
        ("/x-arm", "set", "put", "replace", lambda s: s["x-arm"]["put"] == "replace"),
        ("/x-arm/a~1b/c/0", "remove", "d", "", lambda s: s["x-arm"]["a/b"] == {"c": [{}]}),
        (
            "regions[].count",
            "set",
            "default",
            True,
            lambda s: s["$defs"]["region"]["properties"]["count"]["default"] is True,
        ),
    ],
)
def test_a_keyword_of_a_schema_is_found_by_path(path: str, operator: str, key: str, to: object, find: object) -> None:
    """By property path, through references, or by JSON pointer."""
    assert callable(find)
    assert find(json.loads(schema.changed(json.dumps(SCHEMA), path, operator, key, to)))


@pytest.mark.parametrize(
    ("path", "operator", "key", "to"),
    [
        ("nowhere", "remove", "x-normalize", ""),
        ("location", "remove", "x-other", ""),
        ("location", "set", "x-normalize", "region"),
        ("location", "break", "x-normalize", ""),
        ("/x-arm/put", "remove", "x", ""),
        ("/x-arm/a~1b/c/5", "remove", "d", ""),
    ],
)
def test_a_stale_place_in_a_schema_is_an_error(path: str, operator: str, key: str, to: object) -> None:
    """No such property or keyword, or no difference."""
    with pytest.raises(StaleError):
        schema.changed(json.dumps(SCHEMA), path, operator, key, to)


def test_both_ways_to_write_a_place_mean_the_same() -> None:
    """Dotted, or as a path; of a package too."""
    dotted = Mutant("m", "it", "reconciler.plan.decide:decide", "never", "if Absent")
    path = replace(dotted, at="reconciler/plan/decide.py:decide")
    assert (
        (dotted.file, dotted.module)
        == (path.file, path.module)
        == ("reconciler/plan/decide.py", "reconciler.plan.decide")
    )
    package = replace(dotted, at="reconciler.report:text")
    assert (package.file, package.module) == ("reconciler/report/__init__.py", "reconciler.report")


def test_all_that_is_stale_is_told_at_once() -> None:
    """By name: no such file, and no such function."""
    text = """
[[mutant]]
name = "no-file"
breaks = "it"
at = "reconciler.nowhere:decide"
select = "if paused"
operator = "never"

[[mutant]]
name = "no-function"
breaks = "it"
at = "reconciler.plan.decide:nothing"
select = "if paused"
operator = "never"
"""
    assert [each.partition(":")[0] for each in stale(read(text))] == ["no-file", "no-function"]


def test_every_sort_and_operator_is_in_use() -> None:
    """What no mutant needs is not kept."""
    code = [mutant for mutant in EVERY if not mutant.is_schema]
    assert {mutant.select.partition(" ")[0] for mutant in code} == set(SORTS)
    assert {mutant.operator for mutant in code} == set(operators.OPERATORS)


@pytest.mark.parametrize("file", sorted({mutant.file for mutant in EVERY if not mutant.is_schema}))
def test_only_the_node_is_changed(file: str) -> None:
    """A module is written anew from its tree, which means what the module means."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert ast.dump(ast.parse(ast.unparse(tree))) == ast.dump(tree)
