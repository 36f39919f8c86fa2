"""
Digests of the content that Azure never returns, one for each field, as the text of a tag. Pure.

``v2`` names the fields, so that a plan can name the one that changed. ``v1``, which is still read, was one digest of
all fields together.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.normal_forms import canonical, normalize
from reconciler.kinds.paths import get
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.kinds.kind import Kind
    from reconciler.kinds.rules import Rule
    from reconciler.values import JsonObject

_PACKAGE: Final = "package-sha256"
_HEX_DIGITS: Final = 32
_V1: Final = re.compile(r"v1-[0-9a-f]{64}")
_V2: Final = re.compile(r"v2(?: [A-Za-z0-9_-]+=[0-9a-f]{32})+")
_STAMP: Final = "_generator"


@dataclass(frozen=True, slots=True)
class ContentDigest:
    """
    The digests of the write-only content that a manifest declares.

    Attributes:
        fields: Digest by the last step of the field's path, in the order of the schema.
        packages: The fields that are links to a package.
        package: The package's own checksum, as far as it is recorded; None if the manifest has none.
        legacy: The text of version 1 for the same content.
    """

    fields: Mapping[str, str]
    packages: frozenset[str]
    package: str | None
    legacy: str

    @property
    def tag(self) -> str:
        """The text to record."""
        parts = {**self.fields, **({_PACKAGE: self.package} if self.package else {})}
        return " ".join(("v2", *(f"{name}={value}" for name, value in parts.items())))

    def moved(self, recorded: str | None) -> frozenset[str] | None:
        """
        Return the fields whose content differs from the recorded one; None if nothing is recorded.

        Args:
            recorded: The text of the tag; None if there is none.
        """
        if recorded is not None and _V1.fullmatch(recorded):
            return frozenset() if recorded == self.legacy else frozenset(self.fields)
        known = recorded_fields(recorded)
        if not known:
            return None
        moved = frozenset(name for name, value in self.fields.items() if known.get(name) != value)
        return moved if known.get(_PACKAGE) == self.package else moved | (self.packages or frozenset(self.fields))


def recorded_fields(recorded: str | None) -> Mapping[str, str]:
    """Return the digests in a tag of version 2, by field; none for any other text."""
    if recorded is None or not _V2.fullmatch(recorded):
        return {}
    parts = [part.split("=") for part in recorded.split(" ")[1:]]
    fields = {part[0]: part[1] for part in parts}
    return fields if len(fields) == len(parts) else {}


def content_digest(kind: Kind, body: JsonObject, package_sha256: str | None) -> ContentDigest | None:
    """
    Return the digests of the write-only content that *body* declares; None where it declares none.

    Args:
        kind: Says which properties are write-only, and how they are spelled.
        body: The request body as declared. Query parts of links do not count.
        package_sha256: The package's own checksum where the manifest gives one, so that a new file under an old link is
            seen.
    """
    content = list(_content(kind, body))
    if not content:
        return None
    whole = {".".join(path): value for path, _, value in content}
    checksum = package_sha256.lower() if package_sha256 else None
    if checksum:
        whole[_PACKAGE] = checksum
    return ContentDigest(
        fields=MappingProxyType(
            {path[-1]: _sha256(_lasting(rule, value))[:_HEX_DIGITS] for path, rule, value in content}
        ),
        packages=frozenset(path[-1] for path, rule, _ in content if rule.normalize == "blob-url"),
        package=checksum[:_HEX_DIGITS] if checksum else None,
        legacy=f"v1-{_sha256(whole)}",
    )


def _content(kind: Kind, body: JsonObject) -> Iterator[tuple[tuple[str, ...], Rule, Any]]:
    for path in kind.write_only_paths:
        value = get(body, path)
        if value is not MISSING and value is not None:
            rule = kind.rules.at(path)
            yield path, rule, normalize(rule.normalize, value)


def _sha256(value: Any) -> str:
    import hashlib  # noqa: PLC0415 (slow to import, and few kinds have such content)

    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def _lasting(rule: Rule, value: Any) -> Any:
    """Return a template without the stamps of its compiler, which differ between releases for the same source."""
    text = canonical(value) if rule.normalize == "json" else ""
    return json.loads(text, object_hook=_without_stamp) if _STAMP in text else value  # as deep as JSON can be read


def _without_stamp(template: dict[str, Any]) -> dict[str, Any]:
    metadata = template.get("metadata")
    if isinstance(metadata, dict) and _STAMP in metadata:
        rest = {name: item for name, item in metadata.items() if name != _STAMP}
        # The compiler adds the object itself where the source has no metadata.
        return {
            **{name: item for name, item in template.items() if name != "metadata"},
            **({"metadata": rest} if rest else {}),
        }
    return template
