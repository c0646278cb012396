#!/usr/bin/env bash
# scripts/check_layers lets good includes pass and names the line of each bad one.
set -euo pipefail
check=$(cd "$(dirname "$0")/../.." && pwd)/scripts/check_layers
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/src/{base,kv/objects,net,sql/types,sql/bind,sql/operators,extra} "$root/repl"

expect() {  # expect STATUS OUTPUT
  local output status=0
  output=$("$check" "$root") || status=$?
  if [[ $status -ne $1 || $output != "$2" ]]; then
    printf 'expected status %s:\n%s\ngot %s:\n%s\n' "$1" "$2" "$status" "$output"
    exit 1
  fi
}

expect 1 "$root: no sources found"
printf '#include <vector>\n#include "base/status.hpp"\n#include "vector/arena.hpp"\n#include "kv/store.hpp"\n' >"$root/src/kv/store.cpp"
printf '#include "engine/session.hpp"\n#include "sql/types/chunk.hpp"\n' >"$root/src/net/server.cpp"
printf '#include "net/server.hpp"\n#include "engine/session.hpp"\n' >"$root/repl/main.cpp"
expect 0 ""

printf '| file | idea |\n|---|---|\n| `store` | `nothing` is looked for here |\n' >"$root/src/kv/README.md"
expect 0 ""
printf '| `store`, `chest` | |\n' >>"$root/src/kv/README.md"
expect 1 'src/kv/README.md:4: there is no chest'
rm "$root/src/kv/README.md"

printf '// one\n\n  #  include "net/server.hpp"\n#include "sql/view.hpp"\n' >"$root/src/kv/objects/bad.hpp"
printf '#include "kv/store.hpp"\n#include "sql/bind/bind.hpp"\n#include "sql/view.hpp"\n' >"$root/src/sql/types/bad.cpp"
printf '#include "sql/types/chunk.hpp"\n#include "sql/operators/scan.hpp"\n' >"$root/src/sql/bind/bad.cpp"
touch "$root/src/sql/bad.cpp"
printf '#include "status.hpp"\n' >"$root/src/base/bad.cpp"
printf '#include "sql/table.hpp"\n' >"$root/src/net/bad.cpp"
touch "$root/src/extra/bad.cpp"
expect 1 'src/base/bad.cpp:1: "status.hpp" does not begin with its floor
src/extra/bad.cpp:1: extra is no floor of the house
src/kv/objects/bad.hpp:3: kv may not include net
src/kv/objects/bad.hpp:4: kv may not include sql
src/net/bad.cpp:1: net may not include sql
src/sql/bad.cpp:1: bad.cpp is no room of sql
src/sql/bind/bad.cpp:2: sql/bind may not include sql/operators
src/sql/types/bad.cpp:1: sql may not include kv
src/sql/types/bad.cpp:2: sql/types may not include sql/bind
src/sql/types/bad.cpp:3: "sql/view.hpp" does not name its room'
echo ok
