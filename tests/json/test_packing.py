"""Values packed small: each comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.json.packing import Press
from reconciler.secret.text import Secret

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(st.lists(VALUES, max_size=30))
def test_each_value_comes_back(values: list[Any]) -> None:
    """In any order, whichever pattern it was packed by, and with the order of its keys."""
    press = Press()
    packed = [press.pack(value) for value in values]
    for value, each in reversed(list(zip(values, packed, strict=True))):
        assert repr(press.unpack(each)) == repr(value)


def test_alike_values_are_small() -> None:
    """Also after values of another shape, which came first."""
    press = Press()
    other = press.pack({"name": "first", "tags": list(range(100))})
    alike = [{"id": f"/subscriptions/{n}/galleries/tools", "script": "set -eu\n" * n, "n": n} for n in range(100)]
    sizes = [len(press.pack(value)) for value in alike]
    assert max(sizes[10:]) < 60
    assert press.unpack(other)["name"] == "first"


@pytest.mark.parametrize("value", [Secret("x"), {"a": [Secret("x")]}, object(), {1: type("Text", (str,), {})("x")}])
def test_what_is_not_plain_is_refused(value: Any) -> None:
    """So nothing comes back as another type than it had."""
    with pytest.raises(ValueError, match="unmarshallable"):
        Press().pack(value)
