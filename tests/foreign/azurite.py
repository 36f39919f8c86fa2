"""
Holds the access to packages against Azurite, Microsoft's emulator of blob storage.

A real apply signs in at a managed identity's endpoint of our own, gets a user delegation key from Azurite over https,
and PUTs to the embedded ARM; the link in that PUT must then read the package, and do nothing else. Then two loops share
one lease. A gallery with an identity is published from the same private container by plain links, and no secret exists
anywhere. Azurite comes from npm into a scratch folder; node and openssl must be there. AZURITE_VERSION takes another
release.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from azure.storage.blob import BlobServiceClient

from tests.foreign.leases import try_leases
from tests.kit.cli import PROGRAM, Azure, Workspace, application, changed, definition, gallery, version

if TYPE_CHECKING:
    from collections.abc import Iterator

AZURITE: Final = os.environ.get("AZURITE_VERSION", "3.37.0")
CONTENT: Final = b"the package"
ACCOUNT: Final = "devstoreaccount1"
# Azurite's own, the same everywhere and written in its documentation.
KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
MEDIA_LINK: Final = "properties.publishingProfile.source.mediaLink"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Checks:
    """Counts what holds and what does not."""

    def __init__(self) -> None:
        """Begin."""
        self.failed = 0
        self.made = 0

    def __call__(self, what: str, expected: object, actual: object) -> None:
        """Print one line for one check, and both values where they differ."""
        self.made += 1
        self.failed += expected != actual
        say(f"ok    {what}" if expected == actual else f"FAIL  {what}\n        expected {expected}, got {actual}")


def command(*arguments: str, folder: Path) -> None:
    """Run a tool that has to succeed."""
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"azurite: {arguments[0]} failed: {done.stderr[-2000:]}")


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """Serve blobs over https with a certificate of this minute; give the endpoint."""
    say(f"azurite {AZURITE} comes from npm: about a minute")
    (folder / "npm").mkdir()
    npm = ("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", f"azurite@{AZURITE}")
    command(*npm, folder=folder / "npm")
    names = ("-subj", "/CN=azurite", "-addext", "subjectAltName=IP:127.0.0.1")
    pair = ("-keyout", "key.pem", "-out", "cert.pem")
    command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *pair, folder=folder)
    program = folder / "npm" / "node_modules" / ".bin" / "azurite-blob"
    options = "--blobHost 127.0.0.1 --blobPort 0 --inMemoryPersistence --disableTelemetry --skipApiVersionCheck"
    tls = ("--cert", "cert.pem", "--key", "key.pem", "--oauth", "basic")
    log = (folder / "azurite.log").open("w+", encoding="utf-8")
    process = subprocess.Popen([program, *options.split(), *tls], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield f"{_url_in(folder / 'azurite.log', process)}/{ACCOUNT}"
    finally:
        process.terminate()
        process.wait()
        log.close()


def _url_in(log: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(150):
        found = re.search(r"successfully listens on (\S+)", log.read_text("utf-8"))
        if found:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.2)
    sys.exit(f"azurite did not start: {log.read_text('utf-8')[-2000:]}")


def token(audience: str) -> str:
    """Return an unsigned token: Azurite looks at its claims alone (README, "OAuth configuration")."""
    now = int(time.time())
    who = {"oid": "00000000-0000-4000-8000-00000000000a", "tid": "00000000-0000-4000-8000-00000000000b"}
    times = {"iat": now, "nbf": now - 60, "exp": now + 3600}
    claims = {"aud": audience, "iss": f"https://sts.windows.net/{who['tid']}/", **who, **times}
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), "CANARY"])


class _Identity(BaseHTTPRequestHandler):
    """The endpoint of a managed identity, as an App Service offers it ("How to use managed identities")."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path.endswith("/refused"):
            self.send_error(400)
            return
        audience = parse_qs(urlsplit(self.path).query)["resource"][0]
        answer = {"access_token": token(audience), "expires_on": str(int(time.time()) + 3600), "resource": audience}
        content = json.dumps({**answer, "token_type": "Bearer"}).encode()
        self.server.asked.append(audience)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def identity() -> Iterator[tuple[str, list[str]]]:
    """Serve tokens; give the URL, and the audiences that are asked for."""
    server = HTTPServer(("127.0.0.1", 0), _Identity)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token", server.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()


