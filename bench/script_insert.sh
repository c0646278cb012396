#!/usr/bin/env bash
# A script by pipe, beside the sqlite3 shell: 200,000 single-row INSERTs in one transaction, then 1,000 point SELECTs.
# In memory and in a directory (file); rounds alternate; medians of wall-clock time and of CPU time (user and system, all threads).
#   bench/script_insert.sh [ROUNDS]          TREFOIL=path of the program (default: build/release/trefoil)
set -euo pipefail
export LC_ALL=C
rounds=${1:-5}
trefoil=${TREFOIL:-$(dirname "$0")/../build/release/trefoil}
[[ -x $trefoil ]] || { echo "script_insert: $trefoil is not built" >&2; exit 1; }
command -v sqlite3 >/dev/null || { echo "script_insert: sqlite3 is not there (scripts/deps --bench)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

awk 'BEGIN {
  print "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, price DOUBLE PRECISION, name TEXT);"
  print "BEGIN;"
  for (i = 1; i <= 200000; i++) printf "INSERT INTO t VALUES (%d, %d, %.2f, '\''name %d'\'');\n", i, i * 7919 % 100003, i % 1000 / 4, i
  print "COMMIT;"
  for (i = 1; i <= 1000; i++) printf "SELECT name, price FROM t WHERE id = %d;\n", i * 199
}' > "$folder/script.sql"

TIMEFORMAT='%R %U %S'
# timed PROGRAM [ARGUMENT…]: "wall user system" seconds for the script; the answer must have the last row's name.
timed() {
  { time "$@" < "$folder/script.sql" > "$folder/out"; } 2>&1
  grep -q 'name 199000' "$folder/out" || { echo "script_insert: $1 did not answer" >&2; exit 1; }
}
# median EXPRESSION FILE: of an awk expression over the file's lines.
median() { awk "{print $1}" "$2" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

for place in memory file; do
  : > "$folder/trefoil"
  : > "$folder/sqlite3"
  for ((round = 0; round < rounds; round++)); do
    rm -rf "$folder"/db "$folder"/db.sqlite*
    if [[ $place == memory ]]; then
      timed sqlite3 >> "$folder/sqlite3"
      timed "$trefoil" >> "$folder/trefoil"
    else
      timed sqlite3 "$folder/db.sqlite" >> "$folder/sqlite3"
      timed "$trefoil" "$folder/db" >> "$folder/trefoil"
    fi
  done
  awk -v place="$place" -v rounds="$rounds" -v ours="$(median '$1' "$folder/trefoil")" -v theirs="$(median '$1' "$folder/sqlite3")" \
      -v our_cpu="$(median '$2 + $3' "$folder/trefoil")" -v their_cpu="$(median '$2 + $3' "$folder/sqlite3")" 'BEGIN {
    printf "200k INSERTs in one transaction + 1k SELECTs, %s, medians of %d: sqlite3 %.3f s (CPU %.3f)   trefoil %.3f s (CPU %.3f)   ", place, rounds,
           theirs, their_cpu, ours, our_cpu
    printf "%.2fx the time, %.2fx the CPU\n", ours / theirs, our_cpu / their_cpu}'
done
