"""
The documentation is true: what it shows of commands is what they print, its links lead somewhere, its tables are whole.

A ``console`` block is run. Lines that begin with ``$ `` are commands, ``> `` continues one, the rest is what they
print; ``…`` stands for any text in a line, and alone on a line for any number of lines. All blocks of a page are one
session of a shell, in a folder that holds the manifests of this repository, with what GitHub's runner sets for a pull
request. Other blocks (``sh``, ``yaml``) are only read.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy, copytree
from typing import TYPE_CHECKING, Any, Final

import click
import httpx
import pytest

from reconciler.cli.front import NAMES, main
from reconciler.cli.program import load as load_command
from reconciler.clock import SystemClock
from reconciler.compare.diff import compare
from reconciler.compare.normalize import comparable
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.kinds.live import Live
from reconciler.kinds.packaged import packaged
from reconciler.kinds.tracking import Tracking
from reconciler.manifests.load import load
from reconciler.manifests.validate import validate
from reconciler.plan.body import put_body
from reconciler.plan.decide import Policy, decide
from reconciler.plan.exit_codes import ExitCode
from reconciler.secret.text import reveal
from tests.kit.forked import program
from tests.kit.pages import blocks, is_shown, lines_of, steps
from tests.kit.repository import ROOT
from tests.kit.review import GitHub
from tests.kit.stages import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGES: Final = sorted((ROOT / "docs").glob("*.md"))
WORKFLOWS: Final = sorted((ROOT / "docs" / "ci").glob("*.yml"))
LINKED: Final = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted(ROOT.glob("docs/**/*.md")),
]
SEPARATOR: Final = "\x1e\n"
PATIENCE_S: Final = 60


@dataclass(slots=True)
class Command:
    """One command of a ``console`` block, and what it is said to print."""

    line: int
    text: str
    shown: list[str] = field(default_factory=list)


def commands(page: Path) -> Iterator[Command]:
    """Yield the commands of a page's ``console`` blocks."""
    for block in blocks(page):
        if block.language != "console" or block.lines[0] == "$ make demo":
            continue
        command: Command | None = None
        for number, line in enumerate(block.lines, block.line + 1):
            if line.startswith("$ "):
                if command is not None:
                    yield command
                command = Command(number, line[2:])
            elif command is not None and line.startswith("> ") and not command.shown:
                command.text += f"\n{line[2:]}"
            else:
                assert command is not None, f"{page.name}:{number}: output without a command"
                command.shown.append(line)
        assert command is not None, f"{page.name}:{block.line}: a console block without a command"
        yield command


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(program().parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "RECONCILER_EMULATOR_OPERATION_SECONDS": "0.05",
        "RECONCILER_POLL_INTERVAL": "0.05",
        **{f"GIT_{who}_NAME": "Somebody" for who in ("AUTHOR", "COMMITTER")},
        "RECONCILER_LOG_LEVEL": "error",  # pages show what a terminal does, and there progress leaves nothing behind
        **{f"GIT_{who}_EMAIL": "somebody@example.org" for who in ("AUTHOR", "COMMITTER")},
    }


def _run(script: str, folder: Path, more: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**_environment(folder), **(more or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.stdout.decode()


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """Return a folder with the manifests of this repository, and with the client that edits behind git's back."""
    copytree(ROOT / "manifests", tmp_path / "manifests")
    (tmp_path / "docs").mkdir()
    for name in ("demo_edit.py", "chat.py"):
        copy(ROOT / "docs" / name, tmp_path / "docs")
    return tmp_path


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (["a", "…", "d"], ["a", "b", "c", "d"]),
        (["a", "…", "d"], ["a", "d"]),
        (["…"], []),
        (["… reads, 1 write"], ["12 reads, 1 write"]),
    ],
)
def test_an_ellipsis_leaves_something_out(shown: list[str], printed: list[str]) -> None:
    """Within a line any text, alone on a line any lines."""
    assert is_shown(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"), [(["a.c"], ["abc"]), (["a"], ["a", "b"]), (["a", "b"], ["a"]), (["a…"], ["b"])]
)
def test_nothing_else_leaves_something_out(shown: list[str], printed: list[str]) -> None:
    """The comparison that the other tests rest on is not lax."""
    assert not is_shown(shown, printed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if "```console" in page.read_text(encoding="utf-8")], ids=lambda page: page.name
)
def test_what_a_page_shows_of_commands_is_what_they_print(page: Path, estate: Path) -> None:
    """Every ``console`` block of a page is run in order, and prints what the page says."""
    wanted = list(commands(page))
    step = "(exit $shown_code)\n{0}\nshown_code=$?; printf '\\036\\n'\n"
    script = "shown_code=0\n" + "".join(step.format(command.text) for command in wanted)
    with GitHub() as github:
        (estate / "event.json").write_text('{"pull_request": {"number": 7}}', encoding="utf-8")
        on_pull_request = {**github.variables(), "GITHUB_EVENT_PATH": str(estate / "event.json")}
        printed = _run(script, estate, on_pull_request).split(SEPARATOR)
    assert len(printed) == len(wanted) + 1, "a command ended the session"
    for command, output in zip(wanted, printed, strict=False):
        place = f"{page.name}:{command.line}: $ {command.text}"
        shown = lines_of("\n".join(command.shown))
        assert is_shown(shown, lines_of(output)), f"{place}\nprints\n{output}\nand is said to print\n" + "\n".join(
            shown
        )


