"""
Access of Azure to package blobs: the signature that a link gets before a PUT, if any, and the verdict of storage. Pure.

Every PUT of a version needs a blob that Azure can read, that of a changed date too ("VM Applications",
learn.microsoft.com).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from reconciler.http.origin import is_loopback, is_same_origin, origin_of
from reconciler.kinds.paths import find
from reconciler.model.change import Signing
from reconciler.secret.text import HIDDEN, FromEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.kinds.kind import Kind
    from reconciler.manifests.permits import StorageHosts
    from reconciler.manifests.project import StorageRule
    from reconciler.model.desired import Desired
    from reconciler.secret.text import Secret, SecretUrl
    from reconciler.values import FieldPath, JsonObject

_ROOT: Final = "$root"
_READINGS: Final = 5
_UNREAD: Final = re.compile(r"[\x00-\x20\x7f]+|;.*")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Grant:
    """
    The access to every blob below a prefix.

    Attributes:
        prefix: Scheme, host and the first parts of the path.
        signature: None where one is made for each blob when it is needed, or none is needed.
        by_identity: The identity of the resource's top-level parent reads the blobs; a link gets no signature.
    """

    prefix: str
    signature: Secret | None = None
    by_identity: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the blobs are on this machine."""
        return is_loopback(self.prefix)

    def is_at(self, base: str) -> bool:
        """Whether a link leads to the host of the prefix, over the same scheme and port."""
        return is_same_origin(self.prefix, base)

    def covers(self, base: str) -> bool:
        """Whether a link is below the prefix."""
        return covers(self.prefix, base)


def is_for(rule: Grant | StorageRule, kind: Kind, base: str) -> bool:
    """
    Return whether a rule applies to a link in a resource of *kind*.

    Only a resource below another one has an identity that reads its packages for it, that of its top-level parent:
    Azure fetches the package of a managed application definition anonymously.
    """
    return covers(rule.prefix, base) and (kind.parent is not None or not rule.by_identity)


def covers(prefix: str, base: str) -> bool:
    """Return whether a link is below *prefix*: on the same host, and below whole parts of the path."""
    if not is_same_origin(prefix, base):
        return False
    above = [part for part in urlsplit(prefix).path.split("/") if part]
    below = [part for part in urlsplit(base).path.split("/") if part]
    return below[: len(above)] == above and not _climbs(base)


def _climbs(link: str) -> bool:
    """
    Return whether a reader of the path of *link* could end up above the folder that the link seems to name.

    ``packages/../other`` begins with ``packages``. Percent signs are read once by some and several times by others, a
    backslash as a slash, parameters after a semicolon and control characters not at all.
    """
    path = link.partition("://")[2].partition("?")[0].partition("#")[0]
    for _ in range(_READINGS):
        parts = (_UNREAD.sub("", part) for part in path.replace("\\", "/").split("/"))
        if not {".", ".."}.isdisjoint(parts):
            return True
        path, before = unquote(path), path
        if path == before:
            return False
    return True


def signings(desired: Desired, body: JsonObject, rules: Sequence[StorageRule]) -> tuple[Signing, ...]:
    """
    Return the signatures that a PUT with *body* would use, and the links that the gallery's identity opens.

    Args:
        desired: Whose PUT it is.
        body: Of the PUT, before any signature of a rule is put in.
        rules: From the project file.
    """
    found = []
    for path, link in desired.kind.placed_links(body):
        source = _source(desired, path, link, rules)
        if source is not None:
            origin = None if isinstance(link, FromEnvironment) else origin_of(link.base)
            place = find(desired.kind.rules, body, ".".join(map(str, path)))
            found.append(Signing(place[1] if place else "", origin.host if origin else HIDDEN, source))
    return tuple(found)


def _source(desired: Desired, path: FieldPath, link: SecretUrl, rules: Sequence[StorageRule]) -> str | None:
    fitting = [rule for rule in rules if is_for(rule, desired.kind, link.base)]
    best = max(fitting, key=lambda rule: len(rule.prefix), default=None)
    if best is not None:
        return best.source
    if link.query is None:
        return None
    if isinstance(link, FromEnvironment):
        return link.variable
    stated = dict(desired.kind.placed_links(desired.body)).get(path)
    return "manifest" if stated is not None and stated.query is not None else "live"


@dataclass(frozen=True, slots=True)
class Blob:
    """
    Where one blob is.

    Attributes:
        endpoint: Of the account's blob service, without a slash at its end.
        host: Of the endpoint, in lower case.
        name: Within the container, not percent-encoded.
    """

    endpoint: str
    host: str
    account: str
    container: str
    name: str


