"""Settings of the embedded ARM. Reads no environment: the program's own settings module does that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VersionError: TypeAlias = Literal[
    "NoRegisteredProviderFound", "InvalidApiVersionParameter", "UnsupportedApiVersion", "InvalidResourceType"
]


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """
    The choices of one emulator.

    Attributes:
        state: The SQLite file; None keeps everything in memory.
        latency_ms: Added to every request.
        page_size: Most items of one page of a list.
        operation_seconds: How long a long operation takes.
        media_link: ``whole`` returns package links as sent, as recorded in 2022; ``stripped`` without their query
            part, as users report since 2026.
        strict_groups: Resource groups must have been created with a PUT; otherwise they exist on first use.
        sharing: Whether a gallery's sharing ``changes`` by a PUT, as recorded in 2022 and 2023, or is ``fixed``.
        soft_delete: Whether a PUT may carry ``softDeletePolicy`` (``taken``); ``refused`` is a subscription without the
            feature, although its galleries return one.
        server_fields: Which answers about a definition carry the server's own fields: ``none``, those to ``writes`` as
            recorded since 2023, or ``all``.
        empty_text: Whether ``""`` in optional text is ``kept`` and answered, or ``dropped``: not known of Azure.
        public_name: Whether the prefix of a public gallery's name is answered (``prefix``, since 2023), or the complete
            only ``names``, as recorded in 2022.
        newest: The newest api-version that the cloud knows, by resource type; a type covers those below it, and an
            empty one covers all. The cloud knows every version of the schemas where none fits.
        version_error: The code of the refusal of an api-version that the cloud does not know; Azure has all of them.
        newer_fields: Whether a PUT of an older api-version leaves properties of newer ones as they are (``kept``), or
            removes them (``dropped``): not known of Azure.
        packages: Whether package links lead to ``public`` blobs, or to ``private`` ones, which need a signature or a
            gallery with an identity.
        seed: The JSON file of the machines and scale sets that Resource Graph knows; None for none.
        staleness_seconds: How long Resource Graph does not know of an entry of that file after its ``since``.
        throttle: Requests beyond ARM's and the Compute provider's limits get 429; otherwise the headers show full
            buckets.
        max_body_bytes: Larger request bodies get 413.
    """

    state: Path | None = None
    latency_ms: float = 0
    page_size: int = 100
    operation_seconds: float = 0.5
    media_link: Literal["whole", "stripped"] = "whole"
    strict_groups: bool = False
    sharing: Literal["changes", "fixed"] = "changes"
    soft_delete: Literal["taken", "refused"] = "taken"
    server_fields: Literal["none", "writes", "all"] = "none"
    empty_text: Literal["kept", "dropped"] = "kept"
    public_name: Literal["prefix", "names"] = "prefix"
    newest: Mapping[str, str] = field(default_factory=dict)
    version_error: VersionError = "NoRegisteredProviderFound"
    newer_fields: Literal["kept", "dropped"] = "kept"
    packages: Literal["public", "private"] = "public"
    seed: Path | None = None
    staleness_seconds: float = 0
    throttle: bool = False
    max_body_bytes: int = 4 * 1024 * 1024
