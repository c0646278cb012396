// The program's standard output behind one large buffer: a script's answers cost one write per 64 KiB, not one per line.
//
// Two things keep bytes back. While a statement runs whose output may have to be taken back, nothing leaves (hold). And nothing
// leaves before the gate agrees: under appendfsync always that is when the changes that the output reveals are on disk.
//
// A terminal gets no byte that would drive it (display_width.hpp). After a Ctrl-C (interrupt.hpp) what is left of a statement's
// output is dropped.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.hpp"

namespace trefoil::repl {

class Output {
 public:
  explicit Output(int descriptor);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { flush(); }

  // Asked before bytes leave. Its first error is kept (gateError()) and the bytes are dropped: what they say may not be so.
  void setGate(std::function<Status()> gate) { gate_ = std::move(gate); }
  [[nodiscard]] const Status& gateError() const { return gate_error_; }

  void write(std::string_view bytes) {
    bytes_.append(bytes);
    written();
  }
  void write(char byte) { write(std::string_view(&byte, 1)); }
  // Where to append directly; call written() after it.
  std::string& buffer() { return bytes_; }
  void written() {
    if (bytes_.size() >= kFlushAt && !held_) [[unlikely]] {
      flush();
    }
  }

  // From hold() to release() nothing leaves; takeBack() drops what was written since hold(). Not held, nothing can be taken back.
  void hold() {
    held_ = true;
    held_from_ = bytes_.size();
  }
  void takeBack() {
    if (held_) {
      bytes_.resize(held_from_);
    }
  }
  void release() {
    held_ = false;
    written();
  }

  // Hands everything to the system. When the reader has gone (EPIPE) or the disk is full, which is said on stderr, failed()
  // becomes true and further output is dropped.
  void flush();
  [[nodiscard]] bool failed() const { return failed_; }
  // Whether a Ctrl-C has cost output since the last question.
  bool takeDropped() { return std::exchange(dropped_, false); }

 private:
  static constexpr std::size_t kFlushAt = std::size_t{64} << 10;
  void send(std::string_view bytes);

  int descriptor_;
  bool is_terminal_;
  bool failed_ = false;
  bool dropped_ = false;
  bool held_ = false;
  std::size_t held_from_ = 0;
  std::string bytes_;
  std::string escaped_;  // what a terminal gets of them
  std::function<Status()> gate_;
  Status gate_error_;
};

}  // namespace trefoil::repl
