"""Chooses the names of manifests, and the paths of the files that an export writes. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Final

from reconciler.kinds.normal_forms import normalize
from reconciler.manifests.files import PASSED_OVER
from reconciler.manifests.resolve import depth_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.export.found import Found
    from reconciler.kinds.kind import Kind

_LONGEST_NAME: Final = 253
_LONGEST_LABEL: Final = 100
_UNUSUAL: Final = re.compile(r"[^\w.()-]+")
_SHELL: Final = re.compile(r"#![^\n]*\b(?:ba|da|k|z)?sh\b")


class Paths:
    """The files of an export: texts by path, no two of which differ by case only."""

    def __init__(self) -> None:
        """Begin without any file."""
        self.texts: dict[str, str] = {}
        self._taken: set[str] = set()

    def manifest(self, item: Found) -> str:
        """Return the path of a manifest, in folders that are nested as the resources are."""
        values = [_clean(item.params[name]) for name in item.kind.parameters]
        own = item.kind.resource_type.count("/")  # how many of them are below the resource group
        group = item.kind.resource_type.split("/")[1]
        return self._free("/".join([*values[1:-own], group, *values[-own:]]), ".yaml")

    def text(self, manifest: str, labels: Sequence[str], text: str) -> str:
        """Add a file for *text*, and return its path from the manifest's folder."""
        folder, _, file = manifest.rpartition("/")
        kind, suffix = _sort_of(text)
        stem = _clean("-".join(map(_clean, labels)))[:_LONGEST_LABEL]
        path = self._free(f"{folder}/{kind}/{file.removesuffix('.yaml')}-{stem}", suffix)
        self.texts[path] = f"{text}\n"  # one final line end is dropped in reading
        return path.removeprefix(f"{folder}/")

    def _free(self, stem: str, suffix: str) -> str:
        taken = (f"{stem}{f'-{number}' if number > 1 else ''}{suffix}" for number in count(1))
        path = next(path for path in taken if path.casefold() not in self._taken)
        self._taken.add(path.casefold())
        return path


def _sort_of(text: str) -> tuple[str, str]:
    """Return the folder and the suffix of a text."""
    if _SHELL.match(text):
        return "scripts", ".sh"
    if text.startswith("#!"):
        return "scripts", ""
    return "texts", ".json" if isinstance(normalize("json", text), Mapping) else ".txt"


def _clean(name: str) -> str:
    """Return a name as part of a path that loading finds: without separators, not hidden, not an ignored file."""
    name = _UNUSUAL.sub("-", name)
    return f"_{name}" if name.startswith(".") or f"{name}.yaml" in PASSED_OVER else name


def names_of(found: Sequence[Found], kinds: Mapping[str, Kind], addresses: frozenset[str]) -> dict[str, str]:
    """Return ``metadata.name`` by folded id: the resource's own name, after as many parents as make it unique."""
    names: dict[str, str] = {}
    for kind in kinds.values():
        prefix = f"{kind.name}/".casefold()
        taken = {address.removeprefix(prefix) for address in addresses if address.startswith(prefix)}
        waiting = [(item.key, [item.params[name] for name in kind.parameters]) for item in found if item.kind is kind]
        for length in range(max(1, depth_of(kind, kinds)), len(kind.parameters) + 1):
            named = [(key, values, "-".join(values[-length:])) for key, values in waiting]
            often = Counter(name.casefold() for _, _, name in named)
            fitting = {key: name for key, _, name in named if often[name.casefold()] == 1 and _is_free(name, taken)}
            names |= fitting
            taken |= {name.casefold() for name in fitting.values()}
            waiting = [(key, values) for key, values in waiting if key not in fitting]
        for key, values in waiting:
            stem = "-".join(values)[: _LONGEST_NAME - 8]
            names[key] = next(name for number in count(2) if _is_free(name := f"{stem}-{number}", taken))
            taken.add(names[key].casefold())
    return names


def _is_free(name: str, taken: set[str]) -> bool:
    return len(name) <= _LONGEST_NAME and name.casefold() not in taken
