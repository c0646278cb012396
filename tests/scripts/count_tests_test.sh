#!/usr/bin/env bash
# scripts/count_tests counts test cases, scripts, crashes and skipped tests.
set -euo pipefail
count=$(cd "$(dirname "$0")/../.." && pwd)/scripts/count_tests
log=$(mktemp)
trap 'rm -f "$log"' EXIT

section() {  # section NAME OUTPUT RESULT
  printf '1/9 Testing: %s\n1/9 Test: %s\nCommand: "x"\nOutput:\n-----\n%s\n<end of output>\nTest time =   0.01 sec\n-----\n%s\n"%s" end time: now\n\n' \
    "$1" "$1" "$2" "$3" "$1"
}
expect() {  # expect STATUS OUTPUT
  local output status=0
  output=$("$count" "$log") || status=$?
  if [[ $status -ne $1 || $output != "$2" ]]; then
    printf 'expected status %s:\n%s\ngot %s:\n%s\n' "$1" "$2" "$status" "$output"
    exit 1
  fi
}

{ section base 'All tests passed (99 assertions in 61 test cases)' 'Test Passed.'; section one 'All tests passed (1 assertion in 1 test case)' 'Test Passed.'
  section script 'whatever' 'Test Passed.'; } >"$log"
expect 0 '63 passed, 0 failed'
section format 'SKIP: no clang-format' 'Test Passed.' >>"$log"
expect 0 $'skipped: format\n63 passed, 0 failed'
{ section kv $'test cases:  7 |  4 passed |  3 failed\nassertions: 9 | 1 passed | 8 failed' 'Test Failed.'
  section all_bad 'test cases: 2 | 2 failed' 'Test Failed.'; section crash 'no summary' 'Test Failed.'
  section leak 'All tests passed (5 assertions in 5 test cases)' 'Test Failed.'; } >>"$log"
expect 1 $'skipped: format\n72 passed, 7 failed'
: >"$log"
expect 1 '0 passed, 0 failed'
echo ok
