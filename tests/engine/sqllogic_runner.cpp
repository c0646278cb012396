// The runner is shared with other floors' tests; each program compiles its own copy.
#include "tests/sqllogic/runner.cpp"
#include "tests/sqllogic/scripts.cpp"
