"""PUT, PATCH and DELETE: each is one transaction that reads, checks the service's rules, and writes."""

from __future__ import annotations

import uuid
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from reconciler.emulator import operations
from reconciler.emulator.answers import SUCCEEDED, render
from reconciler.emulator.calls import Call, Reply, json_reply
from reconciler.emulator.checks import accept, check_feature, check_names, named, parse
from reconciler.emulator.errors import (
    Refused,
    conflict,
    has_children,
    marked_for_deletion,
    resource_not_found,
    unreadable_blob,
)
from reconciler.emulator.identities import has_identity
from reconciler.emulator.provider import Provider, name_below_provider, parent_of
from reconciler.emulator.reads import check_parent, dressed, parent_key
from reconciler.emulator.service import created, patched, updated
from reconciler.emulator.store import Fault, Operation, Row
from reconciler.emulator.trees import holders
from reconciler.kinds.blank import without_blanks

if TYPE_CHECKING:
    from collections.abc import Mapping


def put(provider: Provider, call: Call) -> Reply:
    """
    Answer a PUT: 201 for a new resource, 200 for one that was there, whether or not it has ended.

    Raises:
        Refused: 400, 404, 409 or 429.
    """
    headers = _admit(provider, call)
    check_names(provider.kind, call.params)
    sent = _kept_text(provider, accept(provider.kind, provider.facts, parse(call.content), call.api_version))
    check_feature(provider.facts, provider.settings, sent)
    with provider.store.writing():
        provider.store.forget(call.now)
        _check_parent_is_there(provider, call)
        _check_packages(provider, call, sent)
        row = _live_row(provider, call)
        _check_writer(provider, call, row)
        subject = provider.subject(call, row.id if row else provider.resource_id(call))
        state = updated(subject, orjson.loads(row.state), sent) if row else created(subject, sent)
        return _write(provider, call, row, state, headers)


def patch(provider: Provider, call: Call) -> Reply:
    """
    Answer a PATCH.

    Raises:
        Refused: 400, 404, 409 or 429.
    """
    headers = _admit(provider, call)
    body = accept(provider.kind, provider.facts, parse(call.content), call.api_version, partial=True)
    sent = _kept_text(provider, body)
    check_feature(provider.facts, provider.settings, sent)
    with provider.store.writing():
        provider.store.forget(call.now)
        _check_parent_is_there(provider, call)
        row = _live_row(provider, call)
        if row is None:
            name = name_below_provider(provider.resource_id(call))
            raise resource_not_found(name, call.params["resourceGroupName"])
        _check_packages(provider, call, sent)
        _check_writer(provider, call, row)
        state = patched(provider.subject(call, row.id), orjson.loads(row.state), sent)
        return _write(provider, call, row, state, headers)


def _kept_text(provider: Provider, sent: dict[str, Any]) -> dict[str, Any]:
    """Return the body with empty texts as the settings require."""
    kept: dict[str, Any] = sent
    if provider.settings.empty_text == "dropped":
        kept = without_blanks(provider.kind.rules, sent)
    return kept


def delete(provider: Provider, call: Call) -> Reply:
    """
    Answer a DELETE: 202 for a long operation, 200 for one that is over, 204 where nothing was.

    Raises:
        Refused: 400, 404, 409 or 429.
    """
    headers = _admit(provider, call)
    with provider.store.writing():
        provider.store.forget(call.now)
        row = _live_row(provider, call)
        if row is None:
            return Reply(HTTPStatus.NO_CONTENT, headers=headers)
        if row.is_being_deleted(call.now):
            raise conflict()
        _check_writer(provider, call, row)
        if provider.store.has_children(row.key, call.now):
            raise has_children()
        fault = provider.store.take_fault(row.key)
        refusal = _refusal(provider, fault, headers)
        if refusal is not None:
            return refusal
        if provider.kind.operation != "header":
            provider.store.save(replace(row, settled=None, started=call.now, ends=call.now))
            return Reply(HTTPStatus.OK, headers=headers)
        return _delete_slowly(provider, call, row, fault, headers)


def _delete_slowly(provider: Provider, call: Call, row: Row, fault: Fault | None, headers: Mapping[str, str]) -> Reply:
    state = orjson.loads(row.state)
    ends = call.now + provider.settings.operation_seconds
    deleting = render(provider.kind, provider.facts, row.id, state, "Deleting")
    failed = render(provider.kind, provider.facts, row.id, state, "Failed") if fault else None
    provider.store.save(replace(row, settled=failed, running=deleting, started=call.now, ends=ends))
    return Reply(HTTPStatus.ACCEPTED, headers={**headers, **_start(provider, call, state, ends, fault, location=True)})


