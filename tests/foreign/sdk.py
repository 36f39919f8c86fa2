"""
Holds the embedded ARM, and what the reconciler makes of it, against Microsoft's newest SDK (azure-mgmt-compute).

Over https, with the SDK's own clients and pollers, at its own api-version: it creates a gallery with an identity and a
version with properties that the reference version lacks. The reconciler must read them without noise, export them, and
keep them in its PUTs. openssl must be there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import version as release_of
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from azure.mgmt.compute import ComputeManagementClient

from tests.foreign.azurite import Checks, command, say
from tests.kit.cli import PROGRAM
from tests.kit.emulator import SUBSCRIPTION
from tests.kit.sdk import AnyCredential

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GROUP: Final = "rg-foreign"
NAMES: Final = (GROUP, "tools", "agent")
IDENTITY: Final = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/packages"
)
OLD: Final = "2022-03-03"
DECLARED: Final = f"""
apiVersion: reconciler.dev/v1
kind: Gallery
metadata: {{name: tools}}
spec:
  subscriptionId: {SUBSCRIPTION}
  resourceGroupName: {GROUP}
  galleryName: tools
  location: West Europe
  properties: {{description: Made by the SDK}}
---
apiVersion: reconciler.dev/v1
kind: GalleryApplication
metadata: {{name: agent}}
spec:
  subscriptionId: {SUBSCRIPTION}
  resourceGroupName: {GROUP}
  galleryName: tools
  galleryApplicationName: agent
  location: West Europe
  properties: {{supportedOSType: Linux}}
---
apiVersion: reconciler.dev/v1
kind: GalleryApplicationVersion
metadata: {{name: agent-1.0.0}}
spec:
  subscriptionId: {SUBSCRIPTION}
  resourceGroupName: {GROUP}
  galleryName: tools
  galleryApplicationName: agent
  galleryApplicationVersionName: 1.0.0
  location: West Europe
  properties:
    publishingProfile:
      source: {{mediaLink: "https://packages.blob.core.windows.net/agent/1.0.0.zip"}}
      manageActions: {{install: sh install.sh, remove: sh remove.sh}}
