"""
Redact a live body for a file that others read, and restore the assumed values when it is read again. Pure.

The inputs of a plan are kept. Values that are not compared are left out: read-only ones, and content that Azure never
returns. Secrets are hidden, and texts like secrets too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds.normal_forms import canonical, normalize
from reconciler.kinds.paths import Steps, fold_names, get, keyed
from reconciler.kinds.rules import Rule, Shape
from reconciler.kinds.trees import below, is_leaf
from reconciler.secret.credential_shapes import named_secrets
from reconciler.secret.text import HIDDEN, FromEnvironment, Secret, SecretUrl, quotable_in, scrub, without_known
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.kinds.kind import Kind
    from reconciler.values import JsonObject

_STATE: Final = ("properties", "provisioningState")
"""Read-only, and kept: with the replication status it decides the health of a resource."""


def kept(kind: Kind, body: JsonObject) -> dict[str, Any]:
    """
    Return a live body as it may be kept.

    Args:
        kind: Of the resource.
        body: As ARM answered it, its secrets hidden.
    """
    found: dict[str, Any] = _kept(kind.rules, body, ())
    for path in (_STATE, *((kind.replicates.holder,) if kind.replicates else ())):
        value = get(body, path)
        if value is not MISSING:
            found = _with(found, path, public(value))
    return found


def unquoted(kind: Kind, body: JsonObject, stated: JsonObject) -> JsonObject:
    """Return a live body in which Azure's remarks on the copies of a version quote no secret that *stated* holds."""
    holder = kind.replicates.holder if kind.replicates else ()
    remarks = get(body, holder) if holder else MISSING
    return body if remarks is MISSING else _with(body, holder, without_known(remarks, quotable_in(stated)))


def _with(body: JsonObject, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    step, *below = path
    return {**body, step: _with(body.get(step, {}), tuple(below), value) if below else value}


def _kept(rule: Rule, value: Any, steps: Steps, keys: tuple[tuple[str, ...], ...] = ()) -> Any:
    """
    Return a value as it may be kept.

    Args:
        rule: Of the value.
        value: Live, its secrets hidden.
        steps: Where it stands.
        keys: Paths from here of the values by which the elements of a list are matched: a digest would match none.
    """
    if is_leaf(rule, value):
        return public(value, steps) if () in keys else _digested(rule, public(value, steps))
    is_list = rule.shape is Shape.LIST
    parts = [
        (public(step), _kept(child, item, (*steps, step), rule.keys if is_list else _inside(keys, step)))
        for step, child, item in below(rule, value)
        if not (child.read_only or child.write_only)
    ]
    return dict(parts) if isinstance(value, dict) else [part for _, part in parts]


def _inside(keys: tuple[tuple[str, ...], ...], step: str | int) -> tuple[tuple[str, ...], ...]:
    return tuple(path[1:] for path in keys if path and path[0] == step)


_ONE_LINE: Final = 200
"""Characters of a text that is kept as it is: longer ones, and those of several lines, are scripts and documents."""
_DIGEST: Final = "(text, sha256 "
_DIGEST_WITH_SECRETS: Final = "(text with secrets, sha256 "


def _digested(rule: Rule, value: Any) -> Any:
    """Return a digest in place of a text that is only compared; its secrets were hidden before."""
    if not isinstance(value, str) or not value or value.startswith((_DIGEST, _DIGEST_WITH_SECRETS)):
        return value
    is_script = rule.takes_file and rule.frozen
    if not is_script and "\n" not in value and len(value) <= _ONE_LINE:
        return value
    import hashlib  # noqa: PLC0415 (slow to import, and for snapshots only)

    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_DIGEST_WITH_SECRETS if HIDDEN in value else _DIGEST}{digest})"


def public(value: Any, steps: Steps = ()) -> Any:
    """
    Return JSON with secrets, and texts like secrets, hidden; a link shows that a part of it is hidden.

    Args:
        value: JSON that may hold hidden secrets.
        steps: Where it stands: its last steps name it.
    """
    named = {path for path, _ in named_secrets(value, steps)}
    return _public(value, steps, named)


def _public(value: Any, steps: Steps, named: set[Steps]) -> Any:
    if isinstance(value, FromEnvironment):
        return HIDDEN
    if isinstance(value, SecretUrl):
        return scrub(value.base if value.reveal() == value.base else f"{value.base}?{HIDDEN}")
    if isinstance(value, Secret):
        return HIDDEN
    if steps in named:
        return HIDDEN
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {scrub(name): _public(item, (*steps, name), named) for name, item in value.items()}
    if isinstance(value, list):
        return [_public(item, (*steps, index), named) for index, item in enumerate(value)]
    return value


def assumed(kind: Kind, body: JsonObject, stated: JsonObject) -> tuple[dict[str, Any], tuple[Steps, ...]]:
    """
    Return a kept body with the manifest's values wherever the two differ in hidden parts only.

    Args:
        kind: Of the resource.
        body: As it was kept, its secrets hidden.
        stated: The request body as declared.

    Returns:
        The body to compare, and the places whose hidden part may differ. A link that is compared
        without its query is not among them: nothing of it is hidden that counts.
    """
    unknown: list[Steps] = []
    found: dict[str, Any] = _assumed(kind.rules, body, stated, (), unknown.append)
    return found, tuple(unknown)


def _assumed(rule: Rule, have: Any, want: Any, steps: Steps, note: Callable[[Steps], None]) -> Any:
    if rule.shape is Shape.LIST and isinstance(have, list) and isinstance(want, list):
        return _elements(rule, have, want, steps, note)
    if rule.shape is Shape.LEAF or not (isinstance(have, dict) and isinstance(want, dict)):
        return _leaf(rule, have, want, steps, note)
    stated = fold_names(rule, want)
    folded = {name: key for key, name in fold_names(rule, have).items()}
    return {
        name: _assumed(rule.child(name), item, want[stated[key]], (*steps, key), note)
        if (key := folded.get(name, name)) in stated
        else item
        for name, item in have.items()
    }


def _elements(rule: Rule, have: list[Any], want: list[Any], steps: Steps, note: Callable[[Steps], None]) -> list[Any]:
    items, stated = rule.element, dict(_by_key(rule, want))
    return [
        _assumed(items, item, stated[key], (*steps, key), note) if key in stated else item
        for key, item in _by_key(rule, have)
    ]


def _by_key(rule: Rule, elements: list[Any]) -> list[tuple[str | int, Any]]:
    if rule.list_type == "set":  # an element is its own key, hidden or not
        return [(_form(rule.element, item, ()), item) for item in elements]
    return [(key, item) for key, (_, item) in keyed(rule, elements).items()]


def _leaf(rule: Rule, have: Any, want: Any, steps: Steps, note: Callable[[Steps], None]) -> Any:
    form = _form(rule, have, steps)
    if form != _form(rule, want, steps):
        return have
    if HIDDEN in form or _DIGEST_WITH_SECRETS in form:
        note(steps)
        return want
    return want if _DIGEST in form else have


def _form(rule: Rule, value: Any, steps: Steps) -> str:
    """Return the kept form of a value; a digest is its own."""
    return canonical(normalize(rule.normalize, _digested(rule, public(value, steps))))
