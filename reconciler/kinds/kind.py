"""
Compiles a kind's schema into a :class:`Kind`: its URLs, and the rule of every property. Knows no kind by name.

A new kind is one file in ``schemas/``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from reconciler.kinds.annotations import Annotation
from reconciler.kinds.latest import LatestRule, compile_latest
from reconciler.kinds.live import Live
from reconciler.kinds.replication import HealthRule, compile_health
from reconciler.kinds.rules import Rule, compile_rule, without_clearing
from reconciler.kinds.sealing import Change, sealer
from reconciler.kinds.summary import Shown, compile_summary
from reconciler.kinds.versions import NewerTree, check_versions, compile_newer
from reconciler.secret.text import FromEnvironment, SecretUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reconciler.secret.text import Secret
    from reconciler.values import FieldPath, JsonObject

_PARAMETER: Final = re.compile(r"\{([A-Za-z]+)\}")
VARIABLE: Final = "$env"


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """
    One resource type, as its schema describes it. Pure: no I/O, no logging.

    Attributes:
        name: The ``kind`` of manifests.
        resource_type: The type in ARM, such as ``Microsoft.Compute/galleries``.
        api_version: The reference version, of which a request is unless a newer property asks for a newer one.
        api_versions: Those that the schema describes, ascending, the reference version first.
        parent: Name of the parent's kind; None for a top-level type.
        id_template: Path of the resource, with ``{parameters}``.
        lists: Path templates of the lists, by the scope that they list.
        read: ``get`` if resources are read one by one, else the scope of the list that is read.
        put: ``merge`` if properties that a PUT omits stay, ``replace`` if they are removed.
        operation: ``header`` if a PUT starts a long-running operation, ``sync`` if it ends with its answer.
        writer: URI parameters that name the slot in which ARM allows one writer at a time.
        replicates: Paths of the replication status in an answer; None if there is none.
        summary: The values that a report shows of a created resource.
        newer: The properties and values that newer api-versions brought; None if there are none.
        latest: Paths of number, exclusion and regions of a version; None for a kind without versions.
        system_data: An api-version whose answers carry ``systemData``.
        docs: Microsoft's page.
        parameters: URI parameters, in the order of the id.
        rules: Of the request body.
        secret_paths: Paths of secrets in the body; ``*`` stands for any element.
        links: Paths of links to blobs, with the rule of each.
        write_only_paths: Paths of content that Azure never returns.
        json_texts: Paths at which the text of a JSON object may stand for the object.
        schema: Of the whole manifest.
    """

    name: str
    resource_type: str
    api_version: str
    api_versions: tuple[str, ...]
    parent: str | None
    id_template: str
    lists: Mapping[str, str]
    read: str
    put: str
    operation: str
    writer: tuple[str, ...]
    system_data: str | None
    docs: str | None
    parameters: tuple[str, ...]
    rules: Rule
    schema: JsonObject
    secret_paths: tuple[tuple[str, ...], ...] = ()
    links: tuple[tuple[tuple[str, ...], Rule], ...] = ()
    write_only_paths: tuple[tuple[str, ...], ...] = ()
    json_texts: tuple[tuple[str, ...], ...] = ()
    replicates: HealthRule | None = None
    summary: tuple[Shown, ...] = ()
    newer: NewerTree | None = None
    latest: LatestRule | None = None
    _id_pattern: re.Pattern[str] = field(default=re.compile(""), repr=False)
    _sealer: Change | None = field(default=None, repr=False)

    @property
    def health(self) -> str | None:
        """The query that adds the replication status to an answer; None if there is none."""
        return self.replicates.query if self.replicates else None

    def resource_id(self, params: Mapping[str, str]) -> str:
        """Return the id, each parameter percent-encoded so that it cannot change the shape of the path."""
        return _fill(self.id_template, params)

    def parent_id(self, params: Mapping[str, str]) -> str | None:
        """Return the id of the parent resource; None for a kind without one."""
        return self.resource_id(params).rsplit("/", 2)[0] if self.parent else None

    def list_path(self, params: Mapping[str, str]) -> str | None:
        """Return the path of the list with the resource and its siblings; None if resources are read one by one."""
        return self.list_under(self.read, params)

    def list_under(self, scope: str, params: Mapping[str, str]) -> str | None:
        """Return the path of the list under ``parent``, ``resourceGroup`` or ``subscription``, if there is one."""
        template = self.lists.get(scope)
        return _fill(template, params) if template else None

    def parse_id(self, resource_id: str) -> dict[str, str] | None:
        """Return the URI parameters in *resource_id*, in any case; None if it is not an id of this kind."""
        match = self._id_pattern.fullmatch(resource_id)
        return match.groupdict() if match else None

    def writer_slot(self, params: Mapping[str, str]) -> str:
        """Return the name of the one writer that ARM allows at a time for this resource."""
        return "/".join(params[name] for name in self.writer).lower()

    def seal(self, body: JsonObject) -> JsonObject:
        """
        Return *body* with its secrets sealed; the same body if it has none.

        Sealed are all texts at or below a secret property, all texts of another shape on the way to one, and, in
        properties that the schema does not know, links with a query or user information.
        """
        sealed: JsonObject = self._sealer(body) if self._sealer else body
        return sealed

    def live(self, body: JsonObject) -> Live:
        """Return the live resource in an answer with *body*: secrets sealed, with its replication if answered."""
        sealed = self.seal(body)
        return Live(sealed, self.replicates.read(sealed) if self.replicates else None)

    def map_links(self, body: JsonObject, change: Callable[[SecretUrl], SecretUrl]) -> JsonObject:
        """Return *body* with *change* applied to every link to a blob."""
        for path, _ in self.links:
            body = mapped(body, path, lambda value: change(value) if isinstance(value, SecretUrl) else value)
        return body

    def links_in(self, body: JsonObject) -> tuple[tuple[SecretUrl, int | None], ...]:
        """Return every link to a blob in *body*, with the size limit of the blob in bytes; None for no limit."""
        return tuple(
            (value, rule.max_bytes)
            for path, rule in self.links
            for _, value in _placed(body, path)
            if isinstance(value, SecretUrl)
        )

    def with_variables(self, body: JsonObject, secrets: Mapping[str, Secret]) -> JsonObject:
        """
        Return *body* with the values of environment variables in place of ``{$env: NAME}`` in secret properties.

        Args:
            body: As declared.
            secrets: By the name of their variable.
        """

        def read(value: Any) -> Any:
            name = variable_in(value)
            return value if name is None else FromEnvironment(name, secrets.get(name))

        return self._map_secrets(body, read)

    def map_variables(self, body: JsonObject, change: Callable[[FromEnvironment], Any]) -> JsonObject:
        """Return *body* with *change* applied to every value of an environment variable."""
        return self._map_secrets(body, lambda value: change(value) if isinstance(value, FromEnvironment) else value)

    def _map_secrets(self, body: JsonObject, change: Change) -> JsonObject:
        for path in self.secret_paths:
            body = mapped(body, path, change)
        return body

    def variables_in(self, body: JsonObject) -> Iterator[FromEnvironment]:
        """Yield every value of an environment variable in *body*."""
        for path in self.secret_paths:
            yield from (value for _, value in _placed(body, path) if isinstance(value, FromEnvironment))

    def placed_variables(self, body: JsonObject) -> Iterator[tuple[tuple[str, ...], FieldPath, FromEnvironment]]:
        """Yield every value of an environment variable in *body*, with its path in the schema and as written."""
        for path in self.secret_paths:
            for at, value in _placed(body, path):
                if isinstance(value, FromEnvironment):
                    yield path, at, value

    def placed_links(self, body: JsonObject) -> Iterator[tuple[FieldPath, SecretUrl]]:
        """Yield every link to a blob in *body*, with its path as written."""
        for path, _ in self.links:
            for at, value in _placed(body, path):
                if isinstance(value, SecretUrl):
                    yield at, value

    def body_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the request body only: without URI parameters and references to files."""
        spec = dict(self.schema["properties"]["spec"])
        spec["properties"] = {k: v for k, v in spec["properties"].items() if k not in self.parameters}
        spec["required"] = [name for name in spec.get("required", ()) if name not in self.parameters]
        no_mapping = {"not": {"type": "object"}}
        definitions = {**self.schema.get("$defs", {}), "file": no_mapping, "env": no_mapping}
        return {"$schema": self.schema["$schema"], "$defs": definitions, **spec}


