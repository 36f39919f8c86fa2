"""The HTTP seam, for any service."""

import sys

# The library imports its own command line, with all that draws on a terminal, unless that cannot be imported.
if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment] # what the import system reads as "there is none"
