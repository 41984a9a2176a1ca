#!/bin/sh
# As the official image does: arguments are n8n's own (`worker`, `import:workflow …`); none starts the server.
exec n8n "$@"
