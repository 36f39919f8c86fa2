"""Which signature goes into a link to a package just before a PUT, and what storage says of the link."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.kinds.packaged import packaged
from reconciler.manifests.access import (
    Grant,
    blob_at,
    covers,
    has_identity,
    judge,
    judge_own,
    known_identities,
    to_ask,
    to_sign,
    top_level,
    with_access,
)
from reconciler.manifests.permits import StorageHosts
from reconciler.secret.text import FromEnvironment, Secret, SecretUrl, reveal
from tests.kit.bench import desired_of

LINK = "https://acme.blob.core.windows.net/packages/agent/1.0.0.zip"


def linked(link: str, *grants: tuple[str, str]) -> str:
    """Return what becomes of a package link under *grants*."""
    kind = packaged().kinds["GalleryApplicationVersion"]
    body = kind.seal({"properties": {"publishingProfile": {"source": {"mediaLink": link}}}})
    granted = with_access(kind, body, [Grant(prefix, Secret(signature)) for prefix, signature in grants], {})
    return str(reveal(granted)["properties"]["publishingProfile"]["source"]["mediaLink"])


def test_the_longest_prefix_that_fits_gives_the_signature() -> None:
    """The order of the rules does not matter."""
    account, container = "https://acme.blob.core.windows.net", "https://acme.blob.core.windows.net/packages/"
    assert linked(LINK, (account, "sig=a"), (container, "sig=c")) == f"{LINK}?sig=c"
    assert linked(LINK, (container, "sig=c"), (account, "sig=a")) == f"{LINK}?sig=c"


def test_a_rule_wins_over_the_manifests_own_query() -> None:
    """An old signature in a manifest is not what is sent."""
    assert linked(f"{LINK}?sig=old", ("https://acme.blob.core.windows.net", "sig=new")) == f"{LINK}?sig=new"


def test_without_a_rule_a_link_stays_as_it_is() -> None:
    """Its own query part included."""
    assert linked(f"{LINK}?sig=own") == f"{LINK}?sig=own"
    assert linked(LINK, ("https://other.blob.core.windows.net", "sig=x")) == LINK


@pytest.mark.parametrize(
    "prefix",
    [
        "https://acme.blob.core.windows.net/pack",
        "https://acme.blob.core.windows.net/packages/agent/1.0.0.zip/more",
        "https://acme.blob.core.windows",
        "http://acme.blob.core.windows.net",
        "https://acme.blob.core.windows.net:8443",
        "https://[broken",
        "https://acme.blob.core.windows.net\\@evil.example",
    ],
)
def test_a_signature_is_for_whole_parts_of_one_host(prefix: str) -> None:
    """A prefix is no beginning of a text: a host that merely begins alike gets nothing."""
    assert linked(LINK, (prefix, "sig=x")) == LINK


def test_host_and_scheme_have_no_case() -> None:
    """The path has."""
    assert linked(LINK, ("HTTPS://ACME.blob.core.windows.net/packages", "sig=x")) == f"{LINK}?sig=x"
    assert linked(LINK, ("https://acme.blob.core.windows.net/Packages", "sig=x")) == LINK


@pytest.mark.parametrize(
    "path", ["/packages/../secret/x.zip", "/packages/./x.zip", "/packages/%2E%2e/secret/x.zip", "/packages/x y.zip"]
)
def test_a_link_that_two_readers_may_read_in_two_ways_gets_no_signature(path: str) -> None:
    """The service that resolves the path may end up outside the prefix."""
    link = f"https://acme.blob.core.windows.net{path}"
    assert linked(link, ("https://acme.blob.core.windows.net/packages", "sig=x")) == link


ACCOUNT = "https://acme.blob.core.windows.net"


@pytest.mark.parametrize("given", [LINK, f"{LINK}?sig=own", f"{LINK}#part"])
def test_a_link_that_an_identity_reads_is_sent_without_a_query(given: str) -> None:
    """By the longest prefix: a longer one may still bring a signature, and a shorter one does not."""
    by_identity = Grant(f"{ACCOUNT}/packages", by_identity=True)
    for grants in ([by_identity], [by_identity, Grant(ACCOUNT, Secret("sig=a"))]):
        assert granted(given, *grants) == LINK
    longer = Grant(f"{ACCOUNT}/packages/agent", Secret("sig=a"))
    assert granted(given, by_identity, longer) == f"{LINK}?sig=a"


def test_a_link_from_the_environment_loses_its_query_too() -> None:
    """It stays hidden as a whole."""
    kind = packaged().kinds["GalleryApplicationVersion"]
    stated = {"properties": {"publishingProfile": {"source": {"mediaLink": FromEnvironment("X", Secret(f"{LINK}?q"))}}}}
    done = with_access(kind, stated, [Grant(ACCOUNT, by_identity=True)], {})
    link = done["properties"]["publishingProfile"]["source"]["mediaLink"]
    assert (link.reveal(), str(link)) == (LINK, "(secret)")


def granted(link: str, *grants: Grant) -> str:
    """Return what becomes of a package link under *grants*, for which no signature is made."""
    kind = packaged().kinds["GalleryApplicationVersion"]
    assert to_sign(kind, body(mediaLink=link), grants) == ()
    done = reveal(with_access(kind, body(mediaLink=link), grants, {}))
    return str(done["properties"]["publishingProfile"]["source"]["mediaLink"])


def test_the_package_of_a_definition_is_read_by_no_gallery() -> None:
    """Another rule of the same host applies to it, or none."""
    kind = packaged().kinds["ApplicationDefinition"]
    stated = dict(kind.seal({"properties": {"packageFileUri": f"{LINK}?sig=own"}}))
    by_identity = Grant(f"{ACCOUNT}/packages", by_identity=True)
    for others, expected in (((), "sig=own"), ((Grant(ACCOUNT, Secret("sig=a")),), "sig=a")):
        done = reveal(with_access(kind, stated, [by_identity, *others], {}))
        assert done["properties"]["packageFileUri"] == f"{LINK}?{expected}"


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ({"type": "UserAssigned", "userAssignedIdentities": {}}, True),
        ({"type": "SystemAssigned, UserAssigned"}, True),
        ({"type": "none"}, False),
        ({"type": None}, False),
        ({}, False),
        (None, False),
        ("UserAssigned", False),
    ],
)
def test_whether_a_resource_has_an_identity(identity: object, *, expected: bool) -> None:
    """Of any type but `None`."""
    assert has_identity({"identity": identity}) is expected
    assert has_identity({}) is False


def test_a_declared_identity_counts_before_the_live_one() -> None:
    """Galleries alone have one; a gallery that is neither declared with one nor read is unknown."""
    there, gone, silent = "/s/providers/m/galleries/a", "/s/providers/m/galleries/b", "/s/providers/m/galleries/c"
    live = {
        there: {},
        gone: {"identity": {"type": "UserAssigned"}},
        silent: {"identity": {"type": "UserAssigned"}},
        f"{silent}/applications/x": {"identity": {"type": "UserAssigned"}},
    }
    kind = packaged().kinds["Gallery"]
    stated = [
        replace(desired_of(kind, {"location": "westeurope", "properties": {}}), key=key, body=declared)
        for key, declared in ((there, {"identity": {"type": "UserAssigned"}}), (gone, {"identity": None}), (silent, {}))
    ]
    assert known_identities(stated, live) == {there: True, gone: False, silent: True}


@pytest.mark.parametrize("below", ["", "/applications/a", "/applications/a/versions/1.0.0"])
def test_the_top_level_resource_of_an_id(below: str) -> None:
    """The same for all that is in it."""
    assert top_level(f"/subscriptions/s/providers/Microsoft.Compute/galleries/g{below}") == (
        "/subscriptions/s/providers/Microsoft.Compute/galleries/g"
    )


def body(**links: str) -> dict[str, object]:
    """Return the body of a version with these links, sealed."""
    kind = packaged().kinds["GalleryApplicationVersion"]
    return dict(kind.seal({"properties": {"publishingProfile": {"source": links}}}))


def test_a_signature_is_made_where_the_best_rule_has_none() -> None:
    """Not where a longer prefix brings one, nor where no rule covers the link."""
    kind = packaged().kinds["GalleryApplicationVersion"]
    stated = body(mediaLink=f"{LINK}?sig=own", defaultConfigurationLink="https://acme.blob.core.windows.net/env/c.json")
    grants = [
        Grant("https://acme.blob.core.windows.net"),
        Grant("https://acme.blob.core.windows.net/env/", Secret("sig=e")),
    ]
    assert to_sign(kind, stated, grants) == (LINK,)
    assert to_sign(kind, stated, grants[1:]) == ()
    signed = reveal(with_access(kind, stated, grants, {LINK: Secret("sig=made")}))
    source = signed["properties"]["publishingProfile"]["source"]
    assert source == {
        "mediaLink": f"{LINK}?sig=made",
        "defaultConfigurationLink": "https://acme.blob.core.windows.net/env/c.json?sig=e",
    }


def test_storage_is_asked_at_stated_hosts_alone() -> None:
    """With the limit that the schema names; below the prefix or not, but never at the host of a manifest's choice."""
    kind = packaged().kinds["GalleryApplicationVersion"]
    inside, outside = "https://acme.blob.core.windows.net/other/c.json", "https://metadata.example/latest"
    grants = [Grant("https://acme.blob.core.windows.net/packages")]
    hosts = StorageHosts()
    assert to_ask(kind, body(mediaLink=LINK, defaultConfigurationLink=inside), grants, hosts) == (
        (SecretUrl(LINK), 2 * 1024**3),
        (SecretUrl(inside), 1024**3),
    )
    assert to_ask(kind, body(mediaLink=outside, defaultConfigurationLink=""), grants, hosts) == ()
    assert to_ask(kind, body(mediaLink=f"https://acme.blob.core.windows.net@{outside[8:]}"), grants, hosts) == ()


