"""
Documents, resources and live states with their values packed, for estates that are too large to hold them all.

Each has the type and the attributes of what it stands for; a packed value is unpacked whenever it is asked for.
``dataclasses.replace`` makes an ordinary one of it. A secret is unpacked as a secret, and no ``repr`` shows what is
packed. Pure.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, Protocol

from reconciler.json.packing import Press
from reconciler.kinds.live import Live
from reconciler.model.desired import Desired
from reconciler.problems import Document, Source
from reconciler.secret.text import Secret, SecretUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.live import Observed
    from reconciler.problems import Locate
    from reconciler.values import FieldPath, JsonObject

_DOCUMENTS: Final = Press()
_DESIRED: Final = Press()
_LIVE: Final = Press()
_SECRETS: Final = (Secret, SecretUrl)
_NO_FILES: Final[Mapping[tuple[str | int, str], str]] = {}


class _Restored(Protocol):
    """The class of a *locate* whose state is plain."""

    def restored(self, state: Any) -> Locate:
        """Return the *locate* of a state."""


class PackedDocument(Document):
    """A document whose value and positions are packed."""

    __slots__ = ("_packed", "_positions")
    _packed: bytes
    _positions: _Restored

    def __new__(cls, *_: Any, **named: Any) -> Any:
        """Return one that is packed, or for ``dataclasses.replace`` an ordinary one."""
        return Document(**named) if named else super().__new__(cls)

    def __init__(self, document: Document) -> None:
        """Pack *document*; ValueError where it cannot be packed."""
        _adopt(self, document, _LIGHT_OF_DOCUMENT)
        object.__setattr__(self, "files", document.files or _NO_FILES)
        object.__setattr__(self, "_positions", type(document.locate))
        source = document.source
        places = source.file, source.line, source.document, _state(document.locate)
        object.__setattr__(self, "_packed", _DOCUMENTS.pack((document.value, places)))

    @property
    def value(self) -> Any:
        """The value, anew for each call."""
        return self.values[0]

    @property
    def source(self) -> Source:
        """Where it is written."""
        return Source(*self.values[1][:3])

    @property
    def locate(self) -> Locate:
        """Finds positions on demand."""
        return self._positions.restored(self.values[1][3])

    @property
    def values(self) -> tuple[Any, Any]:
        """The value, and its places."""
        values: tuple[Any, Any] = _DOCUMENTS.unpack(self._packed)
        return values

    def whole(self) -> Document:
        """Return the document with everything unpacked once and for all."""
        value, (*source, state) = self.values
        light = {name: getattr(self, name) for name in _LIGHT_OF_DOCUMENT}
        positions = self._positions.restored(state)
        return Document(value=value, source=Source(*source), locate=positions, files=self.files, **light)


class PackedDesired(Desired):
    """A resource whose body, id, parameters, labels and places are packed."""

    __slots__ = ("_packed", "_positions")
    _packed: bytes
    _positions: _Restored

    def __new__(cls, *_: Any, **named: Any) -> Any:
        """Return one that is packed, or for ``dataclasses.replace`` an ordinary one."""
        return Desired(**named) if named else super().__new__(cls)

    def __init__(self, desired: Desired) -> None:
        """Pack *desired*; ValueError where it cannot be packed."""
        _adopt(self, desired, _LIGHT_OF_DESIRED)
        source = desired.source
        places = source.file, source.line, source.document, _state(desired.locate)
        values = desired.id, dict(desired.params), _opened(desired.body), dict(desired.labels), places
        object.__setattr__(self, "_positions", type(desired.locate))
        object.__setattr__(self, "_packed", _DESIRED.pack(values))

    @property
    def id(self) -> str:
        """The resource id."""
        return str(self.values[0])

    @property
    def params(self) -> Mapping[str, str]:
        """The URI parameters."""
        params: dict[str, str] = self.values[1]
        return params

    @property
    def body(self) -> JsonObject:
        """The declared part of the request body, anew for each call."""
        body: JsonObject = _sealed(self.values[2])
        return body

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels."""
        labels: dict[str, str] = self.values[3]
        return labels

    @property
    def source(self) -> Source:
        """Where it is declared."""
        return self.place[1]

    @property
    def place(self) -> tuple[str, Source]:
        """The id, and where it is declared."""
        values = self.values
        return str(values[0]), Source(*values[4][:3])

    @property
    def locate(self) -> Locate:
        """Finds positions on demand."""
        return self._positions.restored(self.values[4][3])

    @property
    def values(self) -> tuple[Any, ...]:
        """Id, parameters, body with its secrets opened, labels, and places."""
        values: tuple[Any, ...] = _DESIRED.unpack(self._packed)
        return values

    def whole(self) -> Desired:
        """Return the resource with everything unpacked once and for all."""
        resource_id, params, body, labels, (*source, state) = self.values
        light = {name: getattr(self, name) for name in _LIGHT_OF_DESIRED}
        return Desired(
            id=resource_id,
            params=params,
            body=_sealed(body),
            labels=labels,
            source=Source(*source),
            locate=self._positions.restored(state),
            **light,
        )


