#!/bin/sh
# Starts n8n as its image does, once its database is ready: volumes made before n8n joined the stack have none.
set -e
node /opt/jobsprint/database.cjs "$(readlink -f "$(command -v n8n)")"
# By this file n8n knows that it was killed, and waits 10 s to slow down a loop of crashes, which the tool tells by itself.
# Data that comes from a snapshot or a template is always that of a running one.
rm -f /home/node/.n8n/crash.journal || true
exec /docker-entrypoint.sh "$@"
