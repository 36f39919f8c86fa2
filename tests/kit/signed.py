"""Files that carry a digest of themselves, as saved plans and snapshots do."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from reconciler.kinds.normal_forms import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping


def sign(content: Mapping[str, Any]) -> bytes:
    """Return the file of *content* with a right digest, also of wrong content."""
    content = {key: value for key, value in content.items() if key != "digest"}
    return json.dumps({**content, "digest": hashlib.sha256(canonical(content).encode()).hexdigest()}).encode()
