// TemporaryDirectory: an empty directory of its own for a test, gone at the end of the scope.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/assert.hpp"

namespace trefoil::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() : TemporaryDirectory(std::filesystem::temp_directory_path()) {}
  // In `parent`.
  explicit TemporaryDirectory(const std::filesystem::path& parent) : path_((parent / "trefoil-test-XXXXXX").string()) {
    TREFOIL_ASSERT(::mkdtemp(path_.data()) != nullptr);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  // The path of `name` in it.
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// One in memory where the system has such a file system: for loops that open a directory thousands of times.
class MemoryDirectory : public TemporaryDirectory {
 public:
  MemoryDirectory() : TemporaryDirectory(parent()) {}

 private:
  static std::filesystem::path parent() {
    const char* shared_memory = "/dev/shm";
    return ::access(shared_memory, W_OK) == 0 ? shared_memory : std::filesystem::temp_directory_path();
  }
};

}  // namespace trefoil::testing
