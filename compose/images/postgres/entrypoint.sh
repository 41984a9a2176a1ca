#!/usr/bin/env bash
# Honours the official image's contract: POSTGRES_{USER,PASSWORD,DB,INITDB_ARGS} and their _FILE forms,
# POSTGRES_HOST_AUTH_METHOD, PGDATA, and *.sh, *.sql, *.sql.gz in /docker-entrypoint-initdb.d at a first start.
set -Eeuo pipefail

template=/usr/share/postgresql/15/template-cluster
# There while a first start is at work: a cluster that was killed half-made is made again.
unfinished=$PGDATA/jobsprint-initialising

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Takes $1 from the file that ${1}_FILE names, else from the environment, else $2.
from_file_or_environment() {
  local name=$1 default=${2:-} file_name=${1}_FILE
  if [ -n "${!name:-}" ] && [ -n "${!file_name:-}" ]; then
    die "both \`$name\` and \`$file_name\` are set"
  elif [ -n "${!file_name:-}" ]; then
    printf -v "$name" '%s' "$(< "${!file_name}")"
  else
    printf -v "$name" '%s' "${!name:-$default}"
  fi
  export "${name?}"
  unset "$file_name"
}

sql_literal() { printf "'%s'" "${1//\'/\'\'}"; }
sql_name() { printf '"%s"' "${1//\"/\"\"}"; }

read_settings() {
  from_file_or_environment POSTGRES_PASSWORD
  from_file_or_environment POSTGRES_USER postgres
  from_file_or_environment POSTGRES_DB "$POSTGRES_USER"
  from_file_or_environment POSTGRES_INITDB_ARGS
  : "${POSTGRES_HOST_AUTH_METHOD:=}"
  if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
    die 'the database has no password; set `POSTGRES_PASSWORD`'
  fi
}

make_cluster() {
  if [ -n "$POSTGRES_INITDB_ARGS$(printenv POSTGRES_INITDB_WALDIR || true)" ]; then
    rm "$unfinished" # initdb wants an empty directory
    local arguments=("--username=$POSTGRES_USER" --auth-local=trust --auth-host=scram-sha-256)
    [ -z "${POSTGRES_INITDB_WALDIR:-}" ] || arguments+=("--waldir=$POSTGRES_INITDB_WALDIR")
    eval "initdb ${arguments[*]@Q} $POSTGRES_INITDB_ARGS"
    touch "$unfinished"
  else
    cp --archive "$template/." "$PGDATA/"
  fi
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
}

# Single-user mode does this in 0.1 s, and needs no server that a probe could take for the real one.
# Its statements end at an empty line (-j); it goes on after an error and exits 0, so its messages are read.
make_role_and_database() {
  local messages
  messages=$({
    # The bootstrap role (oid 10) can't rename itself by ALTER ROLE.
    printf 'UPDATE pg_authid SET rolname = %s WHERE oid = 10;\n\n' "$(sql_literal "$POSTGRES_USER")"
    [ -z "$POSTGRES_PASSWORD" ] ||
      printf 'ALTER ROLE %s PASSWORD %s;\n\n' "$(sql_name "$POSTGRES_USER")" "$(sql_literal "$POSTGRES_PASSWORD")"
    [ "$POSTGRES_DB" = postgres ] || printf 'CREATE DATABASE %s;\n\n' "$(sql_name "$POSTGRES_DB")"
  } | postgres --single -j -D "$PGDATA" postgres 2>&1 > /dev/null)
  case $messages in
    *ERROR:* | *FATAL:*) die "cannot make the role and the database: $messages" ;;
  esac
}

process_sql() {
  psql --set ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}

run_init_files() {
  local file
  pg_ctl --pgdata "$PGDATA" --wait --silent --options "-c listen_addresses='' -p 5432" start
  for file in /docker-entrypoint-initdb.d/*; do
    printf '%s: running %s\n' "$0" "$file"
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) process_sql --file "$file" ;;
      *.sql.gz) gunzip --stdout "$file" | process_sql ;;
      *.sql.xz) xz --decompress --stdout "$file" | process_sql ;;
      *) printf '%s: ignoring %s\n' "$0" "$file" ;;
    esac
  done
  pg_ctl --pgdata "$PGDATA" --wait --silent --mode fast stop
}

initialise() {
  read_settings
  echo 'PostgreSQL init process in progress'
  if [ -e "$unfinished" ]; then
    find "$PGDATA" -mindepth 1 -delete
  fi
  touch "$unfinished"
  make_cluster
  make_role_and_database
  if [ -n "$(ls -A /docker-entrypoint-initdb.d)" ]; then
    run_init_files
  fi
  rm "$unfinished"
  echo 'PostgreSQL init process complete; ready for start up.'
}

[ "${1:0:1}" != - ] || set -- postgres "$@"
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  chown postgres "$PGDATA"
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
  exec gosu postgres "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ] || [ -e "$unfinished" ]; then
  initialise
fi
unset POSTGRES_PASSWORD
exec "$@"
