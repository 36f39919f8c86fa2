"""The version of a build: that of the package, and the commit where git knows it. Run by hatchling."""

import re
import shutil
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def _released() -> str:
    text = (_ROOT / "reconciler" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE).group(1)


def _commit() -> str:
    """Return the commit of this checkout; empty in an archive of the source, which is no checkout."""
    program = shutil.which("git")
    if program is None or not (_ROOT / ".git").exists():
        return ""
    command = [program, "--git-dir", str(_ROOT / ".git"), "rev-parse", "--short=7", "--verify", "HEAD"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _build() -> str:
    commit = _commit()
    return f"{_released()}+{commit}" if commit else _released()


__version__ = _build()
