"""
Renders the reference page of a kind: the rules of every field, in words. Pure.

A function of the kind only, which names no kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.kinds.annotations import Annotation
from reconciler.kinds.fields import fields, takes_null, types_of
from reconciler.kinds.leaves import FieldClass
from reconciler.kinds.normal_forms import canonical
from reconciler.kinds.rules import Rule, Shape
from reconciler.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.kinds.fields import Field
    from reconciler.kinds.kind import Kind
    from reconciler.values import JsonObject


def render(kind: Kind) -> str:
    """Return the page as Markdown."""
    known = [field for field in fields(kind) if field.field_class is not FieldClass.READ_ONLY]
    answered = [field for field in fields(kind) if field.field_class is FieldClass.READ_ONLY and field.is_leaf]
    sections = [
        f"<!-- Written by `make reference` from schemas/{kind.name}.schema.json: change that, not this. -->\n",
        f"# {kind.name}\n\n{kind.schema['description']}\n",
        _head(kind),
        f"## Names\n\n{_NAMES}\n\n{_names(kind)}",
        f"## Fields\n\n{_FIELDS}\n\n{_overview(known)}",
        *(_entry(kind, field) for field in known),
        f"## Set by Azure\n\n{_ANSWERED}\n\n{_answered(answered)}",
    ]
    return "\n".join(sections)


_NAMES: Final = (
    "They make up the URL. A manifest with another name declares another resource; nothing is renamed or deleted."
)
_FIELDS: Final = (
    "The request body. `[*]` is any element of a list, `.*` any name of a map. *Absent* is the meaning of a field that"
    " the manifest does not declare."
)
_ANSWERED: Final = "Never sent and never compared; a manifest that declares one is refused."


def _table(*rows: tuple[str, ...]) -> str:
    head, *rest = rows
    lines = (head, tuple("---" for _ in head), *rest)
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or " "


def _code(text: str) -> str:
    return f"`{text}`"


def _head(kind: Kind) -> str:
    rows = [
        ("type", _code(kind.resource_type)),
        ("api-version", _code(kind.api_version)),
        ("newer api-versions, where a field needs them", ", ".join(map(_code, kind.api_versions[1:])) or "none"),
        ("URL", _code(kind.id_template)),
        *((f"list, by {_LISTED.get(name, name)}", _code(path)) for name, path in kind.lists.items()),
        ("read by", "the list, once for all" if kind.read in kind.lists else "one GET for each"),
        ("parent", f"[{kind.parent}]({kind.parent}.md)" if kind.parent else "none"),
        ("a PUT", _PUTS[kind.put]),
        ("it ends", _OPERATION[kind.operation]),
        ("one writer at a time for the same", ", ".join(map(_code, kind.writer))),
        ("replication, with `--health`", _code(f"?{kind.health}") if kind.health else "none"),
        ("Microsoft's page", f"<{kind.docs}>" if kind.docs else "none"),
    ]
    return _table(("", ""), *rows)


_LISTED: Final = {"parent": "parent", "resourceGroup": "resource group", "subscription": "subscription"}
_PUTS: Final = {
    "merge": "merges: omitted properties stay as they are; lists and maps are replaced whole",
    "replace": "replaces: omitted properties are removed, so the known live values are sent back",
}
_OPERATION: Final = {
    "header": "with the operation that the header of its answer names, which is polled to its end",
    "sync": "with its answer",
}


def _names(kind: Kind) -> str:
    described = kind.schema["properties"]["spec"]["properties"]
    rows = ((_code(name), described[name]["description"], _limits(described[name])) for name in kind.parameters)
    return _table(("name", "is", "limits"), *rows)


def _overview(known: list[Field]) -> str:
    rows = (
        (f"[`{field.path}`](#{_anchor(field.path)})", _type(field), _class_word(field), _absence_word(field))
        for field in known
    )
    return _table(("field", "type", "class", "absent"), *rows)


def _anchor(path: str) -> str:
    """Return the anchor that a heading of *path* has, by GitHub's rule."""
    return "".join(char for char in path if char.isalnum() or char in "_-").lower()


