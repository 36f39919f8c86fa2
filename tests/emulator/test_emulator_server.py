"""Listening: on loopback only, until a signal says stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest

from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.server import serve, serve_in_thread
from reconciler.errors import EmulatorError

_PROGRAM = textwrap.dedent("""
    import sys
    from reconciler.clock import SystemClock
    from reconciler.emulator import EmulatorSettings, create_app
    from reconciler.emulator.server import serve

    app = create_app(EmulatorSettings(), SystemClock())
    print("stopped by", serve(app, "localhost", 0, ready=lambda port: print(port, flush=True)))
""")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_on_a_signal(number: signal.Signals) -> None:
    """It says its port, answers, prints nothing else, and gives the signal back."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    arguments = [sys.executable, "-c", _PROGRAM]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stdout
        port = int(server.stdout.readline())
        assert httpx.get(f"http://127.0.0.1:{port}/tenants").status_code == 200
        server.send_signal(number)
        printed, errors = server.communicate(timeout=20)
    assert (printed, errors, server.returncode) == (f"stopped by {int(number)}\n", "", 0)


def test_serves_from_a_thread() -> None:
    """For tests and benchmarks."""
    with serve_in_thread(create_app(EmulatorSettings(), SystemClock())) as url:
        assert httpx.get(f"{url}/tenants").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "::", "example.com"])
def test_loopback_only(host: str) -> None:
    """Nobody is asked for a password, so nobody else gets in."""
    with pytest.raises(EmulatorError, match="loopback only"):
        serve(create_app(EmulatorSettings(), SystemClock()), host, 0)


def test_port_in_use() -> None:
    """The error names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"127.0.0.1:{port}"):
            serve(create_app(EmulatorSettings(), SystemClock()), "127.0.0.1", port)


def test_bad_certificate(tmp_path: Path) -> None:
    """The error names the file."""
    certificate = tmp_path / "cert.pem"
    certificate.write_text("none")
    with pytest.raises(EmulatorError, match=r"cert\.pem"):
        serve(create_app(EmulatorSettings(), SystemClock()), "127.0.0.1", 0, certificate)
