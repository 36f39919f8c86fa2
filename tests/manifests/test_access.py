"""Which signature goes into a link to a package just before a PUT, and what storage says of the link."""

from __future__ import annotations

import pytest

from reconciler.kinds.packaged import packaged
from reconciler.manifests.access import Grant, blob_at, covers, judge, to_ask, to_sign, with_access
from reconciler.manifests.permits import StorageHosts
from reconciler.secret.text import Secret, SecretUrl, reveal

LINK = "https://acme.blob.core.windows.net/packages/agent/1.0.0.zip"


def linked(link: str, *grants: tuple[str, str]) -> str:
    """Return what becomes of a package link under *grants*."""
    kind = packaged().kinds["GalleryApplicationVersion"]
    body = kind.seal({"properties": {"publishingProfile": {"source": {"mediaLink": link}}}})
    granted = with_access(kind, body, [Grant(prefix, Secret(signature)) for prefix, signature in grants], {})
    return str(reveal(granted)["properties"]["publishingProfile"]["source"]["mediaLink"])


def test_the_longest_prefix_that_fits_gives_the_signature() -> None:
    """Whatever the order of the rules."""
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
    """Whoever resolves it may end up outside the prefix."""
    link = f"https://acme.blob.core.windows.net{path}"
    assert linked(link, ("https://acme.blob.core.windows.net/packages", "sig=x")) == link


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
