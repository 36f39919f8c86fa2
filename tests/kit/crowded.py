"""A process that has room for no resource as it is: all are packed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from reconciler.manifests import load

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def crowded() -> Iterator[None]:
    """Have no room while the context lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "ROOM", -1)
        yield
