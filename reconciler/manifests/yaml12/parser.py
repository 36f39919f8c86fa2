"""The one of PyYAML's two parsers that is used, and the types of its events."""

from __future__ import annotations

from typing import Any, TypeAlias

import yaml

PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Only for its event stream: as a loader it dies of a signal on nested brackets, and keeps duplicate keys silently."""

Event: TypeAlias = Any
Mark: TypeAlias = Any
"""Untyped in PyYAML, or typed as if every mark could be missing: both parsers set all of them."""
