"""Listening: on loopback only, until a signal says stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
from datetime import timedelta
from ipaddress import IPv4Address
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reconciler.azure.resource_graph import PATH, QUERY
from reconciler.clock import SystemClock
from reconciler.emulator import EmulatorSettings, create_app
from reconciler.emulator.server import serve, serve_in_thread
from reconciler.errors import EmulatorError
from tests.kit.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
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


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(hours=1))
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "cert.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(pem))
    (folder / "key.pem").write_bytes(secret)
    return folder / "cert.pem", folder / "key.pem"


def test_serves_https(tmp_path: Path) -> None:
    """With a certificate and its key."""
    certificate, key = _certificate(tmp_path)
    answers: list[int] = []

    def ask(port: int) -> None:
        trusted = ssl.create_default_context(cafile=certificate)
        answers.append(httpx.get(f"https://127.0.0.1:{port}/tenants", verify=trusted).status_code)
        os.kill(os.getpid(), signal.SIGTERM)

    app = create_app(EmulatorSettings(), SystemClock())
    ready: Callable[[int], None] = lambda port: Thread(target=ask, args=(port,)).start()  # noqa: E731
    assert serve(app, "127.0.0.1", 0, certificate, key, ready=ready) == signal.SIGTERM
    assert answers == [200]


def test_serves_from_a_thread() -> None:
    """For tests and benchmarks."""
    with serve_in_thread(create_app(EmulatorSettings(), SystemClock())) as url:
        assert httpx.get(f"{url}/tenants").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "::", "example.com"])
def test_loopback_only(host: str) -> None:
    """The server asks for no password, so it accepts no other machine."""
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


@pytest.mark.slow
def test_the_command_serves_a_seed(tmp_path: Path) -> None:
    """``emulator --seed FILE``: Resource Graph answers with the machines of the file."""
    machine = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m"
    entry = {"id": machine, "location": "westeurope", "applications": [{"packageReferenceId": "/x"}]}
    seed = tmp_path / "machines.json"
    seed.write_text(json.dumps([entry]), encoding="utf-8")
    arguments = [sys.executable, "-m", "reconciler", "emulator", "--port", "0", "--seed", str(seed)]
    arguments += ["--state", str(tmp_path / "state.sqlite")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as server:
        assert server.stdout
        url = server.stdout.readline().strip()
        try:
            content = {"query": QUERY, "options": {"resultFormat": "objectArray", "$top": 1000}}
            answer = httpx.post(f"{url}{PATH}", json=content).json()
        finally:
            server.terminate()
    assert [each["id"] for each in answer["data"]] == [machine]