@pytest.mark.slow
def test_the_tutorial_works_by_copy_and_paste(tmp_path: Path) -> None:
    """Every block, copied into one shell in an empty folder, prints the block after it; none fails."""
    page = ROOT / "docs" / "tutorial.md"
    wanted = list(steps(page))
    script = "set -e -o pipefail\n" + "".join(f"{block.text}printf '\\036\\n'\n" for block, _ in wanted)
    printed = _run(script, tmp_path).split(SEPARATOR)
    for (block, output), text in zip(wanted, printed, strict=False):
        assert is_shown(output, lines_of(text)), f"{page.name}:{block.line}\n{block.text}prints\n{text}"
    assert len(printed) == len(wanted) + 1, printed[-1]


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    """The first screen of the README is the demo's own output, shortened where it says so."""
    (block,) = (block for block in blocks(ROOT / "README.md") if block.language == "console")
    assert block.lines[0] == "$ make demo"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^demo:.*\n\t@?.* sh docs/demo\.sh$", makefile, re.MULTILINE)
    printed = _run(f"sh '{ROOT}/docs/demo.sh'", tmp_path)
    assert is_shown(lines_of("\n".join(block.lines[1:])), lines_of(printed)), printed
    assert list(tmp_path.iterdir()) == [], "the demo leaves something behind"


def test_what_stands_in_the_readme_first(root: Path) -> None:
    """What it is and the two commands come within the first screen."""
    first = (root / "README.md").read_text(encoding="utf-8").splitlines()[:12]
    assert any(line.startswith("make demo") for line in first)
    assert any(line.startswith("make test") for line in first)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file or a heading of this repository has a target; every other one is https."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            assert link.startswith("https://"), link
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_says_where_its_commands_start(page: Path) -> None:
    """A reader in a clone needs to know no folder: the first command goes there."""
    first = next((block for block in blocks(page) if block.language == "console"), None)
    if (
        first is not None
        and "manifests" in page.read_text(encoding="utf-8")
        and page.stem not in {"commands", "sign-in"}
    ):
        assert first.lines[0] == "$ mkdir estate && cp -R manifests docs estate && cd estate"


def test_the_readme_links_every_page(root: Path) -> None:
    """No page and no workflow is lost."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    lost = [path.name for path in (*PAGES, *WORKFLOWS) if f"({path.relative_to(root).as_posix()})" not in readme]
    assert lost == []


def _table(page: Path, head: str) -> list[list[str]]:
    """Return the rows of the table whose first heading is *head*."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def _names(page: Path, head: str) -> set[str]:
    return {name for row in _table(page, head) for name in re.findall(r"`([^`]+)`", row[0])}


def test_the_readme_names_every_exit_code(root: Path) -> None:
    """The table has the codes that the program gives, and no other."""
    stopped = {128 + signal.SIGINT, 128 + signal.SIGTERM}
    shown = {int(code) for row in _table(root / "README.md", "exit code") for code in row[0].split(",")}
    assert shown == {*ExitCode} | stopped


