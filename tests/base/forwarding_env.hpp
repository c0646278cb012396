// ForwardingEnv: passes every call on to another Env; a test overrides what it wants to be different.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/env.hpp"

namespace trefoil::testing {

class ForwardingEnv : public Env {
 public:
  explicit ForwardingEnv(Env& to) : to_(to) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override { return to_.open(path, mode); }
  Status rename(const std::string& from, const std::string& to) override { return to_.rename(from, to); }
  Status remove(const std::string& path) override { return to_.remove(path); }
  Status createDirectory(const std::string& path) override { return to_.createDirectory(path); }
  Status syncDirectory(const std::string& path) override { return to_.syncDirectory(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return to_.list(path); }
  bool exists(const std::string& path) override { return to_.exists(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return to_.lock(path); }
  UnixMs now() override { return to_.now(); }
  std::int64_t nowMicros() override { return to_.nowMicros(); }
  std::int64_t monotonicMicros() override { return to_.monotonicMicros(); }
  void randomBytes(std::span<char> out) override { to_.randomBytes(out); }

 private:
  Env& to_;
};

}  // namespace trefoil::testing
