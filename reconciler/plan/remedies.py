"""
Fixes for an error, by its code, else by the property that Azure names: data in one table, and its readers. Pure.

Codes: "Common deployment errors" and the pages below it, "Resolve errors for ..." (learn.microsoft.com).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from reconciler.kinds import paths
from reconciler.secret.text import Secret, SecretUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.errors import ErrorInfo
    from reconciler.model.desired import Desired
    from reconciler.values import FieldPath


@dataclass(frozen=True, slots=True)
class Remedy:
    """
    The fix for one code.

    Attributes:
        fix: In the imperative.
        path: The property that the code is about, where it is always the same one.
        package: Whether the code is about the package behind a link.
        general: Whether the code is unspecific: a property that Azure names is tried first.
    """

    fix: str
    path: str = ""
    package: bool = False
    general: bool = False


_PACKAGE: Final = (
    "Azure could not read the package: check the link, and the role of the gallery's identity if it has one, or"
    " configure spec.storage in the project file (docs/packages.md)"
)
_SIGN_IN: Final = "sign in again, for this cloud and tenant, and run again (docs/sign-in.md)"
_GRANT: Final = (
    "grant the identity this action on this scope (docs/sign-in.md lists them); a new role takes minutes to spread"
)
_REGISTER: Final = "register the resource provider in the subscription (az provider register --namespace NAMESPACE)"
_FEATURE: Final = "register the feature that the message names (az feature register), or remove the property"
_API_VERSION: Final = (
    "check --cloud and --endpoint: this cloud or region does not know the resource type at that api-version"
)
_LOCATION: Final = "choose one of the regions that the message names, or another that offers the resource type"
_QUOTA: Final = "delete what is no longer used, or request a higher quota for the subscription and region (az quota)"
_SUBSCRIPTION: Final = "check `subscriptionId`, `--cloud`, and that the identity can see the subscription"
_DISABLED: Final = "enable the subscription again (its owner, in the portal under Cost Management + Billing)"
_GROUP_GOING: Final = "wait until the resource group is deleted, create it anew, or correct `resourceGroupName`"
_VALUE: Final = "change the value that Azure rejects in the manifest; the message has its reason"
_LATER: Final = "run again; if it happens again, give the request id to Azure support"
_SLOWER: Final = "run again later, or with a lower --concurrency"
_WAIT: Final = "wait until the other operation has ended, then run again"
_IMMUTABLE: Final = "publish under a new name or version: this property is immutable after creation"
_LOCKED: Final = "remove the lock on this scope (az lock list), or leave the resource as it is"
_ELSEWHERE: Final = "restore the location in which the resource exists, or publish under another name"
_PARENT: Final = "add a manifest for the parent, or correct the names in `spec`"
_GATEWAY: Final = "check --endpoint and the network: a proxy or gateway may have answered in place of Azure"

REMEDIES: Final[Mapping[str, Remedy]] = {
    # Sign-in and access.
    "AuthorizationFailed": Remedy(_GRANT),
    "Forbidden": Remedy(_GRANT, general=True),
    "LinkedAuthorizationFailed": Remedy(
        "grant the identity the action on the linked resource too: the message names both"
    ),
    "LinkedAccessCheckFailed": Remedy(
        "grant the identity the action on the linked resource too: the message names both"
    ),
    "RoleAssignmentUpdateNotPermitted": Remedy(_GRANT),
    "DenyAssignmentAuthorizationFailed": Remedy(
        "ask the owner of the managed application or deployment stack that denies it, or exclude the identity there"
    ),
    "InvalidAuthenticationToken": Remedy(_SIGN_IN),
    "ExpiredAuthenticationToken": Remedy(_SIGN_IN),
    "AuthenticationFailed": Remedy(_SIGN_IN, general=True),
    "InvalidAuthenticationTokenTenant": Remedy("sign in to the tenant that the subscription belongs to"),
    "RequestDisallowedByPolicy": Remedy("ask the owner of the policy what it requires, or for an exemption"),
    "RequestDisallowedByAzure": Remedy(_LOCATION, "location"),
    "ScopeLocked": Remedy(_LOCKED),
    # The subscription.
    "SubscriptionNotFound": Remedy(_SUBSCRIPTION),
    "InvalidSubscriptionId": Remedy(_SUBSCRIPTION),
    "ReadOnlyDisabledSubscription": Remedy(_DISABLED),
    "DisabledSubscription": Remedy(_DISABLED),
    "SubscriptionDisabled": Remedy(_DISABLED),
    "MissingSubscriptionRegistration": Remedy(_REGISTER),
    "SubscriptionNotRegistered": Remedy(_REGISTER),
    "NotRegisteredForProvider": Remedy(_REGISTER),
    "SubscriptionNotRegisteredForFeature": Remedy(_FEATURE),
    "FeatureNotRegistered": Remedy(_FEATURE),
    "FeatureNotSupported": Remedy(_FEATURE, general=True),
    "ResourceGroupNotFound": Remedy("create the resource group, or correct `resourceGroupName`"),
    "ResourceGroupBeingDeleted": Remedy(_GROUP_GOING),
    "ResourceGroupDeletionInProgress": Remedy(_GROUP_GOING),
    # Locations and API versions.
    "NoRegisteredProviderFound": Remedy(f"{_API_VERSION}; or choose a `location` that the message names", "location"),
    "InvalidApiVersionParameter": Remedy(_API_VERSION),
    "UnsupportedApiVersion": Remedy(_API_VERSION),
    "ApiVersionNotSupported": Remedy(_API_VERSION),
    "InvalidResourceType": Remedy(_API_VERSION),
    "InvalidResourceNamespace": Remedy(_API_VERSION),
    "UnsupportedResourceOperation": Remedy(_API_VERSION),
    "LocationNotAvailableForResourceType": Remedy(_LOCATION, "location"),
    "LocationNotAvailableForResourceGroup": Remedy(_LOCATION, "location"),
    "LocationNotSupported": Remedy(_LOCATION, "location"),
    "InvalidLocation": Remedy(_LOCATION, "location"),
    "LocationRequired": Remedy("declare `location`", "location"),
    "InvalidResourceLocation": Remedy(_ELSEWHERE, "location"),
    "InvalidResourceGroupLocation": Remedy("correct the location of the resource group, or `resourceGroupName`"),
    "SkuNotAvailable": Remedy(_LOCATION, "location"),
    "NotAvailableForSubscription": Remedy(_LOCATION, "location"),
    "RegionNotSupported": Remedy(_LOCATION, "location"),
    "ZoneNotSupported": Remedy(_LOCATION, "location"),
    # Quotas and throttling.
    "QuotaExceeded": Remedy(_QUOTA),
    "ResourceQuotaExceeded": Remedy(_QUOTA),
    "ResourceCountExceedsLimitDueToTemplate": Remedy(_QUOTA),
    "ResourceGroupQuotaExceeded": Remedy(_QUOTA),
    "SubscriptionQuotaExceeded": Remedy(_QUOTA),
    "AccountQuotaExceeded": Remedy(_QUOTA),
    "OperationNotAllowed": Remedy(f"{_QUOTA}, if the message names a limit; else correct what it names"),
    "TooManyRequests": Remedy(_SLOWER),
    "SubscriptionRequestsThrottled": Remedy(_SLOWER),
    "ResourceRequestsThrottled": Remedy(_SLOWER),
    "OperationPreempted": Remedy(_LATER),
    # Conflicts.
    "Conflict": Remedy(_WAIT),
    "AnotherOperationInProgress": Remedy(_WAIT),
    "OperationInProgress": Remedy(_WAIT),
    "RetryableError": Remedy(_WAIT),
    "CannotDeleteResource": Remedy(_WAIT),
    # The request.
    "PropertyChangeNotAllowed": Remedy(_IMMUTABLE),
    "PropertyUpdateNotAllowed": Remedy(_IMMUTABLE),
    "PropertyImmutable": Remedy(_IMMUTABLE),
    "InvalidParameter": Remedy(_VALUE, general=True),
    "InvalidParameterValue": Remedy(_VALUE, general=True),
    "MissingRequiredParameter": Remedy(_VALUE, general=True),
    "InvalidPropertyValue": Remedy(_VALUE, general=True),
    "InvalidRequestContent": Remedy(_VALUE, general=True),
    "InvalidRequestFormat": Remedy(_VALUE, general=True),
    "InvalidResource": Remedy(_VALUE, general=True),
    "BadRequest": Remedy(_VALUE, general=True),
    "ValidationFailed": Remedy(_VALUE, general=True),
    "InvalidResourceName": Remedy("change the name in `spec` to one that follows the rule in the message"),
    "ReservedResourceName": Remedy("choose a name without the reserved word that the message names"),
    "InvalidTag": Remedy(_VALUE, "tags"),
    "InvalidTagNameCharacters": Remedy(_VALUE, "tags"),
    "TagNameTooLong": Remedy(_VALUE, "tags"),
    "PrincipalNotFound": Remedy(
        "check the principal id, and the tenant that it is of; a new one takes minutes to spread"
    ),
    "RequestEntityTooLarge": Remedy("make the manifest smaller: move the template into a package"),
    "RequestContentTooLarge": Remedy("make the manifest smaller: move the template into a package"),
    "ParentResourceNotFound": Remedy(_PARENT),
    "ResourceNotFound": Remedy("check that the resource that the message names exists, and its spelling", general=True),
    "NotFound": Remedy("check that the resource that the message names exists, and its spelling", general=True),
    # The package.
    "DownloadItemFromBlobFailed": Remedy(_PACKAGE, package=True),
    "BlobNotFound": Remedy(_PACKAGE, package=True),
    "ContainerNotFound": Remedy(_PACKAGE, package=True),
    "BlobAccessDenied": Remedy(_PACKAGE, package=True),
    "InvalidBlobUri": Remedy(_PACKAGE, package=True),
    "PublicAccessNotPermitted": Remedy(_PACKAGE, package=True),
    "NoAuthenticationInformation": Remedy(_PACKAGE, package=True),
    # Azure itself, and gateways in front of it.
    "InternalServerError": Remedy(_LATER, general=True),
    "InternalExecutionError": Remedy(_LATER, general=True),
    "InternalOperationError": Remedy(_LATER, general=True),
    "InternalError": Remedy(_LATER, general=True),
    "ServiceUnavailable": Remedy(_LATER, general=True),
    "ServerBusy": Remedy(_LATER, general=True),
    "ServerTimeout": Remedy(_LATER, general=True),
    "GatewayTimeout": Remedy(_LATER, general=True),
    "BadGateway": Remedy(_LATER, general=True),
    "OperationTimedOut": Remedy(_LATER, general=True),
    "Http401": Remedy(_GATEWAY, general=True),
    "Http403": Remedy(_GATEWAY, general=True),
    "Http404": Remedy(_GATEWAY, general=True),
    "Http405": Remedy(_GATEWAY, general=True),
    "Http407": Remedy(_GATEWAY, general=True),
    "Http502": Remedy(_GATEWAY, general=True),
    "Http503": Remedy(_GATEWAY, general=True),
    "Http504": Remedy(_GATEWAY, general=True),
}
"""By Azure's code; of several codes of one error, the first specific one counts."""