def compile_kind(schema: JsonObject) -> Kind:
    """
    Compile one kind.

    Raises:
        KeyError, ValueError: An annotation is missing or misspelt.
    """
    arm = schema[Annotation.ARM]
    parameters = tuple(_PARAMETER.findall(arm["id"]))
    rules = _body_rules(schema, parameters, arm["put"])
    name, api_version = schema["properties"]["kind"]["const"], arm["apiVersion"]
    api_versions = tuple(arm.get("apiVersions", [api_version]))
    leaves = tuple(rules.every())
    check_versions(name, api_version, api_versions, leaves)
    return Kind(
        name=name,
        resource_type=arm["type"],
        api_version=api_version,
        api_versions=api_versions,
        parent=arm.get("parent"),
        id_template=arm["id"],
        lists=MappingProxyType(arm.get("lists", {})),
        read=arm["read"],
        put=arm["put"],
        operation=arm["operation"],
        writer=tuple(arm["writer"]),
        replicates=compile_health(schema[Annotation.HEALTH]) if Annotation.HEALTH in schema else None,
        summary=compile_summary(schema.get(Annotation.SUMMARY, {})),
        newer=compile_newer(rules),
        latest=compile_latest(arm["latest"]) if "latest" in arm else None,
        system_data=arm.get("systemData"),
        docs=arm.get("docs"),
        parameters=parameters,
        rules=rules,
        schema=schema,
        secret_paths=tuple(path for path, rule in leaves if rule.secret),
        links=tuple((path, rule) for path, rule in leaves if rule.secret and rule.normalize == "blob-url"),
        write_only_paths=tuple(path for path, rule in leaves if rule.write_only),
        json_texts=tuple(path for path, rule in leaves if rule.normalize == "json"),
        _id_pattern=_pattern(arm["id"]),
        _sealer=sealer(rules),
    )