def _answered(answered: list[Field]) -> str:
    rows = (
        (_code(field.path), _type(field), field.rule.description or "Azure's own, on every type of resource.")
        for field in answered
    )
    return _table(("field", "type", "is"), *rows)


def _class_word(field: Field) -> str:
    return str(field.field_class) if field.is_leaf else ""


def _absence_word(field: Field) -> str:
    rule = field.rule
    if field.is_element:
        return ""
    if rule.required:
        return "refused"
    if rule.default is not MISSING:
        return _code(canonical(rule.default))
    if rule.default_from is not None:
        return _code(".".join(rule.default_from))
    return "Azure chooses" if rule.server_populated else "not managed"


def _entry(kind: Kind, field: Field) -> str:
    """Return the section of one field, with the facts that apply to it."""
    facts = (
        ("type", _type(field)),
        ("limits", _limits(field.schema)),
        ("since", _since(field.rule)),
        ("class", _class_word(field)),
        ("absent", _absence(kind, field)),
        ("null", _null(kind, field)),
        ("equal", _equal(field)),
        ("a change", _change(field)),
        ("elements", _elements(field.rule)),
        ("secret", _NEVER_PRINTED if field.rule.secret else ""),
    )
    lines = "".join(f"- *{name}*: {text}\n" for name, text in facts if text)
    return f"### `{field.path}`\n\n{field.rule.description}\n\n{lines}"


def _since(rule: Rule) -> str:
    """Return the api-versions that brought a field, or some of its values."""
    values = (f"{_code(value)} from {_code(version)} on" for value, version in rule.values_since.items())
    return ", ".join([*([f"api-version {_code(rule.since)}"] if rule.since else []), *values])


_NEVER_PRINTED: Final = "the value may be a secret, or hold one in its query: it is never printed"


def _type(field: Field) -> str:
    rule, schema = field.rule, field.schema
    if rule.items is not None:
        return f"{'list' if rule.shape is Shape.LIST else 'map'} of {_plural(rule.items)}"
    words = [_WORDS[name] for name in types_of(schema) if name != "null"]
    if "$file" in schema.get("properties", {}):
        words = ["text", "`{$file: path}`"]
    elif "$env" in schema.get("properties", {}):
        words = ["text", "`{$env: NAME}`"]
    if schema.get("format") == "date-time":
        words = ["date and time"]
    return " or ".join(words)


def _plural(rule: Rule) -> str:
    if rule.shape is Shape.LEAF:
        return "integers" if rule.integer else "text"
    return f"{rule.shape}s"


_WORDS: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "`true` or `false`",
    "object": "object",
    "array": "list",
}


def _limits(schema: JsonObject) -> str:
    """Return the limits in the words of the error, else the known values."""
    if "errorMessage" in schema:
        return str(schema["errorMessage"])
    warnings = schema.get(Annotation.WARN, [])
    for rule in [warnings] if isinstance(warnings, dict) else warnings:
        if "enum" in rule:
            known = ", ".join(_code(str(value)) for value in rule["enum"] if value is not None)
            return f"known values are {known}; any other is sent with a warning"
    return ""


def _absence(kind: Kind, field: Field) -> str:
    rule = field.rule
    if field.is_element:
        return ""
    if rule.required:
        return f"refused, wherever {_holder(field)} is declared"
    if field.is_key:
        return "the element has no key, and is compared by its index"
    if rule.default is not MISSING:
        excluded = ".".join(rule.excluded_by or ())
        beside = f"; beside {_code(excluded)} Azure chooses, and any choice is accepted" if excluded else ""
        return f"the default, {_code(canonical(rule.default))}, on both sides{_unasked(field)}{beside}"
    if rule.default_from is not None:
        source = kind.rules.at(rule.default_from)
        default = f", and without that {_code(canonical(source.default))}" if source.default is not MISSING else ""
        return f"the value of {_code('.'.join(rule.default_from))}{default}{_unasked(field)}"
    if rule.server_populated:
        return "Azure chooses, and any choice is accepted"
    if rule.write_only:
        return "nothing is recorded or compared"
    if not field.is_leaf and rule.has_default:
        return "not managed, except the defaults within it"
    if rule.implied is not MISSING:
        implied = _code(canonical(rule.implied))
        return f"not managed; in an answer it means {implied}, and any other live value is `undeclared` and stays"
    return "not managed: a live value is `undeclared` and stays"


