"""Sources of the declared resources: files with the ids that git gives to their content, and folders."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from reconciler.json.packing import Press

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator


@dataclass(frozen=True, slots=True)
class Sources:
    """
    Files and folders that were read.

    Attributes:
        files: By path from the root of the file system, without links: the ids of the content, as of :func:`blob_ids`.
        folders: Walked for manifests.
        stdin: Whether standard input was read, which is of no commit.
        config: The project file, which may be elsewhere; as *files*.
        texts: By the path of a manifest, the files that it names, in the same form.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    stdin: bool = False
    config: Mapping[str, bytes] = field(default_factory=dict)
    texts: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def packed(self) -> Sources:
        """Return the same, where many are held: few of them are asked for again, and then all together."""
        return replace(self, files=_Packed(self.files)) if len(self.files) > _MANY else self

    def __or__(self, other: Sources) -> Sources:
        return Sources(
            files={**self.files, **other.files},
            folders=self.folders | other.folders,
            stdin=self.stdin or other.stdin,
            config={**self.config, **other.config},
            texts={**self.texts, **other.texts},
        )


class _Packed(Mapping[str, bytes]):
    """Files in packed blocks, for going through them; a single one is looked for in all."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._press = Press()
        self._size = len(files)
        rest = iter(files.items())
        self._blocks = []
        while block := list(islice(rest, _BLOCK)):
            self._blocks.append(self._press.pack(block))

    def __iter__(self) -> Iterator[str]:
        return (path for path, _ in self.items())

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, wanted: str) -> bytes:
        for path, ids in self.items():
            if path == wanted:
                return ids
        raise KeyError(wanted)

    def items(self) -> ItemsView[str, bytes]:
        """Return all of them, unpacked."""
        return {path: ids for block in self._blocks for path, ids in self._press.unpack(block)}.items()


_MANY: Final = 1000
_BLOCK: Final = 256
_SHORT: Final = 20
"""Bytes of an id in a repository of the older format."""
_LONG: Final = 32


def blob_ids(content: bytes) -> bytes:
    """
    Return the ids that git gives to *content* in a repository of either format, without any filter, one by one.

    Lines that end in CR LF have those of LF too: that is how git for Windows writes text, and how it is read here.
    """
    texts = (content, content.replace(b"\r\n", b"\n")) if b"\r\n" in content else (content,)
    return b"".join(map(_ids, texts))


def is_blob(name: str | None, ids: bytes | None) -> bool:
    """Return whether a blob, by the id that git shows, has the content of which *ids* are the ids."""
    if name is None or ids is None:
        return False
    wanted = bytes.fromhex(name)
    start = 0 if len(wanted) == _SHORT else _SHORT
    return any(ids[at : at + len(wanted)] == wanted for at in range(start, len(ids), _SHORT + _LONG))


def _ids(content: bytes) -> bytes:
    whole = b"blob %d\0%b" % (len(content), content)
    # Names of objects, as git has them: nothing is protected by them here.
    return hashlib.sha1(whole, usedforsecurity=False).digest() + hashlib.sha256(whole).digest()