def _emulator_variables() -> set[str]:
    source = (ROOT / "reconciler" / "runtime" / "connect.py").read_text(encoding="utf-8")
    named = re.findall(r'emulator_(?:number|choice)\("([A-Z_]+)"', source)
    return {f"RECONCILER_EMULATOR_{name}" for name in (*named, "STATE", "SEED", "API_VERSIONS")}


def test_the_readme_names_every_environment_variable(root: Path) -> None:
    """The table has what options declare and the settings read."""
    declared = {
        name
        for command in NAMES
        for option in load_command(command).params
        for name in ([option.envvar] if isinstance(option.envvar, str) else option.envvar or ())
    }
    source = (root / "reconciler" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r"RECONCILER_[A-Z_]*[A-Z]\b", source)) - {"RECONCILER_EMULATOR"}
    shown = _names(root / "README.md", "variable")
    assert shown == declared | read | _emulator_variables() | {"NO_COLOR"}


def test_the_emulator_page_names_every_setting(root: Path) -> None:
    """Its table has the settings that the environment can state."""
    assert _names(root / "docs" / "emulator.md", "variable") == _emulator_variables()


def test_the_readme_names_every_command(root: Path) -> None:
    """The table has the commands that there are."""
    assert _names(root / "README.md", "command") == set(NAMES)


def test_the_sign_in_page_names_every_credential(root: Path) -> None:
    """The tables have the choices of the options."""
    options = {option.name: option for option in load_command("plan").params}
    page = root / "docs" / "sign-in.md"
    for name, shown in (("credential", _names(page, "`--credential`")), ("cloud", _names(page, "`--cloud`"))):
        kind = options[name].type
        assert isinstance(kind, click.Choice)
        assert shown == set(kind.choices)


def test_the_page_about_clouds_names_every_version_and_what_it_adds(root: Path) -> None:
    """Its table is the ladder of the schemas: a row for each rung, with the newer fields and values of that rung."""
    row = re.compile(r"^\| `(\w+)` \| ([\d-]+) \| (.*) \|$", re.MULTILINE)
    shown = {(kind, version): adds for kind, version, adds in row.findall((root / "docs" / "clouds.md").read_text())}
    expected: dict[tuple[str, str], set[str]] = {}
    for name, kind in packaged().kinds.items():
        expected |= {(name, version): set() for version in kind.api_versions}
        since = {path: rule.since for path, rule in kind.rules.every() if rule.since}
        for path, version in since.items():
            if since.get(path[:-1]) != version:
                expected[name, version].add(".".join(path).replace(".*", "[]"))
        for _, rule in kind.rules.every():
            for value, version in rule.values_since.items():
                expected[name, version].add(value)
        assert shown[name, kind.api_versions[0]] == "reference version"
    assert {rung: set(re.findall("`([^`]+)`", adds)) for rung, adds in shown.items()} == expected


def test_the_page_about_clouds_names_the_options_of_a_custom_one(root: Path) -> None:
    """Each with its variable, as the command line has it."""
    text = (root / "docs" / "clouds.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| `(--[a-z-]+) \w+` \| `(RECONCILER_\w+)` \|", text, re.MULTILINE))
    options = {
        option.opts[0]: option.envvar for option in load_command("plan").params if isinstance(option, click.Option)
    }
    assert shown == {name: options[name] for name in ("--endpoint", "--authority", "--audience", "--blob-suffix")}


