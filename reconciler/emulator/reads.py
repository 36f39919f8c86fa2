"""GET of one resource and of lists. A list is mostly concatenation: rows hold answers that are ready to be sent."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

import orjson

from reconciler.emulator.answers import (
    with_default,
    with_public_names,
    with_replication,
    with_server_fields,
    with_sharing_groups,
    with_system_data,
    without_link_queries,
)
from reconciler.emulator.calls import Call, Reply
from reconciler.emulator.errors import invalid_parameter, parent_not_found, resource_not_found
from reconciler.emulator.newer import answered
from reconciler.emulator.provider import Provider, name_below_provider, nested_name, parent_of

if TYPE_CHECKING:
    from reconciler.emulator.store import Item, Row


def get(provider: Provider, call: Call) -> Reply:
    """
    Answer a GET of one resource.

    Raises:
        Refused: 400, 404 or 429.
    """
    provider.check_version(call)
    headers = provider.rate_headers(call)
    provider.check_group(call)
    resource_id = provider.resource_id(call)
    row = provider.store.find(resource_id.lower())
    text = row.answer(call.now) if row else None
    if row is None or text is None:
        raise resource_not_found(name_below_provider(resource_id), call.params["resourceGroupName"])
    return Reply(HTTPStatus.OK, _expanded(provider, call, row, text).encode(), headers)


def _expanded(provider: Provider, call: Call, row: Row, text: str) -> str:
    wanted = {call.query.get("$expand", "").lower(), call.query.get("$select", "").lower()}
    copies = provider.kind.replicates
    if copies and copies.query.partition("=")[2].lower() in wanted:
        text = with_replication(copies, provider.facts, text, row, call.now)
    if wanted & {"sharingprofile/groups", "permissions"} and provider.facts.unique_name:
        text = with_sharing_groups(text)
    return dressed(provider, call, text, row)


def dressed(provider: Provider, call: Call, text: str, row: Row | Item) -> str:
    """Return a stored answer in the form of the request's api-version and the settings."""
    text = answered(provider.kind, text, call.api_version)
    if provider.settings.soft_delete == "refused" and provider.facts.gated:
        text = with_default(text, *provider.facts.gated)
    if provider.settings.public_name == "names" and provider.facts.completed:
        text = with_public_names(text, *provider.facts.completed)
    if provider.facts.dresses_writes and provider.settings.server_fields in _DRESSED[call.method != "GET"]:
        return with_server_fields(text, row)
    if provider.settings.media_link == "stripped" and provider.facts.links:
        text = without_link_queries(provider.facts, text)
    since = provider.kind.system_data
    return with_system_data(text, row) if since and call.api_version >= since else text


_DRESSED: Final = ({"all"}, {"all", "writes"})
"""By whether the request wrote: the settings under which its answer carries the server's own fields."""


def list_page(provider: Provider, call: Call, *, prefix_template: str, below_parent: bool) -> Reply:
    """
    Answer a list.

    Args:
        provider: Of the type.
        call: The request.
        prefix_template: The beginning of its items' ids.
        below_parent: Whether it lists the children of one resource, which must exist.

    Raises:
        Refused: 400 or 404.
    """
    provider.check_version(call)
    provider.check_group(call)
    prefix = prefix_template.format_map(dict(call.params)).lower()
    if below_parent:
        check_parent(provider, call, prefix.rstrip("/").rsplit("/", 1)[0])
    after = _after(call, prefix)
    size = provider.settings.page_size
    items = provider.store.page(provider.kind.name, prefix, after, size + 1, call.now)
    more = len(items) > size
    texts = [dressed(provider, call, item.answer, item) for item in items[:size]]
    link = f',"nextLink":{_next_link(call, items[size - 1].key)}' if more else ""
    return Reply(HTTPStatus.OK, f'{{"value":[{",".join(texts)}]{link}}}'.encode())


def check_parent(provider: Provider, call: Call, parent_key: str) -> None:
    """
    Refuse requests below a missing resource.

    Raises:
        Refused: 404.
    """
    row = provider.store.find(parent_key)
    if row is None or row.answer(call.now) is None:
        raise parent_not_found(_spelled(call, parent_key))


def _spelled(call: Call, parent_key: str) -> str:
    """Return the names of the parent as the request wrote them."""
    start = call.path.lower().find(parent_key)
    return nested_name(call.path[start : start + len(parent_key)] if start >= 0 else parent_key)


def parent_key(provider: Provider, call: Call) -> str | None:
    """Return the key of the parent; None for a type that is not nested."""
    return parent_of(provider.resource_id(call)).lower() if provider.kind.parent else None


def _after(call: Call, prefix: str) -> str:
    token = call.query.get("$skiptoken")
    if token is None:
        return prefix
    try:
        after = base64.urlsafe_b64decode(token.encode() + b"==").decode()
    except (ValueError, binascii.Error):
        after = ""
    if not after.startswith(prefix):
        msg = "The value of parameter '$skiptoken' is invalid."
        raise invalid_parameter(msg, "$skiptoken")
    return after


def _next_link(call: Call, last_key: str) -> str:
    """Return the address of the next page, as JSON. It is absolute, and a client follows it as it is."""
    token = base64.urlsafe_b64encode(last_key.encode()).rstrip(b"=").decode()
    kept = {name: value for name, value in call.query.items() if name != "$skiptoken"}
    link = f"{call.base_url}{quote(call.path)}?{urlencode({**kept, '$skiptoken': token}, safe='$')}"
    return orjson.dumps(link).decode()