"""


def gallery() -> dict[str, Any]:
    """Return the body of a gallery with both kinds of identity."""
    both = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}
    return {"location": "westeurope", "identity": both, "properties": {"description": "Made by the SDK"}}


def version() -> dict[str, Any]:
    """Return the body of a version that restarts its scripts and has more replicas."""
    sets = [{"storageAccountType": "PremiumV2_LRS", "regionalReplicaCount": 1}]
    profile = {
        "source": {"mediaLink": "https://packages.blob.core.windows.net/agent/1.0.0.zip"},
        "manageActions": {"install": "sh install.sh", "remove": "sh remove.sh"},
        "settings": {"packageFileName": "agent.zip", "scriptBehaviorAfterReboot": "Rerun"},
        "targetRegions": [{"name": "westeurope", "regionalReplicaCount": 1, "additionalReplicaSets": sets}],
    }
    return {"location": "westeurope", "properties": {"publishingProfile": profile}}


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """Serve the embedded ARM over https, with a certificate of this minute; give its URL."""
    names = ("-subj", "/CN=reconciler", "-addext", "subjectAltName=IP:127.0.0.1")
    pair = ("-keyout", "key.pem", "-out", "cert.pem")
    command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *pair, folder=folder)
    options = ("--port", "0", "--state", "arm.sqlite", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    with (folder / "url").open("w") as url:
        process = subprocess.Popen([PROGRAM, "emulator", *options], cwd=folder, env=environment(folder), stdout=url)
    try:
        yield _url_in(folder / "url", process)
    finally:
        process.terminate()
        process.wait()


def _url_in(file: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(150):
        lines = file.read_text("utf-8").splitlines()
        if lines:
            return lines[0]
        if process.poll() is not None:
            break
        time.sleep(0.2)
    sys.exit("foreign: the emulator did not start")


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a run: no settings of this machine, and trust in the certificate."""
    own = ("RECONCILER_", "AZURE_", "ARM_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    mine = {"RECONCILER_EMULATOR_OPERATION_SECONDS": "0.2", "RECONCILER_CREDENTIAL": "token"}
    token = {"RECONCILER_ACCESS_TOKEN": "any", "SSL_CERT_FILE": str(folder / "cert.pem"), "NO_PROXY": "127.0.0.1"}
    return {**kept, **mine, **token}


class Reconciler:
    """Runs the command line in one folder."""

    def __init__(self, folder: Path, url: str) -> None:
        """Talk to the ARM at *url*."""
        self._folder = folder
        self._url = url

    def __call__(self, name: str, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Return exit code and JSON report."""
        line: list[str | Path] = [PROGRAM, name, *arguments, "--endpoint", self._url, "--report", "json=report.json"]
        done = self._run(line)
        if done.returncode not in {0, 2}:
            say(done.stdout[-2000:] + done.stderr[-2000:])
        return done.returncode, json.loads((self._folder / "report.json").read_text("utf-8"))

    def export(self, out: str) -> int:
        """Write manifests of what exists into a folder."""
        where = ("--subscription", SUBSCRIPTION, "--resource-group", GROUP, "--out-dir", out)
        done = self._run([PROGRAM, "export", *where, "--endpoint", self._url])
        if done.returncode:
            say(done.stdout[-2000:] + done.stderr[-2000:])
        return done.returncode

    def _run(self, line: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        env = environment(self._folder)
        return subprocess.run(line, cwd=self._folder, env=env, capture_output=True, text=True, check=False)


def create(check: Checks, client: Any) -> None:
    """Let the SDK create a gallery, an application and a version, and read them back."""
    made = client.galleries.begin_create_or_update(GROUP, "tools", gallery()).result()
    check("the SDK creates a gallery with an identity", "Succeeded", made.provisioning_state)
    check("which gets ids of its own", (True, True), (bool(made.identity.principal_id), bool(made.identity.tenant_id)))
    (assigned,) = made.identity.user_assigned_identities.values()
    check("and for the assigned one", (True, True), (bool(assigned.principal_id), bool(assigned.client_id)))
    check("its last writer is known", "Application", made.system_data.last_modified_by_type)
    application = {"location": "westeurope", "properties": {"supportedOSType": "Linux"}}
    client.gallery_applications.begin_create_or_update(*NAMES, application).result()
    made = client.gallery_application_versions.begin_create_or_update(*NAMES, "1.0.0", version()).result()
    check(
        "a version that runs its scripts again", "Rerun", made.publishing_profile.settings.script_behavior_after_reboot
    )
    (sets,) = made.publishing_profile.target_regions[0].additional_replica_sets
    check("with more replicas in a region", "PremiumV2_LRS", sets.storage_account_type)
    listed = client.gallery_application_versions.list_by_gallery_application(*NAMES)
    check(
        "the list has all of it",
        ["Rerun"],
        [item.publishing_profile.settings.script_behavior_after_reboot for item in listed],
    )


def reconcile(check: Checks, client: Any, run: Reconciler, folder: Path) -> None:
    """Read, export and change what the SDK made, and lose nothing."""
    manifests = folder / "manifests"
    manifests.mkdir()
    (manifests / "all.yaml").write_text(DECLARED, "utf-8")
    code, report = run("plan", "--detailed-exitcode")
    check("plan: no PUT, no warning", (0, 0, []), (code, report["summary"]["puts"], report["warnings"]))
    check("all in sync", ["InSync"] * 3, [item["sync"] for item in report["resources"]])

    check("export", 0, run.export("exported"))
    text = "".join(path.read_text("utf-8") for path in sorted((folder / "exported").rglob("*.yaml")))
    there = [word in text for word in (IDENTITY, "SystemAssigned, UserAssigned", "Rerun", "PremiumV2_LRS")]
    check("it has what is newer", [True] * 4, there)
    check(
        "and nothing that Azure makes up",
        [False] * 3,
        [word in text for word in ("principalId", "clientId", "tenantId")],
    )
    code, report = run("plan", "exported", "--detailed-exitcode")
    findings = [change["path"] for item in report["resources"] for change in item["changes"]]
    check("plan of the export: nothing at all", (0, 0, []), (code, report["summary"]["puts"], findings))

    edited = DECLARED.replace("Made by the SDK", "Changed in git").replace(
        "sh remove.sh}", "sh remove.sh}\n      enableHealthCheck: true"
    )
    (manifests / "all.yaml").write_text(edited, "utf-8")
    code, report = run("apply")
    check("apply changes two resources", (0, 2), (code, report["summary"]["puts"]))
    sent = {item["kind"]: item["apiVersion"] for item in report["resources"]}
    check(
        "at the version that has what is live",
        (True, True, OLD),
        (sent["Gallery"] > OLD, sent["GalleryApplicationVersion"] > OLD, sent["GalleryApplication"]),
    )
    live = client.galleries.get(GROUP, "tools")
    check("the identity has stayed", [IDENTITY], list(live.identity.user_assigned_identities))
    check("beside the change", "Changed in git", live.description)
    profile = client.gallery_application_versions.get(*NAMES, "1.0.0").publishing_profile
    (sets,) = profile.target_regions[0].additional_replica_sets
    kept = (profile.enable_health_check, profile.settings.script_behavior_after_reboot, sets.storage_account_type)
    check("so have scripts and replicas", (True, "Rerun", "PremiumV2_LRS"), kept)
    check("plan: no changes", 0, run("plan", "--detailed-exitcode")[0])


def main() -> int:
    """Run everything."""
    if shutil.which("openssl") is None:
        sys.exit("foreign: openssl is needed")
    check = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with emulator(folder) as url:
            options: dict[str, Any] = {
                "base_url": url,
                "credential_scopes": ["any"],
                "connection_verify": str(folder / "cert.pem"),
            }
            with ComputeManagementClient(AnyCredential(), SUBSCRIPTION, polling_interval=0.1, **options) as client:
                create(check, client)
                reconcile(check, client, Reconciler(folder, url), folder)
    release = release_of("azure-mgmt-compute")
    say(f"\nazure-mgmt-compute {release} against the embedded ARM: {check.made} checks, {check.failed} failed.")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