class Runs:
    """Runs the command line as a user does, and keeps all that it says."""

    def __init__(self, folder: Path, identity_url: str, trusted: Path, endpoint: str) -> None:
        """Take a working folder, the URL that gives tokens, and certificate and endpoint of Azurite."""
        own = ("RECONCILER_", "AZURE_", "IDENTITY_")
        self.folder = folder
        self.said = ""
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(own)},
            "RECONCILER_CLOUD": "emulator",
            "RECONCILER_CREDENTIAL": "managed-identity",
            "RECONCILER_EMULATOR_STATE": str(folder / "arm.sqlite"),
            "RECONCILER_EMULATOR_OPERATION_SECONDS": "0",
            "RECONCILER_LOG_LEVEL": "debug",
            "IDENTITY_ENDPOINT": identity_url,
            "IDENTITY_HEADER": "CANARY",
            "SSL_CERT_FILE": str(trusted),
            "NO_PROXY": "127.0.0.1",
            "RECONCILER_STORAGE_HOSTS": urlsplit(endpoint).netloc,
        }

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Return exit code and output."""
        done = subprocess.run(
            [PROGRAM, *arguments, "--report", "json=report.json"],
            cwd=self.folder / "work",
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        report = (self.folder / "work" / "report.json").read_text("utf-8")
        self.said += done.stdout + done.stderr + report
        return done.returncode, done.stdout + done.stderr


def upload(endpoint: str, folder: Path) -> None:
    """Put a package, an empty one, and one that no manifest names."""
    service = BlobServiceClient(endpoint, credential=KEY, connection_verify=str(folder / "cert.pem"))
    container = service.create_container("packages")
    container.upload_blob("agent/agent 1.zip", CONTENT)
    container.upload_blob("empty.zip", b"")
    container.upload_blob("other.zip", b"of somebody else")


def try_out(check: Checks, endpoint: str, folder: Path, identity_url: str, asked: list[str]) -> None:
    """Apply, read with the signature that was sent, and look for it where it must not be."""
    (folder / "work").mkdir()
    work, arm = Workspace(folder / "work"), Azure(folder / "arm.sqlite")
    run = Runs(folder, identity_url, folder / "cert.pem", endpoint)
    web = httpx.Client(verify=ssl.create_default_context(cafile=str(folder / "cert.pem")), trust_env=False)
    link = f"{endpoint}/packages/agent/agent%201.zip"
    work.project(storage=[{"prefix": f"{endpoint}/packages/", "sas": "userDelegation"}])
    agent = changed(version(), MEDIA_LINK, link)
    suite = changed(definition(), "properties.packageFileUri", link)
    work.state(gallery(), application(), agent, suite)

    check("without a signature the package is private", 403, web.get(link).status_code)
    codes = [run(name)[0] for name in ("validate", "plan", "drift")]
    check("validate, plan and drift end as ever", [0, 0, 2], codes)
    check("and ask for no token", [], asked)
    check("apply", 0, run("apply")[0])
    check("one token, for storage, for two packages", ["https://storage.azure.com"], asked)

    signed = str(arm.stored(agent)["properties"]["publishingProfile"]["source"]["mediaLink"])
    query = {name: values[0] for name, values in parse_qs(urlsplit(signed).query).items()}
    check("the link in the PUT is that of the manifest", link, signed.partition("?")[0])
    check(
        "signed for reading one blob over https", ["r", "b", "https"], [query.get(name) for name in ("sp", "sr", "spr")]
    )
    check("it reads the package", CONTENT, web.get(signed).content)
    packaged = str(arm.stored(suite)["properties"]["packageFileUri"])
    check("so does that of the definition", CONTENT, web.get(packaged).content)
    check("it writes nothing", 403, web.put(signed, content=b"x", headers={"x-ms-blob-type": "BlockBlob"}).status_code)
    check("it deletes nothing", 403, web.delete(signed).status_code)
    other = signed.replace("agent/agent%201.zip", "other.zip")
    check("it reads nothing else", 403, web.get(other).status_code)
    check("plan: no changes", 0, run("plan", "--detailed-exitcode")[0])

    for what, name, words in (
        ("a blob that is not there", "gone.zip", "the blob does not exist"),
        ("an empty blob", "empty.zip", "the blob is empty"),
    ):
        faulty = changed(version("2.0.0"), MEDIA_LINK, f"{endpoint}/packages/{name}")
        work.state(gallery(), application(), agent, suite, faulty)
        code, text = run("apply")
        check(f"{what}: exit code, words, no PUT", (1, True, 4), (code, words in text, len(arm.ids())))

    secrets = [query["sig"], signed.partition("sig=")[2], "CANARY", token("x").partition(".")[0]]
    check("no signature and no token in any output, log or report", [], [text for text in secrets if text in run.said])


SIGNED: Final = (b"sig=", b"skoid=", b"sv=20", KEY.encode())
"""Parts of every signature, and the account's key."""