@pytest.mark.parametrize(
    ("link", "blob"),
    [
        (LINK, ("https://acme.blob.core.windows.net", "acme", "packages", "agent/1.0.0.zip")),
        ("https://ACME.blob.core.windows.net/p/a%20b", ("https://ACME.blob.core.windows.net", "acme", "p", "a b")),
        ("https://acme.blob.core.windows.net/a.zip", ("https://acme.blob.core.windows.net", "acme", "$root", "a.zip")),
        ("https://127.0.0.1:9/acme/p/a//b", ("https://127.0.0.1:9/acme", "acme", "p", "a//b")),
        ("http://localhost/acme/p/a", ("http://localhost/acme", "acme", "p", "a")),
        ("http://[::1]:9/acme/p/a", ("http://[::1]:9/acme", "acme", "p", "a")),
    ],
)
def test_the_blob_behind_a_link(link: str, blob: tuple[str, str, str, str]) -> None:
    """Account, container and name, as a signature is made for them."""
    found = blob_at(link)
    assert found is not None
    assert (found.endpoint, found.account, found.container, found.name) == blob


@pytest.mark.parametrize(
    "link", ["https://acme.blob.core.windows.net/", "http://localhost/acme", "https://[broken", "x"]
)
def test_a_link_without_a_blob(link: str) -> None:
    """There is nothing to sign for."""
    assert blob_at(link) is None


