"""Where the versions of an application are: region by region."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """
    One region of a resource.

    Attributes:
        name: As Azure spells it, or the manifest where nothing is live.
        is_latest: Whether machines there that ask for the latest version get this one.
        state: Of the copies there; None where it was not read.
        is_excluded: Whether the version can never be the latest one there.
    """

    name: str
    is_latest: bool = False
    state: str | None = None
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """
    A version of an application.

    Attributes:
        id: Of the version.
        parent: Id of the application.
        number: As Azure spells it, else as the manifest does.
        regions: Of the live version; of the manifest where there is none.
        is_live: Whether Azure has it.
    """

    id: str
    parent: str
    number: str
    regions: tuple[Region, ...] = ()
    is_live: bool = True
