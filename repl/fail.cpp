#include "repl/fail.hpp"

#include <cstdio>

namespace trefoil::repl {

int fail(const Error& error) {
  std::fprintf(stderr, "trefoil: %s\n", error.message.c_str());
  if (!error.detail.empty()) {
    std::fprintf(stderr, "DETAIL: %s\n", error.detail.c_str());
  }
  if (!error.hint.empty()) {
    std::fprintf(stderr, "HINT: %s\n", error.hint.c_str());
  }
  return 1;
}

}  // namespace trefoil::repl
