#!/bin/sh
# As the official image does: executable *.sh in /docker-entrypoint.d run first, *.envsh are sourced.
set -e
if [ -d /docker-entrypoint.d ]; then
  for file in /docker-entrypoint.d/*; do
    case "$file" in
      *.envsh) . "$file" ;;
      *.sh) "$file" ;;
    esac
  done
fi
exec "$@"