_CALLED: Final = re.compile(r"\b(?i:parameter|property|field)\s+['\"`]?([A-Za-z]\w*(?:\.\w+|\[[^\]'\"`]{0,80}\])*)")
_QUOTED: Final = re.compile(r"['\"`]([A-Za-z][\w-]*(?:\.[\w-]+|\[[^\]'\"`]{0,80}\])+)['\"`]")
_READ_CHARACTERS: Final = 8000


def by_code(codes: Iterable[str]) -> str | None:
    """Return the fix of the first code that has one of its own."""
    found = (REMEDIES[code] for code in codes if code in REMEDIES)
    return next((remedy.fix for remedy in found if not remedy.general), None)


def path_of(code: str) -> str:
    """Return the property that a code is always about; empty where there is none."""
    return REMEDIES[code].path if code in REMEDIES else ""


def advised(desired: Desired, error: ErrorInfo) -> ErrorInfo:
    """
    Return *error* with the property of *desired* that it is about, and with a fix.

    The fix is that of its code, else that of the property, else the code's general one.
    """
    place = place_in(desired, error)
    if place is not None:
        error = replace(error, steps=place[0], path=place[1])
    if error.fix is not None:
        return error
    if place is not None and _is_link(desired, place[0]):
        return replace(error, fix=_PACKAGE)
    if place is not None:
        return replace(error, fix=f"change `{place[1]}` in the manifest: Azure rejects its value")
    remedy = REMEDIES.get(error.code)
    is_service = error.status is not None and error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return replace(error, fix=remedy.fix if remedy else _LATER if is_service else None)