def _unasked(field: Field) -> str:
    return "; any other live value is `undeclared` and stays" if field.field_class is FieldClass.FROZEN else ""


def _holder(field: Field) -> str:
    above = field.path.rpartition(".")[0]
    return _code(above) if above else "the resource"


def _null(kind: Kind, field: Field) -> str:
    """Return the effect of null, which means "must not be set"."""
    rule = field.rule
    if field.is_element:
        return ""
    if field.is_refused or not takes_null(field.schema):
        return "refused"
    if field.field_class is FieldClass.WRITE_ONLY:
        return "the same as absent, as it is unknown whether content that Azure never returns is set"
    if field.field_class is FieldClass.FROZEN:
        return "blocked (`immutable-field`) if there is a live value"
    if rule.shape is Shape.OBJECT and any(each.frozen for _, each in rule.every()):
        return f"blocked (`immutable-field`) if an immutable field within it is live{_cannot_unset(rule)}"
    if not rule.clearable:
        return "blocked (`cannot-unset`) if there is a live value: Azure keeps properties that a PUT omits"
    if kind.put == "merge" and rule.shape in _EMPTY:
        return f"removed, with `{_EMPTY[rule.shape]}` in the PUT"
    return "removed: omitted from the PUT"


def _cannot_unset(rule: Rule) -> str:
    return "" if rule.clearable else ", else (`cannot-unset`) if any other is"


_EMPTY: Final[Mapping[Shape, str]] = {Shape.LIST: "[]", Shape.MAP: "{}"}


def _equal(field: Field) -> str:
    if field.rule.normalize is not None:
        return EQUAL[field.rule.normalize]
    if not field.is_leaf:
        return ""
    is_text = (
        set(types_of(field.schema)) - {"null"} == {"string"}
        or {"$file", "$env"} & field.schema.get("properties", {}).keys()
    )
    return "as written" if is_text else 'as written, type included: `1` is neither `1.0` nor `"1"`'


EQUAL: Final[Mapping[str, str]] = {
    "region": "ignoring case and spaces: `West Europe` is `westeurope`",
    "resource-id": "ignoring case and a slash at the end",
    "instant": "the same moment, in any offset, with any zeros at the end of the fraction",
    "json": "the same JSON, as text or as an object",
    "blob-url": "scheme, host and path; the query is not compared",
    "case-insensitive": "ignoring case",
}
"""When two spellings are the same, for each normal form that a schema may name."""


def _change(field: Field) -> str:
    if field.is_refused or not field.is_leaf:
        return ""
    if field.field_class is FieldClass.WRITE_ONLY:
        return "of its digest, which is recorded in a tag, is a PUT; if no digest is recorded, one PUT records it"
    if field.is_key or (field.is_element and field.parents[-1].list_type == "set"):
        return "makes another element: one is added, the other removed"
    if field.field_class is FieldClass.FROZEN:
        within = " of an element that stays" if field.in_list else ""
        return f"{within} is blocked (`immutable-field`): restore it, or publish under a new name or version".strip()
    return "is a PUT"


def _elements(rule: Rule) -> str:
    if rule.shape is Shape.MAP:
        case = ", names compared without case" if rule.fold_keys else ""
        return f"undeclared ones stay{case}"
    if rule.shape is not Shape.LIST:
        return ""
    keys = ", ".join(_code(".".join(key)) for key in rule.keys)
    text = {
        "map": f"identified by {keys}, in any order",
        "set": "distinct values, in any order",
        "atomic": "compared one by one, in order",
    }[rule.list_type or "atomic"]
    guard = ".".join(rule.removal_guard or ())
    removal = (
        f"is removed only while {_code(guard)} is `true`, else blocked (`removal-refused`)" if guard else "is removed"
    )
    held = f"; one of them must be {_code('.'.join(rule.must_contain))}" if rule.must_contain else ""
    return f"{text}; an undeclared one {removal}{held}"