def blob_at(base: str) -> Blob | None:
    """Return the blob that a link without its query leads to; on this machine the path names the account (Azurite)."""
    origin = origin_of(base)
    if origin is None:
        return None
    parts = urlsplit(base)
    endpoint, path = f"{parts.scheme}://{parts.netloc}", parts.path.removeprefix("/")
    account = origin.host.partition(".")[0]
    if origin.is_loopback:
        account, _, path = path.partition("/")
        endpoint = f"{endpoint}/{account}"
    first, _, rest = path.partition("/")
    container, name = (first, rest) if rest else (_ROOT, first)
    return Blob(endpoint, origin.host, account, container, unquote(name)) if name and account else None


def to_sign(kind: Kind, body: JsonObject, grants: Sequence[Grant]) -> tuple[str, ...]:
    """Return the links of *body*, without their queries, that a signature must be made for."""
    links = (link.base for link, _ in kind.links_in(body) if not isinstance(link, FromEnvironment))
    found = ((base, grant_for(kind, base, grants)) for base in links)
    return tuple(base for base, grant in found if grant and grant.signature is None and not grant.by_identity)


def with_access(kind: Kind, body: JsonObject, grants: Sequence[Grant], made: Mapping[str, Secret]) -> JsonObject:
    """
    Return *body* with the signature of the longest prefix that fits in every link to a blob.

    Where there is none, the link keeps the query part that it has. A link for the gallery's identity has none.

    Args:
        kind: Of the resource.
        body: Of its PUT, sealed.
        grants: From the project file.
        made: Signatures that were made, by the link that each is for.
    """

    def granted(link: SecretUrl) -> SecretUrl:
        best = grant_for(kind, link.base, grants)
        if best is not None and best.by_identity:
            return link.with_query(None)
        signature = (best.signature or made.get(link.base)) if best else None
        return link.with_query(signature) if signature else link

    return kind.map_links(body, granted) if grants else body


def to_ask(
    kind: Kind, body: JsonObject, grants: Sequence[Grant], hosts: StorageHosts
) -> tuple[tuple[SecretUrl, int | None], ...]:
    """
    Return the links of *body* to check with storage, and the maximum bytes that Azure accepts of each.

    Only hosts that the project file declares and the operator allows are called: no manifest may make the reconciler
    call a host of its choice, and the link carries a signature.
    """
    return tuple(
        (link, most)
        for link, most in kind.links_in(body)
        if not isinstance(link, FromEnvironment)  # a log of requests names hosts and paths
        if hosts.allows(link.base) and any(grant.is_at(link.base) for grant in grants)
    )


def grant_for(kind: Kind, base: str, grants: Iterable[Grant]) -> Grant | None:
    """Return the grant with the longest prefix that applies to a link in a resource of *kind*; None without one."""
    fitting = [grant for grant in grants if is_for(grant, kind, base)]
    return max(fitting, key=lambda grant: len(grant.prefix), default=None)


def known_identities(declared: Iterable[Desired], live: Mapping[str, JsonObject]) -> dict[str, bool]:
    """
    Return by folded id whether each top-level resource has a managed identity; none whose identity is unknown.

    Args:
        declared: The resources of the manifests; a declared identity counts before the live one.
        live: The live bodies, by folded id.
    """
    found = {key: has_identity(live[key]) for key in live if key == top_level(key)}
    roots = ((item.key, item.body) for item in declared if item.parent is None)
    return found | {key: has_identity(body) for key, body in roots if "identity" in body}


def has_identity(body: JsonObject) -> bool:
    """Return whether a body has a managed identity ("Common types for ARM resources", ManagedServiceIdentity)."""
    identity = body.get("identity")
    kind = identity.get("type") if isinstance(identity, Mapping) else None
    return isinstance(kind, str) and kind.lower() not in {"", "none"}


