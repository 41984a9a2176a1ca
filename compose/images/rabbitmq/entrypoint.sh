#!/usr/bin/env bash
# Honours the official image's contract: RABBITMQ_DEFAULT_{USER,PASS,VHOST} (the broker reads them at a first start),
# RABBITMQ_ERLANG_COOKIE, and files in /etc/rabbitmq/conf.d.
set -euo pipefail

cookie=/var/lib/rabbitmq/.erlang.cookie
lean=/usr/lib/rabbitmq/lean-plugins

# Before anything else: an early `exec rabbitmqctl` would make the cookie as root, and the broker couldn't read it.
if [ ! -s "$cookie" ] || [ -n "${RABBITMQ_ERLANG_COOKIE:-}" ]; then
  (umask 077 && printf '%s' "${RABBITMQ_ERLANG_COOKIE:-$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')}" > "$cookie")
fi

if [[ $1 == rabbitmq* ]] && [ "$(id -u)" = 0 ]; then
  find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq:rabbitmq '{}' +
  exec gosu rabbitmq "$0" "$@"
fi

# All of them again where `enabled_plugins` names one that the lean set lacks: then the broker's own directories must be the
# ones that it finds its modules in.
first=
use_lean_plugins() {
  local plugin
  for plugin in $(tr -c 'a-z0-9_' ' ' < /etc/rabbitmq/enabled_plugins); do
    compgen -G "$lean/$plugin-*" > /dev/null || return 0
  done
  export RABBITMQ_PLUGINS_DIR=$lean
  first='-pa /usr/lib/rabbitmq/modules'
}

if [ "$1" = rabbitmq-server ]; then
  use_lean_plugins
  stop='-pz /usr/local/lib/rabbitmq -s on_sigterm install'
  # No busy-waiting schedulers: on a developer's machine they only take time from the other services.
  export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="$first $stop +sbwt none +sbwtdcpu none +sbwtdio none ${RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:-}"
fi
exec "$@"
