#!/usr/bin/env bash
# usage: bench/instructions.sh PROGRAM set|get PIPELINE [OPERATIONS [SERVE-ARGUMENT …]]
#
# User instructions an operation takes in a server's event loop, all of it from the socket to the socket but the kernel: counted
# by valgrind's callgrind while redis-benchmark sends keys of 16 bytes (20,000 of them, at random) and values of 64, on 50
# connections. The figure hardly depends on what else the machine does, so two builds differ by what they do. The profile by
# function is in the file that is named: callgrind_annotate FILE.
set -euo pipefail
(($# >= 3)) || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
program=$1 command=$2 pipeline=$3 operations=${4:-64000}
shift $(($# < 4 ? $# : 4))
directory=$(mktemp -d)
out=$directory/callgrind
port=$((20000 + RANDOM % 20000))
load() { redis-benchmark -p "$port" -r 20000 -d 64 -c 50 -q "$@" >/dev/null; }

valgrind --tool=callgrind --instr-atstart=no --separate-threads=yes --callgrind-out-file="$out" \
  "$program" serve "$@" --port "$port" --threads 1 >"$directory/server" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
until redis-cli -p "$port" PING >/dev/null 2>&1; do sleep 0.2; done
load -t set -n 60000 -P 64
load -t "$command" -n 10000 -P "$pipeline"
callgrind_control -i on "$server" >/dev/null 2>&1
load -t "$command" -n "$operations" -P "$pipeline"
callgrind_control -i off "$server" >/dev/null 2>&1
kill "$server"
wait "$server" || true
trap - EXIT
# The loop is the thread that has done the most.
grep -H '^totals:' "$out"-* | sort -t' ' -k2 -n | tail -1 | awk -v operations="$operations" -v what="$command, pipeline $pipeline" \
  '{ sub(/:totals:/, "", $1); printf "%s: %.0f instructions an operation   (%s)\n", what, $2 / operations, $1 }'
