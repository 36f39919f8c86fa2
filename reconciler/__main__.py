"""``python -m reconciler``: the same as the command."""

import sys

from reconciler.cli.front import main

sys.exit(main())
