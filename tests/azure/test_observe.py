"""Reading what exists: what is asked, and what each answer means for each resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.azure.observe import Scope, observe, read_one
from reconciler.kinds.live import Live
from reconciler.model.live import Absence, Absent, Unreadable
from tests.kit.loops import run
from tests.kit.service import (
    APPLICATION,
    GALLERY,
    VERSION,
    Bench,
    application,
    bench,
    breaks,
    definition,
    gallery,
    refuses,
    says,
    version,
)

if TYPE_CHECKING:
    from reconciler.model.live import Observation
    from reconciler.problems import Manifest
    from tests.kit.service import Fault

EVERYTHING = (gallery(), application(), version(), version("1.1.0"), definition())


async def stand(test: Bench) -> None:
    """Create everything that is desired, and forget how."""
    assert set((await test.results()).values()) == {"succeeded"}
    test.service.seen.clear()


def read(test: Bench, observation: Observation) -> dict[str, str]:
    """Tell in a word what was found, by name."""
    words = {}
    for item in test.desired:
        found = observation.observed.get(item.key)
        match found:
            case Live():
                words[item.name] = "live"
            case Absent(why):
                words[item.name] = why.value
            case Unreadable(error):
                words[item.name] = error.code
            case None:
                pass
    return words


def observed(*manifests: Manifest, standing: bool = True, **faults: tuple[str, Fault]) -> dict[str, str]:
    """Read with faults, each a method-less path and what happens there for ever."""

    async def scenario() -> dict[str, str]:
        async with bench(*manifests) as test:
            if standing:
                await stand(test)
            for path, fault in faults.values():
                test.service.plan("GET", path, fault, times=99)
            return read(test, await test.observe())

    return run(scenario())


def test_lists_by_parent() -> None:
    """One list for all versions of an application, and everything is read once."""

    async def scenario() -> None:
        async with bench(*EVERYTHING) as test:
            await stand(test)
            found = await test.observe()
            assert set(read(test, found).values()) == {"live"}
            assert sorted(test.service.sent("GET")) == ["applicationDefinitions", "applications", "tools", "versions"]
            assert found.unmanaged == ()

    run(scenario())


def test_secrets_are_sealed() -> None:
    """A link in an answer cannot be printed, whether it was listed or read by itself."""

    async def scenario() -> None:
        async with bench(*EVERYTHING) as test:
            await stand(test)
            assert "CANARY" not in repr(await test.observe())
            assert "CANARY" not in repr(await test.observe(singly=True))
            assert "CANARY" not in repr(await test.observe(health=True))

    run(scenario())


def test_singly() -> None:
    """Where only some are wanted each is read by itself, and nothing is said of the others."""

    async def scenario() -> None:
        async with bench(*EVERYTHING) as test:
            await stand(test)
            found = await test.observe(singly=True, only="agent-1.1.0")
            assert read(test, found) == {"agent-1.1.0": "live"}
            assert test.service.sent("GET") == ["1.1.0"]
            assert found.unmanaged == ()

    run(scenario())


def test_unmanaged() -> None:
    """What is live beside the stated ones is told, in order, by its name in Azure; what is stated elsewhere is not."""

    async def scenario() -> None:
        async with bench(*EVERYTHING) as test:
            await stand(test)
            body = {"location": "westus", "properties": {"supportedOSType": "Linux"}}
            test.world.seed([(f"{GALLERY}/applications/{name}", body) for name in ("zeta", "Beta")])
            found = await test.observe(only="agent")
            assert [(item.kind.name, item.name) for item in found.unmanaged] == [
                ("GalleryApplication", "Beta"),
                ("GalleryApplication", "zeta"),
            ]

    run(scenario())


def test_nothing_is_read_below_what_is_not_there() -> None:
    """An absent gallery answers for everything in it."""

    async def scenario() -> None:
        async with bench(gallery(), application(), version()) as test:
            found = read(test, await test.observe())
            assert found == {"tools": "not-found", "agent": "parent-missing", "agent-1.0.0": "parent-missing"}
            assert test.service.sent("GET") == ["tools"]

    run(scenario())


def test_absent_from_a_complete_list() -> None:
    """What a complete list does not hold is absent."""

    async def scenario() -> None:
        async with bench(*EVERYTHING) as test:
            await stand(test)
            test.world.remove(VERSION)
            assert read(test, await test.observe())["agent-1.0.0"] == "not-found"

    run(scenario())


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("ResourceNotFound", "not-found"),
        ("ParentResourceNotFound", "parent-missing"),
        ("ResourceGroupNotFound", "group-missing"),
        ("SubscriptionNotFound", "SubscriptionNotFound"),
        ("NotFound", "NotFound"),
        ("resourcenotfound", "resourcenotfound"),
    ],
)
def test_codes_of_a_get(code: str, word: str) -> None:
    """Only ARM's own codes for it are an absence."""
    assert observed(gallery(), tools=("/tools", refuses(404, code))) == {"tools": word}


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("ResourceNotFound", "parent-missing"),
        ("ParentResourceNotFound", "parent-missing"),
        ("ResourceGroupNotFound", "group-missing"),
        ("NotFound", "NotFound"),
    ],
)
def test_codes_of_a_list(code: str, word: str) -> None:
    """Of a list, what was not found is the parent; its children are as absent."""
    found = observed(application(), gallery(), version(), agent=("/applications", refuses(404, code)))
    below = word if word in {"parent-missing", "group-missing"} else "live"
    assert found == {"tools": "live", "agent": word, "agent-1.0.0": below}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (says(404, b"<html>not found</html>"), "Http404"),
        (says(404), "Http404"),
        (says(404, {"error": {"message": "no code"}}), "Http404"),
        (refuses(400, "ResourceNotFound"), "ResourceNotFound"),
        (refuses(403, "AuthorizationFailed"), "AuthorizationFailed"),
        (refuses(500, "InternalServerError"), "InternalServerError"),
        (breaks(after=False), "Unreachable"),
        (says(302, Location="https://evil.example/"), "ForeignOrigin"),
        (says(200, b"<html>Sign in</html>"), "UnusableAnswer"),
        (says(200, b""), "UnusableAnswer"),
        (says(200, []), "UnusableAnswer"),
        (says(200, {}), "UnusableAnswer"),
        (says(200, {"id": GALLERY}), "UnusableAnswer"),
        (says(200, {"id": GALLERY + "2", "properties": {}}), "UnusableAnswer"),
    ],
)
@pytest.mark.parametrize("name", ["tools", "applicationDefinitions"])
def test_what_says_nothing(fault: Fault, code: str, name: str) -> None:
    """No other answer is ever an absence, for a GET or a list; what could be read stands."""
    manifests = {"tools": gallery(), "suite": definition()}
    found = observed(*manifests.values(), fault=(f"/{name}", fault))
    broken = "tools" if name == "tools" else "suite"
    assert found == {name: code if name == broken else "live" for name in manifests}


