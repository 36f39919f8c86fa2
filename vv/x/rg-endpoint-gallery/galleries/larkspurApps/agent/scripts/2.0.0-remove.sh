#!/bin/sh
# May run twice, and on a machine where the installation stopped half-way.
set -eu

systemctl disable --now larkspur-agent.service 2>/dev/null || true
rm -f /etc/systemd/system/larkspur-agent.service
systemctl daemon-reload

rm -rf /opt/larkspur/agent /opt/larkspur/agent.previous
rm -f /etc/larkspur/agent.toml
