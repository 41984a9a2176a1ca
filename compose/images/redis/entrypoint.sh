#!/bin/sh
# As the official image does: arguments that are options or a config file go to redis-server, which runs as `redis`.
set -e
case "$1" in
  -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
  if [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis '{}' +
    exec gosu redis "$0" "$@"
  fi
  umask 0077
  shift
  # Debian's build keeps protected mode on; the image's official one is built without it. A config file must come first.
  case "$1" in
    *.conf) config=$1; shift; set -- "$config" --protected-mode no "$@" ;;
    *) set -- --protected-mode no "$@" ;;
  esac
  exec redis-server "$@"
fi
exec "$@"