def place_in(desired: Desired, error: ErrorInfo) -> tuple[FieldPath, str] | None:
    """
    Return the value that an error is about: where it is declared, and its path as a reader writes it.

    The names in Azure's error go first, then those that its message quotes: a property, or the link to a package. A
    property that the manifest does not declare has a path all the same.
    """
    text = error.message[:_READ_CHARACTERS]
    named = (*error.targets, *_QUOTED.findall(text), *_CALLED.findall(text))
    found = (_found(desired, name) for name in named)
    place = next((place for place in found if place is not None), None) or _package_in(desired, error)
    if place is not None:
        return place
    ending = (paths.find_ending(desired.kind.rules, desired.body, name) for name in named)
    return next((place for place in ending if place is not None), None)


def _found(desired: Desired, name: str) -> tuple[FieldPath, str] | None:
    rules, body = desired.kind.rules, desired.body
    return paths.find(rules, body, name) or paths.find_known(rules, body, name)


def _package_in(desired: Desired, error: ErrorInfo) -> tuple[FieldPath, str] | None:
    """Return the link to a package that the message quotes, or the first one where the code is about packages."""
    is_about_packages = error.code in REMEDIES and REMEDIES[error.code].package
    if not is_about_packages and "://" not in error.message:
        return None
    links = dict(_links(desired))
    quoted = (place for place, link in links.items() if link and link.lower() in error.message.lower())
    place = next(quoted, None)
    if place is None and is_about_packages:
        place = next(iter(links), None)
    return _found(desired, ".".join(place)) if place else None


def _links(desired: Desired) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of each declared link to a package, and the link without its query."""
    for path, _ in desired.kind.links:
        value = paths.get(desired.body, path)
        if isinstance(value, Secret):
            yield path, value.base if isinstance(value, SecretUrl) else ""


def _is_link(desired: Desired, path: FieldPath) -> bool:
    return any(path == link for link, _ in desired.kind.links)
