#include "repl/output.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace trefoil::repl {

void Output::flush() {
  if (bytes_.empty()) {
    return;
  }
  if (gate_) {
    if (Status status = gate_(); !status.ok()) {
      bytes_.clear();
      if (gate_error_.ok()) {
        gate_error_ = std::move(status);
      }
      return;
    }
  }
  std::string_view rest = bytes_;
  while (!rest.empty() && !failed_) {
    const ssize_t wrote = ::write(descriptor_, rest.data(), rest.size());
    if (wrote >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno != EINTR) {
      failed_ = true;
      if (errno != EPIPE) {  // a reader that has gone knows that
        std::fprintf(stderr, "stdout: %s\n", std::strerror(errno));
      }
    }
  }
  bytes_.clear();
}

}  // namespace trefoil::repl
