#!/usr/bin/env bash
# Holds the embedded ARM against the az CLI: over https, with az's own cloud registration, sign-in, clients and pollers.
# Then the reconciler reads what az created, signed in through az, and must find nothing to do.
#
# az is installed once, into a cache of its own (FOREIGN_CACHE), and never the one that this machine uses. Nothing
# of the user's is read or changed: az keeps its settings in a scratch folder. AZ_VERSION takes another release.
set -euo pipefail

AZ_VERSION=${AZ_VERSION:-2.91.0}
FOREIGN_CACHE=${FOREIGN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/reconciler}

cd "$(dirname "$0")/../.."
portal=$PWD/manifests/portal
scratch=$(mktemp -d)
server=
checks=0
failures=0

finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n# %s\n' "$*"; }

die() {
  printf 'foreign: %s\n' "$*" >&2
  exit 1
}

# report WHAT EXPECTED ACTUAL: one line for one check, and both values where they differ.
report() {
  checks=$((checks + 1))
  if [ "$2" = "$3" ]; then
    printf 'ok    %s\n' "$1"
  else
    failures=$((failures + 1))
    printf 'FAIL  %s\n        expected: %s\n        got:      %s\n' "$1" "${2//$'\n'/ | }" "${3//$'\n'/ | }"
  fi
}

# expect WHAT EXPECTED COMMAND...: what the command prints, if it ends well.
expect() {
  local what=$1 expected=$2 actual
  shift 2
  if actual=$("$@" 2>"$scratch/stderr" </dev/null); then
    report "$what" "$expected" "$actual"
  else
    report "$what" "$expected" "exit code $?: $(tail -n 3 "$scratch/stderr")"
  fi
}

# refused WHAT CODE COMMAND...: the command fails, and says ARM's code.
refused() {
  local what=$1 code=$2
  shift 2
  if "$@" >/dev/null 2>"$scratch/stderr" </dev/null; then
    report "$what" "$code" "no error"
  else
    report "$what" "$code" "$(sed -n 's/^ERROR: (\([A-Za-z]*\)).*/\1/p' "$scratch/stderr")"
  fi
}

# What the surrounding shell says of real Azure must reach neither tool.
for name in $(env | sed -n -E 's/^((RECONCILER|AZURE|ARM)_[A-Za-z0-9_]*)=.*/\1/p'); do unset "$name"; done
export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost

home=$FOREIGN_CACHE/azure-cli-$AZ_VERSION
if [ -f "$home/.complete" ] && "$home/bin/python" -c 'import azure.cli' 2>/dev/null; then
  say "az $AZ_VERSION, as installed before in $home"
else
  say "az $AZ_VERSION goes into $home: under 1 GB and several minutes, once"
  mkdir -p "$FOREIGN_CACHE"
  rm -f "$home/.complete"
  python -m venv --clear "$home"
  "$home/bin/python" -m pip install --quiet --disable-pip-version-check "azure-cli==$AZ_VERSION" \
    >"$scratch/pip.log" 2>&1 || { tail -n 20 "$scratch/pip.log" >&2; die "az could not be installed"; }
  touch "$home/.complete"
fi
mkdir "$scratch/bin"
printf '#!/bin/sh\nexec "%s/bin/python" -m azure.cli "$@"\n' "$home" >"$scratch/bin/az"
chmod +x "$scratch/bin/az"
export PATH="$scratch/bin:$PATH"

