"""
Refusals, in ARM's words and shape: ``{"error": {"code", "message", "target", "details"}}``.

Codes and texts are those of "Troubleshoot common Azure deployment errors" (learn.microsoft.com) and of users' issues;
where only a code is known, the text is plain English.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from reconciler.emulator.regions import DISPLAY_NAMES, short_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GATEWAY: Final = {"x-ms-failure-cause": "gateway"}


class Refused(Exception):  # noqa: N818 - no fault of this program: the answer to a request
    """
    A request that ARM answers with an error.

    Attributes:
        status: HTTP status.
        gateway: True where ARM itself refuses, before the resource provider sees the request.
    """

    def __init__(
        self, status: int, code: str, message: str, *, target: str | None = None, gateway: bool = False
    ) -> None:
        """Keep the parts of the answer."""
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details: tuple[Mapping[str, Any], ...] = ()
        self.headers: dict[str, str] = dict(GATEWAY) if gateway else {}

    def body(self) -> dict[str, Any]:
        """Return the JSON answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def resource_not_found(name: str, group: str) -> Refused:
    """Return the 404 of a resource that is not there."""
    message = (
        f"The Resource '{name}' under resource group '{group}' was not found. For more details please go to "
        "https://aka.ms/ARMResourceNotFoundFix"
    )
    return Refused(HTTPStatus.NOT_FOUND, "ResourceNotFound", message, gateway=True)


def parent_not_found(parent: str) -> Refused:
    """Return the 404 of a resource whose parent is not there."""
    message = f"Can not perform requested operation on nested resource. Parent resource '{parent}' not found."
    return Refused(HTTPStatus.NOT_FOUND, "ParentResourceNotFound", message, gateway=True)


def group_not_found(group: str) -> Refused:
    """Return the 404 of a resource group that is not there."""
    return Refused(
        HTTPStatus.NOT_FOUND, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.", gateway=True
    )


def type_not_found(path: str) -> Refused:
    """Return the 404 of a path that names no known resource type."""
    message = f"The resource type could not be found for the path '{path}'."
    return Refused(HTTPStatus.NOT_FOUND, "InvalidResourceType", message, gateway=True)


def method_not_allowed(method: str) -> Refused:
    """Return the 405 of a method that the resource type does not have."""
    message = f"The HTTP method '{method}' is not supported at scope of this resource."
    return Refused(HTTPStatus.METHOD_NOT_ALLOWED, "HttpMethodNotSupported", message, gateway=True)


def missing_api_version() -> Refused:
    """Return the 400 of a request without ``api-version``."""
    message = "The api-version query parameter (?api-version=) is required for all requests."
    return Refused(HTTPStatus.BAD_REQUEST, "MissingApiVersionParameter", message, gateway=True)


def unknown_api_version(type_name: str, version: str, known: Sequence[str], location: str) -> Refused:
    """Return the 400 that lists the api-versions a resource type has (flatcar/mantle pull request 520)."""
    message = (
        f"No registered resource provider found for location '{location}' and API version '{version}' for type "
        f"'{type_name}'. The supported api-versions are '{', '.join(known)}'. The supported locations are "
        f"'{', '.join(short_name(name) for name in DISPLAY_NAMES)}'."
    )
    return Refused(HTTPStatus.BAD_REQUEST, "NoRegisteredProviderFound", message, gateway=True)


def invalid_api_version(version: str, known: Sequence[str]) -> Refused:
    """Return the 400 of a version that ARM itself does not know (azure-sdk-for-python#21526)."""
    message = f"The api-version '{version}' is invalid. The supported versions are '{','.join(reversed(known))}'."
    return Refused(HTTPStatus.BAD_REQUEST, "InvalidApiVersionParameter", message, gateway=True)


def type_not_in_version(type_name: str, namespace: str, version: str, known: Sequence[str]) -> Refused:
    """Return the 404 of a type that its provider does not have at a version (azure-sdk-for-js#15460)."""
    others = f" The supported api-versions are '{','.join(known)}'." if known else ""
    message = (
        f"The resource type '{type_name}' could not be found in the namespace '{namespace}' for api version "
        f"'{version}'.{others}"
    )
    return Refused(HTTPStatus.NOT_FOUND, "InvalidResourceType", message, gateway=True)


def unknown_member(name: str, subject: str, where: str) -> Refused:
    """Return Compute's 400 of a property that the api-version does not have (azure-cli#18855)."""
    message = f"Could not find member '{name}' on object of type '{subject}'. Path '{where}', line 1, position 1."
    return Refused(HTTPStatus.BAD_REQUEST, "BadRequest", message, target=f"{subject}.{where}")


