"""
Turns a live body into the request body that declares it as it is. Pure.

Left out are read-only values, values that Azure chooses, defaults, nulls and the reconciler's own tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reconciler.compare.normalize import gives_way, is_same, meant
from reconciler.export.texts import can_be_written
from reconciler.kinds.blank import is_blank
from reconciler.kinds.normal_forms import without_mark
from reconciler.kinds.paths import Steps, format_steps
from reconciler.kinds.rules import Rule, Shape
from reconciler.manifests.checks import PLACEHOLDER, TAKEN_OUT
from reconciler.manifests.yaml12 import is_readable
from reconciler.secret.text import HIDDEN, Secret, SecretUrl, without_credentials
from reconciler.values import MISSING, JsonObject

if TYPE_CHECKING:
    from reconciler.export.found import Found
    from reconciler.kinds.tracking import Tracking


def stated(item: Found, tracking: Tracking, content: frozenset[Steps] = frozenset()) -> tuple[JsonObject, list[str]]:
    """
    Return the request body that declares a resource as it is, and the paths of values that no manifest can declare.

    Args:
        item: The resource.
        tracking: Which tags are the reconciler's own.
        content: Paths of the write-only properties that get a placeholder.
    """
    live = tracking.without_tags(item.live.body)
    stating = _Stating(item.kind.rules, live, content)
    return stating.object(item.kind.rules, live, ()), stating.unsaid


@dataclass(slots=True)
class _Stating:
    rules: Rule
    live: JsonObject
    content: frozenset[Steps]
    unsaid: list[str] = field(default_factory=list)

    def value(self, rule: Rule, live: Any, steps: Steps) -> Any:
        """Return a value as a manifest declares it; MISSING if the manifest leaves it out."""
        if rule.write_only:
            return PLACEHOLDER if steps in self.content else MISSING
        if live is None or live is MISSING or rule.read_only or _is_picked(rule):
            return MISSING
        if rule.shape is Shape.LEAF:
            return self.leaf(rule, live, steps)
        if not isinstance(live, list if rule.shape is Shape.LIST else Mapping):
            return _plain(live, steps)  # of another shape than the schema's: validate refuses it
        made = _MAKERS[rule.shape](self, rule, live, steps)
        return made if made or rule.required else MISSING

    def leaf(self, rule: Rule, live: Any, steps: Steps) -> Any:
        if is_blank(rule, live):
            return MISSING
        is_default = is_same(rule, live, meant(self.rules, rule, self.live))
        if (is_default or gives_way(rule, self.live)) and not rule.required:
            return MISSING
        if isinstance(live, str):
            live = without_mark(live)
            if not can_be_written(live):
                self.unsaid.append(format_steps(self.rules, steps, self.live))
                return MISSING
        return _without_secret(rule, live) if isinstance(live, Secret) else _plain(live, steps)

    def list(self, rule: Rule, live: list[Any], steps: Steps) -> list[Any]:
        return [self.element(rule.element, item, (*steps, index)) for index, item in enumerate(live)]

    def element(self, items: Rule, live: Any, steps: Steps) -> Any:
        if items.shape is Shape.OBJECT and isinstance(live, Mapping):
            return self.object(items, live, steps)
        value = self.value(items, live, steps)
        return None if value is MISSING else value

    def object(self, rule: Rule, live: JsonObject, steps: Steps) -> dict[str, Any]:
        children = rule.properties.items()
        made = {name: self.value(child, live.get(name, MISSING), (*steps, name)) for name, child in children}
        self.unsaid += (
            format_steps(self.rules, (*steps, name), self.live)
            for name in live
            if name not in rule.properties and live[name] not in (None, {}, [])
        )
        return {name: value for name, value in made.items() if value is not MISSING}

    def map(self, rule: Rule, live: JsonObject, steps: Steps) -> dict[str, Any]:
        self.unsaid += (format_steps(self.rules, (*steps, name), self.live) for name in live if not is_readable(name))
        made = {name: self.entry(rule.element, live[name], (*steps, name)) for name in live if is_readable(name)}
        return {name: value for name, value in made.items() if value is not MISSING}

    def entry(self, items: Rule, live: Any, steps: Steps) -> Any:
        is_object = items.shape is Shape.OBJECT and isinstance(live, Mapping)
        return self.object(items, live, steps) if is_object else self.value(items, live, steps)


_MAKERS: Final[Mapping[Shape, Any]] = {
    Shape.OBJECT: _Stating.object,
    Shape.MAP: _Stating.map,
    Shape.LIST: _Stating.list,
}


def _is_picked(rule: Rule) -> bool:
    """Return whether Azure chose a value, and a manifest need not repeat it: it is updatable, and no guarded list."""
    return rule.server_populated and not (rule.frozen or rule.must_contain or rule.removal_guard)


def _plain(value: Any, steps: Steps) -> Any:
    """Return JSON with placeholders in place of secrets, sealed or not."""
    return without_credentials(_unsealed(value), steps, TAKEN_OUT)


def _unsealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return PLACEHOLDER
    if isinstance(value, Mapping):
        return {name: _unsealed(item) for name, item in value.items()}
    return [_unsealed(item) for item in value] if isinstance(value, list) else value


def _without_secret(rule: Rule, value: Secret) -> str:
    """Return a link without the secret in its query, or a placeholder in place of any other secret."""
    text = value.reveal()
    if not text:
        return text
    if not isinstance(value, SecretUrl) or value.base == HIDDEN:
        return PLACEHOLDER
    return value.base if rule.normalize == "blob-url" or text == value.base else f"{value.base}?{PLACEHOLDER}"
