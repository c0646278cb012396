#include "repl/fail.hpp"

#include <cstdio>
#include <string>

#include "repl/display_width.hpp"

namespace trefoil::repl {

void writeError(std::string_view text) {
  std::string out;
  appendPrintableLines(out, text);
  std::fwrite(out.data(), 1, out.size(), stderr);
}

int fail(const Error& error) {
  writeError("trefoil: " + error.message + "\n");
  if (!error.detail.empty()) {
    writeError("DETAIL: " + error.detail + "\n");
  }
  if (!error.hint.empty()) {
    writeError("HINT: " + error.hint + "\n");
  }
  return 1;
}

}  // namespace trefoil::repl
