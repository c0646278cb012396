#include "repl/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "repl/display_width.hpp"
#include "repl/interrupt.hpp"

namespace trefoil::repl {

Output::Output(int descriptor) : descriptor_(descriptor), is_terminal_(::isatty(descriptor) != 0) {
  bytes_.reserve(kFlushAt + 4096);
}

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
  if (is_terminal_) {
    escaped_.clear();
    appendPrintableLines(escaped_, bytes_);
    send(escaped_);
  } else {
    send(bytes_);
  }
  bytes_.clear();
}

void Output::send(std::string_view bytes) {
  while (!bytes.empty() && !failed_) {
    if (interruptPending()) {
      dropped_ = true;
      return;
    }
    const ssize_t wrote = ::write(descriptor_, bytes.data(), std::min(bytes.size(), kFlushAt));
    if (wrote >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno != EINTR) {
      failed_ = true;
      if (errno != EPIPE) {  // a reader that has gone knows that
        std::fprintf(stderr, "stdout: %s\n", std::strerror(errno));
      }
    }
  }
}

}  // namespace trefoil::repl
