"""Random secrets from variables, at every secret leaf: no command, format or file shows a piece of one."""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.cli.front import main
from reconciler.kinds.packaged import packaged
from tests.kit import synthetic
from tests.kit.cli import Workspace, id_of
from tests.kit.proxy import Proxy
from tests.kit.redaction import FORMS, Sample, samples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kit.cli import Manifest

PLACES = [(kind.name, path) for kind in packaged().kinds.values() for path in kind.secret_paths]
OUTPUTS = ("text", "json", "markdown", "html", "junit", "sarif", "github", "azure-devops")


def stated(kind: str, path: tuple[str, ...], name: str) -> dict[str, Any]:
    """Return a manifest that takes the value at *path* from a variable; an element of a list has a name and a type."""
    made = deepcopy(synthetic.stated(kind))
    node: Any = made["spec"]
    for step, below in pairwise(path):
        node = node[0] if step == "*" else node.setdefault(step, [{}] if below == "*" else {})
    node[path[-1]] = {"$env": name}
    if "artifacts" in path:
        node.update(name="a", type="Custom")
    return made


def parents(kind: str) -> list[Manifest]:
    """Return the least manifests of all that resources of a kind are in."""
    above = packaged().kinds[kind].parent
    return [] if above is None else [*parents(above), synthetic.stated(above)]


def links(sample: Sample, chance: Random) -> str:
    """Return a link with the secret in its query, in its path, or as a user's password."""
    host = "packages.blob.core.windows.net"
    return chance.choice(
        (
            f"https://{host}/suite/app.zip?{sample.value}",
            f"https://{host}/{sample.word}/app.zip",
            f"https://me:{sample.word}@{host}/suite/app.zip",
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "path"), PLACES, ids=[f"{kind}-{'.'.join(path)}" for kind, path in PLACES])
def test_nothing_shows_a_secret_of_a_variable(
    kind: str,
    path: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Applied, rotated, refused with the value in every form in which a service may quote it, exported, explained."""
    chance = Random(f"{kind}{path}")
    old, new = (next(samples(Random(chance.random()))) for _ in range(2))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECONCILER_CLOUD", "emulator")
    monkeypatch.setenv("RECONCILER_EMULATOR_STATE", str(tmp_path.parent / f"{tmp_path.name}.sqlite"))
    monkeypatch.setenv("RECONCILER_EMULATOR_OPERATION_SECONDS", "0")
    monkeypatch.setenv("RECONCILER_POLL_INTERVAL", "0.01")
    monkeypatch.setenv("RECONCILER_LOG_LEVEL", "debug")
    proxy, work = Proxy(), Workspace(tmp_path)
    proxy.install(monkeypatch)
    made = stated(kind, path, "RECONCILER_SECRET_X")
    work.state(*parents(kind), made)
    address = f"{kind}/{made['metadata']['name']}"
    commands: list[tuple[str, ...]] = [("validate",), ("plan", "--out", "s.json"), ("apply", "--plan", "s.json")]
    commands += [("explain", address), ("snapshot", "--out", "l.json"), ("plan", "--against-snapshot", "l.json")]
    commands += [("drift", *(word for name in OUTPUTS for word in ("--report", f"{name}=r.{name}"))), ("list",)]
    shown = ""

    def look(*arguments: str) -> None:
        nonlocal shown
        main(arguments)
        shown += "".join(capsys.readouterr())

    for sample in (old, new):
        value = links(sample, chance)
        monkeypatch.setenv("RECONCILER_SECRET_X", value)
        for command in commands:
            look(*command)
    value = json.dumps(proxy.written)
    assert old.word in value
    for form in FORMS.values():
        quoted = f"The link ({form(links(new, Random(1)))}) cannot be read."
        refused = Proxy()
        with monkeypatch.context() as patch:
            patch.setenv("RECONCILER_SECRET_X", links(new, Random(1)))
            refused.install(patch)
            refused.refuse("PUT", id_of(made).rpartition("/")[2], 400, "BadLink", quoted)
            look("apply", "--republish", address, "--report", "json=a.json", "--report", "markdown=a.md")
    shown += "".join(file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file())
    assert "(secret)" in shown
    for sample in (old, new):
        assert [piece for piece in sample.pieces() if piece in shown] == []


@pytest.mark.parametrize(("kind", "path"), PLACES, ids=[f"{kind}-{'.'.join(path)}" for kind, path in PLACES])
def test_an_unusual_value_of_a_variable_is_a_warning(
    kind: str,
    path: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As if the manifest declared it; the warning names the variable and its place, and nothing of the value."""
    monkeypatch.chdir(tmp_path)
    Workspace(tmp_path).state(*parents(kind), stated(kind, path, "RECONCILER_SECRET_X"))
    good = "https://packages.blob.core.windows.net/p/canary-x.zip?sv=1&sig=CANARYCANARY"
    for value in ("CANARYCANARY", good.replace("https", "http"), f'"{good}"', f"{good}?sig=CANARYCANARY", good, ""):
        monkeypatch.setenv("RECONCILER_SECRET_X", value)
        assert main(("validate", "-o", "json")) == 0
        text = capsys.readouterr().out
        found = [each for each in json.loads(text)["warnings"] if each["code"] == "unusual-variable"]
        assert len(found) == (value not in (good, "")), value
        assert all("RECONCILER_SECRET_X" in each["message"] and each["line"] for each in found)
        assert "canary" not in text.lower()