def test_the_readme_shows_a_valid_manifest(estate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a newcomer copies first works."""
    (block,) = (block for block in blocks(ROOT / "README.md") if block.language == "yaml")
    (estate / "manifests" / "agent" / "new.yaml").write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(estate)
    assert main(["validate", "manifests/agent/new.yaml"]) == 0


def test_the_manifests_page_shows_a_valid_project_file(estate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project file that shows every key is one."""
    shown = blocks(ROOT / "docs" / "manifests.md")
    (block,) = (block for block in shown if block.language == "yaml" and "kind: Project" in block.text)
    for folder in ("overlays", "environments"):
        (estate / folder / "staging").mkdir(parents=True)
    (estate / "reconciler.yaml").write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(estate)
    assert main(["validate"]) == 0


def test_the_page_about_schedules_shows_valid_parts_of_a_project_file(
    estate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows and receivers, as they are copied into one's own."""
    monkeypatch.chdir(estate)
    shown = [block for block in blocks(ROOT / "docs" / "on-schedule.md") if block.language == "yaml"]
    assert len(shown) == 2
    for block in shown:
        head = "apiVersion: reconciler.dev/v1\nkind: Project\nmetadata: {name: estate}\n"
        (estate / "reconciler.yaml").write_text(head + block.text, encoding="utf-8")
        assert main(["validate"]) == 0, block.text


def _holds(shown: Any, real: Any) -> bool:
    """Return whether what a page shows of a value is part of it."""
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(key in real and _holds(shown[key], real[key]) for key in shown)
    if isinstance(shown, list):
        return isinstance(real, list) and len(shown) == len(real) and all(map(_holds, shown, real))
    if isinstance(shown, str) and "…" in shown:
        pattern = ".*".join(map(re.escape, shown.split("…")))
        return isinstance(real, str) and re.fullmatch(pattern, real, re.DOTALL) is not None
    return bool(shown == real and type(shown) is type(real))


def _fields(value: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _report(capsys: pytest.CaptureFixture[str], command: str) -> dict[str, Any]:
    main([command, "--cloud", "emulator", "-o", "json"])
    resources = json.loads(capsys.readouterr().out)["resources"]
    found: dict[str, Any] = next(item for item in resources if item["name"] == "agent-1.1.0")
    return found


async def _get(state: Path, resource_id: str, api_version: str) -> dict[str, Any]:
    transport = httpx.ASGITransport(create_app(EmulatorSettings(state=state), SystemClock()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get(resource_id, params={"api-version": api_version})
    body: dict[str, Any] = answer.raise_for_status().json()
    return body


def _stages(estate: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Take one manifest through the stages, as docs/architecture.md tells it."""
    main(["apply", "--cloud", "emulator"])
    capsys.readouterr()
    file = estate / "manifests" / "agent" / "1.1.0.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Count: 2", "Count: 3"), encoding="utf-8")
    kinds, tracking = packaged().kinds, Tracking(commit="0123abcd")
    (document,) = load(["manifests/agent/1.1.0.yaml"], Path("manifests")).documents
    (manifest,) = validate([document], kinds, tracking).manifests
    (desired,) = resolve([manifest], kinds)[0]
    sent = asyncio.run(_get(estate / "state.sqlite", desired.id, desired.kind.api_version))
    live = Live(desired.kind.seal(sent))
    pair = comparable(desired.kind.rules, desired.body, live.body)
    comparison = compare(desired, live.body, tracking)
    (finding,) = comparison.fields
    return {
        "document": document.value,
        "manifest": {"kind": manifest.kind.name, **_fields(manifest, "name", "labels", "annotations")},
        "desired": _fields(desired, "id", "parent", "slot", "wave", "depth", "digest"),
        "observed": sent,
        "want": pair.want,
        "have": pair.have,
        "finding": _fields(finding, "path", "finding", "op", "observed", "desired", "line", "origin"),
        "change": _fields(decide(desired, live, Policy()).change, "action", "reason", "sync", "health", "fix"),
        "body": reveal(put_body(desired, live.body, comparison, tracking)),
        "report": _report(capsys, "plan"),
        "outcome": _report(capsys, "apply"),
    }


def test_the_values_of_the_architecture_page_are_real(
    estate: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each stage gives what the page shows of it, for the manifest that the page follows."""
    monkeypatch.chdir(estate)
    monkeypatch.setenv("RECONCILER_EMULATOR_STATE", str(estate / "state.sqlite"))
    monkeypatch.setenv("RECONCILER_EMULATOR_OPERATION_SECONDS", "0")
    monkeypatch.setenv("RECONCILER_POLL_INTERVAL", "0.01")
    real = _stages(estate, capsys)
    shown = {
        found[1]: json.loads(block.text)
        for block in blocks(ROOT / "docs" / "architecture.md")
        if (found := re.fullmatch(r"<!-- value: (\w+) -->", block.before))
    }
    assert set(shown) == set(real)
    for name, value in shown.items():
        plain = json.loads(json.dumps(real[name]))
        assert _holds(value, plain), f"{name} is\n{json.dumps(plain, indent=1)}"


def test_every_module_that_the_architecture_page_names_is_there(root: Path) -> None:
    """A module that moved is not looked for at its old place."""
    page = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`([a-z_0-9]+\.py|[a-z_]+/)`", page))
    assert {name for name in names if not (root / "reconciler" / name).exists()} == set()