def top_level(resource_id: str) -> str:
    """Return the id of the top-level resource that a resource is in: of a gallery, for all that is in it."""
    scope, separator, path = resource_id.rpartition("/providers/")
    return f"{scope}{separator}{'/'.join(path.split('/')[:3])}"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The verdict of storage's answer to a HEAD on whether Azure can read the same link; empty where it can.

    Attributes:
        fault: Why Azure cannot read it. This is certain: Azure would get the same answer.
        fix: The fix, in the imperative.
        doubt: Why Azure may get another answer.
    """

    fault: str | None = None
    fix: str | None = None
    doubt: str | None = None


_UPLOAD: Final = "upload the package, or correct the link"
_SIGN: Final = "add a rule to `spec.storage` of the project file that signs the link"
_SIGN_ANEW: Final = "make a new signature for this blob, with permission to read it and time left"

# Answers that do not depend on where the request comes from. All others may: 403 AuthorizationFailure comes
# from a storage firewall, AuthorizationSourceIPMismatch from a signature for certain addresses, and a 404 without a
# code may come from a proxy ("Common REST API error codes", "Shared access signature error codes",
# learn.microsoft.com).
_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "BlobNotFound": ("the blob does not exist", _UPLOAD),
    "ContainerNotFound": ("the container does not exist", _UPLOAD),
    "ResourceNotFound": ("the blob does not exist, or it is private and the link has no signature", _SIGN),
    "NoAuthenticationInformation": ("the blob is private, and the link has no signature", _SIGN),
    "PublicAccessNotPermitted": ("the account does not allow anonymous access", _SIGN),
    "AuthenticationFailed": ("the signature is not accepted, has expired or is not valid yet", _SIGN_ANEW),
    "KeyBasedAuthenticationNotPermitted": (
        "the account does not accept signatures made with its key",
        "use `userDelegation`",
    ),
    "AuthorizationPermissionMismatch": (
        "the signature, or the identity that made it, has no permission to read the blob",
        "with `userDelegation`, assign Storage Blob Data Reader to the identity and wait some minutes; else sign anew",
    ),
    "AuthorizationResourceTypeMismatch": ("the signature does not cover blobs", _SIGN_ANEW),
    "AuthorizationServiceMismatch": ("the signature does not cover the blob service", _SIGN_ANEW),
}


# The refusals of a request without a signature or a token. Azure tries a link as it is, and then with the identity of
# the gallery ("Create and deploy VM applications", managed identity, learn.microsoft.com).
_FOR_THE_ANONYMOUS: Final = frozenset({"ResourceNotFound", "NoAuthenticationInformation", "PublicAccessNotPermitted"})
_MISSING: Final = frozenset({"BlobNotFound", "ContainerNotFound", "ResourceNotFound"})


def judge_own(status: int, headers: Mapping[str, str], most: int | None) -> Finding | None:
    """
    Return whether Azure can read a link by an identity, from the answer to a HEAD with the run's own token.

    Only that the blob is there, or is not, is the same for every identity; None where the answer shows neither.

    Args:
        status: Of the answer.
        headers: Of that answer, names in lower case.
        most: The maximum bytes that Azure accepts; None where no limit is known.
    """
    if status == HTTPStatus.NOT_FOUND and headers.get("x-ms-error-code") in _MISSING:
        return Finding("the blob or its container does not exist", _UPLOAD)
    return judge(status, headers, most) if status == HTTPStatus.OK else None


def judge(status: int, headers: Mapping[str, str], most: int | None, *, by_identity: bool = False) -> Finding:
    """
    Return whether Azure can read a link.

    Args:
        status: Of the answer to a HEAD of the same link.
        headers: Of that answer, names in lower case.
        most: The maximum bytes that Azure accepts; None where no limit is known.
        by_identity: Azure can also read it with a managed identity.
    """
    code = headers.get("x-ms-error-code", "")
    if by_identity and code in _FOR_THE_ANONYMOUS:
        return Finding(doubt=f"storage answered {_word(code, status)} to a request without a signature")
    if status != HTTPStatus.OK:
        fault, fix = _FAULTS.get(code, (None, None))
        return Finding(fault, fix) if fault else Finding(doubt=f"storage answered {_word(code, status)} from here")
    length = headers.get("content-length", "")
    if "x-ms-blob-type" not in headers or not _LENGTH.fullmatch(length):
        return Finding(doubt="the answer is not from blob storage")
    if not int(length):
        return Finding("the blob is empty", "upload the package again")
    if most is not None and int(length) > most:
        return Finding(f"the blob has {length} bytes; Azure accepts at most {most}", "make the package smaller")
    if headers.get("x-ms-access-tier") == "Archive":
        return Finding("the blob is archived and cannot be read", "move it to another access tier")
    return Finding()


def _word(code: str, status: int) -> str:
    """Return status and code; the code only if it is one word, as a proxy may have answered."""
    return f"{status} {code}" if code.isalnum() and len(code) < 80 else str(status)  # noqa: PLR2004
