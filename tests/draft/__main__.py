"""
Drafts the schema of a new kind: ``python -m tests.draft KIND --sdk PACKAGE`` or ``--openapi FILE``.

The draft goes to standard output, and the properties that are left to decide on to standard error.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from reconciler.kinds.packaged import packaged
from tests.draft import openapi, sdk
from tests.draft.schema import as_text, draft, undecided


def main() -> None:
    """Write the draft that the command line names."""
    parser = ArgumentParser(prog="python -m tests.draft", description="Draft the schema of a new kind.")
    parser.add_argument("kind", help="name of the kind, which is that of the model or definition")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--sdk", metavar="PACKAGE", help="package of the SDK, such as azure.mgmt.compute")
    source.add_argument("--openapi", metavar="FILE", type=Path, help="OpenAPI document of azure-rest-api-specs")
    parser.add_argument("--url", help="URL of the resource, with {parameters}, where none is found")
    parser.add_argument("--api-version", help="where it is not that of the package or document")
    given = parser.parse_args()
    reader = sdk if given.sdk else openapi
    where = given.sdk or given.openapi
    try:
        url, version = (
            (given.url, given.api_version) if given.url and given.api_version else reader.find_url(where, given.kind)
        )
    except LookupError as error:
        parser.error(str(error))
    described = reader.describe(where, given.kind)
    known = {name: kind for name, kind in packaged().kinds.items() if name != given.kind}
    sys.stdout.write(as_text(draft(given.kind, described, given.url or url, given.api_version or version, known)))
    left = "".join(f"  {path}\n" for path in undecided(described))
    sys.stderr.write(f"left to decide (class, default, spelling, severity; keys and types of lists):\n{left}")


if __name__ == "__main__":
    main()
