"""
How the service spells regions.

``eastus2`` is sent and ``East US 2`` is answered (azure-sdk-for-net, session record
``GalleryApplicationVersion_CRUD_Tests``, api-version 2022-03-03). The names are data, with their
source: ``reconciler/manifests/regions.json``.
"""

from __future__ import annotations

from typing import Final

from reconciler.manifests.misspelt_regions import geographies, known_regions

DISPLAY_NAMES: Final = (*known_regions().values(), *geographies().values())


def short_name(region: str) -> str:
    """Return the folded spelling: ``East US 2`` and ``eastus2`` are one region."""
    return region.replace(" ", "").lower()


def display_name(region: str) -> str:
    """Return the service's spelling of *region*; a region that is not in the table comes back as sent."""
    short = short_name(region)
    return known_regions().get(short) or geographies().get(short, region)