cat >"$scratch/openssl.cnf" <<'CONFIG'
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = reconciler emulator
[extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyCertSign
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = IP:127.0.0.1, DNS:localhost
CONFIG
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -config "$scratch/openssl.cnf" \
  -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>"$scratch/openssl.log" ||
  { cat "$scratch/openssl.log" >&2; die "openssl made no certificate"; }

reconciler emulator --port 0 --state "$scratch/emulator.sqlite" \
  --tls-cert "$scratch/cert.pem" --tls-key "$scratch/key.pem" >"$scratch/url" 2>"$scratch/emulator.log" &
server=$!
for _ in $(seq 150); do
  if [ -s "$scratch/url" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.2
done
arm=$(head -n 1 "$scratch/url")
[ -n "$arm" ] || { cat "$scratch/emulator.log" >&2; die "the emulator did not start"; }

export REQUESTS_CA_BUNDLE="$scratch/cert.pem"  # for az
export SSL_CERT_FILE="$scratch/cert.pem"       # for the reconciler
export AZURE_CONFIG_DIR="$scratch/azure"
export AZURE_EXTENSION_DIR="$scratch/extensions"
export AZURE_EXTENSION_USE_DYNAMIC_INSTALL=no
export AZURE_CORE_COLLECT_TELEMETRY=no
export AZURE_CORE_INSTANCE_DISCOVERY=false     # else the sign-in library asks Microsoft about the authority
export AZURE_CORE_NO_COLOR=yes
export AZURE_CORE_ONLY_SHOW_ERRORS=yes
export AZURE_CORE_OUTPUT=tsv

tenant=00000000-0000-4000-8000-000000000001
group=rg-foreign
blobs=https://packages.blob.core.windows.net
canary=CANARY-this-signature-must-never-be-printed
author=11111111-1111-4111-8111-111111111111
role=8e3af657-a8ff-443c-a75c-2fe8c4bcb635

say "A cloud of its own, and a sign-in, on $arm"
expect "az cloud register reads the metadata endpoint" "" \
  az cloud register -n Emulator --endpoint-resource-manager "$arm"
expect "az cloud set" "" az cloud set -n Emulator
expect "az cloud show: ARM and authority are the emulator" "$arm"$'\t'"$arm" \
  az cloud show --query "endpoints.[resourceManager, activeDirectory] | [@]"
expect "az login with a service principal" "$tenant"$'\tEnabled' az login --service-principal --username "$author" \
  --password of-no-account --tenant "$tenant" --query "[].[tenantId, state]"
subscription=$(az account show --query id </dev/null) || die "nothing else can be tried without a subscription"
expect "az account list-locations" westeurope az account list-locations --query "[?displayName=='West Europe'].name"
expect "az provider show" Registered az provider show -n Microsoft.Solutions --query registrationState

say "Resource group, gallery, application"
expect "az group create" Succeeded \
  az group create -n "$group" -l westeurope --tags team=endpoint --query properties.provisioningState
expect "az group show" westeurope$'\t'endpoint az group show -n "$group" --query "[location, tags.team] | [@]"
expect "az sig create" Succeeded az sig create -g "$group" -r tools --description "Made by az" --query provisioningState
expect "az sig show" westeurope az sig show -g "$group" -r tools --query location
expect "az sig gallery-application create" Linux az sig gallery-application create -g "$group" -r tools -n agent \
  -l westeurope --os-type Linux --description "Made by az" --query supportedOSType
expect "az sig gallery-application show" "Made by az" \
  az sig gallery-application show -g "$group" -r tools -n agent --query description

say "Versions (az looks at an operation every 30 seconds)"
version() {
  local verb=$1
  shift
  az sig gallery-application version "$verb" -g "$group" -r tools --application-name agent "$@"
}
north='{name:northeurope,regional-replica-count:1,storage-account-type:Standard_ZRS}'
commands=(--install-command "sh install.sh" --remove-command "sh remove.sh")
expect "version create, through the poller" $'Succeeded\nWest Europe\nNorth Europe' version create -n 1.0.0 \
  -l westeurope --package-file-link "$blobs/agent/1.0.0.zip?sv=2022-11-02&sig=$canary" "${commands[@]}" \
  --package-file-name agent.zip --config-file-name agent.json --tags team=endpoint \
  --target-regions "[{name:westeurope,regional-replica-count:2},$north]" \
  --query "[[provisioningState], publishingProfile.targetRegions[].name][]"
expect "version create --no-wait" "" version create -n 1.1.0 --no-wait \
  --package-file-link "$blobs/agent/1.1.0.zip" "${commands[@]}"
expect "version wait --created" "" version wait -n 1.1.0 --created --interval 1 --timeout 60
expect "version show: what the service fills in" $'1\tStandard_LRS\tFalse\tWest Europe' version show -n 1.1.0 --query \
  "publishingProfile.[replicaCount, storageAccountType, excludeFromLatest, targetRegions[0].name] | [@]"
expect "version list" $'1.0.0\n1.1.0' version list --query "[].name"
expect "version update --no-wait" "" version update -n 1.0.0 --no-wait \
  --package-file-link "$blobs/agent/1.0.0.zip?sv=2022-11-02&sig=$canary" --end-of-life-date 2030-06-19T07:00:00Z \
  --target-regions "[{name:westeurope,regional-replica-count:3},$north]"
expect "version wait --updated" "" version wait -n 1.0.0 --updated --interval 1 --timeout 60
expect "version show: the update, and nothing lost" \
  $'3\t2030-06-19T00:00:00-07:00\tsh install.sh\tagent.json\tendpoint' version show -n 1.0.0 --query \
  "[publishingProfile.targetRegions[0].regionalReplicaCount, publishingProfile.endOfLifeDate, \
    publishingProfile.manageActions.install, publishingProfile.settings.configFileName, tags.team] | [@]"
refused "version update that drops a region" BadRequest version update -n 1.0.0 \
  --package-file-link "$blobs/agent/1.0.0.zip" --target-regions '[{name:westeurope}]'
refused "version show of what is absent" ResourceNotFound version show -n 9.9.9

say "Managed application definitions"
definition() {
  local verb=$1
  shift
  az managedapp definition "$verb" -g "$group" "$@"
}
expect "definition create from a package" $'westeurope\tReadOnly\tTrue' definition create -n packaged -l westeurope \
  --display-name Packaged --description "From a package" --authorizations "$author:$role" --lock-level ReadOnly \
  --package-file-uri "$blobs/suite/app.zip?sv=2022-11-02&sig=$canary" --tags team=portal \
  --query "[location, lockLevel, isEnabled] | [@]"
expect "definition create from inline JSON" $'westeurope\tIncremental\t3' definition create -n inline \
  --display-name Inline --description "From JSON" --authorizations "$author:$role" --lock-level None \
  --main-template "@$portal/mainTemplate.json" --create-ui-definition "@$portal/createUiDefinition.json" \
  --deployment-mode Incremental --query "[location, deploymentPolicy.deploymentMode, length(artifacts)] | [@]"
expect "definition show: what is written is not answered" "$author"$'\tNone\tNone' definition show -n packaged \
  --query "[authorizations[0].principalId, packageFileUri, mainTemplate] | [@]"
expect "definition list" $'inline\npackaged' definition list --query "[].name"
refused "definition show of what is absent" ResourceNotFound definition show -n absent

say "The reconciler, signed in through az, over what az created"
manifests=$scratch/manifests
mkdir "$manifests"
cp "$portal/mainTemplate.json" "$portal/createUiDefinition.json" "$manifests/"
place="subscriptionId: $subscription, resourceGroupName: $group"
cat >"$manifests/all.yaml" <<MANIFESTS
apiVersion: reconciler.dev/v1
kind: Gallery
metadata: {name: tools}
spec: {$place, galleryName: tools, location: West Europe, properties: {description: Made by az}}
---
apiVersion: reconciler.dev/v1
kind: GalleryApplication
metadata: {name: agent}
spec:
  {$place, galleryName: tools, galleryApplicationName: agent, location: West Europe,
   properties: {supportedOSType: Linux, description: Made by az}}
---
apiVersion: reconciler.dev/v1
kind: GalleryApplicationVersion
metadata: {name: agent-1.0.0}
spec:
  subscriptionId: $subscription
  resourceGroupName: $group
  galleryName: tools
  galleryApplicationName: agent
  galleryApplicationVersionName: 1.0.0
  location: West Europe
  tags: {team: endpoint}
  properties:
    publishingProfile:
      source: {mediaLink: "$blobs/agent/1.0.0.zip"}
      manageActions: {install: sh install.sh, remove: sh remove.sh}
      settings: {packageFileName: agent.zip, configFileName: agent.json}
      endOfLifeDate: 2030-06-19T07:00:00Z
      targetRegions:
        - {name: North Europe, regionalReplicaCount: 1, storageAccountType: Standard_ZRS}
        - {name: westeurope, regionalReplicaCount: 3}
---
apiVersion: reconciler.dev/v1
kind: GalleryApplicationVersion
metadata: {name: agent-1.1.0}
spec:
  subscriptionId: $subscription
  resourceGroupName: $group
  galleryName: tools
  galleryApplicationName: agent
  galleryApplicationVersionName: 1.1.0
  location: West Europe
  properties:
    publishingProfile:
      source: {mediaLink: "$blobs/agent/1.1.0.zip"}
      manageActions: {install: sh install.sh, remove: sh remove.sh}
---
apiVersion: reconciler.dev/v1
kind: ApplicationDefinition
metadata: {name: packaged}
spec:
  subscriptionId: $subscription
  resourceGroupName: $group
  applicationDefinitionName: packaged
  location: West Europe
  tags: {team: portal}
  properties:
    displayName: Packaged
    description: From a package
    lockLevel: ReadOnly
    authorizations: [{principalId: $author, roleDefinitionId: $role}]
    packageFileUri: "$blobs/suite/app.zip"
---
apiVersion: reconciler.dev/v1
kind: ApplicationDefinition
metadata: {name: inline}
spec:
  subscriptionId: $subscription
  resourceGroupName: $group
  applicationDefinitionName: inline
  location: West Europe
  properties:
    displayName: Inline
    description: From JSON
    lockLevel: None
    authorizations: [{principalId: $author, roleDefinitionId: $role}]
    deploymentPolicy: {deploymentMode: Incremental}
    mainTemplate: {\$file: mainTemplate.json}
    createUiDefinition: {\$file: createUiDefinition.json}
MANIFESTS

# reconcile COMMAND [OPTION...]: exit code, PUTs planned or sent, and every resource with all that was found on it.
reconcile() {
  local command=$1 code=0
  shift
  reconciler "$command" "$manifests" --endpoint "$arm" --credential cli --report "json=$scratch/report.json" "$@" \
    >>"$scratch/reports" 2>&1 || code=$?
  [ -s "$scratch/report.json" ] || { tail -n 5 "$scratch/reports" >&2; return 1; }
  cat "$scratch/report.json" >>"$scratch/reports"
  printf 'exit %s, ' "$code"
  python - "$scratch/report.json" <<'PYTHON'
import json, sys

report = json.load(open(sys.argv[1], encoding="utf-8"))
print(report["summary"]["puts"], "PUT")
for item in sorted(report["resources"], key=lambda item: (item["kind"], item["name"])):
    changes = [f"{change['finding']} {change['path']}" for change in item["changes"]]
    print(item["kind"], item["name"], item["action"], item["sync"], *sorted(changes), sep=", ")
PYTHON
  rm -f "$scratch/report.json"
}
first_line() { "$@" | sed -n 1p; }
in_sync='Gallery, tools, none, InSync
GalleryApplication, agent, none, InSync
GalleryApplicationVersion, agent-1.0.0, none, InSync
GalleryApplicationVersion, agent-1.1.0, none, InSync'
unseen_inline='unverified properties.createUiDefinition, unverified properties.mainTemplate'
unseen_packaged='unverified properties.packageFileUri'

expect "reconciler plan --no-adopt: nothing to PUT" "exit 0, 0 PUT
ApplicationDefinition, inline, none, Unknown, $unseen_inline
ApplicationDefinition, packaged, none, Unknown, $unseen_packaged
$in_sync" reconcile plan --no-adopt --detailed-exitcode
expect "reconciler plan: adopts the two write-only contents, no more" "exit 2, 2 PUT
ApplicationDefinition, inline, update, OutOfSync, $unseen_inline
ApplicationDefinition, packaged, update, OutOfSync, $unseen_packaged
$in_sync" reconcile plan --detailed-exitcode
expect "reconciler apply: adopts them" "exit 0, 2 PUT" first_line reconcile apply
all_in_sync="ApplicationDefinition, inline, none, InSync
ApplicationDefinition, packaged, none, InSync
$in_sync"
expect "reconciler plan: no changes" "exit 0, 0 PUT
$all_in_sync" reconcile plan --detailed-exitcode
expect "definition show: what az wrote has stayed" $'From a package\tportal\t1' definition show -n packaged \
  --query "[description, tags.team, length(authorizations)] | [@]"

say "Drift that az made, and removal"
expect "az sig gallery-application update" "Behind git" az sig gallery-application update -g "$group" -r tools \
  -n agent --description "Behind git" --query description
expect "reconciler drift: that path, and no other" "exit 2, 1 PUT
${all_in_sync/agent, none, InSync/agent, update, OutOfSync, change properties.description}" reconcile drift
expect "version delete --no-wait" "" version delete -n 1.1.0 --yes --no-wait
expect "version wait --deleted" "" version wait -n 1.1.0 --deleted --interval 1 --timeout 60
expect "version list without it" 1.0.0 version list --query "[].name"
expect "definition delete" "" definition delete -n inline
expect "definition list without it" packaged definition list --query "[].name"
refused "gallery-application delete with a version in it" CannotDeleteResource \
  az sig gallery-application delete -g "$group" -r tools -n agent --yes
expect "no signature in any report or log" "" \
  sed -n "/$canary/p" "$scratch/reports" "$scratch/emulator.log"
expect "the emulator complained of nothing" "" cat "$scratch/emulator.log"

printf '\naz %s against the embedded ARM: %s checks, %s failed.\n' "$AZ_VERSION" "$checks" "$failures"
[ "$failures" -eq 0 ]
