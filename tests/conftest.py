"""What every test has: the repository's root, an environment without settings, and golden files."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import is_hypothesis_test, settings

from tests.kit.repository import ROOT

# What is compiled once serves the next run, and processes that tests start, also where Python was told to keep none.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

pytest_plugins = ("tests.kit.canary",)  # no test may show a secret

# What would change a run if the shell or the CI service that starts the tests had it set.
SETTINGS = (
    "RECONCILER_",
    "AZURE_",
    "GITHUB_",
    "SYSTEM_",
    "BUILD_",
    "AGENT_TEMP",
    "CI_",
    "JOB_COMPLETION_",
    "NO_COLOR",
    "FORCE_COLOR",
)

# A busy machine is no failure. The same examples for the same code: a change is blamed for what it broke, and for
# nothing else. `make properties` looks for more: for many times these, and for new ones.
settings.register_profile("reconciler", max_examples=25, deadline=None, print_blob=True, derandomize=True)
settings.load_profile("reconciler")


# Tiers: `make test` runs everything that stands in neither. `make properties` also runs all other tests with examples.
SLOW = frozenset(
    {
        "apply/test_rollout_gates.py",
        "cli/test_causes.py",
        "cli/test_comment.py",
        "cli/test_credentials.py",
        "cli/test_empty_text.py",
        "cli/test_hostile_repositories.py",
        "cli/test_odd_paths.py",
        "cli/test_process.py",
        "cli/test_repository.py",
        "cli/test_round_trips.py",
        "cli/test_saved_plan_settings.py",
        "cli/test_secret_variables.py",
        "cli/test_secrets.py",
        "cli/test_sent_back.py",
        "cli/test_storage.py",
        "cli/test_tokens.py",
        "cli/test_unreadable.py",
        "deploy/test_install.py",
        "deploy/test_workflows.py",
        "emulator/test_emulator_strangers.py",
        "history/test_carried.py",
        "http/test_sockets.py",
        "http/test_throttle.py",
        "live/test_live.py",
        "pipeline/test_scale.py",
        "pipeline/test_state_to_state.py",
        "pipeline/test_two_writers.py",
        "service/test_page_attacks.py",
        "simulation/test_schedules.py",
        "soak/test_soak.py",
    }
)
QUICK = "not slow and not properties"  # what `make test` asks for
PROPERTIES = frozenset({"pipeline/test_api_versions.py", "pipeline/test_properties.py"})


class Golden(Protocol):
    """Compares a text with a golden file."""

    def __call__(self, text: str, path: Path) -> None:
        """Fail unless *path* holds *text*; with ``--update-golden``, write it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that rewrites golden files."""
    parser.addoption("--update-golden", action="store_true", help="write golden files instead of comparing with them")


@pytest.hookimpl(optionalhook=True)  # `make mutants` runs without xdist
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: a fifth of a run is spent waiting for processes and sockets."""
    return (os.cpu_count() or 1) + 1


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Pass over whole modules of the other tiers in ``make test``: to import them takes a fifth of its start."""
    return True if config.option.markexpr == QUICK and _module(collection_path) in SLOW | PROPERTIES else None


def pytest_collection_finish() -> None:
    """Take what is collected out of the sight of the garbage collector, which would walk it again and again."""
    gc.collect()
    gc.freeze()


def _module(path: Path) -> str:
    """Return a path beside this file, as the tiers name it; empty for another one."""
    here = Path(__file__).parent
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier."""
    for item in items:
        module = _module(item.path)
        if module in PROPERTIES or item.get_closest_marker("properties"):
            item.add_marker(pytest.mark.properties)
        elif module in SLOW:
            item.add_marker(pytest.mark.slow)
        elif isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker(pytest.mark.examples)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's root."""
    return ROOT


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the settings of the machine that runs the tests."""
    for name in tuple(os.environ):
        if name.startswith(SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")  # a width of its own has each terminal, and each worker of xdist


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return the comparison with golden files."""

    def compare(text: str, path: Path) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_text(encoding="utf-8"), f"if this is meant: --update-golden, then read {path}"

    return compare
