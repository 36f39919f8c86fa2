"""Which commit is taken: every order of facts, and addresses of repositories."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from reconciler.errors import UsageError
from reconciler.history.git import Link
from reconciler.service.source import (
    MOST_COMMITS,
    Address,
    Ask,
    Keep,
    Known,
    Signed,
    Take,
    Terms,
    next_step,
    parse_address,
    refused_links,
    root_of,
    to_verify,
)

ANSWERS: dict[Ask, tuple[dict[str, Any], ...]] = {
    Ask.NEWEST: ({"newest": "new"}, {"newest": "old"}, {"failure": "gone"}),
    Ask.IS_FORWARD: ({"is_forward": True}, {"is_forward": False}),
    Ask.RANGE: ({"range": ("new",)}, {"range": ("new",) * (MOST_COMMITS + 1)}),
    Ask.IS_VERIFIED: ({"is_verified": True}, {"failure": "unsigned"}),
    Ask.LINKS: ({"links": ()}, {"links": ("a.yaml",)}),
    Ask.IS_UNPACKED: ({"is_unpacked": True}, {"failure": "no room"}),
    Ask.MISTAKES: ({"mistakes": ""}, {"mistakes": "wrong"}),
}


def ends(known: Known, terms: Terms) -> list[tuple[Known, Take | Keep]]:
    """Return every end that the answers lead to, each with the facts that it was decided by."""
    step = next_step(known, terms)
    if not isinstance(step, Ask):
        return [(known, step)]
    answers = [replace(known, **answer) for answer in ANSWERS[step]]
    assert known not in answers, "a fact is asked for once"
    return [end for answer in answers for end in ends(answer, terms)]


@pytest.mark.parametrize(
    ("in_force", "has_tree", "allows", "signed"),
    [*product((None, "old"), (False, True), (False, True), (None, Signed.HEAD, Signed.RANGE))],
)
def test_every_order_of_facts(in_force: str | None, *, has_tree: bool, allows: bool, signed: Signed | None) -> None:
    """A commit is taken only with all facts for it; the one in force needs none but its files."""
    terms = Terms(allows, signed)
    found = ends(Known(in_force, has_tree and in_force is not None), terms)
    assert any(isinstance(step, Take) for _, step in found)
    for known, step in found:
        if not isinstance(step, Take):
            continue
        assert known.failure is None
        assert step.commit == known.newest
        if step.commit == in_force:
            assert known.has_tree or known.is_unpacked
            continue
        assert (known.links, known.is_unpacked, known.mistakes) == ((), True, "")
        assert in_force is None or known.is_forward or allows
        assert signed is None or known.is_verified
        assert signed is None or len(known.range or ()) <= MOST_COMMITS


def test_the_commits_to_verify() -> None:
    """The head; or all since the one in force, where there is one."""
    known = Known("old", newest="new")
    assert to_verify(known, Terms(signed=Signed.HEAD)) == (None, "new")
    assert to_verify(known, Terms(signed=Signed.RANGE)) == ("old", "new")
    assert to_verify(replace(known, in_force=None), Terms(signed=Signed.RANGE)) == (None, "new")


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("https://example.net/estate.git", "https"),
        ("https://user@example.net:8443/estate.git", "https"),
        ("ssh://git@example.net/estate.git", "ssh"),
        ("ssh://git@[::1]:2222/estate.git", "ssh"),
        ("file:///srv/estate", "file"),
        ("/srv/estate", "file"),
    ],
)
def test_addresses(url: str, protocol: str) -> None:
    """Each has one protocol, and a branch has its whole name."""
    assert parse_address(url, "release/1.x") == Address(url, protocol, "refs/heads/release/1.x")
    assert parse_address(url, "refs/tags/v1").ref == "refs/tags/v1"


@pytest.mark.parametrize("ref", ["", "-x", "a..b", "a b", "a:b", "+a", "a//b", "a.lock", "a/.b", "a@{1}", "a~1", "a^"])
def test_no_refs(ref: str) -> None:
    """A ref names one ref, and is no expression."""
    with pytest.raises(UsageError):
        parse_address("/srv/estate", ref)


@pytest.mark.parametrize(
    ("path", "target", "refused"),
    [
        ("m/a.yaml", "b", True),
        ("m/a.YAML", "b", True),
        ("m/x/a.yml", "../b.yaml", True),
        ("m/x", "../other", True),
        ("m/x", None, True),
        ("m/script.sh", "../other/script.sh", False),
        ("m/.x/a.yaml", "b", False),
        ("m", "other", True),
        ("mm/a.yaml", "b", False),
        ("other/x", "../m", False),
        ("reconciler.yaml", "other/r.yaml", True),
        ("m/reconciler.yaml", "r", True),
        ("other/reconciler.yaml", "r", False),
    ],
)
def test_links(path: str, target: str | None, *, refused: bool) -> None:
    """Only those through which a manifest or the project file would be read."""
    found = refused_links([Link(path, target)], {"m/b.yaml", "other/script.sh", "other/r.yaml"}, "m")
    assert found == ((path,) if refused else ())


@pytest.mark.parametrize(
    ("files", "config", "root"),
    [
        ({"a/b/m.yaml"}, None, "a/b"),
        ({"a/b/m.yaml", "reconciler.yaml"}, None, ""),
        ({"a/b/m.yaml", "a/reconciler.yaml", "reconciler.yaml"}, None, "a"),
        ({"a/b/m.yaml", "c/p.yaml"}, "c/p.yaml", "c"),
    ],
)
def test_roots(files: set[str], config: str | None, root: str) -> None:
    """The folder of the project file, or that of the manifests."""
    assert root_of(files, "a/b", config) == root
