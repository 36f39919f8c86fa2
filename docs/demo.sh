#!/bin/sh
# The first five minutes with the reconciler, on the embedded ARM: nothing leaves this machine, nothing is left behind.
set -eu
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
RECONCILER_EMULATOR_STATE="$scratch/emulator.sqlite"
export RECONCILER_EMULATOR_STATE
# What the surrounding shell says of real Azure must not reach a demonstration.
unset RECONCILER_CONFIG RECONCILER_ENDPOINT RECONCILER_ENVIRONMENT RECONCILER_MAX_PUTS RECONCILER_OUTPUT

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
}

say "Are the manifests right? Asks nobody."
run 0 reconciler validate manifests

say "What would happen? Reads, and writes nothing."
run 0 reconciler plan manifests --cloud emulator

say "Make it so."
run 0 reconciler apply manifests --cloud emulator

say "Nothing is left to do."
run 0 reconciler plan manifests --cloud emulator

say "Behind git's back, somebody else offers the canary to every machine."
run 0 python docs/demo_edit.py

say "Drift: exit code 2, and the path that moved."
run 2 reconciler drift manifests --cloud emulator
echo "(exit code 2)"
