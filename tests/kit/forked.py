"""
The command as a process of its own that starts at once: a fork of a process that has imported everything already.

Most of the time that a short command takes goes into imports. :func:`program` starts a process that has made them, and
gives a program that asks it for a fork: with its own arguments, environment, working folder and standard streams. What
is forked runs and ends as the command does, with signals and an exit code of its own. A test of the start itself, of
imports, of limits or of streams that are closed before it needs the installed command.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import marshal
import os
import pkgutil
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from tests.kit.repository import ROOT

MODULES: Final = ("h2.connection", "httpx", "sqlite3", "starlette.applications", "uvicorn")
"""That a command imports in the middle of its work, beside modules of its own."""
_STREAMS: Final = 3

# The standard library's ``socket`` alone takes longer to import than all that is left to do.
_CLIENT: Final = """\
import _signal, _socket, marshal, os, sys
asked = marshal.dumps((["reconciler", *sys.argv[2:]], os.getcwd(), dict(os.environ)))
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect(sys.argv[1])
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
server.sendmsg([len(asked).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
server.sendall(asked)
def receive():
    return int.from_bytes(server.recv(8), "big", signed=True)
child = receive()
for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM):
    _signal.signal(number, lambda number, _: os.kill(child, number))
code = receive()
if code < 0:
    _signal.signal(-code, _signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


@cache
def program() -> Path:
    """Return ``reconciler``, alone in a folder that can stand in ``PATH``, until this process ends."""
    folder = Path(tempfile.mkdtemp())
    address = folder / "socket"
    server = subprocess.Popen(
        [sys.executable, "-c", "from tests.kit.forked import serve; serve()", str(address)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(_stop, server, folder)
    assert server.stdout is not None
    assert server.stdout.read(1), "nothing can be forked"
    client, command = folder / "client.py", folder / "bin" / "reconciler"
    client.write_text(_CLIENT, encoding="utf-8")
    command.parent.mkdir()
    words = shlex.join([sys.executable, "-IS", str(client), str(address)])
    command.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return command


def _stop(server: subprocess.Popen[bytes], folder: Path) -> None:
    server.communicate()
    shutil.rmtree(folder)


def serve() -> None:
    """Fork for each request, until standard input ends; in a fork, run the command."""
    import reconciler

    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in MODULES:
        importlib.import_module(name)

    from reconciler.cli import main
    from reconciler.kinds.packaged import packaged

    packaged()
    gc.collect()
    gc.freeze()
    if _Server(sys.argv[1]).is_fork():
        sys.exit(main())


class _Server:
    """Forks, and reports to each client how its fork ended."""

    def __init__(self, address: str) -> None:
        """Listen, and say so on standard output."""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen()
        self.asked: dict[int, socket.socket] = {}
        self.ended, ends = os.pipe()
        os.set_blocking(ends, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(ends)
        os.write(1, b"\n")

    def is_fork(self) -> bool:
        """Return True in each fork, and False when standard input ends."""
        while True:
            heard: list[int | socket.socket] = [0, self.ended, self.listener, *self.asked.values()]
            ready, _, _ = select.select(heard, [], [])
            if 0 in ready:
                return False
            if self.ended in ready:
                os.read(self.ended, 1024)
                self._reap()
            for child, connection in self.asked.items():
                if connection in ready:  # the client is gone
                    os.kill(child, signal.SIGKILL)
            if self.listener in ready and self._fork():
                return True

    def _reap(self) -> None:
        while self.asked:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            with self.asked.pop(child) as connection:
                _tell(connection, os.waitstatus_to_exitcode(status))

    def _fork(self) -> bool:
        connection, _ = self.listener.accept()
        head, streams, _, _ = socket.recv_fds(connection, 8, _STREAMS)
        text = b""
        while len(text) < int.from_bytes(head, "big"):
            text += connection.recv(1 << 16)
        child = os.fork()
        if child:
            for stream in streams:
                os.close(stream)
            self.asked[child] = connection
            _tell(connection, child)
            return False
        for each in (connection, self.listener, *self.asked.values()):
            each.close()
        self._become(streams, *marshal.loads(text))
        return True

    def _become(self, streams: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = arguments


def _tell(connection: socket.socket, number: int) -> None:
    try:
        connection.sendall(number.to_bytes(8, "big", signed=True))
    except BrokenPipeError:  # the client is gone
        return
