"""Which signature goes into a link to a package, just before a PUT."""

from __future__ import annotations

import pytest

from reconciler.access import Grant, with_access
from reconciler.kinds import load_kinds
from reconciler.secret import Secret, reveal

LINK = "https://acme.blob.core.windows.net/packages/agent/1.0.0.zip"


def linked(link: str, *grants: tuple[str, str]) -> str:
    """Give what becomes of a package link under *grants*."""
    kind = load_kinds()["GalleryApplicationVersion"]
    body = kind.seal({"properties": {"publishingProfile": {"source": {"mediaLink": link}}}})
    granted = with_access(kind, body, [Grant(prefix, Secret(signature)) for prefix, signature in grants])
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
    ],
)
def test_a_signature_is_for_whole_parts_of_one_host(prefix: str) -> None:
    """A prefix is no beginning of a text: a host that merely begins alike gets nothing."""
    assert linked(LINK, (prefix, "sig=x")) == LINK


def test_host_and_scheme_have_no_case() -> None:
    """The path has."""
    assert linked(LINK, ("HTTPS://ACME.blob.core.windows.net/packages", "sig=x")) == f"{LINK}?sig=x"
    assert linked(LINK, ("https://acme.blob.core.windows.net/Packages", "sig=x")) == LINK