GOOD = {"x-ms-blob-type": "BlockBlob", "content-length": "100"}


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (404, {"x-ms-error-code": "BlobNotFound"}),
        (404, {"x-ms-error-code": "ContainerNotFound"}),
        (404, {"x-ms-error-code": "ResourceNotFound"}),
        (401, {"x-ms-error-code": "NoAuthenticationInformation"}),
        (409, {"x-ms-error-code": "PublicAccessNotPermitted"}),
        (403, {"x-ms-error-code": "AuthenticationFailed"}),
        (403, {"x-ms-error-code": "KeyBasedAuthenticationNotPermitted"}),
        (403, {"x-ms-error-code": "AuthorizationPermissionMismatch"}),
        (403, {"x-ms-error-code": "AuthorizationResourceTypeMismatch"}),
        (403, {"x-ms-error-code": "AuthorizationServiceMismatch"}),
        (200, {**GOOD, "content-length": "0"}),
        (200, {**GOOD, "content-length": "101"}),
        (200, {**GOOD, "x-ms-access-tier": "Archive"}),
    ],
)
def test_what_azure_cannot_read_for_certain(status: int, headers: dict[str, str]) -> None:
    """Azure would get the same answer to the same link, wherever it asks from."""
    finding = judge(status, headers, 100)
    assert finding.fault
    assert finding.fix
    assert finding.doubt is None


