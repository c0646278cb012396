#!/usr/bin/env bash
# A C program with hiredis (Debian's libhiredis-dev) against the server. Skipped where compiler or library are missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if ! ${CC:-cc} -o "$scratch/client" "$here/../support/hiredis_client.c" -lhiredis 2>"$scratch/errors"; then
  echo "SKIP: no C compiler with hiredis: $(head -1 "$scratch/errors")"
  exit 0
fi
"$TREFOIL" serve --port 0 2>"$scratch/log" &
server=$!
for _ in $(seq 600); do
  port=$(sed -n 's/.*Ready to accept connections on .*:\([0-9]*\).*/\1/p' "$scratch/log")
  [ -n "$port" ] && break
  sleep 0.1
done
status=0
"$scratch/client" "$port" || status=$?
kill "$server"
wait "$server" || { echo "the server ended with $?"; status=1; }
exit $status
