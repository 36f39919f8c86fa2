#!/bin/sh
# Runs in the folder that Azure downloaded the package to. Without a file name of its own (version 1.0.0)
# the package is named after the application.
set -eu

package=agent.tar.gz
[ -f "$package" ] || package=agent

install -d -m 0755 /opt/larkspur/agent /etc/larkspur
tar -xzf "$package" -C /opt/larkspur/agent --strip-components=1
if [ -f agent.toml ]; then
  install -m 0640 agent.toml /etc/larkspur/agent.toml
fi

install -m 0644 /opt/larkspur/agent/larkspur-agent.service /etc/systemd/system/larkspur-agent.service
systemctl daemon-reload
systemctl enable --now larkspur-agent.service
