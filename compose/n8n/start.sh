#!/bin/sh
# Starts n8n as its image does, once its database is ready: volumes made before n8n joined the stack have none.
set -e
node /opt/jobsprint/database.cjs "$(readlink -f "$(command -v n8n)")"
exec /docker-entrypoint.sh "$@"