@pytest.mark.parametrize("code", ["NotFound", "ResourceNotFound", "ParentResourceNotFound"])
def test_half_a_list(code: str) -> None:
    """A second page that fails makes the list unreadable; of it, no 404 says that anything is absent."""
    one = {"id": APPLICATION, "properties": {"supportedOSType": "Linux"}}
    page = says(200, {"value": [one], "nextLink": "http://localhost/page2"})
    faults = {"first": ("/applications", page), "second": ("/page2", refuses(404, code))}
    found = observed(application(), application("other"), standing=False, **faults)
    assert found == {"agent": "UnusableAnswer", "other": "UnusableAnswer"}


@pytest.mark.parametrize("element", [{"properties": {}}, {"id": 7, "properties": {}}])
def test_a_nameless_element(element: dict[str, Any]) -> None:
    """An element that does not tell which one it is could be any: nothing is absent from such a list."""
    fault = says(200, {"value": [element]})
    assert observed(application(), standing=False, agent=("/applications", fault)) == {"agent": "UnusableAnswer"}


@pytest.mark.parametrize("more", [{}, {"properties": None}, {"properties": []}])
def test_an_element_without_properties(more: dict[str, Any]) -> None:
    """An element without properties tells nothing of its own resource, and leaves the others alone."""
    whole = {"id": APPLICATION + "2", "properties": {"supportedOSType": "Linux"}}
    fault = says(200, {"value": [{"id": APPLICATION.upper(), **more}, whole]})
    found = observed(application(), application("agent2"), standing=False, agent=("/applications", fault))
    assert found == {"agent": "UnusableAnswer", "agent2": "live"}


def test_letters_beyond_ascii() -> None:
    """A list holds ids as text; a manifest's is percent-encoded for its URL."""
    manifest = definition()
    manifest = type(manifest)(
        manifest.kind,
        manifest.name,
        {},
        {},
        {**manifest.spec, "resourceGroupName": "rg-süd(1)"},
        manifest.source,
        manifest.locate,
    )
    body = {"id": "/subscriptions/01523d7c-60da-455e-adef-521b547922c4/resourceGroups/RG-süd(1)/providers/"}
    body["id"] += "Microsoft.Solutions/applicationDefinitions/Suite"

    async def scenario() -> None:
        async with bench(manifest) as test:
            test.service.plan("GET", "/applicationDefinitions", says(200, {"value": [{**body, "properties": {}}]}))
            found = await test.observe()
            assert read(test, found) == {"suite": "live"}
            assert found.unmanaged == ()

    run(scenario())


@pytest.mark.parametrize(
    ("fault", "word", "known"),
    [
        (None, "parent-missing", False),
        (refuses(404, "ParentResourceNotFound"), "parent-missing", False),
        (refuses(403, "AuthorizationFailed"), "AuthorizationFailed", False),
        (says(200, {"id": GALLERY, "properties": {}}), "parent-missing", True),
    ],
)
def test_parents_that_no_manifest_states(fault: Fault | None, word: str, known: bool) -> None:  # noqa: FBT001
    """Where nothing else tells, the parent is read: absent, there, or unreadable, and then so is what is below it."""

    async def scenario() -> None:
        async with bench(application(), application("other")) as test:
            if fault is not None:
                test.service.plan("GET", "/tools", fault)
            found = await test.observe()
            assert read(test, found) == {"agent": word, "other": word}
            assert found.parents == ({GALLERY.lower()} if known else set())
            assert sorted(test.service.sent("GET")) == ["applications", "tools"]
            assert set(found.observed) == {item.key for item in test.desired}

    run(scenario())


