#!/bin/sh
# As the official image does: `docker run IMAGE -e 1`, `docker run IMAGE app.js` and `docker run IMAGE npm test` all work.
set -e
case "$1" in
  -*) set -- node "$@" ;;
  *) command -v "$1" > /dev/null 2>&1 || set -- node "$@" ;;
esac
exec "$@"
