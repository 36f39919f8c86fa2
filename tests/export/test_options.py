"""The options of an export that choose by name."""

from __future__ import annotations

import pytest

from reconciler.export.options import NameOption, name_options, patterns
from reconciler.kinds.kind import compile_kind
from reconciler.kinds.packaged import packaged
from tests.kit.synthetic import schema

OPTIONS = name_options(packaged().kinds.values())


def test_a_kind_brings_its_option() -> None:
    """A schema is enough: its option is for the last parameter of its URL."""
    new = compile_kind({**schema(), "x-export": {"option": "widget", "help": "Only this widget."}})
    assert name_options([compile_kind(schema("Plain")), new]) == (
        NameOption("widget", "widgetName", "Only this widget."),
    )


def test_the_options_of_the_command() -> None:
    """They are part of its contract."""
    assert [option.name for option in OPTIONS] == ["gallery", "application", "script", "definition"]
    assert len({option.parameter for option in OPTIONS}) == len(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: str(option.name))
def test_a_pattern_is_for_the_parameter_of_its_option(option: NameOption) -> None:
    """An option that was not given chooses nothing."""
    values = dict.fromkeys(each.name for each in OPTIONS)
    assert patterns(OPTIONS, values) == {}
    assert patterns(OPTIONS, {**values, option.name: "a*"}) == {option.parameter: "a*"}