def test_a_list_proves_the_parent() -> None:
    """A list that was answered proves its parent, so the parent is not read."""

    async def scenario() -> None:
        async with bench(gallery(), application(), version()) as test:
            await stand(test)
            test.world.remove(VERSION)
            found = await test.observe(only="agent-1.0.0")
            assert read(test, found) == {"agent-1.0.0": "not-found"}
            assert APPLICATION.lower() in found.parents
            assert test.service.sent("GET") == ["versions"]

    run(scenario())


def test_a_live_resource_needs_no_parent_read() -> None:
    """The parent is read only if the resource is absent."""

    async def scenario() -> None:
        async with bench(gallery(), application(), version()) as test:
            await stand(test)
            await test.observe(singly=True, only="agent-1.0.0")
            test.world.remove(VERSION)
            await test.observe(singly=True, only="agent-1.0.0")
            assert test.service.sent("GET") == ["1.0.0", "1.0.0", "agent"]

    run(scenario())


def test_a_parent_of_no_known_kind() -> None:
    """A parent whose kind is not there is not asked for."""

    async def scenario() -> None:
        async with bench(application()) as test:
            scope = Scope(frozenset(item.key for item in test.desired))
            found = await observe(test.desired, scope, {}, test.arm)
            assert read(test, found) == {"agent": "parent-missing"}
            assert test.service.sent("GET") == ["applications"]

    run(scenario())


def test_health() -> None:
    """Where it is wanted, the replication of every live version is read too; that it cannot be stops nothing."""

    async def scenario() -> None:
        async with bench(*EVERYTHING) as test:
            await stand(test)
            test.service.plan("GET", "/1.1.0", refuses(403, "AuthorizationFailed"))
            found = await test.observe(health=True)
            assert set(read(test, found).values()) == {"live"}
            assert sorted(test.service.sent("GET")[-2:]) == ["1.0.0", "1.1.0"]
            bodies = {item.name: found.observed[item.key] for item in test.desired}
            statuses = {name: "replicationStatus" in str(body) for name, body in bodies.items() if "agent-" in name}
            assert statuses == {"agent-1.0.0": True, "agent-1.1.0": False}

    run(scenario())


def test_no_health_of_what_is_not_there() -> None:
    """An absent version has no replication to ask for."""

    async def scenario() -> None:
        async with bench(gallery(), application(), version()) as test:
            await test.observe(health=True)
            assert test.service.sent("GET") == ["tools"]

    run(scenario())


def test_bounded_concurrency() -> None:
    """No more reads run at the same time than allowed."""

    async def scenario() -> None:
        async with bench(*(gallery(f"g{number}") for number in range(10))) as test:
            test.service.latency_s = 1
            await test.observe()
            assert [seen.at for seen in test.service.seen] == [0] * 4 + [1] * 4 + [2] * 2

    run(scenario())


def test_read_one() -> None:
    """One resource is read by itself, and says as much as any."""

    async def scenario() -> None:
        async with bench(gallery()) as test:
            assert await read_one(test.desired[0], test.arm) == Absent(Absence.NOT_FOUND)
            await stand(test)
            assert isinstance(await read_one(test.desired[0], test.arm), Live)
            test.service.plan("GET", "/tools", says(404, b"<html>"))
            assert isinstance(await read_one(test.desired[0], test.arm), Unreadable)

    run(scenario())


@pytest.mark.parametrize("status", [5, "Failed", [], {"aggregatedState": 5, "summary": 5}, {"summary": [5, None]}])
def test_a_replication_status_of_another_shape(status: Any) -> None:
    """A replication status of any shape makes no plan fail."""

    async def scenario() -> None:
        async with bench(version()) as test:
            body = {"id": VERSION, "properties": {"replicationStatus": status}}
            test.service.plan("GET", "/versions", says(200, {"value": [body]}))
            assert (await test.plan()).changes[0].health.value == "Healthy"

    run(scenario())


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, SystemError])
@pytest.mark.parametrize(
    ("path", "unreadable"),
    [("/versions", {"agent-1.0.0", "agent-1.1.0"}), ("/applicationDefinitions", {"suite"}), ("/tools", {"tools"})],
)
def test_a_bug_while_reading(path: str, unreadable: set[str], error: type[Exception]) -> None:
    """What an unforeseen exception, or a lack of memory, keeps from being read is unknown, and nothing else is."""

    async def bug(send: object, forward: object) -> None:
        message = "CANARY-bug"
        raise error(message)

    found = observed(*EVERYTHING, read=(path, bug))
    assert {name for name, word in found.items() if word == "InternalError"} == unreadable
    assert {word for name, word in found.items() if name not in unreadable} == {"live"}
