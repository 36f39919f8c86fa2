"""
Checks manifests and the project file against the permissions of the operator; each violation is an error. Pure.

A pull request may name any scope, host and variable; none of them is read, called or shown before this check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.http.origin import origin_of
from reconciler.manifests.access import is_for
from reconciler.manifests.permits import is_signature
from reconciler.manifests.schema_errors import problem
from reconciler.problems import Problem
from reconciler.secret.text import FromEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.manifests.permits import Permits, StorageHosts
    from reconciler.manifests.project import Project
    from reconciler.model.desired import Desired
    from reconciler.problems import Document
    from reconciler.values import FieldPath

_SUBSCRIPTION: Final = "subscriptionId"
_GROUP: Final = "resourceGroupName"
_FOR_WEBHOOKS: Final = "for webhooks, use `{$env: RECONCILER_SECRET_…}`"


def trespasses(permits: Permits, desired: Sequence[Desired]) -> Iterator[Problem]:
    """Yield an error for each manifest whose resource is in no scope that the operator allows."""
    for item in desired:
        if not permits.scopes.hold(item.key):
            scope, _, _ = item.id.partition("/providers/")
            name = _GROUP if permits.scopes.reach(item.key) and _GROUP in item.params else _SUBSCRIPTION
            origin = item.origin((name,))
            message = f"{item.address} is in `{scope}`, which is outside every `--allowed-scope`"
            fix = "correct it, or ask the operator to add the scope to `--allowed-scope` (`RECONCILER_ALLOWED_SCOPES`)"
            yield Problem(origin.file, origin.line, origin.column, f"spec.{name}", "scope-not-allowed", message, fix)


def unsigned(permits: Permits, project: Project, document: Document | None) -> Iterator[Problem]:
    """Yield an error for each storage rule whose signature or token may not go where it points, or is none."""
    for index, rule in enumerate(project.storage if document is not None else ()):
        at: FieldPath = ("spec", "storage", index)
        if document is not None and not permits.storage.allows(rule.prefix):
            yield _foreign(document, (*at, "prefix"), rule.prefix, permits.storage)
        value = permits.secrets.get(rule.env or "")
        if document is not None and value is not None and not is_signature(value.reveal().removeprefix("?")):
            message = f"the variable `{rule.env}` does not hold a signature: `sv`, `se` and `sig` are required"
            fix = "set it to the query string of a signed link (SAS), as printed by the portal or `az storage`"
            yield problem(document, (*at, "sas", "env"), "signature", message, fix)


def _foreign(document: Document, at: FieldPath, prefix: str, hosts: StorageHosts) -> Problem:
    origin = origin_of(prefix)
    host = origin.host if origin else "an unreadable host"
    message = f"`{host}` is not a blob host of this cloud, so no signature and no token is sent to it"
    account = f" (NAME{hosts.suffixes[0]})" if hosts.suffixes else ""
    fix = f"correct the prefix{account}, or pass `--storage-host {host}` if the host is yours"
    return problem(document, at, "storage-host", message, fix)


def strange_storage(project: Project, document: Document | None, known: Sequence[StorageHosts]) -> Iterator[Problem]:
    """Yield a warning for each storage rule whose host is a blob host of no cloud, in a command without a cloud."""
    for index, rule in enumerate(project.storage if document is not None else ()):
        if document is not None and not any(hosts.allows(rule.prefix) for hosts in known):
            yield _foreign(document, ("spec", "storage", index, "prefix"), rule.prefix, known[0])


def idle_storage(project: Project, document: Document | None, desired: Sequence[Desired]) -> Iterator[Problem]:
    """Yield a warning for each storage rule that no link to a package is below."""
    if document is None or not project.storage:
        return
    links = {(item.kind, link) for item in desired for link, _ in item.kind.links_in(item.body)}
    if any(isinstance(link, FromEnvironment) and not link.is_set for _, link in links):
        return  # where it leads is not known here
    for index, rule in enumerate(project.storage):
        if not any(is_for(rule, kind, link.base) for kind, link in links):
            whose = "of a gallery " if rule.by_identity else ""
            message = f"no manifest {whose}links to a package below this prefix, so this rule has no effect"
            other = "for a managed application definition, use `sas`" if rule.by_identity else _FOR_WEBHOOKS
            fix = f"correct the prefix, or delete the rule; {other} instead"
            yield problem(document, ("spec", "storage", index, "prefix"), "storage-unused", message, fix)