def _body_rules(schema: JsonObject, parameters: tuple[str, ...], put: str) -> Rule:
    body = compile_rule(schema["properties"]["spec"], schema.get("$defs", {}))
    properties = {name: rule for name, rule in body.properties.items() if name not in parameters}
    if put == "merge":
        properties = {name: without_clearing(rule) for name, rule in properties.items()}
    # ARM compares the names of tags without case, for every type ("Use tags to organize your Azure resources").
    properties["tags"] = replace(properties["tags"], fold_keys=True)
    always = {name: Rule(read_only=True) for name in ("id", "name", "type", "systemData", "etag")}
    # ARM's own state of a resource of every type ("Track asynchronous Azure operations", learn.microsoft.com).
    inner = properties["properties"]
    if "provisioningState" not in inner.properties:
        state = {"provisioningState": Rule(read_only=True)}
        properties["properties"] = replace(inner, properties={**inner.properties, **state})
    return replace(body, properties={**always, **properties})


def folded_id(resource_id: str) -> str:
    """Return an id in folded form: ARM compares ids without case, and a manifest's are percent-encoded."""
    return (resource_id if resource_id.isascii() else quote(resource_id, safe="/()")).lower()


def subscription_in(path: str) -> str:
    """Return the subscription of a path or a link, folded; empty without one."""
    _, _, rest = path.partition("/subscriptions/")
    return rest.partition("/")[0].partition("?")[0].lower()


def _fill(template: str, params: Mapping[str, str]) -> str:
    parts = _split(template)
    return "".join(_quoted(params[part]) if index % 2 else part for index, part in enumerate(parts))


@cache
def _split(template: str) -> tuple[str, ...]:
    """Return fixed texts and names of parameters, alternating."""
    return tuple(_PARAMETER.split(template))


@lru_cache(maxsize=4096)
def _quoted(value: str) -> str:
    return quote(value, safe="()")


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PARAMETER.split(template)
    fixed = (re.escape(text) if index % 2 == 0 else f"(?P<{text}>[^/]+)" for index, text in enumerate(parts))
    return re.compile("".join(fixed), re.IGNORECASE)


def variable_in(value: Any) -> str | None:
    """Return the name in ``{$env: NAME}``; None for any other value."""
    name = value.get(VARIABLE) if isinstance(value, dict) and len(value) == 1 else None
    return name if isinstance(name, str) else None


def mapped(node: Any, path: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    """Return *node* with *change* applied at *path*; only the containers on the way are copied."""
    if not path:
        return change(node)
    step, below = path[0], path[1:]
    if step == "*":
        if isinstance(node, list):
            return [mapped(item, below, change) for item in node]
        return {k: mapped(v, below, change) for k, v in node.items()} if isinstance(node, dict) else node
    if not isinstance(node, dict) or step not in node:
        return node
    return {**node, step: mapped(node[step], below, change)}


def _placed(node: Any, path: tuple[str, ...], at: FieldPath = ()) -> Iterator[tuple[FieldPath, Any]]:
    """Yield every value at *path* of *node*, with its path as written."""
    if not path:
        yield at, node
    elif path[0] == "*":
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for step, item in items:
            yield from _placed(item, path[1:], (*at, step))
    elif isinstance(node, dict) and path[0] in node:
        yield from _placed(node[path[0]], path[1:], (*at, path[0]))