def not_registered(namespace: str) -> Refused:
    """Return the 409 of a subscription that has not registered a provider (recording ``test_managedappdef``)."""
    message = (
        f"The subscription is not registered to use namespace '{namespace}'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions."
    )
    refused = Refused(HTTPStatus.CONFLICT, "MissingSubscriptionRegistration", message, gateway=True)
    refused.details = ({"code": refused.code, "target": namespace, "message": message},)
    return refused


def invalid_content(message: str, target: str | None = None) -> Refused:
    """Return the 400 of a body that cannot be read into the resource."""
    text = f"The request content was invalid and could not be deserialized: '{message}'."
    return Refused(HTTPStatus.BAD_REQUEST, "InvalidRequestContent", text, target=target)


def invalid_parameter(message: str, target: str) -> Refused:
    """Return the 400 of one property whose value is refused."""
    return Refused(HTTPStatus.BAD_REQUEST, "InvalidParameter", message, target=target)


def unreadable_blob(code: str, link: str, target: str) -> Refused:
    """Return the 400 of a link that the service cannot read (azure-docs#112110)."""
    message = f"The SAS is not valid for source uri '{link}'."
    return Refused(HTTPStatus.BAD_REQUEST, code, message, target=target)


def missing_parameter(target: str) -> Refused:
    """Return the 400 of a required property that is left out."""
    return invalid_parameter(f"Required parameter '{target}' is missing (null).", target)


def bad_request(message: str) -> Refused:
    """Return a 400 with a general code."""
    return Refused(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def property_change(target: str) -> Refused:
    """
    Return the 409 for a change of an immutable property.

    By analogy with the image types (azure-sdk-for-java#28842, bosh-azure-cpi-release#720).
    """
    return Refused(
        HTTPStatus.CONFLICT, "PropertyChangeNotAllowed", f"Changing property '{target}' is not allowed.", target=target
    )


def location_change(name: str, group: str, live: str, sent: str) -> Refused:
    """Return ARM's 409 of a resource that exists elsewhere (azure-docs#70422)."""
    message = (
        f"The resource '{name}' already exists in location '{live}' in resource group '{group}'. A resource with the "
        f"same name cannot be created in location '{sent}'. Please select a new resource name."
    )
    return Refused(HTTPStatus.CONFLICT, "InvalidResourceLocation", message, gateway=True)


def conflict() -> Refused:
    """Return the 409 of a write while another one runs in the same application."""
    message = (
        "The request failed due to conflict with a concurrent request. To resolve it, please refer to "
        "https://aka.ms/activitylog to get more details on the conflicting requests."
    )
    return Refused(HTTPStatus.CONFLICT, "Conflict", message)


def marked_for_deletion(name: str) -> Refused:
    """Return the 409 for a write to a resource that is being deleted ("VM Applications overview")."""
    return Refused(
        HTTPStatus.CONFLICT, "Conflict", f"The resource '{name}' is marked for deletion. It cannot be changed."
    )


def has_children() -> Refused:
    """Return the 409 of deleting a resource that has, or had seconds ago, resources below it."""
    message = "Can not delete resource before nested resources are deleted."
    return Refused(HTTPStatus.CONFLICT, "CannotDeleteResource", message, gateway=True)


def foreign_host() -> Refused:
    """Return the 421 of a request for another host: a web page may have let its own name lead here."""
    return Refused(
        HTTPStatus.MISDIRECTED_REQUEST,
        "MisdirectedRequest",
        "The embedded ARM serves loopback names only.",
        gateway=True,
    )


def foreign_origin() -> Refused:
    """Return the 403 of a request that a web page makes: the links that are stored here may be signed."""
    return Refused(HTTPStatus.FORBIDDEN, "OriginNotAllowed", "The embedded ARM does not serve web pages.", gateway=True)


def too_deep(most: int) -> Refused:
    """Return the 400 of a body that is nested too deeply."""
    return invalid_content(f"The reader's MaxDepth of {most} has been exceeded.")


def too_large(limit: int) -> Refused:
    """Return the 413 of a body past the limit."""
    message = f"The request content size exceeds the maximum size of {limit} bytes."
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", message, gateway=True)


def throttled(kind: str, retry_after_s: int, *, provider: bool) -> Refused:
    """Return the 429 of ARM, or of the Compute provider."""
    message = f"Number of '{kind}' requests exceeded the limit. Please try again after '{retry_after_s}' seconds."
    code = "TooManyRequests" if provider else "SubscriptionRequestsThrottled"
    refused = Refused(HTTPStatus.TOO_MANY_REQUESTS, code, message, gateway=not provider)
    refused.headers["Retry-After"] = str(retry_after_s)
    return refused


def server_error() -> Refused:
    """Return the 500 for a state file that cannot be read or written at the moment."""
    return Refused(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "InternalServerError",
        "The server encountered an internal error. Please retry the request.",
    )