def _admit(provider: Provider, call: Call) -> dict[str, str]:
    provider.check_version(call)
    headers = provider.rate_headers(call)
    provider.check_group(call)
    provider.check_registration(call)
    return headers


def _live_row(provider: Provider, call: Call) -> Row | None:
    row = provider.store.find(provider.resource_id(call).lower())
    return row if row and row.answer(call.now) is not None else None


def _check_parent_is_there(provider: Provider, call: Call) -> None:
    key = parent_key(provider, call)
    if key is None:
        return
    check_parent(provider, call, key)
    parent = provider.store.find(key)
    if parent and parent.is_being_deleted(call.now):
        raise marked_for_deletion(name_below_provider(parent.id))


def _check_packages(provider: Provider, call: Call, sent: Mapping[str, Any]) -> None:
    """Refuse links without a signature to private blobs, which Azure reads with the identity of the gallery only."""
    if provider.settings.packages == "public" or _is_below_an_identity(provider, call):
        return
    for path in provider.facts.links:
        for holder in holders(sent, path):
            link = str(holder[path[-1]])
            if link and "sig=" not in link.partition("?")[2]:
                raise unreadable_blob(provider.facts.unreadable, link, named(provider.facts, path))


def _is_below_an_identity(provider: Provider, call: Call) -> bool:
    key = parent_key(provider, call)
    while key is not None and "/" in key.rpartition("/providers/")[2]:
        row = provider.store.find(key)
        if row is not None and has_identity(orjson.loads(row.state)):
            return True
        key = parent_of(key)
    return False


def _check_writer(provider: Provider, call: Call, row: Row | None) -> None:
    if row and row.is_being_deleted(call.now):
        raise marked_for_deletion(name_below_provider(row.id))
    if provider.store.is_busy(provider.slot(call), call.now):
        raise conflict()


def _refusal(provider: Provider, fault: Fault | None, headers: Mapping[str, str]) -> Reply | None:
    """
    Return the answer to a write that a test makes fail at once; None if it fails later, as an operation, or not at all.

    An answer, not an exception: the plant was taken in this transaction, and must not come back with a rollback.
    """
    if fault is None or (fault.status is None and provider.kind.operation == "header"):
        return None
    refused = Refused(fault.status or HTTPStatus.BAD_REQUEST, fault.code, fault.message)
    return json_reply(refused.status, refused.body(), headers)


def _write(provider: Provider, call: Call, row: Row | None, state: dict[str, Any], headers: Mapping[str, str]) -> Reply:
    fault = provider.store.take_fault(provider.resource_id(call).lower())
    refusal = _refusal(provider, fault, headers)
    if refusal is not None:
        return refusal
    is_long = provider.kind.operation == "header"
    ends = call.now + provider.settings.operation_seconds if is_long else call.now
    fresh = _fresh(provider, call, row, state, "Failed" if fault else SUCCEEDED, ends)
    provider.store.save(fresh)
    started = _start(provider, call, state, ends, fault, location=False) if is_long else {}
    answer = fresh.running if is_long else fresh.settled or ""
    text = dressed(provider, call, answer, fresh)
    return Reply(HTTPStatus.OK if row else HTTPStatus.CREATED, text.encode(), {**headers, **started})


def _fresh(provider: Provider, call: Call, row: Row | None, state: dict[str, Any], result: str, ends: float) -> Row:
    resource_id = row.id if row else provider.resource_id(call)
    return Row(
        key=resource_id.lower(),
        id=resource_id,
        kind=provider.kind.name,
        state=orjson.dumps(state).decode(),
        settled=render(provider.kind, provider.facts, resource_id, state, result),
        running=render(provider.kind, provider.facts, resource_id, state, "Updating" if row else "Creating"),
        started=call.now,
        ends=ends,
        created=row.created if row else call.now,
        changed=call.now,
        creator=row.creator if row else call.writer,
        writer=call.writer,
    )


def _start(
    provider: Provider, call: Call, state: Mapping[str, Any], ends: float, fault: Fault | None, *, location: bool
) -> dict[str, str]:
    operation = Operation(
        guid=str(uuid.uuid4()),
        key=provider.resource_id(call).lower(),
        slot=provider.slot(call),
        location=str(state["location"]).replace(" ", "").lower(),
        started=call.now,
        ends=ends,
        code=fault.code if fault else None,
        message=fault.message if fault else None,
    )
    provider.store.start(operation)
    subscription = call.params["subscriptionId"]
    return operations.links(call.base_url, subscription, operation, call.api_version, location=location)
