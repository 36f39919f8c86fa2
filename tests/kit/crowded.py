"""A process that has room for no resource as it is: all are packed, and an estate is cut as finely as it can be."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from reconciler.manifests import load, partition

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def crowded() -> Iterator[None]:
    """Have no room while the context lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "ROOM", -1)
        patch.setattr(partition.in_parts, "__defaults__", (1,))
        yield