class PackedLive(Live):
    """A live resource whose body is packed."""

    __slots__ = ("_packed",)
    _packed: bytes

    def __new__(cls, *_: Any, **named: Any) -> Any:
        """Return one that is packed, or for ``dataclasses.replace`` an ordinary one."""
        return Live(**named) if named else super().__new__(cls)

    def __init__(self, live: Live) -> None:
        """Pack *live*; ValueError where it cannot be packed."""
        object.__setattr__(self, "replication", live.replication)
        object.__setattr__(self, "_packed", _LIVE.pack(_opened(live.body)))

    @property
    def body(self) -> JsonObject:
        """The answer as sent, anew for each call."""
        body: JsonObject = _sealed(_LIVE.unpack(self._packed))
        return body


_LIGHT_OF_DOCUMENT: Final = tuple(
    each.name for each in fields(Document) if each.name not in {"value", "source", "locate", "files"}
)
_LIGHT_OF_DESIRED: Final = tuple(
    each.name for each in fields(Desired) if each.name not in {"id", "params", "body", "labels", "source", "locate"}
)


def _adopt(packed: object, whole: object, names: tuple[str, ...]) -> None:
    for name in names:
        object.__setattr__(packed, name, getattr(whole, name))


def _state(locate: Any) -> Any:
    """Return the state of the positions of a document; ValueError where they have none."""
    if not hasattr(locate, "state"):
        message = "these positions cannot be packed"
        raise ValueError(message)
    return locate.state()


def _opened(value: Any) -> tuple[Any, list[tuple[FieldPath, int]]]:
    """Return a body with the text of each secret in its place; and those places, each with the number of its type."""
    found: list[tuple[FieldPath, int]] = []
    return _open(value, (), found), found


def _open(node: Any, at: FieldPath, found: list[tuple[FieldPath, int]]) -> Any:
    changed = None
    for step, item in node.items() if type(node) is dict else enumerate(node):
        kind = type(item)
        if kind is dict or kind is list:
            new = _open(item, (*at, step), found)
        elif kind in _SECRETS:
            found.append(((*at, step), _SECRETS.index(kind)))
            new = item.reveal()
        else:
            continue
        if new is not item:
            changed = node.copy() if changed is None else changed
            changed[step] = new
    return node if changed is None else changed


def _sealed(opened: tuple[Any, list[tuple[FieldPath, int]]]) -> Any:
    """Return a body as it was before :func:`_opened`."""
    body, secrets = opened
    for (*above, last), kind in secrets:
        node = body
        for step in above:
            node = node[step]
        node[last] = _SECRETS[kind](node[last])
    return body


def packed_document(document: Document) -> Document:
    """Return a document packed, or as it is where it cannot be packed."""
    try:
        return PackedDocument(document)
    except ValueError:
        return document


def packed_desired(desired: Desired) -> Desired:
    """Return a resource packed, or as it is where it cannot be packed: one with a value of the environment is not."""
    try:
        return PackedDesired(desired)
    except ValueError:
        return desired


def packed_live(live: Live) -> Live:
    """Return a live resource packed, or as it is where it cannot be packed."""
    try:
        return PackedLive(live)
    except ValueError:
        return live


def as_held(desired: Desired, observed: Observed) -> Observed:
    """Return what was observed of a resource, packed where the resource is."""
    if isinstance(desired, PackedDesired) and isinstance(observed, Live):
        return packed_live(observed)
    return observed


def whole_document(document: Document) -> Document:
    """Return a document with everything unpacked once and for all."""
    return document.whole() if isinstance(document, PackedDocument) else document


def whole_desired(desired: Desired) -> Desired:
    """Return a resource with everything unpacked once and for all."""
    return desired.whole() if isinstance(desired, PackedDesired) else desired


def whole_observed(observed: Observed) -> Observed:
    """Return what was observed of a resource with everything unpacked once and for all."""
    return Live(observed.body, observed.replication) if isinstance(observed, PackedLive) else observed
