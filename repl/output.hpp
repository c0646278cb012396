// The program's standard output behind one large buffer: a script's answers cost one write per 64 KiB, not one per line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trefoil::repl {

class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) { bytes_.reserve(kFlushAt + 4096); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { flush(); }

  void write(std::string_view bytes) {
    bytes_.append(bytes);
    if (bytes_.size() >= kFlushAt) [[unlikely]] {
      flush();
    }
  }
  void write(char byte) { write(std::string_view(&byte, 1)); }
  // Where to append directly; call written() after it.
  std::string& buffer() { return bytes_; }
  void written() {
    if (bytes_.size() >= kFlushAt) [[unlikely]] {
      flush();
    }
  }
  // Hands everything to the system. When the reader has gone (EPIPE) or the disk is full, failed() becomes true and further
  // output is dropped.
  void flush();
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  static constexpr std::size_t kFlushAt = std::size_t{64} << 10;
  int descriptor_;
  bool failed_ = false;
  std::string bytes_;
};

}  // namespace trefoil::repl
