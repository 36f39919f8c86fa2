#!/bin/sh
# The first five minutes with the reconciler, on the embedded ARM: no network, and no file is left behind.
set -eu
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# A copy, because one step edits a manifest's script.
mkdir "$scratch/docs"
cp -R manifests "$scratch/manifests"
cp docs/demo_edit.py "$scratch/docs/"
cd "$scratch"

# Settings of the surrounding shell must not reach the demonstration.
for name in $(env | sed -n 's/^\(RECONCILER_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
RECONCILER_EMULATOR_STATE="$scratch/emulator.sqlite"
export RECONCILER_EMULATOR_STATE

say() { printf '\n# %s\n' "$*"; }

# run EXPECTED COMMAND...: show the command, run it, and stop unless it exits as expected.
run() {
  expected=$1
  shift
  printf '$ %s\n' "$*"
  code=0
  "$@" || code=$?
  if [ "$code" -ne "$expected" ]; then
    printf 'demo: exit code %s, expected %s\n' "$code" "$expected" >&2
    exit 1
  fi
  if [ "$code" -ne 0 ]; then printf '(exit code %s)\n' "$code"; fi
}

say "Check the manifests. This works offline."
run 0 reconciler validate manifests

say "Plan: read Azure, and show what an apply would write."
run 0 reconciler plan manifests --cloud emulator

say "Apply the plan."
run 0 reconciler apply manifests --cloud emulator

say "A second plan is empty."
run 0 reconciler plan manifests --cloud emulator

say "Outside git, a colleague offers the canary version to every machine."
run 0 python docs/demo_edit.py

say "Drift: the changed field, and exit code 2."
run 2 reconciler drift manifests --cloud emulator

say "An apply restores the state of git with one PUT."
run 0 reconciler apply manifests --cloud emulator

say "A pull request edits a script of published versions. Azure would reject it after the merge."
# shellcheck disable=SC2016
printf '$ %s\n' "echo 'systemctl restart agent' >> manifests/agent/scripts/update.sh"
echo 'systemctl restart agent' >> manifests/agent/scripts/update.sh
run 1 reconciler plan manifests --cloud emulator

printf '\n# For your own manifests in Azure, omit --cloud emulator, and see docs/sign-in.md.\n'