def try_identity(check: Checks, endpoint: str, folder: Path, identity_url: str, asked: list[str]) -> None:
    """Apply plain links of a gallery with an identity: Azurite refuses the anonymous, and no secret is needed."""
    (folder / "work").mkdir(parents=True)
    work, arm = Workspace(folder / "work"), Azure(folder / "arm.sqlite")
    run = Runs(folder, identity_url, folder.parent / "cert.pem", endpoint)
    run.environment["RECONCILER_EMULATOR_PACKAGES"] = "private"
    log = folder.parent / "azurite.log"
    before = log.stat().st_size
    link = f"{endpoint}/packages/agent/agent%201.zip"
    own = "/subscriptions/s/resourceGroups/r/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader"
    identity = {"type": "UserAssigned", "userAssignedIdentities": {own: {}}}
    tools = changed(gallery(), "identity", identity)
    first = changed(version(), MEDIA_LINK, link)
    work.project(storage=[{"prefix": f"{endpoint}/packages/", "access": "galleryIdentity"}])
    work.state(tools, application(), first)
    check("a gallery's identity: plan", 0, run("plan", "--out", "saved.plan")[0])
    check("a plan asks storage nothing", [], asked)
    check("apply", 0, run("apply", "--plan", "saved.plan")[0])
    had = arm.stored(tools).get("identity", {})
    check("the gallery has its identity", ("UserAssigned", [own]), (had.get("type"), [*had["userAssignedIdentities"]]))
    source = arm.stored(first)["properties"]["publishingProfile"]["source"]
    check("the link in the PUT is plain", {"mediaLink": link}, source)
    check("one token, to see that the package is there", ["https://storage.azure.com"], asked)
    check("plan: no changes", 0, run("plan", "--detailed-exitcode")[0])

    missing = changed(version("2.0.0"), MEDIA_LINK, f"{endpoint}/packages/gone.zip")
    work.state(tools, application(), first, missing)
    code, text = run("apply")
    check("a package that is not there: exit code, words", (1, True), (code, "does not exist" in text))

    run.environment["IDENTITY_ENDPOINT"] = f"{identity_url}/refused"
    work.project(storage=[{"prefix": f"{endpoint}/other/", "access": "galleryIdentity"}])
    second = changed(version("3.0.0"), MEDIA_LINK, link)
    work.state(tools, application(), first, second)
    code, text = run("apply")
    # Azure words it in another way than Azurite, as a 401, 404 or 409: tests/cli/test_storage.py has those.
    check("a run without a token is refused, which is a warning", (0, True), (code, "storage answered 403" in text))
    source = arm.stored(second)["properties"]["publishingProfile"]["source"]
    check("the link in the PUT is plain without a rule, too", {"mediaLink": link}, source)

    files = [path for path in folder.rglob("*") if path.is_file() and "npm" not in path.parts]
    kept = [(path.name, path.read_bytes()) for path in files] + [("the output", run.said.encode())]
    requests = log.read_bytes()[before:]
    check("Azurite keeps a line of each request", [True], [b"/packages/agent/agent%201.zip" in requests])
    kept.append(("the requests", requests))
    found = [(name, text) for name, content in kept for text in SIGNED if text in content]
    check("no signature and no key in any output, file or request", [], found)
    check("and no variable for one", [], [name for name in run.environment if name.startswith("RECONCILER_SECRET_")])


def main() -> int:
    """Run everything."""
    for tool in ("npm", "node", "openssl"):
        if shutil.which(tool) is None:
            sys.exit(f"azurite: {tool} is needed")
    check = Checks()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        endpoint = stack.enter_context(azurite(folder))
        identity_url, asked = stack.enter_context(identity())
        upload(endpoint, folder)
        try_out(check, endpoint, folder, identity_url, asked)
        try_leases(check, endpoint, folder, Runs(folder, identity_url, folder / "cert.pem", endpoint).environment)
        asked.clear()
        try_identity(check, endpoint, folder / "identity", identity_url, asked)
    say(f"\nazurite {AZURITE}: {check.made} checks, {check.failed} failed.")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
