"""
How the service spells regions.

``eastus2`` is sent and ``East US 2`` is answered (azure-sdk-for-net, session record
``GalleryApplicationVersion_CRUD_Tests``, api-version 2022-03-03). The names are those of "List of Azure regions"
(learn.microsoft.com) and of ``az account list-locations``.
"""

from __future__ import annotations

from typing import Final

DISPLAY_NAMES: Final = (
    "Asia", "Asia Pacific", "Australia", "Australia Central", "Australia Central 2", "Australia East",
    "Australia Southeast", "Austria East", "Belgium Central", "Brazil", "Brazil South", "Brazil Southeast", "Brazil US",
    "Canada", "Canada Central", "Canada East", "Central India", "Central US", "Central US EUAP", "Chile Central",
    "China East", "China East 2", "China East 3", "China North", "China North 2", "China North 3", "Denmark East",
    "East Asia", "East US", "East US 2", "East US 2 EUAP", "East US 3", "East US STG", "Europe", "France",
    "France Central", "France South", "Germany", "Germany North", "Germany West Central", "Global", "India",
    "Indonesia Central", "Israel Central", "Italy North", "Japan", "Japan East", "Japan West", "Jio India Central",
    "Jio India West", "Korea", "Korea Central", "Korea South", "Malaysia South", "Malaysia West", "Mexico Central",
    "New Zealand North", "North Central US", "North Europe", "Norway", "Norway East", "Norway West", "Poland Central",
    "Qatar Central", "Singapore", "South Africa", "South Africa North", "South Africa West", "South Central US",
    "South Central US STG", "South India", "Southeast Asia", "Southeast US", "Spain Central", "Sweden Central",
    "Sweden South", "Switzerland", "Switzerland North", "Switzerland West", "Taiwan North", "Taiwan Northwest",
    "UAE Central", "UAE North", "UK South", "UK West", "USDoD Central", "USDoD East", "USGov Arizona", "USGov Texas",
    "USGov Virginia", "United Arab Emirates", "United Kingdom", "United States", "West Central US", "West Europe",
    "West India", "West US", "West US 2", "West US 3",
)  # fmt: skip


def short_name(region: str) -> str:
    """Give the folded spelling: ``East US 2`` and ``eastus2`` are one region."""
    return region.replace(" ", "").lower()


_BY_SHORT_NAME: Final = {short_name(name): name for name in DISPLAY_NAMES}


def display_name(region: str) -> str:
    """Give the service's spelling of *region*; a region that is not in the table comes back as sent."""
    return _BY_SHORT_NAME.get(short_name(region), region)
