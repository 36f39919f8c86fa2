#!/usr/bin/env bash
# The steps of action.yml. All inputs are variables, and none is ever run as a command.
set -euo pipefail

HOME_OF_TOOL=${RUNNER_TEMP:?}/reconciler

fail() {
  printf 'action: %s\n' "$1" >&2
  exit 64
}

# Installs the reconciler of this action into a temporary folder of the runner, and from there: the workspace contains
# the files of the pull request.
install() {
  (cd "$RUNNER_TEMP" && bash "${GITHUB_ACTION_PATH:?}/deploy/install.sh" "$HOME_OF_TOOL")
  local wanted=${INPUT_VERSION:-} brought
  brought=$("$HOME_OF_TOOL/bin/reconciler" --version)
  brought=${brought##* }
  # A version alone, or with its commit.
  [ -z "$wanted" ] || [ "$brought" = "$wanted" ] || [ "${brought%%+*}" = "$wanted" ] || fail "this action installs version $brought, which is not the requested one"
}

# Runs one command. With -o github the reconciler itself writes annotations, the summary and most outputs.
run() {
  local arguments=() after=() line code=0 folder
  case ${INPUT_COMMAND:-plan} in
    validate | plan | apply | drift) arguments+=("${INPUT_COMMAND:-plan}") ;;
    *) fail "command is validate, plan, apply or drift" ;;
  esac
  if [ -n "${INPUT_ENVIRONMENT:-}" ]; then arguments+=(--environment "$INPUT_ENVIRONMENT"); fi
  if [ -n "${INPUT_PLAN_FILE:-}" ]; then
    case ${arguments[0]} in
      plan) arguments+=(--out "$INPUT_PLAN_FILE") ;;
      apply) arguments+=(--plan "$INPUT_PLAN_FILE") ;;
      *) fail "plan-file goes with plan and apply" ;;
    esac
  fi
  while IFS= read -r line; do
    if [ -n "$line" ]; then arguments+=("$line"); fi
  done <<<"${INPUT_ARGS:-}"
  while IFS= read -r line; do
    if [ -n "$line" ]; then after+=("$line"); fi
  done <<<"${INPUT_PATHS:-manifests}"
  folder=$(mktemp -d "$RUNNER_TEMP/report.XXXXXX")
  "$HOME_OF_TOOL/bin/reconciler" "${arguments[@]}" --output github \
    --report "json=$folder/report.json" --report "markdown=$folder/report.md" -- "${after[@]}" || code=$?
  tell report "$folder/report.json"
  tell markdown "$folder/report.md"
  if [ -n "${INPUT_PLAN_FILE:-}" ]; then tell plan-file "$INPUT_PLAN_FILE"; fi
  if [ ! -f "$folder/report.json" ]; then tell exit-code "$code" always; fi
  return "$code"
}

# Writes the report into the pull request; a run without a report leaves the comment unchanged.
comment() {
  [ -n "${MARKDOWN:-}" ] || return 0
  local arguments=()
  if [ -n "${INPUT_ENVIRONMENT:-}" ]; then arguments+=(--environment "$INPUT_ENVIRONMENT"); fi
  "$HOME_OF_TOOL/bin/reconciler" comment --github ${arguments[@]+"${arguments[@]}"} -- "$MARKDOWN"
}

# Sets an output for later steps; the name of a file only if the file exists.
tell() {
  if [ -n "${3:-}" ] || [ -f "$2" ]; then
    local end
    end=end_$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s<<%s\n%s\n%s\n' "$1" "$end" "$2" "$end" >>"${GITHUB_OUTPUT:?}"
  fi
}

case ${1:-} in
  install | run | comment) "$1" ;;
  *) fail "the steps are install, run and comment" ;;
esac