@pytest.mark.parametrize(
    ("status", "headers", "word"),
    [
        (403, {"x-ms-error-code": "AuthorizationFailure"}, "403 AuthorizationFailure"),
        (403, {"x-ms-error-code": "AuthorizationSourceIPMismatch"}, "403 AuthorizationSourceIPMismatch"),
        (403, {}, "403"),
        (404, {}, "404"),
        (302, {"location": "https://login.example/"}, "302"),
        (503, {"x-ms-error-code": "ServerBusy"}, "503 ServerBusy"),
        (400, {"x-ms-error-code": "sig=CANARY"}, "400"),
        (200, {"content-length": "0"}, ""),
        (200, {"x-ms-blob-type": "BlockBlob"}, ""),
        (200, {**GOOD, "content-length": "9" * 5000}, ""),
    ],
)
def test_what_says_nothing_of_azure(status: int, headers: dict[str, str], word: str) -> None:
    """A firewall, a proxy, a busy account: from elsewhere the answer may be another."""
    finding = judge(status, headers, 100)
    assert finding.fault is None
    assert finding.doubt is not None
    assert word in finding.doubt
    assert "CANARY" not in finding.doubt


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "ResourceNotFound"), (401, "NoAuthenticationInformation"), (409, "PublicAccessNotPermitted")],
)
def test_what_the_anonymous_are_refused_an_identity_may_read(status: int, code: str) -> None:
    """All else stays as certain as it is."""
    finding = judge(status, {"x-ms-error-code": code}, 100, by_identity=True)
    assert finding.fault is None
    assert finding.doubt
    for certain in ("BlobNotFound", "ContainerNotFound", "AuthenticationFailed"):
        assert judge(404, {"x-ms-error-code": certain}, 100, by_identity=True).fault
    assert judge(200, {**GOOD, "content-length": "101"}, 100, by_identity=True).fault


@pytest.mark.parametrize(
    ("status", "headers", "is_fault"),
    [
        (404, {"x-ms-error-code": "BlobNotFound"}, True),
        (404, {"x-ms-error-code": "ContainerNotFound"}, True),
        (404, {"x-ms-error-code": "ResourceNotFound"}, True),
        (200, {**GOOD, "content-length": "101"}, True),
        (200, GOOD, False),
        (404, {}, None),
        (404, {"x-ms-error-code": "AccountNotFound"}, None),
        (403, {"x-ms-error-code": "AuthorizationPermissionMismatch"}, None),
        (403, {"x-ms-error-code": "AuthorizationFailure"}, None),
        (401, {"x-ms-error-code": "InvalidAuthenticationInfo"}, None),
        (403, {"x-ms-error-code": "BlobNotFound"}, None),
        (503, {"x-ms-error-code": "ServerBusy"}, None),
    ],
)
def test_the_runs_own_token_shows_only_whether_a_blob_is_there(
    status: int, headers: dict[str, str], *, is_fault: bool | None
) -> None:
    """Its roles are not those of the identity that reads the package."""
    finding = judge_own(status, headers, 100)
    assert (finding is None) is (is_fault is None)
    assert finding is None or bool(finding.fault) is is_fault


@pytest.mark.parametrize("most", [100, None])
def test_a_blob_that_is_as_large_as_may_be(most: int | None) -> None:
    """And any blob where no limit is known."""
    assert judge(200, GOOD, most) == judge(200, {**GOOD, "content-length": "1"}, most)
    assert judge(200, GOOD, most).fault is judge(200, GOOD, most).doubt is None


@pytest.mark.parametrize(
    "path",
    [
        *("..%2fother/a.zip", "%2e%2e/other/a.zip", "%2e%2e%2fother/a.zip", "..%252fother", "%252e%252e%252fother"),
        *(
            "..%5cother/a.zip",
            "..\\other/a.zip",
            "a/..;x=1/../other",
            "..;/other",
            ".%09./other",
            "a%2f..%2f..%2fother",
        ),
        *("%25252e%25252e/other", "./a", "%2e/a", ". ./a", "%c0%ae%2f..%2fa"),
    ],
)
def test_a_link_that_somebody_could_read_as_leading_upward_is_not_covered(path: str) -> None:
    """However the way up is encoded, and how often."""
    assert not covers(
        "https://acme.blob.core.windows.net/packages", f"https://acme.blob.core.windows.net/packages/{path}"
    )


@pytest.mark.parametrize(
    "path", ["a.zip", "a%20b.zip", "a%2fb.zip", "..a/b", "a../b", "...", "a%25b", "v1..2/a", "%c3%a9"]
)
def test_an_ordinary_link_is_covered(path: str) -> None:
    """Dots, blanks and slashes in names lead nowhere."""
    assert covers("https://acme.blob.core.windows.net/packages", f"https://acme.blob.core.windows.net/packages/{path}")
