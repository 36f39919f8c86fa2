#!/bin/sh
# Azure sets one variable for each parameter of the action.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

journalctl --unit larkspur-agent.service --since "${since:-2 hours ago}" --no-pager > "$work/agent.log"
cp /etc/larkspur/agent.toml "$work/" 2>/dev/null || true
tar -czf "$work/logs.tar.gz" -C "$work" --exclude logs.tar.gz .

curl --fail --silent --show-error --request PUT \
  --header 'x-ms-blob-type: BlockBlob' --upload-file "$work/logs.tar.gz" "$archive"
