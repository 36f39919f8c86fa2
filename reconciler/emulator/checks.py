"""
Refusals that a service bases on the request body alone. Pure.

The schema of the kind defines a well-formed body; :mod:`reconciler.emulator.facts` adds the service's other refusals.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import orjson

from reconciler.emulator.errors import (
    Refused,
    bad_request,
    invalid_content,
    invalid_parameter,
    missing_parameter,
    too_deep,
    unknown_member,
)
from reconciler.emulator.trees import at, holders, without_nulls
from reconciler.emulator.versions import LATEST, is_newer
from reconciler.json.template import TemplateError, strict_json
from reconciler.kinds.normal_forms import is_deeper_than
from reconciler.kinds.rules import Rule, Shape
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.emulator.facts import Facts
    from reconciler.emulator.settings import EmulatorSettings
    from reconciler.kinds.kind import Kind

_DEEPEST: Final = 200
"""Levels of a body: more than a template may have, and fewer than the recursion limit."""
_QUOTES: Final = ('"', "'")


def parse(content: bytes) -> dict[str, Any]:
    """
    Return the JSON object in *content*, which may begin with a byte order mark.

    Raises:
        Refused: 400.
    """
    try:
        value = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        message = f"Unexpected character encountered while parsing. Line {error.lineno}, position {error.colno}."
        raise invalid_content(message) from error
    if is_deeper_than(value, _DEEPEST):
        raise too_deep(_DEEPEST)
    if not isinstance(value, dict):
        msg = "The request body must be a JSON object."
        raise invalid_content(msg)
    return value


def accept(
    kind: Kind, facts: Facts, raw: Mapping[str, Any], version: str = LATEST, *, partial: bool = False
) -> dict[str, Any]:
    """
    Return the request body without the parts that the service ignores: nulls, read-only properties and others.

    Args:
        kind: Of the resource.
        facts: Of its type.
        raw: The body as sent.
        version: The api-version of the request, which has no newer property or value.
        partial: True for a PATCH, which need not name the location or the properties.

    Raises:
        Refused: 400.
    """
    patched = facts.patches or (raw.keys() - {"location"})
    sent = {name: value for name, value in without_nulls(raw).items() if not partial or name in patched}
    body: dict[str, Any] = _Reader(facts, version).known(kind.rules, sent, ())
    if not partial and facts.location_required and not body.get("location"):
        raise Refused(
            HTTPStatus.BAD_REQUEST,
            "LocationRequired",
            "The location property is required for this definition.",
            gateway=True,
        )
    _refuse_forbidden(facts, body)
    if not partial:
        _check_package(facts, body)
    _refuse_malformed(kind, facts, body, partial=partial)
    for path in facts.links:
        for holder in holders(body, path):
            _check_link(holder[path[-1]], named(facts, path))
    return body


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a request body of one api-version."""

    facts: Facts
    version: str

    def known(self, rule: Rule, value: Any, path: tuple[str, ...]) -> Any:
        if rule.shape is Shape.LIST and isinstance(value, list):
            return [self.known(rule.element, item, path) for item in value]
        if rule.shape is Shape.MAP and isinstance(value, dict):
            return {name: self.known(rule.element, item, (*path, name)) for name, item in value.items()}
        if rule.shape is Shape.OBJECT and isinstance(value, dict):
            return dict(self._properties(rule, value, path))
        if is_newer(rule, value, self.version):
            where = named(self.facts, path)
            msg = f"The value '{value}' of parameter '{where}' is invalid."
            raise invalid_parameter(msg, where)
        return value

    def _properties(self, rule: Rule, value: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, item in value.items():
            child, where = rule.child(name), (*path, name)
            if child.read_only:
                continue
            is_unknown = child.is_opaque and where not in _forbidden_names(self.facts)
            if is_unknown or is_newer(child, None, self.version):
                _refuse_unknown(self.facts, where)
            else:
                yield name, self.known(child, item, where)


def _forbidden_names(facts: Facts) -> set[tuple[str, ...]]:
    return {tuple(step for step in path if step != "*") for path in facts.refused}


def _refuse_unknown(facts: Facts, path: tuple[str, ...]) -> None:
    if facts.refuses_unknown:
        raise unknown_member(path[-1], facts.subject, ".".join(path))


def _refuse_forbidden(facts: Facts, body: dict[str, Any]) -> None:
    for path in facts.refused:
        if next(holders(body, path), None) is not None:
            msg = (
                f"The value of parameter '{named(facts, path)}' is invalid: it is not supported for this resource type."
            )
            raise invalid_parameter(
                msg,
                named(facts, path),
            )


def _refuse_malformed(kind: Kind, facts: Facts, body: dict[str, Any], *, partial: bool) -> None:
    for error in _validator(kind, partial=partial).iter_errors(body):
        path = [str(step) for step in error.instance_path if isinstance(step, str)]
        if error.kind.name == "required":
            raise missing_parameter(named(facts, (*path, str(error.kind.as_dict()["property"]))))
        where = named(facts, tuple(path))
        msg = f"The value of parameter '{where}' is invalid: {error.message}."
        raise invalid_parameter(msg, where)


@cache
def _validator(kind: Kind, *, partial: bool) -> jsonschema_rs.Validator:
    schema = kind.body_schema()
    return jsonschema_rs.validator_for({**schema, "required": []} if partial else schema, mask="it")


def check_feature(facts: Facts, settings: EmulatorSettings, body: Mapping[str, Any]) -> None:
    """
    Refuse properties that need a feature, if the settings say that the subscription lacks it.

    Raises:
        Refused: 400.
    """
    if settings.soft_delete == "refused" and facts.gated and at(body, facts.gated[0]) is not MISSING:
        where = named(facts, facts.gated[0])
        msg = f"The property '{where}' needs a feature that is not registered for the subscription."
        raise invalid_parameter(msg, where)


def check_names(kind: Kind, params: Mapping[str, str]) -> None:
    """
    Refuse names that the service does not allow.

    Raises:
        Refused: 400.
    """
    error = next(_name_validator(kind).iter_errors(dict(params)), None)
    if error is not None:
        name = str(error.instance_path[0])
        msg = f"The value '{params[name]}' of parameter '{name}' is invalid."
        raise invalid_parameter(msg, name)


@cache
def _name_validator(kind: Kind) -> jsonschema_rs.Validator:
    schema = kind.schema
    spec = schema["properties"]["spec"]["properties"]
    names = {name: spec[name] for name in kind.parameters}
    return jsonschema_rs.validator_for(
        {"$schema": schema["$schema"], "$defs": schema.get("$defs", {}), "properties": names}
    )


def _check_link(link: Any, where: str) -> None:
    """A quoted URL or a doubled question mark is refused (azure-rest-api-specs#21212, azure-powershell 19358)."""
    text = str(link)
    if text.startswith(_QUOTES) or text.endswith(_QUOTES) or text.count("?") > 1:
        msg = f"The value of parameter '{where}' is invalid: it is not a valid blob URI."
        raise invalid_parameter(msg, where)


def _check_package(facts: Facts, body: Mapping[str, Any]) -> None:
    """
    Refuse a definition that is handed over in both ways, in none, or in half of one.

    That the two parts should be empty if a package is given is the service's own text
    (terraform-provider-azurerm#27515); the rest is inferred.
    """
    if not facts.packages:
        return
    ways = [[at(body, path) is not MISSING for path in way] for way in facts.packages]
    if any(ways[0]) and any(ways[1]):
        parts = "' and '".join(path[-1] for path in facts.packages[1])
        msg = f"The properties '{parts}' should be empty if package zip file uri is provided."
        raise bad_request(msg)
    if not any(all(way) for way in ways):
        whole, parts = (" and ".join(path[-1] for path in way) for way in facts.packages)
        msg = f"The application definition must have either {whole}, or {parts}."
        raise bad_request(msg)
    for path in facts.packages[1]:
        _check_json_text(facts, path, at(body, path))


def _check_json_text(facts: Facts, path: tuple[str, ...], value: Any) -> None:
    if isinstance(value, str):
        try:
            strict_json(value)
        except TemplateError as error:
            msg = f"The property '{path[-1]}' is not well-formed JSON."
            raise invalid_content(msg, named(facts, path)) from error


def named(facts: Facts, path: tuple[str, ...]) -> str:
    """Return a path as the service names it: ``galleryApplicationVersion.properties.publishingProfile``."""
    return ".".join([facts.subject, *(step for step in path if step != "*")])
