"""Sources of the declared resources: files with the ids that git gives to their content, and folders."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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

    files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    stdin: bool = False
    config: Mapping[str, frozenset[str]] = field(default_factory=dict)
    texts: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __or__(self, other: Sources) -> Sources:
        return Sources(
            files={**self.files, **other.files},
            folders=self.folders | other.folders,
            stdin=self.stdin or other.stdin,
            config={**self.config, **other.config},
            texts={**self.texts, **other.texts},
        )


def blob_ids(content: bytes) -> frozenset[str]:
    """
    Return the ids that git gives to *content* in a repository of either format, without any filter.

    Lines that end in CR LF have those of LF too: that is how git for Windows writes text, and how it is read here.
    """
    texts = {content, content.replace(b"\r\n", b"\n")} if b"\r\n" in content else {content}
    return frozenset(name for text in texts for name in _ids(text))


def _ids(content: bytes) -> tuple[str, str]:
    whole = b"blob %d\0%b" % (len(content), content)
    # Names of objects, as git has them: nothing is protected by them here.
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest(), hashlib.sha256(whole).hexdigest()
